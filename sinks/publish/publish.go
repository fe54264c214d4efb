// Package publish makes a finished partition what its readers see.
//
// A partition is a directory of parts. A part's name holds the revision it was
// written for and the hash of its content, so that a name never means two
// contents, and the parts of an older revision can be told from those of a
// newer one. The partition's manifest names the parts that count, and is
// replaced by compare-and-swap. Until it is, nothing has happened; once it is,
// everything has.
package publish

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"daybook/sources/store"
)

// Store is the part of an object store that publishing needs.
type Store interface {
	List(ctx context.Context, prefix string) iter.Seq2[store.Object, error]
	Open(ctx context.Context, key string, offset int64, ifMatch string) (io.ReadCloser, store.Object, error)
	Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error)
	Delete(ctx context.Context, key string) error
	URL(key string) string
}

// Partition is what is to be published. Files hold the bytes of the
// manifest's parts, in their order.
type Partition struct {
	Dir      string // the key prefix of its files, ending in a slash
	Manifest Manifest
	Files    [][]byte
}

// State is what publishing a partition came to.
type State string

// The states a partition can be in after it was published.
const (
	Published State = "published" // for the first time
	Restated  State = "restated"  // in place of another content
	Refreshed State = "refreshed" // the same content, made from other inputs
	Unchanged State = "unchanged" // nothing was written
)

// ErrRaced: somebody else published other content at the same time. The
// partition is whole, and theirs; whether it is also right is for a new plan
// to say.
var ErrRaced = errors.New("another run published other content at the same time; run again")

// Publish makes p the content of its partition, and returns the manifest that
// stands after it. It may be called again after any failure, and by any number
// of processes at once.
func Publish(ctx context.Context, st Store, p Partition) (Manifest, State, error) {
	manifest, state, err := publish(ctx, st, p)
	if err != nil {
		return Manifest{}, "", fmt.Errorf("publish %s: %w", st.URL(p.Dir), err)
	}
	return manifest, state, nil
}

func publish(ctx context.Context, st Store, p Partition) (Manifest, State, error) {
	next := p.Manifest
	manifestKey := p.Dir + ManifestName

	// What is there now. The ETag is what the commit will insist on: whoever
	// commits in between makes it fail.
	current, etag, err := Read(ctx, st, p.Dir)
	first := errors.Is(err, store.ErrNotFound)
	if err != nil && !first {
		return Manifest{}, "", err
	}
	state, swap := Restated, store.Condition{IfMatch: etag}
	switch {
	case first:
		next.Revision, state, swap = 1, Published, store.Condition{IfAbsent: true}
	case next.same(&current):
		return current, Unchanged, sweep(ctx, st, p.Dir, &current)
	case next.sameContent(&current):
		next.Revision, next.Previous, next.Reason, state = current.Revision, current.Previous, current.Reason, Refreshed
	default:
		next.Revision, next.Previous = current.Revision+1, current.Revision
	}

	// The parts. If we stop here, they are orphans that no manifest names. The
	// next attempt at this revision writes the same ones, if it is of the same
	// content, and others if it is not.
	for i := range next.Parts {
		part := &next.Parts[i]
		if state == Refreshed {
			part.Key = current.Parts[i].Key
			continue
		}
		part.Key = p.Dir + partName(i, next.Revision, part.SHA256)
		if _, err := st.Put(ctx, part.Key, bytes.NewReader(p.Files[i]), part.Bytes, store.Condition{}); err != nil {
			return Manifest{}, "", err
		}
	}

	// The commit. If we stop before it, nothing happened; if after it, only the
	// superseded parts are left over.
	next.Attempt = rand.Text()
	body, err := encode(&next)
	if err != nil {
		return Manifest{}, "", err
	}
	if _, err := st.Put(ctx, manifestKey, bytes.NewReader(body), int64(len(body)), swap); err != nil {
		// Refused, or unknown. The answer to a commit that was applied may be
		// lost, and then even a refusal may be to our own, repeated: only what
		// is there tells.
		there, _, readErr := Read(ctx, st, p.Dir)
		switch {
		case readErr != nil:
			return Manifest{}, "", fmt.Errorf("%w; whether it was committed is unknown (%w): run again", err, readErr)
		case there.Attempt == next.Attempt:
			// Ours.
		case there.sameContent(&next):
			return there, Unchanged, nil // another's, with our content
		case errors.Is(err, store.ErrPrecondition):
			return Manifest{}, "", ErrRaced
		default:
			return Manifest{}, "", err
		}
	}

	// Only now that the commit is known do the superseded parts go.
	return next, state, sweep(ctx, st, p.Dir, &next)
}

// sweep removes the parts of older revisions than the published one. Nobody
// can commit them any more: a commit names the revision after the one that it
// replaces. Parts of this revision or a newer one that the manifest does not
// name may be another's, about to be committed, and stay.
//
// If we stop in here, some of them stay beside the new ones until the
// partition is published again, be it unchanged.
func sweep(ctx context.Context, st Store, dir string, published *Manifest) error {
	if published.Revision == 1 {
		return nil
	}
	for object, err := range st.List(ctx, dir) {
		if err == nil {
			if revision, ok := partRevision(object.Key[len(dir):]); ok && revision < published.Revision {
				err = st.Delete(ctx, object.Key)
			}
		}
		if err != nil {
			return fmt.Errorf("revision %d is published, but older parts may still lie beside it: %w; run again", published.Revision, err)
		}
	}
	return nil
}

// partName names part n of a revision by the SHA-256 of its content.
func partName(n, revision int, sum string) string {
	return fmt.Sprintf("part-%d-r%d-%s.parquet", n, revision, sum[:16])
}

// partRevision reads the revision off a part's name.
func partRevision(name string) (revision int, ok bool) {
	fields := strings.Split(name, "-")
	if len(fields) != 4 || fields[0] != "part" || !strings.HasPrefix(fields[2], "r") {
		return 0, false
	}
	revision, err := strconv.Atoi(fields[2][1:])
	return revision, err == nil
}

// Read reads a partition's manifest, and its ETag. If there is none, the error
// wraps store.ErrNotFound.
func Read(ctx context.Context, st Store, dir string) (Manifest, string, error) {
	key := dir + ManifestName
	body, object, err := st.Open(ctx, key, 0, "")
	if err != nil {
		return Manifest{}, "", err
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil {
		return Manifest{}, "", err
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return Manifest{}, "", fmt.Errorf("%s is not a manifest: %w", st.URL(key), err)
	}
	return m, object.ETag, nil
}

func encode(m *Manifest) ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}
