// Package stitch makes rows: those of one date from the digests of its window, and
// those of a month from its published days.
//
// A row's date is that of one of its session's events. So the sessions that can
// have rows of a date are those with an event on it (the candidates), which the
// digests' indexes tell. Of these sessions, the events of the whole window are
// folded. All tables are in the order of the sessions' hashes: the digests are
// merged like sorted lists, with one row group of each in memory at a time.
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
	"daybook/sinks/digest"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/rowsort"
	"daybook/transform/session"
	"daybook/transform/shuffle"
)

// Stitch makes the rows of one date for several reports.
type Stitch struct {
	Settings *settings.Pipeline
	Budget   parallel.Budget
	Indexes  *digests.Indexes
	Window   catalog.Window // of the date
	Reports  []*settings.Report
	Date     day.Day
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
	Events     int64 // each counted once
	Duplicates int64 // between dump days; a digest has none
	Anomalies  session.Anomalies
	Oversized  event.Oversized // sessions with an event on the date that have no rows
}

func (c *Counts) add(o *Counts) {
	c.Report.Add(o.Report)
	c.Sessions += o.Sessions
	c.Events += o.Events
	c.Duplicates += o.Duplicates
	c.Anomalies.Add(&o.Anomalies)
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
func (s *Stitch) Run(ctx context.Context) (_ []Rows, err error) {
	candidates, err := s.candidates(ctx)
	if err != nil {
		return nil, err
	}
	ranges, candidates, oversized, err := s.readRanges(ctx, candidates)
	if err != nil {
		return nil, err
	}
	objects := make([]io.ReaderAt, len(ranges))
	for i, r := range ranges {
		objects[i] = r.object(ctx, s.Settings.Sink)
	}
	out := make([]Rows, len(s.Reports))
	for i := range out {
		out[i].Sorter = NewRowSorter(ctx, rowsort.ByTime, s.Budget.Memory/rowsShare/int64(len(out)))
	}
	defer func() {
		if err != nil {
			for i := range out {
				_ = out[i].Close() // err is what matters
			}
		}
	}()
	workers := make([]*worker, max(1, min(s.Budget.Workers, len(candidates)/sessionsPerWorker)))
	group, groupCtx := errgroup.WithContext(ctx)
	for i := range workers {
		from, to := len(candidates)*i/len(workers), len(candidates)*(i+1)/len(workers)
		w := &worker{Stitch: s, candidates: candidates[from:to], out: make([]workerRows, len(out))}
		for j := range out {
			w.out[j].rows = out[j].Writer()
		}
		workers[i] = w
		group.Go(parallel.Guard(func() error { return w.run(groupCtx, ranges, objects) }))
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("stitch %s: %w", s.Date, err)
	}
	events := int64(0)
	for i := range out {
		out[i].Oversized = oversized
	}
	for _, w := range workers {
		events += w.events
		for i := range out {
			out[i].add(&w.out[i].Counts)
		}
	}
	return out, s.checkEvents(events, ranges)
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

// candidates gives the hashes, in order, of the sessions that can have rows of the
// date.
func (s *Stitch) candidates(ctx context.Context) ([]uint64, error) {
	from, to := s.instants()
	var hashes []uint64
	for _, d := range s.Window {
		if d.Last < from || d.First >= to {
			continue
		}
		index, err := s.Indexes.Get(ctx, d, s.Date)
		if err != nil {
			return nil, err
		}
		for i := range index.Len() {
			if e := index.At(i); e.Last >= from && e.First < to {
				hashes = append(hashes, shuffle.Hash(e.Session))
			}
		}
	}
	slices.Sort(hashes)
	return slices.Compact(hashes), nil
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
	engine     session.Engine

	out    []workerRows // by report
	events int64        // read, duplicates included
}

// workerRows is what one worker has made for a report.
type workerRows struct {
	rows *rowsort.Writer
	row  report.Row // reused
	Counts
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
		hash, digests := lowest(cursors)
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
		if err := w.fold(ctx, events, digests); err != nil {
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

// fold folds one session, whose events are those of so many digests.
func (w *worker) fold(ctx context.Context, events []event.Event, digests int) (err error) {
	duplicates := 0
	if digests > 1 {
		if events, duplicates, err = session.Order(ctx, events); err != nil {
			return err
		}
	}
	w.events += int64(len(events) + duplicates)
	folded, err := w.engine.Fold(ctx, events, nil)
	if err != nil {
		return err
	}
	for i, rep := range w.Reports {
		out, has := &w.out[i], false
		for j := range folded.Legs {
			l := &folded.Legs[j]
			if rep.Date(l) == w.Date && rep.Includes(folded, l) {
				rep.Row(&out.row, folded, l, &out.Report)
				if err := out.rows.Add(&out.row); err != nil {
					return err
				}
				has = true
			}
		}
		if has {
			out.Sessions++
			out.Events += int64(len(events))
			out.Duplicates += int64(duplicates)
			out.Anomalies.Add(&folded.Anomalies)
		}
	}
	return nil
}

// isCandidate reports whether a session is one of the worker's candidates.
func (w *worker) isCandidate(id int64) bool {
	_, found := slices.BinarySearch(w.candidates, shuffle.Hash(id))
	return found
}

// matchEntries calls f with the entries of an index that are of candidates, and the
// position of each candidate.
func matchEntries(candidates []uint64, index *digest.Index, f func(i int, e digest.Entry)) {
	next := 0
	for i := range index.Len() {
		e := index.At(i)
		hash := shuffle.Hash(e.Session)
		for next < len(candidates) && candidates[next] < hash {
			next++
		}
		if next == len(candidates) {
			return
		}
		if candidates[next] == hash {
			f(next, e)
		}
	}
}
