package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"daybook/sources/store"
)

// DefaultGrace is the age at which GC takes a part that no manifest names for
// abandoned. It is far longer than a writer takes from a part to its commit, or
// a reader from a manifest to the last part.
const DefaultGrace = 24 * time.Hour

// GCOptions limit what GC removes.
type GCOptions struct {
	Now   time.Time
	Keep  time.Duration // how long superseded revisions are kept; 0 means for ever
	Grace time.Duration // 0 means DefaultGrace

	// RemoveAfter is how long the superseded parts in a directory stay there. If
	// it is nil or not ok, they stay for Grace.
	RemoveAfter func(dir string) (after time.Duration, ok bool)

	// Roots are the key prefixes of partitions, and of parts outside of
	// their partition's directory.
	Roots []string

	// Owner maps a directory to that of the partition whose manifest names
	// the parts in it. Most directories map to themselves.
	Owner func(dir string) string

	DryRun bool // report only
}

// Removal is an object that GC removed, or would remove.
type Removal struct {
	Key      string    `json:"key"`
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
	Why      Why       `json:"why"`
}

// Why is the reason for a removal.
type Why string

// The reasons for removals.
const (
	Expired    Why = "expired"    // it belongs to a revision that was kept for long enough
	Incomplete Why = "incomplete" // it belongs to an unfinished copy of a superseded revision
	Superseded Why = "superseded" // a part of the published revision or an older one that the manifest does not name; an old manifest
	Orphaned   Why = "orphaned"   // a part of a revision that was never published
)

// GCResult sums up a run of GC.
type GCResult struct {
	Objects int       `json:"objects"` // removed, or to be removed in a dry run
	Bytes   int64     `json:"bytes"`
	PutBack []string  `json:"put_back,omitempty"` // keys of parts that were restored, because they were published during their removal
	Skipped []Skipped `json:"skipped,omitempty"`
}

// Skipped is a directory that GC left alone because it could not read the
// manifest.
type Skipped struct {
	Dir    string `json:"dir"`
	Reason string `json:"reason"`
}

// GC removes revisions that were kept for longer than o.Keep, and parts that no
// manifest names and that are older than o.Grace. It never removes a part that
// a manifest names, and touches only the history and keys in the form of parts.
// It calls report (which may be nil) for each removed object.
//
// GC may run beside writers, readers and itself. Most of what it removes can
// never be committed again (see sweep). The exception is a part of a
// revision that is not published yet: only its age tells whether a writer is
// about to commit it. So a writer has o.Grace from putting a part to the
// commit. Putting the part again restarts that time: see gc.orphan.
//
// After an error, run GC again: the removed objects are gone, and nothing else
// has changed.
func GC(ctx context.Context, st Store, o GCOptions, report func(Removal)) (GCResult, error) {
	g := newGC(st, o, report)
	return g.collect(ctx, g.history, g.partition)
}

// RemoveSuperseded does a part of what GC does: it removes superseded parts that lie
// beside parts of other revisions. It reads the manifests of only those partitions.
// A directory that does not exist yet has none.
func RemoveSuperseded(ctx context.Context, st Store, o GCOptions, report func(Removal)) (GCResult, error) {
	g := newGC(st, o, report)
	result, err := g.collect(ctx, func(context.Context) error { return nil }, func(ctx context.Context, dir string, objects []store.Object) error {
		revisions := map[int]bool{}
		for _, object := range objects {
			if revision, isPart := PartRevision(object.Key); isPart {
				revisions[revision] = true
			}
		}
		if len(revisions) < 2 {
			return nil
		}
		newest := slices.Max(slices.Collect(maps.Keys(revisions)))
		return g.partition(ctx, dir, slices.DeleteFunc(objects, func(object store.Object) bool {
			revision, isPart := PartRevision(object.Key)
			return !isPart || revision == newest
		}))
	})
	if errors.Is(err, store.ErrNoBucket) {
		err = nil
	}
	return result, err
}

func newGC(st Store, o GCOptions, report func(Removal)) *gc {
	o.Grace = cmp.Or(o.Grace, DefaultGrace)
	if report == nil {
		report = func(Removal) {}
	}
	return &gc{st: st, GCOptions: o, report: report}
}

// collect collects what is in the history, and then in the directories of partitions.
func (g *gc) collect(ctx context.Context, history func(context.Context) error, partition func(ctx context.Context, dir string, objects []store.Object) error) (GCResult, error) {
	err := history(ctx)
	for _, root := range g.Roots {
		if err == nil {
			err = directories(ctx, g.st, root, dirOf, partition)
		}
	}
	if err != nil {
		err = fmt.Errorf("collect garbage in %s: %w", g.st.URL(""), err)
	}
	return g.result, err
}

type gc struct {
	GCOptions
	st     Store
	report func(Removal)
	result GCResult
}

// directories lists the objects under prefix and calls f for each directory
// with its objects.
func directories(ctx context.Context, st Store, prefix string, dirOf func(key string) string, f func(ctx context.Context, dir string, objects []store.Object) error) error {
	var dir string
	var objects []store.Object
	for object, err := range st.List(ctx, prefix) {
		if err != nil {
			return err
		}
		if d := dirOf(object.Key); d != dir {
			if len(objects) > 0 {
				if err := f(ctx, dir, objects); err != nil {
					return err
				}
			}
			dir, objects = d, nil
		}
		objects = append(objects, object)
	}
	if len(objects) == 0 {
		return nil
	}
	return f(ctx, dir, objects)
}

// olderThan reports whether modified is longer ago than age. A time that the
// store does not know counts as recent.
func (g *gc) olderThan(age time.Duration, modified time.Time) bool {
	return !modified.IsZero() && g.Now.Sub(modified) > age
}

// stillOlderThan is olderThan for the current state of an object, which may
// have been put again since the listing. A missing object counts as recent.
func (g *gc) stillOlderThan(ctx context.Context, age time.Duration, object store.Object) (bool, error) {
	if !g.olderThan(age, object.Modified) {
		return false, nil
	}
	body, now, err := g.st.Open(ctx, object.Key, 0, 0, "")
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	body.Close()
	return g.olderThan(age, now.Modified), nil
}

// read reads the manifest of dir. If that fails, ok is false and dir is
// skipped. It returns an error only if ctx has ended.
func (g *gc) read(ctx context.Context, dir string) (base Base, ok bool, err error) {
	base, err = Read(ctx, g.st, dir)
	if err == nil {
		return base, true, nil
	}
	if ctx.Err() != nil {
		return Base{}, false, err
	}
	g.skip(dir, err.Error())
	return Base{}, false, nil
}

func (g *gc) skip(dir, reason string) {
	if !slices.ContainsFunc(g.result.Skipped, func(s Skipped) bool { return s.Dir == dir }) {
		g.result.Skipped = append(g.result.Skipped, Skipped{Dir: dir, Reason: reason})
	}
}

// remove deletes an object, except in a dry run, and reports it.
func (g *gc) remove(ctx context.Context, object store.Object, why Why) error {
	if !g.DryRun {
		if err := g.st.Delete(ctx, object.Key); err != nil {
			return err
		}
	}
	g.removed(object, why)
	return nil
}

func (g *gc) removed(object store.Object, why Why) {
	g.result.Objects++
	g.result.Bytes += object.Size
	g.report(Removal{Key: object.Key, Bytes: object.Size, Modified: object.Modified, Why: why})
}

// history removes expired revisions and unfinished copies.
func (g *gc) history(ctx context.Context) error {
	// All revisions of a partition are neighbours in the listing.
	partition := func(key string) string {
		dir, _, _ := parseHistory(key)
		return dir
	}
	return directories(ctx, g.st, HistoryRoot, partition, func(ctx context.Context, dir string, objects []store.Object) error {
		if dir == "" { // not a revision
			return nil
		}
		live, ok, err := g.read(ctx, newDir(dir))
		if !ok {
			return err
		}
		byRevision := map[int][]store.Object{}
		for _, object := range objects {
			_, revision, _ := parseHistory(object.Key)
			// A copy of the live revision belongs to a writer that
			// is superseding it, or tried to. The writer that
			// succeeds writes the copy again.
			if live.Manifest == nil || revision < live.revision() {
				byRevision[revision] = append(byRevision[revision], object)
			}
		}
		for _, revision := range slices.Sorted(maps.Keys(byRevision)) {
			if err := g.kept(ctx, byRevision[revision]); err != nil {
				return err
			}
		}
		return nil
	})
}

// kept removes one superseded revision if it has expired. It deletes the
// manifest first: a manifest in the history means that its parts are there. If
// GC stops in between, the next run removes the parts as incomplete.
//
// The age is read again here: the copy in the listing may be from an earlier
// attempt and may have been replaced since.
func (g *gc) kept(ctx context.Context, objects []store.Object) error {
	why := Incomplete
	manifest := slices.IndexFunc(objects, func(o store.Object) bool { return path.Base(o.Key) == keptManifest })
	if manifest >= 0 {
		if g.Keep == 0 {
			return nil
		}
		if old, err := g.stillOlderThan(ctx, g.Keep, objects[manifest]); !old {
			return err
		}
		why = Expired
		objects[0], objects[manifest] = objects[manifest], objects[0]
	}
	for _, object := range objects {
		if why == Incomplete {
			if old, err := g.stillOlderThan(ctx, g.Grace, object); err != nil {
				return err
			} else if !old {
				continue
			}
		}
		if err := g.remove(ctx, object, why); err != nil {
			return err
		}
	}
	return nil
}

// partition removes the parts in a directory that the manifest of its owner
// does not name, and an old manifest that was replaced.
func (g *gc) partition(ctx context.Context, dir string, objects []store.Object) error {
	// The manifest is read after the listing: parts in the listing that it
	// does not name were not committed in between.
	owner, stay := newDir(g.Owner(dir)), g.Grace
	if g.RemoveAfter != nil {
		if after, ok := g.RemoveAfter(dir); ok {
			stay = after
		}
	}
	live, ok, err := g.read(ctx, owner)
	if !ok {
		return err
	}
	for _, object := range objects {
		revision, isPart := PartRevision(object.Key)
		replaced := object.Key == OldManifestKey(owner) && live.Manifest != nil && !live.isOld(owner)
		switch {
		case !isPart && !replaced || live.names(object.Key):
		case revision > live.revision():
			err = g.orphan(ctx, owner, object)
		case g.olderThan(stay, live.Modified) && g.olderThan(stay, object.Modified):
			// The manifest that named it was replaced before that. Only
			// the age protects its readers: no writer can commit the
			// part again (see sweep).
			err = g.remove(ctx, object, Superseded)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// names reports whether the base's manifest names key.
func (b *Base) names(key string) bool {
	return b.Manifest != nil && slices.ContainsFunc(b.Manifest.Parts, func(p Part) bool { return p.Key == key })
}

// orphan removes an old part of a revision of the partition in dir that is not
// published.
//
// A writer may be about to publish exactly this part: if it makes the same
// content as a writer that died, it puts the same part again and commits it. No
// store can delete an object only if it is unchanged. So orphan copies the part
// first, checks the manifest and the age immediately before the deletion, and
// checks the manifest again after it. If the manifest names the part by then,
// orphan restores it from the copy.
func (g *gc) orphan(ctx context.Context, dir string, object store.Object) error {
	if !g.olderThan(g.Grace, object.Modified) {
		return nil
	}
	var kept *copied
	if !g.DryRun {
		var err error
		kept, err = fetch(ctx, g.st, object.Key)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		defer kept.Close()
	}
	if live, ok, err := g.read(ctx, dir); !ok || live.names(object.Key) {
		return err
	}
	if old, err := g.stillOlderThan(ctx, g.Grace, object); !old {
		return err
	}
	if g.DryRun {
		return g.remove(ctx, object, Orphaned)
	}

	ctx = context.WithoutCancel(ctx) // from here to the check, finish even if the caller gives up
	deleteErr := g.st.Delete(ctx, object.Key)
	live, err := Read(ctx, g.st, dir)
	switch {
	case err == nil && !live.names(object.Key):
		if deleteErr == nil {
			g.removed(object, Orphaned)
		}
		return deleteErr
	case err != nil: // unknown whether the manifest names it
		err = fmt.Errorf("restored %s, because it may have been published meanwhile: %w", g.st.URL(object.Key), err)
	default:
		g.result.PutBack = append(g.result.PutBack, object.Key)
	}
	_, putErr := g.st.Put(ctx, object.Key, kept, kept.size, store.Condition{})
	return errors.Join(deleteErr, err, putErr)
}
