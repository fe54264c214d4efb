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

func dayDir(report string, d day.Day) string { return "reports/" + report + "/dt=" + d.String() + "/" }

func monthDir(report string, m day.Month) string {
	return "reports/" + report + monthlySuffix + "/month=" + m.String() + "/"
}

func summaryDir(report string, kind Kind, p period) string {
	return summaryRoot + report + "/" + string(kind) + "/" + p.name + "/"
}
