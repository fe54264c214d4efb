// Package historytest has published figures of two months for tests of the history
// and of the charts.
package historytest

import (
	"strings"
	"testing"

	"daybook/pipeline/partition"
	"daybook/pipeline/service/states"
	"daybook/sinks/figures"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/summary"
)

// Put stores a text.
func Put(t testing.TB, s store.Store, key, text string) {
	t.Helper()
	if _, err := s.Put(t.Context(), key, strings.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// Sums are measures of which each has a number of its own: charts that took
// another one than theirs would show a wrong number. Durations are seconds; a
// waiting time of -1 is that of no leg.
func Sums(sessions, total, work, median, p90 int64) summary.Measures {
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

// Day is the figures of a day of group A, all of it at 9 o'clock.
func Day(date string, sessions int64) *figures.File {
	f := &figures.File{Report: "r", Partition: date, Figures: summary.Figures{Total: Sums(sessions, 600, 300, 20, 60), Hours: hoursOf9(Sums(sessions, 0, 0, -1, -1))}}
	f.Groups = []summary.Group{{Name: "A", Measures: Sums(sessions, 600, 300, 20, 60)}}
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

// October is the figures of a month whose last two days have sessions.
func October() *figures.File {
	f := &figures.File{Report: "r", Partition: "2026-10", Figures: summary.Figures{Total: Sums(38, 6*3600, 3*3600, 10, 60), Hours: hoursOf9(Sums(40, 0, 0, -1, -1))}}
	for d := day.Date(2026, 10, 1); d <= day.Date(2026, 10, 31); d++ {
		f.Days = append(f.Days, summary.Day{Date: d})
	}
	f.Days[29].Measures, f.Days[30].Measures = Sums(30, 5*3600, 9000, 10, 60), Sums(10, 3600, 1800, -1, -1)
	f.Groups = []summary.Group{{Name: "A", Measures: Sums(25, 4*3600, 2*3600, 10, 60)}, {Measures: Sums(15, 2*3600, 3600, -1, -1)}}
	return f
}

// PutFigures stores the figures of a partition.
func PutFigures(t testing.TB, s store.Store, f *figures.File) {
	t.Helper()
	var b strings.Builder
	if err := figures.Encode(&b, f); err != nil {
		t.Fatal(err)
	}
	Put(t, s, Key(t, f.Partition), b.String())
}

// Key is the key of the figures of a day or month.
func Key(t testing.TB, name string) string {
	t.Helper()
	return ID(t, "r", name).SummaryDir() + figures.Name
}

// ID is the day or month of a report.
func ID(t testing.TB, report, name string) partition.ID {
	t.Helper()
	id, err := partition.Parse(report, name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TwoMonths has October as a month, and the first two days of November.
func TwoMonths(t testing.TB) (store.Store, *states.Snapshot) {
	t.Helper()
	st := store.NewMemory(nil)
	PutFigures(t, st, October())
	PutFigures(t, st, Day("2026-11-01", 7))
	PutFigures(t, st, Day("2026-11-02", 9))
	published := func(names ...string) (all []states.Partition) {
		for _, name := range names {
			all = append(all, states.Partition{ID: ID(t, "r", name), State: states.Published, Revision: 1})
		}
		return all
	}
	return st, &states.Snapshot{Reports: []states.Report{{
		Name: "r", Days: published("2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02"), Months: published("2026-10"),
	}}}
}
