package digest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/apache/arrow/go/v17/parquet/file"

	"daybook/testdata/golden"
	"daybook/transform/event"
	"daybook/transform/shuffle"
)

// told is a session, and whether it is said to be complete.
type told struct {
	Events   []event.Event
	Complete bool
}

func sortByHash(sessions []told) {
	slices.SortFunc(sessions, func(a, b told) int {
		return cmp.Compare(shuffle.Hash(a.Events[0].SessionID), shuffle.Hash(b.Events[0].SessionID))
	})
}

// files are the tables of a digest.
type files struct{ complete, open, sessions bytes.Buffer }

func (f *files) parts() [][]byte {
	return [][]byte{f.complete.Bytes(), f.open.Bytes(), f.sessions.Bytes()}
}

// tb is a test of either kind.
type tb interface {
	Helper()
	Fatal(...any)
}

func write(t tb, sessions []told, groupSize int) (*files, Summary) {
	t.Helper()
	f := new(files)
	summary, err := writeTo(sessions, groupSize, &f.complete, &f.open, &f.sessions)
	if err != nil {
		t.Fatal(err)
	}
	return f, summary
}

// openSize is the size of the open table's row groups beside those of the
// complete table.
func openSize(groupSize int) int { return (groupSize + 1) / 2 }

func writeTo(sessions []told, groupSize int, complete, open, index io.Writer) (Summary, error) {
	return writeIn(sessions, 3, groupSize, complete, open, index)
}

// writeIn writes sessions in batches of so many.
func writeIn(sessions []told, many, groupSize int, complete, open, index io.Writer) (Summary, error) {
	w, err := newWriter(complete, open, index, groupSizes{complete: groupSize, open: openSize(groupSize)})
	if err != nil {
		return Summary{}, err
	}
	if err := appendIn(w, sessions, many); err != nil {
		return Summary{}, err
	}
	return w.Close(context.Background())
}

// appendIn appends sessions in batches of so many.
func appendIn(w *Writer, sessions []told, many int) error {
	var b Batch
	for some := range slices.Chunk(sessions, many) {
		for _, s := range some {
			if err := b.Add(context.Background(), s.Events, s.Complete); err != nil {
				return err
			}
		}
		if err := w.Append(context.Background(), &b); err != nil {
			return err
		}
	}
	return nil
}

// contents are what is in a digest: its sessions in order, and the index.
type contents struct {
	Sessions []told
	Index    []Entry
}

func read(parts [][]byte) (all contents, err error) {
	for part, file := range parts {
		c, err := readPart(part, file)
		if err != nil {
			return contents{}, err
		}
		all.Sessions = append(all.Sessions, c.Sessions...)
		all.Index = append(all.Index, c.Index...)
	}
	sortByHash(all.Sessions)
	return all, nil
}

// readPart reads one of the files.
func readPart(part int, file []byte) (c contents, err error) {
	if part == 2 {
		c.Index, err = readIndex(file)
	} else {
		c.Sessions, err = readEvents(file, part == 0, true)
	}
	return c, err
}

func readIndex(file []byte) (entries []Entry, err error) {
	x, err := ReadIndex(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	for i := range x.Len() {
		entries = append(entries, x.At(i))
	}
	return entries, nil
}

func readEvents(file []byte, complete, ids bool) (sessions []told, err error) {
	e, err := openTableIn(bytes.NewReader(file), int64(len(file)), 100, complete)
	if err != nil {
		return nil, err
	}
	for g := range e.Groups() {
		group, err := readGroup(e, g, ids)
		if err != nil {
			return nil, err
		}
		for _, events := range group {
			sessions = append(sessions, told{events, complete})
		}
	}
	return sessions, nil
}

// opened is a table of events, and what it is in.
type opened struct {
	*Events
	r io.ReaderAt
}

func (o opened) Open(group int, ids bool) (*Sessions, error) { return o.Events.Open(o.r, group, ids) }

func openTableIn(r io.ReaderAt, size, tail int64, complete bool) (opened, error) {
	e, err := OpenEvents(r, size, tail, complete)
	return opened{e, r}, err
}

// readGroup reads the sessions of a row group.
func readGroup(e opened, group int, ids bool) (sessions [][]event.Event, err error) {
	s, err := e.Open(group, ids)
	if err != nil {
		return nil, err
	}
	for id, ok := s.Next(); ok; id, ok = s.Next() {
		events, err := s.Append(nil, ids)
		if err != nil {
			return nil, err
		}
		if len(events) == 0 || events[0].SessionID != id {
			return nil, fmt.Errorf("session %d has these events: %+v", id, events)
		}
		sessions = append(sessions, events)
	}
	return sessions, nil
}

// drawSessions draws sessions in order.
func drawSessions(t *rapid.T) []told {
	ids := rapid.SliceOfNDistinct(rapid.Int64(), 0, 12, rapid.ID).Draw(t, "ids")
	var sessions []told
	for _, id := range ids {
		s := told{Complete: rapid.Bool().Draw(t, "complete")}
		at := rapid.Int64Range(1_795_000_000_000_000, 1_795_000_000_000_000+1e12).Draw(t, "ts")
		for i := range rapid.IntRange(1, 12).Draw(t, "events") {
			e := drawEvent(t)
			at += rapid.Int64Range(0, 3_000_000).Draw(t, "later")
			e.SessionID, e.TS, e.Seq = id, at, rapid.Int64().Draw(t, "seq")
			e.ID = drawID(t, i)
			s.Events = append(s.Events, e)
		}
		slices.SortFunc(s.Events, func(a, b event.Event) int {
			return cmp.Or(cmp.Compare(a.TS, b.TS), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.ID, b.ID))
		})
		sessions = append(sessions, s)
	}
	sortByHash(sessions)
	return sessions
}

// drawID draws an id that only event i has.
func drawID(t *rapid.T, i int) string {
	switch rapid.IntRange(0, 3).Draw(t, "form of the id") {
	case 0:
		return fmt.Sprintf("%016x", i)
	case 1:
		return fmt.Sprintf("%08x-0123-4567-89ab-cdef01234567", i)
	case 2:
		return fmt.Sprintf("%x", 0xabcd<<i)
	}
	return fmt.Sprint(i, rapid.StringN(0, 8, -1).Draw(t, "id"))
}

// drawText draws a text of an event: the decoder leaves no U+0000 in it.
func drawText(t *rapid.T, label string) string {
	return strings.ReplaceAll(rapid.StringN(0, 10, -1).Draw(t, label), "\x00", "\ufffd")
}

// drawEvent draws what depends on the type.
func drawEvent(t *rapid.T) event.Event {
	text := func() string { return drawText(t, "text") }
	person := func() event.Person {
		return event.Person{ID: rapid.Int64Range(0, math.MaxInt64).Draw(t, "technician"), Name: text(), Email: text(), Group: text()}
	}
	e := event.Event{Type: rapid.SampledFrom(event.Types()).Draw(t, "type")}
	switch e.Type {
	case event.SessionCreated:
		e.SessionType = rapid.SampledFrom(event.SessionTypes()).Draw(t, "session type")
		e.Technician, e.CallingCard = person(), text()
		e.Channel = event.Channel{ID: rapid.Int64Range(0, math.MaxInt64).Draw(t, "channel"), Name: text()}
		e.Details = drawDetails(t)
	case event.DetailsChanged:
		e.Details = drawDetails(t)
	case event.StatusChanged:
		e.Status = rapid.SampledFrom(event.Statuses()).Draw(t, "status")
		e.Technician, e.TransferredTo.Name = person(), text()
		if e.TransferredTo.Channel = rapid.Bool().Draw(t, "to a channel"); e.TransferredTo.Channel {
			e.TransferredTo.ID = rapid.Int64Range(0, math.MaxInt64).Draw(t, "channel")
		}
	case event.CollaborationStarted:
		e.Technician = person()
	case event.Presence:
		e.Signal = rapid.SampledFrom(event.Signals()).Draw(t, "signal")
	case event.ChatMessage:
		e.Sender = event.System
	case event.ToolUsed:
		e.Tool = text()
	case event.ResolutionSubmitted:
		e.Resolution = event.Unresolved
	case event.QueueRemoved:
		e.By = event.ByTimeout
	}
	if e.Type != event.SessionCreated && e.Type != event.StatusChanged && e.Type != event.CollaborationStarted {
		e.TechnicianID = rapid.SampledFrom([]int64{0, 1, 12, math.MaxInt64}).Draw(t, "technician_id")
	}
	return e
}

func drawDetails(t *rapid.T) *event.Details {
	if rapid.Bool().Draw(t, "without details") {
		return nil
	}
	d := &event.Details{Given: rapid.Uint16Range(0, 1<<event.NumDetails-1).Draw(t, "given")}
	for i := range d.Value {
		if d.Given>>i&1 == 1 {
			d.Value[i] = drawText(t, "detail")
		}
	}
	return d
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sessions := drawSessions(t)
		groupSize := rapid.IntRange(1, 40).Draw(t, "row group")
		f, summary := write(t, sessions, groupSize)
		got, err := read(f.parts())
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(sessions, got.Sessions); diff != "" {
			t.Fatalf("other sessions (-want +got):\n%s", diff)
		}
		if want := summarize(sessions, summary); !reflect.DeepEqual(summary, want) {
			t.Fatalf("summary %+v, want %+v", summary, want)
		}
		checkIndex(t, f, sessions, got.Index, groupSize)
	})
}

// summarize says what a summary should be, taking the numbers of row groups
// from have.
func summarize(sessions []told, have Summary) Summary {
	want := Summary{Complete: Count{Groups: have.Complete.Groups}, Open: Count{Groups: have.Open.Groups}}
	if len(sessions) > 0 {
		want.MinTS = math.MaxInt64
	}
	for _, s := range sessions {
		count := &want.Open
		if s.Complete {
			count = &want.Complete
		}
		count.Sessions++
		count.Events += int64(len(s.Events))
		for _, e := range s.Events {
			want.MinTS, want.MaxTS = min(want.MinTS, e.TS), max(want.MaxTS, e.TS)
		}
	}
	return want
}

// minuteOf is when the minute of a time in µs begins, and its last ms.
func minuteOf(ts int64) (first, last int64) {
	begin := time.UnixMicro(ts).Truncate(time.Minute)
	return begin.UnixMilli(), begin.Add(time.Minute - time.Millisecond).UnixMilli()
}

// checkIndex holds the index against the sessions, and looks each up where it
// says that they are, with and without ids. Row groups hold as many sessions as
// fit.
func checkIndex(t *rapid.T, f *files, sessions []told, index []Entry, groupSize int) {
	if len(index) != len(sessions) {
		t.Fatalf("%d sessions in the index, want %d", len(index), len(sessions))
	}
	tables := map[bool]opened{true: mustOpen(t, f.complete.Bytes(), true), false: mustOpen(t, f.open.Bytes(), false)}
	filled, group := map[bool]int{}, map[bool]int32{}
	for i, s := range sessions {
		n, size := len(s.Events), groupSize
		if !s.Complete {
			size = openSize(groupSize)
		}
		if filled[s.Complete] > 0 && filled[s.Complete]+n > size {
			filled[s.Complete] = 0
			group[s.Complete]++
		}
		filled[s.Complete] += n
		id := s.Events[0].SessionID
		first, _ := minuteOf(s.Events[0].TS)
		_, last := minuteOf(s.Events[n-1].TS)
		want := Entry{Session: id, First: first, Last: last, Events: int64(n), Complete: s.Complete, Group: group[s.Complete]}
		for i := range s.Events {
			want.Bytes += s.Events[i].Size()
		}
		if want.Bytes <= SmallSession {
			want.Bytes = 0
		}
		if index[i] != want {
			t.Fatalf("session %d of the index is %+v, want %+v", i, index[i], want)
		}
		for _, ids := range []bool{true, false} {
			got, err := lookUp(tables[s.Complete], want, ids)
			wanted := s.Events
			if !ids {
				wanted = withoutIDs(wanted)
			}
			if err != nil || !gocmp.Equal(got, wanted) {
				t.Fatalf("session %d is not where the index says (ids: %t, error: %v)", id, ids, err)
			}
		}
	}
}

// lookUp reads one session, behind an event of another, and without the events
// of those before it.
func lookUp(table opened, e Entry, ids bool) ([]event.Event, error) {
	s, err := table.Open(int(e.Group), ids)
	if err != nil {
		return nil, err
	}
	for id, ok := s.Next(); ok; id, ok = s.Next() {
		if id != e.Session {
			continue
		}
		before := event.Event{ID: "before"}
		events, err := s.Append([]event.Event{before}, ids)
		if err != nil || events[0] != before {
			return nil, fmt.Errorf("behind another event: %+v (error: %w)", events, err)
		}
		return events[1:], nil
	}
	return nil, nil
}

func withoutIDs(events []event.Event) []event.Event {
	events = slices.Clone(events)
	for i := range events {
		events[i].ID = ""
	}
	return events
}

func mustOpen(t tb, file []byte, complete bool) opened {
	t.Helper()
	e, err := openTableIn(bytes.NewReader(file), int64(len(file)), 0, complete)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEmpty(t *testing.T) {
	f, summary := write(t, nil, 1000)
	got, err := read(f.parts())
	if err != nil || len(got.Sessions) != 0 || len(got.Index) != 0 || !reflect.DeepEqual(summary, Summary{}) {
		t.Errorf("%+v %+v, error %v", got, summary, err)
	}
}

// small is a digest of a few sessions, in row groups of few events.
func small() []told {
	var sessions []told
	for id := range int64(9) {
		s := told{Complete: id%3 > 0}
		for i := range 1 + id%4 {
			e := event.Event{
				ID: fmt.Sprintf("e-%d-%d", id, i), SessionID: id, TS: 1_795_161_600_000_000 + id*1_000_000 + i*1_001, Seq: i,
				Type: event.StatusChanged, Status: event.Active,
				Technician: event.Person{ID: 7, Name: "Chloé", Email: "chloe@example.org", Group: "EMEA"},
			}
			if i%2 == 1 {
				e = event.Event{ID: e.ID, SessionID: id, TS: e.TS, Seq: i, Type: event.ChatMessage, Sender: event.Customer}
			}
			s.Events = append(s.Events, e)
		}
		sessions = append(sessions, s)
	}
	sortByHash(sessions)
	return sessions
}

const smallGroup = 6

// Decoded events stay as they are when further ones are decoded, also by another
// reader.
func TestEventsCanBeKept(t *testing.T) {
	sessions := small()
	f, _ := write(t, sessions, smallGroup)
	var want []told
	for _, s := range sessions {
		if s.Complete {
			want = append(want, s)
		}
	}
	e := mustOpen(t, f.complete.Bytes(), true)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			var kept []told
			for g := range e.Groups() {
				sessions, err := readGroup(e, g, true)
				if err != nil {
					t.Error(err)
				}
				for _, events := range sessions {
					kept = append(kept, told{events, true})
				}
				runtime.GC()
			}
			if diff := gocmp.Diff(want, kept); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	readers.Wait()
}

// The same sessions give the same bytes, in batches of every size, and while other
// digests are written.
func TestDeterministic(t *testing.T) {
	want, _ := write(t, small(), smallGroup)
	other := small()[3:]
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for many := range 5 {
				var got files
				_, err := writeIn(small(), many+1, smallGroup, &got.complete, &got.open, &got.sessions)
				for i, file := range got.parts() {
					if err != nil || !bytes.Equal(file, want.parts()[i]) {
						t.Errorf("file %d has other bytes (error: %v)", i, err)
					}
				}
				if _, err := writeTo(other, 2, io.Discard, io.Discard, io.Discard); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// Any file that is damaged is found to be, unless in bytes that mean nothing.
func TestDamage(t *testing.T) {
	f, _ := write(t, small(), smallGroup)
	parts := f.parts()
	for part, whole := range parts {
		want, err := readPart(part, whole)
		if err != nil {
			t.Fatal(err)
		}
		try := func(damaged []byte, meaningless bool, what string, at int) {
			t.Helper()
			got, err := readPart(part, damaged)
			switch {
			case err == nil && (!meaningless || !gocmp.Equal(got, want)):
				t.Errorf("file %d %s byte %d: not noticed", part, what, at)
			case err != nil && !errors.Is(err, ErrCorrupt):
				t.Errorf("file %d %s byte %d: %v", part, what, at, err)
			}
		}
		for n := range whole {
			try(whole[:n], false, "cut at", n)
			flipped := bytes.Clone(whole)
			flipped[n] ^= 1 << (n % 8)
			try(flipped, n < len(magic), "flipped in", n)
		}
	}
}

// A read without ids succeeds although the ids are damaged, and fails on other damage.
func TestDamageBesideIDs(t *testing.T) {
	f, _ := write(t, small(), smallGroup)
	whole := f.complete.Bytes()
	want, err := readEvents(whole, true, false)
	if err != nil {
		t.Fatal(err)
	}
	groups := mustOpen(t, whole, true).layout.groups
	for n := len(magic); n < len(whole); n++ {
		ofIDs := slices.ContainsFunc(groups, func(s span) bool { return int(s.optional) <= n && n < int(s.end) })
		flipped := bytes.Clone(whole)
		flipped[n] ^= 1 << (n % 8)
		got, err := readEvents(flipped, true, false)
		switch {
		case ofIDs && (err != nil || !gocmp.Equal(got, want)):
			t.Errorf("byte %d, of an id, was read (error: %v)", n, err)
		case !ofIDs && !errors.Is(err, ErrCorrupt):
			t.Errorf("flipped in byte %d: error %v", n, err)
		}
	}
}

// Files that are whole, but not the one that is asked for.
func TestOtherFiles(t *testing.T) {
	f, _ := write(t, small(), smallGroup)
	if _, err := OpenEvents(bytes.NewReader(f.sessions.Bytes()), int64(f.sessions.Len()), 0, true); !errors.Is(err, ErrCorrupt) {
		t.Errorf("the table of sessions was opened as one of events: %v", err)
	}
	if _, err := ReadIndex(bytes.NewReader(f.open.Bytes()), int64(f.open.Len())); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a table of events was read as an index: %v", err)
	}
}

// Ids that turn out to be needed after all.
func TestIDsWereNotRead(t *testing.T) {
	f, _ := write(t, small(), smallGroup)
	s, err := mustOpen(t, f.complete.Bytes(), true).Open(0, false)
	if err != nil {
		t.Fatal(err)
	}
	s.Next()
	if _, err := s.Append(nil, true); !errors.Is(err, ErrCorrupt) {
		t.Errorf("error %v, want %v", err, ErrCorrupt)
	}
	if events, err := s.Append(nil, false); err != nil || len(events) == 0 {
		t.Errorf("without them: %d events (error: %v)", len(events), err)
	}
}

// Numbers that come from elsewhere and do not fit a file.
func TestNumbersThatDoNotFit(t *testing.T) {
	f, _ := write(t, small(), smallGroup)
	e := mustOpen(t, f.complete.Bytes(), true)
	for _, group := range []int{-1, e.Groups()} {
		if _, err := e.Open(group, true); !errors.Is(err, ErrCorrupt) {
			t.Errorf("row group %d: error %v", group, err)
		}
	}
	for _, size := range []int64{-1, 0, 7, int64(f.complete.Len()) - 1, int64(f.complete.Len()) + 1} {
		if _, err := OpenEvents(bytes.NewReader(f.complete.Bytes()), size, 0, true); !errors.Is(err, ErrCorrupt) {
			t.Errorf("opened with a size of %d: error %v", size, err)
		}
		if _, err := ReadIndex(bytes.NewReader(f.complete.Bytes()), size); !errors.Is(err, ErrCorrupt) {
			t.Errorf("read with a size of %d: error %v", size, err)
		}
	}
	for _, size := range []int64{1 << 40, math.MaxInt64} { // of which there is no memory
		if _, err := ReadIndex(bytes.NewReader(f.sessions.Bytes()), size); !errors.Is(err, ErrCorrupt) {
			t.Errorf("read with a size of %d: error %v", size, err)
		}
	}
}

var errSink = errors.New("the disk is full")

// limited takes a number of bytes, and then fails: with an error, or by
// writing less than it was told to.
type limited struct {
	left  int
	short bool
}

func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.left)
	l.left -= n
	if n < len(b) && !l.short {
		return n, errSink
	}
	return n, nil
}

// A failing sink is an error, whichever it is and wherever it fails.
func TestFailingSinks(t *testing.T) {
	sessions := small()[:4] // two complete and two open ones
	f, _ := write(t, sessions, 100)
	for i, whole := range f.parts() {
		for n := range whole {
			sink, want := &limited{left: n}, errSink
			if n%2 == 1 {
				sink.short, want = true, io.ErrShortWrite
			}
			sinks := []io.Writer{io.Discard, io.Discard, io.Discard}
			sinks[i] = sink
			if _, err := writeTo(sessions, 100, sinks[0], sinks[1], sinks[2]); !errors.Is(err, want) {
				t.Fatalf("file %d fails at byte %d: error %v, want %v", i, n, err, want)
			}
		}
	}
}

// counting counts requests and their bytes, and fails from one on.
type counting struct {
	r        io.ReaderAt
	requests int
	bytes    int
	fail     int // the number of the request that fails; 0: none
}

var errStore = errors.New("the store is away")

func (c *counting) ReadAt(b []byte, offset int64) (int, error) {
	c.requests++
	c.bytes += len(b)
	if c.requests == c.fail {
		return len(b) / 2, errStore
	}
	return c.r.ReadAt(b, offset)
}

// manySessions are complete ones of one event each.
func manySessions() []told {
	var sessions []told
	for id := range int64(100) {
		sessions = append(sessions, told{[]event.Event{{ID: fmt.Sprintf("%016x", uint64(id+1)*0x9E3779B97F4A7C15), SessionID: id, TS: id, Type: event.ToolUsed, Tool: "rc"}}, true})
	}
	sortByHash(sessions)
	return sessions
}

// All that is read of a table is its footer, once, and row groups, with ids or
// without; of an index all.
func TestRequests(t *testing.T) {
	for _, c := range []struct{ groupSize, groups int }{{1000, 1}, {10, 10}, {1, 100}} {
		f, _ := write(t, manySessions(), c.groupSize)
		x := &counting{r: bytes.NewReader(f.sessions.Bytes())}
		index, err := ReadIndex(x, int64(f.sessions.Len()))
		if err != nil || x.requests != 1 || x.bytes != f.sessions.Len() {
			t.Fatalf("%d requests for %d bytes to read an index of %d (error: %v)", x.requests, x.bytes, f.sessions.Len(), err)
		}
		read := map[bool]int{} // bytes, with and without ids
		for _, ids := range []bool{true, false} {
			r := &counting{r: bytes.NewReader(f.complete.Bytes())}
			e, err := openTableIn(r, int64(f.complete.Len()), index.TailSize(true), true)
			if err != nil || e.Groups() != c.groups || r.requests != 1 {
				t.Fatalf("%d row groups opened with %d requests, want %d with 1 (error: %v)", e.Groups(), r.requests, c.groups, err)
			}
			for g := range c.groups {
				if _, err := readGroup(e, g, ids); err != nil || r.requests != g+2 {
					t.Fatalf("%d requests to open and read %d row groups (error: %v)", r.requests, g+1, err)
				}
			}
			read[ids] = r.bytes
		}
		if whole := f.complete.Len() - len(magic); read[true] != whole || read[false] > whole-8*len(manySessions()) {
			t.Errorf("of %d bytes %d were read with ids, and %d without", whole, read[true], read[false])
		}
		open := &counting{r: bytes.NewReader(f.open.Bytes())}
		if _, err := OpenEvents(open, int64(f.open.Len()), index.TailSize(false), false); err != nil || open.requests != 1 || open.bytes != f.open.Len()-len(magic) {
			t.Errorf("%d requests for %d bytes to open an empty table of %d (error: %v)", open.requests, open.bytes, f.open.Len(), err)
		}
	}
}

// A wrong size of the footer costs a request, or bytes.
func TestTailSize(t *testing.T) {
	f, _ := write(t, manySessions(), 10)
	size := int64(f.complete.Len())
	for _, c := range []struct {
		tail     int64
		requests int
	}{{math.MinInt64, 2}, {0, 2}, {1, 2}, {100, 2}, {size - 1, 1}, {size, 1}, {math.MaxInt64, 1}} {
		r := &counting{r: bytes.NewReader(f.complete.Bytes())}
		e, err := OpenEvents(r, size, c.tail, true)
		if err != nil || e.Groups() != 10 || r.requests != c.requests {
			t.Errorf("told of %d bytes: %d requests, want %d (error: %v)", c.tail, r.requests, c.requests, err)
		}
	}
}

// An error of the store is not mistaken for damage.
func TestFailingStore(t *testing.T) {
	f, _ := write(t, small(), smallGroup)
	fails := func(err error) {
		t.Helper()
		if !errors.Is(err, errStore) || errors.Is(err, ErrCorrupt) {
			t.Errorf("error %v, want %v", err, errStore)
		}
	}
	size := int64(f.complete.Len())
	_, err := OpenEvents(&counting{r: bytes.NewReader(f.complete.Bytes()), fail: 1}, size, 0, true)
	fails(err)
	_, err = OpenEvents(&counting{r: bytes.NewReader(f.complete.Bytes()), fail: 2}, size, 0, true)
	fails(err)
	e, err := openTableIn(&counting{r: bytes.NewReader(f.complete.Bytes()), fail: 3}, size, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Open(0, true)
	fails(err)
	_, err = ReadIndex(&counting{r: bytes.NewReader(f.sessions.Bytes()), fail: 1}, int64(f.sessions.Len()))
	fails(err)
}

// at is an event of a session.
func at(id, ts, seq int64, name string) event.Event {
	return event.Event{ID: name, SessionID: id, TS: ts, Seq: seq, Type: event.ChatMessage, Sender: event.Customer}
}

func TestBatchRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		session []event.Event
		want    string
	}{
		"no events":     {nil, "the session has no events"},
		"two sessions":  {[]event.Event{at(1, 0, 0, "a"), at(2, 5, 0, "b")}, `event "b" belongs to session 2, not to session 1`},
		"order of time": {[]event.Event{at(1, 6, 0, "a"), at(1, 5, 1, "b")}, `session 1: event "b" is out of order or a duplicate`},
		"order of seq":  {[]event.Event{at(1, 5, 2, "a"), at(1, 5, 1, "b")}, `session 1: event "b" is out of order or a duplicate`},
		"order of id":   {[]event.Event{at(1, 5, 1, "b"), at(1, 5, 1, "a")}, `session 1: event "a" is out of order or a duplicate`},
		"twice":         {[]event.Event{at(1, 5, 1, "a"), at(1, 5, 1, "a")}, `session 1: event "a" is out of order or a duplicate`},
		"id not UTF-8":  {[]event.Event{at(1, 5, 1, "a\xff")}, `session 1: event "a\xff": the id is not valid UTF-8`},
	} {
		t.Run(name, func(t *testing.T) {
			if err := new(Batch).Add(t.Context(), c.session, true); err == nil || err.Error() != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}

func TestWriterRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		sessions [][]event.Event
		want     string
	}{
		"same session": {[][]event.Event{{at(1, 0, 0, "a")}, {at(1, 5, 0, "b")}}, "session 1 is out of order or a duplicate"},
		"hash order":   {[][]event.Event{{at(1, 0, 0, "a")}, {at(2, 5, 0, "b")}}, "session 2 is out of order or a duplicate"}, // 0x9e… and 0x3c…
		"too late":     {[][]event.Event{{at(1, 0, 1, "a"), at(1, math.MaxInt64, 1, "a")}}, "session 1 has 2 events from 0 to 9223372036854775807 µs after 1970, which exceeds the range of the index"},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := NewWriter(io.Discard, io.Discard, io.Discard, 1000)
			if err != nil {
				t.Fatal(err)
			}
			var b Batch
			for _, s := range c.sessions {
				if err := b.Add(t.Context(), s, true); err != nil {
					t.Fatal(err)
				}
			}
			if err = w.Append(context.Background(), &b); err == nil || err.Error() != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if again := w.Append(context.Background(), &b); again != err {
				t.Errorf("Append after an error: %v", again)
			}
			if _, closed := w.Close(context.Background()); closed != err {
				t.Errorf("Close after an error: %v", closed)
			}
		})
	}
}

func TestWriterIsClosed(t *testing.T) {
	w, err := NewWriter(io.Discard, io.Discard, io.Discard, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(context.Background()); err == nil {
		t.Error("a digest was closed twice")
	}
	if err := appendIn(w, small(), 1); err == nil {
		t.Error("a session was added to a digest that is closed")
	}
}

func TestGroupEvents(t *testing.T) {
	for _, c := range []struct {
		events int64
		want   groupSizes
	}{
		{0, groupSizes{1000, 250}}, {11_999, groupSizes{1000, 250}}, {33_000, groupSizes{2750, 250}},
		{393_216, groupSizes{32_768, 2048}}, {786_432, groupSizes{65_536, 4096}}, {12_582_912, groupSizes{65_536, 65_536}}, {20_000_000, groupSizes{65_536, 65_536}},
		{1_638_300_000, groupSizes{100_000, 100_000}}, // 16383 row groups
	} {
		if got := groupEvents(c.events); got != c.want {
			t.Errorf("row groups of %+v events for a day of %d, want %+v", got, c.events, c.want)
		}
	}
}

func TestIndexIsCompact(t *testing.T) {
	if size := unsafe.Sizeof(packed{}); size != packedSize {
		t.Errorf("%d bytes a session, want %d", size, packedSize)
	}
	f, _ := write(t, small(), 1000)
	x, err := ReadIndex(bytes.NewReader(f.sessions.Bytes()), int64(f.sessions.Len()))
	if err != nil || x.Size() != 9*packedSize {
		t.Errorf("an index of 9 sessions takes %d bytes (error: %v)", x.Size(), err)
	}
}

// testdata/schema.txt is the layout of the tables. It changes with Version.
func TestSchema(t *testing.T) {
	f, _ := write(t, small(), smallGroup)
	var got strings.Builder
	for i, name := range []string{"complete", "open", "sessions"} {
		r, err := file.NewParquetReader(bytes.NewReader(f.parts()[i]))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "%-14s %-11s %-62s %-30s %-12s %s\n", name, "physical", "logical", "encodings", "codec", "field id")
		for c := range r.MetaData().Schema.NumColumns() {
			column := r.MetaData().Schema.Column(c)
			chunk, err := r.MetaData().RowGroup(0).ColumnChunk(c)
			if err != nil {
				t.Fatal(err)
			}
			if column.MaxDefinitionLevel() != 0 {
				t.Errorf("column %s may be null", column.Name())
			}
			logical, _, _ := strings.Cut(column.LogicalType().String(), ", is_from") // what follows is Arrow's own bookkeeping
			fmt.Fprintf(&got, "%-14s %-11s %-62s %-30s %-12s %d\n", column.Name(), column.PhysicalType(), logical, fmt.Sprint(chunk.Encodings()), chunk.Compression(), column.SchemaNode().FieldID())
		}
		fmt.Fprintln(&got)
	}
	golden.Check(t, "testdata/schema.txt", got.String())
}

// FuzzRead edits a file: at an offset, a number of bytes are replaced by
// others.
func FuzzRead(f *testing.F) {
	whole, _ := write(f, small(), smallGroup)
	parts := whole.parts()
	want, err := read(parts)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(0, 0, 0, []byte(nil))
	f.Add(1, 100, 3, []byte("PAR1"))
	f.Add(2, len(parts[2])-8, 4, []byte{0xff, 0xff, 0xff, 0x7f})
	f.Add(0, 0, len(parts[0]), parts[1]) // open in the place of complete
	f.Fuzz(func(t *testing.T, part, at, replaced int, by []byte) {
		if part < 0 || part >= len(parts) || at < 0 || at > len(parts[part]) || replaced < 0 || replaced > len(parts[part])-at {
			return
		}
		edited := slices.Clone(parts)
		edited[part] = slices.Concat(parts[part][:at], by, parts[part][at+replaced:])
		got, err := read(edited)
		switch {
		case err != nil && !errors.Is(err, ErrCorrupt):
			t.Error(err)
		case err == nil && !gocmp.Equal(got, want):
			t.Error("other contents, without an error")
		}
	})
}
