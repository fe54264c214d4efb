package build

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"daybook/pipeline/digests"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/stitch"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/transform/day"
)

// buildDigests makes the digests that are due. Sessions may lead to further dump days,
// whose digests are made, too.
func (r *run) buildDigests(ctx context.Context) error {
	planned := map[day.Day]bool{}
	for {
		if err := r.buildDigestsOf(ctx, planned); err != nil {
			return err
		}
		scope := r.catalog.Scope
		if err := r.planner.Extend(ctx, r.reader); err != nil || r.catalog.Scope == scope {
			return err
		}
	}
}

// buildDigestsOf makes the digests that are due of the dump days that have not been
// planned yet.
func (r *run) buildDigestsOf(ctx context.Context, planned map[day.Day]bool) error {
	var due [][]*plan.Step
	for _, s := range r.planner.Digests() {
		if planned[s.ID.Day()] {
			continue
		}
		planned[s.ID.Day()] = true
		switch {
		case s.Status == plan.Newer:
			r.setBroken(&s, errors.New(strings.Join(s.Reasons, "; ")))
		case r.only.selects(&s) && r.allowed(&s):
			due = append(due, []*plan.Step{&s})
		case r.only.selects(&s) && r.exactly:
			r.setBroken(&s, errors.New(cmp.Or(s.Failed, "it is not made yet")))
		case r.only.selects(&s):
			r.left[s.ID.Day()] = s.Due()
		case s.Status == plan.Fresh:
			r.countFresh(ctx, &s)
		}
	}
	if p := r.hooks.Progress; p != nil {
		for _, group := range due {
			for _, d := range group[0].Dumps {
				p.Inputs.Add(1)
				p.Bytes.Add(d.Size)
			}
		}
	}
	return r.attemptAll(ctx, partition.Digest, due, func(ctx context.Context, share parallel.Budget, steps []*plan.Step) {
		r.buildDigest(ctx, share, steps[0])
	})
}

func (r *run) buildDigest(ctx context.Context, share parallel.Budget, s *plan.Step) {
	made, err := r.makeDigest(ctx, share, s)
	if made == nil && err == nil {
		return // another process has made it
	}
	r.finish(ctx, s, r.digestDone(s.ID, s.Dumps, made, err))
}

// digestDone is the outcome of a digest that was made from these dumps, or has failed.
func (r *run) digestDone(id partition.ID, dumps []dump.Dump, made *digests.Result, err error) Done {
	done := Done{Err: err}
	if made != nil && (err == nil || made.Quarantine != "") { // the dumps were read to their end
		done.Read = &Read{Dumps: len(dumps), Accounting: made.Accounting, Forms: made.Forms}
		for _, d := range dumps {
			done.Read.Bytes += d.Size
		}
		done.Quarantine = made.Quarantine
	}
	if err == nil {
		m := made.Published.Manifest
		done.State, done.Revision, done.Rows, done.Bytes, done.URL = made.State, m.Revision, m.Rows, m.PartsSize(), r.settings.Sink.URL(id.Dir())
	}
	return done
}

// makeDigest makes a digest. On a conflict it plans again; if there is nothing left
// to do, it returns nil.
func (r *run) makeDigest(ctx context.Context, share parallel.Budget, s *plan.Step) (*digests.Result, error) {
	maker := &digests.Maker{Settings: r.settings, Budget: share, Progress: r.hooks.Progress}
	q := &digests.Request{
		Day: s.ID.Day(), Dumps: s.Dumps, Reason: s.Cause(),
		Again: s.Action == plan.Restore || r.only == OnlyAll,
	}
	for attempt := 1; ; attempt++ {
		var err error
		if q.Base, err = publish.Read(ctx, r.settings.Sink, s.ID.Dir()); err != nil {
			return nil, err
		}
		if q.Base.ETag != s.ETag || attempt > 1 {
			listing, err := dump.ListDay(ctx, r.settings.Source, r.settings.Dumps, q.Day)
			if err != nil {
				return nil, err
			}
			q.Dumps = listing.Dumps
			if done, err := r.isMadeByOther(s, q.Base, q.Dumps); done || err != nil {
				return nil, err
			}
		}
		var keeper *stitch.Keeper
		if !r.exactly { // the days of this run may take the rows
			keeper = r.kept.Keeper(share.Workers)
			maker.Keep = keeper
		}
		made, err := maker.Make(ctx, q)
		if errors.Is(err, publish.ErrRaced) && attempt < maxConflicts {
			continue
		}
		if err != nil {
			return made, err
		}
		if keeper != nil {
			if err := keeper.Commit(q.Day, made.Published.Manifest.Fingerprint()); err != nil {
				return made, err
			}
		}
		return made, r.reader.SetDigest(r.catalog, q.Day, made.Published, s.Reasons)
	}
}

// isMadeByOther reports whether another process has made the digest from these
// dumps. The error says that the digest has to be left alone.
func (r *run) isMadeByOther(s *plan.Step, base publish.Base, dumps []dump.Dump) (bool, error) {
	if base.Manifest == nil {
		return false, nil
	}
	have, err := r.reader.DigestState(s.ID.Day(), base)
	if err != nil {
		return false, nil // it is damaged, and made again
	}
	switch status, reasons := plan.DigestStatus(have, dumps, r.settings.Lookback, r.settings.MaxSessionSize); status {
	case plan.Newer:
		return false, errors.New(strings.Join(reasons, "; "))
	case plan.Fresh: // also if its dumps are gone by now
		return true, r.reader.SetDigest(r.catalog, s.ID.Day(), base, s.Reasons)
	}
	return false, nil
}
