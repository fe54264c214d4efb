package event

import "encoding/binary"

// The valid years, as written (EVENTS.md, "Lines").
const (
	minYear = 1990
	maxYear = 2200
)

const (
	secondsPerDay   = 24 * 60 * 60
	microsPerSecond = 1_000_000
)

// A calendar parses times. It caches the last date: consecutive times mostly
// have the same one.
type calendar struct {
	text [2]uint64 // of the date with its T, 2026-11-20T: the first eight bytes and the last three
	days int       // from 1970-01-01 to that date
}

// parseTime parses an RFC 3339 time with at most nine fractional digits and a
// year, as written, of 1990 to 2200. It returns microseconds since the Unix
// epoch, truncated. Offsets are from -23:59 to +23:59. Second 60 is valid where
// RFC 3339 allows a leap second, at 23:59 UTC on the last day of a June or
// December, and counts as the second after it.
func (c *calendar) parseTime(s []byte) (micros int64, ok bool) {
	// 2026-11-20T08:00:00 and at least a Z
	if len(s) < 20 {
		return 0, false
	}
	text := [2]uint64{word(s, 0), word(s, 8) & (1<<24 - 1)}
	if text != c.text || text[0] == 0 { // the zero calendar has no date
		days, ok := parseDate(s)
		if !ok {
			return 0, false
		}
		c.text, c.days = text, days
	}
	clock, isClock := clockForm.read(s[11:])
	hour, minute, second := pair(clock, 0), pair(clock, 3), pair(clock, 6)
	if !isClock || hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}

	i, fraction := 19, 0
	if s[i] == '.' {
		for i++; i < len(s) && isDigit(s[i]); i++ {
			if i < 20+6 { // further digits are less than a microsecond
				fraction = fraction*10 + int(s[i]-'0')
			}
		}
		n := i - 20
		if n < 1 || n > 9 {
			return 0, false
		}
		fraction *= microsPer[min(n, 6)]
	}

	offset, ok := parseOffset(s[i:])
	if !ok {
		return 0, false
	}
	seconds := c.days*secondsPerDay + hour*3600 + minute*60 + second - offset
	// The second after a leap second is the first of a half-year.
	if second == 60 && !startsHalfYear(seconds, twoDigits(s)*100+twoDigits(s[2:])) {
		return 0, false
	}
	return int64(seconds)*microsPerSecond + int64(fraction), true
}

// parseDate parses a date such as 2026-11-20T into days since 1970-01-01.
func parseDate(s []byte) (days int, ok bool) {
	date, isDate := dateForm.read(s)
	day := twoDigits(s[8:])
	if !isDate || day < 0 || s[10]|0x20 != 't' {
		return 0, false
	}
	century, yy, month := pair(date, 0), pair(date, 2), pair(date, 5)
	year := century*100 + yy
	if year < minYear || year > maxYear || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	return daysTo(year, month, day), true
}

// startsHalfYear reports whether a second since the Unix epoch is the first of
// a half-year. The year is that of the time as written: with an offset the
// second may lie in the next year.
func startsHalfYear(seconds, year int) bool {
	switch seconds {
	case daysTo(year, 1, 1) * secondsPerDay, daysTo(year, 7, 1) * secondsPerDay, daysTo(year+1, 1, 1) * secondsPerDay:
		return true
	}
	return false
}

// microsPer is the value of the nth fractional digit in microseconds.
var microsPer = [...]int{1: 100_000, 10_000, 1000, 100, 10, 1}

// form is a pattern of eight bytes that are read as one word.
type form struct {
	text uint64 // '0' stands for any digit
	room uint64 // 0x7f minus the most by which a byte may exceed text
}

var (
	dateForm  = form{0x2d30302d30303030, 0x7f76767f76767676} // 0000-00-
	clockForm = form{0x30303a30303a3030, 0x76767f76767f7676} // 00:00:00
)

// read reads the first eight bytes of s. pair(w, i) is then the value of two
// adjacent digits.
func (f form) read(s []byte) (w uint64, ok bool) {
	// A digit leaves its value, a matching byte leaves 0. A byte that does not
	// match gets its highest bit set.
	w = binary.LittleEndian.Uint64(s) ^ f.text
	return w*10 + w>>8, (w|(w+f.room))&highs == 0
}

// pair is the value of the digits i and i+1.
func pair(w uint64, i int) int { return int(w >> (8 * i) & 0xff) }

// parseOffset parses Z or an offset such as +01:00 into seconds.
func parseOffset(s []byte) (seconds int, ok bool) {
	if len(s) == 1 {
		return 0, s[0]|0x20 == 'z'
	}
	if len(s) != 6 || s[3] != ':' {
		return 0, false
	}
	hour, minute := twoDigits(s[1:]), twoDigits(s[4:])
	if hour|minute < 0 || hour > 23 || minute > 59 {
		return 0, false
	}
	seconds = hour*3600 + minute*60
	switch s[0] {
	case '+':
		return seconds, true
	case '-':
		return -seconds, true
	}
	return 0, false
}

// twoDigits parses the two digits at the start of s; negative if they are not
// digits.
func twoDigits(s []byte) int {
	if !isDigit(s[0]) || !isDigit(s[1]) {
		return -1
	}
	return int(s[0]-'0')*10 + int(s[1]-'0')
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if isLeap(year) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// daysBefore holds the days of a common year before each month.
var daysBefore = [...]int{1: 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334}

// daysTo is the number of days from 1970-01-01 to a date.
func daysTo(year, month, day int) int {
	const before1970 = 1969*365 + 1969/4 - 1969/100 + 1969/400
	y := year - 1 // whole years before this one
	days := y*365 + y/4 - y/100 + y/400 - before1970 + daysBefore[month] + day - 1
	if month > 2 && isLeap(year) {
		days++
	}
	return days
}
