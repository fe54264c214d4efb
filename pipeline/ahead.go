package pipeline

import (
	"iter"
	"sync"

	"daybook/transform/report"
)

// beside makes the values of a sequence beside whoever takes them: the next one
// while one is used. Each has to stay valid until the next one is taken. A panic
// is the sequence's last error.
func beside[T any](values iter.Seq2[T, error]) iter.Seq2[T, error] {
	type made struct {
		value T
		err   error
	}
	return func(yield func(T, error) bool) {
		ahead, stop := make(chan made), make(chan struct{})
		var making sync.WaitGroup
		defer making.Wait()
		defer close(stop)
		pass := func(value T, err error) bool {
			select {
			case ahead <- made{value, err}:
				return true
			case <-stop:
				return false
			}
		}
		making.Go(func() {
			defer close(ahead)
			if bug := caught(func() { values(pass) }); bug != nil {
				var none T
				pass(none, bug)
			}
		})
		for m := range ahead {
			if !yield(m.value, m.err) {
				return
			}
		}
	}
}

// readAhead reads the next batch of rows beside whoever takes the one before: what
// comes after sorting and decoding takes about as long as they do. A batch is
// valid until the next one; the texts of its rows have to stay.
func readAhead(rows iter.Seq2[[]report.Row, error]) iter.Seq2[[]report.Row, error] {
	return beside(func(yield func([]report.Row, error) bool) {
		var free, last []report.Row // the last may still be used by who took it
		for batch, err := range rows {
			free, last = last, append(free[:0], batch...)
			if !yield(last, err) {
				return
			}
		}
	})
}
