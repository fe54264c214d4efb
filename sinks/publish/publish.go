// Package publish makes a finished partition what its readers see.
//
// A partition is a directory of parts. A part's name holds the revision it was
// written for and the hash of its content, so that a name never means two
// contents, and the parts of an older revision can be told from those of a
// newer one. The partition's manifest names the parts that count, and is
// replaced by compare-and-swap. Until it is, nothing has happened; once it is,
// everything has.
//
// Whoever publishes reads the manifest first ([Read]), then takes the snapshot
// of its inputs and makes the content of them, and commits it in place of that
// manifest or not at all ([Publish]). So of two writers at once, the one whose
// inputs may be the older never replaces the work of the other.
//
// A superseded revision of a report is kept for a while under _history
// ([ReadRevision]), and what nothing names any more is collected ([GC]).
package publish

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"daybook/sources/store"
)

// Store is the part of an object store that publishing needs.
type Store interface {
	List(ctx context.Context, prefix string) iter.Seq2[store.Object, error]
	Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error)
	Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error)
	Delete(ctx context.Context, key string) error
	URL(key string) string
}

// Base is what a partition was when its next content was planned.
type Base struct {
	Manifest *Manifest // nil: nothing was published
	ETag     string    // of the manifest
	Modified time.Time // of the manifest; zero where unknown
}

// revision is that of the base, or 0 where nothing was published.
func (b *Base) revision() int {
	if b.Manifest == nil {
		return 0
	}
	return b.Manifest.Revision
}

// condition is what a commit in place of the base insists on.
func (b *Base) condition() store.Condition {
	if b.Manifest == nil {
		return store.Condition{IfAbsent: true}
	}
	return store.Condition{IfMatch: b.ETag}
}

// Partition is what is to be published.
type Partition struct {
	Dir      string   // the key prefix of its files, ending in a slash
	Manifest Manifest // Publish fills in Parts, Revision, Previous and Attempt
	Files    []File   // the parts, in the manifest's order

	// Keep: what the partition replaces is copied to _history, and then
	// removed from the directory, which warehouses read as a whole. Without
	// Keep it stays where it is, for those who are still reading it, until GC
	// takes it.
	Keep bool

	// Again: the files are put also where the manifest that stands names the very
	// same ones, since what lies there may not be what it names any more.
	Again bool
}

// File is a part to be.
type File struct {
	Name string      // the stem of its name, unique in the partition: part-0
	Dir  string      // where it lies, ending in a slash, if not in the partition's directory; a directory that no other partition writes to
	Ext  string      // the end of its name: .parquet
	Body io.ReaderAt // Part.Bytes of it are read, by Publish only
	Part Part        // without its key
}

// State is what publishing a partition came to.
type State string

// The states a partition can be in after it was published.
const (
	Published State = "published" // for the first time
	Restated  State = "restated"  // in place of another content
	Refreshed State = "refreshed" // the same content, made from other inputs or by other rules
	Unchanged State = "unchanged" // nothing was written, unless it was put Again
)

// ErrRaced: the partition is not any more what it was when its content was
// planned. It is whole, and somebody else's; whether it is also up to date is
// for a new plan to say.
var ErrRaced = errors.New("another run published this partition at the same time; run again")

// ErrNoManifest: what lies where the manifest should be is none.
var ErrNoManifest = errors.New("is not a manifest")

// Read reads what is published in the directory dir. That nothing is, is no
// error. If it is no manifest that is there, the error wraps [ErrNoManifest].
func Read(ctx context.Context, st Store, dir string) (Base, error) {
	key := dir + ManifestName
	body, object, err := st.Open(ctx, key, 0, store.ToEnd, "")
	if errors.Is(err, store.ErrNotFound) {
		return Base{}, nil
	}
	if err != nil {
		return Base{}, err
	}
	defer body.Close()
	// A manifest is no larger than what can be put conditionally. Plans read tens
	// of thousands: a buffer of the right size spares most of what they allocate.
	var text bytes.Buffer
	text.Grow(int(min(object.Size, store.MaxConditionalSize)) + bytes.MinRead)
	if _, err := text.ReadFrom(io.LimitReader(body, store.MaxConditionalSize+1)); err != nil {
		return Base{}, err
	}
	m, err := decode(text.Bytes())
	if err != nil {
		return Base{}, fmt.Errorf("%s %w: %w; restore it, or delete it to have what it stands for made again", st.URL(key), ErrNoManifest, err)
	}
	return Base{Manifest: m, ETag: object.ETag, Modified: object.Modified}, nil
}

// Publish makes p the content of its partition in place of base, which was
// read before p's inputs were, and returns the manifest that stands after it.
// It fails with ErrRaced if the base has been replaced by anything else than
// the same. After any failure the caller may read the base again and publish
// again, and any number of processes may do so at once.
func Publish(ctx context.Context, st Store, p Partition, base Base) (Manifest, State, error) {
	manifest, state, err := publish(ctx, st, &p, &base)
	if err != nil {
		return Manifest{}, "", fmt.Errorf("publish %s: %w", st.URL(p.Dir), err)
	}
	return *manifest, state, nil
}

// publish is the protocol, from the first part to the last deletion. There is
// no other code to recover with: whatever was left undone, the next call does.
func publish(ctx context.Context, st Store, p *Partition, base *Base) (*Manifest, State, error) {
	next, state, err := p.plan(base)
	if err != nil {
		return nil, "", err
	}

	// 1. The parts, unless they are there. If we stop in here, they are orphans
	// that no manifest names. The next attempt at this revision writes the same
	// ones if it is of the same content, and others if it is not; once it has
	// committed, it removes them.
	if state != Unchanged && state != Refreshed || p.Again {
		for i := range p.Files {
			f := &p.Files[i]
			if _, err := st.Put(ctx, next.Parts[i].Key, f.Body, f.Part.Bytes, store.Condition{}); err != nil {
				return nil, "", err
			}
		}
	}

	// 2. Nothing to commit, if the base still stands. Only the remains of
	// writers that stopped in one of these steps may have to go.
	if state == Unchanged {
		there, err := Read(ctx, st, p.Dir)
		switch {
		case err != nil:
			return nil, "", err
		case there.Manifest == nil || !there.Manifest.same(next):
			return nil, "", p.withdraw(ctx, st, next, there.Manifest)
		}
		return there.Manifest, Unchanged, p.sweep(ctx, st, there.Manifest)
	}

	// 3. The revision that is about to be superseded is kept. If we stop in or
	// after this, there is a copy of the live revision, or a part of one, that
	// nobody looks for until that revision is superseded; and whoever does
	// that, makes the copy first.
	if state == Restated && p.Keep {
		if err := keep(ctx, st, p.Dir, base.Manifest); err != nil {
			return nil, "", err
		}
	}

	// 4. The commit. If we stop before it, nothing has happened; if after it,
	// everything has, and only superseded parts may be left over. If we do not
	// learn whether it was applied, we have deleted nothing, and the next call
	// finds out.
	there, err := commit(ctx, st, p.Dir, base, next)
	raced := errors.Is(err, ErrRaced)
	switch {
	case raced && there.Manifest != nil && there.Manifest.same(next):
		next, state = there.Manifest, Unchanged // another's, with our content, made of our inputs
	case raced:
		return nil, "", p.withdraw(ctx, st, next, there.Manifest)
	case err != nil:
		return nil, "", err
	}

	// 5. Only now that the commit is known does anything go. If we stop in
	// here, the next call does the rest, be the partition unchanged.
	return next, state, p.sweep(ctx, st, next)
}

// Amend replaces a manifest by one that stands for the same files: it has come
// to be known what else was made from them, or that they would be the same if
// made from other inputs. It returns what stands then, and fails with ErrRaced
// if the base does not stand any more.
func Amend(ctx context.Context, st Store, dir string, base Base, next Manifest) (Base, error) {
	if m := base.Manifest; m == nil || next.Revision != m.Revision || !slices.Equal(next.Parts, m.Parts) {
		return Base{}, fmt.Errorf("amend %s: the manifest does not stand for the files that are there", st.URL(dir))
	}
	there, err := commit(ctx, st, dir, &base, &next)
	if err != nil {
		return Base{}, fmt.Errorf("amend %s: %w", st.URL(dir), err)
	}
	return there, nil
}

// commit puts next in place of base, and returns what stands then. Where that
// is neither, the error is ErrRaced.
func commit(ctx context.Context, st Store, dir string, base *Base, next *Manifest) (Base, error) {
	next.Attempt = rand.Text()
	body := next.encode()
	for attempt := 1; ; attempt++ {
		object, err := st.Put(ctx, dir+ManifestName, bytes.NewReader(body), int64(len(body)), base.condition())
		if err == nil {
			return Base{Manifest: next, ETag: object.ETag, Modified: object.Modified}, nil
		}
		// Refused, or unknown. The answer to a put that was applied may be lost,
		// and then even a refusal may be to our own, repeated: only what is there
		// tells.
		there, readErr := Read(ctx, st, dir)
		switch {
		case readErr != nil:
			return Base{}, fmt.Errorf("%w; whether it was committed is unknown (%w): run again", err, readErr)
		case there.Manifest != nil && there.Manifest.Attempt == next.Attempt:
			return there, nil
		case there.ETag != base.ETag || errors.Is(err, store.ErrPrecondition):
			return there, ErrRaced
		case !store.Unanswered(err):
			return Base{}, err
		case attempt == commitAttempts:
			return Base{}, fmt.Errorf("%w (gave up after %d attempts)", err, attempt)
		}
		// Not applied, at least not yet. The same put may follow: of the two at
		// most one can still be applied, and both are this attempt.
	}
}

// commitAttempts is how often a commit is put whose answer gets lost. Between
// two of them the store has answered.
const commitAttempts = 3

// plan decides what publishing p in place of base comes to, and what the
// manifest will be, but for the attempt.
func (p *Partition) plan(base *Base) (*Manifest, State, error) {
	next := p.Manifest
	next.Parts = make([]Part, len(p.Files))
	next.Revision = base.revision() + 1
	names := make(map[string]bool, len(p.Files))
	for i := range p.Files {
		f := &p.Files[i]
		key, err := partKey(p, f, next.Revision)
		if err != nil {
			return nil, "", err
		}
		name := unrevised(key)
		if names[name] {
			return nil, "", fmt.Errorf("two files are named %s", name)
		}
		names[name] = true
		next.Parts[i] = f.Part
		next.Parts[i].Key = key
	}
	current := base.Manifest
	if current == nil {
		return &next, Published, nil
	}
	next.Previous = current.Revision
	switch {
	case next.same(current):
		return current, Unchanged, nil
	case next.sameContent(current):
		next.Revision, next.Previous, next.Reason, next.Summaries = current.Revision, current.Previous, current.Reason, current.Summaries
		for i := range next.Parts {
			next.Parts[i].Key = current.Parts[i].Key
		}
		return &next, Refreshed, nil
	}
	return &next, Restated, nil
}

// Sweep removes what is left beside a published partition by writers that
// stopped after its commit, or never came to theirs. It is for partitions that
// are published with Keep; publishing them does it by itself.
func Sweep(ctx context.Context, st Store, dir string, published *Manifest) error {
	return (&Partition{Dir: dir, Keep: true}).sweep(ctx, st, published)
}

// sweep removes the parts that lie in the directories of a published manifest,
// are not named by it, and are of its revision or an older one.
//
// Nobody can commit those any more, so it does not matter who wrote them, when
// and whether their writer still runs: a manifest of revision n names parts
// that were written for n, or, refreshed, the ones that the manifest which it
// replaced named. It is committed only in place of one of n-1, or, refreshed,
// of n. So once a manifest of revision n has stood, no other set of parts can
// follow for n or what is below. This also holds if the manifest has been
// replaced since. Parts of a higher revision may be about to be committed, and
// stay.
//
// Without Keep the superseded parts may still be read, and all stay for GC.
func (p *Partition) sweep(ctx context.Context, st Store, published *Manifest) error {
	if !p.Keep {
		return nil
	}
	named := keysOf(published)
	for _, dir := range p.dirs() {
		for object, err := range st.List(ctx, dir) {
			if err == nil {
				revision, isPart := partRevision(object.Key)
				if isPart && revision <= published.Revision && !named[object.Key] && dirOf(object.Key) == dir {
					err = st.Delete(ctx, object.Key)
				}
			}
			if err != nil {
				return fmt.Errorf("revision %d is published, but other parts may still lie beside it: %w; run again", published.Revision, err)
			}
		}
	}
	return nil
}

// withdraw removes the parts of an attempt that lost to what is there, for
// the same reason as sweep does, and under its conditions: what is there must
// be of our revision or a later one, and not name them. If it is only a
// refreshed base, the next writer may be about to commit the same parts.
//
// Without Keep they stay: ours may have been committed, and superseded, before
// we asked, and be read.
//
// Its error is always ErrRaced, with what else went wrong.
func (p *Partition) withdraw(ctx context.Context, st Store, ours, there *Manifest) error {
	if !p.Keep || there == nil || there.Revision < ours.Revision {
		return ErrRaced
	}
	named := keysOf(there)
	for _, part := range ours.Parts {
		if named[part.Key] {
			continue
		}
		if err := st.Delete(ctx, part.Key); err != nil {
			return fmt.Errorf("%w; parts of this one may still lie beside the other's: %w", ErrRaced, err)
		}
	}
	return ErrRaced
}

// dirs are the directories that the partition's files lie in.
func (p *Partition) dirs() []string {
	dirs := []string{p.Dir}
	for i := range p.Files {
		if dir := p.Files[i].Dir; dir != "" && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// keysOf are the keys of the parts that a manifest names.
func keysOf(m *Manifest) map[string]bool {
	keys := make(map[string]bool, len(m.Parts))
	for _, part := range m.Parts {
		keys[part.Key] = true
	}
	return keys
}
