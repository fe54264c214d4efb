package digest

import (
	"fmt"
	"io"
	"math"
	"sync"
	"unsafe"

	"github.com/apache/arrow/go/v17/parquet"

	"daybook/transform/event"
	"daybook/transform/shuffle"
)

// Events is a table of events, complete or open. It is safe for concurrent use
// if its io.ReaderAt is.
type Events struct {
	source  *source
	batches sync.Pool // of *batch
}

// OpenEvents opens a table of events of size bytes: that of complete sessions,
// or that of open ones. It reads no more than the footer. Its error wraps
// [ErrCorrupt], or is r's.
func OpenEvents(r io.ReaderAt, size int64, complete bool) (*Events, error) {
	table := &openTable
	if complete {
		table = &completeTable
	}
	s, err := open(r, size, table)
	if err != nil {
		return nil, err
	}
	return &Events{source: s, batches: sync.Pool{New: func() any { return new(batch) }}}, nil
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
func (e *Events) Read(group int, keep func(session int64) bool, each func(events []event.Event) error) error {
	if group < 0 || group >= e.Groups() {
		return corrupt("there is no row group %d, only %d of them", group, e.Groups())
	}
	b := e.batches.Get().(*batch)
	defer func() {
		b.forget()
		e.batches.Put(b)
	}()
	g, err := e.source.group(group)
	if err == nil {
		err = b.read(g, keep)
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
	sessions, ts, seq, kind, code, who []int64
	ids, bodies                        []parquet.ByteArray

	kept   []rows
	events []event.Event // of one session
}

// forget drops what refers to the row group's texts.
func (b *batch) forget() {
	clear(b.ids)
	clear(b.bodies)
	clear(b.events[:cap(b.events)])
}

// rows are those of one session: from, and up to, but not with, to.
type rows struct{ from, to int }

// read decodes a row group; of one of which nothing is kept only the sessions.
func (b *batch) read(g *group, keep func(session int64) bool) (err error) {
	if err := g.numbers(numbersOf{eventSession, &b.sessions}); err != nil {
		return err
	}
	if err := b.choose(keep); err != nil || len(b.kept) == 0 {
		return err
	}
	err = g.numbers(numbersOf{eventTS, &b.ts}, numbersOf{eventSeq, &b.seq}, numbersOf{eventType, &b.kind},
		numbersOf{eventCode, &b.code}, numbersOf{eventWho, &b.who})
	if err != nil {
		return err
	}
	if b.ids, err = g.texts(eventID, b.ids); err != nil {
		return err
	}
	b.bodies, err = g.texts(eventBody, b.bodies)
	return err
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
	b.events = b.events[:0]
	for i := s.from; i < s.to; i++ {
		if uint64(b.kind[i]) > math.MaxUint8 || uint64(b.code[i]) > math.MaxUint8 {
			return nil, fmt.Errorf("session %d: no event is of type %d with code %d", b.sessions[i], b.kind[i], b.code[i])
		}
		b.events = append(b.events, event.Event{
			ID: view(b.ids[i]), TS: b.ts[i], SessionID: b.sessions[i], Seq: b.seq[i], Type: event.Type(b.kind[i]),
		})
		e := &b.events[len(b.events)-1]
		e.SetCode(uint8(b.code[i]))
		e.SetWho(b.who[i])
		if err := e.DecodeBody(view(b.bodies[i])); err != nil {
			return nil, fmt.Errorf("session %d: event %q: %w", e.SessionID, e.ID, err)
		}
	}
	return b.events, nil
}

// view is b as a string. That is sound because the decoder makes new buffers
// for every row group, and writes to none again.
func view(b parquet.ByteArray) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
