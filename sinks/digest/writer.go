package digest

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/parquet"

	"daybook/transform/event"
	"daybook/transform/shuffle"
)

// The sizes of row groups, in events. A day has some [groupsPerDay] of them,
// so that one session can be had without the others, but none so small that
// its place in the footer and its pages' headers outweigh it, nor so large that
// its reader needs more than a few MB. Of open sessions, which are a sixteenth
// of a day's or fewer, other days ask for single ones: so they have as many row
// groups as the others. Beyond a billion events there would be more than
// Parquet can number, and row groups grow.
const (
	groupsPerDay   = 12
	minGroupEvents = 1000
	openShare      = 16
	minOpenEvents  = 250
	maxGroupEvents = 32 << 10
	manyGroups     = maxGroups / 2 // since sessions do not fill row groups to the last event
)

// groupSizes are the sizes of the two tables' row groups.
type groupSizes struct{ complete, open int }

func groupEvents(events int64) groupSizes {
	size := func(wanted, least int64) int {
		return int(max(min(max(wanted, least), maxGroupEvents), events/manyGroups))
	}
	return groupSizes{
		complete: size(events/groupsPerDay, minGroupEvents),
		open:     size(events/(groupsPerDay*openShare), minOpenEvents),
	}
}

// indexGroup is the size of the row groups of the table of sessions. It is
// read whole.
const indexGroup = 64 << 10

// Writer writes a digest. It holds two row groups of each table of events in
// memory: one is encoded, on another core if there is one, while the next is
// collected. Only calls of the Writer's methods write to the files. The first
// error is that of all calls that follow.
type Writer struct {
	complete, open *eventsWriter
	sessions       *sessionsWriter
	summary        Summary
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

func newWriter(complete, open, sessions io.Writer, sizes groupSizes) (*Writer, error) {
	c, err := newEventsWriter(complete, &completeTable, sizes.complete)
	if err != nil {
		return nil, fmt.Errorf("begin a digest: %w", err)
	}
	o, err := newEventsWriter(open, &openTable, sizes.open)
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
		w.summary.MinTS, w.summary.MaxTS = first.TS, last.TS
	}
	w.summary.MinTS, w.summary.MaxTS = min(w.summary.MinTS, first.TS), max(w.summary.MaxTS, last.TS)
	count.Sessions++
	count.Events += int64(len(events))
	p, ok := pack(Entry{
		Session: first.SessionID, First: first.Millis(), Last: last.Millis(),
		Events: int64(len(events)), Complete: complete, Group: int32(group),
	})
	if !ok {
		return fmt.Errorf("session %d has %d events from %d to %d µs after 1970: an index cannot tell it", first.SessionID, len(events), first.TS, last.TS)
	}
	return w.sessions.add(p)
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
	return w.sessions.close(tails{complete: w.complete.table.tail, open: w.open.table.tail})
}

// eventsWriter writes a table of events.
type eventsWriter struct {
	table *tableWriter
	size  int // of a row group, in events

	columns *eventValues // of the row group that is being collected
	spare   *eventValues // those of the one that is being encoded, or nobody's
}

// eventValues are the columns of a row group: a value a session.
type eventValues struct {
	events                                        int
	sessions, starts                              []int64
	steps, micros, seqs, kinds, whos, bodies, ids texts
	body                                          []byte // of one event
}

func newEventsWriter(w io.Writer, t *table, size int) (*eventsWriter, error) {
	table, err := newTableWriter(w, t)
	if err != nil {
		return nil, err
	}
	return &eventsWriter{table: table, size: size, columns: new(eventValues), spare: new(eventValues)}, nil
}

// add adds a session, and says which row group it is in: one that it does not
// make larger than it should be, unless it is larger by itself.
func (w *eventsWriter) add(events []event.Event) (group int, err error) {
	if n := w.columns.events; n > 0 && n+len(events) > w.size {
		if err := w.flush(); err != nil {
			return 0, err
		}
	}
	w.columns.add(events)
	return w.table.groups, nil
}

func (v *eventValues) add(events []event.Event) {
	start := events[0].Millis()
	v.events += len(events)
	v.sessions = append(v.sessions, events[0].SessionID)
	v.starts = append(v.starts, start)
	ms, seq, exact := start, int64(0), true
	for i := range events {
		e := &events[i]
		exact = exact && micros(e) == 0
		v.steps.data = binary.AppendUvarint(v.steps.data, uint64(e.Millis()-ms))
		v.seqs.data = binary.AppendVarint(v.seqs.data, e.Seq-seq)
		v.whos.data = binary.AppendUvarint(v.whos.data, uint64(e.Who()))
		v.body = e.AppendBody(v.body[:0])
		v.bodies.data = append(binary.AppendUvarint(v.bodies.data, uint64(len(v.body))), v.body...)
		var form uint8
		v.ids.data, form = appendID(v.ids.data, e.ID)
		v.kinds.data = append(v.kinds.data, form, byte(e.Type), e.Code())
		ms, seq = e.Millis(), e.Seq
	}
	if !exact {
		for i := range events {
			v.micros.data = binary.AppendVarint(v.micros.data, micros(&events[i]))
		}
	}
	for _, t := range v.texts() {
		t.end()
	}
}

// micros are the µs of an event's time beside its ms.
func micros(e *event.Event) int64 { return e.TS - e.Millis()*1000 }

// texts are the columns that are, in their order.
func (v *eventValues) texts() []*texts {
	return []*texts{&v.steps, &v.micros, &v.seqs, &v.kinds, &v.whos, &v.bodies, &v.ids}
}

func (v *eventValues) reset() {
	v.events, v.sessions, v.starts = 0, v.sessions[:0], v.starts[:0]
	for _, t := range v.texts() {
		t.reset()
	}
}

// flush has the row group encoded, when the one before it has been written.
func (w *eventsWriter) flush() error {
	if err := w.table.wait(); err != nil {
		return err
	}
	v := w.columns
	w.columns, w.spare = w.spare, v
	w.columns.reset()
	columns := []any{v.sessions, v.starts}
	for _, t := range v.texts() {
		columns = append(columns, t.views())
	}
	w.table.begin(columns...)
	return nil
}

func (w *eventsWriter) close() error {
	if w.columns.events > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if err := w.table.wait(); err != nil {
		return err
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
	batch sessionBatch // the row group that is being collected
}

func (w *sessionsWriter) add(p packed) error {
	w.batch.add(p)
	if len(w.batch.id) == indexGroup {
		return w.flush()
	}
	return nil
}

func (w *sessionsWriter) flush() error {
	b := &w.batch
	w.table.begin(b.id, b.first, b.minutes, b.events, b.place)
	err := w.table.wait()
	b.reset()
	return err
}

func (w *sessionsWriter) close(t tails) error {
	if len(w.batch.id) > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if err := w.table.setMetadata(keyTails, t.String()); err != nil {
		return err
	}
	return w.table.close()
}
