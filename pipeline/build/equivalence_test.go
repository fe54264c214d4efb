package build_test

import (
	"flag"
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/sources/generate"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

// withheld selects the dumps that arrive two days late.
func withheld(key string) bool {
	name := path.Base(key)
	return strings.HasPrefix(name, "part-09") || strings.HasPrefix(name, "part-14")
}

var seeds = flag.Uint64("seeds", 1, "how many times as many random worlds the tests build")

// Day after day with late dumps, the month at once, a backfill with four workers, and
// a backfill in little memory publish the same bytes.
func TestEquivalence(t *testing.T) {
	for seed := range *seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			from, to := day.Date(2026, time.November, 1), day.Date(2026, time.December, 3)
			month := from.Month()
			dumps := pipelinetest.Dumps(t, generate.Options{Seed: seed, From: from, Days: int(to-from) + 1, SessionsPerDay: 15})
			all := store.NewMemory(nil)
			pipelinetest.PutDumps(t, all, dumps, pipelinetest.Every)

			source, daily := store.NewMemory(nil), store.NewMemory(nil)
			settingsOf := func(source, sink store.Store) *settings.Pipeline {
				s := pipelinetest.Settings(t, source, sink)
				s.MaxRejected = 1
				return s
			}
			s := settingsOf(source, daily)
			for d := from; d <= to; d++ {
				pipelinetest.PutDumps(t, source, dumps, func(key string) bool {
					of, _ := pipelinetest.Template.Day(key)
					return of == d && !withheld(key) || of == d-2 && withheld(key)
				})
				pipelinetest.Run(t, s, partition.Everything())
			}
			pipelinetest.PutDumps(t, source, dumps, withheld)
			pipelinetest.Run(t, s, partition.Everything())
			want := pipelinetest.View(t, daily)
			isFourth := func(key string) bool { return strings.Contains(key, "-r4-") }
			if len(only(pipelinetest.Contents(t, daily, true), isFourth)) == 0 {
				t.Error("no day was restated three times: too few dumps came late")
			}

			monthly := store.NewMemory(nil)
			pipelinetest.Run(t, settingsOf(all, monthly), partition.WholeMonth(month))
			pipelinetest.SameContents(t, "the month at once", only(want, func(key string) bool { return !strings.Contains(key, "2026-12") }), pipelinetest.View(t, monthly))

			backfill := store.NewMemory(nil)
			s = settingsOf(all, backfill)
			s.Budget = parallel.NewBudget(4, 8<<30)
			pipelinetest.Run(t, s, partition.Days(from, to))
			pipelinetest.SameContents(t, "a backfill with four workers", want, pipelinetest.View(t, backfill))

			frugal := store.NewMemory(nil)
			s = settingsOf(all, frugal)
			s.Budget = parallel.NewBudget(2, 16<<10) // too little to merge row groups
			pipelinetest.Run(t, s, partition.Everything())
			pipelinetest.SameContents(t, "a backfill in little memory", want, pipelinetest.View(t, frugal))
			pipelinetest.SameContents(t, "all objects of both backfills", pipelinetest.Contents(t, backfill, false), pipelinetest.Contents(t, frugal, false))
			if diff := gocmp.Diff(folds(t, backfill), folds(t, frugal)); diff != "" {
				t.Errorf("what rows are made from differs in little memory (-want +got):\n%s", diff)
			}
		})
	}
}

// folds are what the days of a store are made from, by their keys.
func folds(t *testing.T, st store.Store) map[string]publish.FoldInfo {
	t.Helper()
	all := map[string]publish.FoldInfo{}
	for key := range pipelinetest.Contents(t, st, true) {
		dir, ok := publish.ManifestDir(key)
		if !ok {
			continue
		}
		base, err := publish.Read(t.Context(), st, dir)
		if err != nil {
			t.Fatal(err)
		}
		if base.Manifest.Fold != nil {
			all[key] = *base.Manifest.Fold
		}
	}
	duplicates := int64(0)
	for _, f := range all {
		duplicates += f.Duplicates
	}
	if duplicates == 0 {
		t.Error("no event was delivered on two days")
	}
	return all
}

// only are the selected entries of a map.
func only(m map[string]string, which func(key string) bool) map[string]string {
	some := map[string]string{}
	for key, text := range m {
		if which(key) {
			some[key] = text
		}
	}
	return some
}

// A backfill of 2009 has verdicts up to and including 30 April on the report's own
// calendar, and none after it (REPORT.md, resolved_unresolved).
func TestHistory(t *testing.T) {
	from, to := day.Date(2008, time.November, 1), day.Date(2009, time.June, 30)
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.PutDumps(t, source, pipelinetest.Dumps(t, generate.Options{Seed: 3, From: from, Days: int(to-from) + 1, SessionsPerDay: 12}), pipelinetest.Every)
	s := pipelinetest.OneReport(t, source, sink)
	s.Reports = nil
	for name, zone := range map[string]string{"tokyo": "Asia/Tokyo", "los_angeles": "America/Los_Angeles"} {
		s.Reports = append(s.Reports, settings.Report{Definition: report.Definition{Name: name, Zone: pipelinetest.Zone(t, zone)}, Hash: name})
	}
	result := pipelinetest.Run(t, s, partition.Days(from, to))
	if n := len(pipelinetest.Partitions(result)); n != 2*(242+8) {
		t.Errorf("%d partitions, want 242 days and 8 months of two reports", n)
	}
	for i := range s.Reports {
		name := s.Reports[i].Name
		var ids []partition.ID
		for d := from; d <= to; d++ {
			ids = append(ids, partition.DayID(name, d))
		}
		for m := from.Month(); m <= to.Month(); m++ {
			ids = append(ids, partition.MonthID(name, m))
		}
		verdicts := map[day.Day]int{}
		for _, id := range ids {
			for _, row := range pipelinetest.Rows(t, sink, pipelinetest.Manifest(t, sink, id)) {
				if row.ResolvedUnresolved != "" {
					verdicts[row.ReportDate]++
				}
			}
		}
		last := day.Date(2009, time.April, 30)
		for d, n := range verdicts {
			if d > last {
				t.Errorf("%s: %d verdicts on %s", name, n, d)
			}
		}
		if verdicts[last] == 0 || len(verdicts) < 150 {
			t.Errorf("%s: %d verdicts on %s, and verdicts on %d days", name, verdicts[last], last, len(verdicts))
		}
	}
}
