package digest

import (
	"bytes"
	"fmt"
	"io"
	"math"

	"daybook/transform/shuffle"
)

// Entry is a row of the table of sessions.
type Entry struct {
	Session     int64
	First, Last int64 // of its events, in whole ms since the Unix epoch
	Events      int64
	Complete    bool  // its events are in the table complete, not in open
	Group       int32 // the row group of its events in that table
}

// Index is a table of sessions in memory: 24 bytes a session. It is never
// changed, and safe for concurrent use.
type Index struct {
	base    int64 // the first event of the first session, in ms
	entries []packed
}

// packed is an Entry in 24 bytes.
type packed struct {
	session     int64
	events      uint32
	group       uint16 // times two, and one if it is complete
	first, last offset
}

// offset is a time: ms since the index's base, two's complement, little-endian.
type offset [5]byte

// maxSpan is what fits an offset, either way: 17 years. The events of one
// dump day lie within its look-back.
const maxSpan = 1<<(8*len(offset{})-1) - 1

// within says whether times from first to last, in ms, have offsets from base.
func within(first, last, base int64) bool { return first >= base-maxSpan && last <= base+maxSpan }

func newOffset(ms int64) offset {
	return offset{byte(ms), byte(ms >> 8), byte(ms >> 16), byte(ms >> 24), byte(ms >> 32)}
}

func (o offset) ms() int64 {
	return int64(o[0]) | int64(o[1])<<8 | int64(o[2])<<16 | int64(o[3])<<24 | int64(int8(o[4]))<<32
}

// Len is the number of sessions.
func (x *Index) Len() int { return len(x.entries) }

// At returns session i in order of the hash.
func (x *Index) At(i int) Entry {
	p := &x.entries[i]
	return Entry{
		Session: p.session,
		First:   x.base + p.first.ms(),
		Last:    x.base + p.last.ms(),
		Events:  int64(p.events), Complete: p.group&1 == 1, Group: int32(p.group >> 1),
	}
}

// Size is the memory that the index takes, in bytes.
func (x *Index) Size() int64 { return packedSize * int64(cap(x.entries)) }

const packedSize = 24

// NewIndex makes an index of entries, which are in ascending order of their
// hash. Its error wraps [ErrCorrupt]: no digest has such sessions.
func NewIndex(entries []Entry) (*Index, error) {
	x := &Index{entries: make([]packed, 0, len(entries))}
	for _, e := range entries {
		if err := x.add(e); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// ReadIndex reads a table of sessions of size bytes, all of it with one
// ReadAt. Its error wraps [ErrCorrupt], or is r's.
func ReadIndex(r io.ReaderAt, size int64) (*Index, error) {
	b, err := readAt(r, 0, size)
	if err != nil {
		return nil, err
	}
	s, err := open(bytes.NewReader(b), size, &sessionsTable)
	if err != nil {
		return nil, err
	}
	return s.index()
}

func (s *source) index() (*Index, error) {
	x := &Index{entries: make([]packed, 0, s.footer.GetNumRows())}
	var c sessionBatch
	for i := range s.groups {
		rows, err := c.read(s, i)
		if err != nil {
			return nil, fmt.Errorf("row group %d: %w", i, err)
		}
		for row := range rows {
			if err := x.add(c.entry(row)); err != nil {
				return nil, err
			}
		}
	}
	return x, nil
}

// add adds an entry if it is one that a Writer can have written.
func (x *Index) add(e Entry) error {
	if len(x.entries) == 0 {
		x.base = e.First
	} else if last := x.entries[len(x.entries)-1].session; shuffle.Hash(e.Session) <= shuffle.Hash(last) {
		return corrupt("session %d does not come after session %d", e.Session, last)
	}
	if e.First > e.Last || !within(e.First, e.Last, x.base) ||
		e.Events < 1 || e.Events > math.MaxUint32 || e.Group < 0 || e.Group >= maxGroups {
		return corrupt("no session is like this one: %+v", e)
	}
	group := uint16(e.Group) << 1
	if e.Complete {
		group |= 1
	}
	x.entries = append(x.entries, packed{e.Session, uint32(e.Events), group, newOffset(e.First - x.base), newOffset(e.Last - x.base)})
	return nil
}

// sessionBatch is a row group of the table of sessions.
type sessionBatch struct {
	id, first, last, events, group []int64
	complete                       []bool
}

// read reads row group i, and says how many rows it has.
func (c *sessionBatch) read(s *source, i int) (rows int, err error) {
	g, err := s.group(i)
	if err != nil {
		return 0, err
	}
	err = g.numbers(numbersOf{sessionID, &c.id}, numbersOf{sessionFirst, &c.first}, numbersOf{sessionLast, &c.last},
		numbersOf{sessionEvents, &c.events}, numbersOf{sessionGroup, &c.group})
	if err != nil {
		return 0, err
	}
	c.complete, err = g.flags(sessionComplete, c.complete)
	return g.rows, err
}

func (c *sessionBatch) entry(i int) Entry {
	return Entry{
		Session: c.id[i], First: c.first[i], Last: c.last[i],
		Events: c.events[i], Complete: c.complete[i], Group: int32(c.group[i]),
	}
}
