// Package day is a calendar date: what dumps, partitions and reports are
// filed under. A date by itself has no time zone; the zone enters only where
// an instant becomes a date (Of).
package day

import (
	"fmt"
	"time"
)

// Day is a date, as the number of days since 1970-01-01 (Parquet's date32).
type Day int32

const secondsPerDay = 24 * 60 * 60

// Of gives the date that calendars in loc show at an instant, given in
// milliseconds since the Unix epoch.
func Of(millis int64, loc *time.Location) Day {
	t := time.UnixMilli(millis).In(loc)
	_, offset := t.Zone()
	seconds := t.Unix() + int64(offset)
	days := seconds / secondsPerDay
	if seconds%secondsPerDay < 0 {
		days--
	}
	return Day(days)
}

// Date gives the day of a year, month and day of the month, normalised as
// time.Date does it.
func Date(year int, month time.Month, dayOfMonth int) Day {
	return Day(time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay)
}

// Parse reads a date written as YYYY-MM-DD.
func Parse(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("date %q: expected an existing date as YYYY-MM-DD", s)
	}
	return Date(t.Date()), nil
}

// Time gives the day's midnight in UTC.
func (d Day) Time() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

// String writes the date as YYYY-MM-DD.
func (d Day) String() string { return d.Time().Format(time.DateOnly) }

// AddDays gives the date n days later, or earlier for a negative n.
func (d Day) AddDays(n int) Day { return d + Day(n) }

// Weekday gives the day of the week.
func (d Day) Weekday() time.Weekday { return d.Time().Weekday() }

// MarshalText writes the date as YYYY-MM-DD.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a date written as YYYY-MM-DD.
func (d *Day) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
