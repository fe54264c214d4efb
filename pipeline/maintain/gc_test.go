package maintain

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/audit"
	"daybook/pipeline/build"
	"daybook/pipeline/inspect"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/service/actions"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/sources/store"
)

// Files that killed writers left in a directory are removed when they are so old
// that no writer can still be at them.
func TestGCOfADirectory(t *testing.T) {
	root := t.TempDir()
	sink, err := store.NewDir(root)
	if err != nil {
		t.Fatal(err)
	}
	s := pipelinetest.Settings(t, store.NewMemory(nil), sink)
	pipelinetest.Put(t, s.Source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
	pipelinetest.Run(t, s, pipelinetest.TheDay)
	s.Clock = nil // the files have the times of the system
	published := pipelinetest.Contents(t, sink, true)
	for name, age := range map[string]time.Duration{".tmp-OLD": 25 * time.Hour, "reports/.tmp-OLD": 25 * time.Hour, "state/.tmp-YOUNG": 23 * time.Hour} {
		file := filepath.Join(root, name)
		if err := os.WriteFile(file, []byte("half"), 0o666); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(file, then, then); err != nil {
			t.Fatal(err)
		}
	}
	for _, dryRun := range []bool{true, false} {
		var removed []string
		result, err := GC(t.Context(), s, GCOptions{Keep: time.Hour, DryRun: dryRun}, func(o publish.Removal) {
			removed = append(removed, string(o.Why)+" "+o.Key)
		})
		if err != nil || result.Objects != 2 || result.Bytes != 8 || !slices.Equal(removed, []string{"unfinished .tmp-OLD", "unfinished reports/.tmp-OLD"}) {
			t.Errorf("dry run %v: %+v, %v, %v", dryRun, result, removed, err)
		}
	}
	var left []string
	for object, err := range sink.Unfinished(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, object.Key)
	}
	if !slices.Equal(left, []string{"state/.tmp-YOUNG"}) {
		t.Errorf("left are %v", left)
	}
	pipelinetest.SameContents(t, "what is published", published, pipelinetest.Contents(t, sink, true))
}

// A directory that does not exist yet holds nothing to remove.
func TestGCOfANewDirectory(t *testing.T) {
	sink, err := store.NewDir(filepath.Join(t.TempDir(), "new"))
	if err != nil {
		t.Fatal(err)
	}
	s := pipelinetest.Settings(t, store.NewMemory(nil), sink)
	result, err := GC(t.Context(), s, GCOptions{Keep: time.Hour}, func(o publish.Removal) { t.Errorf("it removes %s", o.Key) })
	if err != nil || result.Objects != 0 {
		t.Errorf("%+v, %v", result, err)
	}
}

// collectWhys removes what is not needed, or with dryRun only reports it. It returns
// why objects were removed, each reason once.
func collectWhys(t *testing.T, in *inspect.Inspector, keep time.Duration, dryRun bool) []string {
	t.Helper()
	var whys []string
	result, err := GC(t.Context(), in.Settings, GCOptions{Keep: keep, DryRun: dryRun}, func(o publish.Removal) {
		if !slices.Contains(whys, string(o.Why)) {
			whys = append(whys, string(o.Why))
		}
	})
	if err != nil || len(result.Skipped) > 0 {
		t.Fatalf("%+v, %v", result, err)
	}
	if (result.Objects > 0) != (len(whys) > 0) {
		t.Errorf("%+v, but %v", result, whys)
	}
	slices.Sort(whys)
	return whys
}

// After a day was restated and refused, a collection leaves what is published and
// kept, and a run has nothing to do after it.
func TestGC(t *testing.T) {
	const week = 7 * 24 * time.Hour
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	source, sink := store.NewMemory(clock), store.NewMemory(clock)
	s := pipelinetest.Settings(t, source, sink)
	s.Clock = clock
	in := &inspect.Inspector{Settings: s}
	for i := range 3 {
		pipelinetest.Put(t, source, "2026/11/20/"+string(rune('a'+i))+".ndjson", pipelinetest.SessionLines(i+1))
		pipelinetest.Run(t, s, pipelinetest.TheDay)
	}
	pipelinetest.Put(t, source, "2026/11/20/d.ndjson", "nonsense\n")
	if result := pipelinetest.RunOnly(t, s, pipelinetest.TheDay, build.OnlyDue); !result.Failed() {
		t.Fatal("the day is not refused")
	}
	pipelinetest.Delete(t, source, "2026/11/20/d.ndjson")
	published := pipelinetest.View(t, sink)

	collect := func(when string, dryRun bool, want ...string) {
		t.Helper()
		if whys := collectWhys(t, in, week, dryRun); !slices.Equal(whys, want) {
			t.Errorf("%s: what is removed is %v, want %v", when, whys, want)
		}
	}
	collect("at once", false)
	now = now.Add(publish.DefaultGrace + time.Second)
	collect("after a day", false, "superseded")
	if _, err := in.Diff(t.Context(), partition.DayID("sessions", pipelinetest.Day), 1, 3); err != nil {
		t.Errorf("after a day: %v", err)
	}
	now = now.Add(week)
	before := pipelinetest.Contents(t, sink, true)
	collect("a dry run after a week", true, "expired", "refused")
	pipelinetest.SameContents(t, "after a dry run", before, pipelinetest.Contents(t, sink, true))
	collect("after a week", false, "expired", "refused")
	for key := range pipelinetest.Contents(t, sink, true) {
		if strings.HasPrefix(key, publish.HistoryRoot) || strings.HasPrefix(key, partition.QuarantineRoot) {
			t.Errorf("%s is left", key)
		}
	}
	collect("once more", false)
	pipelinetest.SameContents(t, "at last", published, pipelinetest.View(t, sink))
	if done := pipelinetest.Run(t, s, pipelinetest.TheDay); len(done.Steps) > 0 {
		t.Errorf("a run has something to do: %+v", done.Steps)
	}
	// The digest is whole: the same partitions can be made of it again.
	if result := pipelinetest.RunOnly(t, s, pipelinetest.TheDay, build.OnlyAll); result.Failed() {
		t.Fatal(result.Err())
	}
	pipelinetest.SameContents(t, "made again", published, pipelinetest.View(t, sink))
}

// With RemoveAfter, the files of a superseded day and month stay for that time, and
// those of its digest for the grace period.
func TestRemoveAfter(t *testing.T) {
	now := time.Now()
	source, sink := store.NewMemory(func() time.Time { return now }), store.NewMemory(func() time.Time { return now })
	s := pipelinetest.OneReport(t, source, sink)
	s.Clock, s.RemoveAfter = func() time.Time { return now }, 2*time.Hour
	month := partition.WholeMonth(pipelinetest.Day.Month())
	for n := range 2 {
		pipelinetest.Put(t, source, "2026/11/20/"+strings.Repeat("a", n+1)+".ndjson", pipelinetest.SessionLines(n+1))
		pipelinetest.Run(t, s, month)
	}
	files := func() (n int) {
		for key := range pipelinetest.Contents(t, sink, true) {
			if strings.HasPrefix(key, partition.DayID("sessions", pipelinetest.Day).Dir()) || strings.HasPrefix(key, partition.MonthRoot) {
				n++
			}
		}
		return n
	}
	if files() != 4 {
		t.Errorf("%d files of the day and the month, want those of both revisions", files())
	}
	view := pipelinetest.View(t, sink)
	for _, c := range []struct {
		later   time.Duration
		removed []string
	}{
		{time.Hour, nil},
		{2*time.Hour + time.Minute, []string{"superseded reports", "superseded reports_monthly"}},
		{3 * time.Hour, nil},
	} {
		start := now
		now = now.Add(c.later)
		var removed []string
		if _, err := RemoveSuperseded(t.Context(), s, func(r publish.Removal) {
			room, _, _ := strings.Cut(r.Key, "/")
			removed = append(removed, string(r.Why)+" "+room)
		}); err != nil || !slices.Equal(removed, c.removed) {
			t.Errorf("after %s: removed %q, %v; want %q", c.later, removed, err, c.removed)
		}
		if result, err := GC(t.Context(), s, GCOptions{Keep: time.Hour * 1000}, func(publish.Removal) {}); err != nil || result.Objects > 0 {
			t.Errorf("after %s: GC removes %d more, %v", c.later, result.Objects, err)
		}
		now = start
	}
	if files() != 2 {
		t.Errorf("%d files of the day and the month, want one each", files())
	}
	pipelinetest.SameContents(t, "what is published", view, pipelinetest.View(t, sink))
}

// When RemoveAfter is taken back to zero, the files that stayed for it go at once: those
// who glob read one revision.
func TestRemoveAfterIsTakenBack(t *testing.T) {
	for name, collect := range map[string]func(*settings.Pipeline) (publish.GCResult, error){
		"gc": func(s *settings.Pipeline) (publish.GCResult, error) {
			return GC(t.Context(), s, GCOptions{Keep: time.Hour}, func(publish.Removal) {})
		},
		"serve": func(s *settings.Pipeline) (publish.GCResult, error) { return RemoveSuperseded(t.Context(), s, nil) },
	} {
		now := time.Now()
		clock := func() time.Time { return now }
		s := pipelinetest.OneReport(t, store.NewMemory(clock), store.NewMemory(clock))
		s.Clock, s.RemoveAfter = clock, 2*time.Hour
		for n := range 2 {
			pipelinetest.Put(t, s.Source, "2026/11/20/"+strings.Repeat("a", n+1)+".ndjson", pipelinetest.SessionLines(n+1))
			pipelinetest.Run(t, s, pipelinetest.TheDay)
		}
		s.RemoveAfter = 0
		now = now.Add(time.Second)
		if result, err := collect(s); err != nil || result.Objects != 1 {
			t.Errorf("%s removed %d files, want that of the first revision (%v)", name, result.Objects, err)
		}
	}
}

// Records of users' actions are removed after their time, and no others.
func TestGCOfTheAuditLog(t *testing.T) {
	now := time.Date(2026, time.November, 20, 6, 0, 0, 0, time.UTC)
	at := now.Add(-101 * 24 * time.Hour)
	st := store.NewMemory(func() time.Time { return at })
	for _, age := range []int{101, 99} {
		at = now.Add(-time.Duration(age) * 24 * time.Hour)
		if err := audit.Write(t.Context(), st, audit.Begin("a", actions.Action{Verb: "run", From: "2026-08-01"}, at)); err != nil {
			t.Fatal(err)
		}
	}
	s := &settings.Pipeline{Sink: st, Clock: func() time.Time { return now }}
	for _, c := range []struct {
		keep time.Duration
		want int64
	}{{0, 0}, {100 * 24 * time.Hour, 1}, {100 * 24 * time.Hour, 0}} {
		result, err := GC(t.Context(), s, GCOptions{Keep: time.Hour, Audit: c.keep}, func(publish.Removal) {})
		if err != nil || int64(result.Objects) != c.want {
			t.Errorf("kept for %s: %d removed, %v; want %d", c.keep, result.Objects, err, c.want)
		}
	}
}

// Events of lineage whose delivery was given up are removed after a week; those that may
// still be delivered stay.
func TestGCOfUndeliveredEvents(t *testing.T) {
	now := time.Date(2026, time.November, 20, 6, 0, 0, 0, time.UTC)
	at := now
	st := store.NewMemory(func() time.Time { return at })
	for name, age := range map[string]time.Duration{"old": 169 * time.Hour, "young": 167 * time.Hour} {
		at = now.Add(-age)
		pipelinetest.Put(t, st, partition.LineageRoot+name+".ndjson", "{}\n")
	}
	s := &settings.Pipeline{Sink: st, Clock: func() time.Time { return now }}
	var removed []string
	_, err := GC(t.Context(), s, GCOptions{Keep: time.Hour}, func(r publish.Removal) { removed = append(removed, string(r.Why)+" "+r.Key) })
	if err != nil || !slices.Equal(removed, []string{"undelivered state/lineage/old.ndjson"}) {
		t.Errorf("removed %q (%v)", removed, err)
	}
}
