package pipeline

import (
	"time"

	"daybook/transform/day"
)

// period is what a partition covers: a day, or a month.
type period struct {
	name     string // 2026-11-20, or 2026-11
	from, to day.Day
}

func dayPeriod(d day.Day) period     { return period{d.String(), d, d} }
func monthPeriod(m day.Month) period { return period{m.String(), m.First(), m.Last()} }
func (p period) days() int           { return int(p.to-p.from) + 1 }

// parsePeriod is the day or the month of a name.
func parsePeriod(kind Kind, name string) (p period, ok bool) {
	if kind == Month {
		m, err := day.ParseMonth(name)
		return monthPeriod(m), err == nil
	}
	d, err := day.Parse(name)
	return dayPeriod(d), err == nil
}

func daysOf(from, to day.Day) []day.Day {
	days := make([]day.Day, 0, to-from+1)
	for d := from; d <= to; d++ {
		days = append(days, d)
	}
	return days
}

// Window is the dump days that the days from to to of a report are made from:
// the look-back around them, and one more on each side. For an event is in reach
// by its date in UTC, and what a clock ahead of UTC or behind it calls one date
// lies on two. The window is the same in every zone, so that the days of all
// reports are made together.
func (r *Runner) Window(from, to day.Day) (first, last day.Day) {
	reach := day.Day(r.Lookback) + 1
	return from - reach, to + reach
}

// Needed is the part of the window without whose digests, if they are due, the
// days cannot be made: from where their sessions begin to the day after them,
// where their last hours are in zones west of Greenwich. Without a later one
// they are as they were on that day.
func (r *Runner) Needed(from, to day.Day) (first, last day.Day) {
	first, _ = r.Window(from, to)
	return first, to + 1
}

// instants are the moments, in milliseconds since the Unix epoch, between which
// the local clock can show the date d: [from, to). The interval is exact but
// for dates on which the clock is changed, where it may be as much longer as
// the clock is moved: who wants to be exact asks for the date of a moment
// (day.Of).
func instants(d day.Day, zone *time.Location) (from, to int64) {
	const hour = 60 * 60 * 1000
	begin, end := d.UTC().UnixMilli(), (d + 1).UTC().UnixMilli()
	// A moment t shows d if begin <= t + offset(t) < end. No zone has ever been
	// further from UTC than 16 hours, and no offset lasted less than an hour.
	_, offset := time.UnixMilli(begin).In(zone).Zone()
	least, most := offset, offset
	for t := begin - 16*hour; t <= end+16*hour; t += hour {
		_, offset := time.UnixMilli(t).In(zone).Zone()
		least, most = min(least, offset), max(most, offset)
	}
	return begin - int64(most)*1000, end - int64(least)*1000
}
