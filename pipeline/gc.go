package pipeline

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"path"
	"strings"
	"time"

	"daybook/sinks/publish"
	"daybook/sources/store"
)

// Refused is why rejected lines are removed that are no part of a digest: they
// were kept for people to look at when there were too many of them, and that
// was long enough ago. If the day is still refused, its next attempt has kept
// them again.
const Refused publish.Why = "refused"

// Unfinished is why files are removed from a directory that are no objects: their
// writers were killed.
const Unfinished publish.Why = "unfinished"

// drafts is a store where a writer that is killed leaves what is no object:
// store.Dir.
type drafts interface {
	Unfinished(ctx context.Context) iter.Seq2[store.Object, error]
	Discard(ctx context.Context, key string) error
}

// GCOptions say what GC may remove.
type GCOptions struct {
	Keep   time.Duration // how long superseded revisions are kept
	Grace  time.Duration // how old what nobody names must be; 0: publish.DefaultGrace
	DryRun bool          // remove nothing, only report
}

// GC removes from the sink what nothing needs any more (publish.GC, and what is
// Refused or Unfinished), and tells report of each object.
func (r *Runner) GC(ctx context.Context, o GCOptions, report func(publish.Removal)) (publish.GCResult, error) {
	now := r.now()
	result, err := publish.GC(ctx, r.Sink, publish.GCOptions{
		Now: now, Keep: o.Keep, Grace: o.Grace, DryRun: o.DryRun,
		Roots: []string{reportRoot, digestRoot, quarantineRoot}, Owner: ownerOf,
	}, report)
	if errors.Is(err, store.ErrNoBucket) {
		return result, nil // nothing was ever written to a directory
	}
	if err != nil {
		return result, err
	}
	expire := func(object store.Object, age time.Duration, why publish.Why, remove func(context.Context, string) error) error {
		if object.Modified.IsZero() || now.Sub(object.Modified) <= age {
			return nil
		}
		if !o.DryRun {
			if err := remove(ctx, object.Key); err != nil {
				return err
			}
		}
		result.Objects++
		result.Bytes += object.Size
		report(publish.Removal{Key: object.Key, Bytes: object.Size, Modified: object.Modified, Why: why})
		return nil
	}
	for object, err := range r.Sink.List(ctx, quarantineRoot) {
		if err == nil && isRefused(object.Key) {
			err = expire(object, o.Keep, Refused, r.Sink.Delete)
		}
		if err != nil {
			return result, err
		}
	}
	if d, ok := r.Sink.(drafts); ok {
		for object, err := range d.Unfinished(ctx) {
			if err == nil {
				err = expire(object, cmp.Or(o.Grace, publish.DefaultGrace), Unfinished, d.Discard)
			}
			if err != nil {
				return result, err
			}
		}
	}
	return result, nil
}

// isRefused says whether a key is that of rejected lines which putRejects has
// stored.
func isRefused(key string) bool {
	return strings.HasPrefix(key, quarantineRoot) && strings.HasPrefix(path.Base(key), rejectsFile+"-refused-")
}
