// Package pipelinetest is the support that tests of the pipeline share: settings
// for two small reports, dumps, and views of what a run has published.
package pipelinetest

import (
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
	"daybook/transform/report"
)

const (
	// Template is where the dumps of a day lie.
	Template = dump.Template("{yyyy}/{mm}/{dd}/")
	// DayName is the day that most tests build.
	DayName = "2026-11-20"
)

// Day is the day that most tests build.
var Day = day.Date(2026, time.November, 20)

// Sources are the dumps of tests.
var Sources = dump.Sources{{Template: Template}}

// TheDay is the target of that day.
var TheDay = partition.Days(Day, Day)

// ParseDay reads a day.
func ParseDay(tb testing.TB, name string) day.Day {
	tb.Helper()
	d, err := day.Parse(name)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// Zone loads a time zone.
func Zone(tb testing.TB, name string) *time.Location {
	tb.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		tb.Fatal(err)
	}
	return zone
}

// Reports are two reports that have little in common.
func Reports(tb testing.TB) []settings.Report {
	tb.Helper()
	return []settings.Report{
		{Definition: report.Definition{Name: "sessions", Zone: Zone(tb, "Europe/Amsterdam")}, Hash: "a", SessionsCSV: true},
		{Definition: report.Definition{Name: "emea", Zone: time.UTC, Language: report.Dutch,
			Unit: report.Unit{Groups: []string{"EMEA"}}}, Hash: "b"},
	}
}

// Later is a clock by which all days of tests are over.
func Later() time.Time { return time.Now().AddDate(2, 0, 0) }

// Settings build both reports, with a look-back of 16 days.
func Settings(tb testing.TB, source, sink store.Store) *settings.Pipeline {
	tb.Helper()
	return &settings.Pipeline{
		Source: source, Dumps: Sources, Lookback: 16, MaxRejected: 0.01, Sink: sink,
		Reports: Reports(tb), Budget: parallel.NewBudget(0, 0), Clock: Later,
	}
}

// OneReport is Settings with the first report alone, and with any share of
// rejected lines.
func OneReport(tb testing.TB, source, sink store.Store) *settings.Pipeline {
	tb.Helper()
	s := Settings(tb, source, sink)
	s.Reports, s.MaxRejected = s.Reports[:1], 1
	return s
}

// Run builds what of a target is due. Every step has to succeed.
func Run(tb testing.TB, s *settings.Pipeline, t partition.Target) *build.Result {
	tb.Helper()
	return RunBuilder(tb, &build.Builder{Settings: s}, t)
}

// RunBuilder is Run with a builder that has hooks or a cache.
func RunBuilder(tb testing.TB, b *build.Builder, t partition.Target) *build.Result {
	tb.Helper()
	result, err := b.Run(tb.Context(), t, build.OnlyDue)
	if err != nil {
		tb.Fatal(err)
	}
	if err := result.Err(); err != nil {
		tb.Fatal(err)
	}
	return result
}

// RunOnly builds the selected steps of a target. Steps may fail.
func RunOnly(tb testing.TB, s *settings.Pipeline, t partition.Target, only build.Only) *build.Result {
	tb.Helper()
	result, err := (&build.Builder{Settings: s}).Run(tb.Context(), t, only)
	if err != nil {
		tb.Fatal(err)
	}
	return result
}

// Plan plans a target.
func Plan(tb testing.TB, s *settings.Pipeline, t partition.Target) *plan.Plan {
	tb.Helper()
	p, err := plan.Make(tb.Context(), &catalog.Reader{Settings: s}, t)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// Step is the step of a partition in the plan of everything.
func Step(tb testing.TB, s *settings.Pipeline, id partition.ID) plan.Step {
	tb.Helper()
	for _, step := range Plan(tb, s, partition.Everything()).Steps {
		if step.ID == id {
			return step
		}
	}
	tb.Fatalf("the plan has no %s", id)
	return plan.Step{}
}
