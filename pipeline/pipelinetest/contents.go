package pipelinetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"daybook/pipeline/build"
	"daybook/pipeline/format"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/report"
)

// ReadObject reads an object.
func ReadObject(ctx context.Context, st store.Store, key string) ([]byte, error) {
	body, _, err := st.Open(ctx, key, 0, store.ToEnd, "")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// SHA256 is the hash of a content as manifests write it.
func SHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Contents are the objects of a store by key. Manifests name attempts and the
// ETags of a source: they are there on demand.
func Contents(tb testing.TB, st store.Store, manifests bool) map[string]string {
	tb.Helper()
	all := map[string]string{}
	for object, err := range st.List(tb.Context(), "") {
		if err != nil {
			tb.Fatal(err)
		}
		_, isManifest := publish.ManifestDir(object.Key)
		isManifest = isManifest || strings.HasPrefix(object.Key, partition.PackRoot) // copies of manifests
		if isManifest && !manifests {
			continue
		}
		b, err := ReadObject(tb.Context(), st, object.Key)
		if err != nil {
			tb.Fatal(err)
		}
		all[object.Key] = string(b)
	}
	return all
}

// SameContents fails if two stores hold different objects.
func SameContents(tb testing.TB, what string, want, got map[string]string) {
	tb.Helper()
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if g, ok := got[key]; !ok {
			tb.Errorf("%s: %s is missing", what, key)
		} else if g != want[key] {
			tb.Errorf("%s: %s is different", what, key)
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			tb.Errorf("%s: %s is too much", what, key)
		}
	}
}

// View is what readers see: the parts that manifests name, by partition and
// number, and the summaries. It does not tell how often a partition was restated.
func View(tb testing.TB, st store.Store) map[string]string {
	tb.Helper()
	all, view := Contents(tb, st, true), map[string]string{}
	for key, text := range all {
		if strings.HasPrefix(key, SummaryRoot) {
			view[key] = text
		}
		dir, found := publish.ManifestDir(key)
		if !found || !strings.HasPrefix(dir, partition.ReportRoot) && !strings.HasPrefix(dir, partition.MonthRoot) {
			continue
		}
		base, err := publish.Read(tb.Context(), st, dir)
		if err != nil {
			tb.Fatal(err)
		}
		for n, part := range base.Manifest.Parts {
			view[fmt.Sprintf("%spart-%d", dir, n)] = all[part.Key]
		}
	}
	return view
}

// SummaryRoot is what the keys of all summaries begin with.
const SummaryRoot = "summaries/"

// Base reads the manifest of a partition, which has to be published.
func Base(tb testing.TB, sink store.Store, id partition.ID) publish.Base {
	tb.Helper()
	base, err := publish.Read(tb.Context(), sink, id.Dir())
	if err != nil || base.Manifest == nil {
		tb.Fatalf("%s is not published (%v)", id, err)
	}
	return base
}

// Manifest is the manifest of a published partition.
func Manifest(tb testing.TB, sink store.Store, id partition.ID) *publish.Manifest {
	tb.Helper()
	return Base(tb, sink, id).Manifest
}

// Rows are the rows of a published partition.
func Rows(tb testing.TB, sink store.Store, m *publish.Manifest) []report.Row {
	tb.Helper()
	var rows []report.Row
	for batch, err := range format.Rows(tb.Context(), format.Parquet{}, sink, m, nil) {
		if err != nil {
			tb.Fatal(err)
		}
		rows = append(rows, batch...)
	}
	return rows
}

// Partitions are the steps of a result that are no digests.
func Partitions(r *build.Result) []build.Done {
	return slices.DeleteFunc(slices.Clone(r.Steps), func(d build.Done) bool { return d.ID.Kind == partition.Digest })
}

// PlanText lists the steps of a plan that are not fresh, or have failed.
func PlanText(p *plan.Plan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		if s.Status == plan.Fresh && s.Failed == "" {
			continue
		}
		name := s.ID.Report
		if s.ID.Kind == partition.Digest {
			name = string(partition.Digest)
		}
		fmt.Fprintf(&b, "%s %s %s: %s\n", name, s.ID.Name(), s.Status, strings.Join(s.Reasons, "; "))
		if s.Failed != "" {
			fmt.Fprintf(&b, "  failed: %s\n", s.Failed)
		}
	}
	for _, name := range p.Unknown {
		fmt.Fprintf(&b, "not read: %s\n", name)
	}
	for _, l := range p.TooLate {
		fmt.Fprintf(&b, "%s: %d lines of %s, %s: lookback_days %d\n", l.DumpDay, l.Lines, l.Date, l.Reason, l.Lookback)
	}
	return b.String()
}
