package publish

import (
	"fmt"
	"time"

	"daybook/transform/day"
)

// The first and the last date of an event (EVENTS.md, "Lines").
var (
	minDate = day.Date(1990, time.January, 1)
	maxDate = day.Date(2200, time.December, 31)
)

// checkTimes refuses times that no content can have. A checksum notices the
// same damage, but manifests of released versions have none, and a plan covers
// all days between the times of a digest, however many they are.
func (m *Manifest) checkTimes() error {
	if _, err := time.Parse(time.RFC3339, m.PublishedAt); err != nil && m.PublishedAt != "" {
		return fmt.Errorf("published_at: %q is not a time such as 2026-11-21T03:00:12.345Z", m.PublishedAt)
	}
	from, to, err := m.dates()
	if err != nil {
		return err
	}
	for i, part := range m.Parts {
		if err := checkTimes(part.MinTime, part.MaxTime, from, to); err != nil {
			return fmt.Errorf("parts: number %d: %w", i, err)
		}
	}
	if m.Digest == nil {
		return nil
	}
	if err := checkTimes(m.Digest.MinTime, m.Digest.MaxTime, from, to); err != nil {
		return fmt.Errorf("digest: %w", err)
	}
	for _, late := range m.Digest.Late {
		if err := checkLate(m.Partition, late); err != nil {
			return fmt.Errorf("digest.late: %w", err)
		}
	}
	return nil
}

// dates returns the first and the last date, in UTC, that the content may have.
func (m *Manifest) dates() (from, to day.Day, err error) {
	switch {
	case m.Digest != nil:
		from, err = day.Parse(m.Partition)
		late, early := m.Digest.MaxDaysLate, m.Digest.MaxDaysEarly
		if most := int(maxDate - minDate); late < 0 || late > most || early < 0 || early > most {
			return 0, 0, fmt.Errorf("digest: max_days_late is %d and max_days_early %d; both are between 0 and %d", late, early, most)
		}
		from, to = from-day.Day(late), from+day.Day(early)
	case m.Partition == "":
		return minDate, maxDate, nil
	default:
		from, to, err = period(m.Partition)
		from, to = from-1, to+1 // a report's zone is less than a day away from UTC
	}
	if err != nil {
		return 0, 0, fmt.Errorf("partition: %w", err)
	}
	return max(from, minDate), min(to, maxDate), nil
}

// period returns the first and the last date of a day or a month.
func period(partition string) (from, to day.Day, err error) {
	if d, err := day.Parse(partition); err == nil {
		return d, d, nil
	}
	month, err := day.ParseMonth(partition)
	if err != nil {
		return 0, 0, err
	}
	return month.First(), month.Last(), nil
}

// checkTimes refuses times that are out of order or not on the dates from from
// to to. Both are empty if the content has no times.
func checkTimes(minTime, maxTime string, from, to day.Day) error {
	if minTime == "" && maxTime == "" {
		return nil
	}
	first, err := time.Parse(time.RFC3339, minTime)
	if err != nil {
		return fmt.Errorf("min_time: %q is not a time such as 2026-11-20T09:15:02.000Z", minTime)
	}
	last, err := time.Parse(time.RFC3339, maxTime)
	if err != nil {
		return fmt.Errorf("max_time: %q is not a time such as 2026-11-20T09:15:02.000Z", maxTime)
	}
	if last.Before(first) {
		return fmt.Errorf("min_time %s is after max_time %s", minTime, maxTime)
	}
	if day.Of(first.UnixMilli(), time.UTC) < from || day.Of(last.UnixMilli(), time.UTC) > to {
		return fmt.Errorf("the times from %s to %s are not within the dates from %s to %s", minTime, maxTime, from, to)
	}
	return nil
}

// checkLate refuses late lines whose date and distance contradict each other.
func checkLate(partition string, late LateLines) error {
	d, err := day.Parse(partition)
	if err != nil {
		return err
	}
	date, err := day.Parse(late.Date)
	if err != nil {
		return err
	}
	if off := int(max(d-date, date-d)); off != late.DaysOff {
		return fmt.Errorf("%s is %d days from %s, not %d", date, off, d, late.DaysOff)
	}
	return nil
}
