package publish

import (
	"path"
	"strings"
)

// ManifestRoot is the prefix of all manifests. The manifest of the partition in
// reports/r/dt=D/ is _manifests/reports/r/dt=D.json. So a partition's directory
// has nothing but parts, and every engine can read it as it is.
const ManifestRoot = "_manifests/"

const manifestExt = ".json"

// keptManifest is the name of a superseded revision's manifest, which lies
// beside its parts in the history.
const keptManifest = "_manifest.json"

// ManifestKey is the key of the manifest of the partition, or of the kept
// revision, in dir.
func ManifestKey(dir string) string {
	if strings.HasPrefix(dir, HistoryRoot) {
		return dir + keptManifest
	}
	return ManifestRoot + strings.TrimSuffix(dir, "/") + manifestExt
}

// ManifestDir is the inverse of ManifestKey; ok is false for other keys.
func ManifestDir(key string) (dir string, ok bool) {
	if name, live := strings.CutPrefix(key, ManifestRoot); live {
		name, ok = strings.CutSuffix(name, manifestExt)
		return name + "/", ok
	}
	dir, name := path.Split(key)
	return dir, name == keptManifest && strings.HasPrefix(dir, HistoryRoot)
}

// Version 0.1.0 had manifests inside of the partitions' directories, and months
// among the reports:
//
//	reports/r/dt=2026-11-20/_manifest.json
//	reports/r_monthly/month=2026-11/_manifest.json
//
// Such a manifest is old: it is read while there is no new one, and the next
// commit of its partition replaces it by a new one (see the package comment).
const (
	oldManifest = "_manifest.json"
	monthRoot   = "reports_monthly/"
	reportRoot  = "reports/"
	oldSuffix   = "_monthly"
)

// OldDir is where version 0.1.0 had the partition in dir, or the partitions that
// begin with the prefix dir: the same place, except for months.
func OldDir(dir string) string {
	name, isMonth := strings.CutPrefix(dir, monthRoot)
	report, rest, whole := strings.Cut(name, "/")
	if !isMonth || !whole {
		return dir
	}
	return reportRoot + report + oldSuffix + "/" + rest
}

// newDir is the inverse of OldDir for the directory of a partition.
func newDir(dir string) string {
	name, isReport := strings.CutPrefix(dir, reportRoot)
	report, rest, _ := strings.Cut(name, "/")
	report, isMonthly := strings.CutSuffix(report, oldSuffix)
	if !isReport || !isMonthly || !strings.HasPrefix(rest, "month=") {
		return dir
	}
	return monthRoot + report + "/" + rest
}

// OldManifestKey is where version 0.1.0 had the manifest of the partition in dir.
func OldManifestKey(dir string) string { return OldDir(dir) + oldManifest }

// isOld reports whether the base's manifest, of the partition in dir, is an old one.
func (b *Base) isOld(dir string) bool { return b.Manifest != nil && b.Key != ManifestKey(dir) }
