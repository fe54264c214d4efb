package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/session"
)

// Kind is what a step of a plan makes.
type Kind string

// The kinds of steps, in the order in which they are done.
const (
	Digest Kind = "digest" // of a dump day, which every report is made from
	Day    Kind = "day"    // a day of a report
	Month  Kind = "month"  // a month of a report, made from its days
)

// Status is how something that should exist compares with what does.
type Status string

// The statuses. Missing and Stale are built by a run; Depends is decided when
// what comes first is done.
const (
	Fresh   Status = "fresh"
	Missing Status = "missing"
	Stale   Status = "stale"
	Depends Status = "depends" // on steps before it: whether they change it shows then
	Waiting Status = "waiting" // a month that is not complete yet
	Newer   Status = "newer"   // made by a newer daybook than this, and left alone
)

// A Plan says what should exist, what does, and why that is not the same.
type Plan struct {
	Target  string   `json:"target"`
	Steps   []Step   `json:"steps"` // digests, days, months; by report and partition
	TooLate []Late   `json:"too_late"`
	Unknown []string `json:"unknown"` // names under the days' prefixes that are no dumps, or whose day is far ahead
}

// Step is one thing that should exist.
type Step struct {
	Kind      Kind     `json:"kind"`
	Report    string   `json:"report,omitempty"` // not for digests
	Partition string   `json:"partition"`        // 2026-11-20, or 2026-11
	Status    Status   `json:"status"`
	Reasons   []string `json:"reasons,omitempty"` // why, in words
	Failed    string   `json:"failed,omitempty"`  // why the last attempt failed

	// Inputs stands for all that the step would be made from, if it is missing or
	// stale: what failed with the same inputs may be expected to fail again.
	Inputs string `json:"-"`

	// Early is how many days of a month lie before all that there are dumps or
	// digests of, and are not published. Only who asks for them has them made, as
	// empty ones.
	Early int `json:"-"`

	// What is published now; all zero if nothing is.
	Revision  int       `json:"revision,omitzero"`
	Rows      int64     `json:"rows,omitzero"`      // digests: sessions
	Bytes     int64     `json:"bytes,omitzero"`     // of its parts
	Sessions  int64     `json:"sessions,omitzero"`  // that it was made from; of months nobody has counted them
	Published time.Time `json:"published,omitzero"` // when its manifest was written last

	period    period
	rep       *Report
	etag      string // of the manifest it was compared with; empty: there was none
	refresh   bool   // only the manifest's inputs are out of date: the rows are the same
	window    window // refresh: the inputs that they are the same with
	summaries bool   // only the summaries have to be written
	keep      bool   // it cannot be made again: its dumps are gone
	damaged   bool   // its files are to be put again, even if they are the same
	dumps     []dump.Dump
}

// compareWith notes what is published of the step.
func (s *Step) compareWith(have *standing) {
	s.etag, s.Revision, s.Published = have.etag, have.revision, have.modified
	s.Rows, s.Bytes, s.Sessions = have.rows, have.bytes, have.sessions
}

// due says whether a run has to do something about the step.
func (s *Step) due() bool { return s.Status == Missing || s.Status == Stale }

// Dumps is how many dumps there are of a digest's day.
func (s *Step) Dumps() int { return len(s.dumps) }

// Plan compares what should exist of a target with what does. It writes
// nothing.
func (r *Runner) Plan(ctx context.Context, t Target) (*Plan, error) {
	o, err := r.observe(ctx, t)
	if err != nil {
		return nil, err
	}
	p := &Plan{Target: t.period.name, TooLate: o.late(), Unknown: o.unknown()}
	digests := o.digestSteps()
	pending := map[day.Day]*Step{}
	for i := range digests {
		if digests[i].due() {
			pending[digests[i].period.from] = &digests[i]
		}
	}
	days, err := o.daySteps(ctx, pending, newIndexes(r, r.memory()/8))
	if err != nil {
		return nil, err
	}
	if err := o.readDaysOfMonths(ctx); err != nil {
		return nil, err
	}
	p.Steps = slices.Concat(digests, days, o.monthSteps(days))
	for i := range p.Steps {
		if s := &p.Steps[i]; s.due() {
			o.identify(s)
		}
	}
	sortSteps(p.Steps)
	return p, nil
}

// Late is lines of a dump day that lie further back (or ahead) than the
// look-back reaches, and so are in no report.
type Late struct {
	DumpDay  string `json:"dump_day"`
	Date     string `json:"date"` // UTC; reports of this day would change
	Lines    int64  `json:"lines"`
	Reason   string `json:"reason"`        // too_late or too_early
	Lookback int    `json:"lookback_days"` // that would reach them
}

// compareInputs says which inputs were added, changed and are gone, by key.
func compareInputs(had, have []publish.Input) (added, changed, gone []string) {
	before := make(map[string]publish.Input, len(had))
	for _, in := range had {
		before[in.Key] = in
	}
	for _, in := range have {
		old, ok := before[in.Key]
		switch {
		case !ok:
			added = append(added, in.Key)
		case old != in:
			changed = append(changed, in.Key)
		}
		delete(before, in.Key)
	}
	for _, in := range had {
		if _, left := before[in.Key]; left {
			gone = append(gone, in.Key)
		}
	}
	return added, changed, gone
}

func dumpInputs(dumps []dump.Dump) []publish.Input {
	inputs := make([]publish.Input, len(dumps))
	for i, d := range dumps {
		inputs[i] = publish.Input{Key: d.Key, ETag: d.ETag, Size: d.Size}
	}
	return inputs
}

// someNames lists the last segments of keys, but not too many of them.
func someNames(keys []string) string {
	const most = 3
	names := make([]string, 0, most)
	for _, key := range keys[:min(len(keys), most)] {
		names = append(names, path.Base(key))
	}
	text := strings.Join(names, ", ")
	if more := len(keys) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// definitionReasons says what of a report's definition or of the program has
// changed since a partition was made. newer says that the partition is the work
// of a newer program.
func definitionReasons(have *published, rep *Report) (reasons []string, newer bool) {
	for _, v := range []struct {
		what      string
		had, have int
	}{{"engine", have.engine, session.EngineVersion}, {"schema", have.schema, report.SchemaVersion}} {
		switch {
		case v.had > v.have:
			return []string{fmt.Sprintf("%s %d is newer than this daybook's %d", v.what, v.had, v.have)}, true
		case v.had < v.have:
			reasons = append(reasons, fmt.Sprintf("%s %d → %d", v.what, v.had, v.have))
		}
	}
	if have.definition == rep.Hash {
		return reasons, false
	}
	var settings []string
	for name := range rep.Text {
		settings = append(settings, name)
	}
	for name := range have.text {
		settings = append(settings, name)
	}
	slices.Sort(settings)
	known := len(reasons)
	for _, name := range slices.Compact(settings) {
		had, have := have.text[name], rep.Text[name]
		switch {
		case had == have:
		case name == "timezone" || name == "language" || name == "daily hours":
			reasons = append(reasons, fmt.Sprintf("%s %s → %s", name, had, have))
		default:
			reasons = append(reasons, name+" changed")
		}
	}
	if len(reasons) == known {
		reasons = append(reasons, "the definition changed")
	}
	return reasons, false
}

// A window is the digests that a day of a report is made from, by day.
type window []*digestRef

// inputs are the digests as a partition's manifest names them: by what they
// hold, not by when they were made.
func (w window) inputs() []publish.Input {
	inputs := make([]publish.Input, len(w))
	for i, d := range w {
		inputs[i] = publish.Input{Key: d.dir, ETag: d.fingerprint, Size: d.tables}
	}
	return inputs
}

// accounting is that of the dumps of all its days.
func (w window) accounting() event.Accounting {
	total := event.Accounting{Rejected: map[string]int64{}}
	for _, d := range w {
		total.Add(&d.accounting)
	}
	return total
}

// growth is a digest that is new, or holds all that it held and more.
type growth struct {
	*digestRef
	isNew bool
}

// changes of a window since a partition was made from it. grown are digests
// that are new, or hold all that they held and more: whether they change the
// partition can be told from their sessions. Other changes always count.
func (w window) changes(have *published) (grown []growth, other []string) {
	if slices.EqualFunc(w, have.shared, func(d *digestRef, in *publish.Input) bool { return d.dir == in.Key && d.fingerprint == in.ETag }) {
		return nil, nil // nearly always
	}
	had := have.inputs()
	before := make(map[string]string, len(had))
	for _, in := range had {
		before[in.Key] = in.ETag
	}
	for _, d := range w {
		old, known := before[d.dir]
		delete(before, d.dir)
		switch {
		case known && old == d.fingerprint:
		case !known || slices.Contains(d.grownFrom, old):
			grown = append(grown, growth{d, !known})
		case d.reasons != nil:
			other = append(other, d.reasons...)
		default:
			other = append(other, fmt.Sprintf("the digest of %s changed", d.day))
		}
	}
	for _, in := range had {
		if _, left := before[in.Key]; left {
			other = append(other, fmt.Sprintf("the digest of %s is not within the look-back any more", strings.TrimPrefix(strings.TrimSuffix(in.Key, "/"), digestRoot+"dt=")))
		}
	}
	return grown, other
}

// stages are the kinds in the order in which they are done.
var stages = map[Kind]int{Digest: 0, Day: 1, Month: 2}

// sortSteps brings steps into the order of Plan.
func sortSteps(steps []Step) {
	slices.SortStableFunc(steps, func(a, b Step) int {
		return cmp.Or(cmp.Compare(stages[a.Kind], stages[b.Kind]), cmp.Compare(a.Report, b.Report), cmp.Compare(a.Partition, b.Partition))
	})
}

// manyRequests is how many small objects are asked for at a time: their answers
// take little of anything but time.
const manyRequests = 16

// requests is how many requests are under way at a time. One worker does one
// thing after the other.
func (r *Runner) requests() int {
	if r.workers() == 1 {
		return 1
	}
	return manyRequests
}

// each calls f for every i below n, several at a time, and returns the first
// error.
func each(ctx context.Context, n, atOnce int, f func(ctx context.Context, i int) error) error {
	if atOnce <= 1 || n == 1 {
		for i := range n {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := f(ctx, i); err != nil {
				return err
			}
		}
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range n {
		group.Go(guarded(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return f(ctx, i)
		}))
	}
	return group.Wait()
}
