package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// tempPrefix begins the name of every file that is still being written.
	// Such files are never objects; Unfinished lists those a crash left behind.
	tempPrefix = ".tmp-"
	// lockName is the file in the root that writers lock. Deleting it while a
	// writer runs breaks conditional puts.
	lockName = ".daybook-lock"
)

// Dir is a store in a local directory, with the semantics of a bucket: a key is
// a path below the root, Put is atomic and durable, and conditions hold between
// processes.
//
// An object's ETag consists of its file's size, modification time, inode and
// change time (ctime), so a listing reads no contents. The system sets the
// ctime whenever the content, the attributes or the links of a file change, and
// no program can set it back. So the ETag changes with every rewrite, even one
// in place that restores size and modification time. It also changes without
// the content: when files are copied or restored from a backup, when their
// owner, mode or number of hard links changes, or when they move to another
// file system. [SameData] tells such a change from others.
//
// Symbolic links to files and to directories are followed. FIFOs, sockets and
// devices are listed as special, and never opened.
type Dir struct {
	root   string
	create atomic.Bool // the root does not exist; the first Put creates it
}

// NewDir returns the store in the directory root. As long as root does not
// exist, every call fails with ErrNoBucket.
func NewDir(root string) (*Dir, error) {
	if root == "" {
		return nil, errors.New("the path of the store is empty; give a directory")
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("the directory %q: %w", root, err)
	}
	return &Dir{root: abs}, nil
}

// CreateDir is like NewDir, but a missing root counts as an empty store, and
// the first Put creates it with its parents.
func CreateDir(root string) (*Dir, error) {
	d, err := NewDir(root)
	if err != nil {
		return nil, err
	}
	_, err = os.Stat(d.root)
	d.create.Store(errors.Is(err, fs.ErrNotExist))
	return d, nil
}

// URL is the path of key as a file URL, not percent-encoded.
func (d *Dir) URL(key string) string { return "file://" + d.path(key) }

func (d *Dir) path(key string) string { return filepath.Join(d.root, filepath.FromSlash(key)) }

// objectPath validates key and returns the path of its file.
func (d *Dir) objectPath(op, key string) (string, error) {
	err := CheckKey(key)
	if err == nil && (isTemp(key) || key == lockName) {
		err = fmt.Errorf("the key %q is reserved for the store's own files", key)
	}
	if err != nil {
		return "", &Error{Op: op, URL: "file://" + d.root, Err: err, Final: true, NotApplied: true}
	}
	return d.path(key), nil
}

// isTemp reports whether key names an unfinished file.
func isTemp(key string) bool {
	return strings.HasPrefix(key[strings.LastIndexByte(key, '/')+1:], tempPrefix)
}

// fail turns an error of the operating system into an *Error.
func (d *Dir) fail(op, key string, err error) error {
	e := &Error{Op: op, URL: d.URL(key), Err: err}
	var path *fs.PathError
	if errors.As(err, &path) && path.Path == d.path(key) {
		e.Err = path.Err // the URL names the path already
	}
	switch {
	case gone(err):
		e.Kind, e.Err = ErrNotFound, nil
		if rootErr := d.checkRoot(op); rootErr != nil {
			return rootErr
		}
		if _, rootErr := os.Stat(d.root); op == "put" && errors.Is(rootErr, fs.ErrNotExist) {
			e.Hint = "its directory cannot be created; correct the path of the store, or create " + d.root
		}
	case errors.Is(err, fs.ErrPermission):
		e.Kind, e.Hint = ErrDenied, "check the owner and the mode of the file and its directories"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Kind, e.Err, e.Hint = ErrNoSpace, nil, "free space or raise the quota, then run again"
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ELOOP):
		e.Final = true
	}
	return e
}

// checkRoot fails unless the root is a directory or may still be created.
func (d *Dir) checkRoot(op string) error {
	info, err := os.Stat(d.root)
	switch {
	case errors.Is(err, fs.ErrNotExist) && d.create.Load():
		return nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return &Error{Op: op, URL: d.URL(""), Kind: ErrNoBucket, Hint: "create it, or correct the path", NotApplied: true}
	case err != nil:
		return d.fail(op, "", err)
	case !info.IsDir():
		return &Error{Op: op, URL: d.URL(""), Kind: ErrNoBucket, Err: errors.New("the path is a file"), Hint: "give a directory", NotApplied: true}
	}
	return nil
}

func etagOf(info fs.FileInfo) string {
	etag := make([]byte, 0, 64) // listings make many of them
	etag = strconv.AppendInt(etag, info.Size(), 16)
	etag = strconv.AppendInt(append(etag, '-'), info.ModTime().UnixNano(), 16)
	if inode, changed, ok := identity(info); ok {
		etag = strconv.AppendUint(append(etag, '-'), inode, 16)
		etag = strconv.AppendInt(append(etag, '-'), changed, 16)
	}
	return string(etag)
}

// SameData reports whether two ETags of a [Dir] have the same size and
// modification time: the file was copied or restored, or its attributes
// changed, and its content is probably the same.
func SameData(a, b string) bool {
	dataOf := func(etag string) string {
		size, rest, _ := strings.Cut(etag, "-")
		modified, _, more := strings.Cut(rest, "-")
		if !more {
			return "" // not an ETag of a Dir
		}
		return size + "-" + modified
	}
	return dataOf(a) != "" && dataOf(a) == dataOf(b)
}

// unlinked reports whether an open file lost a link, and nothing else changed:
// Put replaced it, or it was deleted. That sets its ctime.
func unlinked(before, now fs.FileInfo) bool {
	was, ok := links(before)
	is, also := links(now)
	return ok && also && is < was && now.Size() == before.Size() && now.ModTime().Equal(before.ModTime())
}

// special describes a file that is neither a regular file nor a directory.
func special(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}

func describe(key string, info fs.FileInfo) Object {
	o := Object{Key: key, Size: info.Size(), ETag: etagOf(info), Modified: info.ModTime()}
	if !info.Mode().IsRegular() {
		o.Special = special(info.Mode())
	}
	return o
}

// List walks only the directories that can hold keys with the prefix.
func (d *Dir) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return d.list(ctx, prefix, false)
}

// Unfinished lists the files that are still being written, and those that
// killed writers left behind. Their age tells them apart.
func (d *Dir) Unfinished(ctx context.Context) iter.Seq2[Object, error] { return d.list(ctx, "", true) }

// Discard removes a file that Unfinished has listed.
func (d *Dir) Discard(ctx context.Context, key string) error {
	err := ctx.Err()
	if err == nil && !isTemp(key) {
		err = errors.New("it is not an unfinished file")
	}
	if err == nil {
		err = os.Remove(d.path(key))
	}
	if err != nil && !gone(err) {
		return d.fail("delete", key, err)
	}
	return nil
}

// RemoveEmpty removes the directories at and below a prefix, which ends in a slash, that
// hold nothing. Nothing may be written there meanwhile.
func (d *Dir) RemoveEmpty(ctx context.Context, prefix string) error {
	if err := checkSegments(strings.TrimSuffix(prefix, "/")); err != nil {
		return d.fail("delete", prefix, err)
	}
	var dirs []string
	err := filepath.WalkDir(d.path(prefix), func(name string, entry fs.DirEntry, err error) error {
		if gone(err) {
			return nil
		}
		if err == nil && entry.IsDir() {
			dirs = append(dirs, name)
		}
		return cmp.Or(err, ctx.Err())
	})
	for _, dir := range slices.Backward(dirs) { // what is in a directory comes before it
		if err != nil {
			break
		}
		if err = os.Remove(dir); gone(err) || errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST) {
			err = nil
		}
	}
	if err != nil {
		return d.fail("delete", prefix, err)
	}
	return nil
}

func (d *Dir) list(ctx context.Context, prefix string, temps bool) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if err := d.checkRoot("list"); err != nil {
			yield(Object{}, err)
			return
		}
		dir := prefix[:strings.LastIndexByte(prefix, '/')+1]
		if dir != "" {
			if err := checkSegments(strings.TrimSuffix(dir, "/")); err != nil {
				yield(Object{}, &Error{Op: "list", URL: d.URL(""), Err: err, Final: true})
				return
			}
		}
		w := dirWalk{d: d, ctx: ctx, prefix: prefix, temps: temps, yield: yield}
		info, err := os.Stat(d.path(dir))
		switch {
		case gone(err): // no such prefix
		case err != nil:
			w.fail(dir, err)
		default:
			w.walk(dir, info)
		}
	}
}

type dirWalk struct {
	d       *Dir
	ctx     context.Context
	prefix  string
	temps   bool // list unfinished files, not objects
	yield   func(Object, error) bool
	parents []fs.FileInfo // directories above the current one, to detect loops of links
}

type dirEntry struct {
	key  string // ends in a slash for a directory: so it sorts like the keys below it
	info fs.FileInfo
}

// walk yields the objects below dir ("" or ending in a slash). It returns false
// to end the listing.
func (w *dirWalk) walk(dir string, info fs.FileInfo) bool {
	files, err := os.ReadDir(w.d.path(dir))
	if gone(err) {
		return true // deleted since its parent was read
	}
	if err != nil {
		return w.fail(dir, err)
	}
	for _, parent := range w.parents {
		if os.SameFile(parent, info) {
			return w.fail(dir, errors.New("a symbolic link points to a directory above it; remove the link"))
		}
	}
	w.parents = append(w.parents, info)
	defer func() { w.parents = w.parents[:len(w.parents)-1] }()

	entries := make([]dirEntry, 0, len(files))
	for _, file := range files {
		if err := w.ctx.Err(); err != nil {
			return w.fail(dir, err)
		}
		key := dir + file.Name()
		if isTemp(key) && !w.temps || key == lockName || !strings.HasPrefix(key, w.prefix) && !strings.HasPrefix(w.prefix, key) {
			continue
		}
		info, err := w.d.follow(key, file)
		if gone(err) {
			if _, lerr := os.Lstat(w.d.path(key)); lerr == nil {
				return w.fail(key, errors.New("the target of this symbolic link does not exist; restore it or remove the link"))
			}
			continue // deleted since the directory was read
		}
		switch {
		case err != nil:
			return w.fail(key, err)
		case info.IsDir():
			entries = append(entries, dirEntry{key + "/", info})
		case strings.HasPrefix(key, w.prefix) && isTemp(key) == w.temps:
			entries = append(entries, dirEntry{key, info})
		}
	}
	slices.SortFunc(entries, func(a, b dirEntry) int { return cmp.Compare(a.key, b.key) })
	for _, e := range entries {
		if e.info.IsDir() {
			if !w.walk(e.key, e.info) {
				return false
			}
		} else if !w.yield(describe(e.key, e.info), nil) {
			return false
		}
	}
	return true
}

// follow describes a directory entry, or the target of a link.
func (d *Dir) follow(key string, entry fs.DirEntry) (fs.FileInfo, error) {
	if entry.Type()&fs.ModeSymlink != 0 {
		return os.Stat(d.path(key))
	}
	return entry.Info()
}

// gone reports whether err means that the file or directory does not exist.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }

func (w *dirWalk) fail(key string, err error) bool {
	w.yield(Object{}, w.d.fail("list", key, err))
	return false
}

// Open reads the file in its current state. A reader of a file that is
// rewritten or extended in place fails with ErrChanged at its end. A file that
// Put replaces is read to its end.
func (d *Dir) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, Object, error) {
	path, err := d.objectPath("open", key)
	if err != nil {
		return nil, Object{}, err
	}
	if err := ctx.Err(); err != nil {
		return nil, Object{}, d.fail("open", key, err)
	}
	// Only regular files are objects; opening a pipe would block.
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, Object{}, d.fail("open", key, err)
	}
	// From here on the descriptor decides: the name may get another file.
	r, err := d.reader(ctx, f, key, offset, length, ifMatch)
	if err != nil {
		f.Close()
		return nil, Object{}, err
	}
	return r, r.object, nil
}

func (d *Dir) reader(ctx context.Context, f *os.File, key string, offset, length int64, ifMatch string) (*dirReader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, d.fail("open", key, err)
	}
	object := describe(key, info)
	if err := checkVersion(d, "open", key, ifMatch, object.ETag); err != nil {
		return nil, err
	}
	if err := checkOffset(d, object, offset); err != nil {
		return nil, err
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, d.fail("open", key, err)
	}
	r := &dirReader{ctx: ctx, d: d, f: f, info: info, object: object, left: math.MaxInt64}
	if length >= 0 {
		r.left = endOf(object, offset, length) - offset
	}
	return r, nil
}

// endOf is the offset at which a read of length bytes from offset ends.
func endOf(object Object, offset, length int64) int64 {
	if length < 0 || length > object.Size-offset {
		return object.Size
	}
	return offset + length
}

func checkOffset(s Store, object Object, offset int64) error {
	if offset < 0 || object.Size != UnknownSize && offset > object.Size {
		return &Error{Op: "open", URL: s.URL(object.Key), Err: fmt.Errorf("the offset %d is outside the object, which has %d bytes", offset, object.Size), Final: true}
	}
	return nil
}

type dirReader struct {
	ctx    context.Context
	d      *Dir
	f      *os.File
	info   fs.FileInfo // when it was opened
	object Object
	left   int64 // bytes still to read
}

func (r *dirReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, r.d.fail("read", r.object.Key, err)
	}
	n, err := 0, io.EOF
	if r.left > 0 {
		n, err = r.f.Read(p[:min(int64(len(p)), r.left)])
		r.left -= int64(n)
	}
	if err == nil {
		return n, nil
	}
	if err != io.EOF {
		return n, r.d.fail("read", r.object.Key, err)
	}
	info, err := r.f.Stat()
	if err != nil {
		return n, r.d.fail("read", r.object.Key, err)
	}
	if err := checkVersion(r.d, "read", r.object.Key, r.object.ETag, etagOf(info)); err != nil && !unlinked(r.info, info) {
		return n, err
	}
	return n, io.EOF
}

func (r *dirReader) Close() error { return r.f.Close() }

// Put writes a temporary file beside the target, syncs it, renames it, and
// syncs the directory.
func (d *Dir) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond Condition) (Object, error) {
	path, err := d.objectPath("put", key)
	if err != nil {
		return Object{}, err
	}
	if err := checkPut(body, size, cond); err != nil {
		return Object{}, &Error{Op: "put", URL: d.URL(key), Err: err, Final: true, NotApplied: true}
	}
	// A missing root is a wrong path or a disk that is not mounted.
	if err := d.checkRoot("put"); err != nil {
		return Object{}, err
	}
	if err := makeDirs(filepath.Dir(path)); err != nil {
		return Object{}, d.failPut(key, err)
	}
	d.create.Store(false)
	// Readers of a partition's directory find finished files only: the file is written
	// in the root, or beside its place if that is on another file system.
	f, err := d.write(ctx, d.root, path, body, size, cond)
	if errors.Is(err, syscall.EXDEV) {
		f, err = d.write(ctx, filepath.Dir(path), path, body, size, cond)
	}
	if err != nil {
		return Object{}, d.failPut(key, err)
	}
	defer f.Close()
	info, err := f.Stat() // now, because the rename has set the ctime
	if err != nil {
		return Object{}, d.fail("put", key, err)
	}
	return describe(key, info), nil
}

// write writes the file at path by way of a temporary file in dir. The caller closes
// the file.
func (d *Dir) write(ctx context.Context, dir, path string, body io.ReaderAt, size int64, cond Condition) (*os.File, error) {
	temp := filepath.Join(dir, tempPrefix+rand.Text())
	f, err := writeFile(ctx, temp, body, size)
	if err == nil {
		err = d.publish(temp, path, cond)
	}
	if err != nil {
		if f != nil {
			f.Close()
		}
		os.Remove(temp) // if this fails, Unfinished lists it
		return nil, err
	}
	return f, nil
}

// failPut is fail for Put: here a missing path does not mean a missing object.
func (d *Dir) failPut(key string, err error) error {
	e := &Error{Op: "put", URL: d.URL(key), Final: true, NotApplied: true}
	switch {
	case errors.Is(err, ErrPrecondition):
		e.Kind = ErrPrecondition
	case errors.Is(err, syscall.ENOTDIR):
		e.Err = errors.New("a parent of its path is a file; in a directory, no key can lie below another")
	case errors.Is(err, fs.ErrExist), errors.Is(err, syscall.EISDIR):
		e.Err = errors.New("its path is a directory; in a directory, no key can lie below another")
		e.Hint = "remove or rename " + d.path(key)
	default:
		return d.fail("put", key, err)
	}
	return e
}

// writeFile creates the file at path and syncs its content, not its directory
// entry. The caller closes the file, which is nil only if it was not created.
func writeFile(ctx context.Context, path string, body io.ReaderAt, size int64) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return f, fill(ctx, f, body, size)
}

func fill(ctx context.Context, f *os.File, body io.ReaderAt, size int64) error {
	buf := make([]byte, min(size, 256<<10))
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := body.ReadAt(buf[:min(size-off, int64(len(buf)))], off)
		if n == 0 {
			return fmt.Errorf("read the body at %d: %w", off, err)
		}
		if _, err := f.Write(buf[:n]); err != nil {
			return err
		}
		off += int64(n)
	}
	// File systems use a clock that ticks every few milliseconds, and reuse
	// inodes: two quick Puts could get the same ETag. The time set here has
	// nanoseconds.
	now := time.Now()
	if err := os.Chtimes(f.Name(), now, now); err != nil {
		return err
	}
	return f.Sync()
}

// publish renames the temporary file to path if the condition holds.
//
// Writers hold the lock during the comparison and the rename: an unconditional
// Put shares it, a conditional Put holds it alone. So a condition holds against
// every writer of this program, in any process.
func (d *Dir) publish(temp, path string, cond Condition) error {
	unlock, err := d.lock(cond.Conditional())
	if err != nil {
		return err
	}
	defer unlock()
	if cond.Conditional() {
		info, err := os.Stat(path)
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		case err == nil && info.IsDir():
			return &fs.PathError{Op: "put", Path: path, Err: syscall.EISDIR}
		case !cond.holds(info):
			return ErrPrecondition
		}
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// holds reports whether c holds for the file at a key, which is nil if there is
// none. A special file is not an object.
func (c Condition) holds(file fs.FileInfo) bool {
	exists := file != nil && file.Mode().IsRegular()
	if c.IfAbsent {
		return !exists
	}
	return exists && etagOf(file) == c.IfMatch
}

// lock takes the lock of the store's writers. The operating system releases it
// when the process ends.
func (d *Dir) lock(exclusive bool) (unlock func(), err error) {
	f, err := openLock(filepath.Join(d.root, lockName))
	if err != nil {
		return nil, err
	}
	if err := lockFile(f, exclusive); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// openLock opens the file to lock. Another user may have made it, such as root with a
// command by hand: a lock needs no write access.
func openLock(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if errors.Is(err, fs.ErrPermission) {
		if readable, err := os.Open(name); err == nil {
			return readable, nil
		}
	}
	return f, err
}

// Delete removes the file and keeps its directory.
func (d *Dir) Delete(ctx context.Context, key string) error {
	path, err := d.objectPath("delete", key)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return d.fail("delete", key, err)
	}
	if err := d.checkRoot("delete"); err != nil {
		return err
	}
	unlock, err := d.lock(false)
	if errors.Is(err, fs.ErrNotExist) && d.create.Load() {
		return nil
	}
	if err != nil {
		return d.fail("delete", key, err)
	}
	defer unlock()
	info, err := os.Lstat(path)
	if err == nil && info.IsDir() {
		return nil // not an object
	}
	if err == nil {
		err = os.Remove(path)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return d.fail("delete", key, err)
	}
	return nil
}

// makeDirs is os.MkdirAll with synced directory entries.
func makeDirs(dir string) error {
	info, err := os.Stat(dir)
	if err == nil {
		if info.IsDir() {
			return nil
		}
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeDirs(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return makeDirs(dir) // another writer created it; check that it is a directory
		}
		return err
	}
	return syncDir(parent)
}

// syncDir syncs the entries of dir.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
