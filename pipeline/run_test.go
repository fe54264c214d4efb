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
		body, _, err := st.Open(t.Context(), object.Key, 0, "")
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
	result, err := r.Run(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	return result
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
// with four, from another kind of store, and compressed in another way.
func TestRunIsDeterministic(t *testing.T) {
	target := DayTarget(parseDay(t, day20))
	source := store.NewMemory(nil)
	generated(t, source, dump.Gzip)
	sink := store.NewMemory(nil)
	first := newRunner(t, source, sink)
	first.Workers = 1
	result := run(t, first, target)
	want := contents(t, sink, false)
	if len(want) == 0 || result.Partitions[0].Rows < 100 || result.Accounting.RejectedLines() == 0 {
		t.Fatalf("too little was published to compare: %+v", result)
	}

	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			source, sink := open(t), open(t)
			generated(t, source, dump.Gzip)
			r := newRunner(t, source, sink)
			r.Workers = 4
			for _, state := range []publish.State{publish.Published, publish.Unchanged} {
				result := run(t, r, target)
				for _, p := range result.Partitions {
					if p.State != state || p.Revision != 1 {
						t.Errorf("%s %s is %s, revision %d; want %s", p.Report, p.Partition, p.State, p.Revision, state)
					}
				}
				sameContents(t, string(state), want, contents(t, sink, false))
			}
		})
	}

	t.Run("zstd", func(t *testing.T) {
		source, sink := store.NewMemory(nil), store.NewMemory(nil)
		generated(t, source, dump.Zstd)
		run(t, newRunner(t, source, sink), target)
		got := contents(t, sink, false)
		delete(got, "_quarantine/2026-11-20.ndjson") // names the dumps
		want := maps.Clone(want)
		delete(want, "_quarantine/2026-11-20.ndjson")
		sameContents(t, "zstd", want, got)
	})
}

// Lines moved to other objects, shuffled and repeated give the same reports.
func TestRunDoesNotDependOnTheSplit(t *testing.T) {
	target := DayTarget(parseDay(t, day20))
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	generated(t, source, dump.Plain)
	run(t, newRunner(t, source, sink), target)
	want := contents(t, sink, false)

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
	run(t, r, target)
	got := contents(t, sink, false)
	delete(want, "_quarantine/2026-11-20.ndjson")
	delete(got, "_quarantine/2026-11-20.ndjson")
	sameContents(t, "split", want, got)
}

// A month is its days' rows: its sums are theirs, and its days are what runs
// of the days publish, given the same dumps.
func TestRunMonth(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	generated(t, source, dump.Plain)
	r := newRunner(t, source, sink)
	month := parseDay(t, day20).Month()
	result := run(t, r, MonthTarget(month))
	if len(result.Partitions) != 2*(30+1) {
		t.Fatalf("%d partitions, want 30 days and a month of two reports", len(result.Partitions))
	}
	rows, months := map[string]int64{}, map[string]int64{}
	for _, p := range result.Partitions {
		if name, monthly := strings.CutSuffix(p.Report, "_monthly"); monthly {
			months[name] = p.Rows
		} else {
			rows[p.Report] += p.Rows
		}
	}
	if rows["sessions"] == 0 || !maps.Equal(rows, months) {
		t.Errorf("the days have %v rows, the months %v", rows, months)
	}
	all := contents(t, sink, false)
	byDay := all["summaries/sessions/month/2026-11/by_day.csv"]
	if n := strings.Count(byDay, "\n"); n != 31 {
		t.Errorf("by_day.csv has %d lines, want a header and 30 days:\n%s", n, byDay)
	}
	records, err := csv.NewReader(strings.NewReader(all["summaries/sessions/month/2026-11/sessions.csv"])).ReadAll()
	if err != nil || int64(len(records)) != rows["sessions"]+1 {
		t.Errorf("the month's sessions.csv has %d records for %d rows (%v)", len(records), rows["sessions"], err)
	}
	// Day after day equals all at once.
	days := store.NewMemory(nil)
	for d := parseDay(t, "2026-11-15"); d <= parseDay(t, "2026-11-23"); d++ { // those with sessions, and some without
		run(t, newRunner(t, source, days), DayTarget(d))
	}
	for key, text := range contents(t, days, false) {
		if !strings.HasPrefix(key, "_") && all[key] != text {
			t.Errorf("the month published another %s than the day", key)
		}
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

// Later dumps restate a day: a new revision, under new names, and the old
// parts are gone.
func TestRestatement(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1))
	r := newRunner(t, source, sink)
	target := DayTarget(parseDay(t, day20))
	run(t, r, target)

	put(t, source, "2026/11/21/late.ndjson", sessionLines(1)) // nothing new
	for _, p := range run(t, r, target).Partitions {
		if p.State != publish.Refreshed || p.Revision != 1 {
			t.Errorf("after repeated events: %+v", p)
		}
	}
	put(t, source, "2026/11/21/later.ndjson", sessionLines(2))
	for _, p := range run(t, r, target).Partitions {
		if p.State != publish.Restated || p.Revision != 2 || p.Rows != 2 {
			t.Errorf("after a new session: %+v", p)
		}
	}
	manifest, _, err := publish.Read(t.Context(), sink, "reports/sessions/dt=2026-11-20/")
	if err != nil {
		t.Fatal(err)
	}
	if manifest.Previous != 1 || len(manifest.Inputs) != 3 || manifest.Accounting.Duplicates != 3 {
		t.Errorf("manifest: %+v", manifest)
	}
	parts := 0
	for key := range contents(t, sink, false) {
		if strings.HasPrefix(key, "reports/sessions/") {
			parts++
			if key != manifest.Parts[0].Key {
				t.Errorf("%s lies beside the published part", key)
			}
		}
	}
	if parts != 1 {
		t.Errorf("%d parts", parts)
	}
}

func TestTooManyRejects(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	bad := "{\"event_id\":\n\n\xff\xfe\n" + `{"event_id":"x","ts":"2026-11-20T08:00:00Z","session_id":0,"type":"presence"}` + "\n" + strings.Repeat("x", 2<<20) + "\n"
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1)+bad)
	result, err := newRunner(t, source, sink).Run(t.Context(), DayTarget(parseDay(t, day20)))
	want := "4 of 8 lines (50.00 %) were rejected, and max_rejected allows 1.00 %; nothing was published"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	var tooMany *TooManyRejects
	if !errors.As(err, &tooMany) {
		t.Errorf("%T is no *TooManyRejects", err)
	}
	all := contents(t, sink, true)
	if len(all) != 1 || result.Quarantine != "mem://_quarantine/2026-11-20.ndjson" {
		t.Errorf("published: %v, quarantine %s", slices.Collect(maps.Keys(all)), result.Quarantine)
	}

	var got []string
	for r := quarantine.NewReader(strings.NewReader(all["_quarantine/2026-11-20.ndjson"])); ; {
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
	target := DayTarget(parseDay(t, day20))
	for name, c := range map[string]struct {
		source func(t *testing.T, healthy *store.Memory) store.Store
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
			source: func(*testing.T, *store.Memory) store.Store { return store.NewMemory(nil) },
			want:   "there are no dumps of 2026-11-04 to 2026-12-06 under mem://; their keys should begin like 2026/11/20/: check source.store.url and source.key",
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
			run(t, newRunner(t, healthy, sink), target)
			before := contents(t, sink, true)

			_, err := newRunner(t, c.source(t, healthy), sink).Run(t.Context(), target)
			if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v\nwant %s (%v)", err, c.want, c.is)
			}
			sameContents(t, "after the failure", before, contents(t, sink, true))
		})
	}
}

// changing replaces every object once it has been listed.
type changing struct {
	*store.Memory
	t *testing.T
}

func (c changing) Open(ctx context.Context, key string, offset int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	put(c.t, c.Memory, key, sessionLines(9))
	return c.Memory.Open(ctx, key, offset, ifMatch)
}

// What an earlier run left for a reason that has gone, goes too.
func TestLeftovers(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1)+"nonsense\n")
	r := newRunner(t, source, sink)
	r.MaxRejected = 1
	target := DayTarget(parseDay(t, day20))
	run(t, r, target)
	leftovers := []string{"_quarantine/2026-11-20.ndjson", "summaries/sessions/day/2026-11-20/sessions.csv"}
	for _, key := range leftovers {
		if _, ok := contents(t, sink, false)[key]; !ok {
			t.Errorf("%s is not there", key)
		}
	}
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1))
	r.Reports[0].SessionsCSV = false
	run(t, r, target)
	for _, key := range leftovers {
		if _, ok := contents(t, sink, false)[key]; ok {
			t.Errorf("%s is still there", key)
		}
	}
}

// Names that are no dumps' are reported; control files are not.
func TestUnknownNames(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1))
	put(t, source, "2026/11/20/_SUCCESS", "")
	put(t, source, "2026/11/20/notes.txt", "hello")
	result := run(t, newRunner(t, source, sink), DayTarget(parseDay(t, day20)))
	if !slices.Equal(result.Unknown, []string{"2026/11/20/notes.txt"}) {
		t.Errorf("unknown: %v", result.Unknown)
	}
}
