package build_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"daybook/pipeline/catalog"
	"daybook/pipeline/inspect/explain"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/sinks/publish"
	"daybook/sources/generate"
	"daybook/sources/store"
	"daybook/transform/day"
)

// What is published does not depend on how many hash ranges the digests have: all days
// with the same number, or each with another one.
func TestWideDigests(t *testing.T) {
	for seed := range *seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			from, to := day.Date(2026, time.November, 25), day.Date(2026, time.December, 1)
			source, narrow := store.NewMemory(nil), store.NewMemory(nil)
			dumps := pipelinetest.Dumps(t, generate.Options{Seed: seed, From: from, Days: int(to-from) + 1, SessionsPerDay: 10})
			pipelinetest.PutDumps(t, source, dumps, pipelinetest.Every)
			s := pipelinetest.Settings(t, source, narrow)
			s.MaxRejected = 1
			pipelinetest.Run(t, s, partition.Days(from, to))
			want, wantFolds := pipelinetest.View(t, narrow), folds(t, narrow)
			same := func(name string, sink store.Store) {
				t.Helper()
				pipelinetest.SameContents(t, name, want, pipelinetest.View(t, sink))
				if diff := gocmp.Diff(wantFolds, folds(t, sink)); diff != "" {
					t.Errorf("%s: what rows are made from differs (-want +got):\n%s", name, diff)
				}
			}
			for _, events := range []int64{8} {
				sink := store.NewMemory(nil)
				s := *s
				s.Sink, s.RangeEvents, s.Budget = sink, events, parallel.NewBudget(3, 1<<30)
				pipelinetest.Run(t, &s, partition.Days(from, to))
				same(fmt.Sprint(events, " events a range"), sink)
				if bits := pipelinetest.Manifest(t, sink, partition.DigestID(from)).Digest.RangeBits; bits == 0 {
					t.Errorf("with %d events a range, the digests are not wide", events)
				}
			}

			random, mixed := rand.New(rand.NewPCG(seed, 1)), store.NewMemory(nil)
			s.Sink = mixed
			for d := from; d <= to; d++ {
				s.RangeEvents = 10 + random.Int64N(1500)
				s.Budget = parallel.NewBudget(1+random.IntN(3), 16<<10<<random.IntN(16))
				pipelinetest.Run(t, s, partition.Days(d, d))
			}
			pipelinetest.Run(t, s, partition.Days(from, to))
			pipelinetest.SameContents(t, "each day with another number", want, pipelinetest.View(t, mixed))
		})
	}
}

// A digest is fresh with any number of hash ranges. A late dump makes it again, and
// only the days that it affects.
func TestWideDigestIsFresh(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	s := pipelinetest.Settings(t, source, sink)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1, 2, 3, 4, 5, 6, 7, 8))
	s.RangeEvents = 4
	pipelinetest.Run(t, s, pipelinetest.TheDay)
	wide := pipelinetest.Manifest(t, sink, partition.DigestID(pipelinetest.Day))
	if wide.Digest.RangeBits == 0 || len(wide.Parts) != 3<<wide.Digest.RangeBits || wide.Rows != 8 {
		t.Fatalf("the digest has %d parts and %d sessions, in ranges of %d bits", len(wide.Parts), wide.Rows, wide.Digest.RangeBits)
	}
	s.RangeEvents = 0
	if due := pipelinetest.PlanText(pipelinetest.Plan(t, s, pipelinetest.TheDay)); strings.Contains(due, "stale") {
		t.Errorf("a wide digest is not fresh:\n%s", due)
	}
	pipelinetest.Put(t, source, "2026/11/20/b.ndjson", pipelinetest.SessionLines(9))
	pipelinetest.Run(t, s, pipelinetest.TheDay)
	narrow := pipelinetest.Manifest(t, sink, partition.DigestID(pipelinetest.Day))
	if narrow.Digest.RangeBits != 0 || narrow.Rows != 9 || narrow.Digest.GrownFrom == nil {
		t.Errorf("the next digest: %+v", narrow.Digest)
	}
	if rows := pipelinetest.Rows(t, sink, pipelinetest.Manifest(t, sink, partition.DayID("sessions", pipelinetest.Day))); len(rows) != 9 {
		t.Errorf("%d rows, want 9", len(rows))
	}
}

// A session is explained from the one hash range that has it.
func TestExplainFromWideDigests(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	s := pipelinetest.Settings(t, source, sink)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1, 2, 3, 4, 5, 6, 7, 8))
	s.RangeEvents = 1
	pipelinetest.Run(t, s, pipelinetest.TheDay)
	for id := int64(1); id <= 8; id++ {
		x, err := explain.FromDigests(t.Context(), &catalog.Reader{Settings: s}, explain.Question{Session: id, Near: pipelinetest.Day})
		if err != nil || len(x.Deliveries) != 3 {
			t.Errorf("session %d: %v, %v", id, x, err)
		}
	}
}

// A wide digest whose manifest lacks a table is made again.
func TestWideDigestWithoutATable(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	s := pipelinetest.Settings(t, source, sink)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1, 2, 3, 4, 5, 6, 7, 8))
	s.RangeEvents = 4
	pipelinetest.Run(t, s, pipelinetest.TheDay)
	for _, bits := range []int{-1, 11, 63} {
		id := partition.DigestID(pipelinetest.Day)
		base := pipelinetest.Base(t, sink, id)
		next, info := *base.Manifest, *base.Manifest.Digest
		info.RangeBits = bits
		next.Digest = &info
		if _, err := publish.Amend(t.Context(), sink, id.Dir(), base, next); err != nil {
			t.Fatal(err)
		}
		if due := pipelinetest.PlanText(pipelinetest.Plan(t, s, pipelinetest.TheDay)); !strings.Contains(due, "bits") {
			t.Errorf("%d bits: the plan is %s", bits, due)
		}
		pipelinetest.Run(t, s, pipelinetest.TheDay)
		if m := pipelinetest.Manifest(t, sink, id); m.Digest.RangeBits <= 0 || m.Rows != 8 {
			t.Errorf("%d bits: made again as %+v", bits, m.Digest)
		}
	}
}
