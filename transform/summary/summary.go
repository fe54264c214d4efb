// Package summary computes the summaries of a partition (REPORT.md,
// "Summaries"): totals, and the same measures by technician, group, channel,
// hour of the day and, for months, day.
//
// An [Accumulator] takes exactly the rows of the partition, in any order, and
// makes [Figures] of them, so that these never disagree with the Parquet. The
// tables are made of the figures, so that both say the same.
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
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/spill"
)

// Accumulator sums up the rows of one partition. It remembers some 40 bytes of
// each, for percentiles and distinct sessions: those of the first 200,000 rows or
// so in memory, and the others in a temporary file. Making a table takes up to 16
// bytes a row besides. Of the rows' strings it keeps the distinct keys alone.
type Accumulator struct {
	definition *report.Definition
	groupings  []*grouping // by the constants below
	rows       int

	// The remembered values of the rows, in their order, a column each: a grouping's
	// measures are made of few of them.
	sessions *spill.Log // 8 bytes
	waiting  *spill.Log // 4 bytes: whole seconds, as shown; none: not counted
	total    *spill.Log // likewise
}

// The groupings of a partition.
const (
	byNothing = iota
	byTechnician
	byGroup
	byChannel
	byHour
	byDay // months only
)

// All numbers are little endian. Rounding down to seconds does not change the
// order of durations; they are at most twice the look-back.
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
	return newAccumulator(d, s, append(ofDay(d),
		newGrouping("day", func(r *report.Row) key { return key{number: int64(r.ReportDate)} }, days(m)...)))
}

func ofDay(d *report.Definition) []*grouping {
	return []*grouping{
		byNothing: newGrouping("nothing", func(*report.Row) key { return key{} }, key{}),
		byTechnician: newGrouping("technician", func(r *report.Row) key {
			return key{number: r.TechnicianID}
		}).labelled(func(r *report.Row) [2]string { return [2]string{r.TechnicianName, r.TechnicianGroup} }),
		byGroup:   newGrouping("group", func(r *report.Row) key { return key{text: [2]string{r.TechnicianGroup}} }),
		byChannel: newGrouping("channel", func(r *report.Row) key { return key{number: r.ChannelID, text: [2]string{r.ChannelName}} }),
		byHour:    newGrouping("hour", func(r *report.Row) key { return key{number: hour(r, d.Zone)} }, hours()...),
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
	status := report.StatusCode(r.Status)
	for _, g := range a.groupings {
		if err := appendNumber(g.groups, g.add(r, status)); err != nil {
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

// Figures are those of the rows so far.
func (a *Accumulator) Figures() (*Figures, error) {
	f := new(Figures)
	for by, g := range a.groupings {
		measures, err := a.measures(g)
		if err != nil {
			return nil, fmt.Errorf("sum up the rows by %s: %w", g.name, err)
		}
		for _, k := range slices.SortedFunc(maps.Keys(g.index), compareKeys) {
			group := g.index[k]
			if g.labels != nil {
				k.text = g.latest[group].text
			}
			f.add(by, k, &measures[group])
		}
	}
	return f, nil
}

// add adds the measures of a key.
func (f *Figures) add(by int, k key, m *Measures) {
	number := k.number
	if number == report.Unknown {
		number = 0
	}
	switch by {
	case byNothing:
		f.Total = *m
	case byTechnician:
		f.Technicians = append(f.Technicians, Technician{number, k.text[0], k.text[1], *m})
	case byGroup:
		f.Groups = append(f.Groups, Group{k.text[0], *m})
	case byChannel:
		f.Channels = append(f.Channels, Channel{number, k.text[0], *m})
	case byHour:
		f.Hours = append(f.Hours, Hour{int(number), *m})
	case byDay:
		f.Days = append(f.Days, Day{day.Day(number), *m})
	}
}

// measures gives those of each group of a grouping. The sessions come by
// themselves: those of all rows take as much memory as both durations.
func (a *Accumulator) measures(g *grouping) ([]Measures, error) {
	all := slices.Clone(g.measures)
	sessions, err := valuesByGroup(a.rows, g, a.sessions, func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) })
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Sessions = distinct(sessions[i])
	}
	sessions = nil
	var durations errgroup.Group
	durations.Go(func() error {
		waiting, err := valuesByGroup(a.rows, g, a.waiting, binary.LittleEndian.Uint32)
		for i := range waiting {
			all[i].Waiting.percentiles(sorted(waiting[i]))
		}
		return err
	})
	durations.Go(func() error {
		total, err := valuesByGroup(a.rows, g, a.total, binary.LittleEndian.Uint32)
		for i := range total {
			all[i].PickedUpTotal.percentiles(sorted(total[i]))
		}
		return err
	})
	return all, durations.Wait()
}

// valuesByGroup lists the values that so many rows have in a column, for each
// group.
func valuesByGroup[T any](rows int, g *grouping, column *spill.Log, decode func([]byte) T) ([][]T, error) {
	all, lists := make([]T, 0, rows), make([][]T, len(g.measures))
	for i := range lists {
		n := int(g.measures[i].Legs)
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
	name string // what it divides them by
	key  func(*report.Row) key

	index    map[key]uint32 // of a group
	measures []Measures     // of each group: what can be summed up row by row
	groups   *spill.Log     // of each row: 4 bytes

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
	g.labels, g.latest = labels, make([]latest, len(g.measures))
	return g
}

// newGrouping starts with groups of always, which are there without rows, too.
func newGrouping(name string, keyOf func(*report.Row) key, always ...key) *grouping {
	g := &grouping{name: name, key: keyOf, index: map[key]uint32{}}
	for _, k := range always {
		g.group(k)
	}
	return g
}

// add adds a row, and returns its group.
func (g *grouping) add(r *report.Row, status event.Status) uint32 {
	k := g.key(r)
	group, ok := g.index[k]
	if !ok {
		// The row's strings may keep a much larger string alive.
		k.text[0], k.text[1] = strings.Clone(k.text[0]), strings.Clone(k.text[1])
		group = g.group(k)
	}
	g.measures[group].add(r, status)
	if g.labels != nil {
		g.latest[group].add(r, g.labels(r))
	}
	return group
}

// group adds a group for a new key.
func (g *grouping) group(k key) uint32 {
	group := uint32(len(g.measures))
	g.index[k] = group
	g.measures = append(g.measures, Measures{})
	if g.labels != nil {
		g.latest = append(g.latest, latest{})
	}
	return group
}
