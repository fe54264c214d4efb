package inspect

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
)

// warehouse is a sink with partitions of one file each, at a time that the test sets.
type warehouse struct {
	*store.Memory
	t   *testing.T
	now time.Time
	in  *Inspector
}

func newWarehouse(t *testing.T) *warehouse {
	w := &warehouse{t: t, now: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)}
	w.Memory = store.NewMemory(func() time.Time { return w.now })
	w.in = &Inspector{&settings.Pipeline{Sink: w.Memory, Clock: func() time.Time { return w.now }}}
	return w
}

// publish makes content the content of a partition.
func (w *warehouse) publish(id partition.ID, content string) {
	w.t.Helper()
	base, err := publish.Read(w.t.Context(), w.Memory, id.Dir())
	if err != nil {
		w.t.Fatal(err)
	}
	part := publish.Part{Rows: 2, Bytes: int64(len(content)), SHA256: pipelinetest.SHA256([]byte(content))}
	p := publish.Partition{Dir: id.Dir(), Now: w.now, Sweep: true,
		Manifest: publish.Manifest{Report: id.Dataset(), Partition: id.Name(), Reason: "new", Rows: 2, EngineVersion: 1},
		Files:    []publish.File{{Name: "part-0", Ext: ".parquet", Body: strings.NewReader(content), Part: part}}}
	if _, _, err := publish.Publish(w.t.Context(), w.Memory, p, base); err != nil {
		w.t.Fatal(err)
	}
}

// amend writes the manifest of a partition again, as happens when a dump arrives.
func (w *warehouse) amend(id partition.ID) {
	w.t.Helper()
	base := pipelinetest.Base(w.t, w.Memory, id)
	next := *base.Manifest
	next.Inputs = []publish.Input{{Key: "dump", ETag: fmt.Sprint(w.now)}}
	if _, err := publish.Amend(w.t.Context(), w.Memory, id.Dir(), base, next); err != nil {
		w.t.Fatal(err)
	}
}

// changes are the changes since a cursor in short, and the next cursor, which has been
// text meanwhile.
func (w *warehouse) changes(since Cursor) (short []string, next Cursor) {
	w.t.Helper()
	changes, next, err := w.in.Changes(w.t.Context(), since)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range changes {
		short = append(short, fmt.Sprintf("%s %s %s %d", c.Change, c.Report, c.Partition, c.Revision))
	}
	again, err := ParseCursor(next.String())
	if err != nil || again.String() != next.String() {
		w.t.Errorf("cursor %s is read as %s, %v", next.String(), again.String(), err)
	}
	return short, again
}

func (w *warehouse) want(name string, got []string, want ...string) {
	w.t.Helper()
	if !slices.Equal(got, want) {
		w.t.Errorf("%s: %q, want %q", name, got, want)
	}
}

const oneDay = 24 * time.Hour

func TestChanges(t *testing.T) {
	w := newWarehouse(t)
	got, cursor := w.changes(Cursor{})
	w.want("nothing", got)

	before, month := partition.DayID("sessions", pipelinetest.Day-1), partition.MonthID("sessions", pipelinetest.Day.Month())
	w.publish(before, "one")
	w.publish(month, "one, two")
	w.now = w.now.Add(3 * oneDay)
	w.publish(theDay, "two")
	w.publish(partition.DigestID(pipelinetest.Day), "no report")
	first := []string{"published sessions 2026-11-19 1", "published sessions 2026-11-20 1", "published sessions 2026-11 1"}
	got, _ = w.changes(cursor)
	w.want("since nothing", got, first...)
	got, cursor = w.changes(Cursor{})
	w.want("all", got, first...)

	// What is new is listed, also if it is older than the cursor. A manifest that was
	// written again is not, and of two new revisions the second is.
	w.now = w.now.Add(3 * oneDay)
	w.amend(before)
	w.publish(theDay, "three")
	w.publish(theDay, "four")
	other := partition.DayID("other", pipelinetest.Day)
	w.publish(other, "x")
	got, next := w.changes(cursor)
	w.want("restated", got, "published other 2026-11-20 1", "restated sessions 2026-11-20 3")
	got, _ = w.changes(next)
	w.want("the overlap", got, "published other 2026-11-20 1", "restated sessions 2026-11-20 3")

	// A writer may take a day from a part to its commit. The cursor was taken meanwhile.
	w.now = w.now.Add(3 * oneDay)
	w.amend(before)
	_, cursor = w.changes(next)
	w.publish(theDay, "five")
	text := pipelinetest.Contents(t, w.Memory, true)[theDay.ManifestKey()]
	w.now = w.now.Add(23 * time.Hour)
	pipelinetest.Put(t, w.Memory, theDay.ManifestKey(), text) // the commit
	got, next = w.changes(cursor)
	w.want("a slow commit", got, "restated sessions 2026-11-20 4")

	// What somebody removed is known from a cursor.
	w.now = w.now.Add(3 * oneDay)
	for _, id := range []partition.ID{other, before, month} {
		pipelinetest.Delete(t, w.Memory, id.ManifestKey())
	}
	got, last := w.changes(next)
	w.want("removed", got, "restated sessions 2026-11-20 4",
		"removed other 2026-11-20 0", "removed sessions 2026-11-19 0", "removed sessions 2026-11 0")
	w.publish(before, "again")
	got, _ = w.changes(last) // its parts were still there: it has a revision after theirs
	w.want("back again", got, "restated sessions 2026-11-19 2", "restated sessions 2026-11-20 4")
	since, err := ParseCursor("2026-12-02T00:00:00Z")
	if err != nil {
		t.Fatal(err)
	}
	got, _ = w.changes(since)
	w.want("since a time", got, "restated sessions 2026-11-19 2")
}

// A change has what a loader needs.
func TestChangeOfARestatedDay(t *testing.T) {
	in := &Inspector{restated(t, store.NewMemory(nil), store.NewMemory(nil))}
	changes, _, err := in.Changes(t.Context(), Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(changes, func(c Change) bool { return c.Report == "sessions" && c.Partition == pipelinetest.DayName })
	if i < 0 {
		t.Fatalf("%+v", changes)
	}
	c, m := changes[i], pipelinetest.Manifest(t, in.Settings.Sink, theDay)
	if c.Change != Restated || c.Kind != "day" || c.Revision != 3 || c.Rows != m.Rows || c.PublishedAt == "" || c.PublishedAt != m.PublishedAt || len(c.Parts) != len(m.Parts) {
		t.Errorf("%+v", c)
	}
	for i, part := range c.Parts {
		if p := m.Parts[i]; part != (ChangedPart{p.Key, "mem://" + p.Key, p.Rows, p.Bytes, p.SHA256}) {
			t.Errorf("%+v, and the manifest has %+v", part, p)
		}
	}
}

// Wrong clocks, of the store or of the reader, leave nothing out.
func TestChangesWithWrongClocks(t *testing.T) {
	for name, off := range map[string]time.Duration{"ahead": 1000 * oneDay, "behind": -1000 * oneDay} {
		w := newWarehouse(t)
		right := w.now
		w.in.Settings.Clock = func() time.Time { return w.now.Add(off) }
		w.publish(theDay, "one")
		_, cursor := w.changes(Cursor{})
		w.now = right.Add(2 * oneDay)
		w.publish(theDay, "two")
		got, _ := w.changes(cursor)
		w.want("our clock is "+name, got, "restated sessions 2026-11-20 2")
	}

	// One writer's clock made a manifest of the far future.
	w := newWarehouse(t)
	right := w.now
	w.now = right.Add(1000 * oneDay)
	w.publish(partition.DayID("other", pipelinetest.Day), "one")
	w.now = right
	w.publish(theDay, "one")
	_, cursor := w.changes(Cursor{})
	w.now = right.Add(2 * oneDay)
	w.publish(theDay, "two")
	got, _ := w.changes(cursor)
	w.want("a manifest of the future", got, "published other 2026-11-20 1", "restated sessions 2026-11-20 2")
}

func TestNoCursor(t *testing.T) {
	encode := func(text cursorText) string {
		b, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		return cursorPrefix + base64.RawURLEncoding.EncodeToString(b)
	}
	days := func(spans ...[2]int) string {
		return encode(cursorText{Had: []setSpans{{"sessions", partition.Day, spans}}})
	}
	if _, err := ParseCursor(days([2]int{20000, 20004}, [2]int{20006, 20006})); err != nil {
		t.Error(err)
	}
	for _, text := range []string{
		"", "yesterday", "2026-11-31", "2026-11", "2026-11-20 06:00", "c1.", "c1.!", "c2." + days()[3:], days()[:20], days()[3:],
		days([2]int{2, 1}), days([2]int{5, 6}, [2]int{6, 7}), days([2]int{1, 1 << 40}), days([2]int{-1 << 40, 1}),
		encode(cursorText{Had: []setSpans{{"", partition.Day, nil}}}), encode(cursorText{Had: []setSpans{{"a", partition.Digest, nil}}}),
		encode(cursorText{Had: []setSpans{{"a", partition.Day, [][2]int{{1, 1}}}, {"a", partition.Day, [][2]int{{1, 1}}}}}),
	} {
		if c, err := ParseCursor(text); err == nil || !strings.Contains(err.Error(), "neither a cursor") {
			t.Errorf("%q is read as %+v, %v", text, c, err)
		}
	}
}

// counted counts the requests to a store. A listing takes one for each 1000 keys.
type counted struct {
	store.Store
	requests atomic.Int64
}

func (c *counted) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		n := int64(0)
		defer func() { c.requests.Add(1 + n/1000) }()
		for object, err := range c.Store.List(ctx, prefix) {
			n++
			if !yield(object, err) {
				return
			}
		}
	}
}

func (c *counted) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	c.requests.Add(1)
	return c.Store.Open(ctx, key, offset, length, ifMatch)
}

// Of twenty years of days, the changes of the last day take few requests, though all
// manifests of the last months were written again.
func TestChangesTakeFewRequests(t *testing.T) {
	w := newWarehouse(t)
	last := pipelinetest.Day
	put := func(id partition.ID) {
		key := id.Dir() + "part-0-r1-" + pipelinetest.SHA256([]byte("x"))[:16] + ".parquet"
		pipelinetest.Put(t, w.Memory, key, "x")
		pipelinetest.Put(t, w.Memory, id.ManifestKey(), `{"revision":1,"parts":[{"key":"`+key+`","rows":1,"bytes":1,"sha256":"`+pipelinetest.SHA256([]byte("x"))+`"}]}`)
	}
	for d := last - 7299; d <= last; d++ {
		w.now = d.UTC().Add(27 * time.Hour)
		put(partition.DayID("sessions", d))
		if d == d.Month().Last() {
			put(partition.MonthID("sessions", d.Month()))
		}
	}
	all, complete := w.changes(Cursor{})
	if len(all) != 7300+240 {
		t.Errorf("there are %d partitions", len(all))
	}
	w.now = w.now.Add(oneDay)
	for d := last - 33; d < last; d++ {
		w.amend(partition.DayID("sessions", d))
	}
	w.publish(theDay, "y")
	w.publish(partition.DayID("sessions", last-1), "y")
	sink := &counted{Store: w.Memory}
	w.in.Settings.Sink = sink
	got, _ := w.changes(complete)
	if len(got) > 4 {
		t.Fatalf("%d changes", len(got))
	}
	w.want("the last day", got, "restated sessions 2026-11-19 2", "restated sessions 2026-11-20 2")
	if n := sink.requests.Load(); n > 40 {
		t.Errorf("it takes %d requests, more than 40", n)
	} else {
		t.Logf("%d requests", n)
	}

	// Days of other years are restated.
	sink.requests.Store(0)
	w.now = w.now.Add(3 * oneDay)
	w.in.Settings.Sink = w.Memory
	_, cursor := w.changes(complete)
	w.now = w.now.Add(oneDay)
	old, older := partition.DayID("sessions", day.Date(2020, time.January, 1)), partition.DayID("sessions", day.Date(2019, time.December, 31))
	w.publish(old, "z")
	w.publish(older, "z")
	w.in.Settings.Sink = sink
	got, _ = w.changes(cursor)
	w.want("old days", got, "restated sessions 2019-12-31 2", "restated sessions 2020-01-01 2",
		"restated sessions 2026-11-19 2", "restated sessions 2026-11-20 2") // the overlap
	if n := sink.requests.Load(); n > 40 {
		t.Errorf("old days take %d requests, more than 40", n)
	}
	if size := len(complete.String()); size > 300 {
		t.Errorf("the cursor has %d characters", size)
	}
}

// The spans of a cursor have exactly the partitions that were there.
func FuzzSpans(f *testing.F) {
	f.Add([]byte{0xff, 0, 0xf1, 1, 0x80})
	f.Fuzz(func(t *testing.T, bits []byte) {
		var s spans
		bit := func(n int) bool { return bits[n/8]>>(n%8)&1 == 1 }
		for n := range len(bits) * 8 {
			if bit(n) {
				s = s.add(n)
			}
		}
		for n := range len(bits) * 8 {
			if s.has(n) != bit(n) {
				t.Fatalf("%d of %v in %v", n, bits, s)
			}
		}
		for i := 1; i < len(s); i++ {
			if s[i].first <= s[i-1].last+1 {
				t.Fatalf("%v are not separate", s)
			}
		}
	})
}
