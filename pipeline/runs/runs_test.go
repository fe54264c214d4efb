package runs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/runs"
	"daybook/sources/store"
)

// at is the record of a run that begins at a moment.
func at(now time.Time) *runs.Record {
	r := runs.Begin("host", runs.CommandLine, now)
	return &r
}

// Only the newest records are kept, and none that is too old.
func TestRecords(t *testing.T) {
	sink := store.NewMemory(nil)
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for i := range runs.Most + 5 {
		r := at(now.Add(time.Duration(i) * time.Second))
		if i < runs.Most+3 && i%100 != 0 { // most of them directly, for speed
			text := strings.NewReader(fmt.Sprintf(`{"id":%q}`, r.ID))
			if _, err := sink.Put(t.Context(), "state/runs/"+r.ID+".json", text, text.Size(), store.Condition{}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := runs.Write(t.Context(), sink, r); err != nil {
			t.Fatal(err)
		}
	}
	all, err := runs.List(t.Context(), sink, 2*runs.Most)
	if err != nil || len(all) != runs.Most {
		t.Fatalf("%d runs (%v)", len(all), err)
	}
	if first, last := all[0].ID, all[runs.Most-1].ID; first <= last {
		t.Errorf("the first one is %s, the last one %s", first, last)
	}
	if one, err := runs.Read(t.Context(), sink, all[0].ID); err != nil || one.ID != all[0].ID {
		t.Errorf("the newest one: %+v (%v)", one, err)
	}
	for _, id := range []string{"", "../serve", "20261120T120000.000Z-abcde/", "20261120T120000.000Z-zzzzzz", strings.Repeat("x", 1000)} {
		if _, err := runs.Read(t.Context(), sink, id); !errors.Is(err, store.ErrNotFound) || len(err.Error()) > 300 {
			t.Errorf("run %.40q: %v", id, err)
		}
	}
	old := at(now.Add(-runs.MaxAge - time.Hour))
	old.Begun = now
	if err := runs.Write(t.Context(), sink, old); err != nil {
		t.Fatal(err)
	}
	if _, err := runs.Read(t.Context(), sink, old.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a run that is too old: %v", err)
	}
}

// Steps that wait for failed ones have not failed.
func TestOutcomes(t *testing.T) {
	failed := &build.Result{Steps: make([]build.Done, 18)}
	for i := range failed.Steps {
		failed.Steps[i].Err = &build.Blocked{By: "the digest of 2026-11-20", Why: "corrupt"}
	}
	failed.Steps[3].Err, failed.Steps[7].Err = errors.New("corrupt"), fmt.Errorf("read it: %w", errors.New("corrupt"))
	one := &build.Result{Steps: []build.Done{{Err: errors.New("corrupt")}}}
	done := &build.Result{Steps: make([]build.Done, 2)}
	for _, c := range []struct {
		result                *build.Result
		err                   error
		interruption          string
		wantOutcome, wantText string
		steps                 int
		empty                 bool
	}{
		{done, nil, "", runs.Done, "", 2, false},
		{&build.Result{}, nil, "", runs.Done, "", 0, true},
		{failed, nil, "", runs.Failed, "2 of 18 steps failed, and 16 could not be tried", 18, false},
		{one, nil, "", runs.Failed, "1 of 1 step failed", 1, false},
		{nil, errors.New("no such bucket"), "", runs.Failed, "no such bucket", 0, false},
		{done, context.Canceled, "the service was stopped", runs.Interrupted, "the service was stopped", 2, false},
	} {
		r := at(time.Now())
		r.End(time.Now(), c.result, c.err, c.interruption)
		if r.Outcome != c.wantOutcome || r.Error != c.wantText || len(r.Steps) != c.steps || r.Empty() != c.empty {
			t.Errorf("%s: %q, %d steps, empty %t; want %s: %q, %d, %t", r.Outcome, r.Error, len(r.Steps), r.Empty(), c.wantOutcome, c.wantText, c.steps, c.empty)
		}
	}
}
