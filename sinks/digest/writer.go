package digest

import (
	"errors"
	"fmt"
	"io"

	"daybook/transform/shuffle"
)

// The sizes of row groups, in events. A day has about [groupsPerDay] of them
// per table, so that one session can be read without most of the others. A row
// group is large enough to outweigh its place in the footer and its page
// headers, and small enough that a reader needs only a few MB. Open sessions
// are at most a sixteenth of a day's, and other days read them one by one:
// their table has as many row groups as the other. Beyond a billion events, row
// groups grow, because Parquet limits their number.
const (
	groupsPerDay   = 12
	minGroupEvents = 1000
	openShare      = 16
	minOpenEvents  = 250
	maxGroupEvents = 64 << 10
	manyGroups     = maxGroups / 2 // half, because sessions do not fill row groups exactly
)

// groupSizes are the row group sizes of the two tables of events.
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

// indexGroup is the size of a row group of the index, in rows.
const indexGroup = 64 << 10

// groupsAhead is how many row groups of a table of events are encoded or wait
// for it while the next is collected. Row groups differ: with only one, caller
// and encoder would wait for each other in turn.
const groupsAhead = 2

// Writer writes a digest. It holds three row groups of each table of events in
// memory: two are encoded, on another core if there is one, while the next is
// collected. Only calls of Writer's methods write to the files. After the first
// error, all calls return it.
type Writer struct {
	complete, open *eventsWriter
	sessions       *sessionsWriter
	summary        Summary
	lastHash       uint64
	err            error
}

// Summary has the figures of a digest.
type Summary struct {
	Complete, Open Count
	MinTS, MaxTS   int64 // of all events, in µs since the Unix epoch; 0 if there are none
}

// Count has the figures of a table of events.
type Count struct {
	Sessions, Events int64
	Groups           int // row groups
}

// NewWriter starts a digest in three writers, which the caller closes. events
// is the number of events of the day, duplicates included, or an estimate that
// depends only on the dumps. It decides the size of row groups.
func NewWriter(complete, open, sessions io.Writer, events int64) (*Writer, error) {
	return newWriter(complete, open, sessions, groupEvents(events))
}

func newWriter(complete, open, sessions io.Writer, sizes groupSizes) (*Writer, error) {
	c, err := newEventsWriter(complete, &completeTable, sizes.complete)
	if err != nil {
		return nil, fmt.Errorf("start a digest: %w", err)
	}
	o, err := newEventsWriter(open, &openTable, sizes.open)
	if err != nil {
		return nil, fmt.Errorf("start a digest: %w", err)
	}
	s, err := newTableWriter(sessions, &sessionsTable)
	if err != nil {
		return nil, fmt.Errorf("start a digest: %w", err)
	}
	return &Writer{complete: c, open: o, sessions: &sessionsWriter{table: s}}, nil
}

// Append moves the sessions of a batch to the end of the digest and empties the
// batch. Sessions must come in ascending order of their hash.
func (w *Writer) Append(b *Batch) error {
	complete, open := 0, 0
	for i := range b.sessions {
		if w.err != nil {
			break
		}
		if s := &b.sessions[i]; s.complete {
			w.err = w.append(s, w.complete, &w.summary.Complete, &b.complete, complete)
			complete++
		} else {
			w.err = w.append(s, w.open, &w.summary.Open, &b.open, open)
			open++
		}
	}
	b.reset()
	return w.err
}

// append moves a session, row i of values, to a table.
func (w *Writer) append(s *batched, to *eventsWriter, count *Count, values *eventValues, i int) error {
	hash := shuffle.Hash(s.id)
	if w.summary.sessions() == 0 {
		w.summary.MinTS, w.summary.MaxTS = s.first, s.last
	} else if hash <= w.lastHash {
		return fmt.Errorf("session %d is out of order or a duplicate", s.id)
	}
	w.lastHash = hash
	w.summary.MinTS, w.summary.MaxTS = min(w.summary.MinTS, s.first), max(w.summary.MaxTS, s.last)
	group, err := to.append(values, i, s.events)
	if err != nil {
		return err
	}
	count.Sessions++
	count.Events += int64(s.events)
	p, ok := pack(Entry{
		Session: s.id, First: s.first / 1000, Last: s.last / 1000,
		Events: int64(s.events), Complete: s.complete, Group: int32(group),
	})
	if !ok {
		return fmt.Errorf("session %d has %d events from %d to %d µs after 1970, which exceeds the range of the index", s.id, s.events, s.first, s.last)
	}
	return w.sessions.add(p)
}

func (s *Summary) sessions() int64 { return s.Complete.Sessions + s.Open.Sessions }

// Close completes the three files. The caller closes their writers.
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

	events  int                           // in the row group that is being collected
	columns *eventValues                  // of the row group that is being collected
	used    [groupsAhead + 1]*eventValues // columns, which row groups use in turn
}

func newEventsWriter(w io.Writer, t *table, size int) (*eventsWriter, error) {
	table, err := newTableWriter(w, t)
	if err != nil {
		return nil, err
	}
	e := &eventsWriter{table: table, size: size}
	for i := range e.used {
		e.used[i] = new(eventValues)
	}
	e.columns = e.used[0]
	return e, nil
}

// append adds a session, row i of values, with the given number of events, and
// returns its row group. A row group exceeds its size only for a single larger
// session.
func (w *eventsWriter) append(values *eventValues, i, events int) (group int, err error) {
	if w.events > 0 && w.events+events > w.size {
		if err := w.flush(); err != nil {
			return 0, err
		}
	}
	w.events += events
	w.columns.append(values, i)
	return w.table.groups, nil
}

// flush starts to encode the row group. The next one reuses the columns of a
// row group that was written.
func (w *eventsWriter) flush() error {
	if err := w.table.wait(groupsAhead - 1); err != nil {
		return err
	}
	columns := []any{w.columns.sessions, w.columns.starts}
	for _, t := range w.columns.texts() {
		columns = append(columns, t.views())
	}
	if err := w.table.begin(columns...); err != nil {
		return err
	}
	w.events, w.columns = 0, w.used[w.table.groups%len(w.used)]
	w.columns.reset()
	return nil
}

func (w *eventsWriter) close() error {
	if w.events > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if err := w.table.wait(0); err != nil {
		return err
	}
	return w.table.close()
}

// sessionsWriter writes the index.
type sessionsWriter struct {
	table *tableWriter
	batch sessionBatch // row group that is being collected
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
	if err := w.table.begin(b.id, b.first, b.minutes, b.events, b.place); err != nil {
		return err
	}
	err := w.table.wait(0)
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
