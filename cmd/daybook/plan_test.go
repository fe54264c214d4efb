package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/catalog"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/settings"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
)

// A plan of ten years and three reports is as readable as one of a week.
// It has more than 60 lines because it holds the plan and the text of it.
func TestWritePlanOfYears(t *testing.T) {
	from := day.Date(2016, 11, 21)
	source, keys := store.NewMemory(time.Now), dump.Template("{yyyy}/{mm}/{dd}/")
	for d := range day.Day(3652) {
		for i := range 1 + d%2 {
			if _, err := source.Put(t.Context(), fmt.Sprintf("%s%d.ndjson", keys.Prefix(from+d), i), strings.NewReader(""), 0, store.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := &settings.Pipeline{Source: source, Dumps: dump.Sources{{Template: keys}}, Sink: store.NewMemory(time.Now), Lookback: 16, Budget: parallel.NewBudget(0, 0)}
	made, err := plan.Make(t.Context(), &catalog.Reader{Settings: p}, partition.Everything())
	if err != nil {
		t.Fatal(err)
	}
	steps := made.Steps
	steps[1000].Failed = "read it: corrupt dump"
	for _, name := range []string{"a", "b", "c"} {
		for d := range day.Day(3652) {
			s := plan.Step{ID: partition.DayID(name, from+d), Status: plan.Fresh}
			switch {
			case d < 100:
				s.Status, s.Reasons = plan.Stale, []string{"unit changed"}
			case d < 130:
				s.Status, s.Reasons = plan.Stale, []string{"unit changed", "language en → nl"}
			case d > 3600:
				s.Status, s.Reasons = plan.Depends, []string{fmt.Sprintf("whether it changes depends on the dumps of day %d", d)}
			}
			steps = append(steps, s)
		}
	}
	for m := range day.Month(14) {
		steps = append(steps, plan.Step{ID: partition.MonthID("a", day.MonthOf(2025, 11)+m),
			Status: plan.Waiting, Reasons: []string{"days are missing"}})
	}
	steps[len(steps)-1].Reasons = []string{"there are no dumps of its last day yet"}
	var b strings.Builder
	if err := writePlan(&b, &plan.Plan{Steps: steps}, false); err != nil {
		t.Fatal(err)
	}
	// Day 1000 after the first is 2019-08-18. There are 3 × (3652 − 130 − 51)
	// fresh ones.
	const depends = "whether it changes depends on the dumps of day 3601; whether it changes depends on the dumps of day 3602; whether it changes depends on the dumps of day 3603; and 48 more"
	want := `REPORT  PARTITION                 STATUS   WHY
digest  2016-11-21 to 2019-08-17  missing  1,500 dumps not digested yet
digest  2019-08-18                missing  1 dump not digested yet; the last attempt failed: read it: corrupt dump
digest  2019-08-19 to 2026-11-20  missing  3,977 dumps not digested yet
`
	for _, name := range []string{"a", "b", "c"} {
		want += name + `       2016-11-21 to 2017-02-28  stale    unit changed
` + name + `       2017-03-01 to 2017-03-30  stale    unit changed; language en → nl
` + name + `       2026-10-01 to 2026-11-20  depends  ` + depends + "\n"
	}
	want += `a       2025-11 to 2026-11        waiting  days are missing
a       2026-12                   waiting  there are no dumps of its last day yet
10413 fresh, 3652 missing, 390 stale, 153 depending on them, 14 waiting
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestWriteLeftOut(t *testing.T) {
	late := []catalog.Late{
		{DumpDay: "2026-11-20", Date: "2026-10-01", Lines: 2, Reason: "too_late", Lookback: 50},
		{DumpDay: "2026-11-20", Date: "2027-12-01", Lines: 1, Reason: "too_early", Lookback: 376},
	}
	var b strings.Builder
	if err := writeLeftOut(&b, late, []string{"2026/11/20/notes.txt", "2062/11/20/a.ndjson.gz"}, new(dump.Unread)); err != nil {
		t.Fatal(err)
	}
	want := `the dumps of 2026-11-20 have 2 lines of 2026-10-01 (too_late): source.lookback_days: 50 takes them into the reports of that day
the dumps of 2026-11-20 have 1 line of 2027-12-01 (too_early): source.lookback_days reaches 366 days at most
2026/11/20/notes.txt is not read: a dump's name ends in .ndjson, .jsonl, .json or .log, or has no extension; .gz, .gzip, .zst or .zstd may follow
2062/11/20/a.ndjson.gz is not read: its day is more than a year ahead
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}

	b.Reset()
	for range 40 {
		late = append(late, late[0])
	}
	if err := writeLeftOut(&b, late, nil, new(dump.Unread)); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); strings.Count(text, "\n") != mostNotes+1 || !strings.HasSuffix(text, "… and 32 more such days; --json lists them all\n") {
		t.Errorf("of 42 days it tells\n%s", text)
	}
}

func TestPartitionsText(t *testing.T) {
	var steps []*build.Done
	for _, s := range []struct{ report, name string }{
		{"a", "2026-11-29"}, {"a", "2026-11-30"}, {"a", "2026-12-01"}, {"a", "2026-12-03"}, {"b", "2026-12-04"}, {"b", "2026-11"}, {"b", "2026-12"},
	} {
		id, err := partition.Parse(s.report, s.name)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, &build.Done{ID: id})
	}
	want := "a 2026-11-29 to 2026-12-01, a 2026-12-03, b 2026-12-04, b 2026-11 to 2026-12"
	if got := partitionsText(steps); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
