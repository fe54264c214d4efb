package pipeline

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"daybook/transform/report"
)

// batches gives batches of rows whose sessions are the numbers, each in the
// memory of the one before, and then fails if there is an error or a panic.
func batches(err error, panics any, numbers ...[]int64) iter.Seq2[[]report.Row, error] {
	return func(yield func([]report.Row, error) bool) {
		var batch []report.Row
		for _, some := range numbers {
			batch = batch[:0]
			for _, n := range some {
				batch = append(batch, report.Row{SessionID: n})
			}
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

// What comes out of readAhead is what goes in, with its error or panic at the end;
// and nothing goes on behind the back of somebody who stops.
func TestReadAhead(t *testing.T) {
	broken := errors.New("broken")
	numbers := [][]int64{{1, 2}, {3}, {}, {4, 5, 6}, {7}}
	for _, c := range []struct {
		name  string
		rows  iter.Seq2[[]report.Row, error]
		takes int // batches, and then stops
		want  []int64
		err   string
	}{
		{"all", batches(nil, nil, numbers...), 10, []int64{1, 2, 3, 4, 5, 6, 7}, ""},
		{"none", batches(nil, nil), 10, nil, ""},
		{"some", batches(nil, nil, numbers...), 2, []int64{1, 2, 3}, ""},
		{"an error", batches(broken, nil, numbers...), 10, []int64{1, 2, 3, 4, 5, 6, 7}, "broken"},
		{"a panic", batches(nil, "fell over", numbers...), 10, []int64{1, 2, 3, 4, 5, 6, 7}, "fell over"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // fails if a goroutine stays
				var got []int64
				var failed string
				taken := 0
				for batch, err := range readAhead(c.rows) {
					if err != nil {
						failed = err.Error()
					}
					synctest.Wait() // the next batch has been read by now
					for _, row := range batch {
						got = append(got, row.SessionID)
					}
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
