package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

// ttl is divisible by all that a time to live is divided by.
const ttl = time.Minute

// unbroken says that there never was a break.
func unbroken(since, _, now time.Time) time.Time {
	if since.IsZero() {
		return now
	}
	return since
}

// replica is a lease that is being kept.
type replica struct {
	*Lease
	stop func() // and wait

	mu      sync.Mutex
	changes []bool // whether it was ours, whenever that changed
}

// start keeps the lease until the test is over, or stop is called.
func start(t *testing.T, st Store, name string) *replica {
	t.Helper()
	r := &replica{}
	r.Lease = New(st, Options{Holder: name, TTL: ttl, Since: unbroken, OnChange: r.changed})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	r.stop = func() { cancel(); <-done }
	t.Cleanup(r.stop)
	synctest.Wait()
	return r
}

func (r *replica) changed(s State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = append(r.changes, s.Mine)
}

// history is whether it was ours, at first and whenever that changed.
func (r *replica) history() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprint(r.changes)
}

// record reads what the object holds.
func record(t *testing.T, st Store) Record {
	t.Helper()
	body, _, err := st.Open(t.Context(), Key, 0, store.ToEnd, "")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	var r Record
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *replica) mine(t *testing.T, want bool) {
	t.Helper()
	if got := r.State().Mine; got != want {
		t.Errorf("%s holds the lease: %v, want %v; it holds %+v", r.o.Holder, got, want, r.State())
	}
}

func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// frozen is a store whose calls have no answer while it is frozen, as those of
// a host that is cut off.
func frozen(inner store.Store, is *atomic.Bool) *faultstest.Store {
	return faultstest.New(inner, func(faultstest.Call) faultstest.Outcome {
		if is.Load() {
			return faultstest.Outcome{Fault: faultstest.Stall}
		}
		return faultstest.Outcome{}
	})
}

func TestOneHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.NewMemory(nil)
		begun := time.Now().UTC()
		a, b := start(t, st, "a"), start(t, st, "b")
		a.mine(t, true)
		b.mine(t, false)
		sleep(24 * time.Hour)
		a.mine(t, true)
		b.mine(t, false)
		if s := b.State(); s.Holder != "a" || s.Free || s.Generation != 1 || !s.Since.Equal(begun) {
			t.Errorf("b sees %+v", s)
		}
		if _, _, err := b.Work(t.Context()); !errors.Is(err, ErrNotHeld) {
			t.Errorf("work without the lease: %v", err)
		}
	})
}

func TestReleasedIsTakenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.NewMemory(nil)
		begun := time.Now().UTC()
		a := start(t, st, "a")
		b := start(t, st, "b")
		sleep(10 * time.Minute)
		a.stop()
		if r := record(t, st); !r.Released || r.Holder != "a" || r.Generation != 1 {
			t.Errorf("after its release it is %+v", r)
		}
		sleep(ttl / looks)
		b.mine(t, true)
		if r := record(t, st); r.Holder != "b" || r.Generation != 2 || r.Released || !r.Since.Equal(begun) {
			t.Errorf("taken after a release it is %+v", r)
		}
	})
}

func TestSilentHolderIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, dead := store.NewMemory(nil), new(atomic.Bool)
		a := start(t, frozen(st, dead), "a")
		b := start(t, st, "b")
		sleep(ttl - time.Nanosecond) // just before a renewal
		work, done, err := a.Work(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		dead.Store(true)
		died := time.Now()
		for !b.State().Mine {
			if work.Err() == nil && time.Since(died) > ttl*worksFor/renewals {
				t.Fatal("the work of a holder that is cut off goes on")
			}
			sleep(time.Second)
		}
		if took := time.Since(died); took > 2*ttl {
			t.Errorf("taken over after %s; two times to live are %s", took, 2*ttl)
		}
		if !errors.Is(context.Cause(work), ErrLost) {
			t.Errorf("the work ended by %v", context.Cause(work))
		}
		if r := record(t, st); r.Holder != "b" || r.Generation != 2 {
			t.Errorf("taken over it is %+v", r)
		}
		a.mine(t, false)
	})
}

// Between the end of the work and its taking over by another there is time:
// the two never overlap.
func TestWorkEndsBeforeAnotherBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, dead := store.NewMemory(nil), new(atomic.Bool)
		a := start(t, frozen(st, dead), "a")
		b := start(t, st, "b")
		for phase := range 24 { // wherever in its round of renewals it dies
			sleep(10*time.Minute + ttl/24*time.Duration(phase))
			if !a.State().Mine {
				t.Fatalf("phase %d: a has not got the lease again", phase)
			}
			work, done, err := a.Work(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			dead.Store(true)
			for !b.State().Mine {
				sleep(100 * time.Millisecond)
				if b.State().Mine && work.Err() == nil {
					t.Fatalf("phase %d: both work", phase)
				}
			}
			done()
			dead.Store(false)
			b.stop()
			sleep(ttl)
			b = start(t, st, "b")
		}
	})
}

// Every answer that a write can get, and what has to come of it.
func TestEveryFateOfAWrite(t *testing.T) {
	fates := map[string]struct {
		fault faultstest.Fault
		n     int // so many times in a row
		mine  bool
	}{
		"done":                                {faultstest.None, 0, true},
		"failed and not applied":              {faultstest.Drop, 1, true},
		"failed but applied":                  {faultstest.LoseAnswer, 1, true},
		"failed but applied, again and again": {faultstest.LoseAnswer, 100, true},
		"applied twice":                       {faultstest.Repeat, 1, true},
		"applied twice, again and again":      {faultstest.Repeat, 100, true},
		"no answer":                           {faultstest.Stall, 1, true},
		"failed for good":                     {faultstest.Drop, 100, false},
	}
	for name, fate := range fates {
		for _, first := range []int{1, 2} { // the put that takes the lease, or that renews it
			t.Run(name+map[int]string{1: ", when taken", 2: ", when renewed"}[first], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					st, puts := store.NewMemory(nil), 0
					faulty := faultstest.New(st, func(c faultstest.Call) faultstest.Outcome {
						if c.Op == faultstest.Put {
							if puts++; puts >= first && puts < first+fate.n {
								return faultstest.Outcome{Fault: fate.fault}
							}
						}
						return faultstest.Outcome{}
					})
					a := start(t, faulty, "a")
					sleep(ttl*worksFor/renewals + time.Second)
					a.mine(t, fate.mine)
					if !fate.mine {
						return
					}
					if lost := strings.Count(a.history(), "false"); lost > 0 {
						t.Errorf("it was lost %d times", lost)
					}
					if r := record(t, st); r.Generation > 2 || r.Holder != "a" {
						t.Errorf("it is %+v", r)
					}
					a.stop()
					if r := record(t, st); fate.fault == faultstest.None && !r.Released {
						t.Errorf("it was not released: %+v", r)
					}
				})
			})
		}
	}
}

// A renewal that is applied long after its writer has lost the lease to
// another must not bring it back.
func TestLateRenewalIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, linger := store.NewMemory(nil), new(atomic.Bool)
		slow := faultstest.New(st, func(c faultstest.Call) faultstest.Outcome {
			switch {
			case linger.Load() && c.Op == faultstest.Put:
				return faultstest.Outcome{Fault: faultstest.Linger}
			case linger.Load():
				return faultstest.Outcome{Fault: faultstest.Drop}
			}
			return faultstest.Outcome{}
		})
		a := start(t, slow, "a")
		b := start(t, st, "b")
		linger.Store(true)
		sleep(2 * ttl)
		b.mine(t, true)
		before := record(t, st)
		if n := slow.Deliver(t.Context()); n == 0 {
			t.Fatal("no renewal lingered")
		}
		if after := record(t, st); after != before {
			t.Errorf("%+v became %+v", before, after)
		}
		linger.Store(false)
		sleep(ttl)
		a.mine(t, false)
		b.mine(t, true)
	})
}

// A renewal that was applied unknown to its writer counts from when it was
// written, for others have counted from then.
func TestUnknownRenewalCountsFromItsBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, puts, calls := store.NewMemory(nil), 0, 0
		faulty := faultstest.New(st, func(c faultstest.Call) faultstest.Outcome {
			if c.Op == faultstest.Put {
				puts, calls = puts+1, 0
			}
			calls++
			switch {
			case puts == 2 && calls == 1: // at a third: it is applied
				return faultstest.Outcome{Fault: faultstest.LoseAnswer}
			case puts == 2: // but that cannot be read
				return faultstest.Outcome{Fault: faultstest.Drop}
			case puts > 3 || puts == 3 && calls > 2: // after the next attempt, which found it out: nothing
				return faultstest.Outcome{Fault: faultstest.Stall}
			}
			return faultstest.Outcome{}
		})
		a := start(t, faulty, "a")
		sleep(ttl/renewals + ttl*worksFor/renewals - time.Second)
		a.mine(t, true)
		sleep(time.Second)
		a.mine(t, false)
	})
}

func TestUnreadableLeaseExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.NewMemory(nil)
		text := strings.NewReader("no lease")
		if _, err := st.Put(t.Context(), Key, text, text.Size(), store.Condition{}); err != nil {
			t.Fatal(err)
		}
		a := start(t, st, "a")
		if s := a.State(); s.Mine || s.Free || !strings.Contains(s.Holder, Key) {
			t.Errorf("at first: %+v", s)
		}
		sleep(ttl + ttl/looks)
		a.mine(t, true)
	})
}

// After the lease object is deleted, its generations continue while a replica that
// knows them runs.
func TestDeletedLeaseIsTakenAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.NewMemory(nil)
		a := start(t, st, "a")
		sleep(ttl)
		if err := st.Delete(t.Context(), Key); err != nil {
			t.Fatal(err)
		}
		sleep(ttl)
		a.mine(t, true)
		if r := record(t, st); r.Generation != 2 {
			t.Errorf("it is %+v", r)
		}
		if got := a.history(); got != "[true false true]" {
			t.Errorf("it was held: %s", got)
		}
	})
}

// A store that does not answer lets the lease expire. Its holder takes it again with
// the first answer, without waiting for the time to live.
func TestOwnLeaseIsTakenAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, dead := store.NewMemory(nil), new(atomic.Bool)
		a := start(t, frozen(st, dead), "a")
		dead.Store(true)
		sleep(ttl*worksFor/renewals + time.Second)
		a.mine(t, false)
		dead.Store(false)
		sleep(ttl/looks + ttl/callsAtMost)
		a.mine(t, true)
		if r := record(t, st); r.Generation != 2 {
			t.Errorf("it is %+v", r)
		}
	})
}

func TestSinceIsHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.NewMemory(nil)
		asked := [][3]time.Time{}
		l := New(st, Options{Holder: "a", TTL: ttl, Since: func(since, last, now time.Time) time.Time {
			asked = append(asked, [3]time.Time{since, last, now})
			return now.Add(-time.Hour)
		}})
		ctx, cancel := context.WithCancel(t.Context())
		go l.Run(ctx)
		<-l.Known()
		begun := time.Now()
		sleep(ttl / renewals)
		cancel()
		synctest.Wait()
		if len(asked) != 2 || !asked[0][0].IsZero() || !asked[0][1].IsZero() {
			t.Fatalf("asked with %v", asked)
		}
		if second := asked[1]; !second[0].Equal(begun.Add(-time.Hour)) || !second[1].Equal(begun) || !second[2].Equal(begun.Add(ttl/renewals)) {
			t.Errorf("at the renewal asked with %v", second)
		}
		if r := record(t, st); !r.Since.Equal(begun.Add(ttl/renewals - time.Hour)) {
			t.Errorf("it is %+v", r)
		}
	})
}
