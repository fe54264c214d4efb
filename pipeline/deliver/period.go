package deliver

import (
	"fmt"
	"time"

	"daybook/pipeline/partition"
	"daybook/transform/day"
)

// Every is the length of the periods that a delivery is about.
type Every string

// The lengths.
const (
	Day   Every = "day"
	Week  Every = "week" // Monday to Sunday (ISO 8601)
	Month Every = "month"
)

// Period is a day, week or month.
type Period struct {
	Every Every
	partition.Period
}

// PeriodOf is the period with a date in it.
func PeriodOf(e Every, d day.Day) Period {
	switch e {
	case Week:
		const week = 7
		monday := d - (day.Day(d.UTC().Weekday())+week-1)%week
		return Period{e, partition.Period{From: monday, To: monday + week - 1}}
	case Month:
		return Period{e, partition.OfMonth(d.Month())}
	}
	return Period{Day, partition.OfDay(d)}
}

// ParsePeriod reads what String writes.
func ParsePeriod(e Every, name string) (Period, error) {
	if e == Week {
		var year, week int
		if _, err := fmt.Sscanf(name, "%d-W%d", &year, &week); err == nil {
			first := PeriodOf(Week, day.Date(year, time.January, 4)) // always in week 1
			p := PeriodOf(Week, first.From+day.Day(7*(week-1)))
			if p.String() == name {
				return p, nil
			}
		}
		return Period{}, fmt.Errorf("%q is no week; write one as 2026-W47", name)
	}
	kind := partition.Day
	if e == Month {
		kind = partition.Month
	}
	p, err := partition.ParsePeriod(kind, name)
	return Period{e, p}, err
}

// String writes a day as 2026-11-20, a week as 2026-W47 and a month as 2026-11.
func (p Period) String() string {
	if p.Every == Week {
		year, week := p.From.UTC().ISOWeek()
		return fmt.Sprintf("%04d-W%02d", year, week)
	}
	return p.Period.String()
}

// Previous is the period before this one.
func (p Period) Previous() Period { return PeriodOf(p.Every, p.From-1) }

// IDs are the partitions of a report that the period is made of.
func (p Period) IDs(report string) []partition.ID {
	if p.Every == Month {
		return []partition.ID{partition.InReport(report, p.Period)}
	}
	var ids []partition.ID
	for _, d := range p.Days() {
		ids = append(ids, partition.DayID(report, d))
	}
	return ids
}

// Recent are the periods that are over in a zone and ended at most the given number of
// periods ago, oldest first.
func Recent(e Every, now time.Time, zone *time.Location, periods int) []Period {
	recent := make([]Period, periods)
	p := PeriodOf(e, day.Of(now.UnixMilli(), zone)).Previous()
	for i := periods - 1; i >= 0; i-- {
		recent[i] = p
		p = p.Previous()
	}
	return recent
}
