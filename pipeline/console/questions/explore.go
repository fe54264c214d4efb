package questions

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"daybook/pipeline/console/charts"
	"daybook/pipeline/explore"
	"daybook/pipeline/words"
	"daybook/transform/report"
	"daybook/transform/summary"
)

// Explore is what the page Explore shows.
type Explore struct {
	Report    string          `json:"report"`
	Timezone  string          `json:"timezone"`
	From      string          `json:"from"`
	To        string          `json:"to"`
	Against   string          `json:"against_from,omitempty"`
	AgainstTo string          `json:"against_to,omitempty"`
	Answer    *explore.Answer `json:"answer"`
	Before    *explore.Answer `json:"before,omitempty"`
	Target    int64           `json:"target_ms,omitempty"`

	*Address `json:"-"`
	Form     Form           `json:"-"`
	Title    string         `json:"-"` // the period in words
	Versus   string         `json:"-"` // the period before, in words
	Notes    []string       `json:"-"` // what the readers of the numbers must know
	Tiles    []Tile         `json:"-"`
	Charts   []charts.Chart `json:"-"`
	Measures []Measure      `json:"-"`
	Columns  []*Measure     `json:"-"`
	Rows     []Row          `json:"-"`
	Total    Row            `json:"-"`
	More     int            `json:"-"` // lines that a file has and the page leaves out
	Help     []Meaning      `json:"-"`
	Remarks  []string       `json:"-"` // on the lines of the table

	target time.Duration
}

// Tile is a measure over the whole period.
type Tile struct {
	*Measure
	Value    string
	Change   *Change // nil: it is compared with nothing
	Selected bool    // the chart shows it
	Link     string
}

// Row is a line of the table.
type Row struct {
	Name     string
	Link     string // Explore, of this line alone; empty: there is no such filter
	Sessions string // the list of its sessions
	Cells    []Cell
	values   []float64
	key      explore.Key
}

// Meaning explains a measure, or a family of them.
type Meaning struct{ Name, Help string }

// Cell is a value of a line.
type Cell struct {
	Value  string
	Change *Change
	Bar    float64 // percent of the largest value of the column; 0 in columns that are not sorted by
	Sorted bool
}

// mostRows is how many lines the page shows. A file has all.
const mostRows = 200

// NewExplore makes the page of an answer, and of that to the same question about the
// period before, which may be nil.
func NewExplore(a *Address, name string, zone *time.Location, target time.Duration, answer, before *explore.Answer) *Explore {
	e := &Explore{
		Report: name, Timezone: zone.String(), From: a.Period.From.String(), To: a.Period.To.String(), Answer: answer, Before: before,
		Target: target.Milliseconds(), Address: a, Title: periodText(a.printer, a.Period), Measures: Measures(a.printer, target), target: target,
	}
	if a.Against != nil {
		e.Against, e.AgainstTo, e.Versus = a.Against.From.String(), a.Against.To.String(), periodText(a.printer, *a.Against)
	}
	e.notes()
	if before != nil && before.Days == 0 {
		e.Before = nil
	}
	e.Form = newForm(a, &answer.Facets)
	e.tiles()
	e.charts(zone)
	for _, t := range Tabs {
		if t.ID == a.Show {
			e.Columns = find(e.Measures, t.Columns...)
		}
	}
	if i := slices.IndexFunc(e.Columns, func(m *Measure) bool { return m.ID == a.Sort }); i < 0 && a.Sort != keyColumn {
		e.Columns = append(e.Columns, find(e.Measures, a.Sort)...)
	}
	e.Rows, e.Total = e.rows(e.Columns), e.total()
	e.More = max(0, len(e.Rows)-mostRows)
	e.Rows = e.Rows[:len(e.Rows)-e.More]
	e.Help, e.Remarks = e.help(), e.remarks()
	return e
}

// Note adds a note, unless it is empty.
func (e *Explore) Note(text string) { e.Notes = noted(e.Notes, text) }

// notes say which days are compared.
func (e *Explore) notes() {
	a, p := e.Address, e.printer
	if e.Answer.Days < a.Period.Len() {
		e.Note(p.T("%d of %d days are published.", e.Answer.Days, a.Period.Len()))
	}
	if a.Against == nil {
		return
	}
	if a.Period != a.Whole && a.Value("compare") != whole {
		e.Note(p.T("The period is not over. It is compared with as many days from the beginning of the other one."))
	}
	if e.Before == nil {
		return
	}
	if e.Before.Days < a.Against.Len() {
		e.Note(p.T("Of the period that it is compared with, %d of %d days are published.", e.Before.Days, a.Against.Len()))
	}
	if !e.comparable() && e.Before.Days > 0 {
		e.Note(p.T("So counts and sums are not compared."))
	}
}

// comparable says whether counts and sums of the two periods can be compared: whether as
// many days of both are there, or all days of two months, quarters or years.
func (e *Explore) comparable() bool {
	a, now, before := e.Address, e.Answer.Days, e.Before.Days
	return now == before || a.Period == a.Whole && now == a.Period.Len() && before == a.Against.Len()
}

func (e *Explore) tiles() {
	for _, m := range find(e.Measures, tiles...) {
		t := Tile{Measure: m, Value: m.Format(m.value(&e.Answer.Total)), Selected: m.ID == e.Measure, Link: e.Link("measure", m.ID)}
		t.Change = e.change(m, &e.Answer.Total, beforeTotal(e.Before))
		e.Tiles = append(e.Tiles, t)
	}
}

func beforeTotal(a *explore.Answer) *explore.Stats {
	if a == nil {
		return nil
	}
	return &a.Total
}

// fewLegs is up to how many legs a change says little: it is told, and not judged.
const fewLegs = 5

// change compares a measure; nil if one of the values is not known, or if they cannot be
// compared.
func (e *Explore) change(m *Measure, now, before *explore.Stats) *Change {
	if before == nil || m.additive() && !e.comparable() {
		return nil
	}
	a, b := m.value(now), m.value(before)
	if math.IsNaN(a) || math.IsNaN(b) {
		return nil
	}
	c := change(m, a, b)
	if min(now.Legs, before.Legs) <= fewLegs {
		c.Good, c.Bad = false, false
	}
	return c
}

// total is the last line of the table.
func (e *Explore) total() Row {
	r := Row{Name: e.printer.T("Total"), Sessions: e.Address.Sessions(e.listed()...)}
	for _, m := range e.Columns {
		r.Cells = append(r.Cells, e.cell(m, &e.Answer.Total, beforeTotal(e.Before)))
	}
	return r
}

// cell is the value of a measure, compared with the one before, which may be nil.
func (e *Explore) cell(m *Measure, now, before *explore.Stats) Cell {
	return Cell{Value: m.Format(m.value(now)), Change: e.change(m, now, before), Sorted: m.ID == e.Sort}
}

// listed are the parameters of the list of sessions that has what the table is about: in
// the order of its measure, and of those that were not picked up alone if it is about them.
func (e *Explore) listed() (pairs []string) {
	order, about := explore.Order(""), e.Show
	if i := strings.LastIndex(e.Sort, "_"); i > 0 {
		about = e.Sort[:i]
	}
	switch about {
	case "wrap_up":
		order = explore.OrderWrapUp
	case "work":
		order = explore.OrderWork
	case "total":
		order = explore.OrderDuration
	}
	if order != "" {
		pairs = append(pairs, "sort", string(order))
	}
	if e.Show == abandonedTab {
		pairs = append(pairs, "picked_up", "no")
	}
	return pairs
}

// remarks explain what the lines of the table have in common.
func (e *Explore) remarks() (texts []string) {
	p := e.printer
	texts = append(texts, p.T("A session counts in each line in which it has a leg, and once in the total."))
	switch e.By {
	case explore.ByHour:
		texts = append(texts, p.T("The hour is that of a leg’s start, or of its begin if it did not start."))
	case explore.ByGroup, explore.ByTechnician:
		if slices.ContainsFunc(e.Answer.Lines, func(l explore.Line) bool { return l.Key.ID == 0 && l.Key.Text == "" }) {
			texts = append(texts, p.T("Legs without a technician, such as those of customers who left a channel’s queue, have no group."))
		}
	}
	return texts
}

// rows are the lines of the table with these columns.
func (e *Explore) rows(columns []*Measure) []Row {
	before := map[explore.Key]*explore.Stats{}
	if e.Before != nil && e.By != explore.ByDate {
		for i := range e.Before.Lines {
			l := &e.Before.Lines[i]
			before[e.identity(l.Key)] = &l.Stats
		}
	}
	sort := slices.IndexFunc(columns, func(m *Measure) bool { return m.ID == e.Sort })
	rows := make([]Row, len(e.Answer.Lines))
	most := 0.0
	for i := range e.Answer.Lines {
		l := &e.Answer.Lines[i]
		r := &rows[i]
		r.key, r.Name = l.Key, keyText(e.printer, e.By, l.Key)
		r.Link, r.Sessions = e.links(l.Key)
		for j, m := range columns {
			v := m.value(&l.Stats)
			r.values = append(r.values, v)
			r.Cells = append(r.Cells, e.cell(m, &l.Stats, before[e.identity(l.Key)]))
			if j == sort && v > most {
				most = v
			}
		}
	}
	if sort >= 0 && most > 0 {
		for i := range rows {
			if v := rows[i].values[sort]; v > 0 {
				rows[i].Cells[sort].Bar = 100 * v / most
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return e.compareRows(&a, &b, sort) })
	return rows
}

// compareRows orders lines. Those without a value are last in both orders.
func (e *Explore) compareRows(a, b *Row, column int) int {
	if column < 0 {
		if e.By == explore.ByHour || e.By == explore.ByDate {
			return e.directed(cmp.Compare(a.key.ID, b.key.ID))
		}
		return e.directed(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)))
	}
	x, y := a.values[column], b.values[column]
	switch {
	case math.IsNaN(x) || math.IsNaN(y):
		return cmp.Compare(nan(x), nan(y))
	}
	return e.directed(cmp.Compare(x, y))
}

func nan(v float64) int {
	if math.IsNaN(v) {
		return 1
	}
	return 0
}

func (e *Explore) directed(order int) int {
	if e.Up {
		return order
	}
	return -order
}

// identity is what a line has in common with that of another period: a technician's name
// may change.
func (e *Explore) identity(k explore.Key) explore.Key {
	if e.By == explore.ByTechnician {
		k.Text = ""
	}
	return k
}

// links lead from a line to Explore and to the sessions of that line alone.
func (e *Explore) links(k explore.Key) (link, sessions string) {
	orNone := func(text string) string { return cmp.Or(text, None) }
	list := func(pairs ...string) string { return e.Address.Sessions(append(e.listed(), pairs...)...) }
	id := func() string {
		if k.ID == 0 {
			return None
		}
		return fmt.Sprint(k.ID)
	}
	switch e.By {
	case explore.ByTechnician:
		return e.Link("technician", id()), list("technician", id())
	case explore.ByChannel:
		return e.Link("channel", id()), list("channel", id())
	case explore.ByGroup:
		return e.Link("group", orNone(k.Text), "by", string(explore.ByTechnician)), list("group", orNone(k.Text))
	case explore.ByStatus:
		return e.Link("status", orNone(k.Text)), list("status", orNone(k.Text))
	case explore.ByType:
		return e.Link("type", orNone(k.Text)), list("type", orNone(k.Text))
	case explore.ByDate:
		date := dateText(k.Date())
		return e.Link("period", "day", "at", date, "from", "", "to", "", "by", string(explore.ByHour)), list("period", "day", "at", date, "from", "", "to", "")
	}
	return "", ""
}

// Heading is the link of a column's heading, which sorts by it.
func (e *Explore) Heading(id string) string {
	order := ""
	if e.Sort == id {
		order = "up"
		if e.Up {
			order = "down"
		}
		if id == keyColumn { // its default is the other one
			order = map[bool]string{true: "down", false: ""}[e.Up]
		}
	}
	return e.Link("sort", id, "order", order)
}

// SortOf is how the table is sorted by a column, for its heading.
func (e *Explore) SortOf(id string) string {
	switch {
	case e.Sort != id:
		return "none"
	case e.Up:
		return "ascending"
	}
	return "descending"
}

// Sorts are the columns to sort by, for cards, which have no headings.
func (e *Explore) Sorts() []Choice {
	arrow := map[bool]string{true: " ↑", false: " ↓"}[e.Up]
	choice := func(id, name string) Choice {
		c := Choice{Value: id, Text: name, Selected: e.Sort == id, Link: e.Heading(id)}
		if c.Selected {
			c.Text += arrow
		}
		return c
	}
	all := []Choice{choice(keyColumn, e.KeyName())}
	for _, m := range e.Columns {
		all = append(all, choice(m.ID, m.Name))
	}
	return all
}

// KeyName is the heading of the first column.
func (e *Explore) KeyName() string { return e.printer.T(groupings[e.By]) }

// ByText is the heading of the table.
func (e *Explore) ByText() string { return e.printer.T(byTexts[e.By]) }

// TargetText is the target in words; empty without one.
func (e *Explore) TargetText() string {
	if e.target == 0 {
		return ""
	}
	return e.printer.Lasting(e.target.Milliseconds())
}

// help explains the measures that the page shows, each family and each statistic once.
func (e *Explore) help() (all []Meaning) {
	shown := find(e.Measures, tiles...)
	shown = append(shown, e.Columns...)
	is := func(id string) bool { return slices.ContainsFunc(shown, func(m *Measure) bool { return m.ID == id }) }
	for i := range e.Measures {
		if m := &e.Measures[i]; m.family == "" && is(m.ID) {
			all = append(all, Meaning{m.Name, m.Help})
		}
	}
	p := e.printer
	for _, f := range families {
		if slices.ContainsFunc(shown, func(m *Measure) bool { return m.family == f.id }) {
			all = append(all, Meaning{p.T(f.name), p.T(f.help)})
		}
	}
	for _, st := range statistics {
		if st.about != "" && slices.ContainsFunc(families, func(f family) bool { return is(f.id + "_" + st.id) }) {
			all = append(all, Meaning{p.T(st.name), p.T(st.about)})
		}
	}
	return all
}

// charts are the selected measure over time, and the load.
func (e *Explore) charts(zone *time.Location) {
	m := find(e.Measures, e.Measure)
	if len(m) == 0 {
		return
	}
	e.Charts = []charts.Chart{e.overTime(m[0]), e.load()}
}

func (e *Explore) overTime(m *Measure) charts.Chart {
	c := charts.Chart{ID: "over", Title: m.Name, Note: e.step(), Format: m.Format, Printer: e.printer, Series: []charts.Series{{Name: e.Title, Shape: charts.Bars, Class: "c1"}}}
	if m.kind == ofDuration {
		c.Unit = 60_000
		if strings.HasPrefix(m.ID, "waiting_") && m.ID != "waiting_sum" && e.target > 0 {
			c.Target = &charts.Target{Name: e.printer.T("target %s", e.TargetText()), Value: float64(e.target.Milliseconds())}
		}
	}
	if m.kind == ofShare {
		c.Unit = 0.01
	}
	if e.Before != nil {
		c.Series = append(c.Series, charts.Series{Name: e.Versus, Shape: charts.Line, Class: "was"})
	}
	if e.By == explore.ByHour {
		c.Note = e.printer.T("by hour")
		c.Points, c.Ticks = e.hours(m)
		return c
	}
	for i := range e.Answer.Bins {
		b := &e.Answer.Bins[i]
		p := charts.Point{Label: binText(e.printer, b, e.Address.Period.Len()), Values: []float64{m.value(&b.Stats)}, Known: true}
		if e.Before != nil {
			v := math.NaN()
			if i < len(e.Before.Bins) {
				v = m.value(&e.Before.Bins[i].Stats)
			}
			p.Values = append(p.Values, v)
		}
		c.Points = append(c.Points, p)
	}
	c.Ticks = binTicks(e.printer, e.Answer.Bins, e.Address.Period.Len())
	return c
}

// hours are the points and ticks of a chart by hour of the day.
func (e *Explore) hours(m *Measure) (points []charts.Point, ticks []charts.Tick) {
	for i := range e.Answer.Lines {
		l := &e.Answer.Lines[i]
		p := charts.Point{Label: keyText(e.printer, e.By, l.Key), Values: []float64{m.value(&l.Stats)}, Known: true}
		if e.Before != nil {
			p.Values = append(p.Values, m.value(&e.Before.Lines[i].Stats))
		}
		points = append(points, p)
		if i%3 == 0 {
			ticks = append(ticks, charts.Tick{At: i, Text: p.Label})
		}
	}
	return points, ticks
}

// step is the length of a bin in words.
func (e *Explore) step() string {
	bins := e.Answer.Bins
	switch {
	case e.Address.Period.Len() == 1:
		return e.printer.T("by hour")
	case len(bins) == e.Address.Period.Len():
		return e.printer.T("by day")
	case len(bins) > 1 && bins[0].Days.Len() == 7:
		return e.printer.T("by seven days")
	}
	return e.printer.T("by month")
}

func binText(p words.Printer, b *explore.Bin, days int) string {
	if days == 1 {
		return fmt.Sprintf("%d:00", b.Hour)
	}
	return periodText(p, b.Days)
}

// binTicks names some bins on the axis.
func binTicks(p words.Printer, bins []explore.Bin, days int) []charts.Tick {
	const most = 8
	every := (len(bins) + most - 1) / most
	var ticks []charts.Tick
	for i := 0; i < len(bins); i += max(1, every) {
		from := bins[i].Days.From.UTC()
		text := p.Date(from, "2 Jan")
		switch {
		case days == 1:
			text = fmt.Sprintf("%d:00", bins[i].Hour)
		case days <= 7:
			text = p.Date(from, "Mon 2")
		case bins[i].Days.Len() > 7:
			text = p.Date(from, "Jan")
		}
		ticks = append(ticks, charts.Tick{At: i, Text: text})
	}
	return ticks
}

// load is how many sessions there are at once, by quarter of an hour.
func (e *Explore) load() charts.Chart {
	p := e.printer
	one := func(v float64) string { return p.Number(fmt.Sprintf("%.1f", v)) }
	c := charts.Chart{
		ID: "load", Title: p.T("Sessions at once"), Note: p.T("by quarter of an hour"), Format: one, Printer: p,
		Series: []charts.Series{{Name: p.T("mean"), Shape: charts.Bars, Class: "c3"}, {Name: p.T("most"), Shape: charts.Line, Class: "c1"}, {Name: p.T("most waiting"), Shape: charts.Line, Class: "c4"}},
	}
	for i := range e.Answer.Load.Quarters {
		q := &e.Answer.Load.Quarters[i]
		c.Points = append(c.Points, charts.Point{
			Label: fmt.Sprintf("%d:%02d", i/4, i%4*15), Known: q.Marks > 0, Note: p.T("the clock does not show it"),
			Values: []float64{q.Mean(), float64(q.Most), float64(q.WaitingMost)},
		})
		if i%12 == 0 {
			c.Ticks = append(c.Ticks, charts.Tick{At: i, Text: fmt.Sprintf("%d:00", i/4)})
		}
	}
	return c
}

// Peak is the load's peaks in words.
func (e *Explore) Peak() string {
	l := &e.Answer.Load
	if l.Peak == 0 {
		return ""
	}
	if l.Waiting == 0 {
		return e.printer.T("The most at once: %d on %s.", l.Peak, moment(e.printer, l.PeakAt))
	}
	return e.printer.T("The most at once: %d on %s; %d waiting on %s.", l.Peak, moment(e.printer, l.PeakAt), l.Waiting, moment(e.printer, l.WaitingAt))
}

// BarSVG is the bar of a cell.
func (c Cell) BarSVG() template.HTML {
	if c.Bar == 0 {
		return ""
	}
	return template.HTML(fmt.Sprintf(`<svg class="cellbar" width="100%%" height="4" aria-hidden="true"><rect x="0" y="0" width="%.1f%%" height="4" rx="2"/></svg>`, c.Bar))
}

// Table is the table with all measures, in the order of the page, for a file.
func (e *Explore) Table() summary.Table {
	t := summary.Table{Name: "by_" + string(e.By)}
	add := func(heading string, k report.Kind) {
		t.Header, t.Kinds = append(t.Header, heading), append(t.Kinds, k)
	}
	switch e.By {
	case explore.ByTechnician:
		add(e.printer.T("Technician ID"), report.Integer)
	case explore.ByChannel:
		add(e.printer.T("Channel ID"), report.Integer)
	}
	kind := map[explore.Grouping]report.Kind{explore.ByHour: report.Integer, explore.ByDate: report.Date}
	k, ok := kind[e.By]
	if !ok {
		k = report.String
	}
	add(e.KeyName(), k)
	columns := find(e.Measures, idsOf(e.Measures)...)
	for _, m := range columns {
		add(m.Name, m.column())
	}
	for _, r := range e.rows(columns) {
		var row []string
		switch e.By {
		case explore.ByTechnician, explore.ByChannel:
			id := ""
			if r.key.ID != 0 {
				id = fmt.Sprint(r.key.ID)
			}
			row = append(row, id, r.key.Text)
		case explore.ByHour:
			row = append(row, fmt.Sprint(r.key.ID))
		case explore.ByDate:
			row = append(row, dateText(r.key.Date()))
		case explore.ByStatus, explore.ByType:
			row = append(row, report.ValueIn(r.key.Text, e.printer.Language))
		default:
			row = append(row, r.key.Text)
		}
		for i, m := range columns {
			row = append(row, m.cell(r.values[i]))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
