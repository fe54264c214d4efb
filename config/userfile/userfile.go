// Package userfile opens what a user names: a file, a pipe, or standard input. A pipe
// may wait for its other end for ever, when it is opened and whenever it is read. Here
// the wait ends with a context.
//
// A wait that ends so leaves a goroutine behind, and the descriptor that it waits for.
// A program that is about to end can afford that.
package userfile

import (
	"context"
	"io"
	"os"
	"sync"
)

// Open opens a file or a pipe to read it. The error of a pipe is that of its first read.
func Open(ctx context.Context, path string) (io.ReadCloser, error) {
	if isRegular(path) {
		return os.Open(path)
	}
	return &waiting{ctx: ctx, open: func() (io.ReadCloser, error) { return os.Open(path) }}, nil
}

// isRegular reports whether nothing of a path can wait. That holds for one that does not
// exist, too.
func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err != nil || info.Mode().IsRegular() || info.IsDir()
}

// Reader reads from, such as standard input, until the context ends. It reads nothing
// before its own first Read.
func Reader(ctx context.Context, from io.Reader) io.Reader {
	return &waiting{ctx: ctx, open: func() (io.ReadCloser, error) { return io.NopCloser(from), nil }}
}

// ReadFile reads a whole file or pipe.
func ReadFile(ctx context.Context, path string) ([]byte, error) {
	if isRegular(path) {
		return os.ReadFile(path)
	}
	f, err := Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// Create opens a file or a pipe to write it; a file is made, or emptied.
func Create(ctx context.Context, path string) (*os.File, error) {
	if isRegular(path) {
		return os.Create(path)
	}
	type opened struct {
		f   *os.File
		err error
	}
	done := make(chan opened, 1)
	go func() {
		f, err := os.Create(path)
		done <- opened{f, err}
	}()
	select {
	case o := <-done:
		return o.f, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// waiting is opened and read by a goroutine of its own. It begins at the first Read.
type waiting struct {
	ctx  context.Context
	open func() (io.ReadCloser, error)

	once   sync.Once
	pipe   *io.PipeReader
	forget func() bool // ends the wait for the context
}

func (w *waiting) Read(p []byte) (int, error) {
	w.once.Do(w.start)
	return w.pipe.Read(p)
}

func (w *waiting) start() {
	var to *io.PipeWriter
	w.pipe, to = io.Pipe()
	w.forget = context.AfterFunc(w.ctx, func() { to.CloseWithError(w.ctx.Err()) })
	go func() {
		from, err := w.open()
		if err == nil {
			_, err = io.Copy(to, from)
			from.Close()
		}
		to.CloseWithError(err)
	}()
}

// Close ends the reading. Bytes that were read ahead are lost.
func (w *waiting) Close() error {
	w.once.Do(func() { w.pipe, _ = io.Pipe() })
	if w.forget != nil {
		w.forget()
	}
	return w.pipe.Close()
}
