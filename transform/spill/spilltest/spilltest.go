// Package spilltest provides files in memory for tests of code that spills.
package spilltest

import (
	"bytes"
	"errors"
	"sync"
)

// ErrFull is the error of a write to a full file.
var ErrFull = errors.New("full")

// Files creates files and lists them. It is safe for concurrent use.
type Files struct {
	Most int // capacity of each file in bytes; 0: no bound
	Made []*File

	mu sync.Mutex
}

// Make creates an empty file.
func (fs *Files) Make() *File {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := &File{most: fs.Most}
	fs.Made = append(fs.Made, f)
	return f
}

// File is a spill.File that records whether it was closed.
type File struct {
	Bytes  []byte
	Closed bool

	most int
}

func (f *File) Write(p []byte) (int, error) {
	if f.most > 0 && len(f.Bytes)+len(p) > f.most {
		return 0, ErrFull
	}
	f.Bytes = append(f.Bytes, p...)
	return len(p), nil
}

func (f *File) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(f.Bytes).ReadAt(p, off)
}

// Close records the call.
func (f *File) Close() error { f.Closed = true; return nil }
