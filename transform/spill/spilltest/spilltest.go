// Package spilltest has files in memory for what tests spill.
package spilltest

import (
	"bytes"
	"errors"
	"sync"
)

// ErrFull is what a file answers that has no more room.
var ErrFull = errors.New("full")

// Files makes files, and remembers them. Any number of goroutines may ask it.
type Files struct {
	Most int // bytes that each has room for; 0: there is no end
	Made []*File

	mu sync.Mutex
}

// Make makes an empty file.
func (fs *Files) Make() *File {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := &File{most: fs.Most}
	fs.Made = append(fs.Made, f)
	return f
}

// File is a spill.File that says whether it was closed.
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

// Close notes that it was called.
func (f *File) Close() error { f.Closed = true; return nil }
