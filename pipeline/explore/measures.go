package explore

// Stats are the measures of some legs and of the sessions whose head legs are among
// them. Durations are milliseconds.
type Stats struct {
	Sessions    int64 `json:"sessions"`      // distinct session ids of the legs
	Legs        int64 `json:"legs"`          // legs
	Transferred int64 `json:"transferred"`   // legs that ended by a transfer or a hand-over (status Transferred)
	PickedUp    int64 `json:"picked_up"`     // sessions with a lead leg that has started
	NotPickedUp int64 `json:"not_picked_up"` // sessions without any leg that has started
	Within      int64 `json:"within_target"` // sessions that were picked up and waited for the target at most

	Active   int64 `json:"active_ms"` // sums over the legs
	Hold     int64 `json:"hold_ms"`
	Transfer int64 `json:"transfer_ms"`

	Waiting    Distribution `json:"waiting"`     // waiting of the sessions that were picked up
	Abandoned  Distribution `json:"abandoned"`   // waiting of the sessions that were not picked up
	LegWaiting Distribution `json:"leg_waiting"` // waiting of the lead legs that started
	Total      Distribution `json:"total"`       // total time of the legs that started
	Work       Distribution `json:"work"`        // work time of the legs that started
	WrapUp     Distribution `json:"wrap_up"`     // wrap-up time of the legs where it is known
	FirstChat  Distribution `json:"first_chat"`  // time to first chat of the legs where it is known
}

// Distribution is how a duration is distributed, in milliseconds. All but the number
// of values mean nothing without values.
type Distribution struct {
	N       int64 `json:"n"`
	Sum     int64 `json:"sum_ms"`
	Median  int64 `json:"median_ms"`
	P90     int64 `json:"p90_ms"`
	P95     int64 `json:"p95_ms"`
	Longest int64 `json:"longest_ms"`
}

// Mean is the sum divided by the number of values, rounded down.
func (d *Distribution) Mean() int64 {
	if d.N == 0 {
		return 0
	}
	return d.Sum / d.N
}

// Heads is the number of sessions that measures of sessions are of: all but those that
// were picked up before the period.
func (s *Stats) Heads() int64 { return s.PickedUp + s.NotPickedUp }

// add adds the counts of other legs. Distributions are not added up.
func (s *Stats) add(o *Stats) {
	s.Sessions += o.Sessions
	s.Legs += o.Legs
	s.Transferred += o.Transferred
	s.PickedUp += o.PickedUp
	s.NotPickedUp += o.NotPickedUp
	s.Within += o.Within
	s.Active += o.Active
	s.Hold += o.Hold
	s.Transfer += o.Transfer
}

// distributed are the durations whose distribution an answer has: of each leg the
// value, and whether the leg has one. f is that of the leg's session if this leg is
// its head, and nil otherwise.
var distributed = []struct {
	of    func(*Stats) *Distribution
	value func(c *columns, row int, f *fact) (int64, bool)
}{
	{func(s *Stats) *Distribution { return &s.Waiting }, func(_ *columns, _ int, f *fact) (int64, bool) {
		if f == nil || f.state != pickedUp {
			return 0, false
		}
		return f.waiting, true
	}},
	{func(s *Stats) *Distribution { return &s.Abandoned }, func(_ *columns, _ int, f *fact) (int64, bool) {
		if f == nil || f.started {
			return 0, false
		}
		return f.waiting, true
	}},
	{func(s *Stats) *Distribution { return &s.LegWaiting }, func(c *columns, row int, _ *fact) (int64, bool) {
		const both = isLead | isStarted
		return c.at(waiting, row), c.flags[row]&both == both
	}},
	{func(s *Stats) *Distribution { return &s.Total }, func(c *columns, row int, _ *fact) (int64, bool) {
		return c.at(total, row), c.flags[row]&isStarted != 0
	}},
	{func(s *Stats) *Distribution { return &s.Work }, func(c *columns, row int, _ *fact) (int64, bool) {
		return c.at(work, row), c.flags[row]&isStarted != 0
	}},
	{func(s *Stats) *Distribution { return &s.WrapUp }, func(c *columns, row int, _ *fact) (int64, bool) {
		v := c.at(wrapUp, row)
		return v, v != absent
	}},
	{func(s *Stats) *Distribution { return &s.FirstChat }, func(c *columns, row int, _ *fact) (int64, bool) {
		v := c.at(firstChat, row)
		return v, v != absent
	}},
}
