// Package stitch makes rows: those of one date from the digests of its window, and
// those of a month from its published days.
//
// A row's date is that of one of its session's events. So the sessions that can
// have rows of a date are those with an event on it (the candidates), which the
// digests' indexes tell. They are followed through the indexes as far as their events
// lead, and folded from all these events. All tables are in the order of the sessions'
// hashes: the digests are merged like sorted lists, with one row group of each in
// memory at a time. Where these take too much memory, because texts are long on many
// days, the events are shuffled instead, which spills them to temporary files.
package stitch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	"daybook/transform/shuffle"
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
	Kept     *KeptRows     // of the digests that this run has made; may be nil
	Range    shuffle.Range // of the sessions; the zero Range has all
	// Extend has the catalog know further digests: see digests.Follower.
	Extend func(ctx context.Context, days partition.Period) error
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

	writers []*rowsort.Writer // of the workers, by number
}

// writer is the writer of a worker: the workers of one hash range after the other have
// the same.
func (r *Rows) writer(number int) *rowsort.Writer {
	for len(r.writers) <= number {
		r.writers = append(r.writers, r.Sorter.Writer())
	}
	return r.writers[number]
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

// Add adds the counts of other sessions.
func (c *Counts) Add(o *Counts) {
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

// groupsShare is the part that row groups of digests take, and the events that are
// shuffled instead.
const groupsShare = 4

// NewRowSorter sorts rows within a budget of bytes; the rest is spilled. The end of
// ctx interrupts it.
func NewRowSorter(ctx context.Context, order rowsort.Order, budget int64) *rowsort.Sorter {
	return rowsort.New(rowsort.Options{
		Order: order, Budget: budget, Interrupt: ctx.Err,
		Spill: func() (rowsort.File, error) { return spillfile.NewScratch() },
	})
}

// Run makes the rows of each report on the date: range by range of the sessions' hashes,
// as the widest digest of the window has them.
func (s *Stitch) Run(ctx context.Context) (*Result, error) {
	window := s.Settings.Window(partition.OfDay(s.Date))
	result := &Result{Rows: make([]Rows, len(s.Reports)), Reach: window}
	for i := range result.Rows {
		result.Rows[i].Sorter = NewRowSorter(ctx, rowsort.ByTime, s.Budget.Memory/rowsShare/int64(len(s.Reports)))
	}
	bits := max(s.Range.Bits, s.Catalog.Digests(window).RangeBits())
	for _, r := range shuffle.Ranges(bits) {
		if !r.Overlaps(s.Range) {
			continue
		}
		if err := s.stitchRange(ctx, r, result); err != nil {
			result.Close()
			return nil, fmt.Errorf("stitch %s: %w", s.Date, err)
		}
	}
	return result, nil
}

// stitchRange adds the rows of the sessions of a hash range to the result.
func (s *Stitch) stitchRange(ctx context.Context, r shuffle.Range, result *Result) error {
	follower := &digests.Follower{Settings: s.Settings, Catalog: s.Catalog, Indexes: s.Indexes, Range: r, Extend: s.Extend}
	followed, err := s.follow(ctx, follower)
	if err != nil {
		return err
	}
	sizes, err := s.measure(ctx, followed)
	if err != nil {
		return err
	}
	kept, has := s.kept(followed, sizes)
	ranges := newReadRanges(followed, sizes, func(m *digests.Match) bool { return !sizes.of[m.Session].oversized && !has[m.Session] })
	result.add(followed, s.Settings.Lookback)
	workers, err := s.tell(ctx, followed, ranges, kept, result)
	if err != nil {
		return err
	}
	events, oversized := int64(0), sizes.oversized()
	for i := range result.Rows {
		result.Rows[i].Oversized.Merge(&oversized)
	}
	for _, w := range workers {
		events += w.events
		for i := range result.Rows {
			result.Rows[i].Counts.Add(&w.out[i].Counts)
		}
	}
	if err := s.countOrphans(ctx, follower, result, workers); err != nil {
		return err
	}
	return checkEvents(events, ranges)
}

// add adds how far the sessions of a hash range reach.
func (r *Result) add(f *digests.Followed, lookback int) {
	if first, last, ok := f.Stretch(); ok {
		r.Reach = r.Reach.Union(partition.Reach(lookback, first, last))
	}
	r.Digests = append(r.Digests, f.States()...)
	slices.SortFunc(r.Digests, func(a, b *catalog.DigestState) int { return cmp.Compare(a.Day, b.Day) })
	r.Digests = slices.Compact(r.Digests)
}

// measure adds up the sizes of the sessions that were followed. Where the indexes leave
// open whether a session is oversized, its events are read.
func (s *Stitch) measure(ctx context.Context, f *digests.Followed) (*sizes, error) {
	all := newSizes(s.Settings.MaxSessionSize, len(f.Hashes))
	for _, d := range f.Digests {
		for i := range d.Matches {
			m := &d.Matches[i]
			all.add(m.Session, &m.Entry)
		}
	}
	open := newReadRanges(f, all, func(m *digests.Match) bool { return m.Bytes == 0 && all.unsure(m.Session) })
	read := make([]int64, len(f.Hashes))
	for _, r := range open {
		err := s.scan(ctx, r, func(hash uint64, events []event.Event) error {
			i, _ := slices.BinarySearch(f.Hashes, hash)
			read[i] += sizeOf(events)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	all.settle(read)
	return all, nil
}

// tell folds the sessions in ranges, and adds their rows and the kept ones to the result.
// The row groups of all digests are merged by as many workers as there is memory for. If
// that is not enough for one, the events take the way of a shuffle.
func (s *Stitch) tell(ctx context.Context, f *digests.Followed, ranges []*readRange, kept []keptSource, result *Result) ([]*worker, error) {
	n := len(f.Hashes)
	workers := max(1, min(s.Budget.Workers, n/sessionsPerWorker))
	sources, err := s.openAll(ctx, ranges)
	if err != nil {
		return nil, err
	}
	fit := int(s.Budget.Memory / groupsShare / max(1, memoryOf(sources)))
	if fit == 0 {
		w := s.worker(f, 0, n, result, 0)
		return []*worker{w}, cmp.Or(w.shuffle(ctx, ranges), w.take(ctx, kept))
	}
	all := make([]*worker, min(workers, fit))
	group, groupCtx := errgroup.WithContext(ctx)
	for i := range all {
		w := s.worker(f, n*i/len(all), n*(i+1)/len(all), result, i)
		all[i] = w
		group.Go(parallel.Guard(func() error { return cmp.Or(w.merge(groupCtx, sources), w.take(groupCtx, kept)) }))
	}
	return all, group.Wait()
}

// countOrphans counts the sessions that begin in the middle since they were silent for
// longer than the look-back.
func (s *Stitch) countOrphans(ctx context.Context, f *digests.Follower, result *Result, workers []*worker) error {
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
func (s *Stitch) follow(ctx context.Context, f *digests.Follower) (*digests.Followed, error) {
	from, to := s.instants()
	window := s.Catalog.Digests(s.Settings.Window(partition.OfDay(s.Date)))
	seeds, err := f.SeedsIn(ctx, window, from, to, s.Date)
	if err != nil {
		return nil, err
	}
	return f.Follow(ctx, seeds, s.Date)
}

// checkEvents fails unless as many events were read as the indexes count.
func checkEvents(read int64, ranges []*readRange) error {
	indexed := int64(0)
	for _, r := range ranges {
		indexed += r.events
	}
	if read != indexed {
		return fmt.Errorf("the indexes of the digests count %d events, and their tables have %d; this is a bug of daybook, please report it", indexed, read)
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

// worker is a worker, with this number, for the candidates from one to another.
func (s *Stitch) worker(f *digests.Followed, from, to int, result *Result, number int) *worker {
	w := &worker{Stitch: s, candidates: f.Hashes[from:to], apart: f.Apart[from:to], out: make([]workerRows, len(s.Reports))}
	for i := range w.out {
		w.out[i].rows = result.Rows[i].writer(number)
	}
	return w
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

// merge folds the worker's sessions, whose events are in sources.
func (w *worker) merge(ctx context.Context, sources []*source) error {
	var cursors []*cursor
	for _, s := range sources {
		if c := w.cursor(s); c != nil {
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
		for _, c := range cursors {
			if c.hashes[0] != hash {
				continue
			}
			var err error
			if events, err = c.append(events, holders > 1); err != nil {
				return err
			}
		}
		cursors = slices.DeleteFunc(cursors, func(c *cursor) bool { return len(c.hashes) == 0 })
		if err := w.fold(ctx, hash, events, 0, holders > 1); err != nil {
			return err
		}
	}
	return nil
}

// cursor is at the first of the worker's candidates in a source; nil if it has none.
func (w *worker) cursor(s *source) *cursor {
	if len(w.candidates) == 0 {
		return nil
	}
	from, _ := slices.BinarySearch(s.hashes, w.candidates[0])
	to, found := slices.BinarySearch(s.hashes, w.candidates[len(w.candidates)-1])
	if found {
		to++
	}
	if from == to {
		return nil
	}
	return &cursor{source: s, settings: w.Settings, hashes: s.hashes[from:to], groups: s.groups}
}

// lowest is the lowest hash that cursors are at, and how many are at it. There are
// few cursors: a search is as fast as a heap.
func lowest(cursors []*cursor) (hash uint64, n int) {
	hash = cursors[0].hashes[0]
	for _, c := range cursors {
		switch at := c.hashes[0]; {
		case at < hash:
			hash, n = at, 1
		case at == hash:
			n++
		}
	}
	return hash, n
}

// shuffle folds the worker's sessions, whose events are in ranges. It holds one row
// group at a time, and so many bytes of events: the rest is in temporary files.
func (w *worker) shuffle(ctx context.Context, ranges []*readRange) (err error) {
	memory := w.Budget.Memory / groupsShare / 2
	all := shuffle.New(shuffle.Options{Budget: memory, Spill: func() (shuffle.File, error) { return spillfile.NewScratch() }})
	defer func() { err = errors.Join(err, all.Close()) }()
	to := all.Writer()
	for _, r := range ranges {
		err := w.scan(ctx, r, func(_ uint64, events []event.Event) error {
			for i := range events {
				if err := to.Add(&events[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for shard := range shuffle.Shards {
		err := all.Sessions(ctx, shard, memory, func(one *shuffle.Session) error {
			return w.fold(ctx, shuffle.Hash(one.Events[0].SessionID), one.Events, int(one.Copies), true)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fold folds the session of a hash. copies is how many of its events' copies were
// dropped before. mixed says that the events, with their ids, are those of several
// digests, and not in order.
func (w *worker) fold(ctx context.Context, hash uint64, events []event.Event, copies int, mixed bool) (err error) {
	duplicates := copies
	if mixed {
		var repeated int
		if events, repeated, err = session.Order(ctx, events); err != nil {
			return err
		}
		duplicates += repeated
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
		out := &w.out[i]
		rows, err := rowsOn(w.Date, rep, folded, &out.row, &out.Counts, out.rows.Add)
		if err != nil {
			return err
		}
		if rows == 0 {
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

// rowsOn passes on the rows of a folded session for a report's date, and counts its legs
// of the date. Each row is in r, and is valid only during the call.
func rowsOn(date day.Day, rep *settings.Report, folded *session.Session, r *report.Row, c *Counts, add func(*report.Row) error) (rows int, err error) {
	for i := range folded.Legs {
		l := &folded.Legs[i]
		if rep.Date(l) != date {
			continue
		}
		c.Legs++
		if rep.Unit.Includes(l) {
			c.InUnit++
		}
		if rep.Includes(folded, l) {
			rep.Row(r, folded, l, &c.Report)
			if err := add(r); err != nil {
				return rows, err
			}
			rows++
		}
	}
	return rows, nil
}

// longestGap is the longest silence between the events, in milliseconds.
func longestGap(events []event.Event) (gap int64) {
	for i := 1; i < len(events); i++ {
		gap = max(gap, (events[i].TS-events[i-1].TS+999)/1000)
	}
	return gap
}
