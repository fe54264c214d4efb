package alerts_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"daybook/config"
	"daybook/pipeline/deliver"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/servicetest"
	"daybook/sinks/webhook"
	"daybook/sources/store"
)

// inbox receives the messages of deliveries.
type inbox struct {
	mu      sync.Mutex
	got     []string // kind and period
	refuses func() error
}

// hooks are those of a world, with its deliveries, which go to the inbox.
func (in *inbox) hooks(t *testing.T, w *servicetest.World) replica.Config {
	t.Helper()
	c := w.Settings(t, w.Sink)
	all, err := deliver.New(w.Config)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		c.Hooks = append(c.Hooks, replica.Hook{Name: d.Name, Delivery: d, Deliver: func(_ context.Context, e *webhook.Event) error {
			in.mu.Lock()
			defer in.mu.Unlock()
			if in.refuses != nil {
				if err := in.refuses(); err != nil {
					return err
				}
			}
			in.got = append(in.got, e.Event+" "+e.Kind+" "+e.Partition)
			return nil
		}})
	}
	return c
}

func (in *inbox) wants(t *testing.T, want ...string) {
	t.Helper()
	in.mu.Lock()
	defer in.mu.Unlock()
	slices.Sort(in.got)
	if !slices.Equal(in.got, want) {
		t.Errorf("delivered %q, want %q", in.got, want)
	}
	in.got = nil
}

// delivering is a world whose report has deliveries to Slack.
func delivering(again bool, every ...string) *servicetest.World {
	w := servicetest.New()
	for _, e := range every {
		w.Config.Reports[0].Deliver = append(w.Config.Reports[0].Deliver,
			config.Delivery{Every: e, Format: "slack", Again: again, URL: config.NewSecret("https://hooks.example.org/t0ken")})
	}
	return w
}

// Each period is delivered once: over a restart, with two replicas, and on another replica.
// The newest day that was published before the setting is not delivered.
func TestPeriodsAreDeliveredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, in := delivering(false, "day", "week"), &inbox{}
		w.Days(t, 10)
		servicetest.At(t, "02 06:00:00")
		before := w.Start(t, "before", w.Sink)
		servicetest.At(t, "02 07:00:00")
		if err := before.Stop(); err != nil {
			t.Fatal(err)
		}
		a := w.StartWith(t, "a", in.hooks(t, w))
		servicetest.At(t, "04 06:00:00")
		in.wants(t, "delivery day 2000-01-02", "delivery day 2000-01-03")
		b := w.StartWith(t, "b", in.hooks(t, w))
		servicetest.At(t, "05 06:00:00")
		if err := a.Stop(); err != nil {
			t.Fatal(err)
		}
		servicetest.At(t, "06 06:00:00")
		in.wants(t, "delivery day 2000-01-04", "delivery day 2000-01-05")
		if err := b.Stop(); err != nil {
			t.Fatal(err)
		}
		w.StartWith(t, "c", in.hooks(t, w))
		servicetest.At(t, "06 12:00:00")
		in.wants(t)
		w.Dump(t, "2000/01/04/late.ndjson", "2000-01-04", 99)
		servicetest.At(t, "06 13:00:00")
		if m := w.Manifest(t, "sessions", "2000-01-04"); m == nil || m.Revision != 2 {
			t.Fatalf("the day is not restated: %+v", m)
		}
		in.wants(t)
		servicetest.At(t, "10 06:00:00") // 2000-01-03 is a Monday
		in.wants(t, "delivery day 2000-01-06", "delivery day 2000-01-07", "delivery day 2000-01-08", "delivery day 2000-01-09", "delivery week 2000-W01")
	})
}

// A restated period is delivered again only if that is configured.
func TestRestatedPeriodIsDeliveredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, in := delivering(true, "day"), &inbox{}
		w.Days(t, 4)
		servicetest.At(t, "02 01:00:00")
		w.StartWith(t, "a", in.hooks(t, w))
		servicetest.At(t, "04 06:00:00")
		in.wants(t, "delivery day 2000-01-01", "delivery day 2000-01-02", "delivery day 2000-01-03")
		w.Dump(t, "2000/01/02/late.ndjson", "2000-01-02", 99)
		servicetest.At(t, "04 07:00:00")
		in.wants(t, "redelivery day 2000-01-02")
	})
}

// A backfill of many days delivers the newest day alone, and a long pause at most a week.
func TestOldPeriodsAreNotDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, in := delivering(false, "day"), &inbox{}
		w.Days(t, 29)
		servicetest.At(t, "15 01:00:00")
		a := w.StartWith(t, "a", in.hooks(t, w))
		servicetest.At(t, "15 06:00:00")
		in.wants(t, "delivery day 2000-01-14")
		if err := a.Stop(); err != nil {
			t.Fatal(err)
		}
		servicetest.At(t, "29 06:00:00")
		w.StartWith(t, "a", in.hooks(t, w))
		servicetest.At(t, "29 12:00:00")
		var want []string
		for d := 22; d <= 28; d++ {
			want = append(want, fmt.Sprintf("delivery day 2000-01-%d", d))
		}
		in.wants(t, want...)
	})
}

// A message that is given up is noted, counted, and told to the hooks.
func TestGivenUpMessageIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, in := delivering(false, "day"), &inbox{}
		w.Days(t, 1)
		tries := 0
		in.refuses = func() error { tries++; return errRefused }
		servicetest.At(t, "02 01:00:00")
		r := w.StartWith(t, "a", in.hooks(t, w))
		servicetest.At(t, "02 11:00:00")
		w.SameNews(t, "failed 2000-01-01")
		const attempts = 10
		if tries != attempts {
			t.Errorf("it was tried %d times, want %d", tries, attempts)
		}
		cs, _, err := controller.Read(t.Context(), w.Sink)
		if err != nil {
			t.Fatal(err)
		}
		p := cs.Deliveries["sessions/day/slack"].Posted["2000-01-01"]
		if p == nil || p.Outcome != controller.GivenUp || !strings.Contains(p.Error, errRefused.Error()) {
			t.Errorf("noted: %+v", p)
		}
		if got := r.Metric(t, "daybook_webhook_deliveries_total", "sessions/day/slack", "given_up"); got != 1 {
			t.Errorf("%g messages were counted as given up", got)
		}
	})
}

// mortal is the sink of a replica that can be killed: from then on, it writes nothing.
type mortal struct {
	store.Store
	dead     atomic.Bool
	recorded atomic.Bool // kill it after the next write of the stored state
}

var errKilled = errors.New("the process was killed")

func (m *mortal) Put(ctx context.Context, key string, body io.ReaderAt, size int64, c store.Condition) (store.Object, error) {
	if m.dead.Load() {
		return store.Object{}, errKilled
	}
	o, err := m.Store.Put(ctx, key, body, size, c)
	if key == controller.Key && m.recorded.Load() {
		m.dead.Store(true)
	}
	return o, err
}

// A message of a replica that is killed comes at least once. It comes once more, with the
// same id, if the replica was killed after it had sent it and before that was recorded.
func TestDeliveryOfAKilledReplica(t *testing.T) {
	for killed, want := range map[string]int{"before it sends": 1, "before it records": 2, "after it recorded": 1} {
		t.Run(killed, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, sink := delivering(false, "day"), &mortal{}
				w.Days(t, 1)
				sink.Store = w.Sink
				var mu sync.Mutex
				var ids []string
				first := (&inbox{}).hooks(t, w)
				c := w.Settings(t, sink)
				c.Hooks = append(c.Hooks, first.Hooks[len(first.Hooks)-1])
				c.Hooks[len(c.Hooks)-1].Deliver = func(_ context.Context, e *webhook.Event) error {
					mu.Lock()
					defer mu.Unlock()
					if sink.dead.Load() || killed == "before it sends" {
						sink.dead.Store(true)
						return errKilled
					}
					ids = append(ids, e.ID)
					if killed == "before it records" {
						sink.dead.Store(true)
					}
					sink.recorded.Store(true)
					return nil
				}
				servicetest.At(t, "02 01:00:00")
				a := w.StartWith(t, "a", c)
				servicetest.At(t, "02 11:00:00")
				if !sink.dead.Load() {
					t.Fatal("it was not killed")
				}
				_ = a.Stop() // it cannot write that it ends
				second := (&inbox{}).hooks(t, w)
				second.Hooks[len(second.Hooks)-1].Deliver = func(_ context.Context, e *webhook.Event) error {
					mu.Lock()
					defer mu.Unlock()
					ids = append(ids, e.ID)
					return nil
				}
				w.StartWith(t, "b", second)
				servicetest.At(t, "02 23:00:00")
				mu.Lock()
				defer mu.Unlock()
				if len(ids) != want || len(slices.Compact(ids)) != 1 {
					t.Errorf("the messages %q were sent, want %d of one id", ids, want)
				}
			})
		})
	}
}
