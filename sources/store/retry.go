package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"time"
)

// RetryPolicy limits the attempts of a call. The zero value suits object
// storage: 8 attempts within about a minute.
type RetryPolicy struct {
	Attempts int           // in a row without progress; 0 means 8
	Base     time.Duration // the first wait at most; 0 means 250 ms
	Max      time.Duration // each wait at most; 0 means 20 s

	Rand   func() float64                                   // in [0, 1); nil means math/rand
	Sleep  func(ctx context.Context, d time.Duration) error // nil means a timer
	Notify func(err error, attempt int, wait time.Duration) // called before each wait; may be nil
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	if p.Attempts == 0 {
		p.Attempts = 8
	}
	if p.Base == 0 {
		p.Base = 250 * time.Millisecond
	}
	if p.Max == 0 {
		p.Max = 20 * time.Second
	}
	if p.Rand == nil {
		p.Rand = rand.Float64
	}
	if p.Sleep == nil {
		p.Sleep = sleep
	}
	if p.Notify == nil {
		p.Notify = func(error, int, time.Duration) {}
	}
	return p
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// WithRetry returns s with retries: exponential backoff with full jitter (each
// wait is random between zero and the backoff, so that clients spread out).
//
//   - Open, Delete and an unconditional Put are repeated: they are idempotent.
//   - A listing continues after the last key that it yielded.
//   - A body that breaks off continues at its offset in the same version
//     (ETag); a reader sees one version or ErrChanged. Its length is checked. A
//     body of UnknownSize does not continue: its offset may be of another packing.
//   - A conditional Put is repeated only if the error proves that it was not
//     applied. After a lost answer the put may have been applied, and a repeat
//     would fail because of the writer's own object. The caller then reads the
//     object to find out.
//
// A call is not repeated if it would fail again (see Error.Final), nor after
// the caller's context is done.
func WithRetry(s Store, p RetryPolicy) Store {
	return &retryStore{Store: s, policy: p.withDefaults()}
}

type retryStore struct {
	Store
	policy RetryPolicy
}

// attempts counts the failures of one call in a row.
type attempts struct {
	policy *RetryPolicy
	failed int
}

// again waits before the next attempt and returns nil, or returns the final
// error. may is a further condition for a retry.
func (a *attempts) again(ctx context.Context, err error, may bool) error {
	a.failed++
	if !may || !retryable(ctx, err) {
		return err
	}
	if a.failed >= a.policy.Attempts {
		var e *Error
		if errors.As(err, &e) {
			last := *e
			last.Attempts = a.failed
			return &last
		}
		return fmt.Errorf("%w (gave up after %d attempts)", err, a.failed)
	}
	backoff := a.policy.Max
	if shift := a.failed - 1; shift < 30 {
		backoff = min(backoff, a.policy.Base<<shift)
	}
	wait := time.Duration(a.policy.Rand() * float64(backoff))
	a.policy.Notify(err, a.failed, wait)
	if a.policy.Sleep(ctx, wait) != nil {
		return err // the failure says more than the cancelled wait
	}
	return nil
}

func (s *retryStore) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		a := attempts{policy: &s.policy}
		var last string // the last key yielded; keys are never empty
		for {
			var failure error
			for o, err := range s.Store.List(ctx, prefix) {
				if err != nil {
					failure = err
					break
				}
				if last != "" && o.Key <= last {
					continue
				}
				if !yield(o, nil) {
					return
				}
				last, a.failed = o.Key, 0
			}
			if failure == nil {
				return
			}
			if err := a.again(ctx, failure, true); err != nil {
				yield(Object{}, err)
				return
			}
		}
	}
}

func (s *retryStore) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, Object, error) {
	a := attempts{policy: &s.policy}
	for {
		rc, o, err := s.open(ctx, key, offset, length, ifMatch)
		if err == nil {
			if o.Size == UnknownSize { // the protocol alone tells its end
				return rc, o, nil
			}
			return &retryReader{s: s, ctx: ctx, rc: rc, object: o, offset: offset, end: endOf(o, offset, length), attempts: attempts{policy: &s.policy}}, o, nil
		}
		if err := a.again(ctx, err, true); err != nil {
			return nil, Object{}, err
		}
	}
}

// open opens the version with the ETag ifMatch even if s.Store ignores ifMatch.
func (s *retryStore) open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, Object, error) {
	rc, o, err := s.Store.Open(ctx, key, offset, length, ifMatch)
	if err != nil {
		return nil, Object{}, err
	}
	if err := checkVersion(s, "open", key, ifMatch, o.ETag); err != nil {
		rc.Close()
		return nil, Object{}, err
	}
	return rc, o, nil
}

// retryReader reads one version of an object and reopens it where it broke off.
type retryReader struct {
	s        *retryStore
	ctx      context.Context
	rc       io.ReadCloser // nil after a break
	object   Object
	offset   int64 // of the next byte
	end      int64 // offset after the last byte to read
	attempts attempts
	err      error // sticky
}

func (r *retryReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.err == nil {
		if r.rc == nil {
			r.reopen()
			continue
		}
		n, err := r.rc.Read(p)
		r.offset += int64(n)
		if n > 0 {
			r.attempts.failed = 0
		}
		if err != nil {
			r.ended(err)
		} else if r.offset > r.end {
			r.tooLong()
		}
		if n > 0 {
			return n, nil // the next Read returns the error
		}
	}
	return 0, r.err
}

// ended decides whether a body is complete, is read again, or failed.
func (r *retryReader) ended(err error) {
	switch {
	case r.offset > r.end:
		r.tooLong()
		return
	case r.offset == r.end && (err == io.EOF || retryable(r.ctx, err)):
		r.err = io.EOF // everything was read: a broken connection does not matter now
		return
	case err == io.EOF:
		err = &Error{Op: "read", URL: r.s.URL(r.object.Key), Err: fmt.Errorf("the body ended after %d of %d bytes", r.offset, r.end)}
	}
	r.rc.Close()
	r.rc = nil
	// Without an ETag, the rest may belong to another version.
	r.err = r.attempts.again(r.ctx, err, r.object.ETag != "")
}

func (r *retryReader) tooLong() {
	r.err = &Error{Op: "read", URL: r.s.URL(r.object.Key), Kind: ErrChanged, Err: fmt.Errorf("the body continues after byte %d, where it should end", r.end)}
}

func (r *retryReader) reopen() {
	rc, o, err := r.s.open(r.ctx, r.object.Key, r.offset, r.end-r.offset, r.object.ETag)
	switch {
	case err != nil:
		r.err = r.attempts.again(r.ctx, err, true)
	case o.Size != r.object.Size:
		rc.Close()
		r.err = &Error{Op: "read", URL: r.s.URL(r.object.Key), Kind: ErrChanged, Err: fmt.Errorf("it had %d bytes and now has %d, under the same ETag", r.object.Size, o.Size)}
	default:
		r.rc = rc
	}
}

func (r *retryReader) Close() error {
	if r.err == nil {
		r.err = errors.New("read after close")
	}
	if r.rc == nil {
		return nil
	}
	rc := r.rc
	r.rc = nil
	return rc.Close()
}

func (s *retryStore) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond Condition) (Object, error) {
	a := attempts{policy: &s.policy}
	for {
		o, err := s.Store.Put(ctx, key, body, size, cond)
		if err == nil {
			return o, nil
		}
		if err := a.again(ctx, err, !cond.Conditional() || notApplied(err)); err != nil {
			return Object{}, err
		}
	}
}

func (s *retryStore) Delete(ctx context.Context, key string) error {
	a := attempts{policy: &s.policy}
	for {
		err := s.Store.Delete(ctx, key)
		if err == nil {
			return nil
		}
		if err := a.again(ctx, err, true); err != nil {
			return err
		}
	}
}
