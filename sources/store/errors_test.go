package store

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"
)

// Errors of the operating system, and the errors of the store for them. A full disk
// and a refused permission are hard to come by in a test, which may run as root.
func TestDirErrors(t *testing.T) {
	root := t.TempDir()
	d, err := NewDir(root)
	if err != nil {
		t.Fatal(err)
	}
	at := "file://" + root + "/k"
	for _, tt := range []struct {
		cause error
		kind  error
		want  string
	}{
		{&fs.PathError{Op: "open", Path: root + "/k", Err: syscall.ENOENT}, ErrNotFound, "put " + at + ": not found"},
		{&fs.PathError{Op: "open", Path: root + "/k", Err: syscall.EACCES}, ErrDenied, "put " + at + ": access denied: permission denied; check the owner and the mode of the file and its directories"},
		{&fs.PathError{Op: "write", Path: root + "/.tmp-x", Err: syscall.ENOSPC}, ErrNoSpace, "put " + at + ": no space left; free space or raise the quota, then run again"},
		{&os.LinkError{Op: "rename", Old: "a", New: "b", Err: syscall.EDQUOT}, ErrNoSpace, "put " + at + ": no space left; free space or raise the quota, then run again"},
		{&fs.PathError{Op: "write", Path: root + "/.tmp-x", Err: syscall.EIO}, nil, "put " + at + ": write " + root + "/.tmp-x: input/output error"},
	} {
		err := d.failPut("k", tt.cause)
		if err.Error() != tt.want || tt.kind != nil && !errors.Is(err, tt.kind) {
			t.Errorf("\n got %v\nwant %s", err, tt.want)
		}
	}

	missing, err := NewDir(root + "/none")
	if err != nil {
		t.Fatal(err)
	}
	file, err := NewDir(root + "/file")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/file", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for d, want := range map[*Dir]string{
		missing: "delete file://" + root + "/none: no such bucket or directory; create it, or correct the path",
		file:    "delete file://" + root + "/file: no such bucket or directory: the path is a file; give a directory",
	} {
		if err := d.Delete(t.Context(), "k"); !errors.Is(err, ErrNoBucket) || err.Error() != want {
			t.Errorf("\n got %v\nwant %s", err, want)
		}
	}
}
