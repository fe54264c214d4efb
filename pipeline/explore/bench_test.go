package explore_test

import (
	"testing"
	"time"

	"daybook/pipeline/explore"
	"daybook/pipeline/explore/exploretest"
	"daybook/sources/store"
	"daybook/transform/day"
)

// BenchmarkYear asks a year of a million sessions: cold, with nothing in memory, and
// warm. Cold is to take less than 3 s, warm less than 1 s.
func BenchmarkYear(b *testing.B) {
	const days, sessions = 365, 2740
	from := day.Date(2025, time.January, 1)
	rows := exploretest.Rows(1, from, days, sessions, time.UTC)
	sink, err := store.NewDir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	published, err := exploretest.PublishAll(b.Context(), sink, rows, from, from+days-1)
	if err != nil {
		b.Fatal(err)
	}
	rows = nil
	q := &explore.Question{Zone: time.UTC, Days: published, Period: explore.Period{From: from, To: from + days - 1}, By: explore.ByTechnician, Target: time.Minute}
	ask := func(x *explore.Explorer) *explore.Answer {
		a, err := x.Ask(b.Context(), q)
		if err != nil {
			b.Fatal(err)
		}
		return a
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			ask(&explore.Explorer{Cache: explore.NewCache(0), Sink: sink, Workers: 2})
		}
	})
	b.Run("warm", func(b *testing.B) {
		x := &explore.Explorer{Cache: explore.NewCache(0), Sink: sink, Workers: 2}
		a := ask(x)
		b.ReportMetric(float64(a.Total.Sessions), "sessions")
		b.ReportMetric(float64(a.Legs), "legs")
		b.ReportMetric(float64(x.Cache.Bytes())/float64(a.Legs), "bytes/leg")
		for b.Loop() {
			ask(x)
		}
	})
	b.Run("list", func(b *testing.B) {
		x := &explore.Explorer{Cache: explore.NewCache(0), Sink: sink, Workers: 2}
		ask(x)
		for b.Loop() {
			if _, err := x.List(b.Context(), &explore.ListQuestion{Zone: time.UTC, Days: published, Period: q.Period, Sort: explore.OrderWrapUp, Most: 50}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
