package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

// DefaultStallTimeout is how long a call may go without a byte. Stores and
// load balancers answer within seconds, or not at all.
const DefaultStallTimeout = time.Minute

// WithStallTimeout is s, but a call that makes no progress for the time-out
// is cancelled and fails with ErrStalled. It is no limit on the whole: a slow
// body takes as long as it takes, while bytes keep moving. What counts is
//
//   - reading: a Read that returns nothing, not the time between Reads;
//   - putting: the store takes no more of the body, or does not answer;
//   - opening, deleting: the answer; listing: the next object.
//
// s must honour its context in every call, and in the readers that Open returns.
func WithStallTimeout(s Store, timeout time.Duration) Store {
	return &stallStore{Store: s, timeout: timeout}
}

type stallStore struct {
	Store
	timeout time.Duration
}

var errStalled = errors.New("stalled")

// A watchdog cancels its context when it is not touched for the time-out.
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

// stop ends the watch, and the context with it.
func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// explain turns the error of a call that the watchdog cancelled into ErrStalled.
func (s *stallStore) explain(w *watchdog, op, key string, err error) error {
	if err == nil || err == io.EOF || context.Cause(w) != errStalled {
		return err
	}
	return &Error{Op: op, URL: s.URL(key), Kind: ErrStalled, Err: fmt.Errorf("no byte moved for %v", s.timeout), Hint: "check the network and the load of the store"}
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
		// Some clients end a listing silently when its context is done.
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

// touchingReaderAt takes each read of a body for progress: a client reads the
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
