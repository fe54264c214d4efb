package stitch

import (
	"context"
	"fmt"
	"io"
	"slices"

	"daybook/pipeline/catalog"
	"daybook/pipeline/digests"
	"daybook/pipeline/format"
	"daybook/pipeline/parallel"
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
	events   int64 // of candidates
}

// groupRange is a row group that has candidates, with the hashes of the first and
// the last of them.
type groupRange struct {
	group    int
	from, to uint64
	ids      bool // other digests have events of a candidate, too: ids tell copies
}

// newReadRange is an empty range of one of the two tables of events.
func newReadRange(d *catalog.DigestState, index *digest.Index, complete bool) *readRange {
	if complete {
		return &readRange{digest: d, part: d.Complete, complete: true, tail: index.TailSize(true)}
	}
	return &readRange{digest: d, part: d.Open, tail: index.TailSize(false)}
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
	r.events += events
}

// object opens the part of the range, to read its row groups.
func (r *readRange) object(ctx context.Context, sink store.Store) io.ReaderAt {
	// Without ids the events are half as large: many pieces are smaller than the
	// whole then, unless each piece is tiny.
	all := len(r.groups) > 2 && !slices.ContainsFunc(r.groups, func(g groupRange) bool { return !g.ids }) ||
		r.part.Bytes <= int64(len(r.groups))*format.WholeSize
	return format.Object(ctx, sink, r.part, all)
}

// readRanges says where in the window the events of the candidates are, and which
// candidates are left without the oversized ones. The indexes of a window may be more
// than fit into memory, so each is read once.
func (s *Stitch) readRanges(ctx context.Context, candidates []uint64) (ranges []*readRange, left []uint64, oversized event.Oversized, err error) {
	type entry struct {
		candidate int
		digest.Entry
	}
	type table struct {
		r       *readRange
		entries []entry
	}
	tables := make([][2]table, len(s.Window)) // complete and open, of each digest
	err = parallel.Each(ctx, len(s.Window), s.Budget.Workers, func(ctx context.Context, i int) error {
		index, err := s.Indexes.Get(ctx, s.Window[i], s.Date)
		if err != nil {
			return err
		}
		complete, open := &tables[i][0], &tables[i][1]
		complete.r, open.r = newReadRange(s.Window[i], index, true), newReadRange(s.Window[i], index, false)
		matchEntries(candidates, index, func(candidate int, e digest.Entry) {
			t := open
			if e.Complete {
				t = complete
			}
			t.entries = append(t.entries, entry{candidate, e})
		})
		return nil
	})
	if err != nil {
		return nil, nil, oversized, err
	}
	sizes := newSizes(s.Settings.MaxSessionSize, len(candidates))
	for i := range tables {
		for _, t := range tables[i] {
			for _, e := range t.entries {
				sizes.add(e.candidate, &e.Entry)
			}
		}
	}
	for i := range tables {
		for _, t := range tables[i] {
			for _, e := range t.entries {
				if one := &sizes.of[e.candidate]; !one.oversized {
					t.r.add(candidates[e.candidate], int(e.Group), e.Events, one.digests > 1)
				}
			}
			if len(t.r.groups) > 0 {
				ranges = append(ranges, t.r)
			}
		}
	}
	left, oversized = sizes.split(candidates)
	return ranges, left, oversized, nil
}

// cursor is at one candidate of a range, in the order of hashes.
type cursor struct {
	w      *worker
	part   publish.Part
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
	c := &cursor{w: w, part: r.part, table: table, object: object, groups: groups}
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
			if c.w.isCandidate(id) {
				c.hash = shuffle.Hash(id)
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
	return fmt.Errorf("read %s: %w", c.w.Settings.Sink.URL(c.part.Key), err)
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
	r := newReadRange(d, index, e.Complete)
	r.add(shuffle.Hash(id), int(e.Group), e.Events, true)
	object := r.object(ctx, s.Sink)
	table, err := x.Table(d, r.part, r.tail, r.complete, object)
	if err != nil {
		return nil, err
	}
	sessions, err := table.Open(object, int(e.Group), true)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.Sink.URL(r.part.Key), err)
	}
	var events []event.Event
	for session, ok := sessions.Next(); ok; session, ok = sessions.Next() {
		if session != id {
			continue
		}
		if events, err = sessions.Append(events, true); err != nil {
			return nil, fmt.Errorf("read %s: %w", s.Sink.URL(r.part.Key), err)
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
