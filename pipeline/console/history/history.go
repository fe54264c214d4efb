// Package history keeps the published figures of all reports in memory, by day and
// by month, for the charts. An [Index] follows the service's state: it reads the
// figures of new revisions from the sink.
package history

import (
	"math"
	"slices"

	"daybook/transform/day"
)

// History is the measures of a report by day and by month.
type History struct {
	first  day.Day
	days   []Measures
	months map[day.Month]*Month
}

// Month is the measures of the days of a month that are known.
type Month struct {
	Days     int64
	Sessions int64 // distinct ones of the month, or of each of its days
	Groups   map[string]Measures
	Hours    [24]Measures
}

// Day is the measures of a day.
func (h *History) Day(d day.Day) Measures {
	if i := int(d - h.first); i >= 0 && i < len(h.days) {
		return h.days[i]
	}
	return Nothing
}

// Month is the measures of a month; nil if none of its days is known.
func (h *History) Month(m day.Month) *Month { return h.months[m] }

// newHistory combines the entries of a report. No two entries share a day.
func newHistory(entries []*entry) *History {
	first, last := day.Day(math.MaxInt32), day.Day(math.MinInt32)
	months := map[day.Month][]*entry{}
	for _, e := range entries {
		var m day.Month // all of its days are of one
		for d := range e.days {
			first, last, m = min(first, d), max(last, d), d.Month()
		}
		months[m] = append(months[m], e)
	}
	h := &History{first: first, days: slices.Repeat([]Measures{Nothing}, int(last-first)+1), months: make(map[day.Month]*Month, len(months))}
	for m, all := range months {
		for _, e := range all {
			for d, f := range e.days {
				h.days[d-first] = f
			}
		}
		h.months[m] = newMonth(all)
	}
	return h
}

// newMonth combines the entries of a month.
func newMonth(entries []*entry) *Month {
	if len(entries) == 1 { // a published month
		return &Month{Days: int64(len(entries[0].days)), Sessions: entries[0].sessions, Groups: entries[0].groups, Hours: entries[0].hours}
	}
	m := &Month{Groups: map[string]Measures{}}
	groups := Aggregates{}
	var hours [24]Aggregate
	for _, e := range entries {
		m.Days += int64(len(e.days))
		m.Sessions += e.sessions
		groups.Add(e.groups)
		for hour, f := range e.hours {
			hours[hour].Add(f)
		}
	}
	for name, p := range groups {
		m.Groups[name] = p.Measures()
	}
	for hour := range hours {
		m.Hours[hour] = hours[hour].Measures()
	}
	return m
}
