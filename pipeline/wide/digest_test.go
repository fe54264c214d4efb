package wide_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"daybook/pipeline/build"
	"daybook/pipeline/digests"
	"daybook/pipeline/extract"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/settings"
	"daybook/pipeline/wide"
	"daybook/pipeline/wide/wire"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/generate"
	"daybook/sources/store"
	"daybook/transform/day"
)

// first and last are the days of the generated dumps.
var first, last = day.Date(2026, time.November, 18), day.Date(2026, time.November, 21)

// generated are settings with generated dumps, and an empty sink.
func generated(t testing.TB, sessions int, rangeEvents int64) *settings.Pipeline {
	t.Helper()
	source := store.NewMemory(nil)
	dumps := pipelinetest.Dumps(t, generate.Options{Seed: 5, From: first, Days: int(last-first) + 1, SessionsPerDay: sessions, Codec: dump.Gzip})
	pipelinetest.PutDumps(t, source, dumps, pipelinetest.Every)
	s := pipelinetest.Settings(t, source, store.NewMemory(nil))
	s.MaxRejected, s.RangeEvents = 1, rangeEvents
	return s
}

// under are the objects whose keys begin with one of the prefixes.
func under(contents map[string]string, prefixes ...string) map[string]string {
	some := map[string]string{}
	for key, text := range contents {
		for _, prefix := range prefixes {
			if strings.HasPrefix(key, prefix) {
				some[key] = text
			}
		}
	}
	return some
}

// essence is a digest's manifest without what differs between two runs.
func essence(m *publish.Manifest) publish.Manifest {
	e := *m
	e.Attempt, e.PublishedAt = "", ""
	return e
}

// Many workers make the digests that one process makes: the same files, and the same
// manifests, with any number of hash ranges.
func TestDigest(t *testing.T) {
	for _, events := range []int64{0, 20} {
		t.Run(fmt.Sprint(events, " events a range"), func(t *testing.T) {
			one := generated(t, 10, events)
			many := *one
			many.Sink = store.NewMemory(nil)
			pipelinetest.Run(t, one, partition.Days(first, last))
			d := newDriver(t, &many)
			for of := first; of <= last; of++ {
				made := d.digest(of)
				want := pipelinetest.Manifest(t, one.Sink, partition.DigestID(of))
				got := pipelinetest.Manifest(t, many.Sink, partition.DigestID(of))
				if diff := gocmp.Diff(essence(want), essence(got)); diff != "" {
					t.Errorf("the manifest of %s differs (-want +got):\n%s", of, diff)
				}
				if wide := got.Digest.RangeBits > 0; wide != (events > 0) || made.Err != nil {
					t.Errorf("the digest of %s has ranges of %d bits: %v", of, got.Digest.RangeBits, made.Err)
				}
			}
			roots := []string{partition.DigestRoot, partition.QuarantineRoot}
			want := under(pipelinetest.Contents(t, one.Sink, false), roots...)
			pipelinetest.SameContents(t, "digests of many workers", want, under(pipelinetest.Contents(t, many.Sink, false), roots...))

			pipelinetest.Run(t, &many, partition.Days(first, last))
			pipelinetest.SameContents(t, "reports from them", pipelinetest.View(t, one.Sink), pipelinetest.View(t, many.Sink))
			t.Logf("%d bytes are shuffled for %d events", d.bytes, d.events)
		})
	}
}

// A digest is made again when a late dump comes: as its next revision, which has grown
// from the first.
func TestDigestAgain(t *testing.T) {
	s := pipelinetest.Settings(t, store.NewMemory(nil), store.NewMemory(nil))
	s.RangeEvents = 3
	pipelinetest.Put(t, s.Source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1, 2, 3, 4))
	d := newDriver(t, s)
	if made := d.digest(pipelinetest.Day); made.State != publish.Published {
		t.Errorf("the first digest is %s: %v", made.State, made.Err)
	}
	if jobs, err := d.builder().BeginDigests(t.Context(), pipelinetest.TheDay, build.All); err != nil || len(jobs) > 0 {
		t.Errorf("a fresh digest has %d jobs: %v", len(jobs), err)
	}
	pipelinetest.Put(t, s.Source, "2026/11/20/b.ndjson", pipelinetest.SessionLines(5))
	made := d.digest(pipelinetest.Day)
	m := pipelinetest.Manifest(t, s.Sink, partition.DigestID(pipelinetest.Day))
	if made.State != publish.Restated || m.Revision != 2 || m.Rows != 5 || len(m.Digest.GrownFrom) != 1 {
		t.Errorf("with another dump it is %s: %+v", made.State, m)
	}
}

// The commit refuses results that are not whole, or not of the job.
func TestCommitDigestRefuses(t *testing.T) {
	s := generated(t, 5, 40)
	d := newDriver(t, s)
	j := d.job(first)
	whole := d.results(j)
	copied := func() []wide.RangeResult { return append([]wide.RangeResult(nil), whole...) }
	zero := func(results []wide.RangeResult) *wide.RangeResult {
		for i := range results {
			if results[i].Range.Number == 0 {
				results[i].Tallies = append([]wide.Tally(nil), results[i].Tallies...)
				return &results[i]
			}
		}
		return nil
	}
	for _, c := range []struct {
		name   string
		change func([]wide.RangeResult) []wide.RangeResult
		want   string
	}{
		{"a range is missing", func(r []wide.RangeResult) []wide.RangeResult { return r[1:] }, "lack hash range"},
		{"a range comes twice", func(r []wide.RangeResult) []wide.RangeResult { return append(r, r[0]) }, "one too many"},
		{"another day", func(r []wide.RangeResult) []wide.RangeResult { r[0].Day++; return r }, "one too many"},
		{"events are missing", func(r []wide.RangeResult) []wide.RangeResult { r[0].Events--; return r }, "came to their hash ranges"},
		{"a tally is missing", func(r []wide.RangeResult) []wide.RangeResult {
			zero(r).Tallies = zero(r).Tallies[1:]
			return r
		}, "tallies of"},
		{"another dump", func(r []wide.RangeResult) []wide.RangeResult { zero(r).Tallies[0].ETag = "x"; return r }, "the results are of"},
		{"a dump cannot be read", func(r []wide.RangeResult) []wide.RangeResult {
			zero(r).Tallies[0].Error = "corrupt dump"
			return r
		}, "corrupt dump"},
	} {
		made, err := wide.CommitDigest(t.Context(), s, j, c.change(copied()))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, error %v, want one with %q", c.name, made, err, c.want)
		}
	}
	if base, err := publish.Read(t.Context(), s.Sink, partition.DigestID(first).Dir()); err != nil || base.Manifest != nil {
		t.Errorf("refused results were published: %v, %v", base.Manifest, err)
	}
	if made, err := wide.CommitDigest(t.Context(), s, j, whole); err != nil || made.State != publish.Published {
		t.Errorf("whole results: %v, %v", made, err)
	}
	if _, err := wide.CommitDigest(t.Context(), s, j, whole); !errors.Is(err, publish.ErrRaced) {
		t.Errorf("a commit of an earlier plan: error %v, want %v", err, publish.ErrRaced)
	}
	if done, err := d.builder().CommitDigest(t.Context(), j, whole); err != nil || done.State != publish.Unchanged {
		t.Errorf("a commit of an earlier plan: %+v, %v", done, err)
	}
}

// Of a day with too many rejected lines, the lines are stored and nothing else is
// published: like in one process.
func TestDigestTooManyRejects(t *testing.T) {
	text := pipelinetest.SessionLines(1, 2) + strings.Repeat("no event\n", 3)
	one := pipelinetest.Settings(t, store.NewMemory(nil), store.NewMemory(nil))
	one.RangeEvents = 2
	pipelinetest.Put(t, one.Source, "2026/11/20/a.ndjson", text)
	pipelinetest.Put(t, one.Source, "2026/11/20/b.ndjson", pipelinetest.SessionLines(3)+"none either\n")
	many := *one
	many.Sink = store.NewMemory(nil)
	result := pipelinetest.RunOnly(t, one, pipelinetest.TheDay, build.OnlyDue)
	j := newDriver(t, &many).job(pipelinetest.Day)
	made, err := wide.CommitDigest(t.Context(), &many, j, newDriver(t, &many).results(j))
	if want := result.Steps[0].Err; !errors.As(err, new(*extract.TooManyRejects)) || err.Error() != want.Error() {
		t.Errorf("error %v, want %v", err, want)
	}
	if made.Quarantine == "" {
		t.Error("the rejected lines are nowhere")
	}
	isRefused := func(c map[string]string) map[string]string {
		return under(c, partition.QuarantineDir(pipelinetest.Day)+digests.RefusedFile)
	}
	pipelinetest.SameContents(t, "refused lines", isRefused(pipelinetest.Contents(t, one.Sink, false)), isRefused(pipelinetest.Contents(t, many.Sink, false)))
}

// A dump that has changed or is gone, or is damaged, is a result. A worker that another
// attempt may help fails.
func TestDecodeFails(t *testing.T) {
	s := pipelinetest.Settings(t, store.NewMemory(nil), store.NewMemory(nil))
	pipelinetest.Put(t, s.Source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
	pipelinetest.Put(t, s.Source, "2026/11/20/b.ndjson.gz", "not gzip")
	pipelinetest.Put(t, s.Source, "2026/11/20/c.ndjson", pipelinetest.SessionLines(2))
	d := newDriver(t, s)
	j := d.job(pipelinetest.Day)
	pipelinetest.Put(t, s.Source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1, 2))
	pipelinetest.Delete(t, s.Source, "2026/11/20/c.ndjson")
	_, err := wide.CommitDigest(t.Context(), s, j, d.results(j))
	if !errors.Is(err, wide.ErrChanged) {
		t.Errorf("error %v, want %v", err, wide.ErrChanged)
	}
	j.Dumps = j.Dumps[1:2]
	if _, err = wide.CommitDigest(t.Context(), s, j, d.results(j)); err == nil || !strings.Contains(err.Error(), "b.ndjson.gz") {
		t.Errorf("error %v, want one about b.ndjson.gz", err)
	}
	if _, err := d.attempt(wide.Decode, j.Decodes()[0], []wire.Row{{Kind: wire.Events}}); !errors.Is(err, wire.ErrStream) {
		t.Errorf("a row after the task of decode: error %v, want %v", err, wire.ErrStream)
	}
}

// A hash range whose rows are not whole, or come from another one, is refused.
func TestDigestRefuses(t *testing.T) {
	s := pipelinetest.Settings(t, store.NewMemory(nil), store.NewMemory(nil))
	s.RangeEvents = 3
	pipelinetest.Put(t, s.Source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1, 2, 3, 4)+"no event\n")
	d := newDriver(t, s)
	j := d.job(pipelinetest.Day)
	rows := map[int32][]wire.Row{}
	d.shuffle(rows, d.run(wide.Decode, j.Decodes()[0], nil))
	task := j.Digests()[0]
	whole := rows[task.PID]
	of := func(kind wire.Kind) wire.Row {
		for _, r := range whole {
			if r.Kind == kind {
				return r
			}
		}
		t.Fatalf("no row of kind %d came to the first range", kind)
		return wire.Row{}
	}
	changed := func(r wire.Row, change func(*wire.Row)) wire.Row { change(&r); return r }
	for _, c := range []struct {
		name string
		rows []wire.Row
	}{
		{"without a tally", []wire.Row{of(wire.Events), of(wire.Rejects)}},
		{"two tallies", append([]wire.Row{of(wire.Tally)}, whole...)},
		{"a count too low", []wire.Row{of(wire.Tally), changed(of(wire.Events), func(r *wire.Row) { r.N-- })}},
		{"another pid", []wire.Row{of(wire.Tally), changed(of(wire.Events), func(r *wire.Row) { r.PID++ })}},
		{"another day", []wire.Row{of(wire.Tally), changed(of(wire.Events), func(r *wire.Row) { r.Day++ })}},
		{"no packed bytes", []wire.Row{of(wire.Tally), changed(of(wire.Events), func(r *wire.Row) { r.Payload = []byte("x") })}},
		{"rejected lines without their begin", []wire.Row{of(wire.Tally), of(wire.Events), changed(of(wire.Rejects), func(r *wire.Row) { r.N++ })}},
		{"a row of a report", []wire.Row{of(wire.Tally), {Kind: wire.Rows, PID: task.PID, Day: int32(task.Day)}}},
		{"two tasks", append([]wire.Row{{Kind: wire.Task, Payload: []byte("{}")}}, whole...)},
	} {
		if _, err := d.attempt(wide.Digest, task, c.rows); !errors.Is(err, wire.ErrStream) {
			t.Errorf("%s: error %v, want %v", c.name, err, wire.ErrStream)
		}
	}
	other := j.Digests()[1]
	if _, err := d.attempt(wide.Digest, other, []wire.Row{changed(of(wire.Events), func(r *wire.Row) { r.PID = other.PID })}); err == nil {
		t.Error("events of another hash range were taken")
	}
	if _, err := d.attempt(wide.Digest, task, whole); err != nil {
		t.Errorf("the whole rows: %v", err)
	}
}
