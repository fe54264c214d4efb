package console

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"daybook/transform/day"
)

// bin is some days in a row, as one point of a chart.
type bin struct {
	From, To day.Day
	figures
}

// name is the bin's days in words.
func (b *bin) name() string {
	from := b.From.UTC()
	switch {
	case b.From == b.To:
		return from.Format("Mon 2 Jan 2006")
	case b.From == b.From.Month().First() && b.To >= b.From+27:
		return from.Format("January 2006")
	}
	return from.Format("2 Jan") + " to " + b.To.UTC().Format("2 Jan 2006")
}

// step is how many days there are in a bin.
type step int

const (
	byDay step = iota
	byWeek
	byMonth
)

// stepFor has charts of some 30 to 120 points.
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

// end is the last day of the bin that d is in; weeks begin on Mondays.
func (s step) end(d day.Day) day.Day {
	switch s {
	case byWeek:
		return d + day.Day((7-int(d.UTC().Weekday()))%7)
	case byMonth:
		return d.Month().Last()
	}
	return d
}

// bins are the figures of the days from to to. What can be added is added; of
// percentiles, a bin has the middle one of its days.
func (h *history) bins(from, to day.Day, s step) []bin {
	var all []bin
	var waiting, waiting90 []int64
	for d := from; d <= to; {
		b := bin{From: d, To: min(s.end(d), to)}
		waiting, waiting90 = waiting[:0], waiting90[:0]
		for ; d <= b.To; d++ {
			f := h.day(d)
			b.figures = b.figures.plus(f)
			if f.Waiting >= 0 {
				waiting, waiting90 = append(waiting, f.Waiting), append(waiting90, f.Waiting90)
			}
		}
		b.Waiting, b.Waiting90 = middle(waiting), middle(waiting90)
		all = append(all, b)
	}
	return all
}

// middle is the median; -1 of nothing. It sorts.
func middle(values []int64) int64 {
	if len(values) == 0 {
		return -1
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

// row is a span of months, as a row of a table over time.
type row struct {
	Name         string
	From, To     day.Month
	days         int64
	sessionsAt   [24]int64
	groupFigures map[string]figures
}

// rows are the months of a time, or, of a long time, its years.
func (h *history) rows(from, to day.Day) []row {
	const mostMonths = 15
	var all []row
	byYear := to.Month()-from.Month() >= mostMonths
	for m := from.Month(); m <= to.Month(); m++ {
		name := m.First().UTC().Format("Jan 2006")
		if byYear {
			name = strconv.Itoa(m.First().UTC().Year())
		}
		if n := len(all); n == 0 || all[n-1].Name != name {
			all = append(all, row{Name: name, From: m, groupFigures: map[string]figures{}})
		}
		r := &all[len(all)-1]
		r.To = m
		if f := h.months[m]; f != nil {
			r.days += f.days
			for hour := range f.hours {
				r.sessionsAt[hour] += f.hours[hour].Sessions
			}
			for name, g := range f.groups {
				r.groupFigures[name] = r.groupFigures[name].plus(g)
			}
		}
	}
	return all
}

// groupRow is a technician group over time.
type groupRow struct {
	Name     string    `json:"name"`
	Sessions int64     `json:"sessions"`
	Share    string    `json:"share"` // of all groups' sessions
	Total    string    `json:"total_time"`
	Work     string    `json:"work_time"`
	Series   []float64 `json:"sessions_a_day"` // by row
}

// groups are the technician groups, the largest first.
func groupsOf(rows []row) []groupRow {
	totals := map[string]figures{}
	all := int64(0)
	for i := range rows {
		for name, f := range rows[i].groupFigures {
			totals[name] = totals[name].plus(f)
			all += f.Sessions
		}
	}
	names := slices.SortedFunc(maps.Keys(totals), func(a, b string) int {
		return cmp.Or(cmp.Compare(totals[b].Sessions, totals[a].Sessions), cmp.Compare(a, b))
	})
	groups := make([]groupRow, 0, len(names))
	for _, name := range names {
		f := totals[name]
		g := groupRow{Name: cmp.Or(name, "no group"), Sessions: f.Sessions, Share: percent(f.Sessions, all), Total: hours(float64(f.Total)), Work: hours(float64(f.Work))}
		for i := range rows {
			g.Series = append(g.Series, perDay(rows[i].groupFigures[name].Sessions, rows[i].days))
		}
		groups = append(groups, g)
	}
	return groups
}

func perDay(n, days int64) float64 {
	if days == 0 {
		return 0
	}
	return float64(n) / float64(days)
}

// hourRow is the hours of the day in a row's months.
type hourRow struct {
	Name  string   `json:"name"`
	Cells [24]heat `json:"hours"`
}

// heat is one cell: the sessions a day of an hour, and how much that is of the
// most there is, from 0 to 8.
type heat struct {
	Value float64 `json:"sessions_a_day"`
	Level int     `json:"-"`
	Text  string  `json:"-"`
}

const heatLevels = 8

func hoursOf(rows []row) []hourRow {
	most := 0.0
	hours := make([]hourRow, 0, len(rows))
	for i := range rows {
		if rows[i].days == 0 {
			continue
		}
		r := hourRow{Name: rows[i].Name}
		for hour, n := range rows[i].sessionsAt {
			r.Cells[hour].Value = perDay(n, rows[i].days)
			most = max(most, r.Cells[hour].Value)
		}
		hours = append(hours, r)
	}
	for i := range hours {
		for hour := range hours[i].Cells {
			c := &hours[i].Cells[hour]
			c.Text = decimal(c.Value)
			if c.Value > 0 {
				c.Level = 1 + int(c.Value/most*(heatLevels-1)+0.5)
			}
		}
	}
	slices.Reverse(hours) // the newest first, as everywhere
	return hours
}

// decimal writes a number with as many digits as matter.
func decimal(v float64) string {
	if v >= 10 || v == float64(int64(v)) {
		return thousands(int64(v + 0.5))
	}
	return fmt.Sprintf("%.1f", v)
}

// charts are those of a report over some days.
func chartsOf(h *history, from, to day.Day) []chart {
	s := stepFor(from, to)
	bins := h.bins(from, to, s)
	sessions := chart{ID: "sessions", Title: "Sessions a day", Format: decimal, Series: []series{{Name: "sessions", Shape: bars, Class: "c1"}}}
	waiting := chart{ID: "waiting", Title: "Waiting time", Format: seconds, Unit: 60, Series: []series{
		{Name: "90 %", Shape: line, Class: "c3"}, {Name: "median", Shape: line, Class: "c1"}}}
	total := chart{ID: "total", Title: "Total time a day", Format: hours, Unit: 3600, Series: []series{{Name: "total time", Shape: bars, Class: "c1"}}}
	work := chart{ID: "work", Title: "Work time a day", Format: hours, Unit: 3600, Series: []series{{Name: "work time", Shape: bars, Class: "c1"}}}
	for i := range bins {
		b := &bins[i]
		label := b.name()
		if b.Days == 0 {
			for _, c := range []*chart{&sessions, &waiting, &total, &work} {
				c.add(label, make([]float64, len(c.Series)), false)
			}
			continue
		}
		sessions.add(label, []float64{perDay(b.Sessions, b.Days)}, true)
		waiting.add(label, []float64{float64(b.Waiting90), float64(b.Waiting)}, b.Waiting >= 0)
		total.add(label, []float64{perDay(b.Total, b.Days)}, true)
		work.add(label, []float64{perDay(b.Work, b.Days)}, true)
	}
	note := map[step]string{byDay: "", byWeek: "by week", byMonth: "by month"}[s]
	all := []chart{sessions, waiting, total, work}
	for i := range all {
		all[i].Note, all[i].Ticks = note, ticks(bins, s)
	}
	if s != byDay {
		all[1].Note += ": the middle one of its days"
	}
	return all
}

func seconds(v float64) string {
	d := time.Duration(v) * time.Second
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return fmt.Sprintf("%d:%02d min", int(d.Minutes()), int(d.Seconds())%60)
}

func hours(v float64) string { return decimal(v/3600) + " h" }

// ticks name some bins along the axis.
func ticks(bins []bin, s step) []tick {
	const most = 12
	var all []tick
	last := ""
	for i := range bins {
		d := bins[i].From.UTC()
		text := d.Format("Jan")
		switch s {
		case byDay:
			text = ""
			if d.Weekday() == time.Monday {
				text = d.Format("2 Jan")
			}
		case byMonth:
			text = d.Format("2006")
		}
		if text != "" && text != last {
			all = append(all, tick{i, text})
			last = text
		}
	}
	if every := (len(all) + most - 1) / most; every > 1 {
		var some []tick
		for i := 0; i < len(all); i += every {
			some = append(some, all[i])
		}
		all = some
	}
	return all
}
