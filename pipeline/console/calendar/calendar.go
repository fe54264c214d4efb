// Package calendar draws the days and months of a report by their states: as a table
// with a cell each, as a strip for each year, as the bars of the latest days, and as
// a list of what is open.
package calendar

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"daybook/pipeline/console/problem"
	"daybook/pipeline/service/states"
	"daybook/pipeline/words"
	"daybook/transform/day"
)

// Calendar is a report's days and months, a cell each.
//
// Go code writes its HTML: ten years have four thousand cells, and a template
// would take too long for them.
type Calendar struct {
	report *states.Report
	words  words.Printer
	first  day.Day
	months map[day.Month]*states.Partition
}

// New is the calendar of a report. p writes its texts.
func New(rep *states.Report, p words.Printer) *Calendar {
	c := &Calendar{report: rep, words: p, months: make(map[day.Month]*states.Partition, len(rep.Months))}
	if len(rep.Days) > 0 {
		c.first, _ = day.Parse(rep.Days[0].Name()) // the state's names are dates
	}
	for i := range rep.Months {
		if m, err := day.ParseMonth(rep.Months[i].Name()); err == nil {
			c.months[m] = &rep.Months[i]
		}
	}
	return c
}

// day is the partition of a day, or nil.
func (c *Calendar) day(d day.Day) *states.Partition {
	if i := int(d - c.first); i >= 0 && i < len(c.report.Days) {
		return &c.report.Days[i]
	}
	return nil
}

func (c *Calendar) last() day.Day { return c.first + day.Day(len(c.report.Days)) - 1 }

// Ranges beside the years.
const (
	Recent = "recent" // the last twelve months
	All    = "all"
)

const recentMonths = 12

// Range returns the days of a named range.
func (c *Calendar) Range(name string) (from, to day.Day, err error) {
	switch name {
	case All:
		return c.first, c.last(), nil
	case Recent:
		return max(c.first, (c.last().Month() - recentMonths + 1).First()), c.last(), nil
	}
	y, err := strconv.ParseUint(name, 10, 16)
	if err != nil {
		return 0, 0, problem.BadRequest("Write the year as 2026, or all.")
	}
	from, to = max(c.first, day.Date(int(y), 1, 1)), min(c.last(), day.Date(int(y), 12, 31))
	if from > to {
		return 0, 0, problem.NotFound("The report has no days in %d.", y)
	}
	return from, to, nil
}

// daysInRow is as many as the longest month has.
const daysInRow = 31

// Table has a row for each month, the newest first. Its last column is the month
// as a whole.
func (c *Calendar) Table(from, to day.Day) template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<table class="calendar"><thead><tr><th scope="col"><span class="hidden">%s</span></th>`, c.words.T("Month"))
	for d := 1; d <= daysInRow; d++ {
		fmt.Fprintf(&b, `<th scope="col">%d</th>`, d)
	}
	fmt.Fprintf(&b, `<th scope="col" class="whole">%s</th></tr></thead><tbody>`, c.words.T("month"))
	for m := to.Month(); m >= from.Month(); m-- {
		c.row(&b, m, from, to)
	}
	b.WriteString(`</tbody></table>`)
	return template.HTML(b.String())
}

func (c *Calendar) row(b *strings.Builder, m day.Month, from, to day.Day) {
	first, last := m.First(), m.Last()
	b.WriteString(`<tr><th scope="row">`)
	b.WriteString(c.words.Date(first.UTC(), "Jan 2006"))
	b.WriteString(`</th>`)
	for d := first; d < first+daysInRow; d++ {
		p := c.day(d)
		if p == nil || d > last || d < from || d > to {
			b.WriteString(`<td></td>`)
			continue
		}
		// A phone shows the month as a sheet of weeks: a column for each weekday, and
		// the day of the month in each cell.
		fmt.Fprintf(b, `<td class="w%d">`, d.UTC().Weekday())
		c.cell(b, p, c.words.Date(d.UTC(), "Mon 2 Jan 2006"), int(d-first)+1)
		b.WriteString(`</td>`)
	}
	b.WriteString(`<td class="whole">`)
	if p := c.months[m]; p != nil {
		c.cell(b, p, c.words.Date(first.UTC(), "January 2006"), 0)
	}
	b.WriteString(`</td></tr>`)
}

// cell is the link to a partition. Its accessible name sums up the partition. dom
// is the day of the month; 0: the partition is a month.
func (c *Calendar) cell(b *strings.Builder, p *states.Partition, date string, dom int) {
	l := StyleOf(p.State)
	b.WriteString(`<a class="cell `)
	b.WriteString(string(p.State))
	if p.Late {
		b.WriteString(` late`)
	}
	b.WriteString(`" href="/reports/`)
	b.WriteString(c.report.Name) // configured names need no escaping
	b.WriteByte('/')
	b.WriteString(p.Name())
	if dom > 0 {
		b.WriteString(`" data-day="`)
		b.WriteString(strconv.Itoa(dom))
	}
	b.WriteString(`" aria-label="`)
	b.WriteString(date)
	b.WriteString(": ")
	b.WriteString(template.HTMLEscapeString(brief(p, l.Word, c.words)))
	b.WriteString(`">`)
	b.WriteString(l.Sign)
	b.WriteString(`</a>`)
}

// brief is a partition in a line.
func brief(p *states.Partition, word string, w words.Printer) string {
	text := w.T(word)
	if p.Late {
		text += ", " + w.T("late")
	}
	if p.Revision > 1 {
		text += ", " + w.T("revision") + " " + strconv.Itoa(p.Revision)
	}
	if p.Rows > 0 || p.State == states.Empty {
		text += ", " + w.Count(p.Rows, "row", "rows")
	}
	why := p.Failure
	if why == "" && !p.State.Fresh() && len(p.Reasons) > 0 {
		why = w.Say(p.Reasons[0])
	}
	const most = 120
	if runes := []rune(why); len(runes) > most {
		why = string(runes[:most]) + "…"
	}
	if why != "" {
		text += ": " + why
	}
	return text
}

// Year is a calendar year at a glance.
type Year struct {
	Year     int                  `json:"year"`
	Counts   map[states.State]int `json:"days"` // by state
	Tallies  []Tally              `json:"-"`    // those, in the order of the legend
	Rows     int64                `json:"rows"`
	Strip    template.HTML        `json:"-"`
	Selected bool                 `json:"-"`
}

// Tally is how many days of a year are in a state.
type Tally struct {
	Style
	N int
}

// Years are all of them, the newest first.
func (c *Calendar) Years() []Year {
	if len(c.report.Days) == 0 {
		return nil
	}
	var all []Year
	for y := c.last().UTC().Year(); y >= c.first.UTC().Year(); y-- {
		from, to := day.Date(y, 1, 1), day.Date(y, 12, 31)
		one := Year{Year: y, Counts: map[states.State]int{}, Strip: c.strip(from, to)}
		for d := from; d <= to; d++ {
			if p := c.day(d); p != nil {
				one.Counts[p.State]++
				one.Rows += p.Rows
			}
		}
		for _, l := range Styles {
			if n := one.Counts[l.State]; n > 0 {
				one.Tallies = append(one.Tallies, Tally{l, n})
			}
		}
		all = append(all, one)
	}
	return all
}

// strip is a year as a bar: consecutive days of one state are one stretch. The
// months are a thinner bar below.
func (c *Calendar) strip(from, to day.Day) template.HTML {
	const height, gap, months = 16, 2, 4
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="strip" width="100%%" height="%d" aria-hidden="true">`, height+gap+months)
	place := func(d day.Day) float64 { return 100 * float64(d-from) / float64(to-from+1) }
	for d := from; d <= to; {
		p := c.day(d)
		if p == nil {
			d++
			continue
		}
		end := d + 1
		for q := c.day(end); end <= to && q != nil && q.State == p.State; q = c.day(end) {
			end++
		}
		fmt.Fprintf(&b, `<rect class="%s" x="%.3f%%" y="0" width="%.3f%%" height="%d"><title>%s</title></rect>`,
			p.State, place(d), place(end)-place(d), height, c.stretchName(d, end-1, StyleOf(p.State).Word))
		d = end
	}
	for m := from.Month(); m <= to.Month(); m++ {
		if m > from.Month() {
			fmt.Fprintf(&b, `<line class="cut" x1="%.3f%%" x2="%.3f%%" y1="0" y2="%d"/>`, place(m.First()), place(m.First()), height+gap+months)
		}
		if p := c.months[m]; p != nil {
			fmt.Fprintf(&b, `<rect class="%s" x="%.3f%%" y="%d" width="%.3f%%" height="%d"><title>%s: %s</title></rect>`,
				p.State, place(m.First()), height+gap, place(m.Last()+1)-place(m.First()), months, c.words.Date(m.First().UTC(), "January 2006"), c.words.T(StyleOf(p.State).Word))
		}
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

func (c *Calendar) stretchName(from, to day.Day, word string) string {
	if from == to {
		return from.String() + ": " + c.words.T(word)
	}
	return c.words.T("%s to %s", from, to) + ": " + c.words.T(word)
}
