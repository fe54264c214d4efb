// Package stitch makes rows: those of one date from the digests of its window, and
// those of a month from its published days.
//
// A row's date is that of one of its session's events. So the sessions that can
// have rows of a date are those with an event on it (the candidates), which the
// digests' indexes tell. They are followed through the indexes as far as their events
// lead, and folded from all these events. All tables are in the order of the sessions'
// hashes: the digests are merged like sorted lists, with one row group of each in
// memory at a time.
package stitch

import (
	"context"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"daybook/pipeline/catalog"
	"daybook/pipeline/digests"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/spillfile"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/rowsort"
	"daybook/transform/session"
)

// Close drops the rows.
func (r *Result) Close() {
	for i := range r.Rows {
		_ = r.Rows[i].Close() // they are not needed any more
	}
}

// Stitch makes the rows of one date for several reports.
type Stitch struct {
	Settings *settings.Pipeline
	Budget   parallel.Budget
	Catalog  *catalog.Catalog
	Indexes  *digests.Indexes
	Reports  []*settings.Report
	Date     day.Day
}

// Result is the rows of a date for each report, and what they were made from.
type Result struct {
	Rows    []Rows           // by report; the caller closes them
	Reach   partition.Period // the dump days that could matter to the candidates
	Digests catalog.Window   // with events of them, by day
}

// Rows are the rows of one report's date, in the order of a partition, and what
// they were made from. The caller closes them.
type Rows struct {
	*rowsort.Sorter
	Counts
}

// Counts say what the rows of a date were made from.
type Counts struct {
	Report     report.Counts
	Sessions   int64
	Legs       int64 // of the date, in the whole organisation
	InUnit     int64 // of these, in the report's unit
	Events     int64 // each counted once
	Duplicates int64 // between dump days; a digest has none
	Anomalies  session.Anomalies

	Apart         int64           // sessions that are told as several: a silence is longer than the look-back
	ApartLookback int             // in days: it would join all of them
	Oversized     event.Oversized // sessions with an event on the date that have no rows
}

func (c *Counts) add(o *Counts) {
	c.Report.Add(o.Report)
	c.Sessions += o.Sessions
	c.Legs += o.Legs
	c.InUnit += o.InUnit
	c.Events += o.Events
	c.Duplicates += o.Duplicates
	c.Anomalies.Add(&o.Anomalies)
	c.Apart += o.Apart
	c.ApartLookback = max(c.ApartLookback, o.ApartLookback)
	c.Oversized.Merge(&o.Oversized)
}

// sessionsPerWorker is how many sessions are worth a worker of their own.
const sessionsPerWorker = 2000

// rowsShare is the part of a date's memory that its rows take before they are
// spilled. The rest is for reading digests and for the row group that is written.
const rowsShare = 4

// NewRowSorter sorts rows within a budget of bytes; the rest is spilled. The end of
// ctx interrupts it.
func NewRowSorter(ctx context.Context, order rowsort.Order, budget int64) *rowsort.Sorter {
	return rowsort.New(rowsort.Options{
		Order: order, Budget: budget, Interrupt: ctx.Err,
		Spill: func() (rowsort.File, error) { return spillfile.NewScratch() },
	})
}

// Run makes the rows of each report on the date.
func (s *Stitch) Run(ctx context.Context) (_ *Result, err error) {
	followed, err := s.follow(ctx)
	if err != nil {
		return nil, fmt.Errorf("stitch %s: %w", s.Date, err)
	}
	ranges, oversized := newReadRanges(followed, s.Settings.MaxSessionSize)
	objects := make([]io.ReaderAt, len(ranges))
	for i, r := range ranges {
		objects[i] = r.object(ctx, s.Settings.Sink)
	}
	result := &Result{Rows: make([]Rows, len(s.Reports)), Reach: s.reach(followed)}
	for _, d := range followed.Digests {
		result.Digests = append(result.Digests, d.State)
	}
	for i := range result.Rows {
		result.Rows[i].Sorter = NewRowSorter(ctx, rowsort.ByTime, s.Budget.Memory/rowsShare/int64(len(s.Reports)))
	}
	defer func() {
		if err != nil {
			result.Close()
		}
	}()
	n := len(followed.Hashes)
	workers := make([]*worker, max(1, min(s.Budget.Workers, n/sessionsPerWorker)))
	group, groupCtx := errgroup.WithContext(ctx)
	for i := range workers {
		from, to := n*i/len(workers), n*(i+1)/len(workers)
		w := &worker{Stitch: s, candidates: followed.Hashes[from:to], apart: followed.Apart[from:to], out: make([]workerRows, len(s.Reports))}
		for j := range w.out {
			w.out[j].rows = result.Rows[j].Writer()
		}
		workers[i] = w
		group.Go(parallel.Guard(func() error { return w.run(groupCtx, ranges, objects) }))
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("stitch %s: %w", s.Date, err)
	}
	events := int64(0)
	for i := range result.Rows {
		result.Rows[i].Oversized = oversized
	}
	for _, w := range workers {
		events += w.events
		for i := range result.Rows {
			result.Rows[i].add(&w.out[i].Counts)
		}
	}
	if err := s.countOrphans(ctx, result, workers); err != nil {
		return nil, fmt.Errorf("stitch %s: %w", s.Date, err)
	}
	return result, s.checkEvents(events, ranges)
}

// countOrphans counts the sessions that begin in the middle since they were silent for
// longer than the look-back.
func (s *Stitch) countOrphans(ctx context.Context, result *Result, workers []*worker) error {
	f := &digests.Follower{Settings: s.Settings, Catalog: s.Catalog, Indexes: s.Indexes}
	for i := range result.Rows {
		var orphans []digests.Seed
		for _, w := range workers {
			orphans = append(orphans, w.out[i].orphans...)
		}
		apart, err := f.Before(ctx, orphans, s.Date)
		if err != nil {
			return err
		}
		for _, lookback := range apart {
			if lookback > 0 {
				result.Rows[i].Apart++
				result.Rows[i].ApartLookback = max(result.Rows[i].ApartLookback, int(lookback))
			}
		}
	}
	return nil
}

// follow finds the candidates and follows them.
func (s *Stitch) follow(ctx context.Context) (*digests.Followed, error) {
	f := &digests.Follower{Settings: s.Settings, Catalog: s.Catalog, Indexes: s.Indexes}
	from, to := s.instants()
	window := s.Catalog.Digests(s.Settings.Window(partition.OfDay(s.Date)))
	seeds, err := f.SeedsIn(ctx, window, from, to, s.Date)
	if err != nil {
		return nil, err
	}
	return f.Follow(ctx, seeds, s.Date)
}

// reach is the dump days that could matter to the date: those that the candidates
// reach, and the window of the date, as any session may turn out to have events on it.
func (s *Stitch) reach(f *digests.Followed) partition.Period {
	reach := s.Settings.Window(partition.OfDay(s.Date))
	if first, last, ok := f.Stretch(); ok {
		reach = reach.Union(partition.Reach(s.Settings.Lookback, first, last))
	}
	return reach
}

// checkEvents fails unless as many events were read as the indexes count.
func (s *Stitch) checkEvents(read int64, ranges []*readRange) error {
	indexed := int64(0)
	for _, r := range ranges {
		indexed += r.events
	}
	if read != indexed {
		return fmt.Errorf("stitch %s: the indexes of the digests count %d events, and their tables have %d; this is a bug of daybook, please report it", s.Date, indexed, read)
	}
	return nil
}

// instants is the interval in which the date lies, in any of the reports' zones.
func (s *Stitch) instants() (from, to int64) {
	for i, rep := range s.Reports {
		f, t := partition.Instants(s.Date, rep.Zone)
		if i == 0 {
			from, to = f, t
		}
		from, to = min(from, f), max(to, t)
	}
	return from, to
}

// worker folds the candidates of a range of hashes.
type worker struct {
	*Stitch
	candidates []uint64
	apart      []uint16 // of each candidate: see digests.Followed
	engine     session.Engine

	out    []workerRows // by report
	events int64        // read, duplicates included
}

// maxOrphans is how many sessions without their beginning are looked up.
const maxOrphans = 10_000

// workerRows is what one worker has made for a report.
type workerRows struct {
	rows *rowsort.Writer
	row  report.Row // reused
	Counts

	orphans []digests.Seed // sessions whose beginning is missing: it may lie further back
}

// run folds the worker's sessions. Their events are in ranges, each in an object.
func (w *worker) run(ctx context.Context, ranges []*readRange, objects []io.ReaderAt) error {
	var cursors []*cursor
	for i, r := range ranges {
		c, err := w.open(r, objects[i])
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
		hash, holders := lowest(cursors)
		events = events[:0]
		for i := 0; i < len(cursors); i++ {
			c := cursors[i]
			if c.hash != hash {
				continue
			}
			var err error
			if events, err = c.append(events, holders > 1); err != nil {
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
		if err := w.fold(ctx, hash, events, holders); err != nil {
			return err
		}
	}
	return nil
}

// lowest is the lowest hash that cursors are at, and how many are at it. There are
// few cursors: a search is as fast as a heap.
func lowest(cursors []*cursor) (hash uint64, n int) {
	hash = cursors[0].hash
	for _, c := range cursors {
		switch {
		case c.hash < hash:
			hash, n = c.hash, 1
		case c.hash == hash:
			n++
		}
	}
	return hash, n
}

// fold folds the session of a hash, whose events are those of so many digests.
func (w *worker) fold(ctx context.Context, hash uint64, events []event.Event, holders int) (err error) {
	duplicates := 0
	if holders > 1 {
		if events, duplicates, err = session.Order(ctx, events); err != nil {
			return err
		}
	}
	w.events += int64(len(events) + duplicates)
	i, _ := slices.BinarySearch(w.candidates, hash)
	apart := int(w.apart[i])
	silence := partition.Silence(w.Settings.Lookback)
	if gap := longestGap(events); gap > silence {
		apart = int(digests.LookbackFor(gap))
	}
	for stretch := range session.Stretches(events, silence) {
		folded, err := w.engine.Fold(ctx, stretch, nil)
		if err != nil {
			return err
		}
		seed := digests.Seed{Hash: hash, First: stretch[0].Millis(), Last: stretch[0].Millis()}
		if err := w.addRows(folded, seed, len(stretch), duplicates, apart); err != nil {
			return err
		}
	}
	return nil
}

// addRows adds the rows of a folded session to the reports. It has so many events;
// duplicates were dropped, and it is apart from others by so many days of look-back.
func (w *worker) addRows(folded *session.Session, seed digests.Seed, events, duplicates, apart int) error {
	for i, rep := range w.Reports {
		out, has := &w.out[i], false
		for j := range folded.Legs {
			l := &folded.Legs[j]
			if rep.Date(l) != w.Date {
				continue
			}
			out.Legs++
			if rep.Unit.Includes(l) {
				out.InUnit++
			}
			if rep.Includes(folded, l) {
				rep.Row(&out.row, folded, l, &out.Report)
				if err := out.rows.Add(&out.row); err != nil {
					return err
				}
				has = true
			}
		}
		if !has {
			continue
		}
		out.Sessions++
		out.Events += int64(events)
		out.Duplicates += int64(duplicates)
		out.Anomalies.Add(&folded.Anomalies)
		if apart > 0 {
			out.Apart++
			out.ApartLookback = max(out.ApartLookback, apart)
		} else if folded.Anomalies[session.MissingCreated] > 0 && len(out.orphans) < maxOrphans {
			out.orphans = append(out.orphans, seed)
		}
	}
	return nil
}

// longestGap is the longest silence between the events, in milliseconds.
func longestGap(events []event.Event) (gap int64) {
	for i := 1; i < len(events); i++ {
		gap = max(gap, (events[i].TS-events[i-1].TS+999)/1000)
	}
	return gap
}

// has reports whether a session is one of the worker's candidates.
func (w *worker) has(hash uint64) bool {
	_, found := slices.BinarySearch(w.candidates, hash)
	return found
}
