package schedule

import (
	"time"

	"daybook/transform/day"
)

// farthest is further than any zone's clock has ever been from UTC: in Manila, it
// was 15 hours and 56 minutes behind until 1844.
const farthest = 16 * 60 * 60

// dropOf is the first instant, once the day is over for good, at which the
// local clock shows the date after it and a time of day, or something later.
func dropOf(d day.Day, at time.Duration, zone *time.Location) time.Time {
	midnight := (d + 1).UTC().Unix() // what clocks show is counted as if it were UTC
	wanted := midnight + int64(at/time.Second)
	for t := dayEnd(midnight, zone); ; {
		offset, until := offsetAt(t, zone)
		if drop := max(t, wanted-offset); drop < until {
			return time.Unix(drop, 0).In(zone)
		}
		t = until
	}
}

// dayEnd is the instant from which on the local clock never shows anything
// before a midnight again.
func dayEnd(midnight int64, zone *time.Location) int64 {
	end := midnight - farthest // the clock shows the day before, whatever the offset
	for t := end; t < midnight+farthest; {
		offset, until := offsetAt(t, zone)
		if reached := min(until, midnight-offset); reached > t {
			end = reached
		}
		t = until
	}
	return end
}

// endOfTime is beyond any date, in seconds since the Unix epoch.
const endOfTime = 1 << 62

// offsetAt is how far the clock of a zone is from UTC at an instant, in seconds,
// and an instant until which it surely stays so.
func offsetAt(t int64, zone *time.Location) (offset, until int64) {
	local := time.Unix(t, 0).In(zone)
	_, seconds := local.Zone()
	_, end := local.ZoneBounds()
	until = endOfTime
	if !end.IsZero() {
		until = end.Unix()
	}
	// On 31 December of leap years, Go gives the midnight before as the bound
	// (as of Go 1.26, of zones whose clocks go on being changed). No rule moves
	// a clock within a minute.
	return int64(seconds), max(until, t+60)
}
