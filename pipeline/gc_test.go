package pipeline

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/sinks/publish"
	"daybook/sources/store"
)

// What killed writers left in a directory goes once nobody can be writing it any
// more.
func TestGCOfADirectory(t *testing.T) {
	root := t.TempDir()
	sink, err := store.NewDir(root)
	if err != nil {
		t.Fatal(err)
	}
	source := store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1))
	r := newRunner(t, source, sink)
	run(t, r, theDay(t))
	published := contents(t, sink, true)
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
		result, err := r.GC(t.Context(), GCOptions{Keep: time.Hour, DryRun: dryRun}, func(o publish.Removal) {
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
	sameContents(t, "what is published", published, contents(t, sink, true))
}

// However a day was restated and refused, a collection leaves what is published
// and kept, and a run has nothing to do after it.
func TestGC(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	source, sink := store.NewMemory(clock), store.NewMemory(clock)
	r := newRunner(t, source, sink)
	r.Now = clock
	for i := range 3 {
		put(t, source, "2026/11/20/"+string(rune('a'+i))+".ndjson", sessionLines(i+1))
		run(t, r, theDay(t))
	}
	put(t, source, "2026/11/20/d.ndjson", "nonsense\n")
	if _, err := r.Run(t.Context(), theDay(t), OnlyDue); err != nil {
		t.Fatal(err)
	}
	if err := source.Delete(t.Context(), "2026/11/20/d.ndjson"); err != nil {
		t.Fatal(err)
	}
	published := seen(t, sink)

	const week = 7 * 24 * time.Hour
	collect := func(dryRun bool) []string {
		t.Helper()
		var why []string
		result, err := r.GC(t.Context(), GCOptions{Keep: week, DryRun: dryRun}, func(o publish.Removal) {
			if !slices.Contains(why, string(o.Why)) {
				why = append(why, string(o.Why))
			}
		})
		if err != nil || len(result.Skipped) > 0 {
			t.Fatalf("%+v, %v", result, err)
		}
		if (result.Objects > 0) != (len(why) > 0) {
			t.Errorf("%+v, but %v", result, why)
		}
		slices.Sort(why)
		return why
	}
	if why := collect(false); why != nil {
		t.Errorf("at once, it removes what is %v", why)
	}
	now = now.Add(publish.DefaultGrace + time.Second)
	if why := collect(false); !slices.Equal(why, []string{"superseded"}) {
		t.Errorf("after a day, it removes what is %v", why)
	}
	if _, err := r.Diff(t.Context(), "sessions", day20, 1, 3); err != nil {
		t.Errorf("after a day: %v", err)
	}
	now = now.Add(week)
	before := contents(t, sink, true)
	if why := collect(true); !slices.Equal(why, []string{"expired", "refused"}) {
		t.Errorf("after a week, it would remove what is %v", why)
	}
	sameContents(t, "after a dry run", before, contents(t, sink, true))
	if why := collect(false); !slices.Equal(why, []string{"expired", "refused"}) {
		t.Errorf("after a week, it removes what is %v", why)
	}
	for key := range contents(t, sink, true) {
		if strings.HasPrefix(key, publish.HistoryRoot) || strings.HasPrefix(key, quarantineRoot) {
			t.Errorf("%s is left", key)
		}
	}
	if why := collect(false); why != nil {
		t.Errorf("once more, it removes what is %v", why)
	}
	sameContents(t, "at last", published, seen(t, sink))
	if done := run(t, r, theDay(t)); len(done.Steps) > 0 {
		t.Errorf("a run has something to do: %+v", done.Steps)
	}
	// The digest is whole: the same can be made of it again.
	result, err := r.Run(t.Context(), theDay(t), OnlyAll)
	if err != nil || result.Failed() {
		t.Fatal(err, result.Err())
	}
	sameContents(t, "made again", published, seen(t, sink))
}
