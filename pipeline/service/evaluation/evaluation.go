// Package evaluation decides how each partition stands and what the next run does. It
// takes the plan, the schedules and the retry states. [Assess] reads the sink; all other
// functions are pure.
//
// A published partition may be restated at any time. A new one waits for its schedule. A
// digest is made if a published or due day needs it. A digest that is set aside, or that
// waits for its retry, blocks the days that need it.
package evaluation

import (
	"fmt"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/schedule"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/states"
	"daybook/transform/day"
)

// Evaluation is the result of a look: the plan, and which of its steps the next run does.
// It is immutable.
type Evaluation struct {
	Now        time.Time // when the look began
	Config     *replica.Config
	Controller *controller.State
	Steps      map[partition.ID]*plan.Step
	Snapshot   *states.Snapshot            // without the lease and the work under way
	Queued     int                         // how many steps the next run does
	Lag        map[states.Series]time.Time // the drop of the oldest partition that should be published by now

	moment  schedule.Moment
	plan    *plan.Plan
	first   map[states.Series]day.Day // the first day of the oldest published partition
	needed  map[day.Day]bool          // dump days whose digests a published or due day needs
	blocked map[day.Day]string        // digests that are due but are not made now, and why
}

// noDumps is before every dump day.
const noDumps = day.Day(-1 << 31)

// New evaluates a plan at a moment. The newest dump day of the moment is that of the plan.
func New(c *replica.Config, cs *controller.State, p *plan.Plan, m schedule.Moment) *Evaluation {
	ev := &Evaluation{
		Now: m.Now, moment: m, Config: c, Controller: cs, plan: p,
		needed: map[day.Day]bool{}, blocked: map[day.Day]string{}, Lag: map[states.Series]time.Time{},
		Steps: map[partition.ID]*plan.Step{}, first: map[states.Series]day.Day{},
	}
	ev.moment.Newest = noDumps
	for i := range p.Steps {
		s := &p.Steps[i]
		ev.Steps[s.ID] = s
		k := states.SeriesOf(s.ID)
		if s.ID.Kind == partition.Digest {
			ev.moment.Newest = max(ev.moment.Newest, s.ID.Day())
		} else if _, known := ev.first[k]; !known && s.Revision > 0 { // the plan has periods in order
			ev.first[k] = s.ID.Period.From
		}
	}
	ev.findNeeded()
	ev.findBlocked()
	ev.Snapshot = ev.describe()
	return ev
}

// findNeeded finds the dump days that published and due days need.
func (ev *Evaluation) findNeeded() {
	done := map[string]day.Day{} // by report, the last dump day that is set: the plan has days in order
	for i := range ev.plan.Steps {
		s := &ev.plan.Steps[i]
		if s.ID.Kind != partition.Day || s.Revision == 0 && !ev.decide(s).Due {
			continue
		}
		window := ev.Config.Pipeline.Window(s.ID.Period)
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
func (ev *Evaluation) findBlocked() {
	for i := range ev.plan.Steps {
		s := &ev.plan.Steps[i]
		if s.ID.Kind != partition.Digest || !s.Due() && s.Status != plan.Newer {
			continue
		}
		d := s.ID.Day()
		switch retry := ev.Controller.RetryOf(s); {
		case s.Status == plan.Newer:
			ev.blocked[d] = "was made by a newer daybook"
		case retry.Waits(ev.Now) && retry.SetAside:
			ev.blocked[d] = "is set aside"
		case retry.Waits(ev.Now):
			ev.blocked[d] = "failed and will be retried at " + retry.Again.UTC().Format(clockLayout)
		}
	}
}

const clockLayout = "15:04:05 UTC"

// blockedBy says which digest blocks a day; empty if none does.
func (ev *Evaluation) blockedBy(d day.Day) string {
	needed := ev.Config.Pipeline.Needed(partition.OfDay(d))
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
func (ev *Evaluation) broken(report string) []states.BrokenDay {
	var all []states.BrokenDay
	for i := range ev.plan.Steps {
		s := &ev.plan.Steps[i]
		if s.ID.Kind != partition.Digest {
			break // digests come first
		}
		retry := ev.Controller.RetryOf(s)
		newer := s.Status == plan.Newer
		failed := s.Due() && (retry != nil || s.Failed != "") // on the command line, too
		if !newer && !failed || !ev.needs(report, s.ID, newer) {
			continue
		}
		b := states.BrokenDay{Day: s.ID.Name(), Newer: newer, Reason: "its digest was made by a newer daybook"}
		if failed {
			b.Reason = controller.FailureText(s)
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
func (ev *Evaluation) needs(report string, digest partition.ID, toBuild bool) bool {
	window := ev.Config.Pipeline.Window(digest.Period) // it reaches as far back as ahead
	for d := window.From; d <= window.To; d++ {
		s := ev.Steps[partition.DayID(report, d)]
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
func (ev *Evaluation) decide(s *plan.Step) schedule.Decision {
	return ev.decideAbout(s.ID, s.Revision > 0)
}

func (ev *Evaluation) decideAbout(id partition.ID, published bool) schedule.Decision {
	return ev.Config.Schedules[id.Report].Decide(ev.moment, id.Period, published)
}

// isHistory reports whether an unpublished partition is before the first published
// one of its series, and the schedule leaves it to a backfill. It is never late: it
// fell due before anyone asked for it.
func (ev *Evaluation) isHistory(id partition.ID, d schedule.Decision) bool {
	first, published := ev.first[states.SeriesOf(id)]
	return d.Missed && !d.Due && (!published || id.Period.From < first)
}

// Allow reports whether a run may do a step. A published partition may be restated
// at any time.
func (ev *Evaluation) Allow(s *plan.Step) bool {
	if ev.Controller.RetryOf(s).Waits(ev.Now) {
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
