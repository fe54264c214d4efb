package pipeline

import (
	"iter"
	"sync"

	"daybook/transform/report"
)

// readAhead reads the next batch of rows beside whoever takes the one before: what
// comes after sorting and decoding takes about as long as they do. A batch is
// valid until the next one; the texts of its rows have to stay.
func readAhead(rows iter.Seq2[[]report.Row, error]) iter.Seq2[[]report.Row, error] {
	type read struct {
		rows []report.Row
		err  error
	}
	return func(yield func([]report.Row, error) bool) {
		full, empty := make(chan read), make(chan []report.Row, 2) // one is read, and one taken
		empty <- nil
		empty <- nil
		stop := make(chan struct{})
		var reading sync.WaitGroup
		defer reading.Wait()
		defer close(stop)
		pass := func(batch []report.Row, err error) bool {
			select {
			case full <- read{append((<-empty)[:0], batch...), err}:
				return true
			case <-stop:
				return false
			}
		}
		reading.Go(func() {
			defer close(full)
			err := caught(func() {
				for batch, err := range rows {
					if !pass(batch, err) {
						return
					}
				}
			})
			if err != nil {
				pass(nil, err)
			}
		})
		for r := range full {
			if !yield(r.rows, r.err) {
				return
			}
			empty <- r.rows
		}
	}
}
