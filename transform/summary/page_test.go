package summary_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/summary"
)

// REPORT.md has each file, its keys, and each measure in both languages and in
// order.
func TestPage(t *testing.T) {
	b, err := os.ReadFile("../report/REPORT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(string(b), "\n## Summaries\n")
	files, measures, _ := strings.Cut(page, "\n### Measures\n")

	month, err := day.ParseMonth("2026-11")
	if err != nil {
		t.Fatal(err)
	}
	headers := map[report.Language]map[string][]string{}
	for _, l := range []report.Language{report.English, report.Dutch} {
		headers[l] = map[string][]string{}
		for _, table := range figures(t, summary.ForMonth(&report.Definition{Zone: time.UTC}, month, noScratch)).Tables(l) {
			headers[l][table.Name+".csv"] = table.Header
		}
	}

	var got, want [2][]string
	for line := range strings.Lines(measures) {
		if cells := strings.Split(line, " | "); len(cells) == 3 && cells[0] != "| English" {
			got[report.English] = append(got[report.English], strings.TrimPrefix(cells[0], "| "))
			got[report.Dutch] = append(got[report.Dutch], cells[1])
		}
	}
	for l := range want {
		want[l] = headers[report.Language(l)]["total.csv"] // which has no keys
		if !slices.Equal(got[l], want[l]) {
			t.Errorf("the measures are\n%q, want\n%q", got[l], want[l])
		}
	}

	var named []string
	for line := range strings.Lines(files) {
		rest, isRow := strings.CutPrefix(line, "| `")
		file, what, _ := strings.Cut(rest, "`")
		if !isRow || file == "sessions.csv" {
			continue
		}
		named = append(named, file)
		header := headers[report.English][file]
		for _, key := range header[:max(0, len(header)-len(want[report.English]))] {
			if !strings.Contains(what, key) {
				t.Errorf("%s has the key %s, which the page does not say", file, key)
			}
		}
	}
	slices.Sort(named)
	var all []string
	for file := range headers[report.English] {
		all = append(all, file)
	}
	slices.Sort(all)
	if !slices.Equal(named, all) {
		t.Errorf("the files are %q, want %q", named, all)
	}
}
