package partition

import (
	"time"

	"daybook/transform/day"
)

// A session is followed from event to event: consecutive events that lie at most
// look-back days apart belong together, and an event is delivered at most look-back
// days late or early (EVENTS.md, "How far a session reaches").

const dayMillis = 24 * 60 * 60 * 1000

// Silence is the longest time in milliseconds between consecutive events of one
// session.
func Silence(lookback int) int64 { return int64(lookback) * dayMillis }

// Reach is the dump days that can hold an event which belongs to a stretch of time
// with events of the same session: from first to last, in milliseconds.
func Reach(lookback int, first, last int64) Period {
	l := day.Day(2 * lookback)
	return Period{day.Of(first, time.UTC) - l, day.Of(last, time.UTC) + l}
}

// Window is the dump days that can hold an event which belongs to one on the days of a
// period: the reach of these days, and one more day on each side, as one local date
// lies on two dates in UTC. The window is the same in every zone, so that one day of
// all reports is made together.
func Window(lookback int, p Period) Period {
	reach := day.Day(2*lookback) + 1
	return Period{p.From - reach, p.To + reach}
}

// Needed is the part of the window whose digests have to be up to date before the
// days are made: from the first possible event of their sessions to the day after
// them, which holds their last hours in zones west of Greenwich. Digests of later
// days may be missing: the days are made again when those arrive.
func Needed(lookback int, p Period) Period {
	return Period{Window(lookback, p).From, p.To + 1}
}

// Instants is the interval of time, in milliseconds since the Unix epoch, in which
// a local clock can show the date d: [from, to). Where the clock is changed on the
// date, the interval may be longer by the change: [day.Of] gives the exact date of
// a moment.
func Instants(d day.Day, zone *time.Location) (from, to int64) {
	const hour = 60 * 60 * 1000
	begin, end := d.UTC().UnixMilli(), (d + 1).UTC().UnixMilli()
	// A moment t shows d if begin <= t + offset(t) < end. No zone has ever been
	// further from UTC than 16 hours, and every offset has lasted for an hour.
	_, offset := time.UnixMilli(begin).In(zone).Zone()
	least, most := offset, offset
	for t := begin - 16*hour; t <= end+16*hour; t += hour {
		_, offset := time.UnixMilli(t).In(zone).Zone()
		least, most = min(least, offset), max(most, offset)
	}
	return begin - int64(most)*1000, end - int64(least)*1000
}
