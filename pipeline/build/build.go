// Package build does what a plan says. A run makes the digests that are due, then
// the days, then the months; each stage is planned when the one before is done.
//
// A step that fails is noted and stops only the steps that need it. A run may be
// stopped anywhere: the next run plans again and does the rest. If another process
// publishes the same partition first, the conflict is resolved by planning the step
// again from what is published now.
package build

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"daybook/pipeline/catalog"
	"daybook/pipeline/digests"
	"daybook/pipeline/extract"
	"daybook/pipeline/format"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/settings"
	"daybook/pipeline/stitch"
	"daybook/transform/day"
	"daybook/transform/event"
)

// Builder builds the reports of a configuration.
type Builder struct {
	Settings *settings.Pipeline
	Cache    *catalog.Cache // of manifests, shared with plans; may be nil
	Hooks    Hooks
}

// Hooks observe and control one run. All of them may be zero.
type Hooks struct {
	// Allow is asked before a step is done. If it says no, the step is left: it has
	// neither failed nor been done. Days that need the digest of a step that was left
	// are left, too; a month is made from its days as they are published.
	Allow func(s *plan.Step) bool
	// OnStep is told when a step begins (done is nil) and when it is over, once each,
	// from any goroutine; not of steps that are left. The two calls get the same ID,
	// but not always the same *Step. Done.Err of a step that was interrupted is the
	// error of the context.
	OnStep func(s *plan.Step, done *Done)
	// Enough, once it is closed, keeps further steps from being begun: Run finishes
	// those under way, and returns ErrEnough.
	Enough <-chan struct{}
	// Progress counts what is read and done.
	Progress *extract.Progress
}

// ErrEnough says that there was more to do when the run was told to stop.
var ErrEnough = errors.New("stopped before the next step")

// Run builds what of a target is due and selected. It returns an error only if it
// cannot go on at all; the errors of steps are in the result.
func (b *Builder) Run(ctx context.Context, t partition.Target, only Only) (*Result, error) {
	reader := b.Reader()
	c, err := reader.Read(ctx, t)
	if err != nil {
		return nil, err
	}
	r := b.newRun(reader, c, only)
	defer r.kept.Close()
	r.estimate()
	for _, stage := range []func(context.Context) error{r.buildDigests, r.buildDays, r.buildMonths} {
		if err = stage(ctx); err == nil {
			err = r.mayContinue(ctx)
		}
		if err != nil {
			break
		}
	}
	if ctx.Err() == nil {
		r.result.Unpacked = reader.StorePacks(ctx)
	}
	return r.sumUp(), err
}

// reader reads the catalog and, for the run, parts of digests that several steps open.
func (b *Builder) Reader() *catalog.Reader {
	s := *b.Settings
	s.Sink = format.KeepParts(s.Sink, s.Budget.Memory/keptShare)
	reader := &catalog.Reader{Settings: &s, Cache: b.Cache}
	if reader.Cache == nil {
		reader.Cache = catalog.NewCache()
	}
	return reader
}

// newRun begins a run. The caller closes its kept rows.
func (b *Builder) newRun(reader *catalog.Reader, c *catalog.Catalog, only Only) *run {
	s := reader.Settings
	indexes := plan.NewIndexes(s)
	return &run{
		settings: s, hooks: b.Hooks, only: only,
		reader: reader, catalog: c, indexes: indexes, planner: plan.NewPlanner(s, c, indexes), kept: stitch.NewKeptRows(s),
		broken: map[day.Day]error{}, left: map[day.Day]bool{}, underWay: map[partition.ID]bool{},
		result: Result{Target: c.Target.String(), Steps: []Done{}, Accounting: event.Accounting{Rejected: map[string]int64{}}},
	}
}

// sumUp completes the result when no further step is done.
func (r *run) sumUp() *Result {
	slices.SortStableFunc(r.result.Steps, func(a, b Done) int { return partition.Compare(a.ID, b.ID) })
	r.result.TooLate, r.result.Unknown, r.result.Unread = r.catalog.Late(), r.catalog.Unknown(), r.catalog.Unread()
	r.noteUnfed()
	return &r.result
}

// keptShare is the part of the memory in which a run keeps parts of digests.
const keptShare = 32

// noteUnfed notes the published days whose own dumps have no line but blank ones, or that
// have no dumps.
func (r *run) noteUnfed() {
	fed := func(d day.Day) bool {
		a := r.accounting(d)
		return a.Lines > a.Blank // of an export, the headings are blank
	}
	for i := range r.result.Steps {
		switch s := &r.result.Steps[i]; {
		case s.ID.Kind != partition.Day || s.Err != nil || fed(s.ID.Day()):
		case s.Rows == 0:
			r.result.Empty = append(r.result.Empty, s.ID.Name())
		case r.catalog.Digest(s.ID.Day()) == nil:
			r.result.NoDumps++
		}
	}
	slices.Sort(r.result.Empty) // dates in order, of all reports
	r.result.Empty = slices.Compact(r.result.Empty)
	r.result.Unfed = len(r.result.Empty) > 0 && !slices.ContainsFunc(r.catalog.Range.Days(), fed)
}

// run is one run under way.
type run struct {
	settings *settings.Pipeline
	hooks    Hooks
	only     Only
	exactly  bool // do the allowed steps only, of one kind: days that need another digest are blocked
	reader   *catalog.Reader
	catalog  *catalog.Catalog
	indexes  *digests.Indexes
	planner  *plan.Planner
	kept     *stitch.KeptRows // of the digests that were made

	estimated map[partition.Kind]int // the steps that the progress expects

	mu       sync.Mutex
	broken   map[day.Day]error // digests that failed, or that a newer daybook has made
	left     map[day.Day]bool  // digests that were due, and not allowed
	underWay map[partition.ID]bool
	result   Result
}

// estimate tells the progress how many steps there seem to be. Days that depend on
// digests which are not made yet are not counted.
func (r *run) estimate() {
	p := r.hooks.Progress
	if p == nil {
		return
	}
	r.estimated = map[partition.Kind]int{}
	for _, s := range r.planner.Digests() {
		if r.only.selects(&s) {
			r.estimated[partition.Digest]++
		}
	}
	for _, d := range r.catalog.Range.Days() {
		missing := func(rep settings.Report) bool { return r.catalog.Day(&rep, d) == nil }
		if r.only == OnlyAll || slices.ContainsFunc(r.settings.Reports, missing) {
			r.estimated[partition.Day]++
		}
	}
	p.Steps.Add(int64(r.estimated[partition.Digest] + r.estimated[partition.Day]))
}

// mayContinue is why no further step may begin; nil if it may.
func (r *run) mayContinue(ctx context.Context) error {
	select {
	case <-r.hooks.Enough:
		return cmp.Or(ctx.Err(), ErrEnough)
	default:
		return ctx.Err()
	}
}

// attemptAll does groups of steps, several groups at a time, each within a share of
// the budget. Steps note their errors themselves. The error is why some of the
// groups were not begun.
func (r *run) attemptAll(ctx context.Context, kind partition.Kind, groups [][]*plan.Step, do func(ctx context.Context, share parallel.Budget, steps []*plan.Step)) error {
	r.expect(kind, len(groups))
	tasks, share := r.settings.Budget.Split(len(groups))
	return r.attemptSome(ctx, tasks, share, groups, do)
}

// expect tells the progress how many groups of steps there are.
func (r *run) expect(kind partition.Kind, groups int) {
	if p := r.hooks.Progress; p != nil {
		p.Steps.Add(int64(groups - r.estimated[kind]))
	}
}

// attemptSome does groups of steps, so many at a time, each within a share of the
// budget.
func (r *run) attemptSome(ctx context.Context, tasks int, share parallel.Budget, groups [][]*plan.Step, do func(ctx context.Context, share parallel.Budget, steps []*plan.Step)) error {
	p := r.hooks.Progress
	attempt := func(steps []*plan.Step) {
		if r.mayContinue(ctx) == nil {
			r.attempt(ctx, steps, func(ctx context.Context) { do(ctx, share, steps) })
		}
		if p != nil {
			p.StepsDone.Add(1)
		}
	}
	if tasks == 1 {
		for _, steps := range groups {
			attempt(steps)
		}
		return r.mayContinue(ctx)
	}
	var group errgroup.Group
	group.SetLimit(tasks)
	for _, steps := range groups {
		group.Go(func() error { attempt(steps); return nil })
	}
	_ = group.Wait() // always nil
	return r.mayContinue(ctx)
}

// forceBuild has a selected step built from its inputs where everything is selected:
// a smaller action would keep the rows.
func (r *run) forceBuild(s *plan.Step) {
	if r.only == OnlyAll && s.Action != plan.Restore {
		s.Action, s.Amended = plan.Build, false
	}
}

// maxConflicts is how often a step is planned again when other processes publish
// the same partition. Each time, one of them has made progress.
const maxConflicts = 5
