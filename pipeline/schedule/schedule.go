// Package schedule decides when the days and months of a report are published, and
// explains each decision. It is pure: the caller passes the time.
//
// # Instants
//
// A period, a day or a month, has three instants. Those of a month are counted from
// the end of its last day:
//
//   - drop: the first instant after the end of the day at which the local clock
//     shows hh:mm (the setting at) on the next date, or a later time;
//   - first publication: the drop plus the grace;
//   - deadline: the drop plus the deadline. The period is late from then on.
//
// This definition also covers changes of the clock:
//
//   - The clock skips hh:mm: the drop is the end of the gap. Some zones skip
//     midnight (Havana, Santiago, Cairo, Beirut).
//   - The clock shows hh:mm twice: the drop is the first time. If the clock is set
//     back into the day that ends (St. John's until 2011, from 00:01 to 23:01), the
//     drop is after the second midnight.
//   - The calendar skips a date (30 December 2011 in Apia): the date is a partition
//     like every other. It drops when the clock shows hh:mm on the next date. The
//     date before it drops at the end of the gap.
//   - The clock shows a date twice: the date ends after the second time.
//
// Drops are in the order of their dates. Two dates may drop at the same instant.
//
// # Decisions
//
// An unpublished period is due from its first publication on, if there are dumps of
// the UTC date on which its last hour lies, or of a later one. West of Greenwich that
// is the date after it. Without them it is due at its deadline, from which on every
// unpublished period is late.
//
// A period was missed if its first publication is before since, the start of the time
// in which the service has been alive without a break. The setting catch_up says which
// missed periods are due:
//
//   - all: every one;
//   - latest: the last one of its kind;
//   - none: none.
//
// Periods older than max_age are never caught up. The age is counted from the first
// publication to since, so the decision does not change while the period waits.
//
// The days of a month that is due are due, too, since the month is made of them. This
// rule takes precedence over catch_up and max_age.
//
// The schedule does not decide about restatements, which follow changes of the
// inputs, or about retries, which package service does.
package schedule

import (
	"time"

	"daybook/config"
	"daybook/pipeline/partition"
	"daybook/transform/day"
)

// Schedule decides for one report.
type Schedule struct {
	zone   *time.Location
	config config.Schedule
}

// New makes the schedule of a report in a time zone.
func New(c config.Schedule, zone *time.Location) *Schedule { return &Schedule{zone, c} }

// Times are the instants of a period, in the report's time zone.
type Times struct {
	Drop     time.Time
	First    time.Time // first publication
	Deadline time.Time // an unpublished period is late from then on
}

// Times returns the instants of a period.
func (s *Schedule) Times(p partition.Period) Times {
	d := s.drop(p)
	at := dropOf(p.To, time.Duration(d.At), s.zone)
	return Times{at, at.Add(time.Duration(d.Grace)), at.Add(time.Duration(d.Deadline))}
}

// drop is the configuration for the kind of a period.
func (s *Schedule) drop(p partition.Period) config.DailyDrop {
	if p.IsMonth() {
		return config.DailyDrop(s.config.Monthly)
	}
	return s.config.Daily
}

// LastDay is the last day that has dropped by now.
func (s *Schedule) LastDay(now time.Time) partition.Period {
	return s.lastDropped(now, partition.OfDay(s.date(now)))
}

// LastMonth is the last month that has dropped by now.
func (s *Schedule) LastMonth(now time.Time) partition.Period {
	return s.lastDropped(now, partition.OfMonth(s.date(now).Month()))
}

// date is the local date at an instant.
func (s *Schedule) date(t time.Time) day.Day { return day.Of(t.UnixMilli(), s.zone) }

// lastDumpDay is the UTC date on which the last hour of a period lies.
func (s *Schedule) lastDumpDay(p partition.Period) day.Day {
	end := dayEnd((p.To + 1).UTC().Unix(), s.zone)
	return day.Of((end-1)*1000, time.UTC)
}

// lastDropped is the last period that has dropped by now. near is a period of the
// same kind from which the search starts.
func (s *Schedule) lastDropped(now time.Time, near partition.Period) partition.Period {
	dropped := func(p partition.Period) bool { return !s.Times(p).Drop.After(now) }
	for dropped(near.Next()) {
		near = near.Next()
	}
	for !dropped(near) {
		near = near.Previous()
	}
	return near
}
