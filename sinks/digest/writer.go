package digest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/parquet"

	"daybook/transform/event"
	"daybook/transform/shuffle"
)

// The sizes of row groups, in events. A day has some [groupsPerDay] of them,
// so that one session can be had without the others, but none so small that
// its place in the footer outweighs it, nor so large that its reader needs
// more than a few MB. Beyond a billion events there would be more than Parquet
// can number, and row groups grow.
const (
	groupsPerDay   = 12
	minGroupEvents = 1000
	maxGroupEvents = 32 << 10
	manyGroups     = maxGroups / 2 // since sessions do not fill row groups to the last event
)

func groupEvents(events int64) int {
	n := min(max(events/groupsPerDay, minGroupEvents), maxGroupEvents)
	return int(max(n, events/manyGroups))
}

// indexGroup is the size of the row groups of the table of sessions. It is
// read whole.
const indexGroup = 64 << 10

// Writer writes a digest. It holds one row group of each table in memory. The
// first error is that of all calls that follow.
type Writer struct {
	complete, open *eventsWriter
	sessions       *sessionsWriter
	summary        Summary
	base           int64 // the first event of the first session, in ms
	lastHash       uint64
	err            error
}

// Summary says what a digest holds.
type Summary struct {
	Complete, Open Count
	MinTS, MaxTS   int64 // of all events, in µs since the Unix epoch; 0 without events
}

// Count is what is in a table of events.
type Count struct {
	Sessions, Events int64
	Groups           int // row groups
}

// NewWriter begins a digest. The three writers get the tables; they are the
// caller's to close. events is how many events the day has, duplicates
// included, or an estimate that is a pure function of the dumps: it decides
// the size of row groups, and nothing else.
func NewWriter(complete, open, sessions io.Writer, events int64) (*Writer, error) {
	return newWriter(complete, open, sessions, groupEvents(events))
}

func newWriter(complete, open, sessions io.Writer, size int) (*Writer, error) {
	c, err := newEventsWriter(complete, &completeTable, size)
	if err != nil {
		return nil, fmt.Errorf("begin a digest: %w", err)
	}
	o, err := newEventsWriter(open, &openTable, size)
	if err != nil {
		return nil, fmt.Errorf("begin a digest: %w", err)
	}
	s, err := newTableWriter(sessions, &sessionsTable)
	if err != nil {
		return nil, fmt.Errorf("begin a digest: %w", err)
	}
	return &Writer{complete: c, open: o, sessions: &sessionsWriter{table: s}}, nil
}

// Add adds the events of a session: all that the day has of it, in the
// contract's order, without duplicates. complete says that the session looks
// complete in this day. Sessions come in ascending order of their hash. The
// events are not kept.
func (w *Writer) Add(events []event.Event, complete bool) error {
	if w.err == nil {
		w.err = w.add(events, complete)
	}
	return w.err
}

func (w *Writer) add(events []event.Event, complete bool) error {
	if err := w.check(events); err != nil {
		return err
	}
	to, count := w.open, &w.summary.Open
	if complete {
		to, count = w.complete, &w.summary.Complete
	}
	group, err := to.add(events)
	if err != nil {
		return err
	}
	first, last := &events[0], &events[len(events)-1]
	w.lastHash = shuffle.Hash(first.SessionID)
	if w.summary.sessions() == 0 {
		w.base = first.Millis()
		w.summary.MinTS, w.summary.MaxTS = first.TS, last.TS
	}
	w.summary.MinTS, w.summary.MaxTS = min(w.summary.MinTS, first.TS), max(w.summary.MaxTS, last.TS)
	count.Sessions++
	count.Events += int64(len(events))
	return w.sessions.add(Entry{
		Session: first.SessionID, First: first.Millis(), Last: last.Millis(),
		Events: int64(len(events)), Complete: complete, Group: int32(group),
	})
}

// check refuses what readers rely on not to be there.
func (w *Writer) check(events []event.Event) error {
	if len(events) == 0 {
		return errors.New("a session without events")
	}
	id := events[0].SessionID
	if w.summary.sessions() > 0 && shuffle.Hash(id) <= w.lastHash {
		return fmt.Errorf("session %d comes after one with a higher hash, or again", id)
	}
	if len(events) > math.MaxUint32 {
		return fmt.Errorf("session %d has %d events, more than an index can count", id, len(events))
	}
	for i := range events {
		e := &events[i]
		switch {
		case e.SessionID != id:
			return fmt.Errorf("event %q of session %d among those of session %d", e.ID, e.SessionID, id)
		case i > 0 && !before(&events[i-1], e):
			return fmt.Errorf("session %d: event %q is not in order, or is there twice", id, e.ID)
		case !utf8.ValidString(e.ID):
			return fmt.Errorf("session %d: event %q: the id is not valid UTF-8", id, e.ID)
		}
	}
	first, last := events[0].Millis(), events[len(events)-1].Millis()
	base := w.base
	if w.summary.sessions() == 0 {
		base = first
	}
	if !within(first, last, base) {
		return fmt.Errorf("session %d: its events are too far from those of the first session for an index", id)
	}
	return nil
}

// before is the contract's order (events.md, "Order").
func before(a, b *event.Event) bool {
	return cmp.Or(cmp.Compare(a.TS, b.TS), cmp.Compare(a.Seq, b.Seq), strings.Compare(a.ID, b.ID)) < 0
}

func (s *Summary) sessions() int64 { return s.Complete.Sessions + s.Open.Sessions }

// Close completes the three files. It does not close their writers.
func (w *Writer) Close() (Summary, error) {
	if w.err != nil {
		return Summary{}, w.err
	}
	w.err = w.close()
	if w.err != nil {
		return Summary{}, w.err
	}
	w.err = errors.New("the digest is closed")
	w.summary.Complete.Groups = w.complete.table.groups
	w.summary.Open.Groups = w.open.table.groups
	return w.summary, nil
}

func (w *Writer) close() error {
	if err := w.complete.close(); err != nil {
		return err
	}
	if err := w.open.close(); err != nil {
		return err
	}
	return w.sessions.close()
}

// eventsWriter writes a table of events.
type eventsWriter struct {
	table *tableWriter
	size  int // of a row group, in events

	// The columns of the row group that is being collected.
	session, ts, seq, kind, code, who []int64
	ids, bodies                       texts
}

func newEventsWriter(w io.Writer, t *table, size int) (*eventsWriter, error) {
	table, err := newTableWriter(w, t)
	if err != nil {
		return nil, err
	}
	return &eventsWriter{table: table, size: size}, nil
}

// add adds a session, and says which row group it is in: one that it does not
// make larger than it should be, unless it is larger by itself.
func (w *eventsWriter) add(events []event.Event) (group int, err error) {
	if n := len(w.session); n > 0 && n+len(events) > w.size {
		if err := w.flush(); err != nil {
			return 0, err
		}
	}
	for i := range events {
		e := &events[i]
		w.session = append(w.session, e.SessionID)
		w.ts = append(w.ts, e.TS)
		w.seq = append(w.seq, e.Seq)
		w.kind = append(w.kind, int64(e.Type))
		w.code = append(w.code, int64(e.Code()))
		w.who = append(w.who, e.Who())
		w.ids.data = append(w.ids.data, e.ID...)
		w.ids.end()
		w.bodies.data = e.AppendBody(w.bodies.data)
		w.bodies.end()
	}
	return w.table.groups, nil
}

func (w *eventsWriter) flush() error {
	err := w.table.group(
		w.session, w.ts, w.seq, w.ids.views(), w.kind, w.code, w.who, w.bodies.views())
	w.session, w.ts, w.seq = w.session[:0], w.ts[:0], w.seq[:0]
	w.kind, w.code, w.who = w.kind[:0], w.code[:0], w.who[:0]
	w.ids.reset()
	w.bodies.reset()
	return err
}

func (w *eventsWriter) close() error {
	if len(w.session) > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	return w.table.close()
}

// texts are byte strings one after the other in data.
type texts struct {
	data []byte
	ends []int
	list []parquet.ByteArray
}

// end ends a text: its bytes are those of data since the end before.
func (t *texts) end() { t.ends = append(t.ends, len(t.data)) }

// views are the texts, as parts of data.
func (t *texts) views() []parquet.ByteArray {
	start := 0
	for _, end := range t.ends {
		t.list = append(t.list, t.data[start:end])
		start = end
	}
	return t.list
}

func (t *texts) reset() { t.data, t.ends, t.list = t.data[:0], t.ends[:0], t.list[:0] }

// sessionsWriter writes the table of sessions.
type sessionsWriter struct {
	table *tableWriter

	id, first, last, events, group []int64
	complete                       []bool
}

func (w *sessionsWriter) add(e Entry) error {
	w.id = append(w.id, e.Session)
	w.first = append(w.first, e.First)
	w.last = append(w.last, e.Last)
	w.events = append(w.events, e.Events)
	w.complete = append(w.complete, e.Complete)
	w.group = append(w.group, int64(e.Group))
	if len(w.id) == indexGroup {
		return w.flush()
	}
	return nil
}

func (w *sessionsWriter) flush() error {
	err := w.table.group(w.id, w.first, w.last, w.events, w.complete, w.group)
	w.id, w.first, w.last = w.id[:0], w.first[:0], w.last[:0]
	w.events, w.complete, w.group = w.events[:0], w.complete[:0], w.group[:0]
	return err
}

func (w *sessionsWriter) close() error {
	if len(w.id) > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	return w.table.close()
}
