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
	events := make([]event.Event, numEvents)
	for i := range events {
		story := i / (atOnce * perSession) * atOnce
		events[i] = event.Event{
			ID: fmt.Sprintf("%016x", Hash(int64(i))), TS: 1_795_000_000_000_000 + int64(i)*1000,
			SessionID: int64(1_000_000 + story + i%atOnce), Type: event.Presence, Signal: event.TabSelected, TechnicianID: 100 + int64(i%500),
		}
		if i%10 == 0 {
			events[i].Type, events[i].Status = event.StatusChanged, event.Active
			events[i].Technician = event.Person{ID: 100, Name: "Ada Lovelace", Email: "ada@example.org", Group: "EMEA/Tier 1"}
		}
	}
	for _, budget := range []int64{0, 16 << 20} {
		b.Run(fmt.Sprintf("budget=%dMiB", budget>>20), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var spilled spilltest.Files
				s := New(Options{Budget: budget, MaxSession: 32 << 20, Spill: func() (File, error) { return spilled.Make(), nil }})
				w := s.Writer()
				for i := range events {
					if err := w.Add(&events[i]); err != nil {
						b.Fatal(err)
					}
				}
				n := 0
				for shard := range Shards {
					if err := s.Sessions(b.Context(), shard, 0, func(s *Session) error { n += len(s.Events); return nil }); err != nil {
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
