package worker_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/extract"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/settings"
	"daybook/pipeline/worker"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/generate"
	"daybook/sources/store"
	"daybook/transform/day"
)

// days is a month and a few days of dumps: with late and repeated events, and sessions
// of several days.
func days(t *testing.T) *store.Memory {
	t.Helper()
	source := store.NewMemory(time.Now)
	pipelinetest.PutDumps(t, source, pipelinetest.Dumps(t, generate.Options{
		Seed: 7, From: day.Date(2026, time.October, 27), Days: 37, SessionsPerDay: 6, Codec: dump.Plain,
	}), pipelinetest.Every)
	return source
}

var target = partition.Days(day.Date(2026, time.October, 28), day.Date(2026, time.December, 1))

// drive does what the driver of a job does: it plans, has the tasks of the first stage
// done that are new to it, and plans again. Outcomes pass through the protocol.
func drive(t *testing.T, s *settings.Pipeline, do func(steps []partition.ID) []build.Done) *build.Result {
	t.Helper()
	var all bytes.Buffer
	tried := worker.Tried{}
	for {
		stage, err := worker.Next(t.Context(), &build.Builder{Settings: s}, target, build.None, tried)
		if err != nil {
			t.Fatal(err)
		}
		if stage.Work == "" {
			break
		}
		for _, task := range stage.Tasks {
			done := do(task.Steps)
			if len(done) != len(task.Steps) && task.Stage != partition.Month {
				t.Fatalf("%s: %d steps have %d outcomes", task.Name, len(task.Steps), len(done))
			}
			for i := range done {
				if done[i].ID != task.Steps[i] {
					t.Errorf("the outcome of %s is that of %s", task.Steps[i], done[i].ID)
				}
			}
			if err := worker.WriteOutcomes(&all, done); err != nil {
				t.Fatal(err)
			}
		}
	}
	done, err := worker.ReadOutcomes(&all)
	if err != nil {
		t.Fatal(err)
	}
	result, err := (&build.Builder{Settings: s}).SumUp(t.Context(), target, done)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// outcomes does steps with a worker of its own.
func outcomes(t *testing.T, s *settings.Pipeline, steps []partition.ID) (all []build.Done) {
	t.Helper()
	err := worker.Do(t.Context(), &build.Builder{Settings: s}, steps, func(done []build.Done) error {
		all = append(all, done...)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

// published are the files of reports and summaries.
func published(t *testing.T, sink store.Store) map[string]string {
	t.Helper()
	all := pipelinetest.Contents(t, sink, false)
	maps.DeleteFunc(all, func(key, _ string) bool {
		return !strings.HasPrefix(key, partition.ReportRoot) && !strings.HasPrefix(key, partition.MonthRoot) && !strings.HasPrefix(key, pipelinetest.SummaryRoot)
	})
	return all
}

// texts are the outcomes of a result as a run tells them.
func texts(r *build.Result) (all []string) {
	for i := range r.Steps {
		s := &r.Steps[i]
		all = append(all, s.ID.String()+" "+string(s.State)+" "+s.Error)
	}
	return all
}

// A job publishes the files of one run, and sums up to the same result.
func TestAJobIsARun(t *testing.T) {
	source := days(t)
	alone, shared := store.NewMemory(pipelinetest.Later), store.NewMemory(pipelinetest.Later)
	want := pipelinetest.Run(t, pipelinetest.Settings(t, source, alone), target)
	s := pipelinetest.Settings(t, source, shared)
	got := drive(t, s, func(steps []partition.ID) []build.Done { return outcomes(t, s, steps) })
	pipelinetest.SameContents(t, "the job", published(t, alone), published(t, shared))
	if !slices.Equal(texts(want), texts(got)) {
		t.Errorf("the run came to\n%s\nand the job to\n%s", strings.Join(texts(want), "\n"), strings.Join(texts(got), "\n"))
	}
	if want.Dumps != got.Dumps || want.DumpBytes != got.DumpBytes || want.Accounting.Accepted != got.Accounting.Accepted || want.NoDumps != got.NoDumps || len(want.Waiting) != len(got.Waiting) {
		t.Errorf("the run read %d dumps, and the job %d", want.Dumps, got.Dumps)
	}
	if months := slices.DeleteFunc(texts(got), func(text string) bool { return !strings.HasPrefix(text, "month") }); len(months) != 2 {
		t.Errorf("the job made the months %q", months)
	}

	// Nothing is left, and a task that comes again changes nothing.
	before := pipelinetest.Contents(t, shared, true)
	again := outcomes(t, s, []partition.ID{partition.DigestID(pipelinetest.Day), partition.DayID("emea", pipelinetest.Day), partition.MonthID("emea", pipelinetest.Day.Month())})
	for _, d := range again {
		if d.State != publish.Unchanged || d.Revision != 1 || d.URL == "" {
			t.Errorf("again: %+v", d)
		}
	}
	pipelinetest.SameContents(t, "again", before, pipelinetest.Contents(t, shared, true))
	if r := pipelinetest.Run(t, s, target); len(r.Steps) != 0 {
		t.Errorf("a run after the job does %q", texts(r))
	}
}

// Each task is run by two workers at the same time, as by Spark's speculation.
func TestTwoWorkersWithOneTask(t *testing.T) {
	source := days(t)
	alone, shared := store.NewMemory(pipelinetest.Later), store.NewMemory(pipelinetest.Later)
	pipelinetest.Run(t, pipelinetest.Settings(t, source, alone), target)
	s := pipelinetest.Settings(t, source, shared)
	drive(t, s, func(steps []partition.ID) []build.Done {
		var both [2][]build.Done
		var wg sync.WaitGroup
		for i := range both {
			wg.Go(func() { both[i] = outcomes(t, s, steps) })
		}
		wg.Wait()
		for i, done := range both {
			for _, d := range done {
				if d.Err != nil {
					t.Errorf("worker %d: %v", i, d.Err)
				}
			}
		}
		return both[0]
	})
	pipelinetest.SameContents(t, "the job", published(t, alone), published(t, shared))
}

// A broken dump day fails, the days that need it wait, and all others are published: as
// in a run.
func TestABrokenDay(t *testing.T) {
	source := days(t)
	pipelinetest.Put(t, source, pipelinetest.Template.Prefix(pipelinetest.Day)+"broken.ndjson", strings.Repeat("nonsense\n", 100))
	alone, shared := store.NewMemory(pipelinetest.Later), store.NewMemory(pipelinetest.Later)
	want := pipelinetest.RunOnly(t, pipelinetest.Settings(t, source, alone), target, build.OnlyDue)
	s := pipelinetest.Settings(t, source, shared)
	got := drive(t, s, func(steps []partition.ID) []build.Done { return outcomes(t, s, steps) })
	pipelinetest.SameContents(t, "the job", published(t, alone), published(t, shared))
	if !slices.Equal(texts(want), texts(got)) {
		t.Errorf("the run came to\n%s\nand the job to\n%s", strings.Join(texts(want), "\n"), strings.Join(texts(got), "\n"))
	}
	rejects, blocked := 0, 0
	for i := range got.Steps {
		switch err := got.Steps[i].Err; {
		case errors.As(err, new(*extract.TooManyRejects)):
			rejects++
		case errors.As(err, new(*build.Blocked)):
			blocked++
		}
	}
	// The digest itself, and both reports from the day before it on: 2026-11-19 to 2026-12-01.
	if rejects != 1 || blocked != 2*13 {
		t.Errorf("%d digests have too many rejects, and %d days wait", rejects, blocked)
	}
}

// A dump that changes between the stages makes its digest due again, and the days wait
// for it.
func TestADumpThatChanges(t *testing.T) {
	source := days(t)
	alone, shared := store.NewMemory(pipelinetest.Later), store.NewMemory(pipelinetest.Later)
	s := pipelinetest.Settings(t, source, shared)
	changed, waited := false, 0
	drive(t, s, func(steps []partition.ID) []build.Done {
		if steps[0].Kind == partition.Day && !changed {
			changed = true
			pipelinetest.Put(t, source, pipelinetest.Template.Prefix(pipelinetest.Day)+"more.ndjson", pipelinetest.SessionLines(1, 2, 3))
		}
		done := outcomes(t, s, steps)
		for _, d := range done {
			if d.Waits {
				waited++
			}
		}
		return done
	})
	if waited == 0 {
		t.Error("no day has waited for the changed digest")
	}
	pipelinetest.Run(t, pipelinetest.Settings(t, source, alone), target)
	got, want := pipelinetest.View(t, shared), pipelinetest.View(t, alone) // days may have been restated
	pipelinetest.SameContents(t, "the job", want, got)
}

// What another attempt may mend fails the worker: here a sink that cannot be listed.
func TestWhatFailsAWorker(t *testing.T) {
	s := pipelinetest.Settings(t, days(t), store.NewMemory(time.Now))
	none := func([]build.Done) error { return nil }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, id := range []partition.ID{partition.DigestID(pipelinetest.Day), partition.DayID("emea", pipelinetest.Day), partition.MonthID("emea", pipelinetest.Day.Month())} {
		if err := worker.Do(ctx, &build.Builder{Settings: s}, []partition.ID{id}, none); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, interrupted: %v", id, err)
		}
	}
	full := errors.New("the pipe is closed")
	err := worker.Do(t.Context(), &build.Builder{Settings: s}, []partition.ID{partition.DigestID(pipelinetest.Day)}, func([]build.Done) error { return full })
	if !errors.Is(err, full) {
		t.Errorf("without a reader of its outcomes: %v", err)
	}

	// Steps that this worker does not have get an outcome, and a month that waits for its
	// days gets none.
	for _, id := range []partition.ID{partition.DigestID(pipelinetest.Day - 300), partition.DayID("unknown", pipelinetest.Day)} {
		done := outcomes(t, s, []partition.ID{id})
		if len(done) != 1 || done[0].Err == nil || done[0].State != "" {
			t.Errorf("%s: %+v", id, done)
		}
	}
	if done := outcomes(t, s, []partition.ID{partition.MonthID("emea", pipelinetest.Day.Month())}); len(done) != 0 {
		t.Errorf("the month: %+v", done)
	}
}
