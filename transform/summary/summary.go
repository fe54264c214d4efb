// Package summary computes the tables that people read beside a partition of
// a report (summary.md): its totals, and the same measures by technician,
// group, channel, hour of the day and, for months, day.
//
// An [Accumulator] takes exactly the rows of the partition, in any order, and
// makes the tables of them, so that they never disagree with the Parquet.
package summary

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"daybook/transform/day"
	"daybook/transform/report"
)

// Table is one summary, in the report's language. Cells are as people read
// them; nothing is quoted or escaped.
type Table struct {
	File   string // total.csv, …
	Header []string
	Text   []bool     // which columns hold text that someone entered
	Rows   [][]string // as long as Header
}

// Accumulator sums up the rows of one partition. It holds on to some 35 bytes a
// row, for percentiles and distinct sessions, and to none of the rows' strings
// but the distinct keys.
type Accumulator struct {
	definition *report.Definition
	groupings  []*grouping

	// One element a row; none where the row does not enter the measure. The
	// durations are in whole seconds, as they will be shown: rounding down does
	// not change their order. A row's are at most twice the look-back.
	sessions       list[int64]
	waiting, total list[uint32]
}

// none stands for a duration that does not count.
const none = math.MaxUint32

// ForDay accumulates the rows of one day of a report.
func ForDay(d *report.Definition) *Accumulator {
	return &Accumulator{definition: d, groupings: []*grouping{
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
	}}
}

// ForMonth accumulates the rows of one month of a report.
func ForMonth(d *report.Definition, m day.Month) *Accumulator {
	a := ForDay(d)
	a.groupings = append(a.groupings, newGrouping("by_day.csv", []keyColumn{dateColumn},
		func(r *report.Row) key { return key{number: int64(r.ReportDate)} }, days(m)...))
	return a
}

// Add takes a row. It keeps nothing of it.
func (a *Accumulator) Add(r *report.Row) {
	started := r.StartTime != report.Unknown
	lead := r.Role == leadRole
	a.sessions.add(r.SessionID)
	a.waiting.add(seconds(started && lead, r.WaitingTime))
	a.total.add(seconds(started, r.TotalTime))
	for _, g := range a.groupings {
		g.add(r)
	}
}

func seconds(counts bool, ms int64) uint32 {
	if !counts {
		return none
	}
	return uint32(min(ms/1000, none-1))
}

// Tables makes the tables of the rows so far.
func (a *Accumulator) Tables() []Table {
	tables := make([]Table, len(a.groupings))
	for i, g := range a.groupings {
		tables[i] = a.table(g)
	}
	return tables
}

func (a *Accumulator) table(g *grouping) Table {
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

	rows := g.rowsByGroup()
	for _, k := range slices.SortedFunc(maps.Keys(g.index), compareKeys) {
		group := g.index[k]
		s := stats{
			tally:    g.tallies[group],
			sessions: distinct(pick(&a.sessions, rows[group])),
			waiting:  sorted(pick(&a.waiting, rows[group])),
			total:    sorted(pick(&a.total, rows[group])),
		}
		cells := make([]string, 0, len(t.Header))
		for _, c := range g.columns {
			cells = append(cells, c.cell(k))
		}
		for _, m := range measures {
			cells = append(cells, m.cell(&s))
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// pick returns the values of rows.
func pick[T any](values *list[T], rows []uint32) []T {
	picked := make([]T, len(rows))
	for i, row := range rows {
		picked[i] = values.at(row)
	}
	return picked
}

// sorted sorts those of the durations that count.
func sorted(durations []uint32) []uint32 {
	slices.Sort(durations)
	n, _ := slices.BinarySearch(durations, none)
	return durations[:n]
}

// distinct counts the distinct values.
func distinct(values []int64) int64 {
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
	groupOf list[uint32]   // of each row
}

// newGrouping starts with groups of always, which are there without rows, too.
func newGrouping(file string, columns []keyColumn, keyOf func(*report.Row) key, always ...key) *grouping {
	g := &grouping{file: file, columns: columns, key: keyOf, index: map[key]uint32{}}
	for _, k := range always {
		g.group(k)
	}
	return g
}

func (g *grouping) add(r *report.Row) {
	k := g.key(r)
	group, ok := g.index[k]
	if !ok {
		// The row's strings may be parts of a much larger one.
		k.text[0], k.text[1] = strings.Clone(k.text[0]), strings.Clone(k.text[1])
		group = g.group(k)
	}
	g.tallies[group].add(r)
	g.groupOf.add(group)
}

// group makes a group for a new key.
func (g *grouping) group(k key) uint32 {
	group := uint32(len(g.tallies))
	g.index[k] = group
	g.tallies = append(g.tallies, tally{})
	return group
}

// rowsByGroup lists the rows of each group.
func (g *grouping) rowsByGroup() [][]uint32 {
	all := make([]uint32, 0, g.groupOf.len())
	rows := make([][]uint32, len(g.tallies))
	for i := range rows {
		n := int(g.tallies[i].legs)
		rows[i] = all[len(all) : len(all) : len(all)+n]
		all = all[:len(all)+n]
	}
	for row := range uint32(g.groupOf.len()) {
		group := g.groupOf.at(row)
		rows[group] = append(rows[group], row)
	}
	return rows
}
