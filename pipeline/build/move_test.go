package build_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/plan"
	"daybook/sinks/publish"
)

// What version 0.1.0 has published is read where it is. A partition moves with its
// next commit, and what is left of an unfinished move is removed.
func TestMoveFromVersion010(t *testing.T) {
	c := newDamageCase(t)
	target := partition.WholeMonth(theMonth.Month())
	pipelinetest.Run(t, c.s, target)
	if _, err := pipelinetest.MoveBack(t.Context(), c.sink); err != nil {
		t.Fatal(err)
	}
	if text := pipelinetest.PlanText(pipelinetest.Plan(t, c.s, target)); text != "" {
		t.Fatalf("the plan of the old layout is\n%s", text)
	}
	lost := c.manifest(theMonth).Parts[0].Key
	content, err := pipelinetest.ReadObject(t.Context(), c.sink, lost)
	if err != nil {
		t.Fatal(err)
	}
	pipelinetest.Delete(t, c.sink, lost)
	if s := c.step(theMonth); s.Action != plan.Restore {
		t.Errorf("%s is lost, and the plan says %s, %q", lost, s.Status, s.Reasons)
	}
	pipelinetest.Put(t, c.sink, lost, string(content))

	// A new dump: the day, its digest and its month are committed, and move. The other
	// days of the month are amended, because they have seen the digest, and move, too.
	pipelinetest.Put(t, c.source, "2026/11/20/b.ndjson", pipelinetest.SessionLines(3))
	pipelinetest.Run(t, c.s, target)
	for _, id := range []partition.ID{theDigest, theDay, theMonth} {
		base := pipelinetest.Base(t, c.sink, id)
		if base.Key != id.ManifestKey() || base.Manifest.Revision != 2 {
			t.Errorf("%s: %s, revision %d", id, base.Key, base.Manifest.Revision)
		}
		c.requireWhole(id)
	}
	for key := range pipelinetest.Contents(t, c.sink, true) {
		inReports := strings.HasPrefix(key, partition.ReportRoot) || strings.HasPrefix(key, partition.MonthRoot)
		if path.Base(key) == "_manifest.json" && !strings.HasPrefix(key, publish.HistoryRoot) || inReports && path.Ext(key) != ".parquet" || strings.HasPrefix(key, publish.OldDir(theMonth.Dir())) {
			t.Errorf("%s is left over", key)
		}
	}

	// The process stops before it deletes the old manifest.
	for _, id := range []partition.ID{theDay, theMonth} {
		pipelinetest.Put(t, c.sink, publish.OldManifestKey(id.Dir()), `{"revision": 1}`)
		if s := c.step(id); s.Action != plan.Restore || !slices.Equal(s.Reasons, []string{"the manifest of an earlier version is left over"}) {
			t.Errorf("%s: %s, %q", id, s.Status, s.Reasons)
		}
	}
	pipelinetest.Run(t, c.s, target)
	if text := pipelinetest.PlanText(pipelinetest.Plan(t, c.s, target)); text != "" {
		t.Errorf("left over is\n%s", text)
	}
	for _, id := range []partition.ID{theDay, theMonth} {
		if m := c.manifest(id); m.Revision != 2 {
			t.Errorf("%s is now of revision %d", id, m.Revision)
		}
	}
}
