package spillfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"daybook/sinks/publish"
)

func TestFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("the temporary file has a name: %v, %v", entries, err)
	}
	if _, err := s.Write([]byte("one two")); err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 3)
	if _, err := s.ReadAt(part, 4); err != nil || string(part) != "two" {
		t.Errorf("%q, %v", part, err)
	}
	file := s.Part("part-0", ".parquet", 3)
	want := publish.Part{Rows: 3, Bytes: 7, SHA256: "8ab63e29a4ba14e4e1688f9c15e5af90895421358c945b0431f85d66977bd3d2"}
	if file.Name != "part-0" || file.Ext != ".parquet" || file.Part != want || s.Size() != 7 {
		t.Errorf("%+v, want %+v", file, want)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestWithoutADirectory(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	t.Setenv("TMPDIR", missing)
	_, err := New()
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("%v", err)
	}
}

// The errors say where, why and what to do.
func TestErrors(t *testing.T) {
	s := &File{dir: "/var/tmp"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{syscall.ENOSPC, "write a temporary file: the directory /var/tmp is full (no space left on device): set TMPDIR to one with more room, or raise the memory budget"},
		{syscall.EDQUOT, "write a temporary file: the directory /var/tmp is full (disk quota exceeded): set TMPDIR to one with more room, or raise the memory budget"},
		{syscall.EACCES, "write a temporary file in /var/tmp: permission denied; set TMPDIR to a directory that can be written"},
		{syscall.EROFS, "write a temporary file in /var/tmp: read-only file system; set TMPDIR to a directory that can be written"},
		{syscall.EMFILE, "write a temporary file in /var/tmp: too many open files"},
		{syscall.EIO, "write a temporary file in /var/tmp: input/output error"},
	} {
		err := s.explain("write", &os.PathError{Op: "write", Path: "/var/tmp/daybook-123", Err: c.err})
		if err.Error() != c.want || !errors.Is(err, c.err) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	if err := s.explain("write", nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}
