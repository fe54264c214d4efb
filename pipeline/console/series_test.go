package console

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"daybook/pipeline/partition"
	"daybook/pipeline/service"
	"daybook/pipeline/settings"
	"daybook/sinks/figures"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/summary"
)

func put(t *testing.T, s store.Store, key, text string) {
	t.Helper()
	if _, err := s.Put(t.Context(), key, strings.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// sums are measures of which each has a number of its own: charts that took
// another one than theirs would show a wrong number. Durations are seconds; a
// waiting time of -1 is that of no leg.
func sums(sessions, total, work, median, p90 int64) summary.Measures {
	m := summary.Measures{
		Sessions: sessions, Legs: 1001, PickedUp: 1002, Closed: 1003, TimedOut: 1004, Transferred: 1005, Open: 1006,
		Total: total * 1000, Active: 1_007_000, Work: work * 1000, Hold: 1_008_000, Transfer: 1_009_000, Rebooting: 1_010_000, Reconnecting: 1_011_000,
		PickedUpWork: summary.Sum{Legs: 1016, Sum: 1_017_000}, FirstChat: summary.Sum{Legs: 1018, Sum: 1_019_000}, WrapUp: summary.Sum{Legs: 1020, Sum: 1_021_000},
		CustomerMessages: 1022, TechnicianMessages: 1023, SystemMessages: 1024,
	}
	m.PickedUpTotal = summary.Distribution{Sum: summary.Sum{Legs: 1025, Sum: 1_026_000}, Median: 1_027_000, P90: 1_028_000, Longest: 1_029_000}
	if median >= 0 {
		m.Waiting = summary.Distribution{Sum: summary.Sum{Legs: 1012, Sum: 1_013_000}, Median: median * 1000, P90: p90 * 1000, Longest: 1_014_000}
	}
	return m
}

// dayFigures are those of a day of group A, all of it at 9 o'clock.
func dayFigures(date string, sessions int64) *figures.File {
	f := &figures.File{Report: "r", Partition: date, Figures: summary.Figures{Total: sums(sessions, 600, 300, 20, 60), Hours: hoursOf9(sums(sessions, 0, 0, -1, -1))}}
	f.Groups = []summary.Group{{Name: "A", Measures: sums(sessions, 600, 300, 20, 60)}}
	return f
}

// hoursOf9 are the hours of a partition in which something happened only at 9.
func hoursOf9(m summary.Measures) []summary.Hour {
	all := make([]summary.Hour, 24)
	for i := range all {
		all[i].Hour = i
	}
	all[9].Measures = m
	return all
}

// october are the figures of a month whose last two days have sessions.
func october() *figures.File {
	f := &figures.File{Report: "r", Partition: "2026-10", Figures: summary.Figures{Total: sums(38, 6*3600, 3*3600, 10, 60), Hours: hoursOf9(sums(40, 0, 0, -1, -1))}}
	for d := day.Date(2026, 10, 1); d <= day.Date(2026, 10, 31); d++ {
		f.Days = append(f.Days, summary.Day{Date: d})
	}
	f.Days[29].Measures, f.Days[30].Measures = sums(30, 5*3600, 9000, 10, 60), sums(10, 3600, 1800, -1, -1)
	f.Groups = []summary.Group{{Name: "A", Measures: sums(25, 4*3600, 2*3600, 10, 60)}, {Measures: sums(15, 2*3600, 3600, -1, -1)}}
	return f
}

func putFigures(t *testing.T, s store.Store, f *figures.File) {
	t.Helper()
	var b strings.Builder
	if err := figures.Encode(&b, f); err != nil {
		t.Fatal(err)
	}
	put(t, s, figuresKey(t, f.Partition), b.String())
}

func figuresKey(t *testing.T, name string) string {
	t.Helper()
	return idOf(t, "r", name).SummaryDir() + figures.Name
}

// idOf is the day or month of a report.
func idOf(t *testing.T, report, name string) partition.ID {
	t.Helper()
	id, err := partition.Parse(report, name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// twoMonths has October as a month, and the first two days of November.
func twoMonths(t *testing.T) (*settings.Pipeline, *service.State) {
	t.Helper()
	st := store.NewMemory(nil)
	putFigures(t, st, october())
	putFigures(t, st, dayFigures("2026-11-01", 7))
	putFigures(t, st, dayFigures("2026-11-02", 9))
	published := func(names ...string) (all []service.Partition) {
		for _, name := range names {
			all = append(all, service.Partition{ID: idOf(t, "r", name), State: service.Published, Revision: 1})
		}
		return all
	}
	return &settings.Pipeline{Sink: st}, &service.State{Reports: []service.Report{{
		Name: "r", Days: published("2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02"), Months: published("2026-10"),
	}}}
}

// followed is an index that has read them.
func followed(t *testing.T, r *settings.Pipeline, s *service.State) *index {
	t.Helper()
	x := newIndex()
	if err := x.follow(t.Context(), r, s); err != nil {
		t.Fatal(err)
	}
	return x
}

func TestIndexReadsMonthsAndTheDaysOfOthers(t *testing.T) {
	r, s := twoMonths(t)
	x := followed(t, r, s)
	if known, wanted := x.filling(); known != 3 || wanted != 3 {
		t.Errorf("it knows %d of %d partitions; there is a month, and two days of another one", known, wanted)
	}
	h := x.history("r")
	for d, want := range map[day.Day]measures{
		day.Date(2026, 10, 30): {Days: 1, Sessions: 30, Total: 5 * hour, Work: 150 * minute, Waiting: 10_000, Waiting90: minute},
		day.Date(2026, 10, 31): {Days: 1, Sessions: 10, Total: hour, Work: 30 * minute, Waiting: -1, Waiting90: -1},
		day.Date(2026, 11, 2):  {Days: 1, Sessions: 9, Total: 10 * minute, Work: 5 * minute, Waiting: 20_000, Waiting90: minute},
		day.Date(2026, 11, 3):  nothing,
		day.Date(2020, 1, 1):   nothing,
	} {
		if got := h.day(d); got != want {
			t.Errorf("%s: %+v, want %+v", d, got, want)
		}
	}
	rows := h.rows(day.Date(2026, 10, 1), day.Date(2026, 11, 2))
	if len(rows) != 2 || rows[1].days != 2 || rows[1].hours[9].sum.Sessions != 16 {
		t.Errorf("November: %+v", rows[1])
	}
	// A has 41 of 38 + 7 + 9 sessions. The month has 38, of which two have legs in
	// both groups, so that its groups have 40.
	groups := groupsOf(rows)
	if len(groups) != 2 || groups[0].Name != "A" || groups[0].Sessions != 41 || groups[0].Of != 54 || groups[1].Name != "" {
		t.Errorf("groups: %+v", groups)
	}
	// 25 sessions of A in the 31 days of October. Two days of November are no month.
	if s := groups[0].Series; len(s) != 1 || s[0] != 25.0/31 {
		t.Errorf("A over time: %v", s)
	}
	// 10 s in October, and 20 s on both days of November: of two months the lower.
	if g := groups[0]; g.Waiting != 10_000 || g.Most != minute {
		t.Errorf("A waits %d ms, and 90 %% of it %d ms at most", g.Waiting, g.Most)
	}
	if g := groups[1]; g.Waiting != -1 {
		t.Errorf("nobody waited for no group, and it says %d", g.Waiting)
	}
	// At 9, 40 + 7 + 9 sessions in 33 days.
	byHour := chartsByHour(rows)
	if p := byHour[0].Points; p[9].Values[0] != 56.0/33 || p[8].Values[0] != 0 || !p[8].Known || p[9].Label != "9:00" {
		t.Errorf("sessions by hour: %+v", p)
	}
	if p := byHour[1].Points[9]; p.Known {
		t.Errorf("nobody waited at 9, and it says %+v", p)
	}
}

func TestIndexKeepsTheSumOfGroupsBeyondTheMost(t *testing.T) {
	r, s := twoMonths(t)
	f := october()
	f.Groups = nil
	for i := range maxGroups + 2 {
		f.Groups = append(f.Groups, summary.Group{Name: strconv.Itoa(i), Measures: sums(3, 600, 300, 20, 60)})
	}
	putFigures(t, r.Sink, f)
	groups := followed(t, r, s).history("r").months[day.MonthOf(2026, 10)].groups
	if others := groups[otherGroups]; len(groups) != maxGroups+1 || others.Sessions != 6 || others.Total != 20*minute {
		t.Errorf("%d groups, and the others are %+v", len(groups), others)
	}
}

func TestIndexFollowsRevisions(t *testing.T) {
	r, s := twoMonths(t)
	x := followed(t, r, s)
	putFigures(t, r.Sink, dayFigures("2026-11-02", 90))
	if err := x.follow(t.Context(), r, s); err != nil {
		t.Fatal(err)
	}
	if got := x.history("r").day(day.Date(2026, 11, 2)).Sessions; got != 9 {
		t.Errorf("the same revision was read again: %d sessions", got)
	}
	s.Reports[0].Days[3].Revision = 2
	if err := x.follow(t.Context(), r, s); err != nil {
		t.Fatal(err)
	}
	if got := x.history("r").day(day.Date(2026, 11, 2)).Sessions; got != 90 {
		t.Errorf("revision 2 has %d sessions, want 90", got)
	}
	s.Reports = nil
	if err := x.follow(t.Context(), r, s); err != nil {
		t.Fatal(err)
	}
	if len(x.entries) != 0 || len(x.history("r").days) != 0 {
		t.Error("it keeps a report that is not configured any more")
	}
}

func TestIndexGoesOnWithoutWhatItCannotRead(t *testing.T) {
	var good strings.Builder
	if err := figures.Encode(&good, dayFigures("2026-11-01", 7)); err != nil {
		t.Fatal(err)
	}
	const says = "2026-11-01: _figures.json is left out: it is no valid file of figures: "
	for name, tc := range map[string]struct{ text, says string }{
		"missing":           {"", "2026-11-01: its figures are missing; the next rewrite of its summaries adds them"},
		"no JSON":           {"Sessions,Legs\n", says + "invalid character 'S' looking for beginning of value"},
		"another format":    {`{"version":7}`, says + "its version is 7, and this daybook reads version 1"},
		"a negative number": {strings.Replace(good.String(), `"sessions":7`, `"sessions":-7`, 1), says + "a number is negative"},
		"another report's":  {strings.Replace(good.String(), `"report":"r"`, `"report":"q"`, 1), says + "it is of q 2026-11-01"},
		"another day's":     {strings.Replace(good.String(), "2026-11-01", "2026-11-02", 1), says + "it is of r 2026-11-02"},
		"without an end":    {good.String() + strings.Repeat(" ", figures.MaxBytes), says + "it is longer than 24 MiB"},
		"cut short":         {good.String()[:good.Len()/2], says + "unexpected end of JSON input"},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := twoMonths(t)
			if tc.text != "" {
				put(t, r.Sink, figuresKey(t, "2026-11-01"), tc.text)
			} else if err := r.Sink.Delete(t.Context(), figuresKey(t, "2026-11-01")); err != nil {
				t.Fatal(err)
			}
			s.Reports[0].Days[2].State = service.Stale // until it is written again
			spy := &watched{Store: r.Sink}
			r.Sink = spy
			x := followed(t, r, s)
			h := x.history("r")
			if h.day(day.Date(2026, 11, 1)).Days != 0 || h.day(day.Date(2026, 11, 2)).Sessions != 9 || h.months[day.MonthOf(2026, 11)].groups["A"].Sessions != 9 {
				t.Error("the day is known, or the day after is not")
			}
			first, last := day.Date(2026, 11, 1), day.Date(2026, 11, 20)
			if got := strings.Join(x.unread("r", first, last), "; "); got != tc.says {
				t.Errorf("left out: %s", got)
			}
			if got := x.unread("r", last, last); got != nil {
				t.Errorf("left out of other days: %s", got)
			}
			if known, wanted := x.filling(); known != wanted {
				t.Errorf("%d of %d are known: the page would say that it reads on", known, wanted)
			}
			spy.seen()
			if err := x.follow(t.Context(), r, s); err != nil {
				t.Fatal(err)
			}
			if keys := spy.seen(); len(keys) > 0 {
				t.Errorf("it was read again: %q", keys)
			}
			if tc.text != "" {
				s.Reports[0].Days[2].Revision = 2
			}
			s.Reports[0].Days[2].State = service.Published
			put(t, spy, figuresKey(t, "2026-11-01"), good.String())
			if err := x.follow(t.Context(), r, s); err != nil || x.unread("r", first, last) != nil || x.history("r").day(first).Sessions != 7 {
				t.Errorf("what is written now is not read: %v, %q", err, x.unread("r", first, last))
			}
		})
	}
}

func TestWarmEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	c := New(Options{Service: w})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { c.Warm(ctx); close(done) }()
	cancel()
	<-done
	r, s := twoMonths(t)
	if err := newIndex().follow(ctx, r, s); !errors.Is(err, context.Canceled) {
		t.Errorf("reading after the end: %v", err)
	}
}

func TestBins(t *testing.T) {
	r, s := twoMonths(t)
	h := followed(t, r, s).history("r")
	// 2026-11-01 is a Sunday: a week ends with it, and another begins.
	weeks := h.bins(day.Date(2026, 10, 30), day.Date(2026, 11, 2), byWeek)
	if len(weeks) != 2 || weeks[0].From != day.Date(2026, 10, 26) || weeks[0].To != day.Date(2026, 11, 1) || weeks[0].Sessions != 47 || weeks[0].Days != 7 || weeks[1].Sessions != 9 {
		t.Errorf("weeks: %+v", weeks)
	}
	// The week of 2 November has one day by now, and that of 28 September four.
	if weeks[0].Partial || !weeks[1].Partial {
		t.Errorf("weeks: %+v", weeks)
	}
	if first := h.bins(day.Date(2026, 10, 1), day.Date(2026, 11, 2), byWeek)[0]; first.Days != 4 || !first.Partial {
		t.Errorf("the first week: %+v", first)
	}
	// Of 10 s, nothing and 20 s, the median is the lower of two.
	if weeks[0].Waiting != 10_000 {
		t.Errorf("the week's waiting time: %d", weeks[0].Waiting)
	}
	months := h.bins(day.Date(2026, 10, 30), day.Date(2026, 11, 2), byMonth)
	if len(months) != 2 || months[0].Sessions != 40 || months[1].Sessions != 16 {
		t.Errorf("months: %+v", months)
	}
	if days := h.bins(day.Date(2026, 9, 30), day.Date(2026, 10, 1), byDay); len(days) != 2 || days[0].Days != 0 || days[1].Days != 1 || days[1].Sessions != 0 {
		t.Errorf("days: %+v", days)
	}
}

// A week that has just begun has an average of few days. It is not drawn, so that
// no chart ends in a jump.
func TestChartsLeaveOutPartialWeeks(t *testing.T) {
	r, s := twoMonths(t)
	sessions := chartsOver(followed(t, r, s).history("r"), day.Date(2026, 8, 30), day.Date(2026, 11, 2))[0]
	n := len(sessions.Points)
	last, before := sessions.Points[n-1], sessions.Points[n-2]
	if last.Known || last.Values[0] != 0 || sessions.pointText(n-1) != "2 Nov to 8 Nov 2026: 1 of 7 days, not drawn" {
		t.Errorf("the last week: %+v", last)
	}
	if !before.Known || before.Values[0] != 47.0/7 || sessions.pointText(n-2) != "26 Oct to 1 Nov 2026: sessions 6.7" {
		t.Errorf("the week before it: %+v", before)
	}
	if first := sessions.Points[0]; first.Note != "no figures" {
		t.Errorf("a week before all figures: %+v", first)
	}
}

func TestStepKeepsChartsReadable(t *testing.T) {
	to := day.Date(2026, 11, 20)
	for days, want := range map[day.Day]step{1: byDay, 62: byDay, 63: byWeek, 400: byWeek, 401: byMonth, 3650: byMonth} {
		if got := stepFor(to-days+1, to); got != want {
			t.Errorf("%d days: by %s, want by %s", days, got, want)
		}
	}
}

func TestNiceMost(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, 0.3: 0.3, 1: 1, 1.01: 1.5, 87: 100, 101: 150, 399: 400, 701: 800, 950: 1000} {
		if got := niceMost(v); got < want*0.999 || got > want*1.001 {
			t.Errorf("above %v: %v, want %v", v, got, want)
		}
	}
}
