package digest

import (
	"fmt"
	"io"
	"sync"
	"unsafe"

	"github.com/apache/arrow/go/v17/parquet"

	"daybook/transform/event"
	"daybook/transform/shuffle"
)

// Events is a table of events, complete or open. It is safe for concurrent use
// if its io.ReaderAt is.
type Events struct {
	source *source
}

// batches are row groups' buffers that are not in use. All tables share them: a
// stitch has dozens open, and reads a row group of one at a time.
var batches = sync.Pool{New: func() any { return new(batch) }}

// OpenEvents opens a table of events of size bytes: that of complete sessions,
// or that of open ones. It reads no more than the footer, with one ReadAt of
// the last tail bytes, if tail is what the digest's index says
// ([Index.TailSize]); any other number is as good, but that it takes more bytes
// or a second ReadAt. Its error wraps [ErrCorrupt], or is r's.
func OpenEvents(r io.ReaderAt, size, tail int64, complete bool) (*Events, error) {
	table := &openTable
	if complete {
		table = &completeTable
	}
	s, err := open(r, size, tail, table)
	if err != nil {
		return nil, err
	}
	return &Events{source: s}, nil
}

// Groups is the number of row groups.
func (e *Events) Groups() int { return len(e.source.groups) }

// Read reads a row group with one ReadAt, asks keep about every session in it,
// in order of the hash, and then calls each with the events of those that it
// accepted, in the same order; a session's events are in the order in which
// they were written.
//
// The events are each's until it returns, but their texts and details may be
// kept: nobody writes to them again. They are parts of buffers as large as the
// row group's texts, which stay in memory as long as any of them does.
//
// An error wraps [ErrCorrupt], or is that of each or of the io.ReaderAt. A row
// group whose bytes are damaged is refused as a whole; one that the table does
// not have is corrupt, too, for an index or somebody else believes that it has.
func (e *Events) Read(group int, ids bool, keep func(session int64) bool, each func(events []event.Event) error) error {
	if group < 0 || group >= e.Groups() {
		return corrupt("there is no row group %d, only %d of them", group, e.Groups())
	}
	b := batches.Get().(*batch)
	defer func() {
		b.forget()
		batches.Put(b)
	}()
	g, err := e.source.group(group, ids)
	if err == nil {
		err = b.read(g, ids, keep)
	}
	if err != nil {
		return fmt.Errorf("row group %d: %w", group, err)
	}
	for _, s := range b.kept {
		events, err := b.session(s)
		if err != nil {
			return fmt.Errorf("row group %d: %w", group, err)
		}
		if err := each(events); err != nil {
			return err
		}
	}
	return nil
}

// batch is a row group, decoded.
type batch struct {
	sessions, start, step, micros, seq, kind, who []int64
	bodies, stored                                []parquet.ByteArray

	kept   []rows
	ids    []string      // of the events of kept sessions; all are empty if they are not read
	events []event.Event // of one session
}

// forget drops what refers to the row group's texts.
func (b *batch) forget() {
	clear(b.bodies)
	clear(b.stored)
	clear(b.ids)
	clear(b.events[:cap(b.events)])
}

// rows are those of one session: from, and up to, but not with, to.
type rows struct{ from, to int }

// read decodes a row group; of one of which nothing is kept only the sessions.
func (b *batch) read(g *group, ids bool, keep func(session int64) bool) (err error) {
	if err := g.numbers(numbersOf{eventSession, &b.sessions}); err != nil {
		return err
	}
	if err := b.choose(keep); err != nil || len(b.kept) == 0 {
		return err
	}
	err = g.numbers(numbersOf{eventStart, &b.start}, numbersOf{eventStep, &b.step}, numbersOf{eventMicros, &b.micros},
		numbersOf{eventSeq, &b.seq}, numbersOf{eventKind, &b.kind}, numbersOf{eventWho, &b.who})
	if err != nil {
		return err
	}
	if b.bodies, err = g.texts(eventBody, b.bodies); err != nil {
		return err
	}
	b.ids = resized(b.ids, g.rows)
	if !ids {
		return nil
	}
	if b.stored, err = g.texts(eventID, b.stored); err != nil {
		return err
	}
	return b.decodeIDs()
}

// decodeIDs makes the ids of the sessions that are kept, as parts of one
// buffer.
func (b *batch) decodeIDs() (err error) {
	defer asCorrupt(&err)
	size := 0
	for _, s := range b.kept {
		for _, stored := range b.stored[s.from:s.to] {
			size += decodedSize(len(stored))
		}
	}
	buffer := make([]byte, 0, size)
	for _, s := range b.kept {
		for i := s.from; i < s.to; i++ {
			start := len(buffer)
			form, _, _ := splitKind(b.kind[i])
			if buffer, err = decodeID(buffer, form, b.stored[i]); err != nil {
				return fmt.Errorf("session %d: %w", b.sessions[i], err)
			}
			b.ids[i] = view(buffer[start:])
		}
	}
	return nil
}

// choose asks keep about every session.
func (b *batch) choose(keep func(session int64) bool) error {
	b.kept = b.kept[:0]
	for from, to := 0, 0; from < len(b.sessions); from = to {
		id := b.sessions[from]
		for to = from; to < len(b.sessions) && b.sessions[to] == id; {
			to++
		}
		if from > 0 && shuffle.Hash(id) <= shuffle.Hash(b.sessions[from-1]) {
			return corrupt("session %d does not come after session %d", id, b.sessions[from-1])
		}
		if keep(id) {
			b.kept = append(b.kept, rows{from, to})
		}
	}
	return nil
}

// session makes the events of a session.
func (b *batch) session(s rows) (_ []event.Event, err error) {
	defer asCorrupt(&err)
	b.events = resized(b.events, s.to-s.from)
	ms, seq := b.start[s.from], int64(0)
	for i := s.from; i < s.to; i++ {
		ms += b.step[i]
		seq += b.seq[i]
		if uint64(b.kind[i]) >= 1<<24 {
			return nil, fmt.Errorf("session %d: no event is of kind %d", b.sessions[i], b.kind[i])
		}
		_, typ, code := splitKind(b.kind[i])
		e := &b.events[i-s.from]
		*e = event.Event{ID: b.ids[i], TS: ms*1000 + b.micros[i], SessionID: b.sessions[i], Seq: seq, Type: typ}
		e.SetCode(code)
		e.SetWho(b.who[i])
		if err := e.DecodeBody(view(b.bodies[i])); err != nil {
			return nil, fmt.Errorf("session %d: %w", e.SessionID, err)
		}
	}
	return b.events, nil
}

// newKind is what kind an event is of: the form of its id, its type and its
// code, a byte each. An event's form is that of its session's others, as a
// rule, and takes less space there than anywhere else.
func newKind(form uint8, t event.Type, code uint8) int64 {
	return int64(form)<<16 | int64(t)<<8 | int64(code)
}

func splitKind(kind int64) (form uint8, t event.Type, code uint8) {
	return uint8(kind >> 16), event.Type(kind >> 8), uint8(kind)
}

// view is b as a string. That is sound because every row group is decoded into
// new buffers, to which nobody writes again.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// resized is values with a length of n, or a new slice if it has no room.
func resized[T any](values []T, n int) []T {
	if cap(values) < n {
		return make([]T, n)
	}
	return values[:n]
}
