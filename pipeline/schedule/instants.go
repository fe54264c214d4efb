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
	over := dayEnd(midnight, zone)
	for s := stretchAt(over, zone); ; s = stretchAt(s.end, zone) {
		if t := max(over, s.start, wanted-s.offset); t < s.end {
			return time.Unix(t, 0).In(zone)
		}
	}
}

// dayEnd is the instant from which on the local clock never shows anything
// before a midnight again.
func dayEnd(midnight int64, zone *time.Location) int64 {
	end := midnight - farthest // the clock shows the day before, whatever the offset
	for t := end; t < midnight+farthest; {
		s := stretchAt(t, zone)
		if until := min(s.end, midnight-s.offset); until > s.start {
			end = until
		}
		t = s.end
	}
	return end
}

// stretch is a time in which a zone's offset does not change, in seconds since
// the Unix epoch.
type stretch struct {
	start, end int64 // [start, end)
	offset     int64 // of the clock from UTC, in seconds
}

// The bounds of the first and the last stretch of a zone are beyond any date.
const (
	beginningOfTime = -1 << 62
	endOfTime       = 1 << 62
)

func stretchAt(t int64, zone *time.Location) stretch {
	local := time.Unix(t, 0).In(zone)
	_, offset := local.Zone()
	s := stretch{beginningOfTime, endOfTime, int64(offset)}
	start, end := local.ZoneBounds()
	if !start.IsZero() {
		s.start = start.Unix()
	}
	if !end.IsZero() {
		s.end = end.Unix()
	}
	return s
}
