package service

import (
	"fmt"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/schedule"
	"daybook/transform/day"
)

// evaluation knows what a look has found, and decides by it what the next run does.
// It does not change any more.
type evaluation struct {
	now, since time.Time // since: the service has been alive since
	config     *Config
	controller *controllerState
	plan       *plan.Plan

	wanted  map[day.Day]bool   // dump days whose digests a wanted day needs
	blocked map[day.Day]string // digests that are due and not made, and why

	queued int                  // what the next run does
	lag    map[series]time.Time // the drop of the oldest partition that is due
	steps  map[partition.ID]*plan.Step
}

// series is the partitions of one kind of a report.
type series struct {
	report string
	kind   partition.Kind
}

func newEvaluation(c *Config, b *controllerState, p *plan.Plan, now, since time.Time) *evaluation {
	j := &evaluation{
		now: now, since: since, config: c, controller: b, plan: p,
		wanted: map[day.Day]bool{}, blocked: map[day.Day]string{}, lag: map[series]time.Time{},
		steps: map[partition.ID]*plan.Step{},
	}
	for i := range p.Steps {
		j.steps[p.Steps[i].ID] = &p.Steps[i]
	}
	j.want()
	j.block()
	return j
}

// want finds the dump days that the days need which are published, or are to
// be.
func (j *evaluation) want() {
	done := map[string]day.Day{} // by report, up to where they are noted: the plan has days in order
	for i := range j.plan.Steps {
		s := &j.plan.Steps[i]
		if s.ID.Kind != partition.Day || s.Revision == 0 && !j.decide(s).Due {
			continue
		}
		window := j.config.Pipeline.Window(s.ID.Period)
		if last, known := done[s.ID.Report]; known {
			window.From = max(window.From, last+1)
		}
		for x := window.From; x <= window.To; x++ {
			j.wanted[x] = true
		}
		done[s.ID.Report] = window.To
	}
}

// block finds the digests that are due and will not be made now.
func (j *evaluation) block() {
	for i := range j.plan.Steps {
		s := &j.plan.Steps[i]
		if s.ID.Kind != partition.Digest || !s.Due() && s.Status != plan.Newer {
			continue
		}
		d := s.ID.Day()
		switch t := j.controller.retryState(s); {
		case s.Status == plan.Newer:
			j.blocked[d] = "was made by a newer daybook"
		case t.waits(j.now) && t.SetAside:
			j.blocked[d] = "is set aside"
		case t.waits(j.now):
			j.blocked[d] = "failed, and is tried again at " + t.Again.UTC().Format(clockLayout)
		}
	}
}

const clockLayout = "15:04:05 UTC"

// blocks says which digest keeps a day from being made; empty: none.
func (j *evaluation) blocks(d day.Day) string {
	needed := j.config.Pipeline.Needed(partition.OfDay(d))
	for x := needed.From; x <= needed.To; x++ {
		if why := j.blocked[x]; why != "" {
			return fmt.Sprintf("waits for the digest of %s, which %s", x, why)
		}
	}
	return ""
}

// decide asks the schedule about a day or month of a report.
func (j *evaluation) decide(s *plan.Step) schedule.Decision {
	return j.config.Schedules[s.ID.Report].Decide(j.now, j.since, s.ID.Period, s.Revision > 0)
}

// allow says whether a run does a step, if it is due. What is published is
// always restated.
func (j *evaluation) allow(s *plan.Step) bool {
	if j.controller.retryState(s).waits(j.now) {
		return false
	}
	switch {
	case s.ID.Kind == partition.Digest:
		return j.wanted[s.ID.Day()]
	case s.ID.Kind == partition.Day && j.blocks(s.ID.Day()) != "":
		return false
	}
	return s.Revision > 0 || s.Status == plan.Stale || j.decide(s).Due
}

// state puts into words what there is, and counts what is to be done.
func (j *evaluation) state() *State {
	s := &State{Time: j.now, Reports: []Report{}, Digests: []Partition{}, Running: []Running{}, TooLate: j.plan.TooLate, Unknown: j.plan.Unknown, Alerts: j.controller.alerts()}
	byReport := map[string]*Report{}
	for i := range j.config.Pipeline.Reports {
		rep := &j.config.Pipeline.Reports[i]
		s.Reports = append(s.Reports, Report{Name: rep.Name, Timezone: rep.Zone.String(), Settings: rep.Text, Days: []Partition{}, Months: []Partition{}})
	}
	for i := range s.Reports {
		byReport[s.Reports[i].Name] = &s.Reports[i]
	}
	for i := range j.plan.Steps {
		step := &j.plan.Steps[i]
		p := j.partition(step)
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
		j.beyond(rep)
		rep.NextDay = j.next(rep, j.config.Schedules[rep.Name].LastDay(j.now), rep.Days)
		rep.NextMonth = j.next(rep, j.config.Schedules[rep.Name].LastMonth(j.now), rep.Months)
	}
	return s
}

// partition puts a step into words.
func (j *evaluation) partition(s *plan.Step) Partition {
	p := Partition{
		ID: s.ID, Reasons: s.Reasons, Revision: s.Revision, Rows: s.Rows, Sessions: s.Sessions,
		Bytes: s.Bytes, Published: s.Modified, State: idleState(s),
	}
	if s.ID.Kind != partition.Digest {
		j.schedule(&p, s)
	}
	retryState := j.controller.retryState(s)
	switch {
	case !s.Due():
	case retryState != nil:
		p.State, p.Failure, p.Attempts = Failed, failureText(s), retryState.Failures
		if retryState.SetAside {
			p.State = SetAside
		} else {
			p.Again = retryState.Again
		}
		if j.allow(s) {
			j.queue(s, &p)
		}
	case s.Status == plan.Stale:
		p.State = Stale
		j.queue(s, &p)
	case s.ID.Kind == partition.Digest && j.wanted[s.ID.Day()], s.ID.Kind != partition.Digest && j.decide(s).Due:
		p.State = Queued
		j.queue(s, &p)
	case s.ID.Kind == partition.Digest:
		p.State, p.Reasons = Waiting, append([]string{"no day that is to be published needs it yet"}, p.Reasons...)
	}
	return p
}

// queue counts a step that the next run does, unless a digest keeps it from
// that.
func (j *evaluation) queue(s *plan.Step, p *Partition) {
	if s.ID.Kind == partition.Day {
		if why := j.blocks(s.ID.Day()); why != "" {
			p.Reasons = append([]string{why}, p.Reasons...)
			if p.State == Queued {
				p.State = Waiting
			}
			return
		}
	}
	if s.ID.Kind == partition.Digest && !j.wanted[s.ID.Day()] {
		return
	}
	j.queued++
}

// idleState is the state of a step that nothing is to be done about.
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

// schedule adds what the schedule says of a day or month that is not
// published.
func (j *evaluation) schedule(p *Partition, s *plan.Step) {
	if s.Revision > 0 {
		return
	}
	d := j.decide(s)
	times := j.config.Schedules[s.ID.Report].Times(s.ID.Period)
	if s.Unasked > 0 { // it is never late, as nothing that is scheduled makes it
		p.Drop = times.Drop
		p.Reasons = append([]string{
			fmt.Sprintf("cannot be complete: there are no dumps of %d of its days, nor of any day before", s.Unasked),
			fmt.Sprintf("daybook run --month %s publishes them as empty, and then the month", s.ID.Name()),
		}, s.Reasons...)
		return
	}
	p.Drop, p.Deadline, p.Late = times.Drop, times.Deadline, d.Late
	reasons := []string{d.Why}
	if s.Status != plan.Missing { // or else they say that it is not published yet
		reasons = append(reasons, s.Reasons...)
	}
	p.Reasons = reasons
	if d.Missed && !d.Due {
		p.State = Missing
	}
	if d.Due {
		j.owe(p)
	}
}

// owe notes that a partition is due.
func (j *evaluation) owe(p *Partition) {
	k := series{p.ID.Report, p.ID.Kind}
	if oldest, known := j.lag[k]; !known || p.Drop.Before(oldest) {
		j.lag[k] = p.Drop
	}
}

// beyond adds the days that have dropped and that there are no dumps of, nor
// of a later day, so that no plan has them. One that fell due while nobody was
// running is not late: maybe there are no dumps any more.
func (j *evaluation) beyond(rep *Report) {
	if len(rep.Days) == 0 {
		return
	}
	newest := rep.Days[len(rep.Days)-1].ID.Day()
	sched := j.config.Schedules[rep.Name]
	for d := newest + 1; d <= sched.LastDay(j.now).From; d++ {
		period := partition.OfDay(d)
		decision, times := sched.Decide(j.now, j.since, period, false), sched.Times(period)
		p := Partition{
			ID: partition.DayID(rep.Name, d), State: Waiting, Drop: times.Drop, Deadline: times.Deadline,
			Reasons: []string{"there are no dumps of it or of a later day", decision.Why},
		}
		switch {
		case decision.Missed:
			p.State = Missing
			if decision.Due { // it would be caught up, and cannot be
				p.Reasons[1] = "it is published once there are"
			}
		case decision.Due:
			p.Late = decision.Late
			j.owe(&p)
		}
		rep.Days = append(rep.Days, p)
	}
}

// next is the next drop of a kind that is not published: the last one, if it
// is still due.
func (j *evaluation) next(rep *Report, last partition.Period, partitions []Partition) Drop {
	published := false
	for i := len(partitions) - 1; i >= 0 && !published; i-- {
		published = partitions[i].ID.Name() == last.String() && partitions[i].Revision > 0
	}
	sched := j.config.Schedules[rep.Name]
	decision := sched.Decide(j.now, j.since, last, published)
	before := len(partitions) > 0 && last.String() < partitions[0].ID.Name() // the first that there are dumps of
	if !decision.Due || before {
		last = last.Next()
	}
	for j.cannotBe(rep, last) {
		last = last.Next()
	}
	decision = sched.Decide(j.now, j.since, last, false)
	times := sched.Times(last)
	return Drop{Partition: last.String(), At: times.Drop, First: times.First, Deadline: times.Deadline, Why: decision.Why}
}

// cannotBe says whether a period is a month that has days before the first
// dumps, which nothing makes but people.
func (j *evaluation) cannotBe(rep *Report, p partition.Period) bool {
	step := j.steps[partition.InReport(rep.Name, p)]
	return step != nil && p.IsMonth() && step.Revision == 0 && step.Unasked > 0
}
