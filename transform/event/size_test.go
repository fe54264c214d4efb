package event

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The size of an event is 64 bytes and those of its texts, whichever member they
// belong to.
func TestSize(t *testing.T) {
	e := Event{ID: "1", Tool: "22", Technician: Person{ID: 7, Name: "333", Email: "4444", Group: "55555"},
		Channel: Channel{ID: 8, Name: "666666"}, CallingCard: "7777777", TransferredTo: Target{Name: "88888888"}, Exported: new("11111111111"),
		Details: &Details{Value: [NumDetails]string{0: "999999999", NumDetails - 1: "0000000000"}}}
	if got, want := e.Size(), int64(64+1+2+3+4+5+6+7+8+9+10+11); got != want {
		t.Errorf("size %d, want %d", got, want)
	}
	if got := new(Event).Size(); got != 64 {
		t.Errorf("an empty event has size %d", got)
	}
}

// The lowest 20 ids are named, in all orders and divisions of the sessions.
func TestOversized(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		ids := rng.Perm(rng.IntN(60))
		var all Oversized
		parts := make([]Oversized, 3)
		for _, id := range ids {
			parts[rng.IntN(len(parts))].Add(int64(id))
		}
		for i := range parts {
			all.Merge(&parts[i])
		}
		if all.Sessions != int64(len(ids)) || len(all.IDs) != min(20, len(ids)) {
			t.Fatalf("%d sessions, %d named, want %d", all.Sessions, len(all.IDs), len(ids))
		}
		for i, id := range all.IDs {
			if !slices.Contains(ids, int(id)) || id != int64(i) {
				t.Fatalf("named: %v", all.IDs)
			}
		}
	}
}
