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

	neverServed bool // no replica has ever run

	newest  day.Day            // the newest dump day
	first   map[series]day.Day // the first day of the oldest published partition
	needed  map[day.Day]bool   // dump days whose digests a published or due day needs
	blocked map[day.Day]string // digests that are due but are not made now, and why

	// Set by state.
	queued int                  // how many steps the next run does
	lag    map[series]time.Time // the drop of the oldest partition that should be published by now
}

// series is all partitions of one kind of a report.
type series struct {
	report string
	kind   partition.Kind
}

func seriesOf(id partition.ID) series { return series{id.Report, id.Kind} }

// noDumps is before every dump day.
const noDumps = day.Day(-1 << 31)

func newEvaluation(c *Config, cs *controllerState, p *plan.Plan, now, since time.Time) *evaluation {
	ev := &evaluation{
		now: now, since: since, config: c, controller: cs, plan: p,
		needed: map[day.Day]bool{}, blocked: map[day.Day]string{}, lag: map[series]time.Time{},
		steps: map[partition.ID]*plan.Step{}, newest: noDumps, first: map[series]day.Day{},
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		ev.steps[s.ID] = s
		k := seriesOf(s.ID)
		if s.ID.Kind == partition.Digest {
			ev.newest = max(ev.newest, s.ID.Day())
		} else if _, known := ev.first[k]; !known && s.Revision > 0 { // the plan has periods in order
			ev.first[k] = s.ID.Period.From
		}
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

// broken lists the dump days whose digests cannot be made and that a report needs: it
// has a published or due day whose window they lie in. A digest that a newer daybook
// made counts if a day is to be built with it.
func (ev *evaluation) broken(report string) []BrokenDay {
	var all []BrokenDay
	for i := range ev.plan.Steps {
		s := &ev.plan.Steps[i]
		if s.ID.Kind != partition.Digest {
			break // digests come first
		}
		retry := ev.controller.retryOf(s)
		newer := s.Status == plan.Newer
		failed := s.Due() && (retry != nil || s.Failed != "") // on the command line, too
		if !newer && !failed || !ev.needs(report, s.ID, newer) {
			continue
		}
		b := BrokenDay{Day: s.ID.Name(), Newer: newer, Reason: "its digest was made by a newer daybook"}
		if failed {
			b.Reason = failureText(s)
		}
		if retry != nil && retry.SetAside {
			b.SetAside = true
		} else if retry != nil {
			b.Again = retry.Again
		}
		all = append(all, b)
	}
	return all
}

// needs reports whether a report has a published or due day that a digest belongs
// to. toBuild leaves out the published days that are up to date.
func (ev *evaluation) needs(report string, digest partition.ID, toBuild bool) bool {
	window := ev.config.Pipeline.Window(digest.Period) // it reaches as far back as ahead
	for d := window.From; d <= window.To; d++ {
		s := ev.steps[partition.DayID(report, d)]
		if s == nil || toBuild && !s.Due() {
			continue
		}
		if s.Revision > 0 || ev.decide(s).Due {
			return true
		}
	}
	return false
}

// decide asks the schedule about a day or month.
func (ev *evaluation) decide(s *plan.Step) schedule.Decision {
	return ev.decideAbout(s.ID, s.Revision > 0)
}

func (ev *evaluation) decideAbout(id partition.ID, published bool) schedule.Decision {
	m := schedule.Moment{Now: ev.now, Since: ev.since, Newest: ev.newest, NeverServed: ev.neverServed}
	return ev.config.Schedules[id.Report].Decide(m, id.Period, published)
}

// isHistory reports whether an unpublished partition is before the first published
// one of its series, and the schedule leaves it to a backfill. It is never late: it
// fell due before anyone asked for it.
func (ev *evaluation) isHistory(id partition.ID, d schedule.Decision) bool {
	first, published := ev.first[seriesOf(id)]
	return d.Missed && !d.Due && (!published || id.Period.From < first)
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
		rep.Broken = ev.broken(rep.Name)
		rep.Verdict = VerdictOf(rep)
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
	ev.setTimes(p, times, d)
	reasons := []string{d.Why}
	if s.Status != plan.Missing { // the reason of Missing, not published yet, adds nothing
		reasons = append(reasons, s.Reasons...)
	}
	p.Reasons = reasons
	if d.Missed && !d.Due {
		p.State = Missing
	}
}

// setTimes sets the times of an unpublished partition, and whether it is late. It
// notes its drop for the metric of the lag if it should be published by now.
func (ev *evaluation) setTimes(p *Partition, times schedule.Times, d schedule.Decision) {
	p.Drop, p.Deadline = times.Drop, times.Deadline
	if ev.isHistory(p.ID, d) {
		return
	}
	p.Late = d.Late
	if ev.now.Before(times.First) {
		return
	}
	k := seriesOf(p.ID)
	if oldest, known := ev.lag[k]; !known || p.Drop.Before(oldest) {
		ev.lag[k] = p.Drop
	}
}

// addDaysWithoutDumps adds the days that have dropped and are after the newest
// dump day. The plan does not have them.
func (ev *evaluation) addDaysWithoutDumps(rep *Report) {
	if len(rep.Days) == 0 {
		return
	}
	newest := rep.Days[len(rep.Days)-1].ID.Day()
	sched := ev.config.Schedules[rep.Name]
	for d := newest + 1; d <= sched.LastDay(ev.now).From; d++ {
		id := partition.DayID(rep.Name, d)
		decision := ev.decideAbout(id, false)
		p := Partition{ID: id, State: Waiting, Reasons: []string{"there are no dumps for this day or a later one", decision.Why}}
		ev.setTimes(&p, sched.Times(id.Period), decision)
		switch {
		case decision.Missed && decision.Due: // by catch_up, but there is nothing to build it from
			p.Reasons[1] = "it will be published when they arrive"
		case decision.Missed:
			p.State = Missing
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
	decision := ev.decideAbout(partition.InReport(rep.Name, last), published)
	waits := !published && !decision.Missed && !ev.now.Before(sched.Times(last).First) // due, or as soon as its dumps are there
	before := len(partitions) > 0 && last.String() < partitions[0].ID.Name()           // before the first dumps
	if !waits && !decision.Due || before {
		last = last.Next()
	}
	for ev.isIncomplete(rep, last) {
		last = last.Next()
	}
	decision = ev.decideAbout(partition.InReport(rep.Name, last), false)
	times := sched.Times(last)
	return Drop{Partition: last.String(), At: times.Drop, First: times.First, Deadline: times.Deadline, Why: decision.Why}
}

// isIncomplete reports whether a period is an unpublished month with days before
// the first dumps. Only a user can build it.
func (ev *evaluation) isIncomplete(rep *Report, p partition.Period) bool {
	step := ev.steps[partition.InReport(rep.Name, p)]
	return step != nil && p.IsMonth() && step.Revision == 0 && step.Unasked > 0
}
