package shuffle

import (
	"fmt"
	"testing"

	"daybook/transform/event"
	"daybook/transform/spill/spilltest"
)

// BenchmarkShuffle puts events of many sessions in, as dumps interleave them,
// and reads them back, on one core.
func BenchmarkShuffle(b *testing.B) {
	const numEvents, atOnce, perSession = 1_000_000, 2000, 33
	events, ids := make([]event.Event, numEvents), make([]int64, numEvents)
	for i := range events {
		story := i / (atOnce * perSession) * atOnce
		ids[i] = int64(1_000_000 + story + i%atOnce)
		events[i] = event.Event{
			ID: fmt.Sprintf("%016x", Hash(int64(i))), TS: 1_795_000_000_000_000 + int64(i)*1000,
			Type: event.Presence, Signal: event.TabSelected, TechnicianID: 100 + int64(i%500),
		}
		if i%10 == 0 {
			events[i].Type, events[i].Status = event.StatusChanged, event.Active
			events[i].Technician = event.Person{ID: 100, Name: "Ada Lovelace", Email: "ada@example.org", Group: "EMEA/Tier 1"}
		}
	}
	for _, c := range []struct {
		name           string
		budget, memory int64 // of the writers, and of a reader
		spread         bool  // over all shards, and not in one
	}{
		{"budget=0MiB", 0, 0, true},
		{"budget=16MiB", 16 << 20, 0, true},
		{"split", 16 << 20, 256 << 10, true},
		{"chosen", 16 << 20, 4 << 20, false},
	} {
		for i := range events {
			events[i].SessionID = ids[i]
			if !c.spread {
				events[i].SessionID = int64(uint64(ids[i]) * inverse)
			}
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var spilled spilltest.Files
				s := New(Options{Budget: c.budget, MaxSession: 32 << 20, Spill: func() (File, error) { return spilled.Make(), nil }})
				w := s.Writer()
				for i := range events {
					if err := w.Add(&events[i]); err != nil {
						b.Fatal(err)
					}
				}
				n := 0
				for shard := range Shards {
					if err := s.Sessions(b.Context(), shard, c.memory, func(s *Session) error { n += len(s.Events); return nil }); err != nil {
						b.Fatal(err)
					}
				}
				if n != numEvents {
					b.Fatalf("%d events came back, want %d", n, numEvents)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(numEvents*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
