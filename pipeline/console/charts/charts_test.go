package charts

import (
	"testing"

	"daybook/pipeline/console/history"
	"daybook/pipeline/console/history/historytest"
	"daybook/pipeline/words"
	"daybook/transform/day"
)

func made(t *testing.T) *history.History {
	t.Helper()
	sink, s := historytest.TwoMonths(t)
	x := history.NewIndex()
	if err := x.Follow(t.Context(), sink, s); err != nil {
		t.Fatal(err)
	}
	return x.History("r")
}

func TestGroupsAndHours(t *testing.T) {
	h := made(t)
	rows := rowsOf(h, day.Date(2026, 10, 1), day.Date(2026, 11, 2), words.Printer{})
	if len(rows) != 2 || rows[1].days != 2 || rows[1].hours[9].Sum.Sessions != 16 {
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
		t.Errorf("no session of no group waited, and it says %d", g.Waiting)
	}
	// At 9, 40 + 7 + 9 sessions in 33 days.
	charts := byHour(rows, words.Printer{})
	if p := charts[0].Points; p[9].Values[0] != 56.0/33 || p[8].Values[0] != 0 || !p[8].Known || p[9].Label != "9:00" {
		t.Errorf("sessions by hour: %+v", p)
	}
	if p := charts[1].Points[9]; p.Known {
		t.Errorf("no session waited at 9, and it says %+v", p)
	}
}

func TestBins(t *testing.T) {
	h := made(t)
	// 2026-11-01 is a Sunday: a week ends with it, and another begins.
	weeks := binsOf(h, day.Date(2026, 10, 30), day.Date(2026, 11, 2), byWeek)
	if len(weeks) != 2 || weeks[0].From != day.Date(2026, 10, 26) || weeks[0].To != day.Date(2026, 11, 1) || weeks[0].Sessions != 47 || weeks[0].Days != 7 || weeks[1].Sessions != 9 {
		t.Errorf("weeks: %+v", weeks)
	}
	// The week of 2 November has one day by now, and that of 28 September four.
	if weeks[0].Partial || !weeks[1].Partial {
		t.Errorf("weeks: %+v", weeks)
	}
	if first := binsOf(h, day.Date(2026, 10, 1), day.Date(2026, 11, 2), byWeek)[0]; first.Days != 4 || !first.Partial {
		t.Errorf("the first week: %+v", first)
	}
	// Of 10 s, nothing and 20 s, the median is the lower of two.
	if weeks[0].Waiting != 10_000 {
		t.Errorf("the week's waiting time: %d", weeks[0].Waiting)
	}
	months := binsOf(h, day.Date(2026, 10, 30), day.Date(2026, 11, 2), byMonth)
	if len(months) != 2 || months[0].Sessions != 40 || months[1].Sessions != 16 {
		t.Errorf("months: %+v", months)
	}
	if days := binsOf(h, day.Date(2026, 9, 30), day.Date(2026, 10, 1), byDay); len(days) != 2 || days[0].Days != 0 || days[1].Days != 1 || days[1].Sessions != 0 {
		t.Errorf("days: %+v", days)
	}
}

// A week that has just begun has an average of few days. It is not drawn, so that
// no chart ends in a jump.
func TestChartsLeaveOutPartialWeeks(t *testing.T) {
	sessions := over(made(t), day.Date(2026, 8, 30), day.Date(2026, 11, 2), words.Printer{})[0]
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

func TestDurationsInWords(t *testing.T) {
	for _, tc := range []struct{ got, want string }{
		{minutes(42_999), "42 s"}, {minutes(160_000), "2:40 min"}, {hours(1.5 * hour), "1.5 h"}, {Hours(10 * hour), "10 h"},
		{Waited(-1), "–"}, {Waited(160_000), "2:40 min"},
	} {
		if tc.got != tc.want {
			t.Errorf("%q, want %q", tc.got, tc.want)
		}
	}
}
