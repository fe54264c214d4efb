package controller

import (
	"testing"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/sources/store"
	"daybook/transform/day"
)

func TestPauses(t *testing.T) {
	p := pause{time.Minute, 10 * time.Minute}
	for failures, want := range map[int]time.Duration{1: time.Minute, 2: 2 * time.Minute, 4: 8 * time.Minute, 5: 10 * time.Minute, 1000: 10 * time.Minute} {
		if got := p.after(failures); got != want {
			t.Errorf("after %d failures: %s, want %s", failures, got, want)
		}
	}
}

// A failure counts once per run: a change of the controller state may be applied
// twice.
func TestFailureCountsOncePerRun(t *testing.T) {
	cs, _, err := Read(t.Context(), store.NewMemory(nil))
	if err != nil {
		t.Fatal(err)
	}
	step := &plan.Step{ID: partition.DayID("sessions", day.Date(2000, time.January, 1)), Inputs: "a"}
	p := Policy{2, pause{time.Minute, time.Hour}}
	now := time.Now()
	cs.Fail(step, "run 1", now, p)
	cs.Fail(step, "run 1", now, p)
	if retry := cs.RetryOf(step); retry.Failures != 1 || retry.SetAside || !retry.Waits(now) || retry.Waits(now.Add(time.Minute)) {
		t.Errorf("after one run: %+v", retry)
	}
	cs.Fail(step, "run 2", now, p)
	if retry := cs.RetryOf(step); retry.Failures != 2 || !retry.SetAside || !retry.Waits(now.Add(1000*time.Hour)) {
		t.Errorf("after two runs: %+v", retry)
	}
	other := *step
	other.Inputs = "b"
	if retry := cs.RetryOf(&other); retry.Waits(now) {
		t.Errorf("with other inputs: %+v", retry)
	}
}
