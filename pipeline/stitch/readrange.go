package stitch

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"daybook/pipeline/catalog"
	"daybook/pipeline/digests"
	"daybook/pipeline/format"
	"daybook/pipeline/parallel"
	"daybook/pipeline/settings"
	"daybook/pipeline/words"
	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/event"
	"daybook/transform/shuffle"
)

// readRange is the part of a digest's table that has events of candidates.
type readRange struct {
	tables   *catalog.Tables
	part     publish.Part // of tables
	complete bool         // it is the table of sessions that look complete
	tail     int64        // the size of the table's footer, in bytes
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
func newReadRange(t *catalog.Tables, tails digests.Tails, complete bool) *readRange {
	if complete {
		return &readRange{tables: t, part: t.Complete, complete: true, tail: tails.Complete}
	}
	return &readRange{tables: t, part: t.Open, tail: tails.Open}
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

// object opens the part of the range, to read its row groups.
func (r *readRange) object(ctx context.Context, sink store.Store) io.ReaderAt {
	// Without ids the events are half as large: many pieces are smaller than the
	// whole then, unless each piece is tiny.
	all := len(r.groups) > 2 && !slices.ContainsFunc(r.groups, func(g groupRange) bool { return !g.ids }) ||
		r.part.Bytes <= int64(len(r.groups))*format.WholeSize
	return format.Shared(ctx, sink, r.part, all)
}

// newReadRanges says where the events of the sessions that were followed are, for those
// entries that are wanted.
func newReadRanges(f *digests.Followed, sizes *sizes, wanted func(*digests.Match) bool) (ranges []*readRange) {
	for _, d := range f.Digests {
		complete, open := newReadRange(d.Tables, d.Tails, true), newReadRange(d.Tables, d.Tails, false)
		for i := range d.Matches {
			m := &d.Matches[i]
			if !wanted(m) {
				continue
			}
			r := open
			if m.Complete {
				r = complete
			}
			r.add(f.Hashes[m.Session], int(m.Group), m.Events, sizes.of[m.Session].digests > 1)
		}
		for _, r := range []*readRange{complete, open} {
			if len(r.groups) > 0 {
				ranges = append(ranges, r)
			}
		}
	}
	return ranges
}

// source is a range whose table is open.
type source struct {
	*readRange
	table  format.EventsTable
	object io.ReaderAt // that the table is in
}

// open opens the table of a range.
func (s *Stitch) open(ctx context.Context, r *readRange) (*source, error) {
	object := r.object(ctx, s.Settings.Sink)
	table, err := s.Indexes.Table(r.tables, r.part, r.tail, r.complete, object)
	if err != nil {
		return nil, err
	}
	return &source{r, table, object}, nil
}

// openAll opens the tables of ranges. The end of ctx ends what is read of them, too.
func (s *Stitch) openAll(ctx context.Context, ranges []*readRange) ([]*source, error) {
	sources := make([]*source, len(ranges))
	err := parallel.Each(ctx, len(ranges), s.Budget.Requests(), func(_ context.Context, i int) (err error) {
		sources[i], err = s.open(ctx, ranges[i])
		return err
	})
	return sources, err
}

// cursor goes through candidates of a source, in the order of their hashes. It holds a
// row group from the first of its candidates to the last.
type cursor struct {
	*source
	settings *settings.Pipeline
	hashes   []uint64     // of the candidates that are left
	groups   []groupRange // that are left

	sessions format.Sessions // of the first of these; nil: it is not open
}

// append appends the events of the candidate that the cursor is at, and goes to the
// next one. Their ids matter only where several digests have events of it.
func (c *cursor) append(events []event.Event, ids bool) ([]event.Event, error) {
	hash := c.hashes[0]
	c.hashes = c.hashes[1:]
	for c.groups[0].to < hash {
		c.groups, c.sessions = c.groups[1:], nil
	}
	g := c.groups[0]
	var err error
	if c.sessions == nil {
		if c.sessions, err = c.table.Open(c.object, g.group, g.ids); err != nil {
			return nil, c.wrap(err)
		}
	}
	for {
		id, ok := c.sessions.Next()
		if !ok || shuffle.Hash(id) > hash {
			return nil, c.wrap(fmt.Errorf("%w: row group %d lacks a session that the index has in it", digest.ErrCorrupt, g.group))
		}
		if shuffle.Hash(id) == hash {
			break
		}
	}
	if events, err = c.sessions.Append(events, ids); err != nil {
		return nil, c.wrap(err)
	}
	if g.to == hash {
		c.sessions = nil
	}
	return events, nil
}

func (c *cursor) wrap(err error) error {
	return digests.ReadError(c.settings, c.tables.Of, c.part.Key, err)
}

// scan reads the row groups of a range one after the other, with ids, and passes the
// events of each candidate on. These are valid only during the call.
func (s *Stitch) scan(ctx context.Context, r *readRange, each func(hash uint64, events []event.Event) error) error {
	opened, err := s.open(ctx, r)
	if err != nil {
		return err
	}
	c := &cursor{source: opened, settings: s.Settings, hashes: r.hashes, groups: slices.Clone(r.groups)}
	for i := range c.groups {
		c.groups[i].ids = true
	}
	var events []event.Event
	for _, hash := range r.hashes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if events, err = c.append(events[:0], true); err != nil {
			return err
		}
		if err := each(hash, events); err != nil {
			return err
		}
	}
	return nil
}

// memoryOf is an upper bound of what sources take while they are merged, in bytes. Each
// row group is held from the first of its candidates to the last.
func memoryOf(sources []*source) int64 {
	type change struct {
		hash  uint64
		bytes int64
	}
	var changes []change
	held := int64(0)
	for _, s := range sources {
		held += format.Kept(s.object)
		for _, g := range s.groups {
			n := s.table.Memory(g.group)
			changes = append(changes, change{g.from, n}, change{g.to, -n})
		}
	}
	slices.SortFunc(changes, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(b.bytes, a.bytes))
	})
	most := held
	for _, c := range changes {
		held += c.bytes
		most = max(most, held)
	}
	return most
}

// Oversized says that a session has no rows, as its events take more than a limit.
type Oversized struct {
	Session int64
	Limit   int64 // bytes: max_session_size
}

func (e *Oversized) Error() string {
	return fmt.Sprintf("session %d has no rows: its events take more than source.max_session_size (%s); set a larger one, and build its days again with daybook backfill --only all",
		e.Session, words.Bytes(e.Limit))
}

// SessionEvents reads the events that a digest has of one session; none if it has
// no such session. The error may be an *Oversized.
func SessionEvents(ctx context.Context, s *settings.Pipeline, x *digests.Indexes, d *catalog.DigestState, id int64) ([]event.Event, error) {
	t := tablesOf(d, shuffle.Hash(id))
	index, err := x.Get(ctx, t, d.Day)
	if err != nil {
		return nil, err
	}
	e, found := findEntry(index, id)
	if !found {
		return nil, nil
	}
	if limit := s.MaxSessionSize; e.Oversized || limit > 0 && e.Bytes > limit {
		return nil, &Oversized{id, limit}
	}
	r := newReadRange(t, digests.Tails{Complete: index.TailSize(true), Open: index.TailSize(false)}, e.Complete)
	r.add(shuffle.Hash(id), int(e.Group), e.Events, true)
	object := r.object(ctx, s.Sink)
	table, err := x.Table(t, r.part, r.tail, r.complete, object)
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

// tablesOf are the tables of a digest that have the session of a hash, if any has it.
func tablesOf(d *catalog.DigestState, hash uint64) *catalog.Tables {
	for _, t := range d.Tables {
		if t.Range.Contains(hash) {
			return t
		}
	}
	panic("the hash ranges of a digest have all hashes")
}

func findEntry(index *digest.Index, id int64) (e digest.Entry, found bool) {
	if i := index.From(shuffle.Hash(id)); i < index.Len() {
		e = index.At(i)
	}
	return e, e.Session == id && e.Events > 0
}
