package service

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

func TestActions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.config.Reports[0].Schedule.CatchUp = "none"
		w.days(t, 4)
		at(t, "05 12:00:00")
		r := w.start(t, "a", w.sink)
		at(t, "05 12:10:00")
		r.wants(t, "sessions", map[string]PartitionState{"01": Missing, "02": Missing, "03": Missing, "04": Missing})

		act := func(a Action) {
			t.Helper()
			if err := r.Act(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		act(Action{Verb: "run", Report: "sessions", From: "2000-01-02"})
		r.wants(t, "sessions", map[string]PartitionState{"01": Missing, "02": Published, "03": Missing, "04": Missing})
		act(Action{Verb: "backfill", From: "2000-01-01", To: "2000-01-03"})
		r.wants(t, "sessions", map[string]PartitionState{"01": Published, "02": Published, "03": Published, "04": Missing})
		act(Action{Verb: "rebuild", From: "2000-01-01"})
		runs, err := r.Runs(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		var triggers []string
		for _, run := range runs {
			triggers = append(triggers, run.Trigger)
		}
		if got, want := strings.Join(triggers, ", "), "rebuild 2000-01-01, backfill 2000-01-01 to 2000-01-03, run sessions 2000-01-02"; got != want {
			t.Errorf("the runs are %s; want %s", got, want)
		}
		for _, d := range []string{"2000-01-01", "2000-01-02"} {
			if m := w.manifest(t, "sessions", d); m.Revision != 1 {
				t.Errorf("%s is revision %d", d, m.Revision)
			}
		}
	})
}

// An action on the current month ends yesterday. It refuses a month to come.
func TestActionOnTheCurrentMonth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.config.Reports[0].Schedule.CatchUp = "none"
		w.days(t, 4)
		at(t, "05 12:00:00")
		r := w.start(t, "a", w.sink)
		at(t, "05 12:10:00")
		if err := r.Act(t.Context(), Action{Verb: VerbRun, From: "2000-02"}); !errors.Is(err, ErrBadAction) {
			t.Errorf("a month to come: %v", err)
		}
		if err := r.Act(t.Context(), Action{Verb: VerbRun, From: "2000-01"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		r.wants(t, "sessions", map[string]PartitionState{"01": Published, "04": Published})
		for _, date := range []string{"2000-01-05", "2000-01-06"} {
			if m := w.manifest(t, "sessions", date); m != nil {
				t.Errorf("%s is published", date)
			}
		}
	})
}

func TestInvalidActions(t *testing.T) {
	w := newWorld()
	c := w.settings(t, w.sink)
	for _, a := range []Action{
		{Verb: "delete", From: "2000-01-01"},
		{Verb: "run"},
		{Verb: "run", From: "2000-01-32"},
		{Verb: "run", From: "2000-13"},
		{Verb: "run", From: "../../etc/passwd"},
		{Verb: "run", Report: "other", From: "2000-01-01"},
		{Verb: "backfill", From: "2000-01-02", To: "2000-01-01"},
		{Verb: "backfill", From: "2000-01", To: "2000-02"},
		{Verb: strings.Repeat("x", 1<<16), From: "2000-01-01"},
		{Verb: "rebuild", Kind: "digest", From: "2000-01-01"},
		{Verb: "retry", Kind: "digest", Report: "sessions", From: "2000-01-01"},
		{Verb: "retry", Kind: partition.Kind(strings.Repeat("x", 1<<16)), From: "2000-01-01"},
	} {
		s := &Service{config: newActiveConfig(&c)}
		if err := s.Act(t.Context(), a); !errors.Is(err, ErrBadAction) || len(err.Error()) > 300 {
			t.Errorf("%+.100v: %v", a, err)
		}
	}
}

func TestTooManyActions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.days(t, 4)
		at(t, "05 12:00:00")
		begun := make(chan struct{})
		r := w.start(t, "a", slow(w.sink, time.Hour, begun))
		<-begun
		for range maxActions {
			if err := r.Act(t.Context(), Action{Verb: "run", From: "2000-01-01"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Act(t.Context(), Action{Verb: "run", From: "2000-01-01"}); !errors.Is(err, ErrBusy) {
			t.Errorf("one more: %v", err)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if err := r.Act(t.Context(), Action{Verb: "run", From: "2000-01-01"}); err != nil {
			t.Errorf("when they are done: %v", err)
		}
	})
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.days(t, 2)
		bad := make(chan struct{})
		w.source = faultstest.New(w.source, func(faultstest.Call) faultstest.Outcome {
			select {
			case <-bad:
				return faultstest.Outcome{Fault: faultstest.Drop}
			default:
				return faultstest.Outcome{}
			}
		})
		c := w.settings(t, w.sink)
		idle, err := New(Options{Config: c, Replica: "idle", Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		if h := idle.Health(); h.Ready || !says(h, "no look has finished yet") {
			t.Errorf("before the first look: %+v", h)
		}
		if err := idle.jobs.scheduler.Shutdown(); err != nil {
			t.Fatal(err)
		}
		r := w.start(t, "a", w.sink)
		at(t, "01 00:10:00")
		if h := r.Health(); !h.Ready {
			t.Errorf("after a look: %+v", h)
		}
		close(bad)
		at(t, "01 00:16:00")
		if h := r.Health(); h.Ready || !says(h, "the last look failed") {
			t.Errorf("after a look that failed: %+v", h)
		}
		if state := r.State(); state.Problem == "" || len(state.Digests) == 0 {
			t.Errorf("the result of the earlier look is gone: %+v", state)
		}
		at(t, "01 00:40:00")
		if h := r.Health(); !says(h, "the last successful look was") {
			t.Errorf("after no look for long: %+v", h)
		}
		if err := r.jobs.scheduler.RemoveJob(r.jobs.job(workName).ID()); err != nil {
			t.Fatal(err)
		}
		if h := r.Health(); !says(h, "the scheduler has lost the job work") {
			t.Errorf("after a job was lost: %+v", h)
		}
	})
}

// denied is a store that refuses writes while its reason is not nil.
type denied struct {
	store.Store
	reason atomic.Pointer[error]
}

func (d *denied) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	if reason := d.reason.Load(); reason != nil && *reason != nil {
		return store.Object{}, &store.Error{Op: "put", URL: d.URL(key), Kind: *reason, Err: errors.New("open .tmp-" + rand.Text()), Final: true, NotApplied: true}
	}
	return d.Store.Put(ctx, key, body, size, cond)
}

// A sink that cannot be written is an error in the log, once for each reason.
func TestUnwritableSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.days(t, 2)
		var logged bytes.Buffer
		w.log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.LevelKey || a.Key == slog.MessageKey {
				return a
			}
			return slog.Attr{}
		}}))
		sink := &denied{Store: w.sink}
		sink.reason.Store(&store.ErrDenied)
		r := w.start(t, "a", sink)
		at(t, "02 12:00:00")
		sink.reason.Store(&store.ErrNoSpace)
		at(t, "02 13:00:00")
		sink.reason.Store(nil)
		at(t, "02 14:00:00")
		r.wants(t, "sessions", map[string]PartitionState{"01": Published})
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		const noLease = "level=ERROR msg=\"this replica builds nothing until it can read and write state/lease.json in the sink; it keeps trying\"\n"
		if text := logged.String(); strings.Count(text, noLease) != 2 || strings.Count(text, "level=ERROR") != 2 || strings.Count(text, "the lease can be taken again") != 1 {
			t.Errorf("the log is\n%s", text)
		}
	})
}

func says(h Health, reason string) bool {
	return strings.Contains(strings.Join(h.Reasons, "\n"), reason)
}

// A panic of a job becomes an error.
func TestPanicOfAJob(t *testing.T) {
	err := guarded(slog.New(slog.DiscardHandler), "look", func() error { panic("no such thing") })()
	if err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("%v", err)
	}
}

// A run that panics is recorded as failed, and has ended.
func TestPanicOfARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.days(t, 2)
		r := w.start(t, "a", w.sink)
		at(t, "01 00:01:00")
		err := r.runner.run(r.life.ctx, &order{
			trigger: "test", config: r.config.Load(), target: partition.Everything(),
			allow: func(*plan.Step) bool { panic("no such thing") },
		})
		if err != nil {
			t.Fatal(err)
		}
		if p := r.State().Progress; p.Run != "" {
			t.Errorf("it is still under way: %+v", p)
		}
		runs, err := r.Runs(t.Context(), 1)
		if err != nil || len(runs) != 1 || runs[0].Outcome != "failed" || !strings.Contains(runs[0].Error, "no such thing; this is a bug of daybook") {
			t.Errorf("it is recorded as %+v (%v)", runs, err)
		}
	})
}

func TestRetryCovers(t *testing.T) {
	w := newWorld()
	c := w.settings(t, w.sink)
	r, err := (&Action{Verb: "retry", Report: "sessions", From: "2000-01-10", To: "2000-01-12"}).parse(&c)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[partition.ID]bool{
		idOf(t, "sessions", "2000-01-10"): true,
		idOf(t, "sessions", "2000-01-13"): false,
		idOf(t, "other", "2000-01-10"):    false,
		idOf(t, "sessions", "2000-01"):    true,
		idOf(t, "sessions", "2000-02"):    false,
		idOf(t, "", "2000-01-07"):         true, // the look-back is two days
		idOf(t, "", "2000-01-06"):         false,
		idOf(t, "", "2000-01-13"):         true,
		idOf(t, "", "2000-01-14"):         false,
	} {
		if got := r.covers(id); got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}

// A retry of digests covers those of the dump days themselves, and nothing else.
func TestRetryCoversDigests(t *testing.T) {
	w := newWorld()
	c := w.settings(t, w.sink)
	r, err := (&Action{Verb: "retry", Kind: partition.Digest, From: "2000-01-10", To: "2000-01-12"}).parse(&c)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[partition.ID]bool{
		idOf(t, "", "2000-01-10"):         true,
		idOf(t, "", "2000-01-12"):         true,
		idOf(t, "", "2000-01-09"):         false,
		idOf(t, "", "2000-01-13"):         false,
		idOf(t, "sessions", "2000-01-10"): false,
		idOf(t, "sessions", "2000-01"):    false,
	} {
		if got := r.covers(id); got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}

// idOf is the partition with a name; without a report, the digest.
func idOf(t *testing.T, report, name string) partition.ID {
	t.Helper()
	id, err := partition.Parse(report, name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
