package parallel_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"daybook/pipeline/parallel"
)

var errFailed = errors.New("failed")

// Every function that starts goroutines returns a panic in them as an error, and an
// error as it is.
func TestPanics(t *testing.T) {
	run := map[string]func(f func() error) error{
		"Catch": func(f func() error) (err error) {
			bug := parallel.Catch(func() { err = f() })
			return errors.Join(bug, err)
		},
		"Guard": func(f func() error) error { return parallel.Guard(f)() },
		"Each": func(f func() error) error {
			return parallel.Each(t.Context(), 4, 2, func(context.Context, int) error { return f() })
		},
		"Workers": func(f func() error) error {
			return parallel.Workers(t.Context(), 2, func(context.Context) error { return f() })
		},
		"Share": func(f func() error) error {
			return parallel.Share(t.Context(), 2, 4, func(_ context.Context, next func() (int, bool)) error {
				for _, ok := next(); ok; _, ok = next() {
					if err := f(); err != nil {
						return err
					}
				}
				return nil
			})
		},
		"Pair, first":  func(f func() error) error { return parallel.Pair(parallel.Budget{}, f, func() error { return nil }) },
		"Pair, second": func(f func() error) error { return parallel.Pair(parallel.Budget{}, func() error { return nil }, f) },
		"Ahead": func(f func() error) error {
			for _, err := range parallel.Ahead(func(yield func(int, error) bool) {
				if err := f(); err != nil {
					yield(0, err)
				}
			}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	for name, do := range run {
		if err := do(func() error { return nil }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := do(func() error { return errFailed }); !errors.Is(err, errFailed) {
			t.Errorf("%s: %v, want %v", name, err, errFailed)
		}
		err := do(func() error { panic("fell over") })
		var bug *parallel.Bug
		if !errors.As(err, &bug) || !strings.HasPrefix(bug.Error(), "fell over; this is a bug of daybook") || !strings.Contains(bug.Calls[0], "parallel_test.go") {
			t.Errorf("%s: %v, want a bug in this file", name, err)
		}
	}
}

// Each calls the function once for every index, within the limit; with a limit of one,
// in order, until the first error.
func TestEach(t *testing.T) {
	for _, limit := range []int{1, 3, 100} {
		var calls [20]atomic.Int64
		var running, most atomic.Int64
		err := parallel.Each(t.Context(), len(calls), limit, func(_ context.Context, i int) error {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer running.Add(-1)
			calls[i].Add(1)
			return nil
		})
		if err != nil || most.Load() > int64(limit) {
			t.Errorf("limit %d: %d at a time, %v", limit, most.Load(), err)
		}
		for i := range calls {
			if n := calls[i].Load(); n != 1 {
				t.Errorf("limit %d: %d calls for %d", limit, n, i)
			}
		}
	}
	var order []int
	err := parallel.Each(t.Context(), 5, 1, func(_ context.Context, i int) error {
		order = append(order, i)
		if i == 2 {
			return errFailed
		}
		return nil
	})
	if !errors.Is(err, errFailed) || !slices.Equal(order, []int{0, 1, 2}) {
		t.Errorf("%v, %v", order, err)
	}
}

// If a worker fails, the context of the others ends. A worker that returns then without
// an error has failed, too.
func TestWorkers(t *testing.T) {
	var begun atomic.Int64
	err := parallel.Workers(t.Context(), 3, func(ctx context.Context) error {
		if begun.Add(1) == 3 {
			return errFailed
		}
		<-ctx.Done()
		return nil
	})
	if !errors.Is(err, errFailed) {
		t.Errorf("%v, want %v", err, errFailed)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := parallel.Workers(ctx, 2, func(context.Context) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v after the context ended", err)
	}
}

// Share hands out each number once, and none after the context has ended.
func TestShare(t *testing.T) {
	var taken [50]atomic.Int64
	err := parallel.Share(t.Context(), 4, len(taken), func(_ context.Context, next func() (int, bool)) error {
		for i, ok := next(); ok; i, ok = next() {
			taken[i].Add(1)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range taken {
		if n := taken[i].Load(); n != 1 {
			t.Errorf("%d was handed out %d times", i, n)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err = parallel.Share(ctx, 1, 10, func(_ context.Context, next func() (int, bool)) error {
		for _, ok := next(); ok; _, ok = next() {
			if n++; n == 3 {
				cancel()
			}
		}
		return nil
	})
	if n != 3 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d numbers, and then %v", n, err)
	}
}

// A serial pair stops after the first failure; the first error counts in any case.
func TestPair(t *testing.T) {
	second := errors.New("second")
	for _, serial := range []bool{true, false} {
		err := parallel.Pair(parallel.Budget{Serial: serial}, func() error { return errFailed }, func() error { return second })
		if !errors.Is(err, errFailed) {
			t.Errorf("serial %t: %v, want %v", serial, err, errFailed)
		}
	}
	meeting := make(chan struct{})
	err := parallel.Pair(parallel.Budget{}, func() error { meeting <- struct{}{}; return nil }, func() error { <-meeting; return nil })
	if err != nil {
		t.Error(err)
	}
}

// batches yields batches of numbers, each in the memory of the one before, and then an
// error or a panic.
func batches(err error, panics any, all ...[]int64) iter.Seq2[[]int64, error] {
	return func(yield func([]int64, error) bool) {
		var batch []int64
		for _, some := range all {
			batch = append(batch[:0], some...)
			if !yield(batch, nil) {
				return
			}
		}
		if panics != nil {
			panic(panics)
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// AheadBatches yields what it is given, with the error or panic at the end. When its
// caller stops, its goroutine ends.
func TestAheadBatches(t *testing.T) {
	numbers := [][]int64{{1, 2}, {3}, {}, {4, 5, 6}, {7}}
	for _, c := range []struct {
		name    string
		batches iter.Seq2[[]int64, error]
		takes   int // batches, and then it stops
		want    []int64
		err     string
	}{
		{"all", batches(nil, nil, numbers...), 10, []int64{1, 2, 3, 4, 5, 6, 7}, ""},
		{"none", batches(nil, nil), 10, nil, ""},
		{"some", batches(nil, nil, numbers...), 2, []int64{1, 2, 3}, ""},
		{"an error", batches(errFailed, nil, numbers...), 10, []int64{1, 2, 3, 4, 5, 6, 7}, "failed"},
		{"a panic", batches(nil, "fell over", numbers...), 10, []int64{1, 2, 3, 4, 5, 6, 7}, "fell over"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
				var got []int64
				var failed string
				taken := 0
				for batch, err := range parallel.AheadBatches(c.batches) {
					if err != nil {
						failed = err.Error()
					}
					synctest.Wait() // the next batch has been read by now
					got = append(got, batch...)
					if taken++; taken == c.takes {
						break
					}
				}
				if !slices.Equal(got, c.want) || !strings.Contains(failed, c.err) || (failed == "") != (c.err == "") {
					t.Errorf("%v and %q, want %v and %q", got, failed, c.want, c.err)
				}
			})
		})
	}
}

// The tasks that run at the same time share all workers and all memory.
func TestSplit(t *testing.T) {
	for _, c := range []struct {
		workers, n int
		memory     int64
		tasks      int
		perTask    int
		taskMemory int64
		serial     bool
	}{
		{workers: 2, memory: 1 << 30, n: 31, tasks: 2, perTask: 1, taskMemory: 512 << 20},
		{workers: 2, memory: 1 << 30, n: 1, tasks: 1, perTask: 2, taskMemory: 1 << 30},
		{workers: 2, memory: 256 << 20, n: 31, tasks: 1, perTask: 2, taskMemory: 256 << 20},
		{workers: 64, memory: 1 << 30, n: 31, tasks: 4, perTask: 16, taskMemory: 256 << 20},
		{workers: 8, memory: 64 << 30, n: 3, tasks: 3, perTask: 3, taskMemory: 64 << 30 / 3},
		{workers: 8, memory: 1 << 20, n: 0, tasks: 1, perTask: 8, taskMemory: 1 << 20},
		{workers: 1, memory: 64 << 30, n: 3, tasks: 1, perTask: 1, taskMemory: 64 << 30, serial: true},
	} {
		tasks, share := parallel.NewBudget(c.workers, c.memory).Split(c.n)
		if want := (parallel.Budget{Workers: c.perTask, Memory: c.taskMemory, Serial: c.serial}); tasks != c.tasks || share != want {
			t.Errorf("%+v: %d tasks of %+v", c, tasks, share)
		}
	}
	if b := parallel.NewBudget(0, 0); b.Workers < 1 || b.Memory != 1<<30 {
		t.Errorf("the default is %+v", b)
	}
	if one, many := parallel.NewBudget(1, 0).Requests(), parallel.NewBudget(2, 0).Requests(); one != 1 || many <= 1 {
		t.Errorf("%d and %d requests", one, many)
	}
}
