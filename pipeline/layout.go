package pipeline

import (
	"daybook/transform/day"
)

// Where things lie in the sink. Names that begin with an underscore are
// skipped by warehouses.
//
//	reports/<report>/dt=2026-11-20/           a day: parts and _manifest.json
//	reports/<report>_monthly/month=2026-11/   a month
//	summaries/<report>/day/2026-11-20/        its CSV files
//	summaries/<report>/month/2026-11/
//	state/digests/dt=2026-11-20/              the digest of a dump day
//	state/failed/…                            what failed last, and why
//	_quarantine/dt=2026-11-20/                the rejected lines of a dump day
//	_history/…                                superseded revisions, for a while
const (
	digestRoot     = "state/digests/"
	failedRoot     = "state/failed/"
	quarantineRoot = "_quarantine/"
	summaryRoot    = "summaries/"
	monthlySuffix  = "_monthly"
)

func digestDir(d day.Day) string     { return digestRoot + "dt=" + d.String() + "/" }
func quarantineDir(d day.Day) string { return quarantineRoot + "dt=" + d.String() + "/" }

// dayRoot and monthRoot are what the names of a report's days and months follow.
func dayRoot(report string) string   { return "reports/" + report + "/dt=" }
func monthRoot(report string) string { return "reports/" + report + monthlySuffix + "/month=" }

func dayDir(report string, d day.Day) string     { return dayRoot(report) + d.String() + "/" }
func monthDir(report string, m day.Month) string { return monthRoot(report) + m.String() + "/" }

func summaryDir(report string, kind Kind, p period) string {
	return summaryRoot + report + "/" + string(kind) + "/" + p.name + "/"
}
