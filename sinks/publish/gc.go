package publish

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"daybook/sources/store"
)

// DefaultGrace is how old a part that no manifest names has to be before it is
// taken for abandoned. It is far longer than a writer takes from a part to
// the commit, or a reader from a manifest to the last of its parts.
const DefaultGrace = 24 * time.Hour

// GCOptions say what GC may remove.
type GCOptions struct {
	Now   time.Time
	Keep  time.Duration // how long superseded revisions are kept; 0: for ever
	Grace time.Duration // 0: DefaultGrace

	// Roots are the key prefixes that partitions, and files that lie outside
	// of their partition's directory, lie under.
	Roots []string

	// Owner is the directory of the partition that the parts in a directory are
	// of, most often that directory: what its manifest does not name may go.
	Owner func(dir string) string

	DryRun bool // remove nothing, only report
}

// Removal is an object that GC removed, or would remove.
type Removal struct {
	Key      string    `json:"key"`
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
	Why      Why       `json:"why"`
}

// Why says why an object is removed.
type Why string

// The reasons of removals.
const (
	Expired    Why = "expired"    // of a revision that was kept for long enough
	Incomplete Why = "incomplete" // of a copy of a superseded revision that was never finished
	Superseded Why = "superseded" // a part of the published revision's number or an older one that is not the published one's
	Orphaned   Why = "orphaned"   // a part of a revision that is not published
)

// GCResult is what a collection came to.
type GCResult struct {
	Objects int       `json:"objects"` // that were removed, or would be
	Bytes   int64     `json:"bytes"`
	PutBack []string  `json:"put_back,omitempty"` // keys of parts that were published just as they were removed
	Skipped []Skipped `json:"skipped,omitempty"`
}

// Skipped is a directory in which nothing was removed, because the manifest
// that tells what counts there could not be read.
type Skipped struct {
	Dir    string `json:"dir"`
	Reason string `json:"reason"`
}

// GC removes what nothing needs any more: kept revisions that are older than
// o.Keep, and parts that no manifest names and that are older than o.Grace. It
// tells report (which may be nil) of each object, touches nothing but the
// history and objects that are named as parts are, and never removes what a
// manifest names.
//
// It may run beside writers, readers and itself. Most of what it removes can
// never be committed any more (see Partition.sweep). The exception is a part
// of a revision that is not published yet, which is told from one that is
// about to be committed by its age alone: a writer has o.Grace from putting a
// part to the commit. Putting it again makes it young again: see gc.orphan.
//
// After a failure what was removed is gone, and nothing else has changed: run
// it again.
func GC(ctx context.Context, st Store, o GCOptions, report func(Removal)) (GCResult, error) {
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	if report == nil {
		report = func(Removal) {}
	}
	g := gc{st: st, GCOptions: o, report: report}
	err := g.history(ctx)
	for _, root := range o.Roots {
		if err == nil {
			err = directories(ctx, st, root, dirOf, g.partition)
		}
	}
	if err != nil {
		err = fmt.Errorf("collect garbage in %s: %w", st.URL(""), err)
	}
	return g.result, err
}

type gc struct {
	GCOptions
	st     Store
	report func(Removal)
	result GCResult
}

// directories lists the objects under a prefix and calls f for each directory
// with the objects in it.
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

// olderThan says whether something was last modified longer than age ago. If
// the store does not say when, it was not.
func (g *gc) olderThan(age time.Duration, modified time.Time) bool {
	return !modified.IsZero() && g.Now.Sub(modified) > age
}

// stillOlderThan asks the same of an object as it is now: it may have been put
// again since it was listed. If it is gone, it is not.
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

// read reads the manifest of dir. ok is false if that failed, which only ends
// the collection if the caller has given up.
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

// remove removes an object, unless this is a dry run.
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

// history removes kept revisions.
func (g *gc) history(ctx context.Context) error {
	// All revisions of a partition lie next to each other in the listing.
	partition := func(key string) string {
		dir, _, _ := parseHistory(key)
		return dir
	}
	return directories(ctx, g.st, HistoryRoot, partition, func(ctx context.Context, dir string, objects []store.Object) error {
		if dir == "" { // names that are not ours
			return nil
		}
		live, ok, err := g.read(ctx, dir)
		if !ok {
			return err
		}
		byRevision := map[int][]store.Object{}
		for _, object := range objects {
			_, revision, _ := parseHistory(object.Key)
			// A copy of the live revision is that of a writer which is about to
			// supersede it, or was. Whoever does, writes to it again.
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

// kept removes one superseded revision if its time has come: the manifest
// first, so that whoever finds one finds the parts, too. If we stop in here,
// the parts go for having no manifest.
//
// That the revision is superseded was read after its copy was listed, which may
// have been that of an attempt long ago, made again meanwhile: it is as old as it
// is now.
func (g *gc) kept(ctx context.Context, objects []store.Object) error {
	why := Incomplete
	manifest := slices.IndexFunc(objects, func(o store.Object) bool { return path.Base(o.Key) == ManifestName })
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

// partition removes the parts in a directory that their manifest does not name.
func (g *gc) partition(ctx context.Context, dir string, objects []store.Object) error {
	// The manifest is read after the directory was listed: what it does not
	// name now was not committed since.
	owner := g.Owner(dir)
	live, ok, err := g.read(ctx, owner)
	if !ok {
		return err
	}
	for _, object := range objects {
		revision, isPart := partRevision(object.Key)
		switch {
		case !isPart || live.names(object.Key):
		case revision > live.revision():
			err = g.orphan(ctx, owner, object)
		case g.olderThan(g.Grace, live.Modified) && g.olderThan(g.Grace, object.Modified):
			// Nobody can have read the manifest that named it within the grace
			// period.
			err = g.remove(ctx, object, Superseded)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// names says whether the base's manifest names a key.
func (b *Base) names(key string) bool {
	return b.Manifest != nil && slices.ContainsFunc(b.Manifest.Parts, func(p Part) bool { return p.Key == key })
}

// orphan removes a part of a revision of the partition in dir that is not
// published, unless it is young.
//
// A writer may be about to publish just that: one that makes the same as
// another which died puts the same parts again, and commits them. No store
// removes an object only if nobody has put it since. So the age and the manifest
// are looked at last before the part is removed, and the manifest first after it:
// what is named then is put back, out of a copy.
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

	ctx = context.WithoutCancel(ctx) // whoever gives up now does not want half of it
	deleteErr := g.st.Delete(ctx, object.Key)
	live, err := Read(ctx, g.st, dir)
	switch {
	case err == nil && !live.names(object.Key):
		if deleteErr == nil {
			g.removed(object, Orphaned)
		}
		return deleteErr
	case err != nil: // it is not known to be named, nor not to be
		err = fmt.Errorf("%s was put back, as it may have been published meanwhile: %w", g.st.URL(object.Key), err)
	default:
		g.result.PutBack = append(g.result.PutBack, object.Key)
	}
	_, putErr := g.st.Put(ctx, object.Key, kept, kept.size, store.Condition{})
	return errors.Join(deleteErr, err, putErr)
}
