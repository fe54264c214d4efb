package service

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/runs"
	"daybook/sinks/webhook"
	"daybook/sources/store"
	"daybook/sources/store/faultstest"
	"daybook/transform/day"
)

var errRefused = errors.New("the hook is not there")

func TestFailedDeliveriesAreRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.days(t, 2)
		refusals := 0
		w.refuses = func(e Event) error {
			if e.Event == eventLate && refusals < 3 {
				refusals++
				return errRefused
			}
			return nil
		}
		w.start(t, "a", w.sink)
		at(t, "04 12:00:00")
		sameNews(t, w, "late 2000-01-03")
		if refusals != 3 {
			t.Errorf("it was refused %d times", refusals)
		}
	})
}

func TestDeliveriesAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.days(t, 2)
		refusals := map[string]int{}
		w.refuses = func(e Event) error { refusals[e.ID]++; return errRefused }
		w.start(t, "a", w.sink)
		at(t, "05 00:00:00")
		for id, n := range refusals {
			if n != deliveryAttempts {
				t.Errorf("%s was tried %d times, want %d", id, n, deliveryAttempts)
			}
		}
		if len(refusals) != 1 {
			t.Errorf("%d events were to be delivered", len(refusals))
		}
		cs, _, err := readControllerState(t.Context(), w.sink)
		if err != nil || len(cs.Outbox) > 0 {
			t.Errorf("in the outbox: %v (%v)", cs.Outbox, err)
		}
	})
}

func TestRejectedMessageIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.days(t, 2)
		refusals := 0
		w.refuses = func(Event) error {
			refusals++
			return fmt.Errorf("deliver it: %w: it answers 404", webhook.ErrRefused)
		}
		w.start(t, "a", w.sink)
		at(t, "04 12:00:00")
		if refusals != 1 {
			t.Errorf("it was tried %d times", refusals)
		}
		if cs, _, err := readControllerState(t.Context(), w.sink); err != nil || len(cs.Outbox) > 0 {
			t.Errorf("in the outbox: %v (%v)", cs.Outbox, err)
		}
	})
}

// A hook that hangs delays neither other hooks nor the work.
func TestHangingHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.days(t, 2)
		c := w.settings(t, w.sink)
		c.Hooks = append(c.Hooks,
			Hook{Name: "hangs", Deliver: func(ctx context.Context, _ *Event) error { <-ctx.Done(); return ctx.Err() }},
			Hook{Name: "restated only", Events: []string{eventRestated}, Deliver: func(_ context.Context, e *Event) error {
				t.Errorf("received %+v", e)
				return nil
			}})
		r := w.startWith(t, "a", c)
		at(t, "04 06:06:00")
		sameNews(t, w, "late 2000-01-03")
		w.dump(t, "2000/01/04/a.ndjson", "2000-01-04", 4)
		at(t, "04 06:16:00")
		r.wants(t, "sessions", map[string]PartitionState{"03": Empty})
		sameNews(t, w, "recovered 2000-01-03")
		if err := r.stop(); err != nil {
			t.Errorf("stopped: %v", err)
		}
	})
}

func TestManyRestatementsAreCombined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.days(t, 25)
		at(t, "26 12:00:00")
		r := w.start(t, "a", w.sink)
		at(t, "26 12:06:00")
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		sameNews(t, w, "late 2000-01-01 to 2000-01-25", "recovered 2000-01-01 to 2000-01-25")
		w.config.Reports[0].Language = "nl" // another definition: every day is rebuilt
		c := w.settings(t, w.sink)
		for i := range c.Pipeline.Reports {
			c.Pipeline.Reports[i].Labels.Name = "Klant" // and with other bytes
		}
		for d := 1; d <= 25; d++ {
			w.dump(t, fmt.Sprintf("2000/01/%02d/more.ndjson", d), fmt.Sprintf("2000-01-%02d", d), 100+d)
		}
		w.startWith(t, "a", c)
		at(t, "26 12:20:00")
		sameNews(t, w, "restated 2000-01-01 to 2000-01-25")
	})
}

// If any one call to the sink fails, in any way, everything is published in the
// end, and every event is delivered.
func TestAnyCallMayFail(t *testing.T) {
	calls := serveWithFault(t, 0, faultstest.None)
	if calls < 50 {
		t.Fatalf("there were %d calls only", calls)
	}
	// Most calls are alike, made by looks, so each fault tries a sample of them.
	every := 23
	if testing.Short() {
		every = 101
	}
	for i, fault := range []faultstest.Fault{faultstest.Drop, faultstest.LoseAnswer, faultstest.Repeat, faultstest.Stall} {
		for n := 1 + 5*i; n <= calls; n += every {
			serveWithFault(t, n, fault)
		}
	}
}

// serveWithFault serves for three days, in which call n to the sink has a fault,
// and returns the number of calls.
func serveWithFault(t *testing.T, n int, fault faultstest.Fault) (calls int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.config.Serve.Interval = 6 * tick
		w.config.Serve.Lease = 6 * tick
		w.days(t, 3)
		w.put(t, "2000/01/02/b.ndjson.gz", broken)
		at(t, "02 23:00:00")
		var mu sync.Mutex
		sink := faultstest.New(w.sink, func(faultstest.Call) faultstest.Outcome {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls == n {
				return faultstest.Outcome{Fault: fault}
			}
			return faultstest.Outcome{}
		})
		r := w.start(t, "a", store.WithStallTimeout(sink, time.Minute))
		at(t, "03 12:00:00")
		if err := w.source.Delete(t.Context(), "2000/01/02/b.ndjson.gz"); err != nil {
			t.Fatal(err)
		}
		w.dump(t, "2000/01/03/late.ndjson", "2000-01-01", 9)
		at(t, "04 04:00:00")
		if err := r.stop(); err != nil {
			t.Errorf("fault %d at call %d: stopped: %v", fault, n, err)
		}
		received := slices.Compact(w.news()) // a delivery whose note was lost is repeated
		text := strings.Join(received, ", ")
		for _, want := range []string{"failed 2000-01-02", "recovered 2000-01-02", "late 2000-01-02"} {
			if !slices.Contains(received, want) {
				t.Errorf("fault %d at call %d: there is no event %q, but %s", fault, n, want, text)
			}
		}
		for date, rows := range map[string]int64{"2000-01-01": 2, "2000-01-02": 1, "2000-01-03": 1} {
			if m := w.manifest(t, "sessions", date); m == nil || m.Rows != rows {
				t.Errorf("fault %d at call %d: %s is %+v", fault, n, date, m)
			}
		}
	})
	return calls
}

func TestPauses(t *testing.T) {
	p := retryPolicy{firstPause: time.Minute, maxPause: 10 * time.Minute}
	for failures, want := range map[int]time.Duration{1: time.Minute, 2: 2 * time.Minute, 4: 8 * time.Minute, 5: 10 * time.Minute, 1000: 10 * time.Minute} {
		if got := p.pause(failures); got != want {
			t.Errorf("after %d failures: %s, want %s", failures, got, want)
		}
	}
}

// The failures of a run are written together, not one by one.
func TestFailuresAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		const days = 20
		for d := 1; d <= days; d++ {
			w.put(t, fmt.Sprintf("2000/01/%02d/a.ndjson.gz", d), broken)
		}
		at(t, "21 12:00:00")
		var puts atomic.Int64
		c := w.settings(t, faultstest.New(w.sink, func(c faultstest.Call) faultstest.Outcome {
			if c.Op == faultstest.Put && c.Key == controllerStateKey {
				puts.Add(1)
			}
			return faultstest.Outcome{}
		}))
		c.Hooks = nil
		w.startWith(t, "a", c)
		at(t, "21 12:01:00")
		if cs, _, err := readControllerState(t.Context(), w.sink); err != nil || len(cs.Retries) != days {
			t.Errorf("%d failures were counted (%v)", len(cs.Retries), err)
		}
		if n := puts.Load(); n > days/2 { // looks may write in between
			t.Errorf("the controller state was written %d times", n)
		}
	})
}

// The controller state can be written even at its limits: more failed steps than
// it records, all alerts, and a full outbox.
func TestControllerStateAlwaysFits(t *testing.T) {
	w := newWorld()
	c := w.settings(t, w.sink)
	controller := newControllerStore(newActiveConfig(&c))
	now := time.Now().UTC()
	ev := &evaluation{now: now, config: &c, steps: map[partition.ID]*plan.Step{}}
	for d := range day.Day(maxRetries/4 + 1) {
		for _, rep := range []string{"", "sessions", "emea_tier_1", "americas"} {
			step := &plan.Step{ID: partition.DayID(rep, d), Inputs: hashOf(rep, d.String())[:16], Failed: strings.Repeat("x", 2*maxErrorText)}
			if rep == "" {
				step.ID = partition.DigestID(d)
			}
			ev.steps[step.ID] = step
		}
	}
	cs, err := controller.edit(t.Context(), func(cs *controllerState) {
		for _, step := range ev.steps {
			now = now.Add(time.Millisecond)
			cs.fail(step, runs.Begin("a", "schedule", now).ID, now, &retryPolicy{10, time.Minute, time.Hour})
		}
		open := ev.alerts(cs, new(State))
		cs.combineNew(open)
		for _, e := range cs.updateAlerts(open, ev, new(State)) {
			cs.post(e, c.Hooks)
		}
		for i := range maxOutbox {
			cs.post(Event{ID: hashOf(fmt.Sprint(i)), Text: rand.Text() + strings.Repeat("x", 10*maxEventText), Time: now}, c.Hooks)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(cs.Retries) != maxRetries || len(cs.Outbox) != maxOutbox || len(cs.Alerts) != 4 {
		t.Errorf("%d failures, %d messages, %d alerts", len(cs.Retries), len(cs.Outbox), len(cs.Alerts))
	}
	if there, _, err := readControllerState(t.Context(), w.sink); err != nil || len(there.Retries) != maxRetries {
		t.Errorf("%d failures were written (%v)", len(there.Retries), err)
	}
}

// Many alerts of a series are combined into one, which is sent again when its
// number has doubled and when few are left. An alert that was sent before stays
// single.
func TestManyAlertsAreCombined(t *testing.T) {
	cs, _, err := readControllerState(t.Context(), store.NewMemory(nil))
	if err != nil {
		t.Fatal(err)
	}
	first := day.Date(2000, time.January, 1)
	for _, step := range []struct {
		n, setAside int // of the days from 1 January on
		want        string
	}{
		{2, 0, "failed 2000-01-01, failed 2000-01-02"},
		{30, 0, "failed 2000-01-03 to 2000-01-30"},
		{50, 0, ""},
		{58, 0, "failed 2000-01-03 to 2000-02-27"},
		{58, 58, "failed 2000-01-01, failed 2000-01-02, failed 2000-01-03 to 2000-02-27"},
		{60, 58, "failed 2000-01-03 to 2000-02-29"}, // others fail
		{20, 20, "failed 2000-01-03, failed 2000-01-04, failed 2000-01-05, failed 2000-01-06, failed 2000-01-07, failed 2000-01-08, " +
			"failed 2000-01-09, failed 2000-01-10, failed 2000-01-11, failed 2000-01-12, failed 2000-01-13, failed 2000-01-14, failed 2000-01-15, " +
			"failed 2000-01-16, failed 2000-01-17, failed 2000-01-18, failed 2000-01-19, failed 2000-01-20, recovered 2000-01-03 to 2000-02-29"},
		{20, 20, ""},
	} {
		ev := &evaluation{now: time.Now(), steps: map[partition.ID]*plan.Step{}}
		cs.Retries = map[partition.ID]*retryState{}
		for i := range step.n {
			s := &plan.Step{ID: partition.DayID("sessions", first+day.Day(i))}
			ev.steps[s.ID], cs.Retries[s.ID] = s, &retryState{SetAside: i < step.setAside}
		}
		open := ev.alerts(cs, new(State))
		cs.combineNew(open)
		var events []string
		for _, e := range cs.updateAlerts(open, ev, new(State)) {
			events = append(events, e.Event+" "+e.Partition)
		}
		slices.Sort(events)
		if got := strings.Join(events, ", "); got != step.want {
			t.Errorf("with %d failed, %d of them set aside, the events are %q, want %q", step.n, step.setAside, got, step.want)
		}
	}
}

// A failure counts once per run: a change of the controller state may be applied
// twice.
func TestFailureCountsOncePerRun(t *testing.T) {
	cs, _, err := readControllerState(t.Context(), store.NewMemory(nil))
	if err != nil {
		t.Fatal(err)
	}
	step := &plan.Step{ID: partition.DayID("sessions", day.Date(2000, time.January, 1)), Inputs: "a"}
	p := &retryPolicy{attempts: 2, firstPause: time.Minute, maxPause: time.Hour}
	now := time.Now()
	cs.fail(step, "run 1", now, p)
	cs.fail(step, "run 1", now, p)
	if retry := cs.retryOf(step); retry.Failures != 1 || retry.SetAside || !retry.waits(now) || retry.waits(now.Add(time.Minute)) {
		t.Errorf("after one run: %+v", retry)
	}
	cs.fail(step, "run 2", now, p)
	if retry := cs.retryOf(step); retry.Failures != 2 || !retry.SetAside || !retry.waits(now.Add(1000*time.Hour)) {
		t.Errorf("after two runs: %+v", retry)
	}
	other := *step
	other.Inputs = "b"
	if retry := cs.retryOf(&other); retry.waits(now) {
		t.Errorf("with other inputs: %+v", retry)
	}
}

func TestShortened(t *testing.T) {
	long := strings.Repeat("é", maxErrorText)
	if got := shortened(long, maxErrorText); len(got) > maxErrorText+len("…") || !strings.HasPrefix(long, strings.TrimSuffix(got, "…")) {
		t.Errorf("%d bytes", len(got))
	}
}
