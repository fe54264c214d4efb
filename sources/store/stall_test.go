package store_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

// Calls that get no answer end after exactly the time-out.
func TestStalledCalls(t *testing.T) {
	for name := range calls(nil) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := faultstest.New(store.NewMemory(nil), func(c faultstest.Call) faultstest.Outcome {
					if c.Op == faultstest.Open {
						return faultstest.Outcome{Delay: time.Hour}
					}
					return faultstest.Outcome{Fault: faultstest.Stall}
				})
				start := time.Now()
				err := calls(store.WithStallTimeout(s, time.Minute))[name](t.Context())
				if !errors.Is(err, store.ErrStalled) || errors.Is(err, context.Canceled) {
					t.Errorf("error %v; want %v alone", err, store.ErrStalled)
				}
				if d := time.Since(start); d != time.Minute {
					t.Errorf("it took %v; want the time-out", d)
				}
			})
		})
	}
}

// The caller's own cancellation is no stall.
func TestCancelledIsNotStalled(t *testing.T) {
	for name := range calls(nil) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := faultstest.New(store.NewMemory(nil), func(faultstest.Call) faultstest.Outcome { return faultstest.Outcome{Delay: time.Hour} })
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := calls(store.WithStallTimeout(s, time.Minute))[name](ctx)
				if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, store.ErrStalled) {
					t.Errorf("error %v; want the context's", err)
				}
			})
		})
	}
}

// A body that stops is cancelled, and read on by a retry.
func TestStalledBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := store.NewMemory(nil)
		put(t, inner, "k", "0123456789")
		s := faultstest.New(inner, func(faultstest.Call) faultstest.Outcome { return faultstest.Outcome{Fault: faultstest.Stall, At: 4} })
		watched := store.WithStallTimeout(s, time.Minute)

		start := time.Now()
		got, err := readAll(t, watched, "k", 0, "")
		if got != "0123" || !errors.Is(err, store.ErrStalled) || time.Since(start) != time.Minute {
			t.Errorf("read %q, error %v, after %v; want 0123, %v, after the time-out", got, err, time.Since(start), store.ErrStalled)
		}
		got, err = readAll(t, store.WithRetry(watched, noWait(2, nil)), "k", 0, "")
		if got != "0123456789" || err != nil {
			t.Errorf("with retries, read %q, error %v", got, err)
		}
	})
}

func TestStalledList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := store.NewMemory(nil)
		for _, key := range []string{"a", "b", "c"} {
			put(t, inner, key, "v")
		}
		s := faultstest.New(inner, func(faultstest.Call) faultstest.Outcome { return faultstest.Outcome{Fault: faultstest.Stall, At: 2} })
		var keys []string
		var last error
		for o, err := range store.WithStallTimeout(s, time.Minute).List(t.Context(), "") {
			if last = err; err == nil {
				keys = append(keys, o.Key)
				time.Sleep(time.Hour) // the caller's own time does not count
			}
		}
		if strings.Join(keys, "") != "ab" || !errors.Is(last, store.ErrStalled) {
			t.Errorf("listed %q, error %v; want a and b, %v", keys, last, store.ErrStalled)
		}
	})
}

// slowStore moves one byte in 59 seconds, in both directions.
type slowStore struct{ store.Store }

const slow = 59 * time.Second

func (s slowStore) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	rc, o, err := s.Store.Open(ctx, key, offset, length, ifMatch)
	return slowReader{rc}, o, err
}

type slowReader struct{ io.ReadCloser }

func (r slowReader) Read(p []byte) (int, error) {
	time.Sleep(slow)
	return r.ReadCloser.Read(p[:1])
}

func (s slowStore) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	for off := range size {
		if err := ctx.Err(); err != nil {
			return store.Object{}, err
		}
		if _, err := body.ReadAt(make([]byte, 1), off); err != nil {
			return store.Object{}, err
		}
		time.Sleep(slow)
	}
	return s.Store.Put(ctx, key, body, size, cond)
}

// Slow is not stalled, however long it takes in all; nor is a slow caller.
func TestSlowIsNotStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.WithStallTimeout(slowStore{store.NewMemory(nil)}, time.Minute)
		put(t, s, "k", "0123456789")
		rc, _, err := s.Open(t.Context(), "k", 0, store.ToEnd, "")
		if err != nil {
			t.Fatal(err)
		}
		defer rc.Close()
		var got []byte
		for buf := make([]byte, 8); err == nil; time.Sleep(time.Hour) {
			var n int
			n, err = rc.Read(buf)
			got = append(got, buf[:n]...)
		}
		if string(got) != "0123456789" || err != io.EOF {
			t.Errorf("read %q, error %v", got, err)
		}
	})
}
