package digest

import (
	"bytes"
	"fmt"
	"io"
	"math"

	"daybook/transform/shuffle"
)

// Entry is a row of the table of sessions.
//
// Of its events' times a digest keeps the minutes. Every date begins with one,
// in any zone of today, so that which dates they are on is exact.
type Entry struct {
	Session  int64
	First    int64 // when the minute of its first event begins, in ms since the Unix epoch
	Last     int64 // the last ms of its last event's minute
	Events   int64
	Complete bool  // its events are in the table complete, not in open
	Group    int32 // the row group of its events in that table
}

// Index is a table of sessions in memory: 24 bytes a session. It is never
// changed, and safe for concurrent use.
type Index struct {
	entries []packed
	tails   tails
}

// tails are how many bytes at the ends of the tables of events have to be read
// to open them.
type tails struct{ complete, open int64 }

// packed is an Entry in 24 bytes.
type packed struct {
	session int64
	first   int32  // the minute of the first event, since the Unix epoch
	minutes uint32 // from there to that of the last
	events  uint32
	place   uint32 // the row group times 2, and 1 if it is in the table complete
}

const minute = 60_000 // ms

// pack packs an entry, if it is one that a digest can have.
func pack(e Entry) (p packed, ok bool) {
	first, last := floorMinute(e.First), floorMinute(e.Last)
	if e.First > e.Last || first < math.MinInt32 || last > math.MaxInt32 ||
		e.Events < 1 || e.Events > math.MaxUint32 || e.Group < 0 || e.Group >= maxGroups {
		return packed{}, false
	}
	place := uint32(e.Group) << 1
	if e.Complete {
		place |= 1
	}
	return packed{e.Session, int32(first), uint32(last - first), uint32(e.Events), place}, true
}

// floorMinute is the minute of a time in ms.
func floorMinute(ms int64) int64 {
	m := ms / minute
	if ms%minute < 0 {
		m--
	}
	return m
}

func (p *packed) entry() Entry {
	first := int64(p.first)
	return Entry{
		Session: p.session,
		First:   first * minute, Last: (first+int64(p.minutes)+1)*minute - 1,
		Events: int64(p.events), Complete: p.place&1 == 1, Group: int32(p.place >> 1),
	}
}

// Len is the number of sessions.
func (x *Index) Len() int { return len(x.entries) }

// At returns session i in order of the hash.
func (x *Index) At(i int) Entry { return x.entries[i].entry() }

// TailSize is what [OpenEvents] should be told of one of the tables of events:
// how many bytes at its end it has to read. It is 0, unknown, in an index that
// [NewIndex] made.
func (x *Index) TailSize(complete bool) int64 {
	if complete {
		return x.tails.complete
	}
	return x.tails.open
}

// Size is the memory that the index takes, in bytes.
func (x *Index) Size() int64 { return packedSize * int64(cap(x.entries)) }

const packedSize = 24

// NewIndex makes an index of entries, which are in ascending order of their
// hash; what it keeps of their times is the minutes. Its error wraps
// [ErrCorrupt]: no digest has such sessions.
func NewIndex(entries []Entry) (*Index, error) {
	x := &Index{entries: make([]packed, 0, len(entries))}
	for _, e := range entries {
		p, ok := pack(e)
		if !ok {
			return nil, corrupt("no session is like this one: %+v", e)
		}
		if err := x.add(p); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// ReadIndex reads a table of sessions of size bytes: all of it with one ReadAt,
// if it is not very large. Its error wraps [ErrCorrupt], or is r's.
func ReadIndex(r io.ReaderAt, size int64) (*Index, error) {
	b, err := readWhole(r, size)
	if err != nil {
		return nil, err
	}
	whole := bytes.NewReader(b)
	l, err := open(whole, size, size, &sessionsTable)
	if err != nil {
		return nil, err
	}
	return l.index(whole)
}

// readWhole reads all of r. The size is a manifest's, for which nothing vouches:
// little more memory is taken than for what has turned out to be there.
func readWhole(r io.ReaderAt, size int64) (b []byte, err error) {
	for int64(len(b)) < size {
		start := int64(len(b))
		piece, err := readAt(r, start, start+min(size-start, max(start, indexPiece)))
		if err != nil {
			return nil, err
		}
		if b == nil {
			b = piece
		} else {
			b = append(b, piece...)
		}
	}
	return b, nil
}

// indexPiece is up to which size a table of sessions is read at once: that of
// a million sessions and more.
const indexPiece = 16 << 20

func (l *layout) index(r io.ReaderAt) (_ *Index, err error) {
	defer asCorrupt(&err)
	n := 0
	for _, g := range l.groups {
		n += g.rows
	}
	x := &Index{entries: make([]packed, 0, n)}
	if x.tails, err = parseTails(l.tails); err != nil {
		return nil, err
	}
	var c sessionBatch
	for i := range l.groups {
		rows, err := c.read(l, r, i)
		if err != nil {
			return nil, fmt.Errorf("row group %d: %w", i, err)
		}
		for row := range rows {
			p, ok := c.packed(row)
			if !ok {
				return nil, fmt.Errorf("no session is like number %d of row group %d", row, i)
			}
			if err := x.add(p); err != nil {
				return nil, err
			}
		}
	}
	return x, nil
}

func (t tails) String() string { return fmt.Sprintf("%d %d", t.complete, t.open) }

func parseTails(s string) (t tails, err error) {
	if _, err := fmt.Sscanf(s, "%d %d", &t.complete, &t.open); err != nil || t.String() != s {
		return tails{}, fmt.Errorf("%q are no sizes of footers", s)
	}
	return t, nil
}

// add adds a session, if it comes next.
func (x *Index) add(p packed) error {
	if n := len(x.entries); n > 0 && shuffle.Hash(p.session) <= shuffle.Hash(x.entries[n-1].session) {
		return corrupt("session %d does not come after session %d", p.session, x.entries[n-1].session)
	}
	x.entries = append(x.entries, p)
	return nil
}

// sessionBatch is a row group of the table of sessions.
type sessionBatch struct{ id, first, minutes, events, place []int64 }

// read reads row group i, and says how many rows it has.
func (c *sessionBatch) read(l *layout, r io.ReaderAt, i int) (rows int, err error) {
	g, err := l.group(r, i, false)
	if err != nil {
		return 0, err
	}
	for _, column := range []*[]int64{&c.id, &c.first, &c.minutes, &c.events, &c.place} {
		if *column, err = g.numbers(*column); err != nil {
			return 0, err
		}
	}
	return l.groups[i].rows, nil
}

// packed is row i, if its numbers fit.
func (c *sessionBatch) packed(i int) (p packed, ok bool) {
	p = packed{c.id[i], int32(c.first[i]), uint32(c.minutes[i]), uint32(c.events[i]), uint32(c.place[i])}
	ok = int64(p.first) == c.first[i] && int64(p.minutes) == c.minutes[i] &&
		int64(p.events) == c.events[i] && int64(p.place) == c.place[i]
	return p, ok
}

func (c *sessionBatch) add(p packed) {
	c.id = append(c.id, p.session)
	c.first = append(c.first, int64(p.first))
	c.minutes = append(c.minutes, int64(p.minutes))
	c.events = append(c.events, int64(p.events))
	c.place = append(c.place, int64(p.place))
}

func (c *sessionBatch) reset() {
	c.id, c.first, c.minutes, c.events, c.place = c.id[:0], c.first[:0], c.minutes[:0], c.events[:0], c.place[:0]
}
