package schedule_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"daybook/config"
	"daybook/pipeline/partition"
	"daybook/pipeline/schedule"
	"daybook/transform/day"
)

const (
	longAgo = "2026-01-01T00:00:00Z"
	before  = "2026-11-21T01:29:59Z" // 02:29:59: before the first publication of 20 November
	day20   = "2026-11-20"
)

// decisions are periods of each class, with the decision and its reason. The report is
// in Amsterdam; its days drop at 02:00 and are published 30 minutes later, its months
// drop at 04:00.
var decisions = []struct {
	name       string
	now, since string
	period     string
	published  bool
	catchUp    string
	newest     string // dump day; empty: all dumps are there
	zone       string // empty: Amsterdam
	never      bool   // no replica has ever run
	want       schedule.Decision
	next       string // when the decision changes with time, in UTC; empty: never
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
		want: schedule.Decision{Why: "published; restated as soon as its inputs change"},
	},
	{
		name: "published by hand before its drop", now: "2026-11-20T05:00:00Z", since: longAgo, period: day20, published: true,
		want: schedule.Decision{Why: "published; restated as soon as its inputs change"},
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
			Why: "missed: no replica was running when it fell due at 02:30 on 21 November (Europe/Amsterdam); published late, as catch_up is all",
		},
		next: "2026-11-21T05:00:00Z",
	},
	{
		name: "missed, and none is caught up", now: "2026-11-21T02:00:00Z", since: "2026-11-21T01:30:01Z", period: day20, catchUp: "none",
		want: schedule.Decision{
			Missed: true,
			Why:    "missed: no replica was running when it fell due at 02:30 on 21 November (Europe/Amsterdam); catch_up is none, so only daybook backfill publishes it before its month is due",
		},
		next: "2026-11-21T05:00:00Z", // late
	},
	{
		name: "missed, and its month is due", now: "2026-12-01T03:00:00Z", since: "2026-11-21T01:30:01Z", period: day20, catchUp: "none",
		want: schedule.Decision{
			Due: true, Missed: true, Late: true,
			Why: "missed: no replica was running when it fell due at 02:30 on 21 November (Europe/Amsterdam); published late, as 2026-11 is due and needs it",
		},
	},
	{
		name: "not the latest", now: "2026-11-22T02:00:00Z", since: "2026-11-22T02:00:00Z", period: day20, catchUp: "latest",
		want: schedule.Decision{
			Missed: true, Late: true,
			Why: "missed: no replica was running when it fell due at 02:30 on 21 November (Europe/Amsterdam); catch_up is latest and a later one was missed, too, so only daybook backfill publishes it before its month is due",
		},
		next: "2026-12-01T03:00:00Z",
	},
	{
		name: "a day and a month too old", now: "2027-02-01T12:00:00Z", since: "2027-02-01T12:00:00Z", period: day20,
		want: schedule.Decision{
			Missed: true, Late: true,
			Why: "missed: no replica was running when it fell due at 02:30 on 21 November 2026 (Europe/Amsterdam), " +
				"more than max_age (35d) before a replica started at 13:00 on 1 February; only daybook backfill publishes it",
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
			Missed: true, Late: true,
			Why: "missed: no replica was running when it fell due at 04:00 on 1 December (Europe/Amsterdam); catch_up is none, so only daybook backfill publishes it",
		},
	},
	{
		name: "before the drop, and never served", now: "2026-11-21T00:59:59Z", since: "2026-11-21T00:59:59Z", never: true, period: day20,
		want: schedule.Decision{Why: "waits for its drop at 02:00 on 21 November (Europe/Amsterdam)"}, next: "2026-11-21T01:30:00Z",
	},
	{
		name: "never served", now: "2026-11-21T02:00:00Z", since: "2026-11-21T02:00:00Z", never: true, period: day20,
		want: schedule.Decision{
			Due: true, Missed: true,
			Why: "due since 02:30 on 21 November (Europe/Amsterdam); not published yet; daybook run or daybook serve publishes it",
		},
		next: "2026-11-21T05:00:00Z",
	},
	{
		name: "never served, and late", now: "2026-11-21T05:00:00Z", since: "2026-11-21T05:00:00Z", never: true, period: day20,
		want: schedule.Decision{
			Due: true, Missed: true, Late: true,
			Why: "due since 02:30 on 21 November, and late since 06:00 on 21 November (Europe/Amsterdam); not published yet; daybook run or daybook serve publishes it",
		},
	},
	{
		name: "never served, and none is caught up", now: "2026-11-21T02:00:00Z", since: "2026-11-21T02:00:00Z", never: true, period: day20, catchUp: "none",
		want: schedule.Decision{
			Missed: true,
			Why:    "due since 02:30 on 21 November (Europe/Amsterdam); not published yet; daybook run publishes it, and daybook serve does not: catch_up is none",
		},
		next: "2026-11-21T05:00:00Z",
	},
	{
		name: "never served, and not the latest", now: "2026-11-22T02:00:00Z", since: "2026-11-22T02:00:00Z", never: true, period: day20, catchUp: "latest",
		want: schedule.Decision{
			Missed: true, Late: true,
			Why: "due since 02:30 on 21 November, and late since 06:00 on 21 November (Europe/Amsterdam); not published yet; " +
				"daybook run publishes it, and daybook serve does not: catch_up is latest, and a later one is due, too",
		},
		next: "2026-12-01T03:00:00Z",
	},
	{
		name: "never served, and too old", now: "2027-02-01T12:00:00Z", since: "2027-02-01T12:00:00Z", never: true, period: day20,
		want: schedule.Decision{
			Missed: true, Late: true,
			Why: "due since 02:30 on 21 November 2026, and late since 06:00 on 21 November 2026 (Europe/Amsterdam); not published yet; " +
				"daybook run publishes it, and daybook serve does not: it is due for more than max_age (35d)",
		},
	},
	{
		name: "west of Greenwich, without the dumps of its last hour", now: "2026-11-21T07:30:00Z", since: longAgo, period: day20,
		zone: "America/New_York", newest: day20,
		want: schedule.Decision{Why: "waits for the dumps of 2026-11-21, which hold its last hour, or for its deadline at 06:00 on 21 November (America/New_York)"},
		next: "2026-11-21T11:00:00Z",
	},
	{
		name: "west of Greenwich, with them", now: "2026-11-21T07:30:00Z", since: longAgo, period: day20, zone: "America/New_York", newest: "2026-11-21",
		want: schedule.Decision{Due: true, Why: "due since 02:30 on 21 November (America/New_York); not published yet"}, next: "2026-11-21T11:00:00Z",
	},
	{
		name: "west of Greenwich, without them at the deadline", now: "2026-11-21T11:00:00Z", since: longAgo, period: day20,
		zone: "America/New_York", newest: day20,
		want: schedule.Decision{Due: true, Late: true, Why: "due since 02:30 on 21 November, and late since 06:00 on 21 November (America/New_York); not published yet"},
	},
	{
		name: "missed, and west of Greenwich", now: "2026-11-21T08:00:00Z", since: "2026-11-21T08:00:00Z", period: day20, zone: "America/New_York", newest: day20,
		want: schedule.Decision{Why: "waits for the dumps of 2026-11-21, which hold its last hour, or for its deadline at 06:00 on 21 November (America/New_York)"},
		next: "2026-11-21T11:00:00Z",
	},
	{
		name: "a month west of Greenwich", now: "2026-12-01T09:00:00Z", since: longAgo, period: "2026-11", zone: "America/New_York", newest: "2026-11-30",
		want: schedule.Decision{Why: "waits for the dumps of 2026-12-01, which hold its last hour, or for its deadline at 16:00 on 1 December (America/New_York)"},
		next: "2026-12-01T21:00:00Z",
	},
	{
		name: "east of Greenwich, its last hour lies on its own date", now: "2026-11-21T01:30:00Z", since: longAgo, period: day20, newest: day20,
		want: schedule.Decision{Due: true, Why: "due since 02:30 on 21 November (Europe/Amsterdam); not published yet"}, next: "2026-11-21T05:00:00Z",
	},
	{
		name: "in UTC, its last hour lies on its own date", now: "2026-11-21T02:30:00Z", since: longAgo, period: day20, zone: "UTC", newest: day20,
		want: schedule.Decision{Due: true, Why: "due since 02:30 on 21 November (UTC); not published yet"}, next: "2026-11-21T06:00:00Z",
	},
}

// TestDecide: the decision about each class of periods, and when it changes.
func TestDecide(t *testing.T) {
	for _, c := range decisions {
		t.Run(c.name, func(t *testing.T) {
			settings := configured(2*time.Hour, 4*time.Hour)
			settings.Daily.Grace = config.Span(30 * time.Minute)
			if c.catchUp != "" {
				settings.CatchUp = c.catchUp
			}
			s := schedule.New(settings, zone(t, cmp.Or(c.zone, "Europe/Amsterdam")))
			decide := func(at time.Time) schedule.Decision {
				m := schedule.Moment{Now: at, Since: instant(t, c.since), Newest: allDumps, NeverServed: c.never}
				if c.newest != "" {
					m.Newest = parseDay(t, c.newest)
				}
				return s.Decide(m, parsePeriod(t, c.period), c.published)
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
					t.Errorf("the decision does not change at %s: %+v", c.next, d)
				}
			}
			if d := decide(until); !alike(d, c.want) {
				t.Errorf("the decision has changed at %s: %+v", until, d)
			}
		})
	}
}

// allDumps is a newest dump day for which no period waits.
const allDumps = day.Day(1 << 30)

// alike reports whether two decisions are equal except for their reasons.
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
		{"a clock set back", "2026-11-20T12:00:00Z", since},
		{"a clock set back before the beginning", "2026-11-19T12:00:00Z", "2026-11-19T12:00:00Z"},
	} {
		if got := schedule.Since(instant(t, since), instant(t, last), instant(t, c.now), 2*time.Minute); !got.Equal(instant(t, c.want)) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if now := instant(t, last); !schedule.Since(time.Time{}, time.Time{}, now, time.Minute).Equal(now) {
		t.Error("the first sign of life is not the beginning")
	}
}

// drawn is a random schedule at a random moment.
type drawn struct {
	*schedule.Schedule
	schedule.Moment
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
	now := time.Unix(1767225600+rapid.Int64Range(0, 2*year).Draw(t, "now"), 0) // 2026 and 2027
	since := now.Add(-time.Duration(rapid.Int64Range(0, year/4).Draw(t, "alive")) * time.Second)
	newest := day.Of(now.UnixMilli(), time.UTC) - day.Day(rapid.IntRange(-2, 5).Draw(t, "dumps"))
	return drawn{schedule.New(c, rapid.SampledFrom(zones).Draw(t, "zone")), schedule.Moment{Now: now, Since: since, Newest: newest}}
}

// next is the first instant after now at which the decision about an unpublished
// period may change: its own and its month's first publication and deadline.
func (s drawn) next(p partition.Period) time.Time {
	next := s.Now.AddDate(1, 0, 0)
	times, month := s.Times(p), s.Times(partition.OfMonth(p.From.Month()))
	for _, at := range []time.Time{times.First, times.Deadline, month.First, month.Deadline} {
		if at.After(s.Now) && at.Before(next) {
			next = at
		}
	}
	return next
}

// TestDecisionsLast: a decision holds until the next instant that may change it. A
// period is late from its deadline on. After it, the period never waits for dumps; a
// missed day may still be published with its month, which has a deadline of its own.
func TestDecisionsLast(t *testing.T) {
	zones := oddZones(t)
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t, zones)
		p := s.LastDay(s.Now)
		if rapid.Bool().Draw(t, "monthly") {
			p = s.LastMonth(s.Now)
		}
		for range rapid.IntRange(0, 100).Draw(t, "ago") {
			p = p.Previous()
		}
		if rapid.Bool().Draw(t, "next") {
			p = p.Next().Next()
		}
		d, times := s.Decide(s.Moment, p, false), s.Times(p)
		later := s.Moment
		later.Now = s.Now.Add(time.Duration(rapid.Int64Range(0, int64(s.next(p).Sub(s.Now))-1).Draw(t, "within")))
		if !alike(s.Decide(later, p, false), d) {
			t.Fatalf("the decision about %s, %+v, is another one at %s", p, d, later.Now)
		}
		if d.Late != !s.Now.Before(times.Deadline) {
			t.Fatalf("the deadline of %s is %s: %+v", p, times.Deadline, d)
		}
		all, month := s.Moment, partition.OfMonth(p.From.Month())
		all.Newest = allDumps
		monthWaits := !p.IsMonth() && s.Decide(all, month, false) != s.Decide(s.Moment, month, false)
		if d.Late && !monthWaits && d != s.Decide(all, p, false) {
			t.Fatalf("after its deadline, %s waits for dumps: %+v", p, d)
		}
	})
}

// TestDropsAreInOrder: days drop in the order of their dates.
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

// oddZones have days of unusual lengths, and skip midnights and whole dates.
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
		s.Decide(schedule.Moment{Now: now, Since: now, Newest: allDumps}, p, false)
	}
}
