package shuffle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"daybook/transform/event"
)

// Every event comes back exactly once, with its session's others, whatever
// writer it went through.
func TestSessionsAreWhole(t *testing.T) {
	const sessions, writers = 500, 3
	var s Shuffle
	want := map[int64][]string{}
	batches := make([][]event.Event, writers)
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 10_000 {
		e := event.Event{SessionID: 1 + rng.Int64N(sessions), ID: fmt.Sprint(n)}
		want[e.SessionID] = append(want[e.SessionID], e.ID)
		w := rng.IntN(writers)
		batches[w] = append(batches[w], e)
	}
	var wg sync.WaitGroup
	for _, batch := range batches {
		wg.Go(func() {
			w := s.Writer()
			for i := range batch {
				w.Add(&batch[i])
			}
		})
	}
	wg.Wait()

	got := map[int64][]string{}
	used := 0
	for shard := range Shards {
		last := int64(0)
		err := s.Sessions(shard, func(events []event.Event) error {
			id := events[0].SessionID
			if id <= last {
				t.Errorf("session %d after %d", id, last)
			}
			last = id
			if _, again := got[id]; again {
				t.Errorf("session %d came in two pieces", id)
			}
			for _, e := range events {
				got[id] = append(got[id], e.ID)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if last != 0 {
			used++
		}
	}
	if used < Shards*3/4 {
		t.Errorf("500 consecutive sessions fill only %d of %d shards", used, Shards)
	}
	for id := range want {
		slices.Sort(want[id])
		slices.Sort(got[id])
		if !slices.Equal(want[id], got[id]) {
			t.Errorf("session %d: %v, want %v", id, got[id], want[id])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d sessions, want %d", len(got), len(want))
	}
}

func TestSessionsStopsAtAnError(t *testing.T) {
	var s Shuffle
	w := s.Writer()
	for id := range int64(1000) {
		w.Add(&event.Event{SessionID: id + 1})
	}
	stop := fmt.Errorf("stop")
	calls := 0
	err := s.Sessions(0, func([]event.Event) error { calls++; return stop })
	if err != stop || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}
