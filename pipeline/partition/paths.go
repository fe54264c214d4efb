package partition

import (
	"strings"

	"daybook/sinks/publish"
	"daybook/transform/day"
)

// Where the files of partitions lie in the sink. The directories of days and months
// have Parquet files and nothing else, so that engines can read them, or all of
// reports/<report>/, as they are.
//
//	reports/<report>/dt=2026-11-20/                  a day
//	reports_monthly/<report>/month=2026-11/          a month
//	summaries/<report>/day/2026-11-20/               the summaries of a day
//	summaries/<report>/month/2026-11/                the summaries of a month
//	state/digests/dt=2026-11-20/                     the digest of a dump day
//	state/failed/…                                   the last failure of a step
//	state/catalog/…                                  copies of manifests (packs)
//	state/lineage/…                                  events of lineage that wait for their delivery
//	loads/<format>/reports/<report>/…                the loader manifests of a day (package loads)
//	_manifests/reports/<report>/dt=2026-11-20.json   the manifest of a day; those of months and digests likewise
//	_quarantine/dt=2026-11-20/                       the rejected lines of a dump day
//	_history/…                                       superseded revisions, for a while
const (
	ReportRoot     = "reports/"
	MonthRoot      = "reports_monthly/"
	DigestRoot     = "state/digests/"
	FailureRoot    = "state/failed/"
	PackRoot       = "state/catalog/"
	LineageRoot    = "state/lineage/"
	QuarantineRoot = "_quarantine/"

	summaryRoot   = "summaries/"
	monthlySuffix = "_monthly"
)

// Prefix is what the keys of all partitions of a kind begin with; the period
// follows. The report is empty for digests.
func Prefix(report string, kind Kind) string {
	switch kind {
	case Digest:
		return DigestRoot + "dt="
	case Month:
		return MonthRoot + report + "/month="
	}
	return ReportRoot + report + "/dt="
}

// SummaryPrefix is what the keys of all summaries of a report's days or months
// begin with; the period follows.
func SummaryPrefix(report string, kind Kind) string {
	return summaryRoot + report + "/" + string(kind) + "/"
}

// Dir is the key prefix of the partition's parts.
func (id ID) Dir() string { return Prefix(id.Report, id.Kind) + id.Name() + "/" }

// OfDir is the inverse of Dir; ok is false for other directories.
func OfDir(dir string) (id ID, ok bool) {
	room, rest, _ := strings.Cut(dir, "/")
	report, name, _ := strings.Cut(rest, "/")
	switch room + "/" {
	case ReportRoot:
		id = ID{Report: report, Kind: Day}
	case MonthRoot:
		id = ID{Report: report, Kind: Month}
	default:
		id = ID{Kind: Digest}
	}
	_, name, _ = strings.Cut(strings.TrimSuffix(name, "/"), "=")
	var err error
	id.Period, err = ParsePeriod(id.Kind, name)
	return id, err == nil && id.Dir() == dir
}

// ManifestKey is the key of the partition's manifest.
func (id ID) ManifestKey() string { return publish.ManifestKey(id.Dir()) }

// SummaryDir is the key prefix of the partition's summaries.
func (id ID) SummaryDir() string { return SummaryPrefix(id.Report, id.Kind) + id.Name() + "/" }

// FailureKey is the key of the note that the partition's last build failed.
func (id ID) FailureKey() string {
	report := id.Report
	if id.Kind == Digest {
		report = "-" // no report has this name
	}
	return FailureRoot + string(id.Kind) + "/" + report + "/" + id.Name() + ".json"
}

// Dataset is the name of the table that the partition belongs to: a report, or
// its monthly twin.
func (id ID) Dataset() string {
	if id.Kind == Month {
		return id.Report + monthlySuffix
	}
	return id.Report
}

// QuarantineDir is the key prefix of a dump day's rejected lines.
func QuarantineDir(d day.Day) string { return QuarantineRoot + "dt=" + d.String() + "/" }

// OwnerDir is the directory of the partition that the files of dir belong to:
// rejected lines are a part of their day's digest.
func OwnerDir(dir string) string {
	if name, ok := strings.CutPrefix(dir, QuarantineRoot); ok {
		return DigestRoot + name
	}
	return dir
}
