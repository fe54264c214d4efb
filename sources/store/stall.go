package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

// DefaultStallTimeout is how long a call may take without transferring a byte.
// Stores and load balancers answer within seconds, or not at all.
const DefaultStallTimeout = time.Minute

// WithStallTimeout returns s with a limit on the time without progress: a call
// that makes none for timeout is cancelled and fails with ErrStalled. The whole
// call may take longer. Progress is
//
//   - for a read: bytes returned by Read; the time between two Reads does not
//     count;
//   - for a put: the store reads more of the body, or answers;
//   - for open and delete: the answer; for a listing: the next object.
//
// s must honour its context in every call and in the readers that Open returns.
func WithStallTimeout(s Store, timeout time.Duration) Store {
	return &stallStore{Store: s, timeout: timeout}
}

type stallStore struct {
	Store
	timeout time.Duration
}

var errStalled = errors.New("stalled")

// A watchdog cancels its context unless touch is called within the timeout.
type watchdog struct {
	context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	timeout time.Duration
}

func (s *stallStore) watch(ctx context.Context) *watchdog {
	w := &watchdog{timeout: s.timeout}
	w.Context, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(s.timeout, func() { w.cancel(errStalled) })
	return w
}

func (w *watchdog) touch() { w.timer.Reset(w.timeout) }
func (w *watchdog) pause() { w.timer.Stop() }

// stop ends the watch and cancels the context.
func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// explain returns ErrStalled for the error of a call that the watchdog
// cancelled, and any other error unchanged.
func (s *stallStore) explain(w *watchdog, op, key string, err error) error {
	if err == nil || err == io.EOF || context.Cause(w) != errStalled {
		return err
	}
	return &Error{Op: op, URL: s.URL(key), Kind: ErrStalled, Err: fmt.Errorf("no byte was transferred for %v", s.timeout), Hint: "check the network and the load of the store"}
}

func (s *stallStore) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		w := s.watch(ctx)
		defer w.stop()
		for o, err := range s.Store.List(w, prefix) {
			w.pause()
			if !yield(o, s.explain(w, "list", prefix, err)) || err != nil {
				return
			}
			w.touch()
		}
		// Some clients end a listing without an error when its context
		// is done.
		if context.Cause(w) == errStalled {
			yield(Object{}, s.explain(w, "list", prefix, errStalled))
		}
	}
}

func (s *stallStore) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, Object, error) {
	w := s.watch(ctx)
	rc, o, err := s.Store.Open(w, key, offset, length, ifMatch)
	w.pause()
	if err != nil {
		err = s.explain(w, "open", key, err)
		w.stop()
		return nil, Object{}, err
	}
	return &stallReader{s: s, w: w, rc: rc, key: key}, o, nil
}

type stallReader struct {
	s   *stallStore
	w   *watchdog
	rc  io.ReadCloser
	key string
}

func (r *stallReader) Read(p []byte) (int, error) {
	r.w.touch()
	n, err := r.rc.Read(p)
	r.w.pause()
	if err == nil {
		return n, nil
	}
	return n, r.s.explain(r.w, "read", r.key, err)
}

func (r *stallReader) Close() error {
	r.w.stop()
	return r.rc.Close()
}

func (s *stallStore) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond Condition) (Object, error) {
	w := s.watch(ctx)
	defer w.stop()
	o, err := s.Store.Put(w, key, &touchingReaderAt{body, w}, size, cond)
	return o, s.explain(w, "put", key, err)
}

// touchingReaderAt counts each read of a body as progress: a client reads the
// next bytes when the connection has taken the last ones.
type touchingReaderAt struct {
	io.ReaderAt
	w *watchdog
}

func (r *touchingReaderAt) ReadAt(p []byte, off int64) (int, error) {
	r.w.touch()
	return r.ReaderAt.ReadAt(p, off)
}

func (s *stallStore) Delete(ctx context.Context, key string) error {
	w := s.watch(ctx)
	defer w.stop()
	return s.explain(w, "delete", key, s.Store.Delete(w, key))
}
