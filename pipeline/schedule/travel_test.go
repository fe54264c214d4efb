package schedule_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/config"
	"daybook/pipeline/partition"
	"daybook/pipeline/schedule"
	"daybook/transform/day"
)

// publication is a period and the instant of its publication.
type publication struct {
	period partition.Period
	at     int64 // seconds since the Unix epoch
}

// travel publishes due periods until an instant. It wakes up when one of the periods
// nearby falls due.
func travel(s *schedule.Schedule, until time.Time) []publication {
	var done []publication
	published := map[partition.Period]bool{}
	since := time.Now()
	for now := since; now.Before(until); now = time.Now() {
		next := until
		for _, last := range []partition.Period{s.LastDay(now), s.LastMonth(now)} {
			for _, p := range []partition.Period{last, last.Next()} {
				if s.Decide(schedule.Moment{Now: now, Since: since, Newest: allDumps}, p, published[p]).Due {
					published[p] = true
					done = append(done, publication{p, now.Unix()})
				}
				if first := s.Times(p).First; first.After(now) && first.Before(next) {
					next = first
				}
			}
		}
		time.Sleep(next.Sub(now))
	}
	return done
}

// TestTwoYearsInEveryZone: a service in every time zone publishes each local day
// and month once, at the right instant, for two years.
func TestTwoYearsInEveryZone(t *testing.T) {
	const (
		at    = 2*time.Hour + 30*time.Minute
		grace = 20 * time.Minute
	)
	c := configured(at, at)
	c.Daily.Grace, c.Monthly.Grace = config.Span(grace), config.Span(grace)
	c.CatchUp = "none"
	names := zones(t)
	begin, end := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Date(2028, 11, 1, 0, 0, 0, 0, time.UTC)

	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(begin))
		var services sync.WaitGroup
		for _, name := range names {
			z := zone(t, name)
			services.Go(func() {
				done := travel(schedule.New(c, z), end)
				if want := expected(z, at, grace, begin, end); !slices.Equal(done, want) {
					t.Errorf("%s (-want +got):\n%s", name, cmp.Diff(texts(want), texts(done)))
				}
			})
		}
		services.Wait()
	})
}

func texts(all []publication) []string {
	lines := make([]string, len(all))
	for i, p := range all {
		lines[i] = fmt.Sprintf("%s at %s", p.period, time.Unix(p.at, 0).UTC())
	}
	return lines
}

// expected is what should be published in a time, according to a simulated wall clock.
func expected(z *time.Location, at, grace time.Duration, begin, end time.Time) []publication {
	first := day.Of(begin.UnixMilli(), z) - 3
	drops := wall{z, 60}.drops(first, at, first.UTC().Unix()-dayLong, end.Unix())
	var all []publication
	for d := first; d < first+day.Day(len(drops)); d++ {
		published := drops[d] + int64(grace/time.Second)
		if published < begin.Unix() || published >= end.Unix() {
			continue
		}
		all = append(all, publication{partition.OfDay(d), published})
		if d == d.Month().Last() {
			all = append(all, publication{partition.OfMonth(d.Month()), published})
		}
	}
	return all
}

// service is a minimal service: at every tick it publishes the due periods.
type service struct {
	schedule    *schedule.Schedule
	skew        time.Duration // error of its clock
	since, last time.Time
	published   map[partition.Period]time.Time // by its clock
	order       []string
}

const (
	tick    = 15 * time.Minute
	silence = 2 * tick // a longer gap is a break
	reach   = 70       // days before its start that it asks about: max_age and the month that ended then
)

func newService(t testing.TB, change func(c *config.Schedule)) *service {
	c := configured(2*time.Hour, 4*time.Hour)
	change(&c)
	return &service{schedule: schedule.New(c, zone(t, "Europe/Amsterdam")), published: map[partition.Period]time.Time{}}
}

func (s *service) now() time.Time { return time.Now().Add(s.skew) }

// run serves until an instant and returns what it published.
func (s *service) run(until time.Time) string {
	s.order = nil
	for ; time.Now().Before(until); time.Sleep(tick) {
		now := s.now()
		s.since, s.last = schedule.Since(s.since, s.last, now, silence), now
		s.publish(now, s.schedule.LastDay)
		s.publish(now, s.schedule.LastMonth)
	}
	return strings.Join(s.order, " ")
}

// publish asks about all periods of a kind that may be due, and a few others.
func (s *service) publish(now time.Time, last func(time.Time) partition.Period) {
	end := last(now.AddDate(0, 0, 3)).Next()
	for p := last(s.since.AddDate(0, 0, -reach)); p != end; p = p.Next() {
		if s.schedule.Decide(schedule.Moment{Now: now, Since: s.since, Newest: allDumps}, p, !s.published[p].IsZero()).Due {
			s.published[p] = now
			s.order = append(s.order, p.String())
		}
	}
}

// noon of a day in November or December 2026 in Amsterdam.
func noon(month time.Month, dom int) time.Time {
	return time.Date(2026, month, dom, 11, 0, 0, 0, time.UTC)
}

// TestDowntime: ten days without a running service, for each catch_up.
// It has more than 60 lines because it lists the days of each outcome.
func TestDowntime(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*config.Schedule)
		within string // what is published after ten days within a month
		across string // and after ten days across the end of one
	}{
		{
			name:   "all",
			change: func(c *config.Schedule) {},
			within: "2026-11-10 2026-11-11 2026-11-12 2026-11-13 2026-11-14 2026-11-15 2026-11-16 2026-11-17 2026-11-18 2026-11-19",
			across: "2026-11-25 2026-11-26 2026-11-27 2026-11-28 2026-11-29 2026-11-30 2026-12-01 2026-12-02 2026-12-03 2026-12-04 2026-11",
		},
		{
			name:   "all of three days",
			change: func(c *config.Schedule) { c.MaxAge = config.Retention(72 * time.Hour) },
			within: "2026-11-17 2026-11-18 2026-11-19",
			across: "2026-12-02 2026-12-03 2026-12-04", // November was published too long ago
		},
		{
			name:   "latest",
			change: func(c *config.Schedule) { c.CatchUp = "latest" },
			within: "2026-11-19",
			// November is the latest month. It needs all its days, also those that were
			// not caught up before. (The service started on 8 November.)
			across: "2026-11-01 2026-11-02 2026-11-03 2026-11-04 2026-11-05 2026-11-06 " +
				"2026-11-10 2026-11-11 2026-11-12 2026-11-13 2026-11-14 2026-11-15 2026-11-16 2026-11-17 2026-11-18 " +
				"2026-11-25 2026-11-26 2026-11-27 2026-11-28 2026-11-29 2026-11-30 2026-12-04 2026-11",
		},
		{
			name:   "latest of an hour",
			change: func(c *config.Schedule) { c.CatchUp, c.MaxAge = "latest", config.Retention(time.Hour) },
			within: "", across: "", // its drop was ten hours ago
		},
		{
			name:   "none",
			change: func(c *config.Schedule) { c.CatchUp = "none" },
			within: "", across: "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, c.change)
				time.Sleep(time.Until(noon(11, 8)))
				s.run(noon(11, 8).Add(tick)) // the state before does not matter
				if got, want := s.run(noon(11, 10)), "2026-11-08 2026-11-09"; got != want {
					t.Errorf("before: %s, want %s", got, want)
				}
				time.Sleep(10 * 24 * time.Hour)
				if got := s.run(noon(11, 20).Add(12 * time.Hour)); got != c.within {
					t.Errorf("after the downtime: %s, want %s", got, c.within)
				}
				if got, want := s.run(noon(11, 25)), "2026-11-20 2026-11-21 2026-11-22 2026-11-23 2026-11-24"; got != want {
					t.Errorf("between: %s, want %s", got, want)
				}
				time.Sleep(10 * 24 * time.Hour)
				if got := s.run(noon(12, 5).Add(12 * time.Hour)); got != c.across {
					t.Errorf("after the downtime across the end of November: %s, want %s", got, c.across)
				}
				if got, want := s.run(noon(12, 7)), "2026-12-05 2026-12-06"; got != want {
					t.Errorf("after that: %s, want %s", got, want)
				}
			})
		})
	}
}

// TestFirstMonth: with catch_up none, the month in which the service started is still
// published at its drop, with all its days.
func TestFirstMonth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, func(c *config.Schedule) { c.CatchUp = "none" })
		time.Sleep(time.Until(noon(11, 27)))
		if got, want := s.run(noon(12, 1).Add(-9*time.Hour)), "2026-11-27 2026-11-28 2026-11-29 2026-11-30"; got != want {
			t.Errorf("until 03:00 on 1 December: %s, want %s", got, want)
		}
		var missed []string
		for d := day.Date(2026, 11, 1); d <= day.Date(2026, 11, 26); d++ {
			missed = append(missed, d.String())
		}
		if got, want := s.run(noon(12, 1)), strings.Join(missed, " ")+" 2026-11"; got != want {
			t.Errorf("with the month: %s, want %s", got, want)
		}
	})
}

// TestClockJumps: if the clock jumps by hours or days, every period is published at
// most once, and only when it is due by that clock. A skipped period counts as
// missed.
func TestClockJumps(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name    string
		catchUp string
		jump    time.Duration // at noon on 10 November, and back at noon on the 12th
		jumped  string        // what is published on both days after the first jump
		back    string        // and on three days after the second one
	}{
		{"forward by hours", "all", 15 * time.Hour, // from noon to 03:00
			"2026-11-10 2026-11-11 2026-11-12", // the 10th was skipped, and the 12th was over early
			"2026-11-13 2026-11-14"},
		{"forward by hours", "none", 15 * time.Hour,
			"2026-11-11 2026-11-12",
			"2026-11-13 2026-11-14"},
		{"forward by days", "all", 5 * day,
			"2026-11-10 2026-11-11 2026-11-12 2026-11-13 2026-11-14 2026-11-15 2026-11-16",
			""}, // the clock shows the 12th to the 15th again
		{"forward by days", "latest", 5 * day,
			"2026-11-14 2026-11-15 2026-11-16",
			"2026-11-11 2026-11-12 2026-11-13"}, // the latest that was missed, and two in time
		{"forward by days", "none", 5 * day,
			"2026-11-15 2026-11-16",
			"2026-11-12 2026-11-13 2026-11-14"},
		{"back by hours", "all", -15 * time.Hour,
			"2026-11-10", // not the 9th again
			"2026-11-11 2026-11-12 2026-11-13 2026-11-14"},
		{"back by days", "all", -5 * day,
			"", // published already
			"2026-11-10 2026-11-11 2026-11-12 2026-11-13 2026-11-14"},
		{"back by days", "none", -5 * day,
			"2026-11-05 2026-11-06", // missed before; by the new clock, the service runs at their drops
			"2026-11-12 2026-11-13 2026-11-14"},
	} {
		t.Run(c.name+", "+c.catchUp, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, func(s *config.Schedule) { s.CatchUp = c.catchUp })
				time.Sleep(time.Until(noon(11, 7)))
				s.run(noon(11, 10))
				s.skew = c.jump
				if got := s.run(noon(11, 12)); got != c.jumped {
					t.Errorf("after the jump: %s, want %s", got, c.jumped)
				}
				s.skew = 0
				if got := s.run(noon(11, 15)); got != c.back {
					t.Errorf("after the jump back: %s, want %s", got, c.back)
				}
				for p, at := range s.published {
					if first := s.schedule.Times(p).First; at.Before(first) {
						t.Errorf("%s was published at %s, before %s", p, at, first)
					}
				}
			})
		})
	}
}
