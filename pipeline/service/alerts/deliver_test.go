package alerts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/servicetest"
	"daybook/pipeline/service/states"
	"daybook/sinks/webhook"
)

func TestMain(m *testing.M) { servicetest.Main(m) }

var errRefused = errors.New("the hook is not there")

func TestFailedDeliveriesAreRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Days(t, 2)
		refusals := 0
		w.Refuses = func(e webhook.Event) error {
			if e.Event == "late" && refusals < 3 {
				refusals++
				return errRefused
			}
			return nil
		}
		w.Start(t, "a", w.Sink)
		servicetest.At(t, "04 12:00:00")
		w.SameNews(t, "late 2000-01-03")
		if refusals != 3 {
			t.Errorf("it was refused %d times", refusals)
		}
	})
}

func TestDeliveriesAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Days(t, 2)
		refusals := map[string]int{}
		w.Refuses = func(e webhook.Event) error { refusals[e.ID]++; return errRefused }
		w.Start(t, "a", w.Sink)
		servicetest.At(t, "05 00:00:00")
		const attempts = 10 // in about four hours
		for id, n := range refusals {
			if n != attempts {
				t.Errorf("%s was tried %d times, want %d", id, n, attempts)
			}
		}
		if len(refusals) != 1 {
			t.Errorf("%d events were to be delivered", len(refusals))
		}
		cs, _, err := controller.Read(t.Context(), w.Sink)
		if err != nil || len(cs.Outbox) > 0 {
			t.Errorf("in the outbox: %v (%v)", cs.Outbox, err)
		}
	})
}

func TestRejectedMessageIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Days(t, 2)
		refusals := 0
		w.Refuses = func(webhook.Event) error {
			refusals++
			return fmt.Errorf("deliver it: %w: it answers 404", webhook.ErrRefused)
		}
		w.Start(t, "a", w.Sink)
		servicetest.At(t, "04 12:00:00")
		if refusals != 1 {
			t.Errorf("it was tried %d times", refusals)
		}
		if cs, _, err := controller.Read(t.Context(), w.Sink); err != nil || len(cs.Outbox) > 0 {
			t.Errorf("in the outbox: %v (%v)", cs.Outbox, err)
		}
	})
}

// A hook that hangs delays neither other hooks nor the work.
func TestHangingHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Days(t, 2)
		c := w.Settings(t, w.Sink)
		c.Hooks = append(c.Hooks,
			replica.Hook{Name: "hangs", Deliver: func(ctx context.Context, _ *webhook.Event) error { <-ctx.Done(); return ctx.Err() }},
			replica.Hook{Name: "restated only", Events: []string{"restated"}, Deliver: func(_ context.Context, e *webhook.Event) error {
				t.Errorf("received %+v", e)
				return nil
			}})
		r := w.StartWith(t, "a", c)
		servicetest.At(t, "04 06:06:00")
		w.SameNews(t, "late 2000-01-03")
		w.Dump(t, "2000/01/04/a.ndjson", "2000-01-04", 4)
		servicetest.At(t, "04 06:16:00")
		r.Wants(t, "sessions", map[string]states.State{"03": states.Empty})
		w.SameNews(t, "recovered 2000-01-03")
		if err := r.Stop(); err != nil {
			t.Errorf("stopped: %v", err)
		}
	})
}

func TestManyRestatementsAreCombined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Days(t, 25)
		servicetest.At(t, "26 12:00:00")
		r := w.Start(t, "a", w.Sink)
		servicetest.At(t, "26 12:06:00")
		if err := r.Stop(); err != nil {
			t.Fatal(err)
		}
		w.SameNews(t, "late 2000-01-01 to 2000-01-25", "recovered 2000-01-01 to 2000-01-25")
		w.Config.Reports[0].Language = "nl" // another definition: every day is rebuilt
		c := w.Settings(t, w.Sink)
		for i := range c.Pipeline.Reports {
			c.Pipeline.Reports[i].Labels.Name = "Klant" // and with other bytes
		}
		for d := 1; d <= 25; d++ {
			w.Dump(t, fmt.Sprintf("2000/01/%02d/more.ndjson", d), fmt.Sprintf("2000-01-%02d", d), 100+d)
		}
		w.StartWith(t, "a", c)
		servicetest.At(t, "26 12:20:00")
		w.SameNews(t, "restated 2000-01-01 to 2000-01-25")
	})
}
