package pipeline

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"daybook/sources/store"
	"daybook/transform/report"
)

// restated publishes the 20th three times: with session 1, 2, and 3 more.
func restated(t *testing.T, source, sink store.Store) *Runner {
	t.Helper()
	r := newRunner(t, source, sink)
	for i := range 3 {
		put(t, source, "2026/11/20/"+string(rune('a'+i))+".ndjson", sessionLines(i+1))
		run(t, r, theDay(t))
	}
	return r
}

func added(sessions ...int64) *report.Difference {
	d := &report.Difference{Added: int64(len(sessions))}
	for _, s := range sessions {
		d.Changes = append(d.Changes, report.Change{Session: s, Kind: report.Added})
	}
	return d
}

func TestDiff(t *testing.T) {
	r := restated(t, store.NewMemory(nil), store.NewMemory(nil))
	for _, c := range []struct {
		from, to int
		same     int64
		added    []int64
	}{{0, 0, 2, []int64{3}}, {0, 2, 1, []int64{2}}, {1, 0, 1, []int64{2, 3}}, {1, 3, 1, []int64{2, 3}}, {2, 2, 2, nil}} {
		d, err := r.Diff(t.Context(), "sessions", day20, c.from, c.to)
		if err != nil {
			t.Errorf("%d..%d: %v", c.from, c.to, err)
			continue
		}
		want := added(c.added...)
		want.Same = c.same
		if diff := cmp.Diff(want, d.Difference); diff != "" {
			t.Errorf("%d..%d (-want +got):\n%s", c.from, c.to, diff)
		}
	}
	for _, c := range []struct {
		partition string
		from, to  int
		want      string
	}{
		{day20, 0, 1, "revision 1 of mem://reports/sessions/dt=2026-11-20/ is the first one: there is nothing to compare it with"},
		{day20, 1, 4, "there are 1, 2, 3"},
		{day20, 7, 0, "revision 7 of mem://reports/sessions/dt=2026-11-20/: not found; it never existed, or has expired; there are 1, 2, 3"},
		{"2026-11-21", 0, 0, "there is nothing published in mem://reports/sessions/dt=2026-11-21/"},
		{"2026-11-21", 1, 2, "there are none"},
		{"20", 0, 0, `"20" is no partition`},
	} {
		if _, err := r.Diff(t.Context(), "sessions", c.partition, c.from, c.to); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %d..%d: %v, want %s", c.partition, c.from, c.to, err, c.want)
		}
	}
}

// A revision may be superseded while its rows are read: they are read from
// where it is kept then.
func TestDiffWhileRestated(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	r := restated(t, source, sink)
	interrupted := *r
	once := false
	interrupted.Sink = openHook{sink, func(key string) {
		if strings.HasPrefix(key, "reports/sessions/dt=2026-11-20/part-0-r3-") && !once {
			once = true
			put(t, source, "2026/11/20/d.ndjson", sessionLines(4))
			run(t, r, theDay(t))
		}
	}}
	d, err := interrupted.Diff(t.Context(), "sessions", day20, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	want := added(3)
	want.Same = 2
	if diff := cmp.Diff(want, d.Difference); diff != "" || !once {
		t.Errorf("restated meanwhile: %t (-want +got):\n%s", once, diff)
	}
}

// openHook is told of every key before it is opened.
type openHook struct {
	store.Store
	opened func(key string)
}

func (h openHook) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	h.opened(key)
	return h.Store.Open(ctx, key, offset, length, ifMatch)
}

// What cannot be read is an error that names it.
func TestDiffFails(t *testing.T) {
	sink := store.NewMemory(nil)
	r := restated(t, store.NewMemory(nil), sink)
	put(t, sink, "_history/reports/sessions/dt=2026-11-20/r2/_manifest.json", "{")
	if _, err := r.Diff(t.Context(), "sessions", day20, 0, 0); err == nil || errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "r2/_manifest.json") {
		t.Errorf("a broken manifest: %v", err)
	}
}
