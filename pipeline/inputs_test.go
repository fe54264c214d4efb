package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"daybook/sources/store"
	"daybook/transform/day"
)

// inputsOf are the inputs of the steps of a plan that are to be done, by kind.
func inputsOf(t *testing.T, r *Runner, target Target) map[Kind]string {
	t.Helper()
	plan, err := r.Plan(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	inputs := map[Kind]string{}
	for _, s := range plan.Steps {
		if s.due() {
			inputs[s.Kind] += s.Inputs
		}
	}
	return inputs
}

func TestInputsAreAllThatAnAttemptDependsOn(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1))
	r := newRunner(t, source, sink)
	r.Reports = r.Reports[:1]
	first := inputsOf(t, r, theDay(t))
	if again := inputsOf(t, r, theDay(t)); first[Digest] == "" || first[Day] == "" || !maps.Equal(first, again) {
		t.Fatalf("nothing has changed, but %v became %v", first, again)
	}
	changes := []struct {
		what   string
		change func()
		kinds  []Kind
	}{
		{"another dump of the same name and size", func() { put(t, source, "2026/11/20/a.ndjson", sessionLines(2)) }, []Kind{Digest}},
		{"another limit", func() { r.MaxRejected /= 2 }, []Kind{Digest}},
		{"another definition", func() { r.Reports[0].Hash += "x" }, []Kind{Day}},
	}
	for _, c := range changes {
		before := inputsOf(t, r, theDay(t))
		c.change()
		after := inputsOf(t, r, theDay(t))
		for _, kind := range []Kind{Digest, Day} {
			want := false
			for _, k := range c.kinds {
				want = want || k == kind
			}
			if changed := before[kind] != after[kind]; changed != want {
				t.Errorf("%s: the inputs of the %s changed: %v, want %v", c.what, kind, changed, want)
			}
		}
	}
}

func TestEnough(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	for d := 1; d <= 4; d++ {
		put(t, source, fmt.Sprintf("2026/11/%02d/a.ndjson", d), sessionLines(d))
	}
	r := newRunner(t, source, sink)
	r.Reports, r.Workers, r.MaxRejected = r.Reports[:1], 1, 1 // the lines are all of one day
	target := Days(day.Date(2026, 11, 1), day.Date(2026, 11, 4))
	enough := make(chan struct{})
	r.Enough = enough
	begun := 0
	r.OnStep = func(_ *Step, done *Done) {
		if done == nil {
			if begun++; begun == 2 {
				close(enough)
			}
		}
	}
	result, err := r.Run(t.Context(), target, OnlyDue)
	if !errors.Is(err, ErrEnough) {
		t.Errorf("the run ended with %v", err)
	}
	if begun != 2 || len(result.Steps) != 2 || result.Failed() {
		t.Errorf("%d steps were begun, and %+v done", begun, result.Steps)
	}
	r.Enough = nil
	if n := len(run(t, r, target).Steps); n != 6 { // two digests, four days
		t.Errorf("the next run did %d steps", n)
	}
}
