package generate

import (
	"cmp"
	"slices"
	"time"

	"daybook/transform/day"
)

const (
	dayMillis = 24 * hourMillis

	// sessionIDsPerDay is the distance of the session ids of two days.
	sessionIDsPerDay = 100_000_000

	// spanMillis bounds the length of a session without its break of days.
	spanMillis = 8 * hourMillis

	maxBreakDays = 12 // sessions live up to 14 days
	maxLateDays  = 2

	// reachDays is the number of days after its own on which a session can have
	// lines: a break, a midnight in its span, a late event, a duplicate of that.
	reachDays = maxBreakDays + 1 + maxLateDays + 1
)

// plan holds the traits of a session that are cheap to compute before its lines
// are written.
type plan struct {
	id        int64
	created   int64   // milliseconds since the Unix epoch
	breakDays int     // on hold, or closed before it is reopened
	late      bool    // some of its events are delivered late
	twice     bool    // some are delivered again on the next day
	last      day.Day // the last dump day that may have its lines
}

// timeOfDay is the begin of the session in milliseconds since midnight UTC.
func (p plan) timeOfDay() int64 { return p.created % dayMillis }

// count is the number of sessions that begin on d.
func (w *organisation) count(d day.Day) int {
	switch d.UTC().Weekday() {
	case time.Saturday:
		return w.sessionsPerDay * 2 / 5
	case time.Sunday:
		return w.sessionsPerDay / 4
	}
	return w.sessionsPerDay
}

// plan returns the plan of session n of day d. d must not lie before 1970.
func (w *organisation) plan(d day.Day, n int) plan {
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

// plansOn returns the plans of the sessions that can have lines in the dump of d,
// ordered by the time of day of their begin. No session begins before from.
func (w *organisation) plansOn(d, from day.Day) []plan {
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

// The relative numbers of sessions that begin in each local hour of a working day
// and of a day of a weekend.
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

// at returns the time of day, in milliseconds, before which the share u of the
// sessions begins.
func (s *shape) at(u float64) int64 {
	hour := 0
	for hour < 23 && s[hour+1] <= u {
		hour++
	}
	within := (u - s[hour]) / (s[hour+1] - s[hour])
	return int64((float64(hour) + within) * hourMillis)
}

// timeOfDay returns the UTC time of day, in milliseconds, before which the share
// u of d's sessions begins.
func (w *organisation) timeOfDay(d day.Day, u float64) int64 {
	s := &w.working
	if wd := d.UTC().Weekday(); wd == time.Saturday || wd == time.Sunday {
		s = &w.weekend
	}
	return (s.at(u) - centralEuropeanOffset(d) + dayMillis) % dayMillis
}

// centralEuropeanOffset is the offset of local time from UTC in milliseconds: two
// hours from the last Sunday of March to that of October, otherwise one. It is
// computed here, so that the bytes do not depend on a time zone database.
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

// mix is the finaliser of SplitMix64: it maps neighbouring numbers to unrelated
// ones.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unit maps a random number to [0, 1).
func unit(x uint64) float64 { return float64(x>>11) / (1 << 53) }
