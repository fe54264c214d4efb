package build

import (
	"context"
	"fmt"
	"slices"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/sinks/publish"
	"daybook/transform/day"
)

// RunSteps does the named steps, which are of one kind, and no others: one task of a run
// that is shared by many processes. It returns one outcome for each, in their order. A
// step that is fresh by now is unchanged. Days that need a digest which is still due are
// blocked by it. It returns an error only if it cannot go on at all, or was interrupted.
func (b *Builder) RunSteps(ctx context.Context, ids []partition.ID) ([]Done, error) {
	reader := b.Reader()
	c, err := readSteps(ctx, reader, ids)
	if err != nil {
		return nil, err
	}
	r := b.newRun(reader, c, OnlyDue)
	defer r.kept.Close()
	r.hooks.Allow = func(s *plan.Step) bool { return slices.Contains(ids, s.ID) }
	r.exactly = true
	stages := map[partition.Kind][]func(context.Context) error{
		partition.Digest: {func(ctx context.Context) error { return r.buildDigestsOf(ctx, map[day.Day]bool{}) }},
		partition.Day:    {r.buildDigests, r.buildDays}, // the first one finds the digests that block days
		partition.Month:  {r.buildMonths},
	}
	for _, stage := range stages[ids[0].Kind] {
		if err := stage(ctx); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var outcomes []Done
	for _, id := range ids {
		at := slices.IndexFunc(r.result.Steps, func(d Done) bool { return d.ID == id })
		waits := slices.ContainsFunc(r.result.Waiting, func(w Waiting) bool { return w.Report == id.Report && w.Month == id.Name() })
		switch {
		case at >= 0:
			outcomes = append(outcomes, r.result.Steps[at])
		case !waits:
			outcomes = append(outcomes, r.notDone(id))
		}
	}
	return outcomes, nil
}

// readSteps reads what the steps need.
func readSteps(ctx context.Context, reader *catalog.Reader, ids []partition.ID) (*catalog.Catalog, error) {
	period := ids[0].Period
	for _, id := range ids {
		period = period.Union(id.Period)
	}
	if ids[0].Kind == partition.Digest {
		return reader.ReadDumpDays(ctx, period)
	}
	t := partition.Days(period.From, period.To)
	t.WholeMonth = ids[0].Kind == partition.Month // the plan that names a month knows that it is complete
	return reader.Read(ctx, t)
}

// notDone is the outcome of a step that was not due.
func (r *run) notDone(id partition.ID) Done {
	d := Done{ID: id, State: publish.Unchanged, Reason: "it was fresh already"}
	switch have, digest := r.catalog.Published(id), r.catalog.Digest(id.Day()); {
	case id.Kind == partition.Digest && digest != nil:
		d.Revision, d.Rows, d.Bytes, d.URL = digest.Revision, digest.Rows, digest.Bytes, r.settings.Sink.URL(id.Dir())
	case have != nil:
		d.Revision, d.Rows, d.Bytes, d.URL = have.Revision, have.Rows, have.Bytes, r.settings.Sink.URL(id.Dir())
	default:
		d = Done{Err: fmt.Errorf("%s cannot be built: the source or the configuration of this worker does not have it", id)}
		d.describe(&plan.Step{ID: id})
	}
	return d
}

// SumUp is what a run of a target came to whose steps were done by other processes,
// with these outcomes.
func (b *Builder) SumUp(ctx context.Context, t partition.Target, done []Done) (*Result, error) {
	reader := b.Reader()
	c, err := reader.Read(ctx, t)
	if err == nil {
		err = reader.ReadDaysOfMonths(ctx, c)
	}
	if err != nil {
		return nil, err
	}
	r := b.newRun(reader, c, OnlyDue)
	defer r.kept.Close()
	wasDone := map[partition.ID]bool{}
	for i := range done {
		wasDone[done[i].ID] = true
		r.result.add(done[i])
	}
	if err := r.planner.Extend(ctx, reader); err != nil {
		return nil, err
	}
	days, err := r.planner.Days(ctx, nil)
	if err != nil {
		return nil, err
	}
	steps := slices.Concat(r.planner.Digests(), days, r.planner.Months(nil))
	for i := range steps {
		switch s := &steps[i]; {
		case wasDone[s.ID]:
		case s.Status == plan.Fresh:
			r.result.Fresh++
		case s.Status == plan.Waiting:
			r.result.addWaiting(s)
		}
	}
	r.result.Unpacked = reader.StorePacks(ctx)
	return r.sumUp(), nil
}
