package digest

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"sort"

	"daybook/transform/shuffle"
)

// Entry is a row of the index.
//
// The index keeps times in whole minutes. In every current time zone, a date
// starts at a whole minute, so the dates of a session are exact.
type Entry struct {
	Session  int64
	First    int64 // start of the minute of its first event, in ms since the Unix epoch
	Last     int64 // last ms of the minute of its last event
	Events   int64
	Complete bool  // its events are in the table complete; otherwise in open
	Group    int32 // row group of its events in that table
	Bytes    int64 // size of its events (event.Event.Size); 0: at most [SmallSession]. An estimate before version 4

	// Oversized: its events were too many bytes. They are in no table.
	Oversized bool
}

// SmallSession is the size up to which the index does not tell sizes: nearly all
// sessions are smaller, and their sizes would take a tenth of the index. It is a
// fraction of the smallest max_session_size.
const SmallSession = 64 << 10

// Index is the index of a digest in memory, in 32 bytes per session. It is
// immutable and safe for concurrent use.
type Index struct {
	entries []packed
	tails   tails
}

// tails are the numbers of bytes to read at the ends of the tables of events to
// open them.
type tails struct{ complete, open int64 }

// packed is an Entry in 32 bytes.
type packed struct {
	session int64
	first   int32  // minute of the first event since the Unix epoch
	minutes uint32 // from the first event's minute to the last event's
	events  uint32
	place   uint32 // row group times 2, plus 1 in the table complete; or oversizedPlace
	bytes   int64
}

// oversizedPlace is the place of an oversized session, and more than that of any
// other.
const oversizedPlace = (maxGroups + 1) << 1

// estimatedSize is the size of an event where the index does not have the bytes: it
// has an id, and few have more texts.
const estimatedSize = 96

const minute = 60_000 // ms

// pack packs an entry; ok is false for one that no digest can have.
func pack(e Entry) (p packed, ok bool) {
	first, last := floorMinute(e.First), floorMinute(e.Last)
	if e.First > e.Last || first < math.MinInt32 || last > math.MaxInt32 ||
		e.Events < 1 || e.Events > math.MaxUint32 || e.Group < 0 || e.Group >= maxGroups || e.Bytes < 0 {
		return packed{}, false
	}
	place := uint32(e.Group) << 1
	if e.Complete {
		place |= 1
	}
	if e.Oversized {
		place = oversizedPlace
	}
	return packed{e.Session, int32(first), uint32(last - first), uint32(e.Events), place, listed(e.Bytes)}, true
}

// listed is the size that the index tells of a session.
func listed(bytes int64) int64 {
	if bytes <= SmallSession {
		return 0
	}
	return bytes
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
	e := Entry{
		Session: p.session,
		First:   first * minute, Last: (first+int64(p.minutes)+1)*minute - 1,
		Events: int64(p.events), Bytes: p.bytes,
	}
	if e.Oversized = p.place == oversizedPlace; !e.Oversized {
		e.Complete, e.Group = p.place&1 == 1, int32(p.place>>1)
	}
	return e
}

// Len is the number of sessions.
func (x *Index) Len() int { return len(x.entries) }

// At returns session i in order of the hash.
func (x *Index) At(i int) Entry { return x.entries[i].entry() }

// From is the position of the first session whose hash (shuffle.Hash) is not lower.
func (x *Index) From(hash uint64) int {
	return sort.Search(len(x.entries), func(i int) bool { return shuffle.Hash(x.entries[i].session) >= hash })
}

// TailSize is the tail argument for [OpenEvents] of one of the tables of
// events, in bytes. It is 0 (unknown) in an index from [NewIndex].
func (x *Index) TailSize(complete bool) int64 {
	if complete {
		return x.tails.complete
	}
	return x.tails.open
}

// Size is the memory of the index, in bytes.
func (x *Index) Size() int64 { return packedSize * int64(cap(x.entries)) }

const packedSize = 32

// NewIndex makes an index of entries in ascending order of their hash. It
// rounds their times to minutes. Its error wraps [ErrCorrupt]: no digest has
// such sessions.
func NewIndex(entries []Entry) (*Index, error) {
	x := &Index{entries: make([]packed, 0, len(entries))}
	for _, e := range entries {
		p, ok := pack(e)
		if !ok {
			return nil, corrupt("invalid session: %+v", e)
		}
		if err := x.add(p); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// ReadIndex reads an index of size bytes from r, with one ReadAt unless it is
// very large. Its error wraps [ErrCorrupt], or is that of r.
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

// readWhole reads size bytes of r. The size comes from a manifest and may be
// wrong: memory grows with the bytes that are really there.
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

// indexPiece is the size, in bytes, up to which an index is read at once:
// enough for over a million sessions.
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
				return nil, fmt.Errorf("row %d of row group %d is not a valid session", row, i)
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
		return tails{}, fmt.Errorf("the sizes of footers are %q", s)
	}
	return t, nil
}

// add adds a session, which must come next in order of the hash.
func (x *Index) add(p packed) error {
	if n := len(x.entries); n > 0 && shuffle.Hash(p.session) <= shuffle.Hash(x.entries[n-1].session) {
		return corrupt("session %d does not come after session %d", p.session, x.entries[n-1].session)
	}
	x.entries = append(x.entries, p)
	return nil
}

// sessionBatch is a row group of the index.
type sessionBatch struct{ id, first, minutes, events, place, bytes []int64 }

// read reads row group i and returns its number of rows.
func (c *sessionBatch) read(l *layout, r io.ReaderAt, i int) (rows int, err error) {
	g, err := l.group(r, i, false)
	if err != nil {
		return 0, err
	}
	columns := c.columns()
	if l.version < bytesVersion {
		columns = columns[:sessionBytes]
	}
	for _, column := range columns {
		if *column, err = g.numbers(*column); err != nil {
			return 0, err
		}
	}
	if l.version < bytesVersion {
		c.bytes = c.bytes[:0]
		for _, events := range c.events {
			c.bytes = append(c.bytes, listed(events*estimatedSize))
		}
	}
	return l.groups[i].rows, nil
}

// bytesVersion is the first version whose index has the sizes of sessions.
const bytesVersion = 4

// columns lists the columns in their order.
func (c *sessionBatch) columns() []*[]int64 {
	return []*[]int64{&c.id, &c.first, &c.minutes, &c.events, &c.place, &c.bytes}
}

// packed returns row i; ok is false if its numbers are out of range.
func (c *sessionBatch) packed(i int) (p packed, ok bool) {
	p = packed{c.id[i], int32(c.first[i]), uint32(c.minutes[i]), uint32(c.events[i]), uint32(c.place[i]), c.bytes[i]}
	ok = int64(p.first) == c.first[i] && int64(p.minutes) == c.minutes[i] &&
		int64(p.events) == c.events[i] && int64(p.place) == c.place[i] &&
		p.place <= oversizedPlace && p.bytes >= 0
	return p, ok
}

func (c *sessionBatch) add(p packed) {
	c.id = append(c.id, p.session)
	c.first = append(c.first, int64(p.first))
	c.minutes = append(c.minutes, int64(p.minutes))
	c.events = append(c.events, int64(p.events))
	c.place = append(c.place, int64(p.place))
	c.bytes = append(c.bytes, p.bytes)
}

func (c *sessionBatch) reset() {
	for _, column := range c.columns() {
		*column = (*column)[:0]
	}
}
