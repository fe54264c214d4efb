package main

import (
	"strings"
	"testing"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/sinks/publish"
	"daybook/transform/day"
)

// The end of a run says how many sessions a silence has divided, with the look-back that
// joins them.
func TestDividedSessionsAreSaid(t *testing.T) {
	d := day.Date(2026, 11, 20)
	var b strings.Builder
	err := writeApart(&b, &build.Result{Steps: []build.Done{
		{ID: partition.DayID("sessions", d), Apart: build.Apart{Sessions: 1, Lookback: 20}},
		{ID: partition.DayID("sessions", d+1), Apart: build.Apart{Sessions: 2, Lookback: 18}},
		{ID: partition.DayID("sessions", d+2)},
		{ID: partition.DayID("emea", d), Apart: build.Apart{Sessions: 1, Lookback: 17}},
	}})
	want := `emea: 1 session is silent for longer than the look-back, and told as several sessions: source.lookback_days: 17 joins them
sessions: 3 sessions are silent for longer than the look-back, and told as several sessions: source.lookback_days: 20 joins them
`
	if err != nil || b.String() != want {
		t.Errorf("%v\n%s, want\n%s", err, b.String(), want)
	}
}

// daybook show says which sessions are told as several or have no rows, and what would
// change that.
func TestShowTellsSessionsLeftOut(t *testing.T) {
	var b strings.Builder
	s := &shower{w: &b}
	s.content(&publish.Manifest{Rows: 9, Fold: &publish.FoldInfo{Apart: 2, ApartLookback: 20, Oversized: 1}})
	want := "rows\t9\n" +
		"told as several\t2 sessions, silent for longer than the look-back; source.lookback_days: 20 joins them\n" +
		"oversized\t1 session, larger than source.max_session_size: no rows\n"
	if b.String() != want {
		t.Errorf("%s, want\n%s", b.String(), want)
	}
}
