package build_test

import (
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"daybook/pipeline/build"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/plan"
	"daybook/sources/generate"
	"daybook/sources/store"
	"daybook/transform/day"
)

// Rows that are kept while digests are made, and rows that are folded from the digests
// by another run, are the same. Kept ones save most of the reading of digests. That holds
// where they stay in memory, and where they go to a temporary file.
func TestKeptRows(t *testing.T) {
	dumps := pipelinetest.Dumps(t, generate.Options{Seed: 5, From: day.Date(2026, time.November, 1), Days: 33, SessionsPerDay: 15})
	source := store.NewMemory(nil)
	pipelinetest.PutDumps(t, source, dumps, pipelinetest.Every)
	isEvents := func(key string) bool { return strings.Contains(key, "/complete-") }

	// build gives the sink of one run, or of two with the digests made by the first.
	build := func(memory int64, runs int) (sink *counting, read int64) {
		sink = &counting{store.NewMemory(nil), map[string]int64{}}
		s := pipelinetest.Settings(t, source, sink)
		s.MaxRejected, s.Budget = 1, parallel.NewBudget(1, memory) // counting is for one request at a time
		if runs == 2 {
			digests := build.Hooks{Allow: func(s *plan.Step) bool { return s.ID.Kind == partition.Digest }}
			pipelinetest.RunBuilder(t, &build.Builder{Settings: s, Hooks: digests}, partition.Everything())
		}
		pipelinetest.Run(t, s, partition.Everything())
		for key, n := range sink.read {
			if isEvents(key) {
				read += n
			}
		}
		return sink, read
	}
	later, readLater := build(1<<30, 2)
	want, folded := pipelinetest.Contents(t, later.Memory, false), folds(t, later.Memory)
	for what, memory := range map[string]int64{"in memory": 1 << 30, "in a temporary file": 1 << 20} {
		atOnce, read := build(memory, 1)
		pipelinetest.SameContents(t, "rows kept "+what, want, pipelinetest.Contents(t, atOnce.Memory, false))
		if diff := gocmp.Diff(folded, folds(t, atOnce.Memory)); diff != "" {
			t.Errorf("what rows kept %s are made from differs (-want +got):\n%s", what, diff)
		}
		if read >= readLater {
			t.Errorf("with rows kept %s, %d bytes of events were read from digests, and %d without", what, read, readLater)
		}
	}
}
