// Package charts makes the charts of a report of its history: by day, week or month,
// by technician group, and by hour of the day. A [Chart] draws itself as SVG.
package charts

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"daybook/pipeline/console/history"
	"daybook/pipeline/words"
	"daybook/transform/day"
)

// Set is the charts and tables of a report.
type Set struct {
	Charts []Chart   `json:"charts"`
	Groups []Group   `json:"groups"`
	Hours  []HourRow `json:"hours"`
	ByHour []Chart   `json:"charts_by_hour"`
	Step   string    `json:"step"` // of the charts: day, week or month
}

// New makes the charts of the days from one to another. p writes their texts.
func New(h *history.History, from, to day.Day, p words.Printer) Set {
	rows := rowsOf(h, from, to, p)
	return Set{Charts: over(h, from, to, p), Groups: groupsOf(rows), Hours: hoursOf(rows, p), ByHour: byHour(rows, p), Step: stepFor(from, to).String()}
}

// bin is consecutive days that are one point of a chart.
type bin struct {
	From, To day.Day
	Partial  bool // it has too few of its days to compare it with others
	history.Measures
}

// partial says whether the known days of a week, a month or a year are too few
// for a fair average: weekends are not like other days. Four weeks are enough.
func partial(known, whole int64) bool { return known > 0 && known < min(whole, 28) }

// name writes the bin's days.
func (b *bin) name(p words.Printer) string {
	from := b.From.UTC()
	switch {
	case b.From == b.To:
		return p.Date(from, "Mon 2 Jan 2006")
	case b.From == b.From.Month().First() && b.To == b.From.Month().Last():
		return p.Date(from, "January 2006")
	}
	return p.T("%s to %s", p.Date(from, "2 Jan"), p.Date(b.To.UTC(), "2 Jan 2006"))
}

// step is the length of a bin.
type step int

const (
	byDay step = iota
	byWeek
	byMonth
)

// stepFor chooses a step that gives 30 to 120 points.
func stepFor(from, to day.Day) step {
	switch days := to - from + 1; {
	case days <= 62:
		return byDay
	case days <= 400:
		return byWeek
	}
	return byMonth
}

func (s step) String() string { return [...]string{"day", "week", "month"}[s] }

// begin is the first day of the bin that d is in; weeks begin on Mondays.
func (s step) begin(d day.Day) day.Day {
	switch s {
	case byWeek:
		return d - day.Day((int(d.UTC().Weekday())+6)%7)
	case byMonth:
		return d.Month().First()
	}
	return d
}

// end is the last day of the bin that d is in.
func (s step) end(d day.Day) day.Day {
	switch s {
	case byWeek:
		return d + day.Day((7-int(d.UTC().Weekday()))%7)
	case byMonth:
		return d.Month().Last()
	}
	return d
}

// binsOf combines the measures of the whole weeks or months that have the days from
// from to to. The first and the last one can be partial: the report began in the
// first one, and the last one goes on.
func binsOf(h *history.History, from, to day.Day, s step) []bin {
	var all []bin
	for d := s.begin(from); d <= to; {
		b := bin{From: d, To: s.end(d)}
		var p history.Aggregate
		for ; d <= b.To; d++ {
			p.Add(h.Day(d))
		}
		b.Measures = p.Measures()
		all = append(all, b)
	}
	for _, b := range []*bin{&all[0], &all[len(all)-1]} {
		b.Partial = partial(b.Days, int64(b.To-b.From)+1)
	}
	return all
}

// row is a month or a year of a table over time.
type row struct {
	name     string
	days     int64
	whole    int64 // days that its months have
	sessions int64
	hours    [24]history.Aggregate
	groups   history.Aggregates
}

// rowsOf returns the months of a range, or the years of a long range.
func rowsOf(h *history.History, from, to day.Day, p words.Printer) []row {
	const mostMonths = 15
	var all []row
	byYear := to.Month()-from.Month() >= mostMonths
	for m := from.Month(); m <= to.Month(); m++ {
		name := p.Date(m.First().UTC(), "Jan 2006")
		if byYear {
			name = strconv.Itoa(m.First().UTC().Year())
		}
		if n := len(all); n == 0 || all[n-1].name != name {
			all = append(all, row{name: name, groups: history.Aggregates{}})
		}
		r := &all[len(all)-1]
		r.whole += int64(m.Last()-m.First()) + 1
		if f := h.Month(m); f != nil {
			r.days += f.Days
			r.sessions += f.Sessions
			r.groups.Add(f.Groups)
			for hour := range f.Hours {
				r.hours[hour].Add(f.Hours[hour])
			}
		}
	}
	return all
}

// Group is a technician group over time.
type Group struct {
	Name     string    `json:"name"`
	Sessions int64     `json:"sessions"`
	Of       int64     `json:"all_sessions"` // of all groups together
	Total    int64     `json:"total_ms"`
	Work     int64     `json:"work_ms"`
	Waiting  int64     `json:"waiting_median_ms"` // the median of the months; -1: of no leg
	Most     int64     `json:"waiting_p90_ms"`    // the 90th percentile, likewise
	Series   []float64 `json:"sessions_a_day"`    // by month or year
}

// groupsOf returns the technician groups, the largest first.
func groupsOf(rows []row) []Group {
	whole := history.Aggregates{}
	all := int64(0) // sessions: one with legs in several groups is in each of them
	for i := range rows {
		all += rows[i].sessions
		for name, p := range rows[i].groups {
			whole.Of(name).Merge(p)
		}
	}
	totals := make(map[string]history.Measures, len(whole))
	for name, p := range whole {
		totals[name] = p.Measures()
	}
	full := withoutPartial(rows)
	names := slices.SortedFunc(maps.Keys(totals), func(a, b string) int {
		return cmp.Or(cmp.Compare(totals[b].Sessions, totals[a].Sessions), cmp.Compare(a, b))
	})
	groups := make([]Group, 0, len(names))
	for _, name := range names {
		f := totals[name]
		g := Group{
			Name: name, Sessions: f.Sessions, Of: all, Total: f.Total, Work: f.Work, Waiting: f.Waiting, Most: f.Waiting90,
		}
		for i := range full {
			sessions := int64(0)
			if p := full[i].groups[name]; p != nil {
				sessions = p.Sum.Sessions
			}
			g.Series = append(g.Series, perDay(sessions, full[i].days))
		}
		groups = append(groups, g)
	}
	return groups
}

// withoutPartial leaves out the first and the last row if they are partial.
func withoutPartial(rows []row) []row {
	if n := len(rows); n > 0 && partial(rows[n-1].days, rows[n-1].whole) {
		rows = rows[:n-1]
	}
	if len(rows) > 0 && partial(rows[0].days, rows[0].whole) {
		rows = rows[1:]
	}
	return rows
}

// Waited writes a waiting time; -1 is a dash.
func Waited(ms int64) string {
	if ms < 0 {
		return "–"
	}
	return minutes(float64(ms))
}

func perDay(n, days int64) float64 {
	if days == 0 {
		return 0
	}
	return float64(n) / float64(days)
}

// HourRow is the hours of the day over a month or a year.
type HourRow struct {
	Name    string   `json:"name"`
	Days    int64    `json:"days"`
	Partial bool     `json:"partial"` // it has too few days to compare it with others
	Cells   [24]Heat `json:"hours"`
}

// Heat is one cell: the sessions a day of an hour, and their share of the maximum
// from 0 to 8.
type Heat struct {
	Value float64 `json:"sessions_a_day"`
	Level int     `json:"-"`
	Text  string  `json:"-"`
}

const heatLevels = 8

func hoursOf(rows []row, p words.Printer) []HourRow {
	most := 0.0
	hours := make([]HourRow, 0, len(rows))
	for i := range rows {
		if rows[i].days == 0 {
			continue
		}
		r := HourRow{Name: rows[i].name, Days: rows[i].days, Partial: partial(rows[i].days, rows[i].whole)}
		for hour := range rows[i].hours {
			r.Cells[hour].Value = perDay(rows[i].hours[hour].Sum.Sessions, rows[i].days)
			most = max(most, r.Cells[hour].Value)
		}
		hours = append(hours, r)
	}
	for i := range hours {
		for hour := range hours[i].Cells {
			c := &hours[i].Cells[hour]
			c.Text = p.Number(decimal(c.Value))
			if c.Value > 0 {
				c.Level = 1 + int(c.Value/most*(heatLevels-1)+0.5)
			}
		}
	}
	slices.Reverse(hours) // the newest first
	return hours
}

// decimal writes a number, with one decimal below 10.
func decimal(v float64) string {
	if v >= 10 || v == float64(int64(v)) {
		return words.Thousands(int64(v + 0.5))
	}
	return fmt.Sprintf("%.1f", v)
}

// place is a position on an axis, and its measures.
type place struct {
	name   string
	hidden string // why its values are not drawn; empty: they are
	history.Measures
}

// over are the charts of a report over some days.
func over(h *history.History, from, to day.Day, p words.Printer) []Chart {
	s := stepFor(from, to)
	bins := binsOf(h, from, to, s)
	places := make([]place, len(bins))
	for i := range bins {
		b := &bins[i]
		places[i] = place{name: b.name(p), Measures: b.Measures}
		if b.Partial {
			places[i].hidden = p.T("%d of %d days, not drawn", b.Days, b.To-b.From+1)
		}
	}
	note, middle := "", "" // of several days, waiting times are medians
	switch s {
	case byWeek:
		note, middle = p.T("by week"), p.T("the median of its days")
	case byMonth:
		note, middle = p.T("by month"), p.T("the median of its days")
	}
	return charts("", places, note, middle, ticks(bins, s, p), p)
}

// byHour are the charts of the hours of the day.
func byHour(rows []row, p words.Printer) []Chart {
	var whole [24]history.Aggregate
	days := int64(0)
	for i := range rows {
		days += rows[i].days
		for hour := range whole {
			whole[hour].Merge(&rows[i].hours[hour])
		}
	}
	places := make([]place, len(whole))
	var marks []Tick
	for hour := range whole {
		places[hour] = place{name: fmt.Sprintf("%d:00", hour), Measures: whole[hour].Measures()}
		places[hour].Days = days // an hour without sessions counts, too
		if hour%3 == 0 {
			marks = append(marks, Tick{hour, places[hour].name})
		}
	}
	return charts("hour-", places, p.T("by hour of the day"), p.T("the median of the months"), marks, p)
}

// charts are one chart for each measure. Their ids begin with prefix.
func charts(prefix string, places []place, note, middle string, ticks []Tick, w words.Printer) []Chart {
	counts := func(v float64) string { return w.Number(decimal(v)) }
	long := func(ms float64) string { return w.Figure(hours(ms)) }
	sessions := Chart{ID: "sessions", Title: w.T("Sessions a day"), Measure: "sessions", Format: counts, Series: []Series{{Name: w.T("sessions"), Shape: bars, Class: "c1"}}}
	waiting := Chart{ID: "waiting", Title: w.T("Waiting time of a leg"), Measure: "ms", Format: minutes, Unit: minute, Series: []Series{
		{Name: "90 %", Shape: line, Class: "c3"}, {Name: w.T("median"), Shape: line, Class: "c1"}}}
	total := Chart{ID: "total", Title: w.T("Total time a day"), Measure: "ms", Format: long, Unit: hour, Series: []Series{{Name: w.T("total time"), Shape: bars, Class: "c1"}}}
	work := Chart{ID: "work", Title: w.T("Work time a day"), Measure: "ms", Format: long, Unit: hour, Series: []Series{{Name: w.T("work time"), Shape: bars, Class: "c1"}}}
	for i := range places {
		p := &places[i]
		known := p.Days > 0 && p.hidden == ""
		sessions.add(p, w, known, perDay(p.Sessions, p.Days))
		waiting.add(p, w, known && p.Waiting >= 0, float64(p.Waiting90), float64(p.Waiting))
		total.add(p, w, known, perDay(p.Total, p.Days))
		work.add(p, w, known, perDay(p.Work, p.Days))
	}
	all := []Chart{sessions, waiting, total, work}
	for i := range all {
		all[i].ID, all[i].Note, all[i].Ticks, all[i].Printer = prefix+all[i].ID, note, ticks, w
	}
	if middle != "" {
		all[1].Note += ": " + middle
	}
	return all
}

// Durations in charts are milliseconds.
const (
	minute = 60_000
	hour   = 60 * minute
)

// minutes writes a short duration.
func minutes(ms float64) string {
	s := int64(ms / 1000)
	if s < 60 {
		return fmt.Sprintf("%d s", s)
	}
	return fmt.Sprintf("%d:%02d min", s/60, s%60)
}

// hours writes a long duration.
func hours(ms float64) string { return decimal(ms/hour) + " h" }

// Hours writes a long duration of milliseconds in hours.
func Hours(ms int64) string { return hours(float64(ms)) }

// ticks labels some bins on the axis.
func ticks(bins []bin, s step, p words.Printer) []Tick {
	const most = 12
	var all []Tick
	last := ""
	for i := range bins {
		d := bins[i].From.UTC()
		text := p.Date(d, "Jan")
		switch s {
		case byDay:
			text = ""
			if d.Weekday() == time.Monday {
				text = p.Date(d, "2 Jan")
			}
		case byMonth:
			text = d.Format("2006")
		}
		if text != "" && text != last {
			all = append(all, Tick{i, text})
			last = text
		}
	}
	if every := (len(all) + most - 1) / most; every > 1 {
		var some []Tick
		for i := 0; i < len(all); i += every {
			some = append(some, all[i])
		}
		all = some
	}
	return all
}
