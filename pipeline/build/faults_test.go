package build_test

import (
	"fmt"
	"strings"
	"testing"

	"daybook/pipeline/build"
	"daybook/pipeline/parallel"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/settings"
	"daybook/sinks/loads"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

// Each call to a store is disturbed in each way, one at a time. The run fails or
// succeeds, every file that a manifest names is there, and the next run ends where an
// undisturbed run does.
// It has more than 60 lines because it is one story: before, during and after the fault.
func TestEveryRemoteCall(t *testing.T) {
	target := pipelinetest.TheDay
	source := store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1, 2)+"\n")
	pipelinetest.Put(t, source, "2026/11/21/b.ndjson", pipelinetest.SessionLines(2, 3)+"nonsense\n")
	// The day was published before, from fewer dumps.
	before := store.NewMemory(nil)
	pipelinetest.Put(t, before, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
	settingsOf := func(source, sink store.Store) *settings.Pipeline {
		s := pipelinetest.Settings(t, source, sink)
		s.Loads = []loads.Format{loads.Redshift}
		s.Budget, s.MaxRejected = parallel.NewBudget(1, 0), 0.5 // one worker: the nth call is always the same one
		return s
	}
	undisturbed := store.NewMemory(pipelinetest.Later)
	pipelinetest.Run(t, settingsOf(before, undisturbed), target)
	published := pipelinetest.Contents(t, undisturbed, true)
	pipelinetest.Run(t, settingsOf(source, undisturbed), target)
	want := pipelinetest.Contents(t, undisturbed, false)

	for _, fault := range []faultstest.Fault{faultstest.Drop, faultstest.LoseAnswer, faultstest.Repeat, faultstest.Linger, faultstest.Cut} {
		for n := 1; ; n++ {
			what := fmt.Sprintf("fault %d at call %d", fault, n)
			sink := store.NewMemory(pipelinetest.Later) // the clock of the settings
			for key, content := range published {
				pipelinetest.Put(t, sink, key, content)
			}
			calls := 0
			decide := func(c faultstest.Call) faultstest.Outcome {
				if calls++; calls != n || fault == faultstest.Cut && c.Op != faultstest.Open && c.Op != faultstest.List {
					return faultstest.Outcome{}
				}
				return faultstest.Outcome{Fault: fault, At: 5}
			}
			faultySink := faultstest.New(sink, decide)
			b := &build.Builder{Settings: settingsOf(faultstest.New(source, decide), faultySink)}
			result, err := b.Run(t.Context(), target, build.OnlyDue)
			if err == nil {
				err = result.Err()
			}
			if err == nil && fault != faultstest.Linger {
				pipelinetest.SameContents(t, what, want, pipelinetest.Contents(t, sink, false))
			}
			manifestsHold(t, what, sink)
			if calls < n {
				break // each call was disturbed
			}
			pipelinetest.Run(t, settingsOf(source, sink), target)
			faultySink.Deliver(t.Context()) // a call that arrives now changes nothing
			pipelinetest.Run(t, settingsOf(source, sink), target)
			manifestsHold(t, what, sink)
			got := pipelinetest.Contents(t, sink, false)
			for key := range got {
				if _, ok := want[key]; !ok && strings.Contains(key, "-r2-") {
					delete(got, key) // a part that came late; no manifest names it
				}
			}
			pipelinetest.SameContents(t, what+", run again", want, got)
			if t.Failed() {
				t.FailNow()
			}
		}
	}
}

// manifestsHold fails unless every file that a manifest names is there, with its
// length.
func manifestsHold(t *testing.T, what string, st store.Store) {
	t.Helper()
	all := pipelinetest.Contents(t, st, true)
	for key := range all {
		dir, found := publish.ManifestDir(key)
		if !found {
			continue
		}
		base, err := publish.Read(t.Context(), st, dir)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		for _, part := range base.Manifest.Parts {
			if int64(len(all[part.Key])) != part.Bytes {
				t.Errorf("%s: %s has %d bytes, and its manifest says %d", what, part.Key, len(all[part.Key]), part.Bytes)
			}
		}
	}
}
