package inspect

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/sources/store"
	"daybook/transform/report"
)

// added is a difference that adds sessions.
func added(same int64, sessions ...int64) *report.Difference {
	d := &report.Difference{Same: same, Added: int64(len(sessions))}
	for _, s := range sessions {
		d.Changes = append(d.Changes, report.Change{Session: s, Kind: report.Added})
	}
	return d
}

func TestDiff(t *testing.T) {
	in := &Inspector{restated(t, store.NewMemory(nil), store.NewMemory(nil))}
	for _, c := range []struct {
		from, to int
		want     *report.Difference
	}{
		{0, 0, added(2, 3)}, {0, 2, added(1, 2)}, {1, 0, added(1, 2, 3)}, {1, 3, added(1, 2, 3)}, {2, 2, added(2)},
	} {
		d, err := in.Diff(t.Context(), theDay, c.from, c.to)
		if err != nil {
			t.Errorf("%d..%d: %v", c.from, c.to, err)
			continue
		}
		if diff := cmp.Diff(c.want, d.Difference); diff != "" {
			t.Errorf("%d..%d (-want +got):\n%s", c.from, c.to, diff)
		}
	}
	nextDay := partition.DayID("sessions", pipelinetest.Day+1)
	for _, c := range []struct {
		id       partition.ID
		from, to int
		want     string
	}{
		{theDay, 0, 1, "revision 1 of mem://reports/sessions/dt=2026-11-20/ is the first one: there is nothing to compare it with"},
		{theDay, 1, 4, "there are 1, 2, 3 (sink.keep_revisions says how long they are kept)"},
		{theDay, 7, 0, "revision 7 of mem://reports/sessions/dt=2026-11-20/: not found"},
		{nextDay, 0, 0, "there is nothing published in mem://reports/sessions/dt=2026-11-21/"},
		{nextDay, 1, 2, "there are none"},
	} {
		if _, err := in.Diff(t.Context(), c.id, c.from, c.to); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %d..%d: %v, want %s", c.id, c.from, c.to, err, c.want)
		}
	}
}

// A revision may move to the history while its rows are read: the comparison reads
// them from there.
func TestDiffDuringRestatement(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	s := restated(t, source, sink)
	interrupted := *s
	once := false
	interrupted.Sink = openHook{sink, func(key string) {
		if strings.HasPrefix(key, "reports/sessions/dt=2026-11-20/part-0-r3-") && !once {
			once = true
			pipelinetest.Put(t, source, "2026/11/20/d.ndjson", pipelinetest.SessionLines(4))
			pipelinetest.Run(t, s, pipelinetest.TheDay)
		}
	}}
	d, err := (&Inspector{&interrupted}).Diff(t.Context(), theDay, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(added(2, 3), d.Difference); diff != "" || !once {
		t.Errorf("restated meanwhile: %t (-want +got):\n%s", once, diff)
	}
}

// openHook calls opened with every key before it is opened.
type openHook struct {
	store.Store
	opened func(key string)
}

func (h openHook) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	h.opened(key)
	return h.Store.Open(ctx, key, offset, length, ifMatch)
}

// The error about a damaged manifest names it.
func TestDiffFails(t *testing.T) {
	sink := store.NewMemory(nil)
	in := &Inspector{restated(t, store.NewMemory(nil), sink)}
	pipelinetest.Put(t, sink, "_history/reports/sessions/dt=2026-11-20/r2/_manifest.json", "{")
	if _, err := in.Diff(t.Context(), theDay, 0, 0); err == nil || errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "r2/_manifest.json") {
		t.Errorf("a broken manifest: %v", err)
	}
}
