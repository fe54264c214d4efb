package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

// noWait is a policy whose waits are recorded instead of waited for.
func noWait(attempts int, waits *[]time.Duration) store.RetryPolicy {
	return store.RetryPolicy{
		Attempts: attempts,
		Rand:     func() float64 { return 1 },
		Sleep: func(ctx context.Context, d time.Duration) error {
			if waits != nil {
				*waits = append(*waits, d)
			}
			return ctx.Err()
		},
	}
}

func put(t testing.TB, s store.Store, key, text string) store.Object {
	t.Helper()
	o, err := s.Put(t.Context(), key, strings.NewReader(text), int64(len(text)), store.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func readAll(t testing.TB, s store.Store, key string, offset int64, etag string) (string, error) {
	t.Helper()
	return readRange(t, s, key, offset, store.ToEnd, etag)
}

func readRange(t testing.TB, s store.Store, key string, offset, length int64, etag string) (string, error) {
	t.Helper()
	rc, _, err := s.Open(t.Context(), key, offset, length, etag)
	if err != nil {
		return "", err
	}
	defer rc.Close()
	data, err := io.ReadAll(rc)
	return string(data), err
}

// calls makes one call of each kind.
func calls(s store.Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"List": func(ctx context.Context) error {
			for _, err := range s.List(ctx, "") {
				return err
			}
			return nil
		},
		"Open": func(ctx context.Context) error {
			rc, _, err := s.Open(ctx, "k", 0, store.ToEnd, "")
			if err == nil {
				err = rc.Close()
			}
			return err
		},
		"Put": func(ctx context.Context) error {
			_, err := s.Put(ctx, "k", strings.NewReader("v"), 1, store.Condition{})
			return err
		},
		"Delete": func(ctx context.Context) error { return s.Delete(ctx, "k") },
	}
}

func TestRetryBackoff(t *testing.T) {
	for name := range calls(nil) {
		t.Run(name, func(t *testing.T) {
			inner := store.NewMemory(nil)
			put(t, inner, "k", "v")
			down := faultstest.New(inner, func(faultstest.Call) faultstest.Outcome { return faultstest.Outcome{Fault: faultstest.Drop} })
			var waits []time.Duration
			err := calls(store.WithRetry(down, noWait(9, &waits)))[name](t.Context())
			if !errors.Is(err, faultstest.ErrInjected) || !strings.HasSuffix(err.Error(), "injected fault (gave up after 9 attempts)") {
				t.Errorf("error %v", err)
			}
			ms := time.Millisecond
			want := []time.Duration{250 * ms, 500 * ms, 1000 * ms, 2000 * ms, 4000 * ms, 8000 * ms, 16000 * ms, 20000 * ms}
			if !slices.Equal(waits, want) {
				t.Errorf("waits %v; want %v", waits, want)
			}
			if down.Calls() != 9 {
				t.Errorf("%d calls; want 9", down.Calls())
			}

			recovers := faultstest.New(inner, func(c faultstest.Call) faultstest.Outcome {
				if c.N < 9 {
					return faultstest.Outcome{Fault: faultstest.Drop}
				}
				return faultstest.Outcome{}
			})
			if err := calls(store.WithRetry(recovers, noWait(9, nil)))[name](t.Context()); err != nil {
				t.Errorf("the ninth attempt is good, but %v", err)
			}
		})
	}
}

func TestRetryNotForFinalErrors(t *testing.T) {
	final := []error{
		&store.Error{Err: errors.New("bad request"), Final: true},
	}
	for _, kind := range []error{store.ErrNotFound, store.ErrNoBucket, store.ErrPrecondition, store.ErrChanged, store.ErrDenied, store.ErrNoSpace} {
		final = append(final, &store.Error{Kind: kind})
	}
	for _, failure := range final {
		for name := range calls(nil) {
			s := faultstest.New(store.NewMemory(nil), func(faultstest.Call) faultstest.Outcome {
				return faultstest.Outcome{Fault: faultstest.Drop, Err: failure}
			})
			err := calls(store.WithRetry(s, noWait(5, nil)))[name](t.Context())
			if err != failure || s.Calls() != 1 {
				t.Errorf("%s, %v: %d calls, error %v; want one call, and its error as it is", name, failure, s.Calls(), err)
			}
		}
	}
}

func TestRetryEndsWithTheCaller(t *testing.T) {
	for name := range calls(nil) {
		ctx, cancel := context.WithCancel(t.Context())
		s := faultstest.New(store.NewMemory(nil), func(faultstest.Call) faultstest.Outcome {
			cancel()
			return faultstest.Outcome{Fault: faultstest.Drop}
		})
		if err := calls(store.WithRetry(s, noWait(5, nil)))[name](ctx); !errors.Is(err, faultstest.ErrInjected) || s.Calls() != 1 {
			t.Errorf("%s: %d calls, error %v; want one call", name, s.Calls(), err)
		}
	}
}

// A put whose answer is lost must not be repeated if it is conditional, as
// its repeat would fail on the writer's own object.
func TestRetryConditionalPut(t *testing.T) {
	unknown := error(nil) // what faults makes up
	refused := &store.Error{Op: "put", URL: "mem://k", Err: errors.New("slow down"), NotApplied: true}
	for _, tt := range []struct {
		name    string
		fault   faultstest.Fault
		failure error
		want    error
		calls   int
		stored  bool
	}{
		{"dropped", faultstest.Drop, unknown, faultstest.ErrInjected, 1, false},
		{"answer lost", faultstest.LoseAnswer, unknown, faultstest.ErrInjected, 1, true},
		{"provably not applied", faultstest.Drop, refused, nil, 2, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inner := store.NewMemory(nil)
			s := faultstest.New(inner, func(c faultstest.Call) faultstest.Outcome {
				if c.N == 1 {
					return faultstest.Outcome{Fault: tt.fault, Err: tt.failure}
				}
				return faultstest.Outcome{}
			})
			_, err := store.WithRetry(s, noWait(5, nil)).Put(t.Context(), "k", strings.NewReader("v"), 1, store.Condition{IfAbsent: true})
			if !errors.Is(err, tt.want) || s.Calls() != tt.calls {
				t.Errorf("%d calls, error %v; want %d, %v", s.Calls(), err, tt.calls, tt.want)
			}
			if _, err := readAll(t, inner, "k", 0, ""); (err == nil) != tt.stored {
				t.Errorf("stored: %v; want %v", err == nil, tt.stored)
			}
		})
	}
}

// A body is cut after every n bytes, by an error or by an early end; what is
// read is the object, and each resumption begins at the next byte.
func TestRetryResumesBody(t *testing.T) {
	const text = "the quick brown fox jumps over the lazy dog"
	for _, failure := range []error{nil, io.EOF, io.ErrUnexpectedEOF} {
		for n := int64(1); n <= int64(len(text))+1; n++ {
			for start := int64(0); start <= int64(len(text)); start += 7 {
				for _, length := range []int64{store.ToEnd, 5, 20, 1000} {
					inner := store.NewMemory(nil)
					o := put(t, inner, "k", text)
					next := start
					s := faultstest.New(inner, func(c faultstest.Call) faultstest.Outcome {
						if c.Offset != next {
							t.Errorf("opened at %d; want %d", c.Offset, next)
						}
						next += n
						return faultstest.Outcome{Fault: faultstest.Cut, At: n, Err: failure}
					})
					got, err := readRange(t, store.WithRetry(s, noWait(2, nil)), "k", start, length, o.ETag)
					want := text[start:]
					if length >= 0 {
						want = want[:min(length, int64(len(want)))]
					}
					if err != nil || got != want {
						t.Fatalf("cut every %d bytes with %v, %d bytes from %d: %q, %v", n, failure, length, start, got, err)
					}
				}
			}
		}
	}
}

func TestRetryGivesUpOnBody(t *testing.T) {
	inner := store.NewMemory(nil)
	put(t, inner, "k", "0123456789")
	s := faultstest.New(inner, func(c faultstest.Call) faultstest.Outcome {
		return faultstest.Outcome{Fault: faultstest.Cut, At: max(0, 4-c.Offset), Err: io.EOF}
	})
	got, err := readAll(t, store.WithRetry(s, noWait(3, nil)), "k", 0, "")
	const want = "read mem://k: the body ended after 4 of 10 bytes (gave up after 3 attempts)"
	if got != "0123" || err == nil || err.Error() != want {
		t.Errorf("read %q, error %v; want 0123, %s", got, err, want)
	}
}

func TestRetryDoesNotMixVersions(t *testing.T) {
	for name, change := range map[string]func(store.Store) error{
		"replaced": func(s store.Store) error {
			_, err := s.Put(context.Background(), "k", strings.NewReader("ABCDEFGHIJ"), 10, store.Condition{})
			return err
		},
		"deleted": func(s store.Store) error { return s.Delete(context.Background(), "k") },
	} {
		want := map[string]error{"replaced": store.ErrChanged, "deleted": store.ErrNotFound}[name]
		inner := store.NewMemory(nil)
		put(t, inner, "k", "abcdefghij")
		s := faultstest.New(inner, func(c faultstest.Call) faultstest.Outcome {
			if c.Offset > 0 {
				if err := change(inner); err != nil {
					t.Error(err)
				}
			}
			return faultstest.Outcome{Fault: faultstest.Cut, At: 4}
		})
		// The caller does not pin the version; the reader does.
		got, err := readAll(t, store.WithRetry(s, noWait(5, nil)), "k", 0, "")
		if got != "abcd" || !errors.Is(err, want) {
			t.Errorf("%s: read %q, error %v; want abcd, %v", name, got, err, want)
		}
	}
}

// lyingStore ignores If-Match and offsets' versions, as no store should.
type lyingStore struct{ store.Store }

func (s lyingStore) Open(ctx context.Context, key string, offset, length int64, _ string) (io.ReadCloser, store.Object, error) {
	return s.Store.Open(ctx, key, offset, length, "")
}

func TestRetryDistrustsIfMatch(t *testing.T) {
	inner := store.NewMemory(nil)
	put(t, inner, "k", "abcdefghij")
	s := faultstest.New(lyingStore{inner}, func(c faultstest.Call) faultstest.Outcome {
		if c.N == 2 {
			put(t, inner, "k", "ABCDEFGHIJ")
		}
		return faultstest.Outcome{Fault: faultstest.Cut, At: 4}
	})
	if got, err := readAll(t, store.WithRetry(s, noWait(5, nil)), "k", 0, ""); got != "abcd" || !errors.Is(err, store.ErrChanged) {
		t.Errorf("read %q, error %v; want abcd, %v", got, err, store.ErrChanged)
	}
}

func TestRetryResumesList(t *testing.T) {
	inner := store.NewMemory(nil)
	var keys []string
	for i := range 20 {
		keys = append(keys, fmt.Sprintf("k%02d", i))
		put(t, inner, keys[i], "v")
	}
	for n := int64(1); n <= 21; n++ {
		s := faultstest.New(inner, func(c faultstest.Call) faultstest.Outcome {
			// One more key every time.
			return faultstest.Outcome{Fault: faultstest.Cut, At: n * int64(c.N)}
		})
		var got []string
		for o, err := range store.WithRetry(s, noWait(2, nil)).List(t.Context(), "k") {
			if err != nil {
				t.Fatalf("cut after every %d: %v", n, err)
			}
			got = append(got, o.Key)
		}
		if !slices.Equal(got, keys) {
			t.Errorf("cut after every %d: %q", n, got)
		}
	}
}

// Reading through the wrappers must cost nothing for each Read.
func TestReadDoesNotAllocate(t *testing.T) {
	d := newDir(t)
	put(t, d, "k", strings.Repeat("x", 1<<20))
	s := store.WithRetry(store.WithStallTimeout(d, store.DefaultStallTimeout), store.RetryPolicy{})
	rc, _, err := s.Open(t.Context(), "k", 0, store.ToEnd, "")
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	buf := make([]byte, 1024)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := rc.Read(buf); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a Read; want none", n)
	}
}

func BenchmarkReadDir(b *testing.B) {
	d := newDir(b)
	const size = 500 << 20
	if _, err := d.Put(b.Context(), "k", zeros{}, size, store.Condition{}); err != nil {
		b.Fatal(err)
	}
	for name, s := range map[string]store.Store{
		"raw":     d,
		"wrapped": store.WithRetry(store.WithStallTimeout(d, store.DefaultStallTimeout), store.RetryPolicy{}),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			buf := make([]byte, 64<<10)
			for b.Loop() {
				rc, _, err := s.Open(b.Context(), "k", 0, store.ToEnd, "")
				if err != nil {
					b.Fatal(err)
				}
				for err == nil {
					_, err = rc.Read(buf)
				}
				if err != io.EOF {
					b.Fatal(err)
				}
				rc.Close()
			}
		})
	}
}

type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }
