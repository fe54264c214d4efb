package service_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/servicetest"
	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

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
		w := servicetest.New()
		w.Config.Serve.Interval = 6 * servicetest.Tick
		w.Config.Serve.Lease = 6 * servicetest.Tick
		w.Days(t, 3)
		w.Put(t, "2000/01/02/b.ndjson.gz", servicetest.Broken)
		servicetest.At(t, "02 23:00:00")
		var mu sync.Mutex
		sink := faultstest.New(w.Sink, func(faultstest.Call) faultstest.Outcome {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls == n {
				return faultstest.Outcome{Fault: fault}
			}
			return faultstest.Outcome{}
		})
		r := w.Start(t, "a", store.WithStallTimeout(sink, time.Minute))
		servicetest.At(t, "03 12:00:00")
		if err := w.Source.Delete(t.Context(), "2000/01/02/b.ndjson.gz"); err != nil {
			t.Fatal(err)
		}
		w.Dump(t, "2000/01/03/late.ndjson", "2000-01-01", 9)
		servicetest.At(t, "04 04:00:00")
		if err := r.Stop(); err != nil {
			t.Errorf("fault %d at call %d: stopped: %v", fault, n, err)
		}
		received := slices.Compact(w.News()) // a delivery whose note was lost is repeated
		text := strings.Join(received, ", ")
		for _, want := range []string{"failed 2000-01-02", "recovered 2000-01-02", "late 2000-01-02"} {
			if !slices.Contains(received, want) {
				t.Errorf("fault %d at call %d: there is no event %q, but %s", fault, n, want, text)
			}
		}
		for date, rows := range map[string]int64{"2000-01-01": 2, "2000-01-02": 1, "2000-01-03": 1} {
			if m := w.Manifest(t, "sessions", date); m == nil || m.Rows != rows {
				t.Errorf("fault %d at call %d: %s is %+v", fault, n, date, m)
			}
		}
	})
	return calls
}

// The failures of a run are written together, not one by one.
func TestFailuresAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		const days = 20
		for d := 1; d <= days; d++ {
			w.Put(t, fmt.Sprintf("2000/01/%02d/a.ndjson.gz", d), servicetest.Broken)
		}
		servicetest.At(t, "21 12:00:00")
		var puts atomic.Int64
		c := w.Settings(t, faultstest.New(w.Sink, func(c faultstest.Call) faultstest.Outcome {
			if c.Op == faultstest.Put && c.Key == controller.Key {
				puts.Add(1)
			}
			return faultstest.Outcome{}
		}))
		c.Hooks = nil
		w.StartWith(t, "a", c)
		servicetest.At(t, "21 12:01:00")
		if cs, _, err := controller.Read(t.Context(), w.Sink); err != nil || len(cs.Retries) != days {
			t.Errorf("%d failures were counted (%v)", len(cs.Retries), err)
		}
		if n := puts.Load(); n > days/2 { // looks may write in between
			t.Errorf("the controller state was written %d times", n)
		}
	})
}
