package maintain

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"daybook/pipeline/audit"
	"daybook/pipeline/inspect"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/sources/store"
)

// Refused is why old rejected lines of refused dump days are removed: they were kept
// for people to look at. If the day is still refused, its last attempt has stored
// them again.
const Refused publish.Why = "refused"

// Unfinished is why files are removed whose writers were killed: they are no objects.
const Unfinished publish.Why = "unfinished"

// Audited is why old records of users' actions are removed.
const Audited publish.Why = "audit"

// Undelivered is why old events of lineage are removed: their delivery was given up.
const Undelivered publish.Why = "undelivered"

// deliveryAge is longer than the time for which a delivery is tried.
const deliveryAge = 7 * 24 * time.Hour

// unfinishedFiles is a store in which a killed writer leaves files that are no
// objects: store.Dir.
type unfinishedFiles interface {
	Unfinished(ctx context.Context) iter.Seq2[store.Object, error]
	Discard(ctx context.Context, key string) error
}

// GCOptions say what GC may remove.
type GCOptions struct {
	Keep   time.Duration // how long superseded revisions are kept
	Audit  time.Duration // how long records of users' actions are kept; 0: for ever
	Grace  time.Duration // age of files that nothing refers to; 0: publish.DefaultGrace
	DryRun bool          // remove nothing, only report
}

// GC removes from the sink what is not needed any more: what publish.GC removes, and
// what is Refused, Undelivered or Unfinished. It calls report with each object. It leaves the packs
// of the catalog: there are two at most, and runs keep them up to date.
func GC(ctx context.Context, s *settings.Pipeline, o GCOptions, report func(publish.Removal)) (publish.GCResult, error) {
	now := s.Now()
	result, err := publish.GC(ctx, s.Sink, publish.GCOptions{
		Now: now, Keep: o.Keep, Grace: o.Grace, DryRun: o.DryRun,
		Roots: append(reportRoots(), partition.DigestRoot, partition.QuarantineRoot), Owner: partition.OwnerDir, RemoveAfter: removeAfter(s),
	}, report)
	if errors.Is(err, store.ErrNoBucket) {
		return result, nil // the directory does not exist yet
	}
	if err != nil {
		return result, err
	}
	c := &collection{now: now, dryRun: o.DryRun, result: &result, report: report}
	for object, err := range s.Sink.List(ctx, partition.QuarantineRoot) {
		if err == nil && inspect.IsRefused(object.Key) {
			err = c.expire(ctx, object, o.Keep, Refused, s.Sink.Delete)
		}
		if err != nil {
			return result, err
		}
	}
	for object, err := range s.Sink.List(ctx, audit.Root) {
		if err == nil && o.Audit > 0 {
			err = c.expire(ctx, object, o.Audit, Audited, s.Sink.Delete)
		}
		if err != nil {
			return result, err
		}
	}
	for object, err := range s.Sink.List(ctx, partition.LineageRoot) {
		if err == nil {
			err = c.expire(ctx, object, deliveryAge, Undelivered, s.Sink.Delete)
		}
		if err != nil {
			return result, err
		}
	}
	if dir, ok := s.Sink.(unfinishedFiles); ok {
		for object, err := range dir.Unfinished(ctx) {
			if err == nil {
				err = c.expire(ctx, object, cmp.Or(o.Grace, publish.DefaultGrace), Unfinished, dir.Discard)
			}
			if err != nil {
				return result, err
			}
		}
	}
	return result, nil
}

// RemoveSuperseded removes the superseded parts of reports that have stayed for as
// long as s.RemoveAfter says. It does a part of what GC does, and takes one listing of
// the reports and a read for each partition with parts of several revisions.
func RemoveSuperseded(ctx context.Context, s *settings.Pipeline, report func(publish.Removal)) (publish.GCResult, error) {
	return publish.RemoveSuperseded(ctx, s.Sink, publish.GCOptions{
		Now: s.Now(), Roots: reportRoots(), Owner: partition.OwnerDir, RemoveAfter: removeAfter(s),
	}, report)
}

// reportRoots are what the keys of the parts of all reports begin with.
func reportRoots() []string { return []string{partition.ReportRoot, partition.MonthRoot} }

// removeAfter says how long superseded parts stay: those of reports as configured, all
// others for the grace period.
func removeAfter(s *settings.Pipeline) func(dir string) (time.Duration, bool) {
	return func(dir string) (time.Duration, bool) {
		return s.RemoveAfter, slices.ContainsFunc(reportRoots(), func(root string) bool { return strings.HasPrefix(dir, root) })
	}
}

// collection is a GC under way.
type collection struct {
	now    time.Time
	dryRun bool
	result *publish.GCResult
	report func(publish.Removal)
}

// expire removes an object that is older than age. An object without a time stays.
func (c *collection) expire(ctx context.Context, object store.Object, age time.Duration, why publish.Why, remove func(context.Context, string) error) error {
	if object.Modified.IsZero() || c.now.Sub(object.Modified) <= age {
		return nil
	}
	if !c.dryRun {
		if err := remove(ctx, object.Key); err != nil {
			return err
		}
	}
	c.result.Objects++
	c.result.Bytes += object.Size
	c.report(publish.Removal{Key: object.Key, Bytes: object.Size, Modified: object.Modified, Why: why})
	return nil
}
