package export

import (
	"time"
)

// moment is what a clock shows: milliseconds since the Unix epoch as if the clock
// were in UTC. With exact, the offset is known and it is the instant itself.
type moment struct {
	millis int64
	exact  bool
}

// parseTime reads M/D/YYYY h:mm:ss AM|PM, or one of the forms of daybook's own CSV
// files: 2026-11-20T09:15:02+01:00 and 2026-11-20 09:15:02.
func parseTime(s string) (moment, bool) {
	if len(s) > 10 && s[4] == '-' {
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return moment{t.UnixMilli(), true}, true
		}
		t, err := time.Parse(time.DateTime, s)
		return moment{t.UnixMilli(), false}, err == nil
	}
	c := cursor{s: s}
	month := c.number(1, 2, '/')
	dayOfMonth := c.number(1, 2, '/')
	year := c.number(4, 4, ' ')
	hour := c.number(1, 2, ':')
	minute := c.number(2, 2, ':')
	second := c.number(2, 2, ' ')
	afternoon := false
	switch c.s {
	case "AM", "am":
	case "PM", "pm":
		afternoon = true
	default:
		return moment{}, false
	}
	if c.bad || hour < 1 || hour > 12 || minute > 59 || second > 59 || month < 1 || month > 12 || dayOfMonth < 1 {
		return moment{}, false
	}
	hour %= 12
	if afternoon {
		hour += 12
	}
	days := daysOf(year, month, dayOfMonth)
	if dayOfMonth > 28 {
		if back := time.Unix(days*86400, 0).UTC(); back.Day() != int(dayOfMonth) {
			return moment{}, false
		}
	}
	return moment{((days*24+hour)*3600 + minute*60 + second) * 1000, false}, true
}

// daysOf is the number of days from 1970-01-01 to a date of the Gregorian calendar.
func daysOf(year, month, day int64) int64 {
	if month <= 2 {
		year, month = year-1, month+12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 719469
}

// cursor reads numbers from the front of a text.
type cursor struct {
	s   string
	bad bool
}

// number reads a number of least to most digits, and the sign after it.
func (c *cursor) number(least, most int, end byte) (n int64) {
	i := 0
	for i < len(c.s) && i < most && c.s[i]-'0' <= 9 {
		n = n*10 + int64(c.s[i]-'0')
		i++
	}
	if i < least || i == len(c.s) || c.s[i] != end {
		c.bad, c.s = true, ""
		return 0
	}
	c.s = c.s[i+1:]
	return n
}

// parseDuration reads H:MM:SS as milliseconds. Hours do not wrap.
func parseDuration(s string) (ms int64, ok bool) {
	n := len(s)
	if n < 7 || n > 12 || s[n-3] != ':' || s[n-6] != ':' {
		return 0, false
	}
	hours, ok := digits(s[:n-6])
	minutes, ok2 := digits(s[n-5 : n-3])
	seconds, ok3 := digits(s[n-2:])
	return (hours*3600 + minutes*60 + seconds) * 1000, ok && ok2 && ok3 && minutes < 60 && seconds < 60
}

// parseInteger reads a number from 0 to 2^63-1.
func parseInteger(s string) (n int64, ok bool) {
	if len(s) > 19 {
		return 0, false
	}
	n, ok = digits(s)
	return n, ok && n >= 0
}

// digits reads at most 19 digits; more than 2^63-1 becomes negative.
func digits(s string) (n int64, ok bool) {
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return n, s != ""
}

// clock turns what the clocks of a zone show into instants. Dates repeat: most have
// one offset from midnight to midnight, which it keeps.
type clock struct {
	zone    *time.Location
	offsets map[int64]int64 // in milliseconds, by day; changes: the offset changes
}

const (
	dayMillis = 24 * 60 * 60 * 1000
	changes   = 1 << 62
	mostDays  = 4096
)

func newClock(zone *time.Location) *clock { return &clock{zone, map[int64]int64{}} }

// millis is the instant of a moment. A time that the clocks show twice is the first
// one; one that they skip lies as long after the change as it would have without it.
// ok is false outside of the years 1990 to 2200.
func (c *clock) millis(at moment) (ms int64, ok bool) {
	const first, end = 631152000000, 7289654400000 // 1990-01-01 and 2201-01-01
	if at.millis < first || at.millis >= end {
		return 0, false
	}
	if at.exact {
		return at.millis, true
	}
	day := at.millis / dayMillis
	offset, found := c.offsets[day]
	if !found {
		midnight := day * dayMillis
		before, after := c.offset(midnight-dayMillis), c.offset(midnight+2*dayMillis)
		if offset = before; before != after {
			offset = changes
		}
		if len(c.offsets) == mostDays {
			clear(c.offsets)
		}
		c.offsets[day] = offset
	}
	if offset != changes {
		return at.millis - offset, true
	}
	before, after := c.offset(at.millis-dayMillis), c.offset(at.millis+dayMillis)
	if early := at.millis - before; c.offset(early) == before {
		return early, true
	}
	if late := at.millis - after; c.offset(late) == after {
		return late, true
	}
	return at.millis - before, true
}

// offset is how far the clocks of the zone are ahead of UTC at an instant, in
// milliseconds.
func (c *clock) offset(ms int64) int64 {
	_, seconds := time.UnixMilli(ms).In(c.zone).Zone()
	return int64(seconds) * 1000
}
