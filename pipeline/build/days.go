package build

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"daybook/pipeline/catalog"
	"daybook/pipeline/format"
	"daybook/pipeline/output"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/settings"
	"daybook/pipeline/stitch"
	"daybook/pipeline/words"
	"daybook/sinks/publish"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/session"
)

// buildDays makes the days that are due. The days of all reports on one date are
// made together, from the same sessions.
func (r *run) buildDays(ctx context.Context) error {
	steps, err := r.planner.Days(ctx, nil)
	if err != nil {
		return err
	}
	byDay := map[day.Day][]*plan.Step{}
	for i := range steps {
		s := &steps[i]
		d := s.ID.Day()
		switch {
		case r.only.selects(s) && !r.needsLeft(s) && r.allowed(s):
			r.forceBuild(s)
			byDay[d] = append(byDay[d], s)
		case s.Action == plan.Amend:
			byDay[d] = append(byDay[d], s)
		case r.only.selects(s): // left
		case s.Status == plan.Fresh:
			r.countFresh(ctx, s)
		}
	}
	days := slices.Sorted(maps.Keys(byDay))
	if err := r.readComparedDays(ctx, days); err != nil {
		return err
	}
	// To amend a manifest takes requests, and next to no memory: many are amended at a
	// time.
	var amended, built [][]*plan.Step
	for _, d := range days {
		if slices.ContainsFunc(byDay[d], func(s *plan.Step) bool { return s.Action != plan.Amend }) {
			built = append(built, byDay[d])
		} else {
			amended = append(amended, byDay[d])
		}
	}
	r.expect(partition.Day, len(days))
	budget, many := r.settings.Budget, r.settings.Budget.Requests()
	share := parallel.Budget{Workers: 1, Memory: budget.Memory / int64(many), Serial: budget.Serial}
	if err := r.attemptSome(ctx, many, share, amended, r.buildDay); err != nil {
		return err
	}
	if parts, ok := r.settings.Sink.(*format.KeptParts); ok {
		parts.ExpectDays(len(built))
	}
	tasks, share := budget.Split(len(built))
	return r.attemptSome(ctx, tasks, share, built, r.buildDay)
}

// buildDay makes one date of several reports.
func (r *run) buildDay(ctx context.Context, share parallel.Budget, steps []*plan.Step) {
	if err := r.blocked(steps[0].ID.Period); err != nil {
		for _, s := range steps {
			if s.Action != plan.Amend {
				r.finish(ctx, s, Done{Err: err})
			}
		}
		return
	}
	for attempt := 1; len(steps) > 0; attempt++ {
		conflicts := r.makeDay(ctx, share, steps, attempt == maxConflicts)
		var err error
		if steps, err = r.replan(ctx, conflicts); err != nil {
			for _, c := range conflicts {
				r.finish(ctx, c.Step, Done{Err: err})
			}
			return
		}
	}
}

// conflict is a step that another process seems to have done first, and the error
// that says so.
type conflict struct {
	*plan.Step
	err error
}

// replan plans the days of conflicts again. What they are made from may be newer
// than the catalog: so the days are read first, and then the digests. A day that
// has not been published by another process has failed.
func (r *run) replan(ctx context.Context, conflicts []conflict) (steps []*plan.Step, err error) {
	if len(conflicts) == 0 {
		return nil, nil
	}
	for _, c := range conflicts {
		if err := r.reader.Refresh(ctx, r.catalog, c.ID, c.Report); err != nil {
			return nil, err
		}
	}
	window := r.settings.Window(conflicts[0].ID.Period)
	for _, c := range conflicts {
		if have := r.catalog.Published(c.ID); have != nil && have.Seen != nil {
			window = window.Union(have.Seen.Period())
		}
	}
	if err := r.reader.ReadDigests(ctx, r.catalog, window, catalog.EveryDay); err != nil {
		return nil, err
	}
	for _, c := range conflicts {
		again, err := r.planner.Day(ctx, c.Report, c.ID.Day(), nil)
		if err != nil {
			return nil, err
		}
		switch {
		case again.Due():
			r.forceBuild(&again)
			steps = append(steps, &again)
		case again.Action == plan.Amend:
			steps = append(steps, &again)
		case again.ETag == c.ETag:
			r.finish(ctx, c.Step, Done{Err: c.err})
		}
	}
	return steps, nil
}

// blocked says whether a day cannot be made: a digest that it needs has failed, or
// one of its window exists and cannot be read.
func (r *run) blocked(of partition.Period) error {
	r.mu.Lock()
	broken := maps.Clone(r.broken)
	r.mu.Unlock()
	needed := r.settings.Needed(of)
	for _, d := range r.settings.Window(of).Days() {
		if err := broken[d]; err != nil && (needed.Contains(d) || r.catalog.Unreadable(d)) {
			return &Blocked{By: "the digest of " + d.String(), Why: err.Error()}
		}
	}
	return nil
}

// needsLeft reports whether a day needs a digest that was left.
func (r *run) needsLeft(s *plan.Step) bool {
	return slices.ContainsFunc(r.settings.Needed(s.ID.Period).Days(), func(d day.Day) bool { return r.left[d] })
}

// makeDay makes one date of several reports, and returns the steps that another
// process was faster with. In the last attempt these have failed.
func (r *run) makeDay(ctx context.Context, share parallel.Budget, steps []*plan.Step, last bool) (conflicts []conflict) {
	finish := func(s *plan.Step, done *Done, err error) {
		switch {
		case isConflict(err) && !last:
			conflicts = append(conflicts, conflict{s, err})
		case err != nil:
			r.finish(ctx, s, Done{Err: err})
		case done != nil:
			r.finish(ctx, s, *done)
		}
	}
	publisher := &output.Publisher{Settings: r.settings, Budget: share}
	st := &stitch.Stitch{
		Settings: r.settings, Budget: share, Catalog: r.catalog, Indexes: r.indexes, Date: steps[0].ID.Day(), Kept: r.kept,
	}
	var stitched []*plan.Step
	for _, s := range steps {
		if s.Action == plan.Amend || s.Action == plan.RewriteSummaries {
			done, err := r.amend(ctx, publisher, s)
			finish(s, done, err)
			continue
		}
		stitched, st.Reports = append(stitched, s), append(st.Reports, s.Report)
	}
	if len(stitched) == 0 {
		return conflicts
	}
	made, err := st.Run(ctx)
	if err == nil {
		err = r.blockedBy(made.Reach, steps[0].ID.Period)
	}
	for i, s := range stitched {
		if err != nil {
			finish(s, nil, err)
			continue
		}
		done, err := r.publishDay(ctx, publisher, s, made, &made.Rows[i])
		finish(s, done, err)
	}
	if made != nil {
		made.Close()
	}
	return conflicts
}

// blockedBy says whether a day cannot be made because its sessions reach further than
// its window, to a digest that has failed.
func (r *run) blockedBy(reach, of partition.Period) error {
	r.mu.Lock()
	broken := maps.Clone(r.broken)
	r.mu.Unlock()
	for _, d := range slices.Sorted(maps.Keys(broken)) {
		if reach.Contains(d) && (d <= of.To+1 || r.catalog.Unreadable(d)) {
			return &Blocked{By: "the digest of " + d.String(), Why: broken[d].Error()}
		}
	}
	return nil
}

// partitionOf is the partition of a step, on the base that it was planned with. If
// another base is published by now, the error is ErrRaced.
func (r *run) partitionOf(ctx context.Context, s *plan.Step) (*output.Partition, error) {
	p := &output.Partition{
		ID: s.ID, Report: s.Report, Reason: s.Cause(),
		Again: s.Action == plan.Restore || r.only == OnlyAll, Intact: r.catalog.SummariesIntact(s.ID, s.ETag),
	}
	var err error
	if p.Base, err = r.reader.Base(ctx, r.catalog, s.ID, s.ETag); err != nil {
		return nil, err
	}
	if p.Base.ETag != s.ETag {
		return nil, publish.ErrRaced
	}
	return p, nil
}

func (r *run) publishDay(ctx context.Context, publisher *output.Publisher, s *plan.Step, made *stitch.Result, rows *stitch.Rows) (*Done, error) {
	p, err := r.partitionOf(ctx, s)
	if err != nil {
		return nil, err
	}
	r.describe(p, made.Digests.Inputs(), r.catalog.SeenNow(r.settings.Lookback, made.Reach), &rows.Counts)
	base, state, err := publisher.Publish(ctx, p, rows.Rows())
	if err != nil {
		return nil, err
	}
	return r.dayPublished(s, base, state, &rows.Counts), nil
}

// describe says in a day's manifest what it was made from.
func (r *run) describe(p *output.Partition, inputs []publish.Input, seen *publish.Seen, counts *stitch.Counts) {
	d := p.ID.Day()
	p.Inputs, p.About.Accounting, p.About.Seen, p.About.Fold = inputs, r.accounting(d), seen, foldInfo(counts)
	p.Volume = r.volume(p.Report, d)
}

// dayPublished is the outcome of a day that has been published.
func (r *run) dayPublished(s *plan.Step, base publish.Base, state publish.State, counts *stitch.Counts) *Done {
	r.reader.SetPublished(r.catalog, s.ID, s.Report, base)
	done := r.published(s, base, state)
	if counts.Legs > 0 && counts.InUnit == 0 {
		done.Warnings = append(done.Warnings, "there are sessions on this day, and the report's unit matches none of them; check its technicians, groups and channels")
	}
	return done
}

// accounting is that of the dumps of a day.
func (r *run) accounting(d day.Day) event.Accounting {
	return r.catalog.Digests(partition.OfDay(d)).Accounting()
}

// inputsNow are the inputs of a day as their digests are now.
func (r *run) inputsNow(inputs []publish.Input) []publish.Input {
	now := slices.Clone(inputs)
	for i := range now {
		name := strings.TrimPrefix(strings.TrimSuffix(now[i].Key, "/"), partition.Prefix("", partition.Digest))
		if d, err := day.Parse(name); err == nil && r.catalog.Digest(d) != nil {
			now[i] = catalog.Window{r.catalog.Digest(d)}.Inputs()[0]
		}
	}
	return now
}

// seenNow is the digests that could matter to a day, as they are now.
func (r *run) seenNow(id partition.ID) *publish.Seen {
	days := r.settings.Window(id.Period)
	if have := r.catalog.Published(id); have != nil && have.Seen != nil {
		days = days.Union(have.Seen.Period())
	}
	return r.catalog.SeenNow(r.settings.Lookback, days)
}

func foldInfo(c *stitch.Counts) *publish.FoldInfo {
	info := &publish.FoldInfo{
		Sessions: c.Sessions, Events: c.Events, Duplicates: c.Duplicates, Anomalies: map[string]int64{},
		Truncated: c.Report.Truncated, IPDropped: c.Report.IPDropped,
		Apart: c.Apart, ApartLookback: c.ApartLookback,
		Oversized: c.Oversized.Sessions, OversizedIDs: c.Oversized.IDs,
	}
	for code, n := range c.Anomalies {
		if n > 0 {
			info.Anomalies[session.Anomaly(code).String()] = n
		}
	}
	return info
}

// amend brings a partition up to date whose rows are right: the inputs in its
// manifest, or its summaries. It returns nil if users do not notice the change.
func (r *run) amend(ctx context.Context, publisher *output.Publisher, s *plan.Step) (*Done, error) {
	p, err := r.partitionOf(ctx, s)
	if err != nil {
		return nil, err
	}
	if s.Amended {
		next := *p.Base.Manifest
		next.Inputs, next.Seen, next.Accounting = r.inputsNow(next.Inputs), r.seenNow(s.ID), r.accounting(s.ID.Day())
		if p.Base, err = publish.Amend(ctx, r.settings.Sink, s.ID.Dir(), p.Base, next); err != nil {
			return nil, err
		}
	}
	if s.Action == plan.RewriteSummaries {
		// A writer that was stopped before it wrote them may have left superseded parts.
		if r.settings.RemoveAfter == 0 {
			if err := publish.Sweep(ctx, r.settings.Sink, s.ID.Dir(), p.Base.Manifest); err != nil {
				return nil, err
			}
		}
		if p.Base, err = publisher.RewriteSummaries(ctx, p); err != nil {
			return nil, err
		}
	}
	r.reader.SetPublished(r.catalog, s.ID, s.Report, p.Base)
	if s.Action == plan.Amend {
		return nil, nil
	}
	return r.published(s, p.Base, publish.Refreshed), nil
}

// published is the outcome of a step that has been published.
func (r *run) published(s *plan.Step, base publish.Base, state publish.State) *Done {
	m := base.Manifest
	d := &Done{State: state, Revision: m.Revision, Rows: m.Rows, Bytes: m.PartsSize(), URL: r.settings.Sink.URL(s.ID.Dir()), Manifest: m}
	if m.Fold != nil {
		d.Apart = Apart{m.Fold.Apart, m.Fold.ApartLookback}
		if n := m.Fold.Oversized; n > 0 {
			d.Oversized = n
			d.Warnings = append(d.Warnings, oversizedText(n, m.Fold.OversizedIDs))
		}
	}
	for _, c := range m.Checks {
		if !c.Passed {
			d.Warnings = append(d.Warnings, c.Name+": "+c.Detail)
		}
	}
	return d
}

// oversizedText names sessions that have no rows.
func oversizedText(n int64, ids []int64) string {
	text := words.Count(n, "session has", "sessions have") + " more events than source.max_session_size allows, and no rows:"
	for _, id := range ids {
		text += fmt.Sprintf(" %d", id)
	}
	if more := n - int64(len(ids)); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// readComparedDays reads the days before the target that the rows of these days are
// compared with.
func (r *run) readComparedDays(ctx context.Context, days []day.Day) error {
	earlier := map[day.Day]bool{}
	for _, d := range days {
		for _, e := range output.ComparedDays(d) {
			if e < r.catalog.Range.From {
				earlier[e] = true
			}
		}
	}
	if len(earlier) == 0 || r.catalog.Target.All {
		return nil
	}
	sorted := slices.Sorted(maps.Keys(earlier))
	period := partition.Period{From: sorted[0], To: sorted[len(sorted)-1]}
	return r.reader.ReadDays(ctx, r.catalog, period, func(_ *settings.Report, d day.Day) bool { return earlier[d] })
}

// volume is the rows of the days that a day is compared with, as far as they are
// published.
func (r *run) volume(rep *settings.Report, d day.Day) []int64 {
	var rows []int64
	for _, earlier := range output.ComparedDays(d) {
		if have := r.catalog.Day(rep, earlier); have != nil {
			rows = append(rows, have.Rows)
		}
	}
	return rows
}
