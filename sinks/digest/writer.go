package digest

import (
	"context"
	"errors"
	"fmt"
	"io"

	"daybook/transform/event"
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

// groupBytes is the largest number of bytes of a row group's texts, unless a single
// session has more. Nearly every row group has fewer; long texts make many.
const groupBytes = 4 << 20

// aheadBytes is how many bytes of row groups, with the next one, are encoded or wait
// for it. A larger one is encoded alone.
const aheadBytes = 4 * groupBytes

// indexGroup is the size of a row group of the index, in rows.
const indexGroup = 64 << 10

// groupsAhead is how many row groups of a table of events are encoded or wait
// for it while the next is collected. Row groups differ: with only one, caller
// and encoder would wait for each other in turn.
const groupsAhead = 2

// Writer writes a digest. It holds three row groups of each table of events in
// memory: two are encoded, on another core if there is one, while the next is
// collected. Row groups have up to some MB; a larger session has one of its own, and
// only one such is held. Only calls of Writer's methods write to the files. After the first
// error, all calls return it.
type Writer struct {
	complete, open *eventsWriter
	sessions       *sessionsWriter
	summary        Summary
	begun          bool // a session was appended
	lastHash       uint64
	err            error
}

// Summary has the figures of a digest.
type Summary struct {
	Complete, Open Count
	Oversized      event.Oversized // sessions that are only in the index
	MinTS, MaxTS   int64           // of all sessions, in µs since the Unix epoch; 0 if there are none
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
// batch. Sessions must come in ascending order of their hash. The error may be that
// of ctx.
func (w *Writer) Append(ctx context.Context, b *Batch) error {
	complete, open := 0, 0
	for i := range b.sessions {
		if w.err == nil {
			w.err = ctx.Err()
		}
		if w.err != nil {
			break
		}
		switch s := &b.sessions[i]; {
		case s.oversized:
			w.summary.Oversized.Add(s.Session)
			w.err = w.index(ctx, s, 0)
		case s.complete:
			w.err = w.append(ctx, s, w.complete, &w.summary.Complete, &b.complete, complete)
			complete++
		default:
			w.err = w.append(ctx, s, w.open, &w.summary.Open, &b.open, open)
			open++
		}
	}
	b.reset()
	return w.err
}

// append moves a session, row i of values, to a table.
func (w *Writer) append(ctx context.Context, s *batched, to *eventsWriter, count *Count, values *eventValues, i int) error {
	group, err := to.append(ctx, values, i, int(s.Events))
	if err != nil {
		return err
	}
	count.Sessions++
	count.Events += s.Events
	return w.index(ctx, s, group)
}

// index adds a session, whose events are in a row group, to the index.
func (w *Writer) index(ctx context.Context, s *batched, group int) error {
	hash := shuffle.Hash(s.Session)
	if !w.begun {
		w.begun = true
		w.summary.MinTS, w.summary.MaxTS = s.First, s.Last
	} else if hash <= w.lastHash {
		return fmt.Errorf("session %d is out of order or a duplicate", s.Session)
	}
	w.lastHash = hash
	w.summary.MinTS, w.summary.MaxTS = min(w.summary.MinTS, s.First), max(w.summary.MaxTS, s.Last)
	p, ok := pack(Entry{
		Session: s.Session, First: s.First / 1000, Last: s.Last / 1000, Events: s.Events, Bytes: s.Bytes,
		Complete: s.complete, Group: int32(group), Oversized: s.oversized,
	})
	if !ok {
		return fmt.Errorf("session %d has %d events from %d to %d µs after 1970, which exceeds the range of the index", s.Session, s.Events, s.First, s.Last)
	}
	return w.sessions.add(ctx, p)
}

// Sessions is the number of all sessions, which the index has.
func (s *Summary) Sessions() int64 {
	return s.Complete.Sessions + s.Open.Sessions + s.Oversized.Sessions
}

// Add adds the figures of another hash range of the same digest.
func (s *Summary) Add(o *Summary) {
	switch {
	case o.Sessions() == 0:
	case s.Sessions() == 0:
		s.MinTS, s.MaxTS = o.MinTS, o.MaxTS
	default:
		s.MinTS, s.MaxTS = min(s.MinTS, o.MinTS), max(s.MaxTS, o.MaxTS)
	}
	for _, c := range []struct{ to, from *Count }{{&s.Complete, &o.Complete}, {&s.Open, &o.Open}} {
		c.to.Sessions += c.from.Sessions
		c.to.Events += c.from.Events
		c.to.Groups += c.from.Groups
	}
	s.Oversized.Merge(&o.Oversized)
}

// Close completes the three files. The caller closes their writers. The error may be
// that of ctx.
func (w *Writer) Close(ctx context.Context) (Summary, error) {
	if w.err != nil {
		return Summary{}, w.err
	}
	w.err = w.close(ctx)
	if w.err != nil {
		return Summary{}, w.err
	}
	w.err = errors.New("the digest is closed")
	w.summary.Complete.Groups = w.complete.table.groups
	w.summary.Open.Groups = w.open.table.groups
	return w.summary, nil
}

func (w *Writer) close(ctx context.Context) error {
	if err := w.complete.close(ctx); err != nil {
		return err
	}
	if err := w.open.close(ctx); err != nil {
		return err
	}
	return w.sessions.close(ctx, tails{complete: w.complete.table.tail, open: w.open.table.tail})
}

// eventsWriter writes a table of events.
type eventsWriter struct {
	table *tableWriter
	size  int // of a row group, in events

	events  int                           // in the row group that is being collected
	bytes   int                           // of its texts
	ahead   []int                         // bytes of the row groups that are encoded or wait for it
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
func (w *eventsWriter) append(ctx context.Context, values *eventValues, i, events int) (group int, err error) {
	bytes := values.size(i)
	if w.events > 0 && (w.events+events > w.size || w.bytes+bytes > groupBytes) {
		if err := w.flush(ctx); err != nil {
			return 0, err
		}
	}
	w.events += events
	w.bytes += bytes
	w.columns.append(values, i)
	return w.table.groups, nil
}

// flush starts to encode the row group. The next one reuses the columns of a
// row group that was written.
func (w *eventsWriter) flush(ctx context.Context) error {
	if err := w.wait(ctx); err != nil {
		return err
	}
	columns := []any{w.columns.sessions, w.columns.starts}
	for _, t := range w.columns.texts() {
		columns = append(columns, t.views())
	}
	if err := w.table.begin(columns...); err != nil {
		return err
	}
	w.ahead = append(w.ahead, w.bytes)
	w.events, w.bytes, w.columns = 0, 0, w.used[w.table.groups%len(w.used)]
	w.columns.reset()
	return nil
}

// wait waits until there is room for the next row group among those ahead.
func (w *eventsWriter) wait(ctx context.Context) error {
	for most := groupsAhead - 1; ; most-- {
		if err := w.table.wait(ctx, most); err != nil {
			return err
		}
		w.ahead = w.ahead[max(0, len(w.ahead)-most):]
		bytes := w.bytes
		for _, n := range w.ahead {
			bytes += n
		}
		if most == 0 || bytes <= aheadBytes {
			return nil
		}
	}
}

func (w *eventsWriter) close(ctx context.Context) error {
	if w.events > 0 {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	if err := w.table.wait(ctx, 0); err != nil {
		return err
	}
	return w.table.close()
}

// sessionsWriter writes the index.
type sessionsWriter struct {
	table *tableWriter
	batch sessionBatch // row group that is being collected
}

func (w *sessionsWriter) add(ctx context.Context, p packed) error {
	w.batch.add(p)
	if len(w.batch.id) == indexGroup {
		return w.flush(ctx)
	}
	return nil
}

func (w *sessionsWriter) flush(ctx context.Context) error {
	b := &w.batch
	if err := w.table.begin(b.id, b.first, b.minutes, b.events, b.place, b.bytes); err != nil {
		return err
	}
	err := w.table.wait(ctx, 0)
	b.reset()
	return err
}

func (w *sessionsWriter) close(ctx context.Context, t tails) error {
	if len(w.batch.id) > 0 {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	if err := w.table.setMetadata(keyTails, t.String()); err != nil {
		return err
	}
	return w.table.close()
}
