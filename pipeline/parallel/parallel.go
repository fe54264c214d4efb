// Package parallel starts the goroutines of the pipeline. A panic in one of them
// becomes an error of the work that was given to it ([Bug]); the process and all
// other work go on.
package parallel

import (
	"cmp"
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Each calls f for every i below n, up to limit at a time, and returns the first
// error. With a limit of one the calls come in order, in the caller's goroutine.
func Each(ctx context.Context, n, limit int, f func(ctx context.Context, i int) error) error {
	if limit <= 1 || n == 1 {
		for i := range n {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := f(ctx, i); err != nil {
				return err
			}
		}
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(limit)
	for i := range n {
		group.Go(Guard(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return f(ctx, i)
		}))
	}
	return group.Wait()
}

// Workers runs work on so many goroutines. Their context ends when one of them
// fails; a worker that returns after that has failed, too.
func Workers(ctx context.Context, workers int, work func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for range workers {
		group.Go(Guard(func() error {
			if err := work(ctx); err != nil {
				return err
			}
			return ctx.Err()
		}))
	}
	return group.Wait()
}

// Share runs work on so many goroutines; next hands out the numbers below n, each
// once, until none is left, the context ends, or a worker fails.
func Share(ctx context.Context, workers, n int, work func(ctx context.Context, next func() (int, bool)) error) error {
	var taken atomic.Int64
	return Workers(ctx, workers, func(ctx context.Context) error {
		return work(ctx, func() (int, bool) {
			i := int(taken.Add(1) - 1)
			return i, i < n && ctx.Err() == nil
		})
	})
}

// Pair does two things, side by side if the budget allows it. If both fail, the
// error is that of the first.
func Pair(b Budget, first, second func() error) error {
	if !b.SideBySide() {
		return cmp.Or(first(), second())
	}
	failed := make(chan error)
	go func() { failed <- Guard(second)() }()
	err := Guard(first)()
	return cmp.Or(err, <-failed)
}

// Ahead produces the values of a sequence in a goroutine of its own: the next
// value while the caller uses the one before. Each value has to stay valid until
// the next one is asked for. A panic is the last error of the sequence.
func Ahead[T any](values iter.Seq2[T, error]) iter.Seq2[T, error] {
	type item struct {
		value T
		err   error
	}
	return func(yield func(T, error) bool) {
		ahead, stop := make(chan item), make(chan struct{})
		var producer sync.WaitGroup
		defer producer.Wait()
		defer close(stop)
		pass := func(value T, err error) bool {
			select {
			case ahead <- item{value, err}:
				return true
			case <-stop:
				return false
			}
		}
		producer.Go(func() {
			defer close(ahead)
			if bug := Catch(func() { values(pass) }); bug != nil {
				var none T
				pass(none, bug)
			}
		})
		for i := range ahead {
			if !yield(i.value, i.err) {
				return
			}
		}
	}
}

// AheadBatches is [Ahead] for batches that are valid only until the next one: it
// copies them. A batch that it yields is valid until the next one is asked for;
// what its elements point to has to stay valid.
func AheadBatches[T any](batches iter.Seq2[[]T, error]) iter.Seq2[[]T, error] {
	return Ahead(func(yield func([]T, error) bool) {
		var free, last []T // the caller may still use the last one
		for batch, err := range batches {
			free, last = last, append(free[:0], batch...)
			if !yield(last, err) {
				return
			}
		}
	})
}
