package explore

import (
	"sync"
	"time"
)

// Load is how many sessions there are at once, at each quarter of an hour. A session
// is there from the begin to the end of its lead legs, and waits in their waiting
// time. A leg without an end is there until its session's last event. Legs of the days
// around the period count for as long as they last into it.
type Load struct {
	Peak      int64     `json:"peak"`
	PeakAt    time.Time `json:"peak_at,omitzero"`
	Waiting   int64     `json:"waiting_peak"`
	WaitingAt time.Time `json:"waiting_peak_at,omitzero"`
	Quarters  []Quarter `json:"quarters"` // of the day, on the clock
}

// Quarter is the load at a quarter of an hour on the clock, over the days of the
// period.
type Quarter struct {
	Marks       int64 `json:"marks"` // how often the clock shows it in the period
	Sum         int64 `json:"sum"`   // over the marks
	Most        int64 `json:"most"`
	WaitingSum  int64 `json:"waiting_sum"`
	WaitingMost int64 `json:"waiting_most"`
}

// Mean is the sessions at once, on average.
func (q *Quarter) Mean() float64 { return share(q.Sum, q.Marks) }

// WaitingMean is the sessions waiting at once, on average.
func (q *Quarter) WaitingMean() float64 { return share(q.WaitingSum, q.Marks) }

func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// loader counts sessions at the quarters of an hour of a period.
type loader struct {
	zone *time.Location
	from int64 // the first mark, in Unix milliseconds
	n    int   // marks

	mu  sync.Mutex
	all marks
}

// marks has, for each mark, by how many the sessions grow there.
type marks struct {
	from              int64
	sessions, waiting []int32
}

func newLoader(q *Question) *loader {
	from, to := startOf(q.Period.From, q.Zone).UnixMilli(), startOf(q.Period.To+1, q.Zone).UnixMilli()
	l := &loader{zone: q.Zone, from: from, n: int((to - from + quarterMillis - 1) / quarterMillis)}
	l.all = *l.worker()
	return l
}

func (l *loader) worker() *marks {
	return &marks{l.from, make([]int32, l.n+1), make([]int32, l.n+1)}
}

func (l *loader) merge(m *marks) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range m.sessions {
		l.all.sessions[i] += m.sessions[i]
		l.all.waiting[i] += m.waiting[i]
	}
}

// add adds a leg. Only lead legs count: a session has one of them at a time.
func (m *marks) add(c *columns, row int) {
	if c.flags[row]&isLead == 0 {
		return
	}
	from, to := c.at(begin, row), c.last(row)
	m.between(m.sessions, from, to)
	waited := c.at(waiting, row)
	if c.flags[row]&isStarted != 0 {
		to = c.at(start, row)
	}
	m.between(m.waiting, to-waited, to)
}

// last is when a lead leg ended, or when its session had its last event.
func (c *columns) last(row int) int64 {
	if at := c.at(end, row); at != absent {
		return at
	}
	if c.flags[row]&isStarted != 0 {
		return c.at(start, row) + c.at(total, row) + c.at(other, row)
	}
	return c.at(begin, row) + c.at(connecting, row) + c.at(waiting, row)
}

// between counts one from a moment until before another one.
func (m *marks) between(counts []int32, from, to int64) {
	i, j := m.mark(from), m.mark(to)
	counts[i]++
	counts[j]--
}

// mark is the first mark at a moment or after it; the one behind the last after all.
func (m *marks) mark(at int64) int {
	n := (at - m.from + quarterMillis - 1) / quarterMillis
	return int(max(0, min(n, int64(len(m.sessions)-1))))
}

// load sums up the marks by their time on the clock.
func (l *loader) load() Load {
	load := Load{Quarters: make([]Quarter, 96)}
	sessions, waiting := int64(0), int64(0)
	for i := range l.n {
		sessions += int64(l.all.sessions[i])
		waiting += int64(l.all.waiting[i])
		at := time.UnixMilli(l.from + int64(i)*quarterMillis).In(l.zone)
		q := &load.Quarters[at.Hour()*4+at.Minute()/15]
		q.Marks++
		q.Sum += sessions
		q.WaitingSum += waiting
		q.Most, q.WaitingMost = max(q.Most, sessions), max(q.WaitingMost, waiting)
		if sessions > load.Peak {
			load.Peak, load.PeakAt = sessions, at
		}
		if waiting > load.Waiting {
			load.Waiting, load.WaitingAt = waiting, at
		}
	}
	return load
}
