package console

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"daybook/pipeline"
	"daybook/pipeline/service"
	"daybook/sources/store"
	"daybook/transform/day"
)

const (
	// What the index holds at most: a month takes up to 8 kB with all of its
	// groups, and two decades of ten reports are 2,400 of them.
	maxPartitions = 10_000
	maxGroups     = 40 // of one partition; what is more is other groups
	otherGroups   = "other groups"

	maxSummary   = 4 << 20         // bytes that are read of one file
	warmRequests = 8               // under way at a time: pages come first
	warmChunk    = 96              // partitions between two times that charts get fuller
	warmEvery    = 3 * time.Second // how often the state is looked at
)

// figures are what charts show of some rows. Durations are in seconds.
type figures struct {
	Days      int64 `json:"days"` // that they are of; 0: nothing is known
	Sessions  int64 `json:"sessions"`
	Legs      int64 `json:"legs"`
	PickedUp  int64 `json:"picked_up"`
	Total     int64 `json:"total_s"`
	Work      int64 `json:"work_s"`
	Waiting   int64 `json:"median_waiting_s"` // -1: of nothing
	Waiting90 int64 `json:"waiting_90_s"`
}

// The columns of a summary after its keys, from 0: the measures in the order of
// the contract, which no language or label changes.
const (
	columnSessions  = 0
	columnLegs      = 1
	columnPickedUp  = 2
	columnTotal     = 8
	columnWork      = 10
	columnWaiting   = 16
	columnWaiting90 = 17
	columns         = 28
)

// index keeps the figures of what is published, so that pages of many years need
// no store. What it hands out is never changed.
type index struct {
	mu        sync.Mutex
	entries   map[entryKey]*entry
	histories map[string]*history // by report
	wanted    int                 // partitions that should be in it
	missing   int                 // and are not yet
}

type entryKey struct {
	report, partition string
}

// entry is the figures of one revision of a partition.
type entry struct {
	revision  int
	published time.Time
	days      map[day.Day]figures
	groups    map[string]figures
	hours     [24]figures
}

// history is the figures of a report, day by day and month by month.
type history struct {
	first  day.Day
	days   []figures
	months map[day.Month]*monthFigures
}

// monthFigures are those of the days of a month that are known.
type monthFigures struct {
	days   int64
	groups map[string]figures
	hours  [24]figures
}

func newIndex() *index {
	return &index{entries: map[entryKey]*entry{}, histories: map[string]*history{}}
}

// history is what is known of a report by now.
func (x *index) history(report string) *history {
	x.mu.Lock()
	defer x.mu.Unlock()
	if h := x.histories[report]; h != nil {
		return h
	}
	return &history{}
}

// filling says how many partitions are known, of how many.
func (x *index) filling() (known, wanted int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.wanted - x.missing, x.wanted
}

// day is the figures of a day.
func (h *history) day(d day.Day) figures {
	if i := int(d - h.first); i >= 0 && i < len(h.days) {
		return h.days[i]
	}
	return figures{Waiting: -1, Waiting90: -1}
}

// Warm keeps the figures behind the charts current until the context ends: it
// reads the summaries of what the state says is published, the newest first,
// and again what has another revision. Pages that are asked for meanwhile show
// what there is.
func (c *Console) Warm(ctx context.Context) {
	var done *service.State
	for ctx.Err() == nil {
		if state := c.Service.State(); state != done {
			err := c.index.follow(ctx, c.Service.Runner(), state)
			if err == nil {
				done = state
			} else if ctx.Err() == nil {
				c.Log.Warn("summaries for charts could not be read; they are tried again", "error", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(warmEvery):
		}
	}
}

// Filled says whether the figures are those of the last state that Warm has
// seen.
func (c *Console) Filled() bool {
	known, wanted := c.index.filling()
	return wanted > 0 && known == wanted
}

// wantedPartition is one that should be in the index.
type wantedPartition struct {
	key       entryKey
	kind      pipeline.Kind
	revision  int
	published time.Time
	delimiter rune // of its summaries
}

// follow makes the index that of a state.
func (x *index) follow(ctx context.Context, r *pipeline.Runner, s *service.State) error {
	wanted := wantedPartitions(r, s)
	x.mu.Lock()
	keep := make(map[entryKey]bool, len(wanted))
	var read []wantedPartition
	for _, w := range wanted {
		keep[w.key] = true
		if e := x.entries[w.key]; e == nil || e.revision != w.revision || !e.published.Equal(w.published) {
			read = append(read, w)
		}
	}
	maps.DeleteFunc(x.entries, func(k entryKey, _ *entry) bool { return !keep[k] })
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
	if len(read) == 0 {
		x.rebuild()
	}
	return errors.Join(errs...)
}

// wantedPartitions are those that charts are made of: months, which have all of
// their days' figures in one file, and the days of those that are not
// published, or out of date.
func wantedPartitions(r *pipeline.Runner, s *service.State) []wantedPartition {
	var all []wantedPartition
	for i := range s.Reports {
		rep := &s.Reports[i]
		delimiter := delimiterOf(r, rep.Name)
		want := func(p *service.Partition, kind pipeline.Kind) {
			all = append(all, wantedPartition{entryKey{rep.Name, p.Name}, kind, p.Revision, p.Published, delimiter})
		}
		covered := map[string]bool{}
		for j := range rep.Months {
			if m := &rep.Months[j]; fresh(m.State) && m.Revision > 0 {
				covered[m.Name] = true
				want(m, pipeline.Month)
			}
		}
		for j := range rep.Days {
			if d := &rep.Days[j]; d.Revision > 0 && !covered[d.Name[:len("2006-01")]] {
				want(d, pipeline.Day)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b wantedPartition) int { return strings.Compare(b.key.partition, a.key.partition) })
	return all[:min(len(all), maxPartitions)]
}

func fresh(s service.PartitionState) bool {
	return s == service.Published || s == service.Restated || s == service.Empty
}

func delimiterOf(r *pipeline.Runner, report string) rune {
	for i := range r.Reports {
		if r.Reports[i].Name == report && r.Reports[i].CSV.Delimiter != 0 {
			return r.Reports[i].CSV.Delimiter
		}
	}
	return ','
}

// readAll reads some partitions. Those whose summaries are not there (yet) stay
// out; other errors are told.
func (x *index) readAll(ctx context.Context, r *pipeline.Runner, wanted []wantedPartition) error {
	var group errgroup.Group
	group.SetLimit(warmRequests)
	for _, w := range wanted {
		group.Go(func() error {
			e, err := readEntry(ctx, r.Sink, &w)
			x.mu.Lock()
			defer x.mu.Unlock()
			if err == nil {
				x.entries[w.key] = e
			}
			if err == nil || errors.Is(err, store.ErrNotFound) {
				x.missing--
				return nil
			}
			return err
		})
	}
	return group.Wait()
}

// readEntry reads the summaries of one partition.
func readEntry(ctx context.Context, sink store.Store, w *wantedPartition) (*entry, error) {
	e := &entry{revision: w.revision, published: w.published, days: map[day.Day]figures{}, groups: map[string]figures{}}
	file, keys, parse := "total.csv", 0, func([]string) (day.Day, error) { return day.Parse(w.key.partition) }
	if w.kind == pipeline.Month {
		file, keys, parse = "by_day.csv", 1, func(key []string) (day.Day, error) { return day.Parse(key[0]) }
	}
	err := readSummary(ctx, sink, w, file, keys, func(key []string, f figures) error {
		d, err := parse(key)
		e.days[d] = f
		return err
	})
	if err != nil {
		return nil, err
	}
	err = readSummary(ctx, sink, w, "by_group.csv", 1, func(key []string, f figures) error {
		name := key[0]
		if _, known := e.groups[name]; !known && len(e.groups) >= maxGroups {
			name = otherGroups
		}
		e.groups[name] = e.groups[name].plus(f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return e, readSummary(ctx, sink, w, "by_hour.csv", 1, func(key []string, f figures) error {
		hour, err := strconv.Atoi(key[0])
		if err != nil || hour < 0 || hour > 23 {
			return fmt.Errorf("%q is no hour", key[0])
		}
		e.hours[hour] = f
		return nil
	})
}

// readSummary reads the rows of a summary: their keys and figures.
func readSummary(ctx context.Context, sink store.Store, w *wantedPartition, file string, keys int, each func(key []string, f figures) error) error {
	key := pipeline.SummaryKey(w.key.report, w.kind, w.key.partition, file)
	body, _, err := openWhole(ctx, sink, key)
	if err != nil {
		return err
	}
	defer body.Close()
	rows := csv.NewReader(&io.LimitedReader{R: body, N: maxSummary})
	rows.Comma, rows.ReuseRecord, rows.FieldsPerRecord = w.delimiter, true, keys+columns
	for line := 0; ; line++ {
		record, err := rows.Read()
		if err == io.EOF {
			return nil
		}
		if err == nil && line > 0 { // after the header
			var f figures
			if f, err = parseFigures(record[keys:]); err == nil {
				err = each(record[:keys], f)
			}
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", sink.URL(key), err)
		}
	}
}

func parseFigures(cells []string) (f figures, err error) {
	f.Days = 1
	for _, c := range []struct {
		column int
		into   *int64
		parse  func(string) (int64, error)
	}{
		{columnSessions, &f.Sessions, parseCount}, {columnLegs, &f.Legs, parseCount}, {columnPickedUp, &f.PickedUp, parseCount},
		{columnTotal, &f.Total, parseClock}, {columnWork, &f.Work, parseClock},
		{columnWaiting, &f.Waiting, parseClock}, {columnWaiting90, &f.Waiting90, parseClock},
	} {
		if *c.into, err = c.parse(cells[c.column]); err != nil {
			return f, err
		}
	}
	return f, nil
}

func parseCount(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }

// parseClock reads H:MM:SS as seconds; an empty cell, of nothing, is -1.
func parseClock(s string) (int64, error) {
	if s == "" {
		return -1, nil
	}
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return 0, fmt.Errorf("%q is no duration", s)
	}
	seconds := int64(0)
	for _, part := range parts {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return 0, fmt.Errorf("%q is no duration", s)
		}
		seconds = 60*seconds + int64(n)
	}
	return seconds, nil
}

// plus adds what can be added; percentiles cannot.
func (f figures) plus(o figures) figures {
	return figures{
		Days: f.Days + o.Days, Sessions: f.Sessions + o.Sessions, Legs: f.Legs + o.Legs, PickedUp: f.PickedUp + o.PickedUp,
		Total: f.Total + o.Total, Work: f.Work + o.Work, Waiting: -1, Waiting90: -1,
	}
}

// rebuild makes the histories of the entries.
func (x *index) rebuild() {
	x.mu.Lock()
	defer x.mu.Unlock()
	first, last := map[string]day.Day{}, map[string]day.Day{}
	for key, e := range x.entries {
		for d := range e.days {
			if f, known := first[key.report]; !known || d < f {
				first[key.report] = d
			}
			if l, known := last[key.report]; !known || d > l {
				last[key.report] = d
			}
		}
	}
	histories := map[string]*history{}
	for report := range first {
		h := &history{first: first[report], days: make([]figures, last[report]-first[report]+1), months: map[day.Month]*monthFigures{}}
		for i := range h.days {
			h.days[i].Waiting, h.days[i].Waiting90 = -1, -1
		}
		histories[report] = h
	}
	for key, e := range x.entries {
		if h := histories[key.report]; h != nil {
			h.add(e)
		}
	}
	x.histories = histories
}

// add adds the figures of a partition, which no other one has.
func (h *history) add(e *entry) {
	for d, f := range e.days {
		h.days[d-h.first] = f
		m := h.months[d.Month()]
		if m == nil {
			m = &monthFigures{groups: map[string]figures{}}
			h.months[d.Month()] = m
		}
		m.days++
	}
	for d := range e.days { // all are of one month
		m := h.months[d.Month()]
		for name, f := range e.groups {
			m.groups[name] = m.groups[name].plus(f)
		}
		for hour, f := range e.hours {
			m.hours[hour] = m.hours[hour].plus(f)
		}
		return
	}
}
