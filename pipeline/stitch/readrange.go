package stitch

import (
	"context"
	"io"
	"slices"

	"daybook/pipeline/catalog"
	"daybook/pipeline/digests"
	"daybook/pipeline/format"
	"daybook/pipeline/settings"
	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/event"
	"daybook/transform/shuffle"
)

// readRange is the part of a digest's table that has events of candidates.
type readRange struct {
	digest   *catalog.DigestState
	part     publish.Part
	complete bool  // it is the table of sessions that look complete
	tail     int64 // the size of the table's footer, in bytes
	groups   []groupRange
	hashes   []uint64 // of the candidates, ascending
	events   int64    // of candidates
}

// groupRange is a row group that has candidates, with the hashes of the first and
// the last of them.
type groupRange struct {
	group    int
	from, to uint64
	ids      bool // other digests have events of a candidate, too: ids tell copies
}

// newReadRange is an empty range of one of the two tables of events.
func newReadRange(d *catalog.DigestState, tails digests.Tails, complete bool) *readRange {
	if complete {
		return &readRange{digest: d, part: d.Complete, complete: true, tail: tails.Complete}
	}
	return &readRange{digest: d, part: d.Open, tail: tails.Open}
}

// add adds a session that has so many events in a row group. shared says that other
// digests may have events of it, too.
func (r *readRange) add(hash uint64, group int, events int64, shared bool) {
	if n := len(r.groups); n == 0 || r.groups[n-1].group != group {
		r.groups = append(r.groups, groupRange{group: group, from: hash})
	}
	g := &r.groups[len(r.groups)-1]
	g.to = hash
	g.ids = g.ids || shared
	r.hashes = append(r.hashes, hash)
	r.events += events
}

// has reports whether the range has events of the candidate with a hash.
func (r *readRange) has(hash uint64) bool {
	_, found := slices.BinarySearch(r.hashes, hash)
	return found
}

// object opens the part of the range, to read its row groups.
func (r *readRange) object(ctx context.Context, sink store.Store) io.ReaderAt {
	// Without ids the events are half as large: many pieces are smaller than the
	// whole then, unless each piece is tiny.
	all := len(r.groups) > 2 && !slices.ContainsFunc(r.groups, func(g groupRange) bool { return !g.ids }) ||
		r.part.Bytes <= int64(len(r.groups))*format.WholeSize
	return format.Object(ctx, sink, r.part, all)
}

// newReadRanges says where the events of the sessions that were followed are.
func newReadRanges(f *digests.Followed) []*readRange {
	holders := make([]uint8, len(f.Hashes)) // digests that have events of each session, up to 2
	for _, d := range f.Digests {
		for _, m := range d.Matches {
			holders[m.Session] = min(holders[m.Session], 1) + 1
		}
	}
	var ranges []*readRange
	for _, d := range f.Digests {
		complete, open := newReadRange(d.State, d.Index, true), newReadRange(d.State, d.Index, false)
		for _, m := range d.Matches {
			r := open
			if m.Complete {
				r = complete
			}
			r.add(f.Hashes[m.Session], int(m.Group), m.Events, holders[m.Session] > 1)
		}
		for _, r := range []*readRange{complete, open} {
			if len(r.groups) > 0 {
				ranges = append(ranges, r)
			}
		}
	}
	return ranges
}

// cursor is at one candidate of a range, in the order of hashes.
type cursor struct {
	w      *worker
	r      *readRange
	table  format.EventsTable
	object io.ReaderAt  // that the table is in
	groups []groupRange // that are not opened yet

	sessions format.Sessions // of the row group that is open; nil before the first
	hash     uint64
}

// open opens a range for the candidates of this worker; nil if it has none of them.
func (w *worker) open(r *readRange, object io.ReaderAt) (*cursor, error) {
	if len(w.candidates) == 0 {
		return nil, nil
	}
	first, last := w.candidates[0], w.candidates[len(w.candidates)-1]
	groups := slices.DeleteFunc(slices.Clone(r.groups), func(g groupRange) bool { return g.to < first || g.from > last })
	if len(groups) == 0 {
		return nil, nil
	}
	table, err := w.Indexes.Table(r.digest, r.part, r.tail, r.complete, object)
	if err != nil {
		return nil, err
	}
	c := &cursor{w: w, r: r, table: table, object: object, groups: groups}
	if more, err := c.advance(); err != nil || !more {
		return nil, err
	}
	return c, nil
}

// append appends the events of the session that the cursor is at. Their ids matter
// only where several digests have events of it.
func (c *cursor) append(events []event.Event, ids bool) ([]event.Event, error) {
	events, err := c.sessions.Append(events, ids)
	return events, c.wrap(err)
}

// advance goes to the next candidate, if there is one.
func (c *cursor) advance() (more bool, err error) {
	for {
		for c.sessions != nil {
			id, ok := c.sessions.Next()
			if !ok {
				break
			}
			if hash := shuffle.Hash(id); c.w.has(hash) && c.r.has(hash) {
				c.hash = hash
				return true, nil
			}
		}
		if len(c.groups) == 0 {
			return false, nil
		}
		if c.sessions, err = c.table.Open(c.object, c.groups[0].group, c.groups[0].ids); err != nil {
			return false, c.wrap(err)
		}
		c.groups = c.groups[1:]
	}
}

func (c *cursor) wrap(err error) error {
	if err == nil {
		return nil
	}
	return digests.ReadError(c.w.Settings, c.r.digest, c.r.part.Key, err)
}

// SessionEvents reads the events that a digest has of one session; none if it has
// no such session.
func SessionEvents(ctx context.Context, s *settings.Pipeline, x *digests.Indexes, d *catalog.DigestState, id int64) ([]event.Event, error) {
	index, err := x.Get(ctx, d, d.Day)
	if err != nil {
		return nil, err
	}
	e, found := findEntry(index, id)
	if !found {
		return nil, nil
	}
	r := newReadRange(d, digests.Tails{Complete: index.TailSize(true), Open: index.TailSize(false)}, e.Complete)
	r.add(shuffle.Hash(id), int(e.Group), e.Events, true)
	object := r.object(ctx, s.Sink)
	table, err := x.Table(d, r.part, r.tail, r.complete, object)
	if err != nil {
		return nil, err
	}
	sessions, err := table.Open(object, int(e.Group), true)
	if err != nil {
		return nil, digests.ReadError(s, d, r.part.Key, err)
	}
	var events []event.Event
	for session, ok := sessions.Next(); ok; session, ok = sessions.Next() {
		if session != id {
			continue
		}
		if events, err = sessions.Append(events, true); err != nil {
			return nil, digests.ReadError(s, d, r.part.Key, err)
		}
	}
	return events, nil
}

func findEntry(index *digest.Index, id int64) (e digest.Entry, found bool) {
	for i := range index.Len() {
		if e = index.At(i); e.Session == id {
			return e, true
		}
	}
	return digest.Entry{}, false
}
