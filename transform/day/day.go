// Package day has calendar days and months: dates without a time or a zone.
// The date of an instant depends on a zone. By the zone's rules a date lasts
// 23, 24 or 25 hours, or is skipped.
package day

import (
	"fmt"
	"time"
)

// Day is a calendar date, counted in days since 1970-01-01: what Parquet and
// Arrow call a date32.
type Day int32

const (
	layout      = "2006-01-02"
	monthLayout = "2006-01"
	seconds     = 24 * 60 * 60
)

// Date is the day with that year, month and day of the month, normalised as
// by time.Date.
func Date(year int, month time.Month, dom int) Day {
	return Day(time.Date(year, month, dom, 0, 0, 0, 0, time.UTC).Unix() / seconds)
}

// Of is the local date of an instant in milliseconds since the Unix epoch.
func Of(ms int64, zone *time.Location) Day {
	_, offset := time.UnixMilli(ms).In(zone).Zone()
	local := ms + int64(offset)*1000
	return Day(floorDiv(local, seconds*1000))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Parse reads a date written as 2006-01-02.
func Parse(s string) (Day, error) {
	t, err := time.Parse(layout, s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a date; write it as 2026-11-20", s)
	}
	return Day(t.Unix() / seconds), nil
}

// Min and Max are the first and the last date of an event (EVENTS.md, "Lines").
var (
	Min = Date(1990, time.January, 1)
	Max = Date(2200, time.December, 31)
)

// ParseEventDate reads a date from Min to Max: an event can have no other.
func ParseEventDate(s string) (Day, error) {
	d, err := Parse(s)
	if err == nil && (d < Min || d > Max) {
		return 0, fmt.Errorf("%s is not from %s to %s, where events can lie", s, Min, Max)
	}
	return d, err
}

// ParseEventMonth reads a month from that of Min to that of Max.
func ParseEventMonth(s string) (Month, error) {
	m, err := ParseMonth(s)
	if err == nil && (m < Min.Month() || m > Max.Month()) {
		return 0, fmt.Errorf("%s is not from %s to %s, where events can lie", s, Min.Month(), Max.Month())
	}
	return m, err
}

// UTC is midnight UTC of the day.
func (d Day) UTC() time.Time { return time.Unix(int64(d)*seconds, 0).UTC() }

// String writes the date as 2006-01-02.
func (d Day) String() string { return d.UTC().Format(layout) }

// Month is the month that the day is in.
func (d Day) Month() Month {
	y, m, _ := d.UTC().Date()
	return MonthOf(y, m)
}

// Month is a calendar month, counted in months since January of the year 0.
type Month int32

// MonthOf is a month of a year.
func MonthOf(year int, month time.Month) Month { return Month(year*12 + int(month) - 1) }

// ParseMonth reads a month written as 2006-01.
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse(monthLayout, s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a month; write it as 2026-11", s)
	}
	return MonthOf(t.Year(), t.Month()), nil
}

// First is the month's first day.
func (m Month) First() Day { return Date(int(m)/12, time.Month(int(m)%12+1), 1) }

// Last is the month's last day.
func (m Month) Last() Day { return (m + 1).First() - 1 }

// String writes the month as 2006-01.
func (m Month) String() string { return m.First().UTC().Format(monthLayout) }
