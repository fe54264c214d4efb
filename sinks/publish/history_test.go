package publish

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"daybook/sources/store"
)

func TestHistory(t *testing.T) {
	t.Run("memory", func(t *testing.T) { history(t, store.NewMemory(nil)) })
	t.Run("directory", func(t *testing.T) {
		st, err := store.NewDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		history(t, st)
	})
}

func history(t *testing.T, st store.Store) {
	if revisions, err := Revisions(t.Context(), st, dir); err != nil || revisions != nil {
		t.Errorf("revisions %v (%v) of nothing", revisions, err)
	}
	publishOK(t, st, partition(true, "1", "one", "two"), Published, 1)
	publishOK(t, st, partition(true, "2", "three"), Restated, 2)
	publishOK(t, st, partition(true, "3", "three"), Refreshed, 2)
	publishOK(t, st, partition(true, "4", "four"), Restated, 3)

	// Another partition whose name begins alike.
	other := partition(true, "1", "x")
	other.Dir = strings.TrimSuffix(dir, "/") + "0/"
	for _, p := range []Partition{other, partition(true, "1", "y")} {
		p.Dir = other.Dir
		if err := again(t.Context(), st, p); err != nil {
			t.Fatal(err)
		}
	}

	if revisions, err := Revisions(t.Context(), st, dir); err != nil || !slices.Equal(revisions, []int{1, 2, 3}) {
		t.Errorf("revisions %v (%v), want 1 to 3", revisions, err)
	}
	if revisions, err := Revisions(t.Context(), st, "reports/sessions/"); err != nil || revisions != nil {
		t.Errorf("revisions %v (%v) of what is no partition", revisions, err)
	}
	for i, want := range []struct{ content, etag, place string }{
		{"one|two", "1", HistoryRoot + dir + "r1/part-0-r1-"},
		{"three", "3", HistoryRoot + dir + "r2/part-0-r2-"}, // as it was refreshed
		{"four", "4", dir + "part-0-r3-"},
	} {
		m, err := ReadRevision(t.Context(), st, dir, i+1)
		if err != nil {
			t.Fatal(err)
		}
		if got := whole(t, st, &m); got != want.content || m.Revision != i+1 || m.Inputs[0].ETag != want.etag || !strings.HasPrefix(m.Parts[0].Key, want.place) {
			t.Errorf("revision %d is %q: %+v", i+1, got, m)
		}
	}
	for _, revision := range []int{0, 4} {
		if _, err := ReadRevision(t.Context(), st, dir, revision); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("revision %d: %v, want not found", revision, err)
		}
	}
}

// A damaged partition cannot be kept, but can be mended.
func TestADamagedRevisionIsNotKept(t *testing.T) {
	for name, damage := range map[string]func(st *store.Memory, key string) error{
		"missing": func(st *store.Memory, key string) error { return st.Delete(t.Context(), key) },
		"other": func(st *store.Memory, key string) error {
			_, err := st.Put(t.Context(), key, strings.NewReader("twp"), 3, store.Condition{})
			return err
		},
		"short": func(st *store.Memory, key string) error {
			_, err := st.Put(t.Context(), key, strings.NewReader("t"), 1, store.Condition{})
			return err
		},
	} {
		st := store.NewMemory(nil)
		m := publishOK(t, st, partition(true, "1", "one", "two"), Published, 1)
		if err := damage(st, m.Parts[1].Key); err != nil {
			t.Fatal(err)
		}
		publishOK(t, st, partition(true, "2", "three"), Restated, 2)
		if got := published(t, st); got != "three" || parts(t, st) != 1 {
			t.Errorf("%s: published %q in %d parts", name, got, parts(t, st))
		}
		if revisions, err := Revisions(t.Context(), st, dir); err != nil || !slices.Equal(revisions, []int{2}) {
			t.Errorf("%s: revisions %v (%v), want 2 only", name, revisions, err)
		}
	}
}

func TestParseHistory(t *testing.T) {
	for key, want := range map[string]struct {
		dir      string
		revision int
		ok       bool
	}{
		"_history/reports/s/dt=2026-11-20/r12/_manifest.json": {"reports/s/dt=2026-11-20/", 12, true},
		"_history/r1/r2/x":    {"r1/", 2, true},
		"_history/r2/r2/x":    {"r2/", 2, true},
		"_history/s/r0/x":     {},
		"_history/s/r01/x":    {},
		"_history/s/r+1/x":    {},
		"_history/s/x":        {},
		"_history/x":          {},
		"reports/s/r1/x":      {},
		"_history/s/r1/sub/x": {},
	} {
		dir, revision, ok := parseHistory(key)
		if ok != want.ok || dir != want.dir && ok || revision != want.revision {
			t.Errorf("%s: %q, %d, %v; want %+v", key, dir, revision, ok, want)
		}
	}
}
