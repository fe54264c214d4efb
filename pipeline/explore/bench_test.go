package explore_test

import (
	"testing"
	"time"

	"daybook/pipeline/explore"
	"daybook/pipeline/explore/exploretest"
	"daybook/sources/store"
	"daybook/transform/day"
)

// BenchmarkYear asks about a year of a million sessions: as a whole, by a filter, and one
// half against the other; cold, with nothing in memory, and warm. Cold is to take less than
// 3 s, warm less than 1 s. It has more than 60 lines because all share the year, which takes
// long to make.
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
	year := explore.Period{From: from, To: from + days - 1}
	half := explore.Period{From: from + days/2, To: year.To}
	group := "EMEA"
	of := func(p explore.Period, by explore.Grouping, f explore.Filter) explore.Question {
		return explore.Question{Zone: time.UTC, Days: published, Period: p, By: by, Filter: f, Target: time.Minute}
	}
	explorer := func() *explore.Explorer {
		return &explore.Explorer{Cache: explore.NewCache(0), Sink: sink, Workers: 2, Reach: 16}
	}
	for name, questions := range map[string][]explore.Question{
		"year":            {of(year, explore.ByTechnician, explore.Filter{})},
		"year of a group": {of(year, explore.ByHour, explore.Filter{Group: &group})},
		"half against the other": {
			of(half, explore.ByGroup, explore.Filter{}), of(explore.Period{From: from, To: half.From - 1}, explore.ByGroup, explore.Filter{}),
		},
	} {
		ask := func(b *testing.B, x *explore.Explorer) (a *explore.Answer) {
			for i := range questions {
				if a, err = x.Ask(b.Context(), &questions[i]); err != nil {
					b.Fatal(err)
				}
			}
			return a
		}
		b.Run(name+", cold", func(b *testing.B) {
			for b.Loop() {
				ask(b, explorer())
			}
		})
		b.Run(name+", warm", func(b *testing.B) {
			x := explorer()
			a := ask(b, x)
			b.ReportMetric(float64(a.Total.Sessions), "sessions")
			b.ReportMetric(float64(a.Legs), "legs")
			b.ReportMetric(float64(x.Cache.Bytes())/float64(a.Legs), "bytes/leg")
			for b.Loop() {
				ask(b, x)
			}
		})
	}
	b.Run("list", func(b *testing.B) {
		x := explorer()
		q := &explore.ListQuestion{Zone: time.UTC, Days: published, Period: year, Sort: explore.OrderWrapUp, Most: 50}
		list := func() {
			if _, err := x.List(b.Context(), q); err != nil {
				b.Fatal(err)
			}
		}
		list() // has the columns in memory
		for b.Loop() {
			list()
		}
	})
}
