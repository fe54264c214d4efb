package build

import (
	"context"

	"daybook/pipeline/output"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/settings"
	"daybook/pipeline/stitch"
	"daybook/sinks/publish"
	"daybook/transform/day"
	"daybook/transform/event"
)

// buildMonths makes the months that are due, one after the other: each has the whole
// budget.
func (r *run) buildMonths(ctx context.Context) error {
	if err := r.reader.ReadDaysOfMonths(ctx, r.catalog); err != nil {
		return err
	}
	var due []*plan.Step
	for _, s := range r.planner.Months(nil) {
		switch {
		case r.only.selects(&s) && r.allowed(&s):
			r.forceBuild(&s)
			due = append(due, &s)
		case r.only.selects(&s): // left
		case s.Status == plan.Fresh:
			r.countFresh(ctx, &s)
		case s.Status == plan.Waiting:
			r.result.addWaiting(&s)
		}
	}
	for _, s := range due {
		if err := r.mayContinue(ctx); err != nil {
			return err
		}
		r.attempt(ctx, []*plan.Step{s}, func(ctx context.Context) { r.buildMonth(ctx, s) })
	}
	return nil
}

// buildMonth makes one month. On a conflict it is planned again, from the month and
// its days as they are published now.
func (r *run) buildMonth(ctx context.Context, s *plan.Step) {
	_, share := r.settings.Budget.Split(1)
	publisher := &output.Publisher{Settings: r.settings, Budget: share}
	for attempt := 1; ; attempt++ {
		done, err := r.makeMonth(ctx, publisher, s)
		if !isConflict(err) || attempt == maxConflicts {
			if err != nil {
				done = &Done{Err: err}
			}
			if done != nil {
				r.finish(ctx, s, *done)
			}
			return
		}
		again, rerr := r.replanMonth(ctx, s)
		if rerr != nil {
			r.finish(ctx, s, Done{Err: rerr})
			return
		}
		if !again.Due() {
			if again.ETag == s.ETag { // no other process has published it
				r.finish(ctx, s, Done{Err: err})
			}
			return
		}
		s = again
	}
}

func (r *run) replanMonth(ctx context.Context, s *plan.Step) (*plan.Step, error) {
	if err := r.reader.Refresh(ctx, r.catalog, s.ID, s.Report); err != nil {
		return nil, err
	}
	own := func(rep *settings.Report, _ day.Day) bool { return rep.Name == s.ID.Report }
	if err := r.reader.ReadDays(ctx, r.catalog, s.ID.Period, own); err != nil {
		return nil, err
	}
	again := r.planner.Month(s.Report, s.ID.Month(), nil)
	return &again, nil
}

// makeMonth makes a month from the rows of its days.
func (r *run) makeMonth(ctx context.Context, publisher *output.Publisher, s *plan.Step) (*Done, error) {
	if s.Action == plan.RewriteSummaries {
		return r.amend(ctx, publisher, s)
	}
	p, err := r.partitionOf(ctx, s)
	if err != nil {
		return nil, err
	}
	if p.About.Accounting, err = r.monthAccounting(ctx, s.ID.Period); err != nil {
		return nil, err
	}
	days := make([]*publish.Manifest, 0, s.ID.Period.NumDays())
	for _, d := range s.ID.Period.Days() {
		id := partition.DayID(s.ID.Report, d)
		base, err := publish.Read(ctx, r.settings.Sink, id.Dir())
		if err != nil {
			return nil, err
		}
		if base.Manifest == nil {
			return nil, &Blocked{By: d.String(), Why: "it is not published"}
		}
		r.reader.SetPublished(r.catalog, id, s.Report, base)
		days = append(days, base.Manifest)
	}
	p.Inputs = r.planner.MonthInputs(s.Report, s.ID.Period)
	base, state, err := publisher.PublishPieces(ctx, p, stitch.Month(ctx, r.settings, days))
	if err != nil {
		return nil, err
	}
	r.reader.SetPublished(r.catalog, s.ID, s.Report, base)
	return r.published(s, base, state), nil
}

// monthAccounting is that of the dumps of a month's days.
func (r *run) monthAccounting(ctx context.Context, of partition.Period) (event.Accounting, error) {
	unread := func(d day.Day) bool { return r.catalog.Digest(d) == nil }
	for _, d := range of.Days() {
		if unread(d) {
			if err := r.reader.ReadDigests(ctx, r.catalog, of, unread); err != nil {
				return event.Accounting{}, err
			}
			break
		}
	}
	return r.catalog.Digests(of).Accounting(), nil
}
