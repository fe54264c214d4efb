package digest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"unsafe"

	"daybook/transform/event"
	"daybook/transform/shuffle"
)

// Events is the footer of a table of events. It is immutable and safe for
// concurrent use.
type Events struct {
	layout *layout
}

// OpenEvents opens a table of events of size bytes: that of complete sessions,
// or that of open ones. It reads the footer with one ReadAt if tail is the
// value of [Index.TailSize]; with any other value it may read more bytes or
// call ReadAt twice. Its error wraps [ErrCorrupt], or is that of r.
func OpenEvents(r io.ReaderAt, size, tail int64, complete bool) (*Events, error) {
	table := &openTable
	if complete {
		table = &completeTable
	}
	l, err := open(r, size, tail, table)
	if err != nil {
		return nil, err
	}
	return &Events{layout: l}, nil
}

// Groups is the number of row groups.
func (e *Events) Groups() int { return len(e.layout.groups) }

// Memory is about what a row group takes in memory, in bytes: as it is stored, and as
// it is decoded. It is 0 for a row group that does not exist.
func (e *Events) Memory(group int) int64 {
	if group < 0 || group >= e.Groups() {
		return 0
	}
	const perSession = 200 // bytes, to find its values
	g := &e.layout.groups[group]
	return g.end - g.start + g.decoded + perSession*int64(g.rows)
}

// Open reads a row group of the table in r with one ReadAt, with or without
// event ids.
//
// Its error wraps [ErrCorrupt], or is that of r. A damaged row group is refused
// as a whole. A row group that does not exist is corrupt, too: the index that
// names it is wrong.
func (e *Events) Open(r io.ReaderAt, group int, ids bool) (*Sessions, error) {
	if group < 0 || group >= e.Groups() {
		return nil, corrupt("row group %d does not exist; the table has %d", group, e.Groups())
	}
	s := &Sessions{group: group, at: -1}
	g, err := e.layout.group(r, group, ids)
	if err == nil {
		err = s.read(g, ids)
	}
	if err != nil {
		return nil, fmt.Errorf("row group %d: %w", group, err)
	}
	return s, nil
}

// Sessions iterates over the sessions of a row group in order of the hash.
type Sessions struct {
	group int
	at    int // the current session; -1 before the first Next

	sessions, starts                                 []int64
	steps, micros, seqs, kinds, whos, bodies, stored [][]byte
}

// read decodes the columns of a row group.
func (s *Sessions) read(g *group, ids bool) (err error) {
	if s.sessions, err = g.numbers(nil); err != nil {
		return err
	}
	if s.starts, err = g.numbers(nil); err != nil {
		return err
	}
	for i := 1; i < len(s.sessions); i++ {
		if shuffle.Hash(s.sessions[i]) <= shuffle.Hash(s.sessions[i-1]) {
			return corrupt("session %d does not come after session %d", s.sessions[i], s.sessions[i-1])
		}
	}
	for i, column := range []*[][]byte{&s.steps, &s.micros, &s.seqs, &s.kinds, &s.whos, &s.bodies, &s.stored} {
		if eventSteps+i == eventIDs && !ids {
			break
		}
		if *column, err = g.texts(); err != nil {
			return err
		}
	}
	return nil
}

// Next moves to the next session and returns its id; ok is false at the end.
func (s *Sessions) Next() (session int64, ok bool) {
	if s.at+1 == len(s.sessions) {
		return 0, false
	}
	s.at++
	return s.sessions[s.at], true
}

// Append appends the events of the current session in their order; with ids,
// which must have been read.
//
// The caller may keep the texts and details: they are immutable. They share
// buffers of the size of the row group's texts, so each keeps a whole buffer in
// memory. An error wraps [ErrCorrupt].
func (s *Sessions) Append(events []event.Event, ids bool) ([]event.Event, error) {
	events, err := s.append(events, ids)
	if err != nil {
		return nil, fmt.Errorf("row group %d: session %d: %w", s.group, s.sessions[s.at], err)
	}
	return events, nil
}

func (s *Sessions) append(events []event.Event, withIDs bool) (_ []event.Event, err error) {
	defer asCorrupt(&err)
	if withIDs && s.stored == nil {
		return nil, errors.New("its event ids were not read, because no index has the session in another digest")
	}
	i := s.at
	kinds := s.kinds[i]
	n := len(kinds) / kindSize
	steps, seqs, whos, bodies := values{data: s.steps[i]}, values{data: s.seqs[i]}, values{data: s.whos[i]}, values{data: s.bodies[i]}
	micros, exact := values{data: s.micros[i]}, len(s.micros[i]) == 0
	var ids values
	var texts []byte // the ids share one buffer
	if withIDs {
		ids.data = s.stored[i]
		texts = make([]byte, 0, decodedSize(len(ids.data), n))
	}

	before := len(events)
	events = slices.Grow(events, n)[:before+n]
	ms, seq := s.starts[i], int64(0)
	for j := range n {
		kind := kinds[j*kindSize:][:kindSize]
		ms += int64(steps.uvarint())
		seq += seqs.varint()
		e := &events[before+j]
		*e = event.Event{TS: ms * 1000, SessionID: s.sessions[i], Seq: seq, Type: event.Type(kind[1])}
		e.SetCode(kind[2])
		e.SetWho(int64(whos.uvarint()))
		if !exact {
			e.TS += micros.varint()
		}
		if withIDs {
			start := len(texts)
			texts = decodeID(texts, kind[0], &ids)
			e.ID = view(texts[start:])
		}
		if body := bodies.text(); len(body) > 0 {
			if err := e.DecodeBody(view(body), nil); err != nil {
				return nil, err
			}
		}
	}
	for _, v := range []*values{&steps, &micros, &seqs, &whos, &bodies, &ids} {
		if v.bad || len(v.data) > 0 || n*kindSize != len(kinds) {
			return nil, errors.New("its columns have different lengths")
		}
	}
	return events, nil
}

// kindSize is the number of bytes in the column kinds per event: the form of
// its id, its type and its code. The form is mostly equal within a session, so
// it takes almost no space here.
const kindSize = 3

// values are the bytes of a session in a column, consumed from the front.
type values struct {
	data []byte
	bad  bool // the data ended early
}

func (v *values) uvarint() uint64 {
	if len(v.data) > 0 && v.data[0] < 0x80 { // the common case
		x := v.data[0]
		v.data = v.data[1:]
		return uint64(x)
	}
	x, size := binary.Uvarint(v.data)
	if size <= 0 {
		v.bad = true
		return 0
	}
	v.data = v.data[size:]
	return x
}

func (v *values) varint() int64 {
	x := v.uvarint()
	return int64(x>>1) ^ -int64(x&1)
}

// text reads a length and that many bytes.
func (v *values) text() []byte {
	n := v.uvarint()
	if n > uint64(len(v.data)) {
		v.bad = true
		return nil
	}
	return v.take(int(n))
}

// take returns the next n bytes, or n zeros if there are fewer.
func (v *values) take(n int) []byte {
	if n > len(v.data) {
		v.bad = true
		return make([]byte, n)
	}
	taken := v.data[:n:n]
	v.data = v.data[n:]
	return taken
}

// view returns b as a string without a copy. This is safe because every row
// group is decoded into new buffers, which then never change.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
