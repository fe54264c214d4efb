package build_test

import (
	"sync"
	"testing"

	"daybook/pipeline/build"
	"daybook/pipeline/inspect"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/plan"
	"daybook/pipeline/settings"
	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
)

// slow is a builder that is overtaken: act is called once, after it has read its
// catalog and before its first step of a kind.
func slow(s *settings.Pipeline, kind partition.Kind, act func()) *build.Builder {
	var once sync.Once
	return &build.Builder{Settings: s, Hooks: build.Hooks{Allow: func(s *plan.Step) bool {
		if s.ID.Kind == kind {
			once.Do(act)
		}
		return true
	}}}
}

// A run keeps the digest that another run has made from dumps which are gone by now.
func TestConflictAfterDumpsWereRemoved(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
	pipelinetest.Put(t, source, "2026/11/21/a.ndjson", pipelinetest.SessionLines(9))
	s := pipelinetest.OneReport(t, source, sink)
	pipelinetest.Run(t, s, partition.Everything())
	pipelinetest.Put(t, source, "2026/11/20/b.ndjson", pipelinetest.SessionLines(2))
	b := slow(s, partition.Digest, func() {
		pipelinetest.Run(t, s, partition.Everything())
		for _, key := range []string{"2026/11/20/a.ndjson", "2026/11/20/b.ndjson"} { // sources keep dumps for a limited time
			pipelinetest.Delete(t, source, key)
		}
	})
	pipelinetest.RunBuilder(t, b, partition.Everything())
	if m := pipelinetest.Manifest(t, sink, theDigest); m.Digest.Sessions != 2 {
		t.Errorf("the digest has %d sessions of 2", m.Digest.Sessions)
	}
	if m := pipelinetest.Manifest(t, sink, theDay); m.Rows != 3 {
		t.Errorf("the day has %d rows of 3", m.Rows)
	}
}

// Dumps that are removed before they were read do not become an empty digest.
func TestDumpsRemovedUnread(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
	s := pipelinetest.OneReport(t, source, sink)
	b := slow(s, partition.Digest, func() {
		// Another run has begun and was killed: the digest is not the one of the catalog.
		pipelinetest.Put(t, sink, theDigest.ManifestKey(), `{"revision": 1}`)
		pipelinetest.Delete(t, source, "2026/11/20/a.ndjson")
	})
	result, err := b.Run(t.Context(), partition.Everything(), build.OnlyDue)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Steps) != 2 || result.Steps[0].Err == nil || result.Steps[0].Error != "the dumps of 2026-11-20 are gone: its digest cannot be made any more" {
		t.Errorf("%+v", result.Steps)
	}
}

// A run does not replace a digest that a newer daybook has made meanwhile.
func TestConflictWithANewerDaybook(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
	s := pipelinetest.OneReport(t, source, sink)
	pipelinetest.Run(t, s, partition.Everything())
	pipelinetest.Put(t, source, "2026/11/20/b.ndjson", pipelinetest.SessionLines(2))
	b := slow(s, partition.Digest, func() {
		pipelinetest.Run(t, s, partition.Everything())
		base := pipelinetest.Base(t, sink, theDigest)
		newer, info := *base.Manifest, *base.Manifest.Digest
		info.Version = digest.WideVersion + 1
		newer.Digest = &info
		if _, err := publish.Amend(t.Context(), sink, theDigest.Dir(), base, newer); err != nil {
			t.Fatal(err)
		}
	})
	before := 0
	b.Hooks.OnStep = func(*plan.Step, *build.Done) {
		if before == 0 {
			before = pipelinetest.Manifest(t, sink, theDigest).Digest.Version
		}
	}
	result, err := b.Run(t.Context(), partition.Everything(), build.OnlyDue)
	if err != nil {
		t.Fatal(err)
	}
	if !result.Failed() {
		t.Errorf("nothing failed: %+v", result.Steps)
	}
	if m := pipelinetest.Manifest(t, sink, theDigest); before == 0 || m.Digest.Version != before {
		t.Errorf("the newer daybook's digest, of version %d, is now of version %d", before, m.Digest.Version)
	}
}

// The note of a failure is removed by the next run, if another run has done the step
// at the same time.
func TestConflictLeavesNoNoteOfAFailure(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1)+"bad\n")
	lenient := pipelinetest.OneReport(t, source, sink)
	strict := *lenient
	strict.MaxRejected = 0.01
	pipelinetest.RunBuilder(t, slow(lenient, partition.Digest, func() {
		if !pipelinetest.RunOnly(t, &strict, partition.Everything(), build.OnlyDue).Failed() {
			t.Fatal("it has not failed")
		}
	}), partition.Everything())
	pipelinetest.Run(t, lenient, partition.Everything())
	for _, step := range pipelinetest.Plan(t, lenient, partition.Everything()).Steps {
		if step.Failed != "" {
			t.Errorf("%s is %s, and is said to have failed: %s", step.ID, step.Status, step.Failed)
		}
	}
	rejects, err := (&inspect.Inspector{Settings: lenient}).Rejects(t.Context(), func(day.Day) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range rejects {
		if x.Refused {
			t.Errorf("%s is said to be refused, and is in the reports", x.Name)
		}
	}
}

// A month whose halves are built by two runs at the same time is built by the run that
// ends last.
func TestMonthOfTwoRuns(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/30/a.ndjson", pipelinetest.SessionLines(1))
	s := pipelinetest.OneReport(t, source, sink)
	november := day.MonthOf(2026, 11)
	b := slow(s, partition.Day, func() {
		pipelinetest.Run(t, s, partition.Days(november.First(), november.First()+14))
	})
	pipelinetest.RunBuilder(t, b, partition.Days(november.First()+15, november.Last()))
	if m := pipelinetest.Manifest(t, sink, partition.MonthID("sessions", november)); len(m.Inputs) != 30 {
		t.Errorf("the month is made from %d days", len(m.Inputs))
	}
}

// Building everything makes the rows again, also where only the summaries are due.
func TestEverythingAgain(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/30/a.ndjson", pipelinetest.SessionLines(1, 2))
	s := pipelinetest.OneReport(t, source, sink)
	pipelinetest.Run(t, s, partition.WholeMonth(day.MonthOf(2026, 11)))
	november := day.MonthOf(2026, 11)
	rows := map[partition.ID]int64{partition.DayID("sessions", november.Last()): 0, partition.MonthID("sessions", november): 2}
	for id := range rows {
		base := pipelinetest.Base(t, sink, id)
		wrong := *base.Manifest
		wrong.Rows = 99
		if _, err := publish.Amend(t.Context(), sink, id.Dir(), base, wrong); err != nil {
			t.Fatal(err)
		}
		pipelinetest.Delete(t, sink, id.SummaryDir()+"total.csv")
	}
	if err := pipelinetest.RunOnly(t, s, partition.WholeMonth(november), build.OnlyAll).Err(); err != nil {
		t.Fatal(err)
	}
	for id, want := range rows {
		if n := pipelinetest.Manifest(t, sink, id).Rows; n != want {
			t.Errorf("%s was not made again: %d rows of %d", id, n, want)
		}
	}
}
