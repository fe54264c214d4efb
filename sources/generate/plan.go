package generate

import (
	"cmp"
	"slices"
	"time"

	"daybook/transform/day"
)

const (
	dayMillis = 24 * hourMillis

	// sessionIDsPerDay separates the session ids of two days.
	sessionIDsPerDay = 100_000_000

	// spanMillis is more than a session lasts, but for a break of days.
	spanMillis = 8 * hourMillis

	maxBreakDays = 12 // sessions live up to 14 days
	maxLateDays  = 2

	// reachDays is how many days after its own a session can have lines: a
	// break, the session's span over a midnight, a late event, a duplicate of it.
	reachDays = maxBreakDays + 1 + maxLateDays + 1
)

// plan is what can be known of a session, at little cost, before its story is
// told.
type plan struct {
	id        int64
	created   int64 // milliseconds since the Unix epoch
	breakDays int   // on hold, or closed before it is reopened
	late      bool  // some of its events are delivered late
	twice     bool  // some are delivered again on the next day
	last      day.Day
}

// timeOfDay gives when the session began, in milliseconds since midnight UTC.
func (p plan) timeOfDay() int64 { return p.created % dayMillis }

// count is how many sessions begin on d.
func (w *world) count(d day.Day) int {
	switch d.UTC().Weekday() {
	case time.Saturday:
		return w.sessionsPerDay * 2 / 5
	case time.Sunday:
		return w.sessionsPerDay / 4
	}
	return w.sessionsPerDay
}

// plan plans session n of those that begin on d, none of which is before 1970.
func (w *world) plan(d day.Day, n int) plan {
	id := int64(d)*sessionIDsPerDay + int64(n) + 1
	when := mix(w.seed ^ mix(uint64(id)))
	traits := mix(when)
	p := plan{
		id:      id,
		created: int64(d)*dayMillis + w.timeOfDay(d, unit(when)),
		late:    traits%1000 < 30,
		twice:   traits>>16%1000 < 40,
	}
	if traits>>32%1000 < 12 {
		p.breakDays = 1 + int(traits>>48%maxBreakDays)
	}
	p.last = day.Day((p.created + int64(p.breakDays)*dayMillis + spanMillis) / dayMillis)
	if p.late {
		p.last += maxLateDays
	}
	if p.twice {
		p.last++
	}
	return p
}

// plansOn plans the sessions that can have lines in the dump of d, ordered by
// the time of day at which they began. No session began before from.
func (w *world) plansOn(d, from day.Day) []plan {
	plans := make([]plan, 0, w.sessionsPerDay*3/2)
	for began := max(from, d-reachDays); began <= d; began++ {
		for n := range w.count(began) {
			if p := w.plan(began, n); p.last >= d {
				plans = append(plans, p)
			}
		}
	}
	slices.SortFunc(plans, func(a, b plan) int {
		return cmp.Or(cmp.Compare(a.timeOfDay(), b.timeOfDay()), cmp.Compare(a.id, b.id))
	})
	return plans
}

// How many sessions begin in each hour of a working day and of a weekend's, by
// the clock on the wall, in proportion.
var (
	workingHours = [24]float64{1, 1, 1, 1, 1, 2, 5, 18, 52, 88, 100, 92, 70, 78, 90, 84, 66, 38, 20, 14, 10, 8, 5, 3}
	weekendHours = [24]float64{3, 2, 1, 1, 1, 1, 2, 5, 12, 18, 20, 20, 18, 18, 16, 14, 12, 12, 10, 9, 8, 6, 5, 4}
)

// shape is the share of a day's sessions that began before each hour.
type shape [25]float64

func shapeOf(hours [24]float64) shape {
	var s shape
	for i, h := range hours {
		s[i+1] = s[i] + h
	}
	total := s[24]
	for i := range s {
		s[i] /= total
	}
	return s
}

// at gives the time of day, in milliseconds, before which the share u of the
// sessions began.
func (s *shape) at(u float64) int64 {
	hour := 0
	for hour < 23 && s[hour+1] <= u {
		hour++
	}
	within := (u - s[hour]) / (s[hour+1] - s[hour])
	return int64((float64(hour) + within) * hourMillis)
}

// timeOfDay gives the UTC time of day, in milliseconds, before which the share
// u of d's sessions began.
func (w *world) timeOfDay(d day.Day, u float64) int64 {
	s := &w.working
	if wd := d.UTC().Weekday(); wd == time.Saturday || wd == time.Sunday {
		s = &w.weekend
	}
	return (s.at(u) - centralEuropeanOffset(d) + dayMillis) % dayMillis
}

// centralEuropeanOffset is what clocks are ahead of UTC, in milliseconds, from
// the last Sunday of March to that of October by two hours. It is reckoned
// here, so that the bytes do not depend on a time zone database.
func centralEuropeanOffset(d day.Day) int64 {
	year := d.UTC().Year()
	if lastSunday(year, time.March) <= d && d < lastSunday(year, time.October) {
		return 2 * hourMillis
	}
	return hourMillis
}

func lastSunday(year int, month time.Month) day.Day {
	last := day.Date(year, month+1, 0)
	return last - day.Day(last.UTC().Weekday())
}

// mix is SplitMix64's finaliser: it turns neighbouring numbers into unrelated
// ones.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unit makes a number in [0, 1) of a random one.
func unit(x uint64) float64 { return float64(x>>11) / (1 << 53) }
