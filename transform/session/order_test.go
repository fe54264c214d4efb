package session

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"daybook/transform/event"
)

// orderSlowly is Order by the words of the contract.
func orderSlowly(events []event.Event) []event.Event {
	sorted := slices.SortedFunc(slices.Values(events), Compare)
	seen := map[string]bool{}
	return slices.DeleteFunc(sorted, func(e event.Event) bool {
		repeated := seen[e.ID]
		seen[e.ID] = true
		return repeated
	})
}

// TestOrder tries sessions of the sizes from which on Order takes memory, or sorts
// in pieces, with no, some and many repeated events, in order and shuffled.
func TestOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sizes := []int{1, 2, 3, smallSession - 1, smallSession, smallSession + 1, 2 * smallSession, 1000,
		interruptEvery, interruptEvery + 1, 3*interruptEvery - 7}
	for _, size := range sizes {
		for _, ids := range []int{10 * size, size, max(1, size/3)} {
			var events []event.Event
			for i := range size {
				e := event.Event{TS: int64(i / 2), Seq: int64(r.IntN(2)), Type: event.Presence, Signal: event.Away}
				if e.ID = fmt.Sprint(r.IntN(ids)); ids > size {
					e.ID = fmt.Sprint(i)
				}
				events = append(events, e)
			}
			for range 4 {
				want := orderSlowly(events)
				got, duplicates, err := Order(t.Context(), slices.Clone(events))
				if err != nil || !slices.Equal(got, want) || duplicates != len(events)-len(want) {
					t.Fatalf("%d events of %d ids: got %d and %d duplicates, want %d: %+v", size, ids, len(got), duplicates, len(want), got)
				}
				r.Shuffle(size, func(i, j int) { events[i], events[j] = events[j], events[i] })
			}
		}
	}
}

// TestAllocations holds the engine to taking no memory for a session whose
// like it has seen.
func TestAllocations(t *testing.T) {
	events := typicalSession()
	var engine Engine
	allocations := testing.AllocsPerRun(100, func() {
		unique, _, _ := Order(t.Context(), events)
		engine.Fold(t.Context(), unique, nil)
	})
	if allocations > 0 {
		t.Errorf("%v allocations for a session", allocations)
	}
}
