package schedule_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"daybook/config"
	"daybook/pipeline/partition"
	"daybook/pipeline/schedule"
	"daybook/transform/day"
)

// TestDecide: decisions in words. The report is Amsterdam's: its days drop at
// 02:00 and are published 30 minutes later, its months at 04:00.
func TestDecide(t *testing.T) {
	const (
		longAgo = "2026-01-01T00:00:00Z"
		before  = "2026-11-21T01:29:59Z" // 02:29:59: before the first publication of 20 November
		day20   = "2026-11-20"
	)
	for _, c := range []struct {
		name       string
		now, since string
		period     string
		published  bool
		catchUp    string
		want       schedule.Decision
		next       string // when that changes by itself, in UTC; empty: never
	}{
		{
			name: "before the drop", now: "2026-11-21T00:59:59Z", since: longAgo, period: day20,
			want: schedule.Decision{Why: "waits for its drop at 02:00 on 21 November (Europe/Amsterdam)"}, next: "2026-11-21T01:30:00Z",
		},
		{
			name: "at the drop", now: "2026-11-21T01:00:00Z", since: longAgo, period: day20,
			want: schedule.Decision{Why: "waits until 02:30 on 21 November (Europe/Amsterdam): a grace of 30m after its drop"}, next: "2026-11-21T01:30:00Z",
		},
		{
			name: "at the first publication", now: "2026-11-21T01:30:00Z", since: longAgo, period: day20,
			want: schedule.Decision{Due: true, Why: "due since 02:30 on 21 November (Europe/Amsterdam); not published yet"}, next: "2026-11-21T05:00:00Z",
		},
		{
			name: "at the deadline", now: "2026-11-21T05:00:00Z", since: longAgo, period: day20,
			want: schedule.Decision{Due: true, Late: true, Why: "due since 02:30 on 21 November, and late since 06:00 on 21 November (Europe/Amsterdam); not published yet"},
		},
		{
			name: "published", now: "2026-11-21T05:00:00Z", since: longAgo, period: day20, published: true,
			want: schedule.Decision{Why: "published; it is published again as soon as its inputs change"},
		},
		{
			name: "published by hand before its drop", now: "2026-11-20T05:00:00Z", since: longAgo, period: day20, published: true,
			want: schedule.Decision{Why: "published; it is published again as soon as its inputs change"},
		},
		{
			name: "alive in the last moment", now: before, since: before, period: day20, catchUp: "none",
			want: schedule.Decision{Why: "waits until 02:30 on 21 November (Europe/Amsterdam): a grace of 30m after its drop"}, next: "2026-11-21T01:30:00Z",
		},
		{
			name: "alive from its first publication on", now: "2026-11-21T02:00:00Z", since: "2026-11-21T01:30:00Z", period: day20, catchUp: "none",
			want: schedule.Decision{Due: true, Why: "due since 02:30 on 21 November (Europe/Amsterdam); not published yet"}, next: "2026-11-21T05:00:00Z",
		},
		{
			name: "missed by a second", now: "2026-11-21T02:00:00Z", since: "2026-11-21T01:30:01Z", period: day20,
			want: schedule.Decision{
				Due: true, Missed: true,
				Why: "missed: nobody was running when it fell due at 02:30 on 21 November (Europe/Amsterdam); it is caught up, since catch_up is all",
			},
			next: "2026-11-21T05:00:00Z",
		},
		{
			name: "missed, and none is caught up", now: "2026-11-21T02:00:00Z", since: "2026-11-21T01:30:01Z", period: day20, catchUp: "none",
			want: schedule.Decision{
				Missed: true,
				Why:    "missed: nobody was running when it fell due at 02:30 on 21 November (Europe/Amsterdam), and catch_up is none; daybook backfill publishes it",
			},
			next: "2026-12-01T03:00:00Z", // with its month
		},
		{
			name: "missed, and its month is due", now: "2026-12-01T03:00:00Z", since: "2026-11-21T01:30:01Z", period: day20, catchUp: "none",
			want: schedule.Decision{
				Due: true, Missed: true, Late: true,
				Why: "missed: nobody was running when it fell due at 02:30 on 21 November (Europe/Amsterdam); it is caught up, since 2026-11 is due, which is made of it",
			},
		},
		{
			name: "not the latest", now: "2026-11-22T02:00:00Z", since: "2026-11-22T02:00:00Z", period: day20, catchUp: "latest",
			want: schedule.Decision{
				Missed: true,
				Why:    "missed: nobody was running when it fell due at 02:30 on 21 November (Europe/Amsterdam), so was a later one, and catch_up is latest; daybook backfill publishes it",
			},
			next: "2026-12-01T03:00:00Z",
		},
		{
			name: "a day and a month too old", now: "2027-02-01T12:00:00Z", since: "2027-02-01T12:00:00Z", period: day20,
			want: schedule.Decision{
				Missed: true,
				Why: "missed: nobody was running when it fell due at 02:30 on 21 November 2026 (Europe/Amsterdam), " +
					"and somebody was again only at 13:00 on 1 February, after more than max_age (35d); daybook backfill publishes it",
			},
		},
		{
			name: "a month before its drop", now: "2026-11-21T02:00:00Z", since: longAgo, period: "2026-12",
			want: schedule.Decision{Why: "waits for its drop at 04:00 on 1 January 2027 (Europe/Amsterdam)"}, next: "2027-01-01T03:00:00Z",
		},
		{
			name: "a month", now: "2026-12-01T03:00:00Z", since: longAgo, period: "2026-11",
			want: schedule.Decision{Due: true, Why: "due since 04:00 on 1 December (Europe/Amsterdam); not published yet"}, next: "2026-12-01T15:00:00Z",
		},
		{
			name: "a month missed", now: "2026-12-02T03:00:00Z", since: "2026-12-02T03:00:00Z", period: "2026-11", catchUp: "none",
			want: schedule.Decision{
				Missed: true,
				Why:    "missed: nobody was running when it fell due at 04:00 on 1 December (Europe/Amsterdam), and catch_up is none; daybook backfill publishes it",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			settings := configured(2*time.Hour, 4*time.Hour)
			settings.Daily.Grace = config.Span(30 * time.Minute)
			if c.catchUp != "" {
				settings.CatchUp = c.catchUp
			}
			s := schedule.New(settings, zone(t, "Europe/Amsterdam"))
			decide := func(at time.Time) schedule.Decision {
				return s.Decide(at, instant(t, c.since), parsePeriod(t, c.period), c.published)
			}
			now := instant(t, c.now)
			if got := decide(now); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			until := now.AddDate(10, 0, 0)
			if c.next != "" {
				next := instant(t, c.next)
				until = next.Add(-time.Second)
				if d := decide(next); alike(d, c.want) {
					t.Errorf("that does not change at %s: %+v", c.next, d)
				}
			}
			if d := decide(until); !alike(d, c.want) {
				t.Errorf("that has changed at %s: %+v", until, d)
			}
		})
	}
}

// alike says whether two decisions are the same but for their words, which
// also tell of the drop.
func alike(a, b schedule.Decision) bool {
	return a.Due == b.Due && a.Missed == b.Missed && a.Late == b.Late
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func parsePeriod(t testing.TB, s string) partition.Period {
	t.Helper()
	if m, err := day.ParseMonth(s); err == nil {
		return partition.OfMonth(m)
	}
	return partition.OfDay(parseDay(t, s))
}

func TestPeriod(t *testing.T) {
	for _, c := range []struct {
		name, first, last, previous, next string
	}{
		{"2026-11-20", "2026-11-20", "2026-11-20", "2026-11-19", "2026-11-21"},
		{"2026-12-31", "2026-12-31", "2026-12-31", "2026-12-30", "2027-01-01"},
		{"2028-02", "2028-02-01", "2028-02-29", "2028-01", "2028-03"},
		{"2026-12", "2026-12-01", "2026-12-31", "2026-11", "2027-01"},
	} {
		p := parsePeriod(t, c.name)
		got := []string{p.String(), p.From.String(), p.To.String(), p.Previous().String(), p.Next().String()}
		if want := []string{c.name, c.first, c.last, c.previous, c.next}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestLastDropped(t *testing.T) {
	s := schedule.New(configured(2*time.Hour, 4*time.Hour), zone(t, "Europe/Amsterdam"))
	for _, c := range []struct{ now, day, month string }{
		{"2026-12-01T00:59:59Z", "2026-11-29", "2026-10"},
		{"2026-12-01T01:00:00Z", "2026-11-30", "2026-10"},
		{"2026-12-01T02:59:59Z", "2026-11-30", "2026-10"},
		{"2026-12-01T03:00:00Z", "2026-11-30", "2026-11"},
	} {
		now := instant(t, c.now)
		if d, m := s.LastDay(now), s.LastMonth(now); d.String() != c.day || m.String() != c.month {
			t.Errorf("at %s: %s and %s, want %s and %s", c.now, d, m, c.day, c.month)
		}
	}
}

func TestSince(t *testing.T) {
	const since, last = "2026-11-20T00:00:00Z", "2026-11-21T12:00:00Z"
	for _, c := range []struct{ name, now, want string }{
		{"the next tick", "2026-11-21T12:01:00Z", since},
		{"a silence just short enough", "2026-11-21T12:02:00Z", since},
		{"a silence", "2026-11-21T12:02:01Z", "2026-11-21T12:02:01Z"},
		{"a clock put back", "2026-11-20T12:00:00Z", since},
		{"a clock put back before the beginning", "2026-11-19T12:00:00Z", "2026-11-19T12:00:00Z"},
	} {
		if got := schedule.Since(instant(t, since), instant(t, last), instant(t, c.now), 2*time.Minute); !got.Equal(instant(t, c.want)) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if now := instant(t, last); !schedule.Since(time.Time{}, time.Time{}, now, time.Minute).Equal(now) {
		t.Error("the first sign of life is not the beginning")
	}
}

// drawn is a schedule, a moment, and since when the service has been alive.
type drawn struct {
	*schedule.Schedule
	now, since time.Time
}

func draw(t *rapid.T, zones []*time.Location) drawn {
	at := rapid.Custom(func(t *rapid.T) config.TimeOfDay {
		return config.TimeOfDay(time.Duration(rapid.IntRange(0, 24*60-1).Draw(t, "minutes")) * time.Minute)
	})
	span := rapid.Custom(func(t *rapid.T) config.Span {
		return config.Span(time.Duration(rapid.IntRange(0, 3*24*60).Draw(t, "minutes")) * time.Minute)
	})
	kind := func(name string) config.DailyDrop {
		d := config.DailyDrop{At: at.Draw(t, name), Grace: span.Draw(t, name+" grace")}
		d.Deadline = d.Grace + span.Draw(t, name+" deadline")
		return d
	}
	c := config.Schedule{
		Daily: kind("daily"), Monthly: config.MonthlyDrop(kind("monthly")),
		CatchUp: rapid.SampledFrom([]string{"all", "latest", "none"}).Draw(t, "catch_up"),
		MaxAge:  config.Retention(time.Duration(rapid.IntRange(1, 70*24).Draw(t, "max_age")) * time.Hour),
	}
	const year = 365 * 24 * 60 * 60
	now := time.Unix(1767225600+rapid.Int64Range(0, 2*year).Draw(t, "now"), 0) // from 2026 on
	since := now.Add(-time.Duration(rapid.Int64Range(0, year/4).Draw(t, "alive")) * time.Second)
	return drawn{schedule.New(c, rapid.SampledFrom(zones).Draw(t, "zone")), now, since}
}

// next is when the decision about a period that is not published changes by
// itself: when it falls due, then at its deadline; or, if it is left to people,
// when its month is due. Zero: never.
func (s drawn) next(p partition.Period, d schedule.Decision) time.Time {
	times, month := s.Times(p), partition.OfMonth(p.From.Month())
	withMonth := s.Times(month).First
	switch {
	case s.now.Before(times.First):
		return times.First
	case d.Due && s.now.Before(times.Deadline):
		return times.Deadline
	case !d.Due && s.now.Before(withMonth) && s.Decide(withMonth, s.since, month, false).Due:
		return withMonth
	}
	return time.Time{}
}

// TestDecisionsLast: a decision holds until the next instant that changes it,
// and not longer.
func TestDecisionsLast(t *testing.T) {
	zones := oddZones(t)
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t, zones)
		p := s.LastDay(s.now)
		if rapid.Bool().Draw(t, "monthly") {
			p = s.LastMonth(s.now)
		}
		for range rapid.IntRange(0, 100).Draw(t, "ago") {
			p = p.Previous()
		}
		if rapid.Bool().Draw(t, "next") {
			p = p.Next().Next()
		}
		d := s.Decide(s.now, s.since, p, false)
		next := s.next(p, d)
		if !next.IsZero() && alike(s.Decide(next, s.since, p, false), d) {
			t.Fatalf("the decision about %s, %+v, is the same at %s", p, d, next)
		}
		if next.IsZero() {
			next = s.now.AddDate(1, 0, 0)
		}
		within := time.Duration(rapid.Int64Range(0, int64(next.Sub(s.now))-1).Draw(t, "within"))
		if at := s.now.Add(within); !alike(s.Decide(at, s.since, p, false), d) {
			t.Fatalf("the decision about %s, %+v, is another one at %s", p, d, at)
		}
	})
}

// TestDropsAreInOrder: no period drops before the one before it.
func TestDropsAreInOrder(t *testing.T) {
	zones := oddZones(t)
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t, zones)
		d := partition.OfDay(rapid.Custom(func(t *rapid.T) day.Day {
			return day.Day(rapid.Int32Range(int32(day.Date(1800, 1, 1)), int32(day.Date(2200, 1, 1))).Draw(t, "day"))
		}).Draw(t, "day"))
		if s.Times(d.Next()).Drop.Before(s.Times(d).Drop) {
			t.Fatalf("%s drops before %s", d.Next(), d)
		}
		if times := s.Times(d); s.LastDay(times.Drop).From < d.From || s.LastDay(times.Drop.Add(-1)).From >= d.From {
			t.Fatalf("%s is not the last day from its drop on", d)
		}
	})
}

// oddZones have days of all lengths, midnights that are left out, and whole days.
func oddZones(t *testing.T) []*time.Location {
	var zones []*time.Location
	for _, name := range []string{
		"UTC", "Europe/Amsterdam", "Australia/Lord_Howe", "America/Havana", "America/Santiago", "Africa/Cairo",
		"America/St_Johns", "Antarctica/Troll", "Pacific/Apia", "Pacific/Kwajalein", "Asia/Manila", "America/Sitka",
	} {
		zones = append(zones, zone(t, name))
	}
	return zones
}

func BenchmarkDecide(b *testing.B) {
	s := schedule.New(configured(2*time.Hour, 4*time.Hour), zone(b, "Europe/Amsterdam"))
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	p := s.LastDay(now)
	for b.Loop() {
		s.Decide(now, now, p, false)
	}
}
