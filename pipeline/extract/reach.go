package extract

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"daybook/sinks/publish"
	"daybook/transform/day"
	"daybook/transform/event"
)

// Reach rejects the events of a dump day that lie further from it than the look-back
// (EVENTS.md, too_late and too_early): the reports of their days do not read this
// dump. It counts them. Any number of goroutines may use it.
type Reach struct {
	day      day.Day
	lookback int // days

	late, early atomic.Int64 // days between the dump day and the farthest event within reach

	mu     sync.Mutex
	beyond map[beyond]int64 // rejected lines
}

// beyond is a date out of reach, and the reason for its lines.
type beyond struct {
	date   day.Day
	reason event.Reason
}

// NewReach makes the filter of a dump day.
func NewReach(d day.Day, lookback int) *Reach {
	return &Reach{day: d, lookback: lookback, beyond: map[beyond]int64{}}
}

// Filter rejects an event that is out of reach. Events are dated in UTC.
func (r *Reach) Filter(e *event.Event) event.Reject {
	date := dateOf(e.TS)
	if date == r.day {
		return event.Reject{}
	}
	off, farthest, reason, side := int(r.day-date), &r.late, event.TooLate, "before"
	if off < 0 {
		off, farthest, reason, side = -off, &r.early, event.TooEarly, "after"
	}
	if off <= r.lookback {
		raise(farthest, int64(off))
		return event.Reject{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.beyond[beyond{date, reason}]++
	return event.Reject{Reason: reason, Detail: fmt.Sprintf(
		"it happened on %s, %d days %s its dump's day, and source.lookback_days is %d", date, off, side, r.lookback)}
}

// dateOf is the date of a time in microseconds since the Unix epoch, in UTC.
func dateOf(ts int64) day.Day {
	const micros = 24 * 60 * 60 * 1e6
	date := day.Day(ts / micros)
	if ts%micros < 0 {
		date--
	}
	return date
}

// raise sets a maximum to n if that is higher.
func raise(maximum *atomic.Int64, n int64) {
	for now := maximum.Load(); n > now && !maximum.CompareAndSwap(now, n); now = maximum.Load() {
	}
}

// Reached says how far the events of dumps lie from the dump day.
type Reached struct {
	// How many days the earliest event within reach lies before the dump day, and the
	// latest one after it.
	MaxLate, MaxEarly int
	Late              []publish.LateLines // the rejected lines, by date
}

// Reached says how far the events lay.
func (r *Reach) Reached() Reached {
	r.mu.Lock()
	defer r.mu.Unlock()
	reached := Reached{MaxLate: int(r.late.Load()), MaxEarly: int(r.early.Load())}
	for b, n := range r.beyond {
		off := int(r.day - b.date)
		reached.Late = append(reached.Late, publish.LateLines{Date: b.date.String(), Reason: b.reason.String(), Lines: n, DaysOff: max(off, -off)})
	}
	reached.sort()
	return reached
}

func (r *Reached) sort() {
	slices.SortFunc(r.Late, func(a, b publish.LateLines) int { return strings.Compare(a.Date, b.Date) })
}

// Merge adds what was reached in other dumps of the same day.
func (r *Reached) Merge(o *Reached) {
	r.MaxLate, r.MaxEarly = max(r.MaxLate, o.MaxLate), max(r.MaxEarly, o.MaxEarly)
	for _, l := range o.Late {
		i := slices.IndexFunc(r.Late, func(k publish.LateLines) bool { return k.Date == l.Date })
		if i < 0 {
			r.Late = append(r.Late, l)
			continue
		}
		r.Late[i].Lines += l.Lines
	}
	r.sort()
}
