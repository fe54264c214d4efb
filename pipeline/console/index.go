package console

import (
	"context"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"daybook/pipeline/partition"
	"daybook/pipeline/service"
	"daybook/pipeline/settings"
	"daybook/pipeline/words"
	"daybook/sinks/csv"
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
	Days      int64 // that they are of; 0: nothing is known
	Sessions  int64
	Total     int64
	Work      int64
	Waiting   int64 // the median; -1: of nothing
	Waiting90 int64 // what 90 % wait at most; -1: of nothing
}

// nothing is the figures of nothing.
var nothing = figures{Waiting: -1, Waiting90: -1}

// The columns of a summary after its keys, from 0: the measures in the order of
// the contract, which no language or label changes.
const (
	columnSessions  = 0
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
	unread    []string // which summaries are of no use, and why; what they are of is left out
}

// errUseless is why a summary cannot be read, however often it is tried.
var errUseless = errors.New("it cannot be read")

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

// unread says in words which summaries of a report's days and months from one day
// to another are left out, the newest first.
func (x *index) unread(report string, from, to day.Day) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var keys []entryKey
	for key, e := range x.entries {
		n := len(key.partition) // months are compared with months
		if key.report == report && len(e.unread) > 0 && key.partition >= from.String()[:n] && key.partition <= to.String()[:n] {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b entryKey) int { return strings.Compare(b.partition, a.partition) })
	var all []string
	for _, key := range keys {
		for _, text := range x.entries[key].unread {
			all = append(all, key.partition+": "+text)
		}
	}
	return all
}

// day is the figures of a day.
func (h *history) day(d day.Day) figures {
	if i := int(d - h.first); i >= 0 && i < len(h.days) {
		return h.days[i]
	}
	return nothing
}

// Warm keeps the figures behind the charts current until the context ends: it
// reads the summaries of what the state says is published, the newest first,
// and again what has another revision. Pages that are asked for meanwhile show
// what there is.
func (c *Console) Warm(ctx context.Context) {
	var done *service.State
	for ctx.Err() == nil {
		if state := c.Service.State(); state != done {
			err := c.index.follow(ctx, c.Service.Settings(), state)
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
	id        partition.ID
	key       entryKey
	revision  int
	published time.Time
	format    csv.Format // of its summaries
}

// follow makes the index that of a state.
func (x *index) follow(ctx context.Context, r *settings.Pipeline, s *service.State) error {
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
	before := len(x.entries)
	maps.DeleteFunc(x.entries, func(k entryKey, _ *entry) bool { return !keep[k] })
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

// wantedPartitions are those that charts are made of: months, which have all of
// their days' figures in one file, and the days of those that are not
// published, or out of date.
func wantedPartitions(r *settings.Pipeline, s *service.State) []wantedPartition {
	var all []wantedPartition
	for i := range s.Reports {
		rep := &s.Reports[i]
		format := formatOf(r, rep.Name)
		want := func(p *service.Partition) {
			all = append(all, wantedPartition{p.ID, entryKey{rep.Name, p.Name()}, p.Revision, p.Published, format})
		}
		covered := map[string]bool{}
		for j := range rep.Months {
			if m := &rep.Months[j]; fresh(m.State) && m.Revision > 0 {
				covered[m.Name()] = true
				want(m)
			}
		}
		for j := range rep.Days {
			if d := &rep.Days[j]; d.Revision > 0 && !covered[d.Name()[:len("2006-01")]] {
				want(d)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b wantedPartition) int { return strings.Compare(b.key.partition, a.key.partition) })
	return all[:min(len(all), maxPartitions)]
}

func fresh(s service.PartitionState) bool {
	return s == service.Published || s == service.Restated || s == service.Empty
}

// formatOf is that of a report's summaries.
func formatOf(r *settings.Pipeline, report string) csv.Format {
	for i := range r.Reports {
		if r.Reports[i].Name == report {
			return r.Reports[i].CSV
		}
	}
	return csv.Format{}
}

// readAll reads some partitions. Those whose summaries are not there (yet) stay
// out; other errors are told.
func (x *index) readAll(ctx context.Context, r *settings.Pipeline, wanted []wantedPartition) error {
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

// readEntry reads the summaries of one partition. One that is of no use is left
// out, and not read again: it is the same until there is another revision.
func readEntry(ctx context.Context, sink store.Store, w *wantedPartition) (*entry, error) {
	e := &entry{revision: w.revision, published: w.published}
	for _, read := range []func(context.Context, store.Store, *wantedPartition) (string, error){e.readDays, e.readGroups, e.readHours} {
		file, err := read(ctx, sink, w)
		if errors.Is(err, errUseless) {
			e.unread, err = append(e.unread, fmt.Sprintf("%s is left out: %s", file, err)), nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", sink.URL(summaryKey(w, file)), err)
		}
	}
	return e, nil
}

func (e *entry) readDays(ctx context.Context, sink store.Store, w *wantedPartition) (file string, err error) {
	file, keys, parse := "total.csv", 0, func([]string) (day.Day, error) { return day.Parse(w.key.partition) }
	if w.id.Kind == partition.Month {
		file, keys, parse = "by_day.csv", 1, func(key []string) (day.Day, error) { return day.Parse(key[0]) }
	}
	days := map[day.Day]figures{}
	err = readSummary(ctx, sink, w, file, keys, func(key []string, f figures) error {
		d, err := parse(key)
		days[d] = f
		return err
	})
	if err == nil {
		e.days = days
	}
	return file, err
}

func (e *entry) readGroups(ctx context.Context, sink store.Store, w *wantedPartition) (file string, err error) {
	file = "by_group.csv"
	groups := map[string]figures{}
	var others pool
	err = readSummary(ctx, sink, w, file, 1, func(key []string, f figures) error {
		if name := key[0]; len(groups) < maxGroups && name != otherGroups {
			groups[name] = f
		} else {
			others.add(f)
		}
		return nil
	})
	if err != nil {
		return file, err
	}
	if others.sum.Days > 0 {
		groups[otherGroups] = others.figures()
	}
	e.groups = groups
	return file, nil
}

func (e *entry) readHours(ctx context.Context, sink store.Store, w *wantedPartition) (file string, err error) {
	file = "by_hour.csv"
	var hours [24]figures
	for hour := range hours {
		hours[hour], e.hours[hour] = nothing, nothing
	}
	err = readSummary(ctx, sink, w, file, 1, func(key []string, f figures) error {
		hour, err := strconv.Atoi(key[0])
		if err != nil || hour < 0 || hour > 23 {
			return fmt.Errorf("%q is no hour", key[0])
		}
		hours[hour] = f
		return nil
	})
	if err == nil {
		e.hours = hours
	}
	return file, err
}

func summaryKey(w *wantedPartition, file string) string {
	return w.id.SummaryDir() + file
}

// readSummary reads the rows of a summary: their keys and figures. If it is not
// what it should be, the error is errUseless.
func readSummary(ctx context.Context, sink store.Store, w *wantedPartition, file string, keys int, each func(key []string, f figures) error) error {
	body, _, err := openWhole(ctx, sink, summaryKey(w, file))
	if err != nil {
		return err
	}
	defer body.Close()
	text := &io.LimitedReader{R: body, N: maxSummary + 1}
	rows := w.format.NewReader(text)
	rows.ReuseRecord, rows.FieldsPerRecord = true, keys+columns
	for line := 0; ; line++ {
		record, err := rows.Read()
		switch {
		case text.N == 0: // wherever it is cut
			return fmt.Errorf("%w: it is longer than %s", errUseless, words.Bytes(maxSummary))
		case err == io.EOF:
			return nil
		case errors.As(err, new(*stdcsv.ParseError)):
			return fmt.Errorf("%w: %w", errUseless, err)
		case err != nil:
			return err
		case line == 0:
			continue // it is the header
		}
		f, err := parseFigures(record[keys:])
		if err == nil {
			err = each(record[:keys], f)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errUseless, err)
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
		{columnSessions, &f.Sessions, parseCount},
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

// pool is figures put together: what can be added is added, and of percentiles
// it has the middle one.
type pool struct {
	sum                figures
	waiting, waiting90 []int64
}

func (p *pool) add(f figures) {
	p.sum.Days += f.Days
	p.sum.Sessions += f.Sessions
	p.sum.Total += f.Total
	p.sum.Work += f.Work
	if f.Waiting >= 0 {
		p.waiting, p.waiting90 = append(p.waiting, f.Waiting), append(p.waiting90, f.Waiting90)
	}
}

// merge adds what another one has.
func (p *pool) merge(o *pool) {
	p.waiting, p.waiting90 = append(p.waiting, o.waiting...), append(p.waiting90, o.waiting90...)
	p.add(figures{Days: o.sum.Days, Sessions: o.sum.Sessions, Total: o.sum.Total, Work: o.sum.Work, Waiting: -1})
}

// figures are those of all together.
func (p *pool) figures() figures {
	f := p.sum
	f.Waiting, f.Waiting90 = middle(p.waiting), middle(p.waiting90)
	return f
}

// middle is the median; -1 of nothing. It sorts.
func middle(values []int64) int64 {
	if len(values) == 0 {
		return -1
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

// rebuild makes the histories of the entries.
func (x *index) rebuild() {
	x.mu.Lock()
	defer x.mu.Unlock()
	entries := map[string][]*entry{}
	for key, e := range x.entries {
		if len(e.days) > 0 {
			entries[key.report] = append(entries[key.report], e)
		}
	}
	x.histories = make(map[string]*history, len(entries))
	for report, all := range entries {
		x.histories[report] = newHistory(all)
	}
}

// newHistory puts the entries of a report together. No two have a day in common.
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
	h := &history{first: first, days: slices.Repeat([]figures{nothing}, int(last-first)+1), months: make(map[day.Month]*monthFigures, len(months))}
	for m, all := range months {
		for _, e := range all {
			for d, f := range e.days {
				h.days[d-first] = f
			}
		}
		h.months[m] = newMonthFigures(all)
	}
	return h
}

// newMonthFigures puts the entries of a month together.
func newMonthFigures(entries []*entry) *monthFigures {
	if len(entries) == 1 { // as of every month that is over
		return &monthFigures{days: int64(len(entries[0].days)), groups: entries[0].groups, hours: entries[0].hours}
	}
	m := &monthFigures{groups: map[string]figures{}}
	groups := pools{}
	var hours [24]pool
	for _, e := range entries {
		m.days += int64(len(e.days))
		groups.add(e.groups)
		for hour, f := range e.hours {
			hours[hour].add(f)
		}
	}
	for name, p := range groups {
		m.groups[name] = p.figures()
	}
	for hour := range hours {
		m.hours[hour] = hours[hour].figures()
	}
	return m
}

// pools are figures put together by name.
type pools map[string]*pool

func (s pools) of(name string) *pool {
	if s[name] == nil {
		s[name] = new(pool)
	}
	return s[name]
}

func (s pools) add(all map[string]figures) {
	for name, f := range all {
		s.of(name).add(f)
	}
}
