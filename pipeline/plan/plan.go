// Package plan compares what should exist with what does. It says for each digest,
// day and month which status it has, why, and what a run has to do ([Action]). It
// builds nothing: package build does what a plan says, and asks the same functions.
package plan

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"daybook/pipeline/catalog"
	"daybook/pipeline/digests"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/words"
	"daybook/sinks/digest"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/shuffle"
)

// Status is how a partition that should exist compares with what does.
type Status string

// The statuses. A run builds what is missing or stale.
const (
	Fresh   Status = "fresh"
	Missing Status = "missing"
	Stale   Status = "stale"
	Depends Status = "depends" // on earlier steps: it is decided when they are done
	Waiting Status = "waiting" // a day that is not over, or a month that is not complete
	Newer   Status = "newer"   // made by a newer daybook than this, and left alone
)

// Action is what a run has to do about a step.
type Action string

// The actions. A step without one is fresh, or cannot be decided or done yet.
const (
	None             Action = ""
	Build            Action = "build"             // make the rows and publish them
	Amend            Action = "amend"             // note new inputs in the manifest: the rows are the same
	RewriteSummaries Action = "rewrite summaries" // write the summaries from the published rows
	Restore          Action = "restore"           // build, and put the files even if they are the same: some are damaged
	Keep             Action = "keep"              // nothing: its dumps are gone, and it cannot be made again
)

// Step is one partition that should exist.
type Step struct {
	ID      partition.ID
	Report  *settings.Report // nil for a digest
	Status  Status
	Action  Action
	Reasons []string // in words
	Failed  string   // the error of the last attempt; empty if it succeeded

	// FailedETag is the version of the note of that failure: each failure has another.
	FailedETag string

	// The published state; zero if nothing is published.
	catalog.ManifestInfo

	// Inputs is a hash of all that the step would be made from, if it is due: a
	// step that failed may be expected to fail again with the same inputs.
	Inputs string

	// Unasked is how many days of a month lie before everything that has dumps or
	// digests, and are not published. They are made, as empty days, when a target
	// names them.
	Unasked int

	Dumps   []dump.Dump // of a digest
	Amended bool        // the digests that could matter have changed, and the rows have not
}

// Due reports whether a run has to do something about the step that users notice.
func (s *Step) Due() bool { return s.Status == Missing || s.Status == Stale }

// MarshalJSON writes the step as `daybook plan --json` shows it.
func (s Step) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Kind      partition.Kind `json:"kind"`
		Report    string         `json:"report,omitempty"`
		Partition string         `json:"partition"`
		Status    Status         `json:"status"`
		Reasons   []string       `json:"reasons,omitempty"`
		Failed    string         `json:"failed,omitempty"`
		Revision  int            `json:"revision,omitzero"`
		Rows      int64          `json:"rows,omitzero"`
		Bytes     int64          `json:"bytes,omitzero"`
		Sessions  int64          `json:"sessions,omitzero"`
		Published time.Time      `json:"published,omitzero"`
		Inputs    string         `json:"inputs,omitempty"`
	}{s.ID.Kind, s.ID.Report, s.ID.Name(), s.Status, s.Reasons, s.Failed, s.Revision, s.Rows, s.Bytes, s.Sessions, s.Modified, s.Inputs})
}

// A Plan lists the steps of a target.
type Plan struct {
	Target  string         `json:"target"`
	Steps   []Step         `json:"steps"` // digests, days, months; by report and period
	TooLate []catalog.Late `json:"too_late"`
	Unknown []string       `json:"unknown"`         // keys under the days' prefixes that are not read
	Unread  dump.Unread    `json:"unread,omitzero"` // objects that look like dumps and are read for no day
}

// indexShare is the part of the memory budget that indexes of digests may take.
const indexShare = 8

// NewIndexes makes the indexes for a plan or a run.
func NewIndexes(s *settings.Pipeline) *digests.Indexes {
	return digests.NewIndexes(s, s.Budget.Memory/indexShare)
}

// Make reads what there is of a target and plans it.
func Make(ctx context.Context, r *catalog.Reader, t partition.Target) (*Plan, error) {
	c, err := r.Read(ctx, t)
	if err == nil {
		err = r.ReadDaysOfMonths(ctx, c)
	}
	if err != nil {
		return nil, err
	}
	p := NewPlanner(r.Settings, c, NewIndexes(r.Settings))
	if err := p.Extend(ctx, r); err != nil {
		return nil, err
	}
	return p.Plan(ctx)
}

// Planner plans the steps of a catalog, as it is at each moment.
type Planner struct {
	settings *settings.Pipeline
	catalog  *catalog.Catalog
	indexes  *digests.Indexes
	affected affectedCache
}

// NewPlanner makes a planner.
func NewPlanner(s *settings.Pipeline, c *catalog.Catalog, x *digests.Indexes) *Planner {
	return &Planner{settings: s, catalog: c, indexes: x}
}

// Extend has the catalog know all dump days that the sessions of the target's days
// reach, as far as the digests tell that there are.
func (p *Planner) Extend(ctx context.Context, r *catalog.Reader) error {
	if p.catalog.Target.All {
		return nil
	}
	f := digests.Follower{
		Settings: p.settings, Catalog: p.catalog, Indexes: p.indexes,
		Extend: func(ctx context.Context, days partition.Period) error { return r.Extend(ctx, p.catalog, days) },
	}
	days, from, to := p.unsettled()
	if days == nil {
		return nil
	}
	window := p.catalog.Digests(p.settings.Window(*days))
	var err error
	for _, f.Range = range shuffle.Ranges(window.RangeBits()) {
		var seeds []digests.Seed
		if seeds, err = f.SeedsIn(ctx, window, from, to, days.To); err == nil {
			_, err = f.Follow(ctx, seeds, days.To)
		}
		if err != nil {
			break
		}
	}
	if errors.Is(err, digest.ErrCorrupt) || errors.Is(err, store.ErrNotFound) {
		return nil // the step that needs this digest says so
	}
	return err
}

// unsettled is the days of the target that may be made again, nil if there are none, and
// the interval of time in which they lie, in milliseconds. Of the others it is known
// which dump days matter.
func (p *Planner) unsettled() (days *partition.Period, from, to int64) {
	for i := range p.settings.Reports {
		rep := &p.settings.Reports[i]
		for _, d := range p.catalog.Range.Days() {
			have := p.catalog.Day(rep, d)
			if have != nil && have.Seen != nil && !p.changesSince(d, have).any {
				continue
			}
			begin, end := partition.Instants(d, rep.Zone)
			if days == nil {
				days, from, to = &partition.Period{From: d, To: d}, begin, end
				continue
			}
			*days = days.Union(partition.OfDay(d))
			from, to = min(from, begin), max(to, end)
		}
	}
	return days, from, to
}

// Plan plans all steps of the catalog's target.
func (p *Planner) Plan(ctx context.Context) (*Plan, error) {
	digests := p.Digests()
	pending := map[day.Day]*Step{}
	for i := range digests {
		if digests[i].Due() {
			pending[digests[i].ID.Day()] = &digests[i]
		}
	}
	days, err := p.Days(ctx, pending)
	if err != nil {
		return nil, err
	}
	steps := slices.Concat(digests, days, p.Months(days))
	for i := range steps {
		if s := &steps[i]; s.Due() {
			s.Inputs = p.HashInputs(s)
		}
	}
	SortSteps(steps)
	return &Plan{Target: p.catalog.Target.String(), Steps: steps, TooLate: p.catalog.Late(), Unknown: p.catalog.Unknown(), Unread: p.catalog.Unread()}, nil
}

// SortSteps brings steps into the order of a plan.
func SortSteps(steps []Step) {
	slices.SortStableFunc(steps, func(a, b Step) int { return partition.Compare(a.ID, b.ID) })
}

// newStep is a step about which only its identity and its last failure are known.
func (p *Planner) newStep(id partition.ID, rep *settings.Report) Step {
	failed := p.catalog.FailureNote(id)
	return Step{ID: id, Report: rep, Failed: failed.Text, FailedETag: failed.ETag}
}

// setDue makes a step stale or missing, for these reasons.
func (s *Step) setDue(status Status, action Action, reasons ...string) {
	s.Status, s.Action, s.Reasons = status, action, reasons
}

// set gives a step a status that leaves nothing to do now.
func (s *Step) set(status Status, reasons ...string) {
	s.Status, s.Action, s.Reasons = status, None, reasons
}

const notPublished = "not published yet"

// Cause is why a step is done, for what it publishes. It is the reasons, except that
// what a step publishes first is no longer missing, and that a fresh step has none: a
// user asked for it.
func (s *Step) Cause() string {
	switch {
	case s.Status == Fresh:
		return "built again on request"
	case s.Status != Missing:
	case s.ID.Kind == partition.Digest:
		return "first digest of " + words.Count(len(s.Dumps), "dump", "dumps")
	case slices.Equal(s.Reasons, []string{notPublished}):
		return "first publication"
	}
	return strings.Join(s.Reasons, "; ")
}

// setMissing makes a step missing: nothing is published, or what there is is
// damaged.
func (s *Step) setMissing(damage string) {
	s.setDue(Missing, Build, cmp.Or(damage, notPublished))
}
