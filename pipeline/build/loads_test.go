package build_test

import (
	"slices"
	"strings"
	"testing"

	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/plan"
	"daybook/sinks/loads"
)

// A plan notices loader manifests that are missing, changed, newly configured or no
// longer configured. A run puts them right, without another revision.
func TestLoaderManifests(t *testing.T) {
	for _, id := range []partition.ID{theDay, theMonth} {
		c := newDamageCase(t)
		target := partition.WholeMonth(theMonth.Month())
		pipelinetest.Run(t, c.s, target)
		key := loads.Hive.Key(id.Dir())
		repaired := func(name, reason string) {
			t.Helper()
			if s := c.step(id); s.Action != plan.RewriteSummaries || !slices.Equal(s.Reasons, []string{reason}) {
				t.Errorf("%s, %s: %s, %s, %q; want %q", id, name, s.Status, s.Action, s.Reasons, reason)
			}
			pipelinetest.Run(t, c.s, target)
			if text := pipelinetest.PlanText(pipelinetest.Plan(t, c.s, target)); text != "" {
				t.Errorf("%s, %s: left is\n%s", id, name, text)
			}
			want := ""
			if len(c.s.Loads) > 0 {
				want = "mem://" + c.manifest(id).Parts[0].Key + "\n"
			}
			if got := pipelinetest.Contents(t, c.sink, true)[key]; got != want {
				t.Errorf("%s, %s: it is %q, want %q", id, name, got, want)
			}
		}
		c.s.Loads = []loads.Format{loads.Hive}
		repaired("new", "its loader manifest "+key+" is missing")
		pipelinetest.Delete(t, c.sink, key)
		repaired("lost", "its loader manifest "+key+" is missing")
		pipelinetest.Put(t, c.sink, key, "mem://elsewhere\n")
		repaired("changed", "its loader manifest "+key+" is another than was written")

		pipelinetest.Put(t, c.source, "2026/11/20/b.ndjson", pipelinetest.SessionLines(3))
		pipelinetest.Run(t, c.s, target)
		if got := pipelinetest.Contents(t, c.sink, true)[key]; c.manifest(id).Revision != 2 || got != "mem://"+c.manifest(id).Parts[0].Key+"\n" || strings.Count(got, "\n") != 1 {
			t.Errorf("%s, restated: it is %q", id, got)
		}
		c.s.Loads = nil
		repaired("no longer configured", "its loader manifest "+key+" is no longer configured")
	}
}
