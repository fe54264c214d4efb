package pipeline

import (
	"testing"

	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
)

// meanwhile is a runner that has looked, and while it does not go on something
// happens: before it does its first step of a kind.
func meanwhile(r *Runner, kind Kind, happens func()) *Runner {
	slow := *r
	slow.Allow = func(s *Step) bool {
		if s.Kind == kind && happens != nil {
			act := happens
			happens = nil
			act()
		}
		return true
	}
	return &slow
}

// A run that is overtaken does not put what is left of the dumps in place of the
// digest that another one made when there were more.
func TestOvertakenDigestOfDumpsThatWent(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1))
	put(t, source, "2026/11/21/a.ndjson", sessionLines(9))
	r := newRunner(t, source, sink)
	r.Reports, r.MaxRejected = r.Reports[:1], 1
	run(t, r, Everything())
	put(t, source, "2026/11/20/b.ndjson", sessionLines(2))
	slow := meanwhile(r, Digest, func() {
		run(t, r, Everything())
		for _, key := range []string{"2026/11/20/a.ndjson", "2026/11/20/b.ndjson"} { // sources do not keep dumps for ever
			if err := source.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
	})
	run(t, slow, Everything())
	base, err := publish.Read(t.Context(), sink, digestDir(parseDay(t, day20)))
	if err != nil || base.Manifest.Digest.Sessions != 2 {
		t.Errorf("the digest has %d sessions of 2 (%v)", base.Manifest.Digest.Sessions, err)
	}
	base, err = publish.Read(t.Context(), sink, dayDir("sessions", parseDay(t, day20)))
	if err != nil || base.Manifest.Rows != 3 {
		t.Errorf("the day has %d rows of 3 (%v)", base.Manifest.Rows, err)
	}
}

// Dumps that have gone before anybody has read them make no digest of nothing.
func TestDumpsThatWentUnread(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1))
	r := newRunner(t, source, sink)
	r.Reports, r.MaxRejected = r.Reports[:1], 1
	r = meanwhile(r, Digest, func() {
		// Another has begun and died: the digest is not what was looked at.
		put(t, sink, digestDir(parseDay(t, day20))+publish.ManifestName, `{"revision": 1}`)
		if err := source.Delete(t.Context(), "2026/11/20/a.ndjson"); err != nil {
			t.Fatal(err)
		}
	})
	result, err := r.Run(t.Context(), Everything(), OnlyDue)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Steps) != 2 || result.Steps[0].err == nil || result.Steps[0].Error != "the dumps of 2026-11-20 are gone: its digest cannot be made any more" {
		t.Errorf("%+v", result.Steps)
	}
}

// Nor is a digest replaced that a newer daybook has made since.
func TestOvertakenByANewerDaybook(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1))
	r := newRunner(t, source, sink)
	r.Reports, r.MaxRejected = r.Reports[:1], 1
	run(t, r, Everything())
	put(t, source, "2026/11/20/b.ndjson", sessionLines(2))
	dir := digestDir(parseDay(t, day20))
	slow := meanwhile(r, Digest, func() {
		run(t, r, Everything())
		base, err := publish.Read(t.Context(), sink, dir)
		if err != nil {
			t.Fatal(err)
		}
		newer, info := *base.Manifest, *base.Manifest.Digest
		info.Version++
		newer.Digest = &info
		if _, err := publish.Amend(t.Context(), sink, dir, base, newer); err != nil {
			t.Fatal(err)
		}
	})
	before := 0
	slow.OnStep = func(*Step, *Done) {
		if before == 0 {
			base, _ := publish.Read(t.Context(), sink, dir)
			before = base.Manifest.Digest.Version
		}
	}
	result, err := slow.Run(t.Context(), Everything(), OnlyDue)
	if err != nil {
		t.Fatal(err)
	}
	if !result.Failed() {
		t.Errorf("nothing failed: %+v", result.Steps)
	}
	base, err := publish.Read(t.Context(), sink, dir)
	if err != nil || before == 0 || base.Manifest.Digest.Version != before {
		t.Errorf("the newer daybook's digest, of version %d, is now of version %d (%v)", before, base.Manifest.Digest.Version, err)
	}
}

// A note that something failed goes with the next look, if another run has done
// it at the same time.
func TestNoteOfAFailureThatWasOvertaken(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1)+"bad\n")
	strict := newRunner(t, source, sink)
	strict.Reports = strict.Reports[:1]
	lenient := *strict
	lenient.MaxRejected = 1
	run(t, meanwhile(&lenient, Digest, func() {
		if result, err := strict.Run(t.Context(), Everything(), OnlyDue); err != nil || !result.Failed() {
			t.Fatal("it has not failed", err)
		}
	}), Everything())
	run(t, &lenient, Everything())
	plan, err := lenient.Plan(t.Context(), Everything())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range plan.Steps {
		if s.Failed != "" {
			t.Errorf("%s is %s, and is said to have failed: %s", s.name(), s.Status, s.Failed)
		}
	}
	rejects, err := lenient.Rejects(t.Context(), func(day.Day) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range rejects {
		if x.Refused {
			t.Errorf("%s is said to be refused, and is in the reports", x.Name)
		}
	}
}

// Building everything again is just that, also where only the summaries would
// have to be written.
func TestEverythingAgain(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/30/a.ndjson", sessionLines(1, 2))
	r := newRunner(t, source, sink)
	r.Reports, r.MaxRejected = r.Reports[:1], 1
	run(t, r, WholeMonth(day.MonthOf(2026, 11)))
	november := day.MonthOf(2026, 11)
	dirs := []string{dayDir("sessions", november.Last()), monthDir("sessions", november)}
	for i, dir := range dirs {
		base, err := publish.Read(t.Context(), sink, dir)
		if err != nil {
			t.Fatal(err)
		}
		wrong := *base.Manifest
		wrong.Rows = 99
		if _, err := publish.Amend(t.Context(), sink, dir, base, wrong); err != nil {
			t.Fatal(err)
		}
		summary := []string{"summaries/sessions/day/2026-11-30/total.csv", "summaries/sessions/month/2026-11/total.csv"}[i]
		if err := sink.Delete(t.Context(), summary); err != nil {
			t.Fatal(err)
		}
	}
	result, err := r.Run(t.Context(), WholeMonth(november), OnlyAll)
	if err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
	for i, want := range []int64{0, 2} {
		base, err := publish.Read(t.Context(), sink, dirs[i])
		if err != nil || base.Manifest.Rows != want {
			t.Errorf("%s was not made again: %d rows of %d (%v)", dirs[i], base.Manifest.Rows, want, err)
		}
	}
}
