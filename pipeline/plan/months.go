package plan

import (
	"fmt"
	"slices"

	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/words"
	"daybook/sinks/publish"
	"daybook/transform/day"
)

// Months plans the target's months of every report. days are the steps of its days
// that are to be done first; none once they have been done.
func (p *Planner) Months(days []Step) []Step {
	var steps []Step
	for i := range p.settings.Reports {
		rep := &p.settings.Reports[i]
		changing := map[day.Day]bool{}
		for j := range days {
			s := &days[j]
			if s.Report == rep && s.Status != Fresh && s.Status != Newer && s.Action != RewriteSummaries {
				changing[s.ID.Day()] = true
			}
		}
		target := p.catalog.Days(rep)
		for m := target.From.Month(); m <= target.To.Month(); m++ {
			s := p.Month(rep, m, changing)
			for d := m.First(); d < target.From && p.catalog.Target.All; d++ {
				if p.catalog.Day(rep, d) == nil {
					s.Unasked++
				}
			}
			steps = append(steps, s)
		}
	}
	return steps
}

// Month compares one month of a report with its days. changing are days that are to
// be built first.
func (p *Planner) Month(rep *settings.Report, m day.Month, changing map[day.Day]bool) Step {
	s := p.newStep(partition.MonthID(rep.Name, m), rep)
	damage := p.catalog.Damage(s.ID)
	have := p.catalog.Published(s.ID)
	if have != nil {
		s.ManifestInfo = have.ManifestInfo
	}
	if have == nil && !p.catalog.Complete(m) {
		s.set(Waiting, "there are no dumps of its last day yet")
		return s
	}
	missing, changes := 0, 0
	for _, d := range s.ID.Period.Days() {
		switch {
		case changing[d]:
			changes++
		case p.catalog.Day(rep, d) == nil:
			missing++
		}
	}
	switch {
	case missing > 0:
		s.set(Waiting, fmt.Sprintf("%d of its %d days are not published", missing, s.ID.Period.NumDays()))
		return s
	case have == nil:
		s.setMissing(damage)
		return s
	}
	reasons, newer := definitionReasons(have, rep)
	if newer {
		s.set(Newer, reasons...)
		return s
	}
	action := Build
	if damage != "" {
		reasons, action = append(reasons, damage), Restore
	}
	if c := publish.CompareInputs(have.CopyInputs(), p.MonthInputs(rep, s.ID.Period)); len(c.Added)+len(c.Changed)+len(c.Gone) > 0 {
		reasons = append(reasons, "restated days: "+words.Names(slices.Concat(c.Added, c.Changed, c.Gone)))
	}
	if len(reasons) == 0 {
		if difference := p.catalog.SummaryDifference(s.ID, have, rep); difference != "" {
			reasons, action = append(reasons, difference), RewriteSummaries
		}
	}
	switch {
	case len(reasons) > 0:
		s.setDue(Stale, action, reasons...)
	case changes > 0:
		s.set(Depends, fmt.Sprintf("whether it changes depends on %s", words.Count(changes, "day", "days")))
	default:
		s.set(Fresh)
	}
	return s
}

// MonthInputs are the days that a month is made from, by their content.
func (p *Planner) MonthInputs(rep *settings.Report, of partition.Period) []publish.Input {
	var inputs []publish.Input
	for _, d := range of.Days() {
		if have := p.catalog.Day(rep, d); have != nil {
			inputs = append(inputs, publish.Input{Key: partition.DayID(rep.Name, d).Dir(), ETag: have.Fingerprint, Size: have.Bytes})
		}
	}
	return inputs
}
