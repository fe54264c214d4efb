package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

// Whatever becomes of whichever call to either store: the run fails or is
// done, what a manifest names is there, and running again ends where an
// undisturbed run does.
func TestEveryRemoteCall(t *testing.T) {
	target := theDay(t)
	source := store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1, 2)+"\n")
	put(t, source, "2026/11/21/b.ndjson", sessionLines(2, 3)+"nonsense\n")
	// What is there before: the day as it was with fewer dumps.
	before := store.NewMemory(nil)
	put(t, before, "2026/11/20/a.ndjson", sessionLines(1))
	runner := func(source, sink store.Store) *Runner {
		r := newRunner(t, source, sink)
		r.Workers, r.MaxRejected = 1, 0.5 // one worker: the nth call is always the same one
		return r
	}
	undisturbed := store.NewMemory(nil)
	run(t, runner(before, undisturbed), target)
	run(t, runner(source, undisturbed), target)
	want := contents(t, undisturbed, false)

	for _, fault := range []faultstest.Fault{faultstest.Drop, faultstest.LoseAnswer, faultstest.Repeat, faultstest.Linger, faultstest.Cut} {
		for n := 1; ; n++ {
			what := fmt.Sprintf("fault %d at call %d", fault, n)
			sink := store.NewMemory(nil)
			run(t, runner(before, sink), target)
			calls := 0
			decide := func(c faultstest.Call) faultstest.Outcome {
				if calls++; calls != n || fault == faultstest.Cut && c.Op != faultstest.Open && c.Op != faultstest.List {
					return faultstest.Outcome{}
				}
				return faultstest.Outcome{Fault: fault, At: 5}
			}
			faultySink := faultstest.New(sink, decide)
			result, err := runner(faultstest.New(source, decide), faultySink).Run(t.Context(), target, OnlyDue)
			if err == nil {
				err = result.Err()
			}
			if err == nil && fault != faultstest.Linger {
				sameContents(t, what, want, contents(t, sink, false))
			}
			manifestsHold(t, what, sink)
			if calls < n {
				break // every call has had its turn
			}
			run(t, runner(source, sink), target)
			faultySink.Deliver(t.Context()) // what arrives only now changes nothing
			run(t, runner(source, sink), target)
			manifestsHold(t, what, sink)
			got := contents(t, sink, false)
			for key := range got {
				if _, ok := want[key]; !ok && strings.Contains(key, "-r2-") {
					delete(got, key) // a part that came late; no manifest names it
				}
			}
			sameContents(t, what+", run again", want, got)
			if t.Failed() {
				t.FailNow()
			}
		}
	}
}

// manifestsHold is the oracle: every part that a manifest names is there, with
// the rows that it says.
func manifestsHold(t *testing.T, what string, st store.Store) {
	t.Helper()
	all := contents(t, st, true)
	for key := range all {
		dir, found := strings.CutSuffix(key, publish.ManifestName)
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
