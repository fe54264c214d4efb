package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/session"
)

// Days plans the target's days of every report. pending are the digests that are
// to be made first; none once they have been made.
func (p *Planner) Days(ctx context.Context, pending map[day.Day]*Step) ([]Step, error) {
	var steps []Step
	for i := range p.settings.Reports {
		rep := &p.settings.Reports[i]
		days := p.catalog.Days(rep)
		for d := days.From; d <= days.To; d++ {
			s, err := p.Day(ctx, rep, d, pending)
			if err != nil {
				return nil, err
			}
			steps = append(steps, s)
		}
	}
	return steps, nil
}

// Day compares one day of a report with the digests of its window.
func (p *Planner) Day(ctx context.Context, rep *settings.Report, d day.Day, pending map[day.Day]*Step) (Step, error) {
	s := p.newStep(partition.DayID(rep.Name, d), rep)
	damage := p.catalog.Damage(s.ID)
	have := p.catalog.Published(s.ID)
	if have == nil {
		if damage == "" && p.catalog.Target.All && !p.isOver(rep, d) {
			s.set(Waiting, "it is not over")
			return s, nil
		}
		s.setMissing(damage)
		return s, nil
	}
	s.ManifestInfo = have.ManifestInfo
	reasons, newer := definitionReasons(have, rep)
	if newer {
		s.set(Newer, reasons...)
		return s, nil
	}
	action := Build
	if damage != "" {
		reasons, action = append(reasons, damage), Restore
	}
	if first := pending[d]; first != nil {
		reasons = append(reasons, first.Reasons...)
	}
	days := p.settings.Window(s.ID.Period)
	if have.Seen != nil {
		days = days.Union(have.Seen.Period())
	}
	for x := days.From; x <= days.To; x++ {
		if p.catalog.Unreadable(x) { // a comparison without it would drop its events
			s.set(Depends, dependsOn(x, "its manifest is damaged")) // the digest's own step says how
			return s, nil
		}
	}
	reasons, amended, err := p.digestReasons(ctx, rep, d, have, reasons)
	if err != nil {
		return s, err
	}
	if len(reasons) > 0 {
		s.setDue(Stale, action, reasons...)
		return s, nil
	}
	if difference := p.catalog.SummaryDifference(s.ID, have, rep); difference != "" {
		s.setDue(Stale, RewriteSummaries, difference)
		s.Amended = amended
		return s, nil
	}
	s.set(Fresh)
	if amended {
		s.Action, s.Amended = Amend, true
	}
	for x := days.From; x <= days.To; x++ {
		if first := pending[x]; first != nil {
			s.Status = Depends
			s.Reasons = append(s.Reasons, dependsOn(x, strings.Join(first.Reasons, ", ")))
		}
	}
	return s, nil
}

// isOver reports whether a date is over by the report's clock. The dumps of another are
// still to come: a plan of everything leaves it, and the dump of a day to come does not
// publish the days before it as empty.
func (p *Planner) isOver(rep *settings.Report, d day.Day) bool {
	_, end := partition.Instants(d, rep.Zone)
	return p.settings.Now().UnixMilli() >= end
}

func dependsOn(d day.Day, why string) string {
	return fmt.Sprintf("whether it changes depends on the digest of %s: %s", d, why)
}

// digestReasons adds why the digests change the day. amended says that they have
// changed, and the day has not.
func (p *Planner) digestReasons(ctx context.Context, rep *settings.Report, d day.Day, have *catalog.Published, reasons []string) (_ []string, amended bool, err error) {
	if have.Seen == nil {
		return append(reasons, "an earlier daybook made it"), false, nil
	}
	if l := p.settings.Lookback; have.Seen.Lookback != l {
		return append(reasons, fmt.Sprintf("lookback_days %d → %d", have.Seen.Lookback, l)), false, nil
	}
	c := p.changesSince(d, have)
	reasons = append(reasons, c.reasons...)
	if len(reasons) > 0 {
		return reasons, false, nil
	}
	for _, g := range c.grown {
		reason, err := p.affectedBy(ctx, g, rep, d)
		if errors.Is(err, digest.ErrCorrupt) || errors.Is(err, store.ErrNotFound) {
			reason, err = fmt.Sprintf("what the digest of %s changes cannot be told: %v", g.Day, err), nil
		}
		if err != nil {
			return nil, false, err
		}
		if reason != "" {
			reasons = append(reasons, reason)
		}
	}
	return reasons, c.any && len(reasons) == 0, nil
}

// growth is a digest that is new to a day, or a superset of what it was.
type growth struct {
	*catalog.DigestState
	isNew bool
}

// digestChanges is how the digests that could matter to a day have changed since it was
// made.
type digestChanges struct {
	any     bool
	grown   []growth // their sessions tell whether they change the day
	reasons []string // other changes, which do
}

// changesSince compares the digests that could matter to a day with those that it was
// made with.
func (p *Planner) changesSince(d day.Day, have *catalog.Published) (c digestChanges) {
	days := have.Seen.Period().Union(p.settings.Window(partition.OfDay(d)))
	for x := days.From; x <= days.To; x++ {
		now, before := p.catalog.Digest(x), have.Seen.At(x)
		if now == nil && before == 0 || now != nil && now.Print == before {
			continue // nearly always
		}
		c.any = true
		grewFrom := func(f string) bool { return catalog.PrintOf(f) == before }
		switch isInput := isInput(have, x); {
		case now == nil && isInput:
			c.reasons = append(c.reasons, fmt.Sprintf("the digest of %s is gone", x))
		case now == nil: // it had no events of the day's sessions
		case before != 0 && slices.ContainsFunc(now.GrownFrom, grewFrom):
			c.grown = append(c.grown, growth{now, false})
		case isInput && now.Reasons != nil:
			c.reasons = append(c.reasons, now.Reasons...)
		case isInput:
			c.reasons = append(c.reasons, fmt.Sprintf("the digest of %s changed", x))
		default: // it had no events of the day's sessions, and may have now
			c.grown = append(c.grown, growth{now, true})
		}
	}
	return c
}

// isInput reports whether a day was made from events of a dump day.
func isInput(have *catalog.Published, d day.Day) bool {
	key := partition.DigestID(d).Dir()
	return slices.ContainsFunc(have.Inputs, func(in *publish.Input) bool { return in.Key == key })
}

// definitionReasons says what has changed in the program or in a report's
// definition since a partition was made. newer says that a newer program made it.
func definitionReasons(have *catalog.Published, rep *settings.Report) (reasons []string, newer bool) {
	for _, v := range []struct {
		what      string
		had, have int
	}{{"engine", have.Engine, session.EngineVersion}, {"schema", have.Schema, report.SchemaVersion}} {
		switch {
		case v.had > v.have:
			return []string{fmt.Sprintf("%s %d is newer than this daybook's %d", v.what, v.had, v.have)}, true
		case v.had < v.have:
			reasons = append(reasons, fmt.Sprintf("%s %d → %d", v.what, v.had, v.have))
		}
	}
	if have.Definition == rep.Hash {
		return reasons, false
	}
	if changed := changedSettings(have.Text, rep.Text); len(changed) > 0 {
		return append(reasons, changed...), false
	}
	return append(reasons, "the definition changed"), false
}

// changedSettings says which settings of a report differ.
func changedSettings(had, have map[string]string) (reasons []string) {
	var names []string
	for name := range have {
		names = append(names, name)
	}
	for name := range had {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		switch {
		case had[name] == have[name]:
		case name == "timezone" || name == "language" || name == "daily hours":
			reasons = append(reasons, fmt.Sprintf("%s %s → %s", name, had[name], have[name]))
		default:
			reasons = append(reasons, name+" changed")
		}
	}
	return reasons
}
