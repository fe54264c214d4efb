package evaluation

import (
	"fmt"

	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/schedule"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/states"
)

// describe describes the partitions for users, and sets Queued and Lag.
func (ev *Evaluation) describe() *states.Snapshot {
	s := states.NewSnapshot(ev.Config.Pipeline.Reports)
	s.Time, s.TooLate, s.Unknown, s.Unread, s.Alerts = ev.Now, ev.plan.TooLate, ev.plan.Unknown, ev.plan.Unread, ev.Controller.OpenAlerts()
	s.Deliveries = ev.Controller.LastDeliveries()
	byReport := map[string]*states.Report{}
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
		rep.NextDay = ev.next(rep, ev.Config.Schedules[rep.Name].LastDay(ev.Now), rep.Days)
		rep.NextMonth = ev.next(rep, ev.Config.Schedules[rep.Name].LastMonth(ev.Now), rep.Months)
		rep.Broken = ev.broken(rep.Name)
		rep.Verdict = states.VerdictOf(rep)
	}
	return s
}

// partition describes a step.
func (ev *Evaluation) partition(s *plan.Step) states.Partition {
	p := states.Partition{
		ID: s.ID, Reasons: s.Reasons, Revision: s.Revision, Rows: s.Rows, Sessions: s.Sessions,
		Bytes: s.Bytes, Published: s.Modified, State: idleState(s),
	}
	if s.ID.Kind != partition.Digest {
		ev.schedule(&p, s)
	}
	retry := ev.Controller.RetryOf(s)
	switch {
	case !s.Due():
	case retry != nil:
		p.State, p.Failure, p.Attempts = states.Failed, controller.FailureText(s), retry.Failures
		if retry.SetAside {
			p.State = states.SetAside
		} else {
			p.Again = retry.Again
		}
		if ev.Allow(s) {
			ev.queue(s, &p)
		}
	case s.Status == plan.Stale:
		p.State = states.Stale
		ev.queue(s, &p)
	case s.ID.Kind == partition.Digest && ev.needed[s.ID.Day()], s.ID.Kind != partition.Digest && ev.decide(s).Due:
		p.State = states.Queued
		ev.queue(s, &p)
	case s.ID.Kind == partition.Digest:
		p.State, p.Reasons = states.Waiting, append([]string{"no published or due day needs it yet"}, p.Reasons...)
	}
	return p
}

// queue counts a step that the next run does. A step that a digest blocks is not
// counted, and gets the reason.
func (ev *Evaluation) queue(s *plan.Step, p *states.Partition) {
	if s.ID.Kind == partition.Day {
		if why := ev.blockedBy(s.ID.Day()); why != "" {
			p.Reasons = append([]string{why}, p.Reasons...)
			if p.State == states.Queued {
				p.State = states.Waiting
			}
			return
		}
	}
	if s.ID.Kind == partition.Digest && !ev.needed[s.ID.Day()] {
		return
	}
	ev.Queued++
}

// idleState is the state of a step that is not due.
func idleState(s *plan.Step) states.State {
	switch {
	case s.Revision == 0:
		return states.Waiting
	case s.Rows == 0:
		return states.Empty
	case s.Revision > 1:
		return states.Restated
	}
	return states.Published
}

// schedule adds what the schedule says about a day or month that is not
// published.
func (ev *Evaluation) schedule(p *states.Partition, s *plan.Step) {
	if s.Revision > 0 {
		return
	}
	d := ev.decide(s)
	times := ev.Config.Schedules[s.ID.Report].Times(s.ID.Period)
	if s.Unasked > 0 { // only a user can build it, so it is never late
		p.Drop = times.Drop
		p.Reasons = append([]string{
			fmt.Sprintf("cannot be complete: %d of its days are before the first dumps", s.Unasked),
			fmt.Sprintf("daybook run --month %s publishes these days as empty, and then the month", s.ID.Name()),
		}, s.Reasons...)
		return
	}
	ev.setTimes(p, times, d)
	reasons := []string{d.Why}
	if s.Status != plan.Missing { // the reason of Missing, not published yet, adds nothing
		reasons = append(reasons, s.Reasons...)
	}
	p.Reasons = reasons
	if d.Missed && !d.Due {
		p.State = states.Missing
	}
}

// setTimes sets the times of an unpublished partition, and whether it is late. It
// notes its drop for the metric of the lag if it should be published by now.
func (ev *Evaluation) setTimes(p *states.Partition, times schedule.Times, d schedule.Decision) {
	p.Drop, p.Deadline = times.Drop, times.Deadline
	if ev.isHistory(p.ID, d) {
		return
	}
	p.Late = d.Late
	if ev.Now.Before(times.First) {
		return
	}
	k := states.SeriesOf(p.ID)
	if oldest, known := ev.Lag[k]; !known || p.Drop.Before(oldest) {
		ev.Lag[k] = p.Drop
	}
}

// addDaysWithoutDumps adds the days that have dropped and are after the newest
// dump day. The plan does not have them.
func (ev *Evaluation) addDaysWithoutDumps(rep *states.Report) {
	if len(rep.Days) == 0 {
		return
	}
	newest := rep.Days[len(rep.Days)-1].ID.Day()
	sched := ev.Config.Schedules[rep.Name]
	for d := newest + 1; d <= sched.LastDay(ev.Now).From; d++ {
		id := partition.DayID(rep.Name, d)
		decision := ev.decideAbout(id, false)
		p := states.Partition{ID: id, State: states.Waiting, Reasons: []string{"there are no dumps for this day or a later one", decision.Why}}
		ev.setTimes(&p, sched.Times(id.Period), decision)
		switch {
		case decision.Missed && decision.Due: // by catch_up, but there is nothing to build it from
			p.Reasons[1] = "it will be published when they arrive"
		case decision.Missed:
			p.State = states.Missing
		}
		rep.Days = append(rep.Days, p)
	}
}

// next is the first drop to come that is not published. If the last period that
// dropped is still due, it is that one.
func (ev *Evaluation) next(rep *states.Report, last partition.Period, partitions []states.Partition) states.Drop {
	published := false
	for i := len(partitions) - 1; i >= 0 && !published; i-- {
		published = partitions[i].ID.Name() == last.String() && partitions[i].Revision > 0
	}
	sched := ev.Config.Schedules[rep.Name]
	decision := ev.decideAbout(partition.InReport(rep.Name, last), published)
	waits := !published && !decision.Missed && !ev.Now.Before(sched.Times(last).First) // due, or as soon as its dumps are there
	before := len(partitions) > 0 && last.String() < partitions[0].ID.Name()           // before the first dumps
	if !waits && !decision.Due || before {
		last = last.Next()
	}
	for ev.isIncomplete(rep, last) {
		last = last.Next()
	}
	decision = ev.decideAbout(partition.InReport(rep.Name, last), false)
	times := sched.Times(last)
	return states.Drop{Partition: last.String(), At: times.Drop, First: times.First, Deadline: times.Deadline, Why: decision.Why}
}

// isIncomplete reports whether a period is an unpublished month with days before
// the first dumps. Only a user can build it.
func (ev *Evaluation) isIncomplete(rep *states.Report, p partition.Period) bool {
	step := ev.Steps[partition.InReport(rep.Name, p)]
	return step != nil && p.IsMonth() && step.Revision == 0 && step.Unasked > 0
}
