// Package publish commits the files of a partition atomically.
//
// A partition is a directory of parts, and a manifest outside of it (layout.go).
// The name of a part contains its revision and the hash of its content, so a
// name never means two contents, and old parts can be told from new ones. The
// manifest names the parts that count. It is replaced by compare-and-swap: that
// is the commit. Before it, readers see the old content; after it, the new.
//
// A writer reads the manifest ([Read]), then lists its inputs and makes the
// content from them, and commits it in place of that manifest or not at all
// ([Publish]). So if two writers run at once, the one with older inputs never
// replaces the work of the other.
//
// Nothing here deletes a current manifest. If an operator does, the next commit gives
// the partition a revision after those of the parts that are still there, and removes
// them as superseded. Parts of the last hour are taken for those of a writer at work:
// they stay beside the new ones, for readers that glob, until GC takes them for
// abandoned. The same holds for the parts of a writer that runs while the manifest is
// deleted.
//
// A superseded revision of a report stays under _history for some time
// ([ReadRevision]). [GC] removes it later, together with parts that no manifest
// names.
//
// # Old manifests
//
// Version 0.1.0 had the manifest inside of the partition's directory, and months
// in another directory ([OldManifestKey]). A partition moves with its next commit:
//
//  1. [Read] returns the new manifest, or else the old one, or else the new one
//     after all: the old one may have been replaced in between.
//  2. The writer creates the new manifest with the condition IfAbsent. This is the
//     commit. Of several writers that have read the old manifest, one succeeds,
//     and the others get [ErrRaced]. A lost answer is resolved as in each commit.
//     From here on readers ignore the old manifest: they prefer the new one, which
//     is never deleted.
//  3. The writer deletes superseded parts, in the old directory, too, and at last
//     the old manifest. If it stops before that, the old manifest remains as a
//     sign of unfinished work: the catalog sees it beside the new one, and the
//     next run publishes the partition with Again, which repeats this step. GC
//     deletes an old manifest that stays for longer than its grace period.
//  4. In a directory store, it removes the directories of months that are empty now.
//
// Version 0.1.0 must not write to a store that a newer version writes to: it does
// not know the new manifests. What it leaves behind is removed in the same way.
package publish

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"slices"
	"strings"
	"time"

	"daybook/sources/store"
)

// Store is the part of store.Store that publishing needs.
type Store interface {
	List(ctx context.Context, prefix string) iter.Seq2[store.Object, error]
	Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error)
	Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error)
	Delete(ctx context.Context, key string) error
	URL(key string) string
}

// Base is the published state of a partition before a new content is made.
type Base struct {
	Manifest *Manifest // nil if nothing was published
	Key      string    // of the manifest
	ETag     string    // of the manifest
	Modified time.Time // of the manifest; zero if unknown
	Text     []byte    // of the manifest, as it is stored
}

// revision is the revision of the base, or 0 if nothing was published.
func (b *Base) revision() int {
	if b.Manifest == nil {
		return 0
	}
	return b.Manifest.Revision
}

// condition is the condition of a commit that replaces the base of the partition in
// dir.
func (b *Base) condition(dir string) store.Condition {
	if b.Manifest == nil || b.isOld(dir) {
		return store.Condition{IfAbsent: true}
	}
	return store.Condition{IfMatch: b.ETag}
}

// Partition is a content to publish.
type Partition struct {
	Dir      string   // key prefix of its files, ending in a slash
	Manifest Manifest // Publish sets Parts, Revision, Previous, PublishedAt and Attempt
	Files    []File   // the parts, in the order of the manifest

	Now time.Time // for PublishedAt

	// Keep: Publish copies the revision that it replaces to _history.
	Keep bool

	// Sweep: Publish removes superseded parts from the directory after the
	// commit, because warehouses read the directory as a whole. Without
	// Sweep, they stay for current readers until GC removes them.
	Sweep bool

	// Again: Publish puts the files even if the current manifest names the
	// same ones, to repair damaged or missing parts, and removes what an
	// unfinished move from an old manifest has left.
	Again bool
}

// File is the content of a part.
type File struct {
	Name string      // stem of its name, such as part-0; unique in the partition
	Dir  string      // its directory, ending in a slash; empty means the partition's. No other partition may write there
	Ext  string      // end of its name, such as .parquet
	Body io.ReaderAt // of Part.Bytes bytes, read until Publish returns; nil: it is stored already
	Part Part        // its key is that of a stored file; otherwise Publish sets it
}

// State is the outcome of publishing a partition.
type State string

// The outcomes of publishing.
const (
	Published State = "published" // the first content
	Restated  State = "restated"  // another content
	Refreshed State = "refreshed" // the same content from other inputs or by other rules: only the manifest changed
	Unchanged State = "unchanged" // the same manifest: nothing was written, unless Again was set
)

// ErrRaced: the manifest changed since the base was read. The partition is
// complete, with the content of another writer. A new plan decides whether it
// is up to date.
var ErrRaced = errors.New("another run published this partition at the same time; run again")

// ErrNoManifest: the object in a manifest's place cannot be read as a manifest.
var ErrNoManifest = errors.New("is not a manifest")

// Read reads the manifest of the partition in dir, or of a kept revision. Without a
// manifest the Base is empty. If the object is damaged, the error wraps
// [ErrNoManifest].
func Read(ctx context.Context, st Store, dir string) (Base, error) {
	key := ManifestKey(dir)
	base, err := readManifest(ctx, st, key)
	if err != nil || base.Manifest != nil || strings.HasPrefix(dir, HistoryRoot) {
		return base, err
	}
	base, err = readManifest(ctx, st, OldManifestKey(dir))
	if err != nil || base.Manifest != nil {
		return base, err
	}
	// The old manifest is deleted only after there is a new one. So there is
	// nothing if the new one is missing now.
	return readManifest(ctx, st, key)
}

// readManifest reads the manifest with a key.
func readManifest(ctx context.Context, st Store, key string) (Base, error) {
	body, object, err := st.Open(ctx, key, 0, store.ToEnd, "")
	if errors.Is(err, store.ErrNotFound) {
		return Base{}, nil
	}
	if err != nil {
		return Base{}, err
	}
	defer body.Close()
	// A manifest is at most as large as a conditional put. Plans read tens
	// of thousands of manifests: a buffer of the right size saves most
	// allocations.
	var text bytes.Buffer
	text.Grow(int(min(object.Size, store.MaxConditionalSize)) + bytes.MinRead)
	if _, err := text.ReadFrom(io.LimitReader(body, store.MaxConditionalSize+1)); err != nil {
		return Base{}, err
	}
	m, err := decode(text.Bytes())
	if err != nil {
		return Base{}, fmt.Errorf("%s %w: %w; restore it from a backup, or delete it and rebuild its partition with: %s", st.URL(key), ErrNoManifest, err, rebuildCommand(key))
	}
	return Base{Manifest: m, Key: key, ETag: object.ETag, Modified: object.Modified, Text: text.Bytes()}, nil
}

// Parse gives the base of a manifest whose text was read earlier, in the version of
// object.
func Parse(object store.Object, text []byte) (Base, error) {
	m, err := decode(text)
	return Base{Manifest: m, Key: object.Key, ETag: object.ETag, Modified: object.Modified, Text: text}, err
}

// rebuildCommand is the command that rebuilds the partition of a manifest, whose
// key has a segment such as dt=2026-11-20 or month=2026-11.json.
func rebuildCommand(key string) string {
	for segment := range strings.SplitSeq(key, "/") {
		segment = strings.TrimSuffix(segment, manifestExt)
		if date, ok := strings.CutPrefix(segment, "dt="); ok {
			return "daybook run --date " + date
		}
		if month, ok := strings.CutPrefix(segment, "month="); ok {
			return "daybook run --month " + month
		}
	}
	return "daybook run"
}

// Publish replaces the content of a partition by p and returns what is published
// then. base must have been read before p's inputs were listed. Publish
// fails with ErrRaced if the manifest has changed since, unless to the same
// content. After any error the caller may read the base and publish again. Any
// number of processes may publish at once.
func Publish(ctx context.Context, st Store, p Partition, base Base) (Base, State, error) {
	there, state, err := publish(ctx, st, &p, &base)
	if err != nil {
		return Base{}, "", fmt.Errorf("publish %s: %w", st.URL(p.Dir), err)
	}
	return there, state, nil
}

// publish is the whole protocol. There is no separate recovery: a later call
// completes what an interrupted call has left undone.
func publish(ctx context.Context, st Store, p *Partition, base *Base) (Base, State, error) {
	before, err := p.before(ctx, st, base)
	if err != nil {
		return Base{}, "", err
	}
	next, state, err := p.plan(base, before+1)
	if err != nil {
		return Base{}, "", err
	}

	// 1. Put the parts, unless they exist. If the process stops here, no manifest
	// names them. The next attempt at this revision writes the same parts for
	// the same content, or else other ones, and removes these after its commit.
	if state != Unchanged && state != Refreshed || p.Again {
		if err := p.putParts(ctx, st, next); err != nil {
			return Base{}, "", err
		}
	}

	// 2. If the base is the same, there is nothing to commit.
	if state == Unchanged {
		return p.confirm(ctx, st, base, next)
	}

	// 3. Copy the revision that is about to be superseded. If the process stops
	// here, the history has a copy of the live revision, perhaps an incomplete
	// one. Nothing reads it before that revision is superseded, and the writer
	// that does so makes the copy again.
	if state == Restated && p.Keep {
		if err := keep(ctx, st, p.Dir, base.Manifest); err != nil {
			return Base{}, "", err
		}
	}

	// 4. Commit. If the process stops before it, the old content stands; if after
	// it, the new one, with superseded parts left over. If its outcome is
	// unknown, nothing was deleted, and the next call finds out.
	there, err := commit(ctx, st, p.Dir, base, next)
	raced := errors.Is(err, ErrRaced)
	switch {
	case raced && there.Manifest != nil && there.Manifest.same(next):
		state = Unchanged // another writer committed the same content of the same inputs
	case raced:
		return Base{}, "", p.withdraw(ctx, st, next, there.Manifest)
	case err != nil:
		return Base{}, "", err
	}

	// 5. Delete superseded parts, now that the commit is certain. If the process
	// stops here, the next call does the rest, even if nothing changes.
	return there, state, p.clean(ctx, st, base, there.Manifest)
}

// putParts stores the parts that next names. A part without a body is stored already.
func (p *Partition) putParts(ctx context.Context, st Store, next *Manifest) error {
	for i := range p.Files {
		f := &p.Files[i]
		if f.Body == nil {
			if next.Parts[i].Key != f.Part.Key {
				return ErrRaced // it was stored for another revision
			}
			continue
		}
		if _, err := st.Put(ctx, next.Parts[i].Key, f.Body, f.Part.Bytes, store.Condition{}); err != nil {
			return err
		}
	}
	return nil
}

// confirm checks that the unchanged manifest is still the current one, and
// removes what interrupted writers left behind.
func (p *Partition) confirm(ctx context.Context, st Store, base *Base, unchanged *Manifest) (Base, State, error) {
	current, err := Read(ctx, st, p.Dir)
	switch {
	case err != nil:
		return Base{}, "", err
	case current.Manifest == nil || !current.Manifest.same(unchanged):
		return Base{}, "", p.withdraw(ctx, st, unchanged, current.Manifest)
	}
	return current, Unchanged, p.clean(ctx, st, base, current.Manifest)
}

// Amend replaces the manifest in dir by one that names the same files, for
// example with the summaries made from them, or with other inputs that give the
// same content. It returns the new state, and fails with ErrRaced if base is no
// longer the current one.
func Amend(ctx context.Context, st Store, dir string, base Base, next Manifest) (Base, error) {
	if m := base.Manifest; m == nil || next.Revision != m.Revision || !slices.Equal(next.Parts, m.Parts) {
		return Base{}, fmt.Errorf("amend %s: the new manifest names other files than the current one", st.URL(dir))
	}
	there, err := commit(ctx, st, dir, &base, &next)
	if err == nil && base.isOld(dir) {
		err = st.Delete(ctx, base.Key)
	}
	if err != nil {
		return Base{}, fmt.Errorf("amend %s: %w", st.URL(dir), err)
	}
	return there, nil
}

// commit puts next in place of base and returns the new state. If another
// writer's manifest is there, the error is ErrRaced.
func commit(ctx context.Context, st Store, dir string, base *Base, next *Manifest) (Base, error) {
	next.Attempt = rand.Text()
	key, body := ManifestKey(dir), next.encode()
	for attempt := 1; ; attempt++ {
		object, err := st.Put(ctx, key, bytes.NewReader(body), int64(len(body)), base.condition(dir))
		if err == nil {
			return Base{Manifest: next, Key: key, ETag: object.ETag, Modified: object.Modified, Text: body}, nil
		}
		// The put was refused, or its outcome is unknown. The answer to
		// an applied put may be lost, and a refusal may even be the
		// answer to our own put, repeated. So read what is there.
		there, readErr := Read(ctx, st, dir)
		switch {
		case readErr != nil:
			return Base{}, fmt.Errorf("%w; it is unknown whether it was committed (%w): run again", err, readErr)
		case there.Manifest != nil && there.Manifest.Attempt == next.Attempt:
			return there, nil
		case there.Key != base.Key || there.ETag != base.ETag || errors.Is(err, store.ErrPrecondition):
			return there, ErrRaced
		case !store.Unanswered(err):
			return Base{}, err
		case attempt == commitAttempts:
			return Base{}, fmt.Errorf("%w (gave up after %d attempts)", err, attempt)
		}
		// It is not applied, at least not yet. Put it again: at most
		// one of the two puts can be applied, and both are this
		// attempt.
	}
}

// commitAttempts is how often a commit is put whose answers are lost. Each
// time, the store has answered a read in between.
const commitAttempts = 3

// settled is the age of a part whose writer has committed it or given up, as good as
// always: a writer takes seconds from a part to its commit.
const settled = time.Hour

// before is the revision that the next content follows: that of the base, or the
// highest one of the parts that lie there without a manifest. They are left when
// somebody deletes the manifest. As their revision is superseded by the commit, sweep
// removes them, and consumers that have loaded it notice the new one.
//
// Younger parts than settled do not count: a rival may be about to commit them as its
// first revision. If we took a higher number and lost, our parts would stay (see
// withdraw). Wrong clocks have that effect, and none on the commit.
func (p *Partition) before(ctx context.Context, st Store, base *Base) (revision int, err error) {
	if base.Manifest != nil {
		return base.Manifest.Revision, nil
	}
	if slices.ContainsFunc(p.Files, func(f File) bool { return f.Body == nil }) {
		return 0, nil // they were stored as those of the first revision
	}
	for _, dir := range p.dirs(base) {
		for object, err := range st.List(ctx, dir) {
			if errors.Is(err, store.ErrNoBucket) {
				return 0, nil // the first put creates it
			}
			if err != nil {
				return 0, err
			}
			of, isPart := PartRevision(object.Key)
			if isPart && dirOf(object.Key) == dir && !object.Modified.IsZero() && p.Now.Sub(object.Modified) > settled {
				revision = max(revision, of)
			}
		}
	}
	return revision, nil
}

// plan decides the outcome of publishing p in place of base, and builds the
// manifest except for Attempt. Another content gets this revision.
func (p *Partition) plan(base *Base, revision int) (*Manifest, State, error) {
	next := p.Manifest
	next.PublishedAt = TimeText(p.Now.UnixMilli())
	next.Parts = make([]Part, len(p.Files))
	next.Revision = revision
	names := make(map[string]bool, len(p.Files))
	for i := range p.Files {
		f := &p.Files[i]
		key, err := PartKey(p.Dir, f, next.Revision)
		if err != nil {
			return nil, "", err
		}
		name := unrevised(key)
		if names[name] {
			return nil, "", fmt.Errorf("two files have the name %s", name)
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
	case next.same(current) && !base.isOld(p.Dir):
		return current, Unchanged, nil
	case next.sameContent(current):
		next.Revision, next.Previous, next.PublishedAt = current.Revision, current.Previous, current.PublishedAt
		next.Reason, next.Summaries = current.Reason, current.Summaries
		for i := range next.Parts {
			next.Parts[i].Key = current.Parts[i].Key
		}
		return &next, Refreshed, nil
	}
	return &next, Restated, nil
}

// Sweep removes the parts that interrupted writers left beside a partition that
// was published with Sweep. Publish itself does the same.
func Sweep(ctx context.Context, st Store, dir string, published *Manifest) error {
	return sweep(ctx, st, []string{dir}, published)
}

// clean removes what is left of earlier contents, after a commit in place of base:
// the parts that are superseded, and the old manifest. Without Sweep, readers may
// still use superseded parts: they stay for GC.
func (p *Partition) clean(ctx context.Context, st Store, base *Base, published *Manifest) error {
	moves := base.isOld(p.Dir) || p.Again
	if p.Sweep {
		dirs := p.dirs(base)
		if old := OldDir(p.Dir); moves && !slices.Contains(dirs, old) {
			dirs = append(dirs, old)
		}
		if err := sweep(ctx, st, dirs, published); err != nil {
			return err
		}
	}
	if !moves {
		return nil
	}
	if err := st.Delete(ctx, OldManifestKey(p.Dir)); err != nil {
		return fmt.Errorf("revision %d is published, but the manifest of an earlier version remains: %w; run again", published.Revision, err)
	}
	if dirs, ok := st.(directoryStore); ok && OldDir(p.Dir) != p.Dir {
		return dirs.RemoveEmpty(ctx, path.Dir(path.Dir(OldDir(p.Dir)))+"/") // of all months of the report
	}
	return nil
}

// directoryStore is a store that keeps the directories of deleted objects: store.Dir.
type directoryStore interface {
	RemoveEmpty(ctx context.Context, prefix string) error
}

// sweep removes the parts in a partition's directories that the published
// manifest does not name and that belong to its revision or an older one.
//
// No process can commit these parts any more, not even a writer that still runs. A
// manifest of revision n names parts written for n or, when refreshed, the parts of the
// manifest that it replaces. It is committed only in place of a manifest of n-1 or, when
// refreshed, of n; the first one, of any revision, only where no manifest is. So once a
// manifest of revision n was current, no other set of parts can follow for n or less.
// This holds even if that manifest has been replaced since, but not if somebody has
// deleted it since. Parts of a higher revision may be about to be committed, and stay.
func sweep(ctx context.Context, st Store, dirs []string, published *Manifest) error {
	named := keysOf(published)
	for _, dir := range dirs {
		for object, err := range st.List(ctx, dir) {
			if err == nil {
				revision, isPart := PartRevision(object.Key)
				if isPart && revision <= published.Revision && !named[object.Key] && dirOf(object.Key) == dir {
					err = st.Delete(ctx, object.Key)
				}
			}
			if err != nil {
				return fmt.Errorf("revision %d is published, but superseded parts may remain: %w; run again", published.Revision, err)
			}
		}
	}
	return nil
}

// withdraw removes the parts of an attempt that lost against another writer's
// manifest. The condition is that of sweep: that manifest has our revision or a
// later one and does not name the parts. If it only refreshed the base, the
// next writer may be about to commit the same parts.
//
// Without Sweep they stay: ours may have been committed, superseded, and be in
// use by readers.
//
// The error is always ErrRaced, with further errors wrapped.
func (p *Partition) withdraw(ctx context.Context, st Store, ours, there *Manifest) error {
	if !p.Sweep || there == nil || there.Revision < ours.Revision {
		return ErrRaced
	}
	named := keysOf(there)
	for _, part := range ours.Parts {
		if named[part.Key] {
			continue
		}
		if err := st.Delete(ctx, part.Key); err != nil {
			return fmt.Errorf("%w; parts of this run may remain: %w", ErrRaced, err)
		}
	}
	return ErrRaced
}

// dirs are the directories with files of the partition and of the base.
func (p *Partition) dirs(base *Base) []string {
	dirs := []string{p.Dir}
	add := func(dir string) {
		if dir != "" && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	for i := range p.Files {
		add(p.Files[i].Dir)
	}
	if base.Manifest != nil {
		for _, part := range base.Manifest.Parts {
			add(dirOf(part.Key))
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
