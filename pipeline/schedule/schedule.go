// Package schedule decides when the days and months of a report are to be
// published, and says why in words. It is pure: time is passed in.
//
// # Instants
//
// A day has three instants, and so has a month, which ends with its last day:
//
//   - its drop: the first instant, once the day is over for good, at which the
//     local clock shows the next date and hh:mm, or something later;
//   - its first publication, a grace after the drop;
//   - its deadline, after which it is late, counted from the drop, too.
//
// The rest follows from that one definition, since clocks are changed:
//
//   - hh:mm in a gap: the drop is the end of the gap, which may be a midnight
//     that the clock leaves out (Havana, Santiago, Cairo, Beirut).
//   - hh:mm in a fold: the drop is the first time that the clock shows it,
//     unless the clock then goes back to the day that ends (St. John's until
//     2011, from 00:01 to 23:01): the drop waits for the second midnight.
//   - A date that is left out (30 December 2011 in Apia) is a partition, too, as
//     every date is: it drops when the clock shows hh:mm on the date after it,
//     as it does for other days. The date before it drops at the end of the
//     gap, which is where the left-out date would have shown hh:mm.
//   - A date that the clock shows twice is over after the second time.
//
// Drops are in the order of their dates; two of them may be at one instant.
//
// # Decisions
//
// A period that is not published is due from its first publication on. If that
// was before since, the start of the time in which the service has been alive
// without a break, the period was missed. The report's catch_up then says
// whether it is due after all:
//
//   - all: it is;
//   - latest: it is if no later period of its kind was missed;
//   - none: it is not.
//
// And in no case is it if it fell due more than max_age before since. The age is
// that at since, not that of now: what is caught up stays due until it is
// published, however long that takes, and what is not does not become due by
// waiting. One thing goes before all that: a month that is due makes its days
// due, since it is made of them.
//
// What is published is restated when its inputs change, which is not for the
// schedule to decide; and how a partition that fails is tried again is not
// either.
package schedule

import (
	"time"

	"daybook/config"
	"daybook/pipeline/partition"
	"daybook/transform/day"
)

// Schedule is when the days and months of one report are published.
type Schedule struct {
	zone   *time.Location
	config config.Schedule
}

// New is the schedule of a report whose days are those of a time zone.
func New(c config.Schedule, zone *time.Location) *Schedule { return &Schedule{zone, c} }

// Times are the instants of a period, in the report's time zone.
type Times struct {
	Drop     time.Time // when the period drops
	First    time.Time // when it is published for the first time, a grace later
	Deadline time.Time // when it is late if it is not published
}

// Times gives the instants of a period.
func (s *Schedule) Times(p partition.Period) Times {
	d := s.drop(p)
	at := dropOf(p.To, time.Duration(d.At), s.zone)
	return Times{at, at.Add(time.Duration(d.Grace)), at.Add(time.Duration(d.Deadline))}
}

// drop is the configuration of a period's kind.
func (s *Schedule) drop(p partition.Period) config.DailyDrop {
	if p.IsMonth() {
		return config.DailyDrop(s.config.Monthly)
	}
	return s.config.Daily
}

// LastDay is the last day that has dropped by now. The next one is its Next.
func (s *Schedule) LastDay(now time.Time) partition.Period {
	return s.lastDropped(now, partition.OfDay(s.date(now)))
}

// LastMonth is the last month that has dropped by now. The next one is its Next.
func (s *Schedule) LastMonth(now time.Time) partition.Period {
	return s.lastDropped(now, partition.OfMonth(s.date(now).Month()))
}

// date is the local date at an instant.
func (s *Schedule) date(t time.Time) day.Day { return day.Of(t.UnixMilli(), s.zone) }

// lastDropped is the last period that has dropped by now, searched from one of
// its kind that is near.
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
