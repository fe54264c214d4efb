package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"daybook/sinks/tempfile"
	"daybook/sources/store"
)

// HistoryRoot is the prefix of superseded revisions. Revision 3 of
// reports/r/dt=D/ is in _history/reports/r/dt=D/r3/: its manifest, which names
// the parts there, and its parts under their old names. A revision with a
// manifest is complete.
const HistoryRoot = "_history/"

func historyDir(dir string, revision int) string {
	return fmt.Sprintf("%s%sr%d/", HistoryRoot, dir, revision)
}

// parseHistory splits a key in the history into the partition's directory and
// the revision.
func parseHistory(key string) (dir string, revision int, ok bool) {
	dir, ok = strings.CutPrefix(dirOf(key), HistoryRoot)
	if !ok || dir == "" {
		return "", 0, false
	}
	last := path.Base(dir)
	digits, ok := strings.CutPrefix(last, "r")
	revision, err := strconv.Atoi(digits)
	if !ok || err != nil || revision < 1 || digits != strconv.Itoa(revision) {
		return "", 0, false
	}
	return strings.TrimSuffix(dir, last+"/"), revision, true
}

// keep copies a live revision to the history, its manifest last.
//
// If a part is missing or differs from its manifest, keep stops without a
// manifest and without an error: either another writer has superseded the
// revision, and the commit will be refused; or the partition is damaged, and
// publishing repairs it.
//
// Several writers may do this at once. Their parts have the same names and
// bytes; the manifest may be that of an earlier refresh.
func keep(ctx context.Context, st Store, dir string, live *Manifest) error {
	kept := *live
	kept.Parts = slices.Clone(live.Parts)
	to := historyDir(dir, live.Revision)
	for i := range kept.Parts {
		part := &kept.Parts[i]
		from := part.Key
		part.Key = to + path.Base(from)
		switch err := copyPart(ctx, st, from, part); {
		case errors.Is(err, store.ErrNotFound), errors.Is(err, errDamaged):
			return nil
		case err != nil:
			return fmt.Errorf("keep revision %d: %w", live.Revision, err)
		}
	}
	body := kept.encode()
	if _, err := st.Put(ctx, ManifestKey(to), bytes.NewReader(body), int64(len(body)), store.Condition{}); err != nil {
		return fmt.Errorf("keep revision %d: %w", live.Revision, err)
	}
	return nil
}

// errDamaged: a part differs from its manifest.
var errDamaged = errors.New("it differs from its manifest")

// copyPart copies the object at from to part.Key.
func copyPart(ctx context.Context, st Store, from string, part *Part) error {
	c, err := fetch(ctx, st, from)
	if err != nil {
		return err
	}
	defer c.Close()
	if c.sha256 != part.SHA256 {
		return errDamaged
	}
	_, err = st.Put(ctx, part.Key, c, c.size, store.Condition{})
	return err
}

// copied is an object in a temporary file, because a part may be too large for
// memory.
type copied struct {
	*os.File
	size   int64
	sha256 string
}

func fetch(ctx context.Context, st Store, key string) (*copied, error) {
	body, _, err := st.Open(ctx, key, 0, store.ToEnd, "")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	file, err := tempfile.New(os.TempDir())
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(file, sum), body)
	if err != nil {
		file.Close()
		return nil, err
	}
	return &copied{file, size, hex.EncodeToString(sum.Sum(nil))}, nil
}

// ReadRevision reads the manifest of a revision of the partition in dir, live
// or kept. If a part of a live revision is missing when it is opened, the
// revision was superseded meanwhile: call ReadRevision again to find it in the
// history. The error for a missing revision wraps store.ErrNotFound.
func ReadRevision(ctx context.Context, st Store, dir string, revision int) (Manifest, error) {
	// The live one first: a writer copies it before replacing it.
	for _, d := range slices.Compact([]string{dir, historyDir(dir, revision), historyDir(OldDir(dir), revision)}) {
		base, err := Read(ctx, st, d)
		if err != nil {
			return Manifest{}, err
		}
		if base.Manifest != nil && base.Manifest.Revision == revision {
			return *base.Manifest, nil
		}
	}
	return Manifest{}, fmt.Errorf("revision %d of %s: %w; it never existed, or has expired", revision, st.URL(dir), store.ErrNotFound)
}

// Revisions lists the readable revisions of the partition in dir in ascending
// order. The live one is the last.
func Revisions(ctx context.Context, st Store, dir string) ([]int, error) {
	base, err := Read(ctx, st, dir) // before the history, as in ReadRevision
	if err != nil {
		return nil, err
	}
	var revisions []int
	if base.Manifest != nil {
		revisions = append(revisions, base.revision())
	}
	for _, d := range slices.Compact([]string{dir, OldDir(dir)}) {
		for object, err := range st.List(ctx, HistoryRoot+d) {
			if err != nil {
				return nil, err
			}
			of, revision, ok := parseHistory(object.Key)
			if ok && of == d && path.Base(object.Key) == keptManifest {
				revisions = append(revisions, revision)
			}
		}
	}
	slices.Sort(revisions)
	return slices.Compact(revisions), nil
}
