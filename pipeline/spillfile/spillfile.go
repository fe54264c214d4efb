// Package spillfile makes the temporary files of the pipeline: what exceeds the
// memory budget, and files in the making.
package spillfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"syscall"

	"daybook/sinks/publish"
	"daybook/sinks/tempfile"
	"daybook/transform/spill"
)

// File is a temporary file without a name: it is gone when it is closed or when
// the process ends. It is written and read like an [os.File]. Its errors name its
// directory, and say what to do if that is full or not writable.
type File struct {
	file *os.File
	dir  string
	size int64
	hash hash.Hash // of the content; nil for scratch files
}

// New makes an empty file, in the directory for temporary files, whose content is
// to be published: it is hashed while it is written.
func New() (*File, error) {
	f, err := NewScratch()
	if err == nil {
		f.hash = sha256.New()
	}
	return f, err
}

// NewScratch makes an empty file for data that is read back and dropped.
func NewScratch() (*File, error) {
	f := &File{dir: os.TempDir()}
	file, err := tempfile.New(f.dir)
	if err != nil {
		return nil, f.explain("make", err)
	}
	f.file = file
	return f, nil
}

// NewSpill makes the scratch space of package spill on files of this kind.
func NewSpill() *spill.Scratch {
	return spill.NewScratch(func() (spill.File, error) { return NewScratch() })
}

// Write implements io.Writer.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	f.size += int64(n)
	if f.hash != nil {
		f.hash.Write(p[:n])
	}
	return n, f.explain("write", err)
}

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, offset int64) (int, error) { return f.file.ReadAt(p, offset) }

// Close removes the file.
func (f *File) Close() error { return f.file.Close() }

// Size is the number of bytes written so far.
func (f *File) Size() int64 { return f.size }

// SHA256 is the hash of the content in hex digits; the file was made by New.
func (f *File) SHA256() string { return hex.EncodeToString(f.hash.Sum(nil)) }

// Part is the content as a file of a partition that is about to be published;
// the file was made by New. name and ext are those of its key.
func (f *File) Part(name, ext string, rows int64) publish.File {
	return publish.File{Name: name, Ext: ext, Body: f, Part: publish.Part{Rows: rows, Bytes: f.size, SHA256: f.SHA256()}}
}

// explain says where an operation failed and what to do. The file has no name that
// would help.
func (f *File) explain(operation string, err error) error {
	if err == nil {
		return nil
	}
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%s a temporary file: the directory %s is full (%w): set TMPDIR to one with more room, or raise the memory budget", operation, f.dir, err)
	}
	explained := fmt.Errorf("%s a temporary file in %s: %w", operation, f.dir, err)
	for _, unusable := range []error{os.ErrNotExist, os.ErrPermission, syscall.ENOTDIR, syscall.EROFS} {
		if errors.Is(err, unusable) {
			return fmt.Errorf("%w; set TMPDIR to a directory that can be written", explained)
		}
	}
	return explained
}
