package store_test

import (
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"daybook/sources/store"
)

// rootOf is the directory of a Dir.
func rootOf(d *store.Dir) string { return strings.TrimPrefix(d.URL(""), "file://") }

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func listKeys(s store.Store, t *testing.T, prefix string) (keys []string, err error) {
	for o, err := range s.List(t.Context(), prefix) {
		if err != nil {
			return keys, err
		}
		keys = append(keys, o.Key)
	}
	return keys, nil
}

func TestDirRefusesKeys(t *testing.T) {
	d := newDir(t)
	for _, key := range []string{"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "a/./b", "a\x00b", ".tmp-x", "a/.tmp-x", ".daybook-lock"} {
		if o, err := d.Put(t.Context(), key, strings.NewReader("x"), 1, store.Condition{}); err == nil {
			t.Errorf("Put of %q stores %+v", key, o)
		}
		if rc, _, err := d.Open(t.Context(), key, 0, store.ToEnd, ""); err == nil {
			rc.Close()
			t.Errorf("Open of %q succeeds", key)
		}
		if err := d.Delete(t.Context(), key); err == nil {
			t.Errorf("Delete of %q succeeds", key)
		}
	}
	for _, prefix := range []string{"/", "../", "a/../b", "a//b"} {
		if keys, err := listKeys(d, t, prefix); err == nil {
			t.Errorf("List of %q gives %q", prefix, keys)
		}
	}
}

func TestRemoveEmpty(t *testing.T) {
	d := newDir(t)
	put(t, d, "a/b/c/k", "v")
	put(t, d, "a/b/d/e/k", "v")
	put(t, d, "a/bc/k", "v")
	for _, key := range []string{"a/b/c/k", "a/bc/k"} {
		if err := d.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	there := func(want bool, dirs ...string) {
		t.Helper()
		for _, dir := range dirs {
			if _, err := os.Stat(filepath.Join(rootOf(d), dir)); (err == nil) != want {
				t.Errorf("%s: %v", dir, err)
			}
		}
	}
	remove := func() {
		t.Helper()
		if err := d.RemoveEmpty(t.Context(), "a/b/"); err != nil {
			t.Error(err)
		}
	}
	remove()
	there(false, "a/b/c")
	there(true, "a/b/d/e/k", "a/bc")
	if err := d.Delete(t.Context(), "a/b/d/e/k"); err != nil {
		t.Fatal(err)
	}
	remove()
	there(false, "a/b")
	there(true, "a/bc")
	remove() // of nothing
	for _, prefix := range []string{"../", "a/../../"} {
		if err := d.RemoveEmpty(t.Context(), prefix); err == nil {
			t.Errorf("%q is removed", prefix)
		}
	}
}

// The remains of a crash are no objects, and writers leave no remains.
func TestDirTemporaryFiles(t *testing.T) {
	d := newDir(t)
	root := rootOf(d)
	write(t, filepath.Join(root, ".tmp-stale"), "half")
	write(t, filepath.Join(root, "a/.tmp-stale"), "half")
	put(t, d, "a/k", "v")
	if _, err := d.Put(t.Context(), "a/k", strings.NewReader("w"), 1, store.Condition{IfAbsent: true}); !errors.Is(err, store.ErrPrecondition) {
		t.Error(err)
	}
	if _, err := d.Put(t.Context(), "a/short", strings.NewReader("w"), 2, store.Condition{}); err == nil {
		t.Error("a short body is stored")
	}
	if keys, err := listKeys(d, t, ""); err != nil || !slices.Equal(keys, []string{"a/k"}) {
		t.Errorf("listed %q, %v", keys, err)
	}
	var files []string
	for _, dir := range []string{root, filepath.Join(root, "a")} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			files = append(files, e.Name())
		}
	}
	if want := []string{".daybook-lock", ".tmp-stale", "a", ".tmp-stale", "k"}; !slices.Equal(files, want) {
		t.Errorf("the directories hold %q; want %q", files, want)
	}

	unfinished := func() (keys []string) {
		t.Helper()
		for o, err := range d.Unfinished(t.Context()) {
			if err != nil || o.Size != 4 || o.Modified.IsZero() {
				t.Fatalf("%+v, %v", o, err)
			}
			keys = append(keys, o.Key)
		}
		return keys
	}
	if keys := unfinished(); !slices.Equal(keys, []string{".tmp-stale", "a/.tmp-stale"}) {
		t.Errorf("unfinished are %q", keys)
	}
	for range 2 {
		if err := d.Discard(t.Context(), "a/.tmp-stale"); err != nil {
			t.Error(err)
		}
	}
	if err := d.Discard(t.Context(), "a/k"); err == nil {
		t.Error("an object was discarded")
	}
	if keys, err := listKeys(d, t, ""); err != nil || !slices.Equal(keys, []string{"a/k"}) || !slices.Equal(unfinished(), []string{".tmp-stale"}) {
		t.Errorf("listed %q, %v, and unfinished are %q", keys, err, unfinished())
	}
}

func TestDirSymlinks(t *testing.T) {
	outside := t.TempDir()
	write(t, filepath.Join(outside, "f"), "file")
	write(t, filepath.Join(outside, "dir/g"), "in a directory")
	d := newDir(t)
	root := rootOf(d)
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(outside, "f"), "link")
	link(filepath.Join(outside, "dir"), "z")
	keys, err := listKeys(d, t, "")
	if want := []string{"link", "z/g"}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("listed %q, %v; want %q", keys, err, want)
	}
	for key, want := range map[string]string{"link": "file", "z/g": "in a directory"} {
		if got, err := readAll(t, d, key, 0, ""); got != want || err != nil {
			t.Errorf("%s: read %q, %v", key, got, err)
		}
	}

	link(root, "zz-loop")
	_, err = listKeys(d, t, "")
	if want := "list " + d.URL("zz-loop") + ": a symbolic link points to a directory above it; remove the link"; err == nil || err.Error() != want {
		t.Errorf("a loop: %v; want %s", err, want)
	}
	if err := os.Remove(filepath.Join(root, "zz-loop")); err != nil {
		t.Fatal(err)
	}

	link(filepath.Join(outside, "gone"), "broken")
	_, err = listKeys(d, t, "")
	if want := "list " + d.URL("broken") + ": the target of this symbolic link does not exist; restore it or remove the link"; err == nil || err.Error() != want {
		t.Errorf("a broken link: %v; want %s", err, want)
	}
}

// Every Put gives an ETag of its own, at any speed and size.
func TestDirETags(t *testing.T) {
	d := newDir(t)
	seen := map[string]bool{}
	for i := range 200 {
		seen[put(t, d, "k", string(rune('a'+i%2))).ETag] = true
	}
	if len(seen) != 200 {
		t.Errorf("200 puts gave %d ETags", len(seen))
	}
}

func TestDirChangeWhileRead(t *testing.T) {
	const before = "0123456789"
	for name, tt := range map[string]struct {
		change func(t *testing.T, d *store.Dir, path string)
		want   error
	}{
		"appended": {func(t *testing.T, d *store.Dir, path string) {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteString("more"); err != nil {
				t.Fatal(err)
			}
		}, store.ErrChanged},
		"truncated": {func(t *testing.T, d *store.Dir, path string) {
			if err := os.Truncate(path, 6); err != nil {
				t.Fatal(err)
			}
		}, store.ErrChanged},
		"rewritten in place": {func(t *testing.T, d *store.Dir, path string) { write(t, path, "abcdefghij") }, store.ErrChanged},
		// A reader keeps the file that it opened.
		"replaced by Put": {func(t *testing.T, d *store.Dir, path string) { put(t, d, "k", "abcdefghij") }, nil},
		"deleted": {func(t *testing.T, d *store.Dir, path string) {
			if err := d.Delete(t.Context(), "k"); err != nil {
				t.Fatal(err)
			}
		}, nil},
	} {
		for _, wrapped := range []bool{false, true} {
			t.Run(name+" wrapped="+strconv.FormatBool(wrapped), func(t *testing.T) {
				d := newDir(t)
				var s store.Store = d
				if wrapped {
					s = store.WithRetry(d, noWait(2, nil))
				}
				put(t, d, "k", before)
				rc, _, err := s.Open(t.Context(), "k", 0, store.ToEnd, "")
				if err != nil {
					t.Fatal(err)
				}
				defer rc.Close()
				head := make([]byte, 4)
				if _, err := io.ReadFull(rc, head); err != nil {
					t.Fatal(err)
				}
				tt.change(t, d, filepath.Join(rootOf(d), "k"))
				rest, err := io.ReadAll(rc)
				if !errors.Is(err, tt.want) {
					t.Errorf("error %v; want %v", err, tt.want)
				}
				if got := string(head) + string(rest); err == nil && got != before {
					t.Errorf("read %q; want %q", got, before)
				}
			})
		}
	}
}

func TestDirConflictsOfFilesAndDirectories(t *testing.T) {
	d := newDir(t)
	put(t, d, "a/b", "v")
	for key, want := range map[string]string{
		"a":     "put " + d.URL("a") + ": its path is a directory; in a directory, no key can lie below another; remove or rename " + filepath.Join(rootOf(d), "a"),
		"a/b/c": "put " + d.URL("a/b/c") + ": a parent of its path is a file; in a directory, no key can lie below another",
	} {
		// A conditional put, too: neither a directory nor a file is another writer.
		for _, cond := range []store.Condition{{}, {IfAbsent: true}, {IfMatch: "e"}} {
			if _, err := d.Put(t.Context(), key, strings.NewReader("x"), 1, cond); err == nil || err.Error() != want {
				t.Errorf("%+v: %v; want %s", cond, err, want)
			}
		}
	}
}

// FIFOs, sockets and devices are listed as such. Opening a FIFO would block.
func TestDirSpecialFiles(t *testing.T) {
	d := newDir(t)
	root := rootOf(d)
	if err := syscall.Mkfifo(filepath.Join(root, "fifo"), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root) // the path of a socket has at most about 100 bytes
	listener, err := net.Listen("unix", "socket")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.Symlink("/dev/null", "device"); err != nil {
		t.Fatal(err)
	}
	put(t, d, "file", "x")
	got := map[string]string{}
	for o, err := range d.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		got[o.Key] = o.Special
	}
	if want := map[string]string{"fifo": "a FIFO", "socket": "a socket", "device": "a device", "file": ""}; !maps.Equal(got, want) {
		t.Errorf("listed %q; want %q", got, want)
	}
	for _, key := range []string{"fifo", "socket", "device"} {
		if _, err := readAll(t, d, key, 0, ""); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", key, err)
		}
	}
	// There is no object at their keys.
	if _, err := d.Put(t.Context(), "fifo", strings.NewReader("x"), 1, store.Condition{IfMatch: "e"}); !errors.Is(err, store.ErrPrecondition) {
		t.Error(err)
	}
	if _, err := d.Put(t.Context(), "fifo", strings.NewReader("x"), 1, store.Condition{IfAbsent: true}); err != nil {
		t.Error(err)
	}
}

// Changes of a file that change its ETag, and those of them that may change the content.
// It has more than 60 lines because it lists the ways to change a file.
func TestDirIdentity(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(path string, info os.FileInfo) error
		sameData bool
	}{
		"rewritten in place, time restored": {func(path string, info os.FileInfo) error {
			return errors.Join(os.WriteFile(path, []byte("9876543210"), 0), os.Chtimes(path, info.ModTime(), info.ModTime()))
		}, true},
		"rewritten": {func(path string, info os.FileInfo) error {
			later := info.ModTime().Add(time.Second)
			return errors.Join(os.WriteFile(path, []byte("9876543210"), 0), os.Chtimes(path, later, later))
		}, false},
		"copied": {func(path string, info os.FileInfo) error {
			return errors.Join(os.WriteFile(path+"2", []byte("0123456789"), 0o666), os.Chtimes(path+"2", info.ModTime(), info.ModTime()), os.Rename(path+"2", path))
		}, true},
		"mode":      {func(path string, _ os.FileInfo) error { return os.Chmod(path, 0o600) }, true},
		"hard link": {func(path string, _ os.FileInfo) error { return os.Link(path, path+"2") }, true},
		"longer": {func(path string, info os.FileInfo) error {
			return errors.Join(os.Truncate(path, 11), os.Chtimes(path, info.ModTime(), info.ModTime()))
		}, false},
	} {
		d := newDir(t)
		path := filepath.Join(rootOf(d), "k")
		before := put(t, d, "k", "0123456789")
		// A file's ctime is that of a clock that may tick only every 10 ms.
		if err := os.WriteFile(path+"-clock", nil, 0o666); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		for ctime(t, path+"-clock") <= ctime(t, path) {
			if err := os.Chmod(path+"-clock", 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.change(path, info); err != nil {
			t.Fatal(err)
		}
		_, after, err := d.Open(t.Context(), "k", 0, 0, "")
		if err != nil {
			t.Fatal(err)
		}
		if before.ETag == after.ETag {
			t.Errorf("%s: the ETag is still %s", name, before.ETag)
		}
		if got := store.SameData(before.ETag, after.ETag); got != c.sameData {
			t.Errorf("%s: SameData(%s, %s) is %v", name, before.ETag, after.ETag, got)
		}
		if _, _, err := d.Open(t.Context(), "k", 0, store.ToEnd, before.ETag); !errors.Is(err, store.ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, etags := range [][2]string{
		{"d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e"}, // S3
		{"d41d8cd98f00b204e9800998ecf8427e-2", "d41d8cd98f00b204e9800998ecf8427e-2"},
		{"", ""}, {"-", "-"},
	} {
		if store.SameData(etags[0], etags[1]) {
			t.Errorf("SameData(%q, %q)", etags[0], etags[1])
		}
	}
	// Released versions had no ctime.
	if !store.SameData("a-18b0-7", "a-18b0-7-18c1") || store.SameData("a-18b0-7", "a-18b1-7-18c1") {
		t.Error("an ETag of a released version is not compared by size and time")
	}
}

func ctime(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return store.ChangeTime(info.Sys().(*syscall.Stat_t))
}

// Four processes add to one counter by compare and swap; none of their
// additions is lost.
func TestDirConditionsBetweenProcesses(t *testing.T) {
	const processes, additions = 4, 25
	if root := os.Getenv("STORE_TEST_COUNTER"); root != "" {
		d, err := store.NewDir(root)
		if err != nil {
			t.Fatal(err)
		}
		for range additions {
			for !increment(t, d) {
			}
		}
		return
	}
	d := newDir(t)
	put(t, d, "counter", "0")
	var children []*exec.Cmd
	for range processes {
		cmd := exec.Command(os.Args[0], "-test.run=^TestDirConditionsBetweenProcesses$")
		cmd.Env = append(os.Environ(), "STORE_TEST_COUNTER="+rootOf(d))
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		children = append(children, cmd)
	}
	for _, cmd := range children {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	if got, err := readAll(t, d, "counter", 0, ""); got != "100" || err != nil {
		t.Errorf("the counter is %s, %v; want %d", got, err, processes*additions)
	}
}

// increment tries once to add one, and says whether it did.
func increment(t *testing.T, s store.Store) bool {
	t.Helper()
	rc, o, err := s.Open(t.Context(), "counter", 0, store.ToEnd, "")
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	text, err := io.ReadAll(rc)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(string(text))
	if err != nil {
		t.Fatal(err)
	}
	next := strconv.Itoa(n + 1)
	_, err = s.Put(t.Context(), "counter", strings.NewReader(next), int64(len(next)), store.Condition{IfMatch: o.ETag})
	if err != nil && !errors.Is(err, store.ErrPrecondition) {
		t.Fatal(err)
	}
	return err == nil
}

// looking is a body that looks at a directory while it is read.
type looking struct {
	io.ReaderAt
	look func()
}

func (l looking) ReadAt(p []byte, at int64) (int, error) {
	l.look()
	return l.ReaderAt.ReadAt(p, at)
}

// While an object is written, its directory has nothing but objects. A directory that
// is a link to another file system is written to as well.
func TestUnfinishedFilesAreInTheRoot(t *testing.T) {
	root := t.TempDir()
	d, err := store.NewDir(root)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := os.MkdirTemp("/dev/shm", "daybook")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(elsewhere) })
	if err := os.Symlink(elsewhere, filepath.Join(root, "linked")); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a/dt=1/k", "a/dt=1/l", "linked/k"} {
		var names []string
		body := looking{strings.NewReader("text"), func() {
			names = nil
			entries, _ := os.ReadDir(filepath.Join(root, "a/dt=1"))
			for _, entry := range entries {
				names = append(names, entry.Name())
			}
		}}
		if _, err := d.Put(t.Context(), key, body, 4, store.Condition{}); err != nil {
			t.Fatal(err)
		}
		if want := map[string]int{"a/dt=1/k": 0, "a/dt=1/l": 1, "linked/k": 2}[key]; len(names) != want {
			t.Errorf("while %s is written, its directory has %q", key, names)
		}
		if got, err := os.ReadFile(filepath.Join(root, key)); err != nil || string(got) != "text" {
			t.Errorf("%s is %q, %v", key, got, err)
		}
	}
}
