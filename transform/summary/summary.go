// Package summary computes the tables that people read beside a partition of
// a report (REPORT.md, "Summaries"): its totals, and the same measures by
// technician, group, channel, hour of the day and, for months, day.
//
// An [Accumulator] takes exactly the rows of the partition, in any order, and
// makes the tables of them, so that they never disagree with the Parquet.
package summary

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/spill"
)

// Table is one summary, in the report's language. Cells are as people read
// them; nothing is quoted or escaped.
type Table struct {
	File   string // total.csv, …
	Header []string
	Text   []bool     // which columns hold text that someone entered
	Rows   [][]string // as long as Header
}

// Accumulator sums up the rows of one partition. It remembers some 40 bytes of
// each, for percentiles and distinct sessions: those of the first 200,000 rows or
// so in memory, and the others in a temporary file. Making a table takes up to 16
// bytes a row besides. Of the rows' strings it keeps the distinct keys alone.
type Accumulator struct {
	definition *report.Definition
	groupings  []*grouping
	rows       int

	// What is remembered of the rows, in their order, a column each: a table is
	// made of few of them.
	sessions *spill.Log // 8 bytes
	waiting  *spill.Log // 4 bytes: whole seconds, as they will be shown; none: it does not count
	total    *spill.Log // likewise
}

// All numbers are little endian. Rounding down to seconds does not change the
// order of durations; they are at most twice the look-back.
const (
	none     = math.MaxUint32
	keptRows = 200_000 // that stay in memory
)

func newColumn[T any](s *spill.Scratch) *spill.Log {
	var value T
	size := binary.Size(value)
	return spill.NewLog(s, size, keptRows*size)
}

// newAccumulator is for the groupings of one partition.
func newAccumulator(d *report.Definition, s *spill.Scratch, groupings []*grouping) *Accumulator {
	for _, g := range groupings {
		g.groups = newColumn[uint32](s)
	}
	return &Accumulator{definition: d, groupings: groupings,
		sessions: newColumn[int64](s), waiting: newColumn[uint32](s), total: newColumn[uint32](s)}
}

// ForDay accumulates the rows of one day of a report. What does not stay in
// memory goes to s, which is the caller's to close.
func ForDay(d *report.Definition, s *spill.Scratch) *Accumulator {
	return newAccumulator(d, s, ofDay(d))
}

// ForMonth accumulates the rows of one month of a report, likewise.
func ForMonth(d *report.Definition, m day.Month, s *spill.Scratch) *Accumulator {
	return newAccumulator(d, s, append(ofDay(d), newGrouping("by_day.csv", []keyColumn{dateColumn},
		func(r *report.Row) key { return key{number: int64(r.ReportDate)} }, days(m)...)))
}

func ofDay(d *report.Definition) []*grouping {
	return []*grouping{
		newGrouping("total.csv", nil, func(*report.Row) key { return key{} }, key{}),
		newGrouping("by_technician.csv",
			[]keyColumn{numberColumn("technician_id"), textColumn("technician_name", 0), textColumn("technician_group", 1)},
			func(r *report.Row) key {
				return key{number: r.TechnicianID, text: [2]string{r.TechnicianName, r.TechnicianGroup}}
			}),
		newGrouping("by_group.csv", []keyColumn{textColumn("technician_group", 0)},
			func(r *report.Row) key { return key{text: [2]string{r.TechnicianGroup}} }),
		newGrouping("by_channel.csv", []keyColumn{numberColumn("channel_id"), textColumn("channel_name", 0)},
			func(r *report.Row) key { return key{number: r.ChannelID, text: [2]string{r.ChannelName}} }),
		newGrouping("by_hour.csv", []keyColumn{hourColumn},
			func(r *report.Row) key { return key{number: hour(r, d.Zone)} }, hours()...),
	}
}

// Add takes a row, and keeps nothing of it. After an error the accumulator is of
// no use.
func (a *Accumulator) Add(r *report.Row) error {
	started := r.StartTime != report.Unknown
	lead := r.Role == leadRole
	a.rows++
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(r.SessionID))
	if err := a.sessions.Append(b[:]); err != nil {
		return err
	}
	if err := appendNumber(a.waiting, seconds(started && lead, r.WaitingTime)); err != nil {
		return err
	}
	if err := appendNumber(a.total, seconds(started, r.TotalTime)); err != nil {
		return err
	}
	for _, g := range a.groupings {
		if err := appendNumber(g.groups, g.add(r)); err != nil {
			return err
		}
	}
	return nil
}

func appendNumber(l *spill.Log, n uint32) error {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], n)
	return l.Append(b[:])
}

func seconds(counts bool, ms int64) uint32 {
	if !counts {
		return none
	}
	return uint32(min(ms/1000, none-1))
}

// Tables makes the tables of the rows so far.
func (a *Accumulator) Tables() ([]Table, error) {
	tables := make([]Table, len(a.groupings))
	for i, g := range a.groupings {
		var err error
		if tables[i], err = a.table(g); err != nil {
			return nil, fmt.Errorf("sum up the rows of %s: %w", g.file, err)
		}
	}
	return tables, nil
}

// table makes the table of one of the groupings.
func (a *Accumulator) table(g *grouping) (Table, error) {
	language := a.definition.Language
	t := Table{File: g.file}
	for _, c := range g.columns {
		t.Header = append(t.Header, c.heading[language])
		t.Text = append(t.Text, c.text)
	}
	for _, m := range measures {
		t.Header = append(t.Header, m.heading[language])
		t.Text = append(t.Text, false)
	}

	all, err := a.stats(g)
	if err != nil {
		return Table{}, err
	}
	for _, k := range slices.SortedFunc(maps.Keys(g.index), compareKeys) {
		cells := make([]string, 0, len(t.Header))
		for _, c := range g.columns {
			cells = append(cells, c.cell(k))
		}
		for _, m := range measures {
			cells = append(cells, m.cell(&all[g.index[k]]))
		}
		t.Rows = append(t.Rows, cells)
	}
	return t, nil
}

// stats gives what the measures of each group are made of. The sessions come by
// themselves: those of all rows take as much memory as both durations.
func (a *Accumulator) stats(g *grouping) ([]stats, error) {
	all := make([]stats, len(g.tallies))
	for i, t := range g.tallies {
		all[i].tally = t
	}
	sessions, err := byGroup(a.rows, g, a.sessions, func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) })
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].sessions = distinct(sessions[i])
	}
	sessions = nil
	var durations errgroup.Group
	durations.Go(func() error {
		waiting, err := byGroup(a.rows, g, a.waiting, binary.LittleEndian.Uint32)
		for i := range waiting {
			all[i].waiting = sorted(waiting[i])
		}
		return err
	})
	durations.Go(func() error {
		total, err := byGroup(a.rows, g, a.total, binary.LittleEndian.Uint32)
		for i := range total {
			all[i].total = sorted(total[i])
		}
		return err
	})
	return all, durations.Wait()
}

// byGroup lists the values that so many rows have in a column, for each group.
func byGroup[T any](rows int, g *grouping, column *spill.Log, decode func([]byte) T) ([][]T, error) {
	all, lists := make([]T, 0, rows), make([][]T, len(g.tallies))
	for i := range lists {
		n := int(g.tallies[i].legs)
		lists[i] = all[len(all) : len(all) : len(all)+n]
		all = all[:len(all)+n]
	}
	groups := g.groups.Cursor()
	var failed error
	err := column.Each(func(value []byte) {
		group, err := groups.Next()
		if group == nil {
			failed = cmp.Or(failed, err)
			return
		}
		list := &lists[binary.LittleEndian.Uint32(group)]
		*list = append(*list, decode(value))
	})
	return lists, errors.Join(failed, err)
}

// sorted sorts those of the durations that count, in their place. Where there
// are many they are mostly shorter, in seconds, than they are many, and repeat:
// of these it is enough to count how often each is there.
func sorted(durations []uint32) []uint32 {
	durations = slices.DeleteFunc(durations, func(d uint32) bool { return d == none })
	counts, long := make([]uint32, len(durations)), durations[:0]
	for _, d := range durations {
		if int64(d) < int64(len(counts)) {
			counts[d]++
		} else {
			long = append(long, d)
		}
	}
	slices.Sort(long)
	copy(durations[len(durations)-len(long):], long)
	rest := durations
	for d, n := range counts {
		for i := range n {
			rest[i] = uint32(d)
		}
		rest = rest[n:]
	}
	return durations
}

// distinct counts the distinct values. Those that lie close together, as ids that
// are given in turn do, are marked, a bit each; others are sorted.
func distinct(values []int64) (n int64) {
	if len(values) == 0 {
		return 0
	}
	first := slices.Min(values)
	if span := uint64(slices.Max(values)) - uint64(first); span < 64*uint64(len(values)) {
		marks := make([]uint64, span/64+1)
		for _, v := range values {
			i := uint64(v) - uint64(first)
			marks[i/64] |= 1 << (i % 64)
		}
		for _, m := range marks {
			n += int64(bits.OnesCount64(m))
		}
		return n
	}
	slices.Sort(values)
	return int64(len(slices.Compact(values)))
}

// key is what the rows of a group have in common. A grouping that has no use
// for a member leaves it alike in all its keys.
type key struct {
	number int64 // Unknown: unknown
	text   [2]string
}

// compareKeys sorts numbers numerically, text by bytes, and unknown last.
func compareKeys(a, b key) int {
	return cmp.Or(compareNumbers(a.number, b.number), compareTexts(a.text[0], b.text[0]), compareTexts(a.text[1], b.text[1]))
}

func compareNumbers(a, b int64) int {
	if (a == report.Unknown) != (b == report.Unknown) {
		return -cmp.Compare(a, b) // Unknown is the smallest number
	}
	return cmp.Compare(a, b)
}

func compareTexts(a, b string) int {
	if (a == "") != (b == "") {
		return -strings.Compare(a, b) // and no text the smallest text
	}
	return strings.Compare(a, b)
}

// keyColumn shows one part of a key.
type keyColumn struct {
	heading report.Text
	text    bool
	cell    func(key) string
}

// numberColumn and textColumn are under the heading of the report's column.
func numberColumn(column string) keyColumn {
	return keyColumn{heading: heading(column), cell: func(k key) string {
		if k.number == report.Unknown {
			return ""
		}
		return strconv.FormatInt(k.number, 10)
	}}
}

func textColumn(column string, i int) keyColumn {
	return keyColumn{heading: heading(column), text: true, cell: func(k key) string { return k.text[i] }}
}

var (
	hourColumn = keyColumn{
		heading: report.Text{"Hour", "Uur"},
		cell:    func(k key) string { return strconv.FormatInt(k.number, 10) },
	}
	dateColumn = keyColumn{
		heading: report.Text{"Date", "Datum"},
		cell:    func(k key) string { return day.Day(k.number).String() },
	}
)

func heading(column string) report.Text {
	for i := range report.Columns {
		if report.Columns[i].Name == column {
			return report.Columns[i].Heading
		}
	}
	panic("summary: the report has no column " + column)
}

// hour is the local hour of the row's start, or of its begin.
func hour(r *report.Row, zone *time.Location) int64 {
	at := r.StartTime
	if at == report.Unknown {
		at = r.BeginTime
	}
	return int64(time.UnixMilli(at).In(zone).Hour())
}

func hours() []key {
	all := make([]key, 24)
	for h := range all {
		all[h].number = int64(h)
	}
	return all
}

func days(m day.Month) []key {
	var all []key
	for d := m.First(); d <= m.Last(); d++ {
		all = append(all, key{number: int64(d)})
	}
	return all
}

// grouping divides the rows into groups.
type grouping struct {
	file    string
	columns []keyColumn
	key     func(*report.Row) key

	index   map[key]uint32 // of a group
	tallies []tally        // of each group
	groups  *spill.Log     // of each row: 4 bytes
}

// newGrouping starts with groups of always, which are there without rows, too.
func newGrouping(file string, columns []keyColumn, keyOf func(*report.Row) key, always ...key) *grouping {
	g := &grouping{file: file, columns: columns, key: keyOf, index: map[key]uint32{}}
	for _, k := range always {
		g.group(k)
	}
	return g
}

// add adds a row, and tells its group.
func (g *grouping) add(r *report.Row) uint32 {
	k := g.key(r)
	group, ok := g.index[k]
	if !ok {
		// The row's strings may be parts of a much larger one.
		k.text[0], k.text[1] = strings.Clone(k.text[0]), strings.Clone(k.text[1])
		group = g.group(k)
	}
	g.tallies[group].add(r)
	return group
}

// group makes a group for a new key.
func (g *grouping) group(k key) uint32 {
	group := uint32(len(g.tallies))
	g.index[k] = group
	g.tallies = append(g.tallies, tally{})
	return group
}
