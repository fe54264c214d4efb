// Package summary computes the summaries of a partition (REPORT.md,
// "Summaries"): totals, and the same measures by technician, group, channel,
// hour of the day and, for months, day.
//
// An [Accumulator] takes exactly the rows of the partition, in any order, so its
// tables always agree with the Parquet.
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

// Table is one summary, in the report's language. Cells are formatted for
// people; they are not quoted or escaped.
type Table struct {
	File   string // total.csv, …
	Header []string
	Text   []bool     // columns with entered text
	Rows   [][]string // each as long as Header
}

// Accumulator sums up the rows of one partition. For percentiles and distinct
// sessions it stores about 40 bytes of each row: for the first 200,000 rows in
// memory, for the others in a temporary file. Making a table takes up to 16 more
// bytes a row. It keeps only the distinct keys of the rows' strings.
type Accumulator struct {
	definition *report.Definition
	groupings  []*grouping
	rows       int

	// The stored values of the rows, in order. Each is a log of its own, because
	// a table needs only some of them.
	sessions *spill.Log // 8 bytes
	waiting  *spill.Log // 4 bytes: whole seconds, as shown; none: not counted
	total    *spill.Log // likewise
}

// Stored numbers are little endian. Rounding down to seconds keeps the order of
// durations.
const (
	none     = math.MaxUint32
	keptRows = 200_000 // rows kept in memory
)

func newColumn[T any](s *spill.Scratch) *spill.Log {
	var value T
	size := binary.Size(value)
	return spill.NewLog(s, size, keptRows*size)
}

// newAccumulator returns an accumulator with the groupings of one partition.
func newAccumulator(d *report.Definition, s *spill.Scratch, groupings []*grouping) *Accumulator {
	for _, g := range groupings {
		g.groups = newColumn[uint32](s)
	}
	return &Accumulator{definition: d, groupings: groupings,
		sessions: newColumn[int64](s), waiting: newColumn[uint32](s), total: newColumn[uint32](s)}
}

// ForDay returns an accumulator for one day of a report. It writes what does not
// fit in memory to s. The caller closes s.
func ForDay(d *report.Definition, s *spill.Scratch) *Accumulator {
	return newAccumulator(d, s, ofDay(d))
}

// ForMonth returns an accumulator for one month of a report. See [ForDay].
func ForMonth(d *report.Definition, m day.Month, s *spill.Scratch) *Accumulator {
	return newAccumulator(d, s, append(ofDay(d), newGrouping("by_day.csv", []keyColumn{dateColumn},
		func(r *report.Row) key { return key{number: int64(r.ReportDate)} }, days(m)...)))
}

func ofDay(d *report.Definition) []*grouping {
	return []*grouping{
		newGrouping("total.csv", nil, func(*report.Row) key { return key{} }, key{}),
		newGrouping("by_technician.csv",
			[]keyColumn{numberColumn("technician_id"), textColumn("technician_name", 0), textColumn("technician_group", 1)},
			func(r *report.Row) key { return key{number: r.TechnicianID} }).
			labelled(func(r *report.Row) [2]string { return [2]string{r.TechnicianName, r.TechnicianGroup} }),
		newGrouping("by_group.csv", []keyColumn{textColumn("technician_group", 0)},
			func(r *report.Row) key { return key{text: [2]string{r.TechnicianGroup}} }),
		newGrouping("by_channel.csv", []keyColumn{numberColumn("channel_id"), textColumn("channel_name", 0)},
			func(r *report.Row) key { return key{number: r.ChannelID, text: [2]string{r.ChannelName}} }),
		newGrouping("by_hour.csv", []keyColumn{hourColumn},
			func(r *report.Row) key { return key{number: hour(r, d.Zone)} }, hours()...),
	}
}

// Add adds a row. It does not keep the row. After an error the accumulator must
// not be used.
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

// Tables returns the tables of the rows added so far.
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

// table returns the table of one grouping.
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
		group := g.index[k]
		if g.labels != nil {
			k.text = g.latest[group].text
		}
		for _, c := range g.columns {
			cells = append(cells, c.cell(k))
		}
		for _, m := range measures {
			cells = append(cells, m.cell(&all[group]))
		}
		t.Rows = append(t.Rows, cells)
	}
	return t, nil
}

// stats returns the stats of each group. It reads the sessions before the
// durations: the sessions alone take as much memory as both durations.
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

// byGroup returns the values of a column for each group. rows is the number of
// all rows.
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

// sorted sorts the counted durations in place and drops the others. Of n
// durations most are less than n seconds and repeat: these are sorted by
// counting each value.
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

// distinct counts the distinct values. Dense values, such as consecutive ids, are
// marked in a bitmap; other values are sorted.
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

// key is the common key of a group's rows. Members that a grouping does not use
// are equal in all of its keys.
type key struct {
	number int64 // Unknown: unknown
	text   [2]string
}

// compareKeys orders numbers numerically, texts by bytes, and unknown last.
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
		return -strings.Compare(a, b) // "" is the smallest text
	}
	return strings.Compare(a, b)
}

// keyColumn is a column of a table that shows one part of the key.
type keyColumn struct {
	heading report.Text
	text    bool
	cell    func(key) string
}

// numberColumn and textColumn have the heading of the report's column.
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

// grouping divides the rows into groups by a key.
type grouping struct {
	file    string
	columns []keyColumn
	key     func(*report.Row) key

	index   map[key]uint32 // index of each group
	tallies []tally        // of each group
	groups  *spill.Log     // of each row: 4 bytes

	labels func(*report.Row) [2]string // nil: the texts of the key are shown
	latest []latest                    // labels of each group
}

// latest are the labels of a group: each is that of the last row, in the order of
// rows, in which it is known.
type latest struct {
	text [2]string
	of   [2]place
}

// place is a row's place in the order of rows.
type place struct{ dated, session, leg int64 }

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.dated, o.dated), cmp.Compare(p.session, o.session), cmp.Compare(p.leg, o.leg))
}

// add takes over the labels of a row.
func (l *latest) add(r *report.Row, labels [2]string) {
	at := place{r.Dated(), r.SessionID, r.Leg}
	for i, text := range labels {
		if text == "" || l.text[i] != "" && at.compare(l.of[i]) < 0 {
			continue
		}
		if l.of[i] = at; text != l.text[i] {
			l.text[i] = strings.Clone(text) // the row's may keep a much larger string alive
		}
	}
}

// labelled shows the labels of a group's rows instead of texts of its key.
func (g *grouping) labelled(labels func(*report.Row) [2]string) *grouping {
	g.labels, g.latest = labels, make([]latest, len(g.tallies))
	return g
}

// newGrouping returns a grouping whose keys in always have a group even without
// rows.
func newGrouping(file string, columns []keyColumn, keyOf func(*report.Row) key, always ...key) *grouping {
	g := &grouping{file: file, columns: columns, key: keyOf, index: map[key]uint32{}}
	for _, k := range always {
		g.group(k)
	}
	return g
}

// add adds a row and returns its group.
func (g *grouping) add(r *report.Row) uint32 {
	k := g.key(r)
	group, ok := g.index[k]
	if !ok {
		// The row's strings may keep a much larger string alive.
		k.text[0], k.text[1] = strings.Clone(k.text[0]), strings.Clone(k.text[1])
		group = g.group(k)
	}
	g.tallies[group].add(r)
	if g.labels != nil {
		g.latest[group].add(r, g.labels(r))
	}
	return group
}

// group adds a group for a new key.
func (g *grouping) group(k key) uint32 {
	group := uint32(len(g.tallies))
	g.index[k] = group
	g.tallies = append(g.tallies, tally{})
	if g.labels != nil {
		g.latest = append(g.latest, latest{})
	}
	return group
}
