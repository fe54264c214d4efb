package pipeline

import (
	"strings"

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
	reportRoot     = "reports/"
	digestRoot     = "state/digests/"
	failedRoot     = "state/failed/"
	quarantineRoot = "_quarantine/"
	summaryRoot    = "summaries/"
	monthlySuffix  = "_monthly"
)

func digestDir(d day.Day) string     { return digestRoot + "dt=" + d.String() + "/" }
func quarantineDir(d day.Day) string { return quarantineRoot + "dt=" + d.String() + "/" }

// ownerOf is the directory of the partition that the parts in dir are of:
// rejected lines are a part of their day's digest.
func ownerOf(dir string) string {
	if name, ok := strings.CutPrefix(dir, quarantineRoot); ok {
		return digestRoot + name
	}
	return dir
}

// rootOf is what the names of a report's days or months follow.
func rootOf(report string, kind Kind) string {
	if kind == Month {
		return reportRoot + report + monthlySuffix + "/month="
	}
	return reportRoot + report + "/dt="
}

func dirOf(report string, kind Kind, p period) string { return rootOf(report, kind) + p.name + "/" }
func dayDir(report string, d day.Day) string          { return dirOf(report, Day, dayPeriod(d)) }
func monthDir(report string, m day.Month) string      { return dirOf(report, Month, monthPeriod(m)) }

func summaryDir(report string, kind Kind, p period) string {
	return summaryRootOf(report, kind) + p.name + "/"
}

func summaryRootOf(report string, kind Kind) string {
	return summaryRoot + report + "/" + string(kind) + "/"
}
