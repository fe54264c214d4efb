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

// HistoryRoot is where superseded revisions are kept: revision 3 of reports/r/dt=D/
// has its manifest and parts in _history/reports/r/dt=D/r3/, under the names
// that they had, and its manifest names them there. What has a manifest is
// whole.
const HistoryRoot = "_history/"

func historyDir(dir string, revision int) string {
	return fmt.Sprintf("%s%sr%d/", HistoryRoot, dir, revision)
}

// parseHistory tells the partition's directory and the revision of a key in
// the history.
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
// A part that is missing, or not what the manifest says, ends it without a
// manifest, but is no error: if another has superseded the revision meanwhile,
// the commit will be refused; and if the partition is damaged, publishing is
// how it is mended.
//
// Others may do the same at once. Their parts have the same names and bytes;
// their manifest may be that of an earlier refresh.
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
	if _, err := st.Put(ctx, to+ManifestName, bytes.NewReader(body), int64(len(body)), store.Condition{}); err != nil {
		return fmt.Errorf("keep revision %d: %w", live.Revision, err)
	}
	return nil
}

// errDamaged: a part is not what its manifest says.
var errDamaged = errors.New("it is not what its manifest says")

// copyPart copies a part to its key.
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

// copied is an object in a temporary file: parts may be too large for memory.
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

// ReadRevision reads the manifest of a revision of the partition in dir, be
// it live or kept. Its parts are where it names them. If one of a live
// revision is gone when it is opened, the revision has been superseded
// meanwhile: read it again, from the history. A revision that is not there
// is store.ErrNotFound.
func ReadRevision(ctx context.Context, st Store, dir string, revision int) (Manifest, error) {
	// The live one first: it is copied before it stops being that.
	for _, d := range []string{dir, historyDir(dir, revision)} {
		base, err := Read(ctx, st, d)
		if err != nil {
			return Manifest{}, err
		}
		if base.Manifest != nil && base.Manifest.Revision == revision {
			return *base.Manifest, nil
		}
	}
	return Manifest{}, fmt.Errorf("revision %d of %s: %w; it has never been, or is not kept any more", revision, st.URL(dir), store.ErrNotFound)
}

// Revisions are the revisions of the partition in dir that can be read, in
// ascending order. The last one is live, if any is.
func Revisions(ctx context.Context, st Store, dir string) ([]int, error) {
	base, err := Read(ctx, st, dir) // first, as in ReadRevision
	if err != nil {
		return nil, err
	}
	var revisions []int
	if base.Manifest != nil {
		revisions = append(revisions, base.revision())
	}
	for object, err := range st.List(ctx, HistoryRoot+dir) {
		if err != nil {
			return nil, err
		}
		of, revision, ok := parseHistory(object.Key)
		if ok && of == dir && path.Base(object.Key) == ManifestName {
			revisions = append(revisions, revision)
		}
	}
	slices.Sort(revisions)
	return slices.Compact(revisions), nil
}
