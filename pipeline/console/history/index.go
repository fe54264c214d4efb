package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"daybook/pipeline/inspect"
	"daybook/pipeline/partition"
	"daybook/pipeline/service/states"
	"daybook/sinks/figures"
	"daybook/sources/store"
	"daybook/transform/day"
)

const (
	// Limits of the index. A month takes up to 8 kB with all of its groups; two
	// decades of ten reports have 2,400 months.
	maxPartitions = 10_000
	maxGroups     = 40 // of one partition; the rest becomes other groups
	otherGroups   = "other groups"

	warmRequests = 8  // at a time, so that pages are not delayed
	warmChunk    = 96 // partitions between two updates of the charts
)

// Index keeps the published figures in memory, so that pages of many years do not
// read the store. Values that it returns are never changed.
type Index struct {
	mu        sync.Mutex
	entries   map[partition.ID]*entry
	histories map[string]*History // by report
	wanted    int                 // partitions that should be in it
	missing   int                 // and are not yet
}

// entry is the measures of one revision of a partition.
type entry struct {
	revision  int
	published time.Time
	days      map[day.Day]Measures
	sessions  int64 // distinct ones
	groups    map[string]Measures
	hours     [24]Measures
	unread    string // why its figures are left out; empty: they are not
	absent    bool   // they are left out because they are not there
}

// NewIndex is an index that knows nothing yet.
func NewIndex() *Index {
	return &Index{entries: map[partition.ID]*entry{}, histories: map[string]*History{}}
}

// History is what the index knows of a report.
func (x *Index) History(report string) *History {
	x.mu.Lock()
	defer x.mu.Unlock()
	if h := x.histories[report]; h != nil {
		return h
	}
	return &History{}
}

// Filling returns how many partitions are read, of how many.
func (x *Index) Filling() (known, wanted int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.wanted - x.missing, x.wanted
}

// Unread says in words which days and months of a report, from one day to another,
// charts leave out, the newest first.
func (x *Index) Unread(report string, from, to day.Day) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var ids []partition.ID
	for id, e := range x.entries {
		if id.Report == report && e.unread != "" && id.Period.To >= from && id.Period.From <= to {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b partition.ID) int { return cmp.Compare(b.Day(), a.Day()) })
	var all []string
	for _, id := range ids {
		all = append(all, id.Name()+": "+x.entries[id].unread)
	}
	return all
}

// wantedPartition is a partition that belongs into the index.
type wantedPartition struct {
	id        partition.ID
	revision  int
	published time.Time
	stale     bool // a run is going to write its summaries, or all of it, again
}

// of says whether an entry is of the current publication of a partition. Absent
// figures are read again once a run has written them.
func (e *entry) of(w *wantedPartition) bool {
	return e.revision == w.revision && e.published.Equal(w.published) && (!e.absent || w.stale)
}

// Follow makes the index that of a state.
func (x *Index) Follow(ctx context.Context, sink store.Store, s *states.Snapshot) error {
	wanted := wantedPartitions(s)
	x.mu.Lock()
	keep := make(map[partition.ID]bool, len(wanted))
	var read []wantedPartition
	for _, w := range wanted {
		keep[w.id] = true
		if e := x.entries[w.id]; e == nil || !e.of(&w) {
			read = append(read, w)
		}
	}
	before := len(x.entries)
	maps.DeleteFunc(x.entries, func(k partition.ID, _ *entry) bool { return !keep[k] })
	gone := before - len(x.entries)
	x.wanted, x.missing = len(wanted), len(read)
	x.mu.Unlock()

	var errs []error
	for chunk := range slices.Chunk(read, warmChunk) {
		errs = append(errs, x.readAll(ctx, sink, chunk))
		x.rebuild()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if len(read) == 0 && gone > 0 {
		x.rebuild()
	}
	return errors.Join(errs...)
}

// wantedPartitions are the sources of charts: a month, whose file has all of its
// days, or the single days if the month is unpublished or stale.
func wantedPartitions(s *states.Snapshot) []wantedPartition {
	var all []wantedPartition
	for i := range s.Reports {
		rep := &s.Reports[i]
		want := func(p *states.Partition) {
			all = append(all, wantedPartition{p.ID, p.Revision, p.Published, p.State == states.Stale})
		}
		covered := map[day.Month]bool{}
		for j := range rep.Months {
			if m := &rep.Months[j]; m.State.Fresh() && m.Revision > 0 {
				covered[m.ID.Month()] = true
				want(m)
			}
		}
		for j := range rep.Days {
			if d := &rep.Days[j]; d.Revision > 0 && !covered[d.ID.Month()] {
				want(d)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b wantedPartition) int { return cmp.Compare(b.id.Day(), a.id.Day()) })
	return all[:min(len(all), maxPartitions)]
}

// readAll reads some partitions.
func (x *Index) readAll(ctx context.Context, sink store.Store, wanted []wantedPartition) error {
	var group errgroup.Group
	group.SetLimit(warmRequests)
	for _, w := range wanted {
		group.Go(func() error {
			e, err := readEntry(ctx, sink, &w)
			if err != nil {
				return err
			}
			x.mu.Lock()
			defer x.mu.Unlock()
			x.entries[w.id] = e
			x.missing--
			return nil
		})
	}
	return group.Wait()
}

// readEntry reads the figures of one partition. Those that are absent or invalid
// are left out: they are the same until the partition is written again.
func readEntry(ctx context.Context, sink store.Store, w *wantedPartition) (*entry, error) {
	e := &entry{revision: w.revision, published: w.published}
	f, err := inspect.ReadFigures(ctx, sink, w.id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		e.absent, e.unread = true, "its figures are missing; the next rewrite of its summaries adds them"
		return e, nil
	case errors.Is(err, figures.ErrInvalid):
		e.unread = fmt.Sprintf("%s is left out: %s", figures.Name, err)
		return e, nil
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", sink.URL(w.id.SummaryDir()+figures.Name), err)
	}
	e.fill(f)
	return e, nil
}

// fill takes over what charts show of a partition's figures.
func (e *entry) fill(f *figures.File) {
	e.sessions = f.Total.Sessions
	e.days, e.groups = map[day.Day]Measures{}, map[string]Measures{}
	for i := range f.Days {
		e.days[f.Days[i].Date] = newMeasures(&f.Days[i].Measures)
	}
	if d, err := day.Parse(f.Partition); err == nil {
		e.days[d] = newMeasures(&f.Total)
	}
	var others Aggregate
	for i := range f.Groups {
		g, m := &f.Groups[i], newMeasures(&f.Groups[i].Measures)
		if len(e.groups) < maxGroups && g.Name != otherGroups {
			e.groups[g.Name] = m
		} else {
			others.Add(m)
		}
	}
	if others.Sum.Days > 0 {
		e.groups[otherGroups] = others.Measures()
	}
	for i := range e.hours {
		e.hours[i] = newMeasures(&f.Hours[i].Measures)
	}
}

// rebuild makes the histories from the entries.
func (x *Index) rebuild() {
	x.mu.Lock()
	defer x.mu.Unlock()
	entries := map[string][]*entry{}
	for id, e := range x.entries {
		if len(e.days) > 0 {
			entries[id.Report] = append(entries[id.Report], e)
		}
	}
	x.histories = make(map[string]*History, len(entries))
	for report, all := range entries {
		x.histories[report] = newHistory(all)
	}
}
