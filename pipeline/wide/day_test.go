package wide_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/wide"
	"daybook/pipeline/wide/wire"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

// published are what the readers of reports have, by key.
func published(t *testing.T, st store.Store) map[string]string {
	return under(pipelinetest.Contents(t, st, false), partition.ReportRoot, partition.MonthRoot, pipelinetest.SummaryRoot)
}

// Many workers publish the bytes that one process publishes: with late, repeated and
// long sessions, several reports, and days of several files.
func TestDays(t *testing.T) {
	for _, events := range []int64{0, 80} {
		t.Run(fmt.Sprint(events, " events a range"), func(t *testing.T) {
			one := generated(t, 10, events)
			one.FileRows = 7
			many := *one
			many.Sink = store.NewMemory(nil)
			all := partition.Days(first, last)
			pipelinetest.Run(t, one, all)
			d := newDriver(t, &many)
			for of := first; of <= last; of++ {
				d.digest(of)
			}
			several := false
			for _, done := range d.days(all) {
				if done.Err != nil || done.State != publish.Published {
					t.Errorf("%s is %s: %v", done.ID, done.State, done.Err)
				}
				want, got := pipelinetest.Manifest(t, one.Sink, done.ID), pipelinetest.Manifest(t, many.Sink, done.ID)
				several = several || len(got.Parts) > 1
				if string(jsonOf(t, essence(want))) != string(jsonOf(t, essence(got))) {
					t.Errorf("the manifest of %s is\n%s\nwant\n%s", done.ID, jsonOf(t, essence(got)), jsonOf(t, essence(want)))
				}
			}
			if !several {
				t.Error("no day has several files")
			}
			pipelinetest.SameContents(t, "the reports of many workers", published(t, one.Sink), published(t, many.Sink))
			if left := pipelinetest.PlanText(pipelinetest.Plan(t, &many, all)); strings.Contains(left, "stale") || strings.Contains(left, "missing") {
				t.Errorf("a run on one machine would build:\n%s", left)
			}
		})
	}
}

// What the workers have seen must be what is there at the commit.
func TestCommitDayRefuses(t *testing.T) {
	s := pipelinetest.Settings(t, store.NewMemory(nil), store.NewMemory(nil))
	s.RangeEvents, s.FileRows = 6, 2
	pipelinetest.Put(t, s.Source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1, 2, 3, 4, 5))
	d := newDriver(t, s)
	d.digest(pipelinetest.Day)
	jobs, err := d.builder().BeginDays(t.Context(), pipelinetest.TheDay, build.All)
	if err != nil || len(jobs) != 1 || len(jobs[0].Reports) != 2 || jobs[0].Bits == 0 {
		t.Fatalf("%+v, %v", jobs, err)
	}
	j := jobs[0]
	stitched, rows := d.stitch(j)
	tasks, parts := d.parts(j, stitched, rows)
	commit := func(stitched []wide.StitchResult, parts []wide.PartResult) error {
		t.Helper()
		done, err := d.builder().CommitDay(t.Context(), j, stitched, tasks, parts)
		if err != nil || len(done) != 2 {
			t.Fatalf("%d outcomes: %v", len(done), err)
		}
		return errors.Join(done[0].Err, done[1].Err)
	}
	wrongRows := slices.Clone(parts)
	wrongRows[0].Part.Rows++
	for name, err := range map[string]error{
		"a hash range is missing": commit(stitched[1:], parts),
		"a hash range twice":      commit(append(slices.Clone(stitched), stitched[0]), parts),
		"a part is missing":       commit(stitched, parts[1:]),
		"a part twice":            commit(stitched, append(slices.Clone(parts), parts[0])),
		"other rows":              commit(stitched, wrongRows),
	} {
		if err == nil {
			t.Errorf("%s: it was published", name)
		}
	}
	pipelinetest.Put(t, s.Source, "2026/11/20/b.ndjson", pipelinetest.SessionLines(6))
	if err := commit(stitched, parts); err == nil || !strings.Contains(err.Error(), "digest") {
		t.Errorf("with a new dump: %v", err)
	}
	d.digest(pipelinetest.Day)
	if err := commit(stitched, parts); !errors.Is(err, publish.ErrRaced) {
		t.Errorf("with another digest: error %v, want %v", err, publish.ErrRaced)
	}
	if base, err := publish.Read(t.Context(), s.Sink, partition.DayID("sessions", pipelinetest.Day).Dir()); err != nil || base.Manifest != nil {
		t.Errorf("it was published: %v, %v", base.Manifest, err)
	}
	for _, done := range d.days(pipelinetest.TheDay) {
		if done.Err != nil || done.State != publish.Published {
			t.Errorf("a new plan: %s is %s: %v", done.ID, done.State, done.Err)
		}
	}
	if err := commit(stitched, parts); !errors.Is(err, publish.ErrRaced) {
		t.Errorf("an old plan: error %v, want %v", err, publish.ErrRaced)
	}
}

// Parts have the exact ranks of their files, for any numbers of rows in the buckets.
func TestCut(t *testing.T) {
	for _, c := range []struct {
		counts []int64 // of buckets 0, 1, …
		want   string  // skip+rows/least of each part
	}{
		{nil, "0+0/0"},
		{[]int64{1}, "0+1/1"},
		{[]int64{4, 4}, "0+4/4 0+4/4"},
		{[]int64{3, 3}, "0+4/6 1+2/3"},
		{[]int64{9}, "0+4/9 4+4/9 8+1/9"},
		{[]int64{1, 7, 1}, "0+4/8 3+4/7 0+1/1"},
		{[]int64{0, 5}, "0+4/5 4+1/5"},
	} {
		j := &wide.DayJob{PID: 3, Reports: []wide.ReportJob{{Name: "other"}, {Name: "r"}}}
		buckets := []wide.Bucket{{PID: 3, Bucket: 1, Rows: 2}}
		for bucket, n := range c.counts {
			for range n { // each row in a buffer of its own
				buckets = append(buckets, wide.Bucket{PID: 4, Bucket: int64(bucket), Rows: 1})
			}
		}
		slices.Reverse(buckets)
		tasks, routes := j.Cut(buckets, 4, 9)
		var parts []string
		least := map[int32]int64{}
		for _, r := range routes {
			if r.From == 4 {
				least[r.To] += c.counts[r.Bucket]
			}
		}
		for _, p := range tasks[1:] {
			parts = append(parts, fmt.Sprintf("%d+%d/%d", p.Skip, p.Rows, p.Least))
			if p.Least != least[p.PID] || p.Number != len(parts)-1 {
				t.Errorf("%v: %d rows are sent to part %+v", c.counts, least[p.PID], p)
			}
		}
		if got := strings.Join(parts, " "); got != c.want {
			t.Errorf("%v: %s, want %s", c.counts, got, c.want)
		}
	}
}

// A part whose rows are not whole is refused.
func TestPartsRefuses(t *testing.T) {
	s := pipelinetest.Settings(t, store.NewMemory(nil), store.NewMemory(nil))
	task := wide.PartTask{Date: pipelinetest.Day, Report: "sessions", Revision: 1, Rows: 1, Least: 1}
	d := newDriver(t, s)
	day := int32(pipelinetest.Day)
	for name, row := range map[string]wire.Row{
		"no rows":        {Kind: wire.Rows, Day: day, N: 0, Payload: wire.Pack(nil, nil)},
		"a damaged row":  {Kind: wire.Rows, Day: day, N: 1, Payload: wire.Pack(nil, []byte{3, 1, 2})},
		"a cut row":      {Kind: wire.Rows, Day: day, N: 1, Payload: wire.Pack(nil, []byte{9, 1, 2})},
		"not packed":     {Kind: wire.Rows, Day: day, N: 1, Payload: []byte("x")},
		"another day":    {Kind: wire.Rows, Day: day + 1, N: 1},
		"another kind":   {Kind: wire.Events, Day: day, N: 1},
		"a second task":  {Kind: wire.Task, Day: day, N: 1, Payload: []byte("{}")},
		"of a decoder":   {Kind: wire.Tally, Day: day, Payload: []byte("{}")},
		"of some result": {Kind: wire.Result, Day: day, Payload: []byte("{}")},
	} {
		if _, err := d.attempt(wide.Parts, task, []wire.Row{row}); !errors.Is(err, wire.ErrStream) {
			t.Errorf("%s: error %v, want %v", name, err, wire.ErrStream)
		}
	}
}

// An error that every attempt would have is a result, and the step fails by it: here of a
// sink that refuses a table, and of a worker that has another configuration than the
// driver.
func TestErrorsAreResults(t *testing.T) {
	s := pipelinetest.Settings(t, store.NewMemory(nil), store.NewMemory(nil))
	s.RangeEvents = 6
	pipelinetest.Put(t, s.Source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1, 2, 3, 4, 5))
	whole, other := newDriver(t, s), *s
	other.Reports = s.Reports[:1]
	odd := newDriver(t, &other)

	full := *s
	full.Sink = faultstest.New(s.Sink, func(c faultstest.Call) faultstest.Outcome {
		if c.Op == faultstest.Put && strings.Contains(c.Key, "sessions") {
			return faultstest.Outcome{Fault: faultstest.Drop, Err: &store.Error{Op: "put", URL: c.Key, Err: errors.New("no such luck"), Final: true}}
		}
		return faultstest.Outcome{}
	})
	digest := whole.job(pipelinetest.Day)
	done, err := whole.builder().CommitDigest(t.Context(), digest, newDriver(t, &full).results(digest))
	if err != nil || !strings.HasSuffix(done.Error, "no such luck") || done.State != "" {
		t.Errorf("a digest: %+v, %v", done, err)
	}
	whole.digest(pipelinetest.Day)

	jobs, err := whole.builder().BeginDays(t.Context(), pipelinetest.TheDay, build.All)
	if err != nil || len(jobs) != 1 || len(jobs[0].Reports) != 2 {
		t.Fatalf("%+v, %v", jobs, err)
	}
	fails := func(stitched []wide.StitchResult, tasks []wide.PartTask, parts []wide.PartResult) {
		t.Helper()
		done, err := whole.builder().CommitDay(t.Context(), jobs[0], stitched, tasks, parts)
		if err != nil || len(done) != 2 || !strings.Contains(done[0].Error, "not configured here") {
			t.Errorf("%+v, %v", done, err)
		}
	}
	stage := wide.NewDayStage(jobs)
	stage.Stitched, _ = odd.stitch(jobs[0])
	if stage.Cut(1); len(stage.Parts) > 0 {
		t.Errorf("a date without its rows has %d parts", len(stage.Parts))
	}
	fails(stage.Stitched, nil, nil)
	stitched, rows := whole.stitch(jobs[0])
	tasks, parts := odd.parts(jobs[0], stitched, rows)
	fails(stitched, tasks, parts)
}

// The workers of four digests, each run twice, and what is shuffled for an event.
func BenchmarkDigest(b *testing.B) {
	s := generated(b, 2000, 8000)
	s.Sink = store.NewMemory(nil)
	for b.Loop() {
		d := newDriver(b, s)
		s.Sink = store.NewMemory(nil)
		for of := first; of <= last; of++ {
			d.digest(of)
		}
		b.ReportMetric(float64(d.bytes)/float64(d.events), "bytes/event")
	}
}
