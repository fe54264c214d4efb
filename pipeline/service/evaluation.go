package service

import (
	"fmt"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/schedule"
	"daybook/transform/day"
)

// evaluation is the result of a look: the plan, and which of its steps the next run
// does. It is immutable once state has been called.
type evaluation struct {
	now, since time.Time // since: the service has been alive without a break since
	config     *Config
	controller *controllerState
	plan       *plan.Plan
	steps      map[partition.ID]*plan.Step

	needed  map[day.Day]bool   // dump days whose digests a published or due day needs
	blocked map[day.Day]string // digests that are due but are not made now, and why

	// Set by state.
	queued int                  // how many steps the next run does
	lag    map[series]time.Time // the drop of the oldest partition that is due
}

// series is all partitions of one kind of a report.
type series struct {
	report string
	kind   partition.Kind
}

func newEvaluation(c *Config, cs *controllerState, p *plan.Plan, now, since time.Time) *evaluation {
	ev := &evaluation{
		now: now, since: since, config: c, controller: cs, plan: p,
		needed: map[day.Day]bool{}, blocked: map[day.Day]string{}, lag: map[series]time.Time{},
		steps: map[partition.ID]*plan.Step{},
	}
	for i := range p.Steps {
		ev.steps[p.Steps[i].ID] = &p.Steps[i]
	}
	ev.findNeeded()
	ev.findBlocked()
	return ev
}

// findNeeded finds the dump days that published and due days need.
func (ev *evaluation) findNeeded() {
	done := map[string]day.Day{} // by report, the last dump day that is set: the plan has days in order
	for i := range ev.plan.Steps {
		s := &ev.plan.Steps[i]
		if s.ID.Kind != partition.Day || s.Revision == 0 && !ev.decide(s).Due {
			continue
		}
		window := ev.config.Pipeline.Window(s.ID.Period)
		if last, known := done[s.ID.Report]; known {
			window.From = max(window.From, last+1)
		}
		for x := window.From; x <= window.To; x++ {
			ev.needed[x] = true
		}
		done[s.ID.Report] = window.To
	}
}

// findBlocked finds the digests that are due but are not made now.
func (ev *evaluation) findBlocked() {
	for i := range ev.plan.Steps {
		s := &ev.plan.Steps[i]
		if s.ID.Kind != partition.Digest || !s.Due() && s.Status != plan.Newer {
			continue
		}
		d := s.ID.Day()
		switch retry := ev.controller.retryOf(s); {
		case s.Status == plan.Newer:
			ev.blocked[d] = "was made by a newer daybook"
		case retry.waits(ev.now) && retry.SetAside:
			ev.blocked[d] = "is set aside"
		case retry.waits(ev.now):
			ev.blocked[d] = "failed and will be retried at " + retry.Again.UTC().Format(clockLayout)
		}
	}
}

const clockLayout = "15:04:05 UTC"

// blockedBy says which digest blocks a day; empty if none does.
func (ev *evaluation) blockedBy(d day.Day) string {
	needed := ev.config.Pipeline.Needed(partition.OfDay(d))
	for x := needed.From; x <= needed.To; x++ {
		if why := ev.blocked[x]; why != "" {
			return fmt.Sprintf("waits for the digest of %s, which %s", x, why)
		}
	}
	return ""
}

// decide asks the schedule about a day or month.
func (ev *evaluation) decide(s *plan.Step) schedule.Decision {
	return ev.config.Schedules[s.ID.Report].Decide(ev.now, ev.since, s.ID.Period, s.Revision > 0)
}

// allow reports whether a run may do a step. A published partition may be restated
// at any time.
func (ev *evaluation) allow(s *plan.Step) bool {
	if ev.controller.retryOf(s).waits(ev.now) {
		return false
	}
	switch {
	case s.ID.Kind == partition.Digest:
		return ev.needed[s.ID.Day()]
	case s.ID.Kind == partition.Day && ev.blockedBy(s.ID.Day()) != "":
		return false
	}
	return s.Revision > 0 || s.Status == plan.Stale || ev.decide(s).Due
}

// state describes the partitions for users, and sets queued and lag.
func (ev *evaluation) state() *State {
	s := emptyState(ev.config)
	s.Time, s.TooLate, s.Unknown, s.Alerts = ev.now, ev.plan.TooLate, ev.plan.Unknown, ev.controller.alerts()
	byReport := map[string]*Report{}
	for i := range s.Reports {
		byReport[s.Reports[i].Name] = &s.Reports[i]
	}
	for i := range ev.plan.Steps {
		step := &ev.plan.Steps[i]
		p := ev.partition(step)
		switch rep := byReport[step.ID.Report]; {
		case step.ID.Kind == partition.Digest:
			s.Digests = append(s.Digests, p)
		case step.ID.Kind == partition.Day:
			rep.Days = append(rep.Days, p)
		default:
			rep.Months = append(rep.Months, p)
		}
	}
	for i := range s.Reports {
		rep := &s.Reports[i]
		ev.addDaysWithoutDumps(rep)
		rep.NextDay = ev.next(rep, ev.config.Schedules[rep.Name].LastDay(ev.now), rep.Days)
		rep.NextMonth = ev.next(rep, ev.config.Schedules[rep.Name].LastMonth(ev.now), rep.Months)
	}
	return s
}

// partition describes a step.
func (ev *evaluation) partition(s *plan.Step) Partition {
	p := Partition{
		ID: s.ID, Reasons: s.Reasons, Revision: s.Revision, Rows: s.Rows, Sessions: s.Sessions,
		Bytes: s.Bytes, Published: s.Modified, State: idleState(s),
	}
	if s.ID.Kind != partition.Digest {
		ev.schedule(&p, s)
	}
	retry := ev.controller.retryOf(s)
	switch {
	case !s.Due():
	case retry != nil:
		p.State, p.Failure, p.Attempts = Failed, failureText(s), retry.Failures
		if retry.SetAside {
			p.State = SetAside
		} else {
			p.Again = retry.Again
		}
		if ev.allow(s) {
			ev.queue(s, &p)
		}
	case s.Status == plan.Stale:
		p.State = Stale
		ev.queue(s, &p)
	case s.ID.Kind == partition.Digest && ev.needed[s.ID.Day()], s.ID.Kind != partition.Digest && ev.decide(s).Due:
		p.State = Queued
		ev.queue(s, &p)
	case s.ID.Kind == partition.Digest:
		p.State, p.Reasons = Waiting, append([]string{"no published or due day needs it yet"}, p.Reasons...)
	}
	return p
}

// queue counts a step that the next run does. A step that a digest blocks is not
// counted, and gets the reason.
func (ev *evaluation) queue(s *plan.Step, p *Partition) {
	if s.ID.Kind == partition.Day {
		if why := ev.blockedBy(s.ID.Day()); why != "" {
			p.Reasons = append([]string{why}, p.Reasons...)
			if p.State == Queued {
				p.State = Waiting
			}
			return
		}
	}
	if s.ID.Kind == partition.Digest && !ev.needed[s.ID.Day()] {
		return
	}
	ev.queued++
}

// idleState is the state of a step that is not due.
func idleState(s *plan.Step) PartitionState {
	switch {
	case s.Revision == 0:
		return Waiting
	case s.Rows == 0:
		return Empty
	case s.Revision > 1:
		return Restated
	}
	return Published
}

// schedule adds what the schedule says about a day or month that is not
// published.
func (ev *evaluation) schedule(p *Partition, s *plan.Step) {
	if s.Revision > 0 {
		return
	}
	d := ev.decide(s)
	times := ev.config.Schedules[s.ID.Report].Times(s.ID.Period)
	if s.Unasked > 0 { // only a user can build it, so it is never late
		p.Drop = times.Drop
		p.Reasons = append([]string{
			fmt.Sprintf("cannot be complete: %d of its days are before the first dumps", s.Unasked),
			fmt.Sprintf("daybook run --month %s publishes these days as empty, and then the month", s.ID.Name()),
		}, s.Reasons...)
		return
	}
	p.Drop, p.Deadline, p.Late = times.Drop, times.Deadline, d.Late
	reasons := []string{d.Why}
	if s.Status != plan.Missing { // the reason of Missing, not published yet, adds nothing
		reasons = append(reasons, s.Reasons...)
	}
	p.Reasons = reasons
	if d.Missed && !d.Due {
		p.State = Missing
	}
	if d.Due {
		ev.noteLag(p)
	}
}

// noteLag records that a partition is due, for the metric of the lag.
func (ev *evaluation) noteLag(p *Partition) {
	k := series{p.ID.Report, p.ID.Kind}
	if oldest, known := ev.lag[k]; !known || p.Drop.Before(oldest) {
		ev.lag[k] = p.Drop
	}
}

// addDaysWithoutDumps adds the days that have dropped and are after the newest
// dump day. The plan does not have them. A missed one is not late: its dumps may
// never come.
func (ev *evaluation) addDaysWithoutDumps(rep *Report) {
	if len(rep.Days) == 0 {
		return
	}
	newest := rep.Days[len(rep.Days)-1].ID.Day()
	sched := ev.config.Schedules[rep.Name]
	for d := newest + 1; d <= sched.LastDay(ev.now).From; d++ {
		period := partition.OfDay(d)
		decision, times := sched.Decide(ev.now, ev.since, period, false), sched.Times(period)
		p := Partition{
			ID: partition.DayID(rep.Name, d), State: Waiting, Drop: times.Drop, Deadline: times.Deadline,
			Reasons: []string{"there are no dumps for this day or a later one", decision.Why},
		}
		switch {
		case decision.Missed:
			p.State = Missing
			if decision.Due { // by catch_up, but there is nothing to build it from
				p.Reasons[1] = "it will be published when they arrive"
			}
		case decision.Due:
			p.Late = decision.Late
			ev.noteLag(&p)
		}
		rep.Days = append(rep.Days, p)
	}
}

// next is the first drop to come that is not published. If the last period that
// dropped is still due, it is that one.
func (ev *evaluation) next(rep *Report, last partition.Period, partitions []Partition) Drop {
	published := false
	for i := len(partitions) - 1; i >= 0 && !published; i-- {
		published = partitions[i].ID.Name() == last.String() && partitions[i].Revision > 0
	}
	sched := ev.config.Schedules[rep.Name]
	decision := sched.Decide(ev.now, ev.since, last, published)
	before := len(partitions) > 0 && last.String() < partitions[0].ID.Name() // before the first dumps
	if !decision.Due || before {
		last = last.Next()
	}
	for ev.isIncomplete(rep, last) {
		last = last.Next()
	}
	decision = sched.Decide(ev.now, ev.since, last, false)
	times := sched.Times(last)
	return Drop{Partition: last.String(), At: times.Drop, First: times.First, Deadline: times.Deadline, Why: decision.Why}
}

// isIncomplete reports whether a period is an unpublished month with days before
// the first dumps. Only a user can build it.
func (ev *evaluation) isIncomplete(rep *Report, p partition.Period) bool {
	step := ev.steps[partition.InReport(rep.Name, p)]
	return step != nil && p.IsMonth() && step.Revision == 0 && step.Unasked > 0
}
