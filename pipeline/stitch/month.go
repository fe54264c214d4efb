package stitch

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"daybook/pipeline/format"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/transform/report"
)

// Month gives the rows of a month in order: those of its published days, each of
// which is sorted. Days follow each other in time, but where a clock is set back
// over midnight one may begin before the day before it has ended. So the days are
// merged, each from the moment of its first row on; mostly one of them is open at a
// time. A batch is valid until the next one is asked for.
func Month(ctx context.Context, s *settings.Pipeline, days []*publish.Manifest) iter.Seq2[[]report.Row, error] {
	return func(yield func([]report.Row, error) bool) {
		waiting, err := newDayCursors(ctx, s, days)
		if err != nil {
			yield(nil, err)
			return
		}
		var open []*dayCursor
		defer func() {
			for _, c := range open {
				c.stop()
			}
		}()
		batch := make([]report.Row, 0, format.BatchRows)
		for len(open)+len(waiting) > 0 {
			next := earliest(open)
			for len(waiting) > 0 && (next == nil || waiting[0].begin <= next.row().Dated()) {
				c := waiting[0]
				waiting, open = waiting[1:], append(open, c)
				if err := c.start(); err != nil {
					yield(nil, err)
					return
				}
				next = earliest(open)
			}
			batch = append(batch, *next.row())
			more, err := next.advance()
			if err != nil {
				yield(nil, err)
				return
			}
			if !more {
				next.stop()
				open = slices.DeleteFunc(open, func(c *dayCursor) bool { return c == next })
			}
			if len(batch) == format.BatchRows {
				if !yield(batch, nil) {
					return
				}
				batch = batch[:0]
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

// newDayCursors are the days that have rows, by the time of their first row. None
// is open yet.
func newDayCursors(ctx context.Context, s *settings.Pipeline, days []*publish.Manifest) ([]*dayCursor, error) {
	var cursors []*dayCursor
	for _, m := range days {
		if m.Rows == 0 {
			continue
		}
		begin, err := time.Parse(publish.TimeLayout, m.Parts[0].MinTime)
		if err != nil {
			return nil, fmt.Errorf("%s has rows, and no time of the first: %w", s.Sink.URL(m.Parts[0].Key), err)
		}
		cursors = append(cursors, &dayCursor{begin: begin.UnixMilli(), batches: format.Rows(ctx, s.Files(), s.Sink, m)})
	}
	slices.SortFunc(cursors, func(a, b *dayCursor) int { return int(a.begin - b.begin) })
	return cursors, nil
}

// earliest is the cursor whose row comes first; nil of none.
func earliest(open []*dayCursor) *dayCursor {
	var first *dayCursor
	for _, c := range open {
		if first == nil || report.Compare(c.row(), first.row()) < 0 {
			first = c
		}
	}
	return first
}

// dayCursor is at one row of a day.
type dayCursor struct {
	begin   int64 // the time of its first row, in milliseconds
	batches iter.Seq2[[]report.Row, error]

	pull func() ([]report.Row, error, bool)
	stop func()
	rows []report.Row // the row that it is at, and the rest of the batch
}

func (c *dayCursor) row() *report.Row { return &c.rows[0] }

// start opens the day and goes to its first row.
func (c *dayCursor) start() error {
	c.pull, c.stop = iter.Pull2(c.batches)
	more, err := c.fill()
	if err == nil && !more {
		err = errors.New("a day has no rows where its manifest says that there are some")
	}
	return err
}

// advance goes to the next row, if there is one.
func (c *dayCursor) advance() (more bool, err error) {
	if c.rows = c.rows[1:]; len(c.rows) > 0 {
		return true, nil
	}
	return c.fill()
}

func (c *dayCursor) fill() (more bool, err error) {
	rows, err, more := c.pull()
	c.rows = rows
	return more && err == nil, err
}
