package build_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"daybook/pipeline/build"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/plan"
	"daybook/sources/store"
	"daybook/transform/day"
)

// notices are what the hook OnStep was told, by step.
type notices struct {
	mu    sync.Mutex
	steps map[partition.ID][]string
}

func newNotices() *notices { return &notices{steps: map[partition.ID][]string{}} }

func (t *notices) onStep(s *plan.Step, done *build.Done) {
	word := "begun"
	if done != nil {
		word = string(done.State)
		if done.Err != nil {
			word = "failed"
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps[s.ID] = append(t.steps[s.ID], word)
}

// A step that is not allowed is left, and so are the steps that need it. The next
// run, which is allowed everything, makes what one run alone would have made.
func TestAllow(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	for d := 1; d <= 30; d++ {
		pipelinetest.Put(t, source, fmt.Sprintf("2026/11/%02d/a.ndjson", d), pipelinetest.SessionLines(d))
	}
	s := pipelinetest.OneReport(t, source, sink)
	s.Lookback = 2
	november := day.MonthOf(2026, 11)
	digest := func(d int) partition.ID { return partition.DigestID(november.First() + day.Day(d-1)) }
	dayOf := func(d int) partition.ID { return partition.DayID("sessions", november.First()+day.Day(d-1)) }
	month, target := partition.MonthID("sessions", november), partition.WholeMonth(november)
	steps := newNotices()
	b := &build.Builder{Settings: s, Hooks: build.Hooks{OnStep: steps.onStep, Allow: func(s *plan.Step) bool {
		return s.ID != digest(20) && s.ID != dayOf(10)
	}}}
	if n := len(pipelinetest.RunBuilder(t, b, target).Steps); n != 29+22 { // the 19th to the 25th need the digest of the 20th
		t.Errorf("%d steps were done", n)
	}
	left := map[partition.ID]bool{digest(20): true, month: true, dayOf(10): true}
	for d := 19; d <= 25; d++ {
		left[dayOf(d)] = true
	}
	for d := 1; d <= 30; d++ {
		for _, id := range []partition.ID{digest(d), dayOf(d)} {
			if got := steps.steps[id]; left[id] && got != nil || !left[id] && !slices.Equal(got, []string{"begun", "published"}) {
				t.Errorf("%s: %v", id, got)
			}
		}
	}
	if got := steps.steps[month]; got != nil {
		t.Errorf("the month: %v", got)
	}
	for _, step := range pipelinetest.Plan(t, s, target).Steps {
		if (step.Due() || step.Status == plan.Waiting) != left[step.ID] {
			t.Errorf("%s is %s: %v", step.ID, step.Status, step.Reasons)
		}
	}

	pipelinetest.Run(t, s, target)
	want := store.NewMemory(nil)
	whole := *s
	whole.Sink = want
	pipelinetest.Run(t, &whole, target)
	pipelinetest.SameContents(t, "in two runs", pipelinetest.View(t, want), pipelinetest.View(t, sink))
}

// A stale day that is not allowed does not delay its month.
func TestMonthOfDaysAsTheyAre(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/30/a.ndjson", pipelinetest.SessionLines(1))
	b := &build.Builder{Settings: pipelinetest.Settings(t, source, sink)}
	b.Hooks.Allow = func(s *plan.Step) bool { return s.ID.Kind != partition.Month }
	target := partition.WholeMonth(day.MonthOf(2026, 11))
	pipelinetest.RunBuilder(t, b, target)
	b.Settings.Reports[0].Hash = "another"
	b.Hooks.Allow = func(s *plan.Step) bool { return s.ID.Kind == partition.Month }
	result := pipelinetest.RunBuilder(t, b, target)
	if len(result.Steps) != 2 || result.Steps[0].ID.Kind != partition.Month || result.Steps[1].ID.Kind != partition.Month {
		t.Errorf("done: %+v", result.Steps)
	}
}

// panicking panics when a key is opened that holds some text.
type panicking struct {
	store.Store
	text string
}

func (p panicking) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	if strings.Contains(key, p.text) {
		panic("no store opens " + key)
	}
	return p.Store.Open(ctx, key, offset, length, ifMatch)
}

// A panic fails the step that it happens in, and no other.
func TestPanic(t *testing.T) {
	source := store.NewMemory(nil)
	for d := 20; d <= 22; d++ {
		pipelinetest.Put(t, source, fmt.Sprintf("2026/11/%d/a.ndjson", d), pipelinetest.SessionLines(d))
	}
	broken := partition.DigestID(pipelinetest.ParseDay(t, "2026-11-21"))
	for _, memory := range []int64{parallel.TaskMemory, 2 * parallel.TaskMemory} { // one task at a time, and two
		sink := store.NewMemory(nil)
		s := pipelinetest.Settings(t, source, panicking{sink, broken.ManifestKey()})
		s.Budget = parallel.NewBudget(2, memory)
		steps := newNotices()
		b := &build.Builder{Settings: s, Hooks: build.Hooks{OnStep: steps.onStep}}
		result, err := b.Run(t.Context(), partition.Days(pipelinetest.ParseDay(t, "2026-11-20"), pipelinetest.ParseDay(t, "2026-11-22")), build.OnlyDue)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range result.Steps {
			switch {
			case d.ID == broken:
				want := "digest 2026-11-21: no store opens _manifests/state/digests/dt=2026-11-21.json; this is a bug of daybook, please report it:\n\tdaybook/pipeline/build_test.panicking.Open ("
				if !strings.HasPrefix(d.Error, want) {
					t.Errorf("got %q\nwant %q…", d.Error, want)
				}
			case d.ID.Kind == partition.Digest && d.Err != nil:
				t.Errorf("%s: %s", d.ID, d.Error)
			case d.ID.Kind == partition.Day && !errors.As(d.Err, new(*build.Blocked)):
				t.Errorf("%s: %+v", d.ID, d)
			}
		}
		for id, words := range steps.steps {
			if len(words) != 2 || words[0] != "begun" {
				t.Errorf("%s: %v", id, words)
			}
		}
	}
}

// The hook is told of the end of a step that was interrupted, too.
func TestInterruptedStepIsOver(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
	ctx, cancel := context.WithCancel(t.Context())
	var ends []error
	b := &build.Builder{Settings: pipelinetest.Settings(t, source, sink)}
	b.Hooks.OnStep = func(_ *plan.Step, done *build.Done) {
		if cancel(); done != nil {
			ends = append(ends, done.Err)
		}
	}
	result, err := b.Run(ctx, pipelinetest.TheDay, build.OnlyDue)
	if !errors.Is(err, context.Canceled) || len(result.Steps) > 0 {
		t.Errorf("%+v (%v)", result.Steps, err)
	}
	if len(ends) != 1 || !errors.Is(ends[0], context.Canceled) {
		t.Errorf("ends: %v", ends)
	}
}

// A run that was told to stop finishes the step under way.
func TestEnough(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	for d := 1; d <= 4; d++ {
		pipelinetest.Put(t, source, fmt.Sprintf("2026/11/%02d/a.ndjson", d), pipelinetest.SessionLines(d))
	}
	s := pipelinetest.OneReport(t, source, sink) // the lines are all of one day
	s.Budget = parallel.NewBudget(1, 0)
	target := partition.Days(day.Date(2026, 11, 1), day.Date(2026, 11, 4))
	enough := make(chan struct{})
	b := &build.Builder{Settings: s, Hooks: build.Hooks{Enough: enough}}
	begun := 0
	b.Hooks.OnStep = func(_ *plan.Step, done *build.Done) {
		if done == nil {
			if begun++; begun == 2 {
				close(enough)
			}
		}
	}
	result, err := b.Run(t.Context(), target, build.OnlyDue)
	if !errors.Is(err, build.ErrEnough) {
		t.Errorf("the run ended with %v", err)
	}
	if begun != 2 || len(result.Steps) != 2 || result.Failed() {
		t.Errorf("%d steps were begun, and %+v done", begun, result.Steps)
	}
	if n := len(pipelinetest.Run(t, s, target).Steps); n != 6 { // two digests, four days
		t.Errorf("the next run did %d steps", n)
	}
}
