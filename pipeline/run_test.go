package pipeline

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/sinks/publish"
	"daybook/sinks/quarantine"
	"daybook/sources/dump"
	"daybook/sources/generate"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

const (
	template = dump.Template("{yyyy}/{mm}/{dd}/")
	day20    = "2026-11-20"
)

func parseDay(t *testing.T, s string) day.Day {
	t.Helper()
	d, err := day.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func amsterdam(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// reports are two of a kind that share little.
func reports(t *testing.T) []Report {
	return []Report{
		{Definition: report.Definition{Name: "sessions", Zone: amsterdam(t)}, Hash: "a", SessionsCSV: true},
		{Definition: report.Definition{Name: "emea", Zone: time.UTC, Language: report.Dutch,
			Unit: report.Unit{Groups: []string{"EMEA"}}}, Hash: "b"},
	}
}

func newRunner(t *testing.T, source, sink store.Store) *Runner {
	return &Runner{Source: source, Template: template, Lookback: 16, MaxRejected: 0.01, Sink: sink, Reports: reports(t)}
}

// theDay is the day that most tests build.
func theDay(t *testing.T) Target {
	d := parseDay(t, day20)
	return Days(d, d)
}

func put(t *testing.T, st store.Store, key, text string) {
	t.Helper()
	if _, err := st.Put(t.Context(), key, strings.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// generated fills a store with dumps of a few days up to the 21st.
func generated(t *testing.T, st store.Store, codec dump.Codec) {
	t.Helper()
	_, err := generate.Write(t.Context(), generate.Options{
		Seed: 7, From: parseDay(t, "2026-11-16"), Days: 6, SessionsPerDay: 150, Template: template, Codec: codec,
	}, func(ctx context.Context, key string, write func(io.Writer) error) error {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return err
		}
		put(t, st, key, b.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// contents are the objects of a store by key. Manifests, which name attempts
// and the ETags of a source, are left out on demand.
func contents(t *testing.T, st store.Store, manifests bool) map[string]string {
	t.Helper()
	all := map[string]string{}
	for object, err := range st.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if !manifests && path.Base(object.Key) == publish.ManifestName {
			continue
		}
		body, _, err := st.Open(t.Context(), object.Key, 0, store.ToEnd, "")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(body)
		body.Close()
		if err != nil {
			t.Fatal(err)
		}
		all[object.Key] = string(b)
	}
	return all
}

// sameContents fails if two stores hold other objects.
func sameContents(t *testing.T, what string, want, got map[string]string) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if g, ok := got[key]; !ok {
			t.Errorf("%s: %s is missing", what, key)
		} else if g != want[key] {
			t.Errorf("%s: %s is different", what, key)
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("%s: %s is too much", what, key)
		}
	}
}

func run(t *testing.T, r *Runner, target Target) *Result {
	t.Helper()
	result, err := r.Run(t.Context(), target, OnlyDue)
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return result
}

// partitions are the steps of a result that are no digests.
func partitions(r *Result) []Done {
	return slices.DeleteFunc(slices.Clone(r.Steps), func(d Done) bool { return d.Kind == Digest })
}

// seen is what readers see: the parts that manifests name, by partition
// and number, and the summaries. Revisions, which tell how often a partition was
// restated, are left out.
func seen(t *testing.T, st store.Store) map[string]string {
	t.Helper()
	all, view := contents(t, st, true), map[string]string{}
	for key, text := range all {
		if strings.HasPrefix(key, summaryRoot) {
			view[key] = text
		}
		dir, found := strings.CutSuffix(key, publish.ManifestName)
		if !found || !strings.HasPrefix(key, "reports/") {
			continue
		}
		base, err := publish.Read(t.Context(), st, dir)
		if err != nil {
			t.Fatal(err)
		}
		for n, part := range base.Manifest.Parts {
			view[fmt.Sprintf("%spart-%d", dir, n)] = all[part.Key]
		}
	}
	return view
}

// stores are the kinds of store that every run must give the same bytes on;
// tests with the tag s3 add real servers.
var stores = map[string]func(*testing.T) store.Store{
	"memory": func(*testing.T) store.Store { return store.NewMemory(nil) },
	"directory": func(t *testing.T) store.Store {
		d, err := store.NewDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return d
	},
}

// The same input gives the same published bytes: again, with one worker and
// with four, in much memory and in little, from another kind of store, and
// compressed in another way.
func TestRunIsDeterministic(t *testing.T) {
	source := store.NewMemory(nil)
	generated(t, source, dump.Gzip)
	sink := store.NewMemory(nil)
	first := newRunner(t, source, sink)
	first.Workers = 1
	result := run(t, first, theDay(t))
	want := contents(t, sink, false)
	if rows := partitions(result)[1].Rows; len(want) == 0 || rows < 100 || result.Accounting.RejectedLines() == 0 {
		t.Fatalf("too little was published to compare: %+v", result)
	}

	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			source, sink := open(t), open(t)
			generated(t, source, dump.Gzip)
			r := newRunner(t, source, sink)
			r.Workers, r.Memory = 4, 1<<20
			for _, p := range run(t, r, theDay(t)).Steps {
				if p.State != publish.Published || p.Revision != 1 {
					t.Errorf("%s %s is %s, revision %d; want it published", p.Report, p.Partition, p.State, p.Revision)
				}
			}
			sameContents(t, "once", want, contents(t, sink, false))
			before := contents(t, sink, true)
			if again := run(t, r, theDay(t)); len(again.Steps) > 0 || again.Dumps > 0 {
				t.Errorf("running again did %+v", again.Steps)
			}
			sameContents(t, "twice", before, contents(t, sink, true))

			result, err := r.Run(t.Context(), theDay(t), OnlyAll)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range result.Steps {
				if p.State != publish.Unchanged || p.Revision != 1 {
					t.Errorf("all again: %s %s is %s, revision %d (%s)", p.Report, p.Partition, p.State, p.Revision, p.Error)
				}
			}
			sameContents(t, "all again", want, contents(t, sink, false))
		})
	}

	t.Run("zstd", func(t *testing.T) {
		source, sink := store.NewMemory(nil), store.NewMemory(nil)
		generated(t, source, dump.Zstd)
		run(t, newRunner(t, source, sink), theDay(t))
		sameContents(t, "zstd", seen(t, first.Sink), seen(t, sink))
	})
}

// Lines moved to other objects, shuffled and repeated give the same reports.
func TestRunDoesNotDependOnTheSplit(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	generated(t, source, dump.Plain)
	run(t, newRunner(t, source, sink), theDay(t))
	want := seen(t, sink)

	// Every day's lines end up in two objects, sorted, and every tenth twice.
	split := store.NewMemory(nil)
	byDay := map[string][]string{}
	for key, text := range contents(t, source, false) {
		dir := path.Dir(key)
		byDay[dir] = append(byDay[dir], strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")...)
	}
	for dir, lines := range byDay {
		slices.Sort(lines)
		for i := 0; i < len(lines); i += 10 {
			lines = append(lines, lines[i])
		}
		half := len(lines) / 2
		put(t, split, dir+"/late.ndjson", strings.Join(lines[half:], "\n"))
		put(t, split, dir+"/early.jsonl", strings.Join(lines[:half], "\r\n"))
	}
	sink = store.NewMemory(nil)
	r := newRunner(t, split, sink)
	r.MaxRejected = 1
	run(t, r, theDay(t))
	sameContents(t, "split", want, seen(t, sink))
}

// A month is its days' rows: its sums are theirs, and its days are what runs
// of the days publish, given the same dumps.
func TestRunMonth(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	generated(t, source, dump.Plain)
	r := newRunner(t, source, sink)
	month := parseDay(t, day20).Month()
	result := run(t, r, WholeMonth(month))
	rows := map[string]int64{}
	for _, p := range result.Steps {
		switch p.Kind {
		case Day:
			rows[p.Report] += p.Rows
		case Month:
			rows[p.Report] -= p.Rows
		}
	}
	if n := len(partitions(result)); n != 2*(30+1) {
		t.Fatalf("%d partitions, want 30 days and a month of two reports", n)
	}
	if rows["sessions"] != 0 || rows["emea"] != 0 {
		t.Errorf("the days have so many rows more than the months: %v", rows)
	}
	all := contents(t, sink, false)
	byDay := all["summaries/sessions/month/2026-11/by_day.csv"]
	if n := strings.Count(byDay, "\n"); n != 31 {
		t.Errorf("by_day.csv has %d lines, want a header and 30 days:\n%s", n, byDay)
	}
	records, err := csv.NewReader(strings.NewReader(all["summaries/sessions/month/2026-11/sessions.csv"])).ReadAll()
	if err != nil || len(records) < 500 || int64(len(records)) != result.Steps[len(result.Steps)-1].Rows+1 {
		t.Errorf("the month's sessions.csv has %d records for %d rows (%v)", len(records), result.Steps[len(result.Steps)-1].Rows, err)
	}
}

const (
	created = `{"event_id":"%[1]d-1","ts":"2026-11-20T08:00:00Z","session_id":%[1]d,"type":"session_created","session_type":"applet"}` + "\n" +
		`{"event_id":"%[1]d-2","ts":"2026-11-20T08:01:00Z","session_id":%[1]d,"type":"status_changed","status":"active","technician":{"id":11,"name":"Ada Kok","group":"EMEA"}}` + "\n" +
		`{"event_id":"%[1]d-3","ts":"2026-11-20T08:05:00Z","session_id":%[1]d,"type":"status_changed","status":"closed_by_technician"}` + "\n"
)

func sessionLines(ids ...int) string {
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, created, id)
	}
	return b.String()
}

// Later dumps restate a day: a new revision, under new names; the old one is
// kept elsewhere.
func TestRestatement(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1))
	r := newRunner(t, source, sink)
	run(t, r, theDay(t))
	before := seen(t, sink)

	put(t, source, "2026/11/21/late.ndjson", sessionLines(1)) // nothing new
	for _, p := range partitions(run(t, r, theDay(t))) {
		if p.State != publish.Refreshed || p.Revision != 1 || p.Reason != "session 1 was reopened by 2026-11-21" {
			t.Errorf("after repeated events: %+v", p)
		}
	}
	sameContents(t, "after repeated events", before, seen(t, sink))
	put(t, source, "2026/11/21/later.ndjson", sessionLines(2))
	for _, p := range partitions(run(t, r, theDay(t))) {
		if p.State != publish.Restated || p.Revision != 2 || p.Rows != 2 || p.Reason != "session 1 may have new events in the dumps of 2026-11-21, and 1 more" {
			t.Errorf("after a new session: %+v", p)
		}
	}
	dir := dayDir("sessions", parseDay(t, day20))
	base, err := publish.Read(t.Context(), sink, dir)
	if err != nil {
		t.Fatal(err)
	}
	if m := base.Manifest; m.Previous != 1 || len(m.Inputs) != 2 || m.Accounting.Lines != 9 || m.Fold.Duplicates != 3 || m.Fold.Events != 6 {
		t.Errorf("manifest: %+v", m)
	}
	parts := 0
	for key := range contents(t, sink, false) {
		if strings.HasPrefix(key, dir) {
			parts++
			if key != base.Manifest.Parts[0].Key {
				t.Errorf("%s lies beside the published part", key)
			}
		}
	}
	if parts != 1 {
		t.Errorf("%d parts", parts)
	}
	old, err := publish.ReadRevision(t.Context(), sink, dir, 1)
	if err != nil || contents(t, sink, false)[old.Parts[0].Key] != before[dir+"part-0"] {
		t.Errorf("revision 1 is not kept as it was (%v)", err)
	}
}

func TestTooManyRejects(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	bad := "{\"event_id\":\n\n\xff\xfe\n" + `{"event_id":"x","ts":"2026-11-20T08:00:00Z","session_id":0,"type":"presence"}` + "\n" + strings.Repeat("x", 2<<20) + "\n"
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1)+bad)
	result, err := newRunner(t, source, sink).Run(t.Context(), theDay(t), OnlyDue)
	if err != nil {
		t.Fatal(err)
	}
	err = result.Steps[0].err
	want := "4 of 8 lines (50.00 %) were rejected, and source.max_rejected allows 1.00 % (50.0% would take them); nothing was published"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	var tooMany *TooManyRejects
	if !errors.As(err, &tooMany) {
		t.Errorf("%T is no *TooManyRejects", err)
	}
	for _, p := range partitions(result) {
		var blocked *Blocked
		if !errors.As(p.err, &blocked) || blocked.By != "the digest of 2026-11-20" || blocked.Why != want {
			t.Errorf("%s was not blocked by its digest: %v", p.Report, p.err)
		}
	}
	if view := seen(t, sink); len(view) > 0 {
		t.Errorf("published: %v", slices.Collect(maps.Keys(view)))
	}
	quarantined := contents(t, sink, true)[strings.TrimPrefix(result.Steps[0].Quarantine, "mem://")]

	var got []string
	for r := quarantine.NewReader(strings.NewReader(quarantined)); ; {
		line, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s:%d @%d %s", line.Object, line.Number, line.Offset, line.Reason))
		from := line.Offset
		if text := (sessionLines(1) + bad)[from:]; !strings.HasPrefix(text, string(line.Raw)+"\n") {
			t.Errorf("line %d was not kept byte for byte", line.Number)
		}
	}
	n := len(sessionLines(1))
	if diff := cmp.Diff([]string{
		fmt.Sprintf("2026/11/20/a.ndjson:4 @%d bad_json", n),
		fmt.Sprintf("2026/11/20/a.ndjson:6 @%d bad_json", n+14),
		fmt.Sprintf("2026/11/20/a.ndjson:7 @%d bad_value", n+17),
		fmt.Sprintf("2026/11/20/a.ndjson:8 @%d too_long", n+95),
	}, got); diff != "" {
		t.Errorf("quarantine (-want +got):\n%s", diff)
	}
}

// Broken input fails the run with an error that names the object; what was
// published before stays as it was.
func TestBrokenInput(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(w, sessionLines(1, 2, 3, 4)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	target := theDay(t)
	for name, c := range map[string]struct {
		source func(t *testing.T, healthy *store.Memory) store.Store
		fresh  bool // nothing was published before
		want   string
		is     error
	}{
		"truncated gzip": {
			source: func(t *testing.T, m *store.Memory) store.Store {
				put(t, m, "2026/11/20/b.ndjson.gz", zipped.String()[:zipped.Len()-9])
				return m
			},
			want: "mem://2026/11/20/b.ndjson.gz", is: dump.ErrCorrupt,
		},
		"an object that changes after it was listed": {
			source: func(t *testing.T, m *store.Memory) store.Store { return changing{m, t} },
			want:   "mem://2026/11/20/a.ndjson", is: store.ErrChanged,
		},
		"no dumps": {
			source: func(*testing.T, *store.Memory) store.Store { return store.NewMemory(nil) }, fresh: true,
			want: "there are no dumps of 2026-11-03 to 2026-12-07 under mem://; their keys should begin like 2026/11/20/: check source.store.url and source.key",
		},
		"a missing directory": {
			source: func(t *testing.T, _ *store.Memory) store.Store {
				d, err := store.NewDir(t.TempDir() + "/nowhere")
				if err != nil {
					t.Fatal(err)
				}
				return d
			},
			want: "/nowhere", is: store.ErrNoBucket,
		},
	} {
		t.Run(name, func(t *testing.T) {
			healthy, sink := store.NewMemory(nil), store.NewMemory(nil)
			put(t, healthy, "2026/11/20/a.ndjson", sessionLines(1))
			if !c.fresh {
				run(t, newRunner(t, healthy, sink), target)
				put(t, healthy, "2026/11/20/a.ndjson", sessionLines(1, 2))
			}
			before := seen(t, sink)

			result, err := newRunner(t, c.source(t, healthy), sink).Run(t.Context(), target, OnlyDue)
			if err == nil {
				err = result.Err()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v\nwant %s (%v)", err, c.want, c.is)
			}
			sameContents(t, "after the failure", before, seen(t, sink))
		})
	}
}

// changing replaces every object once it has been listed.
type changing struct {
	*store.Memory
	t *testing.T
}

func (c changing) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	put(c.t, c.Memory, key, sessionLines(9))
	return c.Memory.Open(ctx, key, offset, length, ifMatch)
}

// What an earlier run left for a reason that has gone, goes too.
func TestLeftovers(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1))
	r := newRunner(t, source, sink)
	run(t, r, theDay(t))
	const leftover = "summaries/sessions/day/2026-11-20/sessions.csv"
	if _, ok := contents(t, sink, false)[leftover]; !ok {
		t.Errorf("%s is not there", leftover)
	}
	r.Reports[0].SessionsCSV, r.Reports[0].Hash = false, "without"
	run(t, r, theDay(t))
	if _, ok := contents(t, sink, false)[leftover]; ok {
		t.Errorf("%s is still there", leftover)
	}
}

// Names that are no dumps' are reported; control files are not.
func TestUnknownNames(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1))
	put(t, source, "2026/11/20/_SUCCESS", "")
	put(t, source, "2026/11/20/notes.txt", "hello")
	result := run(t, newRunner(t, source, sink), theDay(t))
	if !slices.Equal(result.Unknown, []string{"2026/11/20/notes.txt"}) {
		t.Errorf("unknown: %v", result.Unknown)
	}
}

// However few the steps are, they share all workers and all memory.
func TestLanes(t *testing.T) {
	for _, c := range []struct {
		workers, steps  int
		memory          int64
		lanes, perLane  int
		memoryOfOneLane int64
	}{
		{workers: 2, memory: 1 << 30, steps: 31, lanes: 2, perLane: 1, memoryOfOneLane: 512 << 20},
		{workers: 2, memory: 1 << 30, steps: 1, lanes: 1, perLane: 2, memoryOfOneLane: 1 << 30},
		{workers: 2, memory: 256 << 20, steps: 31, lanes: 1, perLane: 2, memoryOfOneLane: 256 << 20},
		{workers: 64, memory: 1 << 30, steps: 31, lanes: 4, perLane: 16, memoryOfOneLane: 256 << 20},
		{workers: 8, memory: 64 << 30, steps: 3, lanes: 3, perLane: 3, memoryOfOneLane: 64 << 30 / 3},
		{workers: 8, memory: 1 << 20, steps: 0, lanes: 1, perLane: 8, memoryOfOneLane: 1 << 20},
	} {
		r := (&Runner{Workers: c.workers, Memory: c.memory}).divided(c.steps)
		if r.lanes() != c.lanes || r.perLane() != c.perLane || r.lane() != c.memoryOfOneLane {
			t.Errorf("%+v: %d lanes of %d workers and %d bytes", c, r.lanes(), r.perLane(), r.lane())
		}
	}
}
