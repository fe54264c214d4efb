package schedule

import (
	"time"

	"daybook/transform/day"
)

// maxOffset is more than the largest offset from UTC of any zone, in seconds:
// Manila was 15 hours and 56 minutes behind until 1844.
const maxOffset = 16 * 60 * 60

// dropOf is the first instant after the end of the day at which the local clock
// shows the time at on the next date, or a later time.
func dropOf(d day.Day, at time.Duration, zone *time.Location) time.Time {
	midnight := (d + 1).UTC().Unix() // local time, counted as if it were UTC
	wanted := midnight + int64(at/time.Second)
	for t := dayEnd(midnight, zone); ; {
		offset, until := offsetAt(t, zone)
		if drop := max(t, wanted-offset); drop < until {
			return time.Unix(drop, 0).In(zone)
		}
		t = until
	}
}

// dayEnd is the instant from which on the local clock no longer shows a time before
// midnight. A clock that is set back may show the day before twice.
func dayEnd(midnight int64, zone *time.Location) int64 {
	end := midnight - maxOffset // with any offset, the clock still shows the day before
	for t := end; t < midnight+maxOffset; {
		offset, until := offsetAt(t, zone)
		if reached := min(until, midnight-offset); reached > t {
			end = reached
		}
		t = until
	}
	return end
}

// endOfTime is after any date, in seconds since the Unix epoch.
const endOfTime = 1 << 62

// offsetAt is the offset of a zone from UTC at an instant, in seconds, and an
// instant until which it stays the same.
func offsetAt(t int64, zone *time.Location) (offset, until int64) {
	local := time.Unix(t, 0).In(zone)
	_, seconds := local.Zone()
	_, end := local.ZoneBounds()
	until = endOfTime
	if !end.IsZero() {
		until = end.Unix()
	}
	// On 31 December of leap years, Go 1.26 returns the midnight before as the end,
	// for zones whose clocks still change. A minute is safe: no rule changes a clock
	// twice within one.
	return int64(seconds), max(until, t+60)
}
