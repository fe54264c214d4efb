package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"daybook/pipeline/partition"
	"daybook/pipeline/service"
	"daybook/pipeline/settings"
	"daybook/sinks/figures"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/summary"
)

const (
	// Limits of the index. A month takes up to 8 kB with all of its groups; two
	// decades of ten reports have 2,400 months.
	maxPartitions = 10_000
	maxGroups     = 40 // of one partition; the rest becomes other groups
	otherGroups   = "other groups"

	warmRequests = 8               // at a time, so that pages are not delayed
	warmChunk    = 96              // partitions between two updates of the charts
	warmEvery    = 3 * time.Second // how often the state is compared
)

// measures are what charts show of some rows. Durations are milliseconds.
type measures struct {
	Days      int64 // that they are of; 0: nothing is known
	Sessions  int64
	Total     int64
	Work      int64
	Waiting   int64 // the median; -1: of nothing
	Waiting90 int64 // the 90th percentile; -1: of nothing
}

// nothing is the measures of no day.
var nothing = measures{Waiting: -1, Waiting90: -1}

// newMeasures takes from a file of figures what charts show.
func newMeasures(m *summary.Measures) measures {
	v := measures{Days: 1, Sessions: m.Sessions, Total: m.Total, Work: m.Work, Waiting: -1, Waiting90: -1}
	if m.Waiting.Legs > 0 {
		v.Waiting, v.Waiting90 = m.Waiting.Median, m.Waiting.P90
	}
	return v
}

// index keeps the published figures in memory, so that pages of many years do not
// read the store. Values that it returns are never changed.
type index struct {
	mu        sync.Mutex
	entries   map[partition.ID]*entry
	histories map[string]*history // by report
	wanted    int                 // partitions that should be in it
	missing   int                 // and are not yet
}

// entry is the measures of one revision of a partition.
type entry struct {
	revision  int
	published time.Time
	days      map[day.Day]measures
	sessions  int64 // distinct ones
	groups    map[string]measures
	hours     [24]measures
	unread    string // why its figures are left out; empty: they are not
	absent    bool   // they are left out because they are not there
}

// history is the measures of a report by day and by month.
type history struct {
	first  day.Day
	days   []measures
	months map[day.Month]*monthMeasures
}

// monthMeasures are those of the days of a month that are known.
type monthMeasures struct {
	days     int64
	sessions int64 // distinct ones of the month, or of each of its days
	groups   map[string]measures
	hours    [24]measures
}

func newIndex() *index {
	return &index{entries: map[partition.ID]*entry{}, histories: map[string]*history{}}
}

// history is what the index knows of a report.
func (x *index) history(report string) *history {
	x.mu.Lock()
	defer x.mu.Unlock()
	if h := x.histories[report]; h != nil {
		return h
	}
	return &history{}
}

// filling returns how many partitions are read, of how many.
func (x *index) filling() (known, wanted int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.wanted - x.missing, x.wanted
}

// unread says in words which days and months of a report, from one day to another,
// charts leave out, the newest first.
func (x *index) unread(report string, from, to day.Day) []string {
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

// day is the figures of a day.
func (h *history) day(d day.Day) measures {
	if i := int(d - h.first); i >= 0 && i < len(h.days) {
		return h.days[i]
	}
	return nothing
}

// Warm keeps the charts current until the context ends. It reads the figures of
// published partitions, the newest first, and reads a new revision again. Pages
// show what has been read so far.
func (c *Console) Warm(ctx context.Context) {
	var done *service.State
	for ctx.Err() == nil {
		if state := c.Service.State(); state != done {
			err := c.index.follow(ctx, c.Service.Settings(), state)
			if err == nil {
				done = state
			} else if ctx.Err() == nil {
				c.Log.Warn("figures for charts could not be read; they are tried again", "error", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(warmEvery):
		}
	}
}

// Filled says whether all figures of the last state are read.
func (c *Console) Filled() bool {
	known, wanted := c.index.filling()
	return wanted > 0 && known == wanted
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

// follow makes the index that of a state.
func (x *index) follow(ctx context.Context, r *settings.Pipeline, s *service.State) error {
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
		errs = append(errs, x.readAll(ctx, r, chunk))
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
func wantedPartitions(s *service.State) []wantedPartition {
	var all []wantedPartition
	for i := range s.Reports {
		rep := &s.Reports[i]
		want := func(p *service.Partition) {
			all = append(all, wantedPartition{p.ID, p.Revision, p.Published, p.State == service.Stale})
		}
		covered := map[day.Month]bool{}
		for j := range rep.Months {
			if m := &rep.Months[j]; fresh(m.State) && m.Revision > 0 {
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

func fresh(s service.PartitionState) bool {
	return s == service.Published || s == service.Restated || s == service.Empty
}

// readAll reads some partitions.
func (x *index) readAll(ctx context.Context, r *settings.Pipeline, wanted []wantedPartition) error {
	var group errgroup.Group
	group.SetLimit(warmRequests)
	for _, w := range wanted {
		group.Go(func() error {
			e, err := readEntry(ctx, r.Sink, &w)
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
	f, err := readFigures(ctx, sink, w.id)
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

// readFigures reads a file of figures, and checks that it is of this partition.
func readFigures(ctx context.Context, sink store.Store, id partition.ID) (*figures.File, error) {
	body, _, err := openWhole(ctx, sink, id.SummaryDir()+figures.Name)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	f, err := figures.Decode(body)
	if err == nil && (f.Report != id.Report || f.Partition != id.Name()) {
		err = fmt.Errorf("%w: it is of %s %s", figures.ErrInvalid, f.Report, f.Partition)
	}
	return f, err
}

// fill takes over what charts show of a partition's figures.
func (e *entry) fill(f *figures.File) {
	e.sessions = f.Total.Sessions
	e.days, e.groups = map[day.Day]measures{}, map[string]measures{}
	for i := range f.Days {
		e.days[f.Days[i].Date] = newMeasures(&f.Days[i].Measures)
	}
	if d, err := day.Parse(f.Partition); err == nil {
		e.days[d] = newMeasures(&f.Total)
	}
	var others aggregate
	for i := range f.Groups {
		g, m := &f.Groups[i], newMeasures(&f.Groups[i].Measures)
		if len(e.groups) < maxGroups && g.Name != otherGroups {
			e.groups[g.Name] = m
		} else {
			others.add(m)
		}
	}
	if others.sum.Days > 0 {
		e.groups[otherGroups] = others.measures()
	}
	for i := range e.hours {
		e.hours[i] = newMeasures(&f.Hours[i].Measures)
	}
}

// aggregate combines measures: it adds counts and sums, and takes the median of
// percentiles.
type aggregate struct {
	sum                measures
	waiting, waiting90 []int64
}

func (p *aggregate) add(f measures) {
	p.sum.Days += f.Days
	p.sum.Sessions += f.Sessions
	p.sum.Total += f.Total
	p.sum.Work += f.Work
	if f.Waiting >= 0 {
		p.waiting, p.waiting90 = append(p.waiting, f.Waiting), append(p.waiting90, f.Waiting90)
	}
}

// merge adds another aggregate.
func (p *aggregate) merge(o *aggregate) {
	p.waiting, p.waiting90 = append(p.waiting, o.waiting...), append(p.waiting90, o.waiting90...)
	p.add(measures{Days: o.sum.Days, Sessions: o.sum.Sessions, Total: o.sum.Total, Work: o.sum.Work, Waiting: -1})
}

// measures returns the combined measures.
func (p *aggregate) measures() measures {
	f := p.sum
	f.Waiting, f.Waiting90 = median(p.waiting), median(p.waiting90)
	return f
}

// median sorts values, and returns the lower median; -1 of none.
func median(values []int64) int64 {
	if len(values) == 0 {
		return -1
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

// rebuild makes the histories from the entries.
func (x *index) rebuild() {
	x.mu.Lock()
	defer x.mu.Unlock()
	entries := map[string][]*entry{}
	for id, e := range x.entries {
		if len(e.days) > 0 {
			entries[id.Report] = append(entries[id.Report], e)
		}
	}
	x.histories = make(map[string]*history, len(entries))
	for report, all := range entries {
		x.histories[report] = newHistory(all)
	}
}

// newHistory combines the entries of a report. No two entries share a day.
func newHistory(entries []*entry) *history {
	first, last := day.Day(math.MaxInt32), day.Day(math.MinInt32)
	months := map[day.Month][]*entry{}
	for _, e := range entries {
		var m day.Month // all of its days are of one
		for d := range e.days {
			first, last, m = min(first, d), max(last, d), d.Month()
		}
		months[m] = append(months[m], e)
	}
	h := &history{first: first, days: slices.Repeat([]measures{nothing}, int(last-first)+1), months: make(map[day.Month]*monthMeasures, len(months))}
	for m, all := range months {
		for _, e := range all {
			for d, f := range e.days {
				h.days[d-first] = f
			}
		}
		h.months[m] = newMonthMeasures(all)
	}
	return h
}

// newMonthMeasures combines the entries of a month.
func newMonthMeasures(entries []*entry) *monthMeasures {
	if len(entries) == 1 { // a published month
		return &monthMeasures{days: int64(len(entries[0].days)), sessions: entries[0].sessions, groups: entries[0].groups, hours: entries[0].hours}
	}
	m := &monthMeasures{groups: map[string]measures{}}
	groups := aggregates{}
	var hours [24]aggregate
	for _, e := range entries {
		m.days += int64(len(e.days))
		m.sessions += e.sessions
		groups.add(e.groups)
		for hour, f := range e.hours {
			hours[hour].add(f)
		}
	}
	for name, p := range groups {
		m.groups[name] = p.measures()
	}
	for hour := range hours {
		m.hours[hour] = hours[hour].measures()
	}
	return m
}

// aggregates combine measures by name.
type aggregates map[string]*aggregate

func (s aggregates) of(name string) *aggregate {
	if s[name] == nil {
		s[name] = new(aggregate)
	}
	return s[name]
}

func (s aggregates) add(all map[string]measures) {
	for name, f := range all {
		s.of(name).add(f)
	}
}
