package pipeline

import (
	"context"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/rowsort"
	"daybook/transform/session"
	"daybook/transform/shuffle"
)

// A stitch makes the rows of one date from the digests of its window.
//
// A row's date is that of one of its session's events. So the sessions that can
// have rows of the date are those with an event on it, which the digests'
// indexes tell; and of those sessions, the events of the whole window are
// folded. All tables are in the order of the sessions' hashes, so the digests
// are merged like sorted lists, a row group of each in memory at a time.
type stitch struct {
	r       *Runner
	indexes *indexes
	window  window
	reports []*Report
	date    day.Day
}

// stitched is the rows of one report's date, to be read as in a partition, and
// what can be said of the sessions that have them. Who has it closes the rows.
type stitched struct {
	rows *rowsort.Sorter
	stitchedCounts
}

type stitchedCounts struct {
	counts     report.Counts
	sessions   int64
	events     int64
	duplicates int64 // between dump days: those of one day its digest has left out
	anomalies  session.Anomalies
}

// run gives what each report has on the date.
func (s *stitch) run(ctx context.Context, workers int) (_ []stitched, err error) {
	wanted, err := s.wanted(ctx)
	if err != nil {
		return nil, err
	}
	places, err := s.places(ctx, wanted)
	if err != nil {
		return nil, err
	}
	objects := make([]io.ReaderAt, len(places))
	for i, p := range places {
		objects[i] = p.object(ctx, s.r)
	}
	workers = max(1, min(workers, len(wanted)/sessionsPerWorker))
	out := make([]stitched, len(s.reports))
	for i := range out {
		out[i].rows = newRowSorter(rowsort.ByTime, s.r.lane()/rowsShare/int64(len(out)))
	}
	defer func() {
		if err != nil {
			closeRows(out)
		}
	}()
	stitchers := make([]*stitcher, workers)
	group, groupCtx := errgroup.WithContext(ctx)
	for w := range stitchers {
		from, to := len(wanted)*w/workers, len(wanted)*(w+1)/workers
		stitchers[w] = &stitcher{stitch: s, wanted: wanted[from:to], out: make([]stitcherOut, len(out))}
		for i := range out {
			stitchers[w].out[i].rows = out[i].rows.Writer()
		}
		group.Go(guarded(func() error { return stitchers[w].run(groupCtx, places, objects) }))
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("stitch %s: %w", s.date, err)
	}
	events := int64(0)
	for _, w := range stitchers {
		events += w.events
		for i := range out {
			out[i].add(&w.out[i].stitchedCounts)
		}
	}
	indexed := int64(0)
	for _, p := range places {
		indexed += p.events
	}
	if events != indexed {
		return nil, fmt.Errorf("stitch %s: the indexes of the digests count %d events, and their tables have %d; this is a bug of daybook, please report it", s.date, indexed, events)
	}
	return out, nil
}

// rowsShare is which part of the memory of a day its rows take before they go
// to temporary files. The rest is for reading digests, and for the row group
// that is being written.
const rowsShare = 4

func newRowSorter(order rowsort.Order, budget int64) *rowsort.Sorter {
	return rowsort.New(rowsort.Options{Order: order, Budget: budget, Spill: func() (rowsort.File, error) { return newScratchFile() }})
}

// closeRows lets go of rows. That temporary files cannot be closed matters to
// nobody any more.
func closeRows(out []stitched) {
	for i := range out {
		_ = out[i].rows.Close()
	}
}

func (s *stitchedCounts) add(o *stitchedCounts) {
	s.counts.Add(o.counts)
	s.sessions += o.sessions
	s.events += o.events
	s.duplicates += o.duplicates
	s.anomalies.Add(&o.anomalies)
}

// sessionsPerWorker is how many sessions are worth a worker of their own.
const sessionsPerWorker = 2000

// place is where a digest has events of wanted sessions.
type place struct {
	digest   *digestRef
	part     publish.Part
	complete bool  // it is the table of sessions that look complete
	tail     int64 // of the table, in bytes: its footer
	groups   []groupRange
	events   int64 // how many there are of wanted sessions
}

// groupRange is a row group that has wanted sessions, and the hashes of the
// first and the last of them.
type groupRange struct {
	group    int
	from, to uint64
	ids      bool // one of them has events of other digests, too, which may be the same ones
}

// wanted gives the hashes, in order, of the sessions that can have rows of the
// date.
func (s *stitch) wanted(ctx context.Context) ([]uint64, error) {
	from, to := s.instants()
	var wanted []uint64
	for _, d := range s.window {
		if d.max < from || d.min >= to {
			continue
		}
		index, err := s.indexes.get(ctx, d, s.date)
		if err != nil {
			return nil, err
		}
		for i := range index.Len() {
			if e := index.At(i); e.Last >= from && e.First < to {
				wanted = append(wanted, shuffle.Hash(e.Session))
			}
		}
	}
	slices.Sort(wanted)
	return slices.Compact(wanted), nil
}

// places says where in the window the events of the wanted sessions are. The
// indexes of a window may be more than are kept in memory, so each is read once.
func (s *stitch) places(ctx context.Context, wanted []uint64) ([]*place, error) {
	type entry struct {
		of     int // the wanted session
		group  int
		events int64
	}
	type table struct {
		tail    int64
		entries []entry
	}
	tables := make([][2]table, len(s.window)) // complete and open, of each digest
	err := each(ctx, len(s.window), s.r.perLane(), func(ctx context.Context, i int) error {
		index, err := s.indexes.get(ctx, s.window[i], s.date)
		if err != nil {
			return err
		}
		complete, open := &tables[i][0], &tables[i][1]
		complete.tail, open.tail = index.TailSize(true), index.TailSize(false)
		entriesOf(wanted, index, func(of int, e digest.Entry) {
			t := open
			if e.Complete {
				t = complete
			}
			t.entries = append(t.entries, entry{of, int(e.Group), e.Events})
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	digests := make([]uint8, len(wanted)) // of how many each has events
	for i := range tables {
		for _, t := range tables[i] {
			for _, e := range t.entries {
				digests[e.of] = min(digests[e.of], 1) + 1
			}
		}
	}
	var places []*place
	for i, d := range s.window {
		complete := &place{digest: d, part: d.complete, complete: true, tail: tables[i][0].tail}
		open := &place{digest: d, part: d.open, tail: tables[i][1].tail}
		for j, p := range []*place{complete, open} {
			for _, e := range tables[i][j].entries {
				p.add(wanted[e.of], e.group, e.events, digests[e.of] > 1)
			}
			if len(p.groups) > 0 {
				places = append(places, p)
			}
		}
	}
	return places, nil
}

// entriesOf calls f with an index's entries of the wanted sessions, and which
// of them each is of.
func entriesOf(wanted []uint64, index *digest.Index, f func(i int, e digest.Entry)) {
	next := 0
	for i := range index.Len() {
		e := index.At(i)
		hash := shuffle.Hash(e.Session)
		for next < len(wanted) && wanted[next] < hash {
			next++
		}
		if next == len(wanted) {
			return
		}
		if wanted[next] == hash {
			f(next, e)
		}
	}
}

// add adds a session that has so many events in a row group, and may have events
// in other digests, too.
func (p *place) add(hash uint64, group int, events int64, shared bool) {
	if n := len(p.groups); n == 0 || p.groups[n-1].group != group {
		p.groups = append(p.groups, groupRange{group: group, from: hash})
	}
	g := &p.groups[len(p.groups)-1]
	g.to = hash
	g.ids = g.ids || shared
	p.events += events
}

// instants are the moments between which the date lies, in whichever of the
// reports' zones.
func (s *stitch) instants() (from, to int64) {
	for i, rep := range s.reports {
		f, t := instants(s.date, rep.Zone)
		if i == 0 {
			from, to = f, t
		}
		from, to = min(from, f), max(to, t)
	}
	return from, to
}

// stitcher is one worker of a stitch: it has a range of hashes of its own.
type stitcher struct {
	*stitch
	wanted []uint64
	engine session.Engine

	out    []stitcherOut // by report
	events int64         // read, duplicates included
}

// stitcherOut is what one worker has for a report.
type stitcherOut struct {
	rows *rowsort.Writer
	row  report.Row // at hand
	stitchedCounts
}

// run folds the worker's sessions, whose events are in places, each in an object.
func (s *stitcher) run(ctx context.Context, places []*place, objects []io.ReaderAt) error {
	var cursors []*cursor
	for i, p := range places {
		c, err := s.open(p, objects[i])
		if err != nil {
			return err
		}
		if c != nil {
			cursors = append(cursors, c)
		}
	}
	var events []event.Event
	for len(cursors) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		// Few of the cursors are ever left: a search is as good as a heap.
		hash, digests := cursors[0].hash, 0
		for _, c := range cursors {
			switch {
			case c.hash < hash:
				hash, digests = c.hash, 1
			case c.hash == hash:
				digests++
			}
		}
		events = events[:0]
		for i := 0; i < len(cursors); i++ {
			c := cursors[i]
			if c.hash != hash {
				continue
			}
			var err error
			if events, err = c.append(events, digests > 1); err != nil {
				return err
			}
			more, err := c.advance()
			if err != nil {
				return err
			}
			if !more {
				cursors = slices.Delete(cursors, i, i+1)
				i--
			}
		}
		if err := s.fold(ctx, events, digests); err != nil {
			return err
		}
	}
	return nil
}

// fold folds one session, whose events are those of so many digests.
func (s *stitcher) fold(ctx context.Context, events []event.Event, digests int) (err error) {
	duplicates := 0
	if digests > 1 {
		if events, duplicates, err = session.Order(ctx, events); err != nil {
			return err
		}
	}
	s.events += int64(len(events) + duplicates)
	folded, err := s.engine.Fold(ctx, events, nil)
	if err != nil {
		return err
	}
	for i, rep := range s.reports {
		out, has := &s.out[i], false
		for j := range folded.Legs {
			l := &folded.Legs[j]
			if rep.Date(l) == s.date && rep.Includes(folded, l) {
				rep.Row(&out.row, folded, l, &out.counts)
				if err := out.rows.Add(&out.row); err != nil {
					return err
				}
				has = true
			}
		}
		if has {
			out.sessions++
			out.events += int64(len(events))
			out.duplicates += int64(duplicates)
			out.anomalies.Add(&folded.Anomalies)
		}
	}
	return nil
}

// cursor is at one wanted session of a place, in the order of hashes.
type cursor struct {
	s      *stitcher
	part   publish.Part
	table  eventsTable
	object io.ReaderAt  // that it is in
	groups []groupRange // still to be opened

	sessions storedSessions // of the row group that is open; nil: none was yet
	hash     uint64
}

// open opens a place for the wanted sessions of this worker; nil if it has
// none of them.
func (s *stitcher) open(p *place, object io.ReaderAt) (*cursor, error) {
	if len(s.wanted) == 0 {
		return nil, nil
	}
	first, last := s.wanted[0], s.wanted[len(s.wanted)-1]
	groups := slices.DeleteFunc(slices.Clone(p.groups), func(g groupRange) bool { return g.to < first || g.from > last })
	if len(groups) == 0 {
		return nil, nil
	}
	table, err := s.indexes.table(p, object)
	if err != nil {
		return nil, err
	}
	c := &cursor{s: s, part: p.part, table: table, object: object, groups: groups}
	if more, err := c.advance(); err != nil || !more {
		return nil, err
	}
	return c, nil
}

// append appends the events of the session that the cursor is at. Only where
// several digests have some do their ids matter.
func (c *cursor) append(events []event.Event, ids bool) ([]event.Event, error) {
	events, err := c.sessions.Append(events, ids)
	return events, c.failed(err)
}

// advance goes on to the next session, if there is one.
func (c *cursor) advance() (more bool, err error) {
	for {
		for c.sessions != nil {
			id, ok := c.sessions.Next()
			if !ok {
				break
			}
			if c.s.isWanted(id) {
				c.hash = shuffle.Hash(id)
				return true, nil
			}
		}
		if len(c.groups) == 0 {
			return false, nil
		}
		if c.sessions, err = c.table.Open(c.object, c.groups[0].group, c.groups[0].ids); err != nil {
			return false, c.failed(err)
		}
		c.groups = c.groups[1:]
	}
}

func (c *cursor) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("read %s: %w", c.s.r.Sink.URL(c.part.Key), err)
}

func (s *stitcher) isWanted(id int64) bool {
	_, found := slices.BinarySearch(s.wanted, shuffle.Hash(id))
	return found
}
