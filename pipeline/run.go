package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"daybook/sinks/csv"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/session"
)

// Report is a report that a [Runner] builds.
type Report struct {
	report.Definition
	Hash        string            // of the definition, as configured
	Text        map[string]string // its settings in words, by name
	SessionsCSV bool              // also write the rows themselves as CSV
	CSV         csv.Format
}

// Runner builds reports from the dumps in one store into another.
type Runner struct {
	Source      store.Store
	Template    dump.Template
	Lookback    int // days
	MaxRejected float64
	Sink        store.Store
	Reports     []Report
	Workers     int   // 0: GOMAXPROCS
	Memory      int64 // bytes that the work may take; 0: DefaultMemory
	Progress    *Progress
	Now         func() time.Time // nil: time.Now; dates the notes of what failed

	// Allow, if there is one, is asked before a step is done. Where it says no,
	// the step is left as it is: it has neither failed nor been done. So are the
	// days that need a digest which was left; a month is made from its days as
	// they are, once they are all published.
	Allow func(s *Step) bool
	// OnStep, if there is one, is told when a step begins (done is nil), and
	// when it is over; not of steps that are left. Both come once for each step,
	// from any goroutine, and with the step's kind, report and partition, but
	// not always with the same *Step. Of a step that was interrupted, done.Err
	// is the context's.
	OnStep func(s *Step, done *Done)
	// Enough, once it is closed, keeps further steps from being begun. What is
	// under way is finished, and Run ends with ErrEnough.
	Enough <-chan struct{}
	// Known, if there is one, spares reading manifests again that have not
	// changed.
	Known *Known

	format format // nil: Parquet
	steps  int    // that can be worked on at a time; 0: any number
}

// DefaultMemory is how much memory work takes where nothing is configured.
const DefaultMemory = 1 << 30

// laneMemory is what it takes to work on one day by itself without spilling
// more than a little.
const laneMemory = 256 << 20

func (r *Runner) workers() int {
	if r.Workers > 0 {
		return r.Workers
	}
	return runtime.GOMAXPROCS(0)
}

func (r *Runner) memory() int64 {
	if r.Memory > 0 {
		return r.Memory
	}
	return DefaultMemory
}

// lanes is how many days are worked on at a time. Each has an equal share of
// the memory, and of the workers.
func (r *Runner) lanes() int {
	n := max(1, min(r.workers(), int(r.memory()/laneMemory)))
	if r.steps > 0 {
		n = min(n, r.steps)
	}
	return n
}

// divided is r with no more lanes than there are steps to be done: a day by
// itself has all the memory, and all the workers.
func (r *Runner) divided(steps int) *Runner {
	d := *r
	d.steps = max(1, steps)
	return &d
}

func (r *Runner) lane() int64  { return r.memory() / int64(r.lanes()) }
func (r *Runner) perLane() int { return (r.workers() + r.lanes() - 1) / r.lanes() }

func (r *Runner) files() format {
	if r.format != nil {
		return r.format
	}
	return parquetFormat{serial: r.lane() < serialBelow}
}

func (r *Runner) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

// Only selects what of a plan is built.
type Only string

// The selections. Due is all that is missing or stale.
const (
	OnlyDue     Only = ""
	OnlyMissing Only = "missing"
	OnlyStale   Only = "stale"
	OnlyFailed  Only = "failed" // due, and failed at the last attempt
	OnlyAll     Only = "all"    // also what is fresh, from the dumps on
)

func (o Only) selects(s *Step) bool {
	switch o {
	case OnlyMissing:
		return s.Status == Missing
	case OnlyStale:
		return s.Status == Stale
	case OnlyFailed:
		return s.due() && s.Failed != ""
	case OnlyAll:
		return s.due() || s.Status == Fresh && !s.keep
	}
	return s.due()
}

// Result is what a run came to.
type Result struct {
	Target     string           `json:"target"`
	Steps      []Done           `json:"steps"` // what was done, in the order of a plan
	Fresh      int              `json:"fresh"` // steps that were fresh already
	Dumps      int              `json:"dumps"` // that were read
	DumpBytes  int64            `json:"dump_bytes"`
	Accounting event.Accounting `json:"accounting"` // of these dumps
	TooLate    []Late           `json:"too_late"`
	Unknown    []string         `json:"unknown"` // as in a plan

	// NoDumps is how many days were made of which there are no dumps: what they
	// have comes from those of other days.
	NoDumps int `json:"days_without_dumps"`
}

// Failed says whether a step did not succeed.
func (r *Result) Failed() bool {
	return slices.ContainsFunc(r.Steps, func(d Done) bool { return d.err != nil })
}

// Err joins the errors of all steps.
func (r *Result) Err() error {
	var errs []error
	for i := range r.Steps {
		errs = append(errs, r.Steps[i].err)
	}
	return errors.Join(errs...)
}

// Done is a step that was done, or failed.
type Done struct {
	Kind       Kind          `json:"kind"`
	Report     string        `json:"report,omitempty"`
	Partition  string        `json:"partition"`
	State      publish.State `json:"state"` // or Mended; empty: it failed
	Reason     string        `json:"reason"`
	Revision   int           `json:"revision,omitempty"`
	Rows       int64         `json:"rows"` // digests: sessions
	Bytes      int64         `json:"bytes"`
	URL        string        `json:"url,omitempty"`
	Warnings   []string      `json:"warnings,omitempty"` // checks that did not pass, and do not block
	Quarantine string        `json:"quarantine,omitempty"`
	Error      string        `json:"error,omitempty"`

	err error
}

// Mended is the state of what is unchanged, but for files that were damaged and
// have been put again.
const Mended publish.State = "mended"

// Err is why the step failed; nil if it did not.
func (d *Done) Err() error { return d.err }

// Blocked is why a step was not tried: what it is made from is not there.
type Blocked struct{ By, Why string }

func (b *Blocked) Error() string { return fmt.Sprintf("waits for %s: %s", b.By, b.Why) }

// ErrEnough: there was more to do when the runner was told that it was enough.
var ErrEnough = errors.New("stopped before the next step")

// Run builds what of a target is due. An error is returned only if it
// could not go on at all; what fails by itself is in the result, and does not
// stop the rest. Running again does what is left, wherever this was stopped.
func (r *Runner) Run(ctx context.Context, t Target, only Only) (*Result, error) {
	o, err := r.observe(ctx, t)
	if err != nil {
		return nil, err
	}
	b := &build{observation: o, only: only, indexes: newIndexes(r, r.memory()/8),
		broken: map[day.Day]error{}, left: map[day.Day]bool{}, begun: map[stepName]bool{},
		result: Result{Target: t.period.name, Steps: []Done{}, TooLate: []Late{}, Unknown: []string{}, Accounting: event.Accounting{Rejected: map[string]int64{}}}}
	b.estimate()
	for _, stage := range []func(context.Context) error{b.digestsStage, b.daysStage, b.monthsStage} {
		if err = stage(ctx); err == nil {
			err = b.mayGoOn(ctx)
		}
		if err != nil {
			break
		}
	}
	sortDone(b.result.Steps)
	b.result.TooLate, b.result.Unknown = o.late(), o.unknown()
	return &b.result, err
}

// build is a run under way.
type build struct {
	*observation
	only    Only
	indexes *indexes
	broken  map[day.Day]error // digests that failed
	left    map[day.Day]bool  // digests that were due, and not allowed

	estimated map[Kind]int // how many steps there seemed to be

	resultMu sync.Mutex
	begun    map[stepName]bool // steps under way
	result   Result
}

// estimate tells the progress how much there seems to be to do. What depends on
// digests that have not been made yet is not in it.
func (b *build) estimate() {
	p := b.r.Progress
	if p == nil {
		return
	}
	b.estimated = map[Kind]int{}
	for _, s := range b.digestSteps() {
		if b.only.selects(&s) {
			b.estimated[Digest]++
		}
	}
	for _, d := range daysOf(b.from, b.to) {
		missing := func(rep Report) bool { return b.day(&rep, d) == nil }
		if slices.ContainsFunc(b.r.Reports, missing) || b.only == OnlyAll {
			b.estimated[Day]++
		}
	}
	p.Steps.Add(int64(b.estimated[Digest] + b.estimated[Day]))
}

// mayGoOn is why no further step may begin; nil if it may.
func (b *build) mayGoOn(ctx context.Context) error {
	select {
	case <-b.r.Enough:
		return cmp.Or(ctx.Err(), ErrEnough)
	default:
		return ctx.Err()
	}
}

// lanes does the steps side by side, those of a group together; what fails is
// noted, and does not stop the others. The error is why not all were begun.
func (b *build) lanes(ctx context.Context, kind Kind, groups [][]*Step, do func(ctx context.Context, steps []*Step)) error {
	n := len(groups)
	b.r = b.r.divided(n)
	if p := b.r.Progress; p != nil {
		p.Steps.Add(int64(n - b.estimated[kind]))
	}
	step := func(i int) {
		if b.mayGoOn(ctx) == nil {
			b.attempt(ctx, groups[i], func() { do(ctx, groups[i]) })
		}
		if p := b.r.Progress; p != nil {
			p.StepsDone.Add(1)
		}
	}
	if b.r.lanes() == 1 {
		for i := range n {
			step(i)
		}
		return b.mayGoOn(ctx)
	}
	var group errgroup.Group
	group.SetLimit(b.r.lanes())
	for i := range n {
		group.Go(func() error { step(i); return nil })
	}
	_ = group.Wait() // steps note their errors themselves
	return b.mayGoOn(ctx)
}

// note adds what became of a step to the result, and keeps the note of a
// failure where the next run finds it. An interruption is no failure.
func (b *build) note(ctx context.Context, s *Step, d Done) {
	if d.err != nil && ctx.Err() != nil {
		return
	}
	d.of(s)
	if s.damaged && d.State == publish.Unchanged {
		d.State = Mended
	}
	if s.Kind == Digest && d.err != nil {
		b.mu.Lock()
		b.broken[s.period.from] = d.err
		b.mu.Unlock()
	}
	// The note is for people. If it cannot be written, what failed is the result.
	_ = b.noteFailure(ctx, s, d.Error)
	b.resultMu.Lock()
	b.result.Steps = append(b.result.Steps, d)
	b.resultMu.Unlock()
	b.over(s, d)
}

// digestsStage makes the digests that are due.
func (b *build) digestsStage(ctx context.Context) error {
	var due [][]*Step
	for _, s := range b.digestSteps() {
		switch {
		case s.Status == Newer:
			b.broken[s.period.from] = errors.New(strings.Join(s.Reasons, "; "))
		case b.only.selects(&s) && b.allowed(&s):
			due = append(due, []*Step{&s})
		case b.only.selects(&s):
			b.left[s.period.from] = s.due()
		case s.Status == Fresh:
			b.fresh(ctx, &s)
		}
	}
	if p := b.r.Progress; p != nil {
		for _, group := range due {
			for _, d := range group[0].dumps {
				p.Inputs.Add(1)
				p.Bytes.Add(d.Size)
			}
		}
	}
	return b.lanes(ctx, Digest, due, func(ctx context.Context, steps []*Step) { b.digestStep(ctx, steps[0]) })
}

// fresh counts a step that is fresh. If there is a note that it failed, a run
// left it that another one has overtaken.
func (b *build) fresh(ctx context.Context, s *Step) {
	b.result.Fresh++
	_ = b.noteFailure(ctx, s, "") // the note is for people
}

func (b *build) digestStep(ctx context.Context, s *Step) {
	made, err := b.makeDigest(ctx, s)
	if made == nil && err == nil {
		return // another run has made it
	}
	done := Done{err: err}
	if made != nil && (err == nil || made.quarantine != "") { // they were read to their end
		b.resultMu.Lock()
		b.result.Dumps += len(s.dumps)
		for _, in := range s.dumps {
			b.result.DumpBytes += in.Size
		}
		b.result.Accounting.Add(&made.accounting)
		b.resultMu.Unlock()
		done.Quarantine = made.quarantine
	}
	if err == nil {
		m := &made.manifest
		done.State, done.Revision, done.Rows, done.Bytes, done.URL = made.state, m.Revision, m.Rows, partsBytes(m), b.r.Sink.URL(digestDir(s.period.from))
	}
	b.note(ctx, s, done)
}

// makeDigest makes a digest; if somebody else made another meanwhile, it looks
// again at what there is, and gives nothing if there is nothing left to do.
func (b *build) makeDigest(ctx context.Context, s *Step) (*digestResult, error) {
	d, dumps := s.period.from, s.dumps
	for attempt := 1; ; attempt++ {
		base, err := publish.Read(ctx, b.r.Sink, digestDir(d))
		if err != nil {
			return nil, err
		}
		if base.ETag != s.etag || attempt > 1 {
			listing, err := dump.ListDay(ctx, b.r.Source, b.r.Template, d)
			if err != nil {
				return nil, err
			}
			dumps = listing.Dumps
			if made, err := b.madeMeanwhile(s, base, dumps); made || err != nil {
				return nil, err
			}
		}
		made, err := b.r.makeDigest(ctx, d, dumps, base, strings.Join(s.Reasons, "; "), s.damaged || b.only == OnlyAll)
		if errors.Is(err, publish.ErrRaced) && attempt < raceAttempts {
			continue
		}
		if err != nil {
			return made, err
		}
		return made, b.setDigest(d, publish.Base{Manifest: &made.manifest}, s.Reasons)
	}
}

// madeMeanwhile says whether a digest is what it should be, since somebody else
// has made it. The error says that it is to be left alone.
func (b *build) madeMeanwhile(s *Step, base publish.Base, dumps []dump.Dump) (bool, error) {
	if base.Manifest == nil {
		return false, nil
	}
	ref, err := newDigestRef(s.period.from, base)
	if err != nil {
		return false, nil // so it is made in place of that
	}
	switch status, reasons := digestStatus(ref, dumps, b.r.Lookback); status {
	case Newer:
		return false, errors.New(strings.Join(reasons, "; "))
	case Fresh: // also if its dumps are gone by now
		return true, b.setDigest(s.period.from, base, s.Reasons)
	}
	return false, nil
}

// raceAttempts is how often something is made when others publish the same at
// the same time. Each time, one of them has got on.
const raceAttempts = 5

// daysStage makes the days that are due: those of all reports together, as they
// are made from the same sessions.
func (b *build) daysStage(ctx context.Context) error {
	steps, err := b.daySteps(ctx, nil, b.indexes)
	if err != nil {
		return err
	}
	byDay := map[day.Day][]*Step{}
	for i := range steps {
		s := &steps[i]
		switch {
		case b.only.selects(s) && !b.needsLeft(s) && b.allowed(s):
			s.refresh = s.refresh && b.only != OnlyAll
			byDay[s.period.from] = append(byDay[s.period.from], s)
		case s.refresh:
			byDay[s.period.from] = append(byDay[s.period.from], s)
		case b.only.selects(s): // left
		case s.Status == Fresh:
			b.fresh(ctx, s)
		}
	}
	days := slices.Sorted(maps.Keys(byDay))
	if err := b.readEarlier(ctx, days); err != nil {
		return err
	}
	groups := make([][]*Step, len(days))
	for i, d := range days {
		groups[i] = byDay[d]
	}
	return b.lanes(ctx, Day, groups, b.dayStep)
}

// dayStep makes one day of several reports.
func (b *build) dayStep(ctx context.Context, steps []*Step) {
	d := steps[0].period.from
	if err := b.blocked(d); err != nil {
		for _, s := range steps {
			if !s.refresh {
				b.note(ctx, s, Done{err: err})
			}
		}
		return
	}
	for attempt := 1; len(steps) > 0; attempt++ {
		raced := b.makeDay(ctx, d, steps, attempt == raceAttempts)
		var err error
		if steps, err = b.lookAgain(ctx, d, raced); err != nil {
			for _, lost := range raced {
				b.note(ctx, lost.Step, Done{err: err})
			}
			return
		}
	}
}

// lost is a step that somebody else seems to have been faster with, and what
// says so.
type lost struct {
	*Step
	err error
}

// lookAgain compares a day again after others have published it. What they
// made it from may be newer than what we know of: so first it is read, and then
// that. If nobody has published it, it has failed.
func (b *build) lookAgain(ctx context.Context, d day.Day, raced []lost) (steps []*Step, err error) {
	if len(raced) == 0 {
		return nil, nil
	}
	for _, s := range raced {
		if err := b.readNow(ctx, s.rep, s.Kind, s.period); err != nil {
			return nil, err
		}
	}
	if err := b.readDigests(ctx, spanOf(b.r.Window(d, d)), everyDay); err != nil {
		return nil, err
	}
	for _, s := range raced {
		again, err := b.dayStatus(ctx, s.rep, d, nil, b.indexes)
		if err != nil {
			return nil, err
		}
		switch {
		case again.due() || again.refresh:
			steps = append(steps, &again)
		case again.etag == s.etag:
			b.note(ctx, s.Step, Done{err: s.err})
		}
	}
	return steps, nil
}

// blocked says whether a day cannot be made because one of the digests that it
// needs failed, or one of its window is there and cannot be read.
func (b *build) blocked(d day.Day) error {
	b.mu.Lock()
	broken := maps.Clone(b.broken)
	b.mu.Unlock()
	needed := spanOf(b.r.Needed(d, d))
	for _, x := range daysOf(b.r.Window(d, d)) {
		if err := broken[x]; err != nil && (needed.holds(x) || b.unreadable(x)) {
			return &Blocked{By: "the digest of " + x.String(), Why: err.Error()}
		}
	}
	return nil
}

// needsLeft says whether a day needs a digest that was left.
func (b *build) needsLeft(s *Step) bool {
	return slices.ContainsFunc(daysOf(b.r.Needed(s.period.from, s.period.to)), func(x day.Day) bool { return b.left[x] })
}

// makeDay makes one day of several reports, and returns the steps that somebody
// else was faster with.
func (b *build) makeDay(ctx context.Context, d day.Day, steps []*Step, last bool) (raced []lost) {
	finish := func(s *Step, done *Done, err error) {
		switch {
		case overtaken(err) && !last:
			raced = append(raced, lost{s, err})
		case err != nil:
			b.note(ctx, s, Done{err: err})
		case done != nil:
			b.note(ctx, s, *done)
		}
	}
	stitch := &stitch{r: b.r, indexes: b.indexes, window: b.window(d), date: d}
	var stitching []*Step
	for _, s := range steps {
		if s.refresh || s.summaries && b.only != OnlyAll {
			done, err := b.touchUp(ctx, s)
			finish(s, done, err)
			continue
		}
		stitching, stitch.reports = append(stitching, s), append(stitch.reports, s.rep)
	}
	if len(stitching) == 0 {
		return raced
	}
	stitched, err := stitch.run(ctx, b.r.perLane())
	for i, s := range stitching {
		if err != nil {
			finish(s, nil, err)
			continue
		}
		done, err := b.publishDay(ctx, s, stitch.window, &stitched[i])
		_ = stitched[i].rows.Close() // all that they were for is done, or has failed
		finish(s, done, err)
	}
	return raced
}

// overtaken says whether somebody else was faster: what was to be replaced is
// replaced, or a part that was to be read is superseded, and gone.
func overtaken(err error) bool {
	return errors.Is(err, publish.ErrRaced) || errors.Is(err, store.ErrNotFound)
}

// partition is the partition of a step, on the base that it was compared with.
// If that is not what is published any more, the error is ErrRaced.
func (b *build) partition(ctx context.Context, s *Step) (*partition, error) {
	p := &partition{rep: s.rep, kind: s.Kind, period: s.period, reason: strings.Join(s.Reasons, "; "), again: s.damaged || b.only == OnlyAll}
	var err error
	if p.base, err = publish.Read(ctx, b.r.Sink, p.dir()); err != nil {
		return nil, err
	}
	if p.base.ETag != s.etag {
		return nil, publish.ErrRaced
	}
	return p, nil
}

func (b *build) publishDay(ctx context.Context, s *Step, w window, rows *stitched) (*Done, error) {
	p, err := b.partition(ctx, s)
	if err != nil {
		return nil, err
	}
	p.inputs, p.about.Accounting = w.inputs(), w.accounting()
	p.about.Fold = &publish.FoldInfo{
		Sessions: rows.sessions, Events: rows.events, Duplicates: rows.duplicates, Anomalies: map[string]int64{},
		Truncated: rows.counts.Truncated, IPDropped: rows.counts.IPDropped,
	}
	for code, n := range rows.anomalies {
		if n > 0 {
			p.about.Fold.Anomalies[session.Anomaly(code).String()] = n
		}
	}
	p.volume = b.volume(s.rep, s.period.from)
	base, state, err := b.r.publish(ctx, p, rows.rows.Rows())
	if err != nil {
		return nil, err
	}
	b.set(s.rep, s.Kind, s.period, base)
	if !slices.ContainsFunc(w, func(x *digestRef) bool { return x.day == s.period.from }) {
		b.resultMu.Lock()
		b.result.NoDumps++
		b.resultMu.Unlock()
	}
	return b.done(p, base, state), nil
}

// touchUp brings a partition up to date whose rows are right.
func (b *build) touchUp(ctx context.Context, s *Step) (*Done, error) {
	p, err := b.partition(ctx, s)
	if err != nil {
		return nil, err
	}
	if s.refresh {
		next := *p.base.Manifest
		next.Inputs, next.Accounting = s.window.inputs(), s.window.accounting()
		if p.base, err = publish.Amend(ctx, b.r.Sink, p.dir(), p.base, next); err != nil {
			return nil, err
		}
	}
	if s.summaries {
		// Whoever did not come to write them may have left superseded parts, too.
		if err := publish.Sweep(ctx, b.r.Sink, p.dir(), p.base.Manifest); err != nil {
			return nil, err
		}
		if p.base, err = b.r.rewriteSummaries(ctx, p); err != nil {
			return nil, err
		}
	}
	b.set(s.rep, s.Kind, s.period, p.base)
	if !s.summaries {
		return nil, nil // nothing that anybody would notice
	}
	return b.done(p, p.base, publish.Refreshed), nil
}

func (b *build) done(p *partition, base publish.Base, state publish.State) *Done {
	m := base.Manifest
	d := &Done{State: state, Revision: m.Revision, Rows: m.Rows, Bytes: partsBytes(m), URL: b.r.Sink.URL(p.dir())}
	for _, c := range m.Checks {
		if !c.Passed {
			d.Warnings = append(d.Warnings, c.Name+": "+c.Detail)
		}
	}
	return d
}

func partsBytes(m *publish.Manifest) (n int64) {
	for _, part := range m.Parts {
		n += part.Bytes
	}
	return n
}

// readEarlier reads the days before the target's that the rows of these days
// are compared with.
func (b *build) readEarlier(ctx context.Context, days []day.Day) error {
	earlier := map[day.Day]bool{}
	for _, d := range days {
		for _, e := range sameWeekdays(d) {
			if e < b.from {
				earlier[e] = true
			}
		}
	}
	if len(earlier) == 0 || b.target.all {
		return nil
	}
	known := slices.Collect(maps.Keys(earlier))
	return b.readDays(ctx, span{slices.Min(known), slices.Max(known)}, func(_ *Report, d day.Day) bool { return earlier[d] })
}

// sameWeekdays are the days that a day's rows are compared with.
func sameWeekdays(d day.Day) []day.Day {
	var days []day.Day
	for week := 1; week <= volumeWeeks; week++ {
		days = append(days, d-day.Day(7*week))
	}
	return days
}

// volume is the rows of the same weekdays before a day, as far as they are
// published.
func (b *build) volume(rep *Report, d day.Day) []int64 {
	var rows []int64
	for _, earlier := range sameWeekdays(d) {
		if p := b.day(rep, earlier); p != nil {
			rows = append(rows, p.rows)
		}
	}
	return rows
}

// monthsStage makes the months that are due, one after the other.
func (b *build) monthsStage(ctx context.Context) error {
	b.r = b.r.divided(1)
	if err := b.readDaysOfMonths(ctx); err != nil {
		return err
	}
	var due []*Step
	for _, s := range b.monthSteps(nil) {
		switch {
		case b.only.selects(&s) && b.allowed(&s):
			due = append(due, &s)
		case b.only.selects(&s): // left
		case s.Status == Fresh:
			b.fresh(ctx, &s)
		}
	}
	for _, s := range due {
		if err := b.mayGoOn(ctx); err != nil {
			return err
		}
		b.attempt(ctx, []*Step{s}, func() { b.monthStep(ctx, s) })
	}
	return nil
}

func (b *build) monthStep(ctx context.Context, s *Step) {
	m := s.period.from.Month()
	for attempt := 1; ; attempt++ {
		done, err := b.makeMonth(ctx, s)
		if !overtaken(err) || attempt == raceAttempts {
			if err != nil {
				done = &Done{err: err}
			}
			if done != nil {
				b.note(ctx, s, *done)
			}
			return
		}
		if err := b.readNow(ctx, s.rep, s.Kind, s.period); err != nil {
			b.note(ctx, s, Done{err: err})
			return
		}
		own := func(rep *Report, _ day.Day) bool { return rep == s.rep }
		if err := b.readDays(ctx, span{s.period.from, s.period.to}, own); err != nil {
			b.note(ctx, s, Done{err: err})
			return
		}
		again := b.monthStatus(s.rep, m, nil)
		if !again.due() {
			if again.etag == s.etag { // nobody has published it
				b.note(ctx, s, Done{err: err})
			}
			return
		}
		s = &again
	}
}

// makeMonth makes a month from the rows of its days.
func (b *build) makeMonth(ctx context.Context, s *Step) (*Done, error) {
	if s.summaries && b.only != OnlyAll {
		return b.touchUp(ctx, s)
	}
	p, err := b.partition(ctx, s)
	if err != nil {
		return nil, err
	}
	days := make([]*publish.Manifest, 0, s.period.days())
	if p.about.Accounting, err = b.monthAccounting(ctx, s.period); err != nil {
		return nil, err
	}
	for _, d := range daysOf(s.period.from, s.period.to) {
		base, err := publish.Read(ctx, b.r.Sink, dayDir(s.rep.Name, d))
		if err != nil {
			return nil, err
		}
		if base.Manifest == nil {
			return nil, &Blocked{By: d.String(), Why: "it is not published"}
		}
		b.set(s.rep, Day, dayPeriod(d), base)
		days = append(days, base.Manifest)
	}
	p.inputs = b.monthInputs(s.rep, s.period)
	base, state, err := b.r.publish(ctx, p, b.r.monthRows(ctx, days))
	if err != nil {
		return nil, err
	}
	b.set(s.rep, s.Kind, s.period, base)
	return b.done(p, base, state), nil
}

// monthAccounting is that of the dumps of a month's days.
func (b *build) monthAccounting(ctx context.Context, p period) (event.Accounting, error) {
	unread := func(d day.Day) bool { return b.digests[d] == nil }
	if slices.ContainsFunc(daysOf(p.from, p.to), unread) {
		if err := b.readDigests(ctx, span{p.from, p.to}, unread); err != nil {
			return event.Accounting{}, err
		}
	}
	var w window
	for _, d := range daysOf(p.from, p.to) {
		if ref := b.digests[d]; ref != nil {
			w = append(w, ref)
		}
	}
	return w.accounting(), nil
}

func sortDone(steps []Done) {
	slices.SortStableFunc(steps, func(a, b Done) int {
		return cmp.Or(cmp.Compare(stages[a.Kind], stages[b.Kind]), cmp.Compare(a.Report, b.Report), cmp.Compare(a.Partition, b.Partition))
	})
}
