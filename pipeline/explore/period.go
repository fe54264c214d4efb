package explore

import "daybook/transform/day"

// Bins splits a period into the bins of a chart: days, then stretches of seven days,
// then months. Periods of the same length have bins that can be compared in turn.
func (p Period) Bins() []Period {
	const mostDays, mostWeeks = 62, 190
	var all []Period
	for from := p.From; from <= p.To; {
		to := from
		switch n := p.Len(); {
		case n > mostWeeks:
			to = from.Month().Last()
		case n > mostDays:
			to = from + 6
		}
		to = min(to, p.To)
		all = append(all, Period{from, to})
		from = to + 1
	}
	return all
}

// binOf is the bin of each day.
func binOf(p Period, bins []Period) []int32 {
	of := make([]int32, p.Len())
	for i, b := range bins {
		for d := b.From; d <= b.To; d++ {
			of[d-p.From] = int32(i)
		}
	}
	return of
}

// Unit is the kind of a period.
type Unit string

// The units of periods.
const (
	ADay     Unit = "day"
	AWeek    Unit = "week" // from Monday to Sunday
	AMonth   Unit = "month"
	AQuarter Unit = "quarter"
	AYear    Unit = "year"
	Range    Unit = "range" // any days
)

// Around is the whole period of a unit that has a day. A range is that day.
func Around(u Unit, d day.Day) Period {
	m := d.Month()
	switch u {
	case AWeek:
		from := d - day.Day((int(d.UTC().Weekday())+6)%7)
		return Period{from, from + 6}
	case AMonth:
		return Period{m.First(), m.Last()}
	case AQuarter:
		m -= m % 3
		return Period{m.First(), (m + 2).Last()}
	case AYear:
		m -= m % 12
		return Period{m.First(), (m + 11).Last()}
	}
	return Period{d, d}
}

// Shift is the period of a unit n periods later, or earlier. A range moves by its
// length.
func (p Period) Shift(u Unit, n int) Period {
	months := map[Unit]int{AMonth: 1, AQuarter: 3, AYear: 12}[u]
	if months == 0 {
		by := day.Day(n * p.Len())
		return Period{p.From + by, p.To + by}
	}
	return Around(u, (p.From.Month() + day.Month(n*months)).First())
}

// LastYear is the same period of the year before. Days, weeks and ranges move by 52
// weeks, so that they have the same weekdays.
func (p Period) LastYear(u Unit) Period {
	switch u {
	case AMonth, AQuarter, AYear:
		return Around(u, (p.From.Month() - 12).First())
	}
	const weeks52 = 52 * 7
	return Period{p.From - weeks52, p.To - weeks52}
}

// Until cuts a period off after so many days, to compare it with one that is not over.
func (p Period) Until(days int) Period {
	return Period{p.From, min(p.To, p.From+day.Day(max(1, days))-1)}
}
