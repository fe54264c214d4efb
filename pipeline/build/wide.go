package build

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"daybook/pipeline/catalog"
	"daybook/pipeline/digests"
	"daybook/pipeline/output"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/wide"
	"daybook/sinks/publish"
	"daybook/transform/day"
)

// Which selects what many workers make (package wide).
type Which func(rangeBits int) bool

// OnlyWide selects the digests of several hash ranges, and the dates of their sessions.
func OnlyWide(rangeBits int) bool { return rangeBits > 0 }

// All selects everything.
func All(int) bool { return true }

// None selects nothing.
func None(int) bool { return false }

// BeginDigests plans the digests of a target for many workers, as far as they are due
// and selected.
func (b *Builder) BeginDigests(ctx context.Context, t partition.Target, which Which) ([]*wide.DigestJob, error) {
	r, err := b.readAll(ctx, t)
	if err != nil {
		return nil, err
	}
	jobs := []*wide.DigestJob{}
	steps := r.planner.Digests()
	for i := range steps {
		s := &steps[i]
		bits := digests.RangeBits(s.Dumps, b.Settings.RangeEvents)
		if !s.Due() || s.Action != plan.Build || len(s.Dumps) == 0 || !which(bits) {
			continue
		}
		jobs = append(jobs, &wide.DigestJob{
			Day: s.ID.Day(), Bits: bits, Inputs: r.planner.HashInputs(s),
			ETag: s.ETag, Revision: s.Revision + 1, Reason: s.Cause(), Dumps: s.Dumps,
		})
	}
	return jobs, nil
}

// readAll reads all that matters to a target. Nothing is allowed to be built.
func (b *Builder) readAll(ctx context.Context, t partition.Target) (*run, error) {
	reader := &catalog.Reader{Settings: b.Settings, Cache: b.Cache}
	c, err := reader.Read(ctx, t)
	if err != nil {
		return nil, err
	}
	r := b.newRun(reader, c, OnlyDue)
	r.hooks.Allow, r.exactly = func(*plan.Step) bool { return false }, true
	return r, r.planner.Extend(ctx, reader)
}

// CommitDigest publishes a digest from the results of its workers. The error of the
// digest is in the outcome.
func (b *Builder) CommitDigest(ctx context.Context, j *wide.DigestJob, results []wide.RangeResult) (*Done, error) {
	made, failed := wide.CommitDigest(ctx, b.Settings, j, results)
	reader := &catalog.Reader{Settings: b.Settings, Cache: b.Cache}
	c, err := reader.ReadDumpDays(ctx, partition.OfDay(j.Day))
	if err != nil {
		return nil, err
	}
	r := b.newRun(reader, c, OnlyDue)
	s := r.planner.Digest(j.Day)
	if isConflict(failed) && !s.Due() {
		done := r.notDone(s.ID) // another process has made it
		return &done, nil
	}
	r.finish(ctx, &s, r.digestDone(s.ID, j.Dumps, made, failed))
	return r.onlyStep(ctx)
}

// onlyStep is the outcome of the only step of the run.
func (r *run) onlyStep(ctx context.Context) (*Done, error) {
	if len(r.result.Steps) != 1 {
		return nil, ctx.Err()
	}
	return &r.result.Steps[0], nil
}

// BeginDays plans the dates of a target for many workers, as far as reports of them are
// due, their digests are fresh, and they are selected.
func (b *Builder) BeginDays(ctx context.Context, t partition.Target, which Which) ([]*wide.DayJob, error) {
	r, err := b.readAll(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := r.buildDigestsOf(ctx, map[day.Day]bool{}); err != nil { // which finds the digests that block days
		return nil, err
	}
	steps, err := r.planner.Days(ctx, nil)
	if err != nil {
		return nil, err
	}
	jobs := []*wide.DayJob{}
	for _, d := range datesOf(steps) {
		of := partition.OfDay(d)
		// Nearly all its sessions have events in the dumps of these days.
		if near := (partition.Period{From: d - 1, To: d + 1}); !which(r.catalog.Digests(near).RangeBits()) || r.blocked(of) != nil {
			continue
		}
		j := &wide.DayJob{Date: d, Bits: r.catalog.Digests(b.Settings.Window(of)).RangeBits()}
		for i := range steps {
			if s := &steps[i]; s.ID.Period == of && s.Due() && s.Action == plan.Build {
				j.Reports = append(j.Reports, wide.ReportJob{Name: s.Report.Name, Inputs: r.planner.HashInputs(s), ETag: s.ETag, Revision: s.Revision + 1, Reason: s.Cause()})
			}
		}
		if len(j.Reports) > 0 {
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}

// datesOf are the dates of steps, in order.
func datesOf(steps []plan.Step) []day.Day {
	var dates []day.Day
	for _, s := range steps {
		dates = append(dates, s.ID.Day())
	}
	slices.Sort(dates)
	return slices.Compact(dates)
}

// CommitDay publishes a date from the results of its workers: an outcome for each report
// of the job.
func (b *Builder) CommitDay(ctx context.Context, j *wide.DayJob, stitched []wide.StitchResult, tasks []wide.PartTask, parts []wide.PartResult) ([]Done, error) {
	reader := &catalog.Reader{Settings: b.Settings, Cache: b.Cache}
	c, err := reader.Read(ctx, partition.Days(j.Date, j.Date))
	if err != nil {
		return nil, err
	}
	r := b.newRun(reader, c, OnlyDue)
	r.hooks.Allow, r.exactly = func(*plan.Step) bool { return false }, true
	made, files, seen, failed := r.joinDay(ctx, j, stitched, tasks, parts)
	if failed == nil {
		if err := r.readComparedDays(ctx, []day.Day{j.Date}); err != nil {
			return nil, err
		}
	}
	for i := range j.Reports {
		rep := &j.Reports[i]
		s := plan.Step{ID: partition.DayID(rep.Name, j.Date), Report: b.Settings.Report(rep.Name), Action: plan.Build, Reasons: []string{rep.Reason}}
		s.ETag = rep.ETag
		done, err := &Done{}, failed
		if err == nil && s.Report == nil {
			err = fmt.Errorf("the report %s is not configured here", rep.Name)
		}
		if err == nil {
			done, err = r.commitDay(ctx, &s, made, i, files[rep.Name], seen)
		}
		if err != nil {
			done = &Done{Err: err}
		}
		r.finish(ctx, &s, *done)
	}
	return r.result.Steps, ctx.Err()
}

// joinDay adds the results of a date up. seen is the digests that all workers have seen,
// which are those of now.
func (r *run) joinDay(ctx context.Context, j *wide.DayJob, stitched []wide.StitchResult, tasks []wide.PartTask, parts []wide.PartResult) (made *wide.Stitched, files map[string][]publish.Part, seen *publish.Seen, err error) {
	if made, err = j.Join(stitched); err != nil {
		return nil, nil, nil, err
	}
	if files, err = j.Files(tasks, parts); err != nil {
		return nil, nil, nil, err
	}
	if err = r.reader.Extend(ctx, r.catalog, made.Reach); err != nil {
		return nil, nil, nil, err
	}
	if err = r.buildDigestsOf(ctx, map[day.Day]bool{}); err != nil { // which finds the digests that block days
		return nil, nil, nil, err
	}
	if err = r.blockedBy(made.Reach, partition.OfDay(j.Date)); err != nil {
		return nil, nil, nil, err
	}
	seen, err = made.SeenIn(r.catalog, r.settings.Lookback)
	return made, files, seen, err
}

// commitDay publishes report i of a date.
func (r *run) commitDay(ctx context.Context, s *plan.Step, made *wide.Stitched, i int, parts []publish.Part, seen *publish.Seen) (*Done, error) {
	p, err := r.partitionOf(ctx, s)
	if errors.Is(err, publish.ErrRaced) {
		return nil, fmt.Errorf("%s: %w", s.ID, err)
	}
	if err != nil {
		return nil, err
	}
	counts := &made.Counts[i]
	r.describe(p, made.Digests, seen, counts)
	_, share := r.settings.Budget.Split(1)
	publisher := &output.Publisher{Settings: r.settings, Budget: share}
	base, state, err := publisher.PublishParts(ctx, p, parts)
	if err != nil {
		return nil, err
	}
	return r.dayPublished(s, base, state, counts), nil
}
