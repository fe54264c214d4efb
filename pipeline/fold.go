package pipeline

import (
	"context"
	"errors"
	"io"
	"iter"

	"daybook/sinks/csv"
	"daybook/transform/report"
	"daybook/transform/rowsort"
	"daybook/transform/session"
)

// Fold reads the inputs of x and passes the rows of one report over all of
// them, whatever their date, sorted by session and leg, to write, in batches
// that are valid until the next one. The rows have a memory budget of their own,
// as large as that of the events.
func Fold(ctx context.Context, x *Extraction, def *report.Definition, write func(rows iter.Seq2[[]report.Row, error]) error) (_ Outcome, counts report.Counts, err error) {
	rows := newRowSorter(rowsort.BySession, x.MemoryBudget)
	defer func() { err = errors.Join(err, rows.Close()) }()
	workers := make([]struct {
		rows   *rowsort.Writer
		row    report.Row // at hand: there are too many to make one for each leg
		counts report.Counts
	}, x.NumWorkers())
	for i := range workers {
		workers[i].rows = rows.Writer()
	}
	outcome, err := x.Sessions(ctx, func(worker int, s *session.Session) error {
		w := &workers[worker]
		for i := range s.Legs {
			if l := &s.Legs[i]; def.Includes(s, l) {
				def.Row(&w.row, s, l, &w.counts)
				if err := w.rows.Add(&w.row); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return outcome, counts, err
	}
	for _, w := range workers {
		counts.Add(w.counts)
	}
	if x.NumWorkers() == 1 {
		return outcome, counts, write(rows.Rows())
	}
	return outcome, counts, write(readAhead(rows.Rows()))
}

// WriteCSV writes rows under a report's headings.
func WriteCSV(w io.Writer, f csv.Format, def *report.Definition, rows iter.Seq2[[]report.Row, error]) error {
	sessions, err := csv.NewSessions(w, f, def)
	if err != nil {
		return err
	}
	for batch, err := range rows {
		if err != nil {
			return err
		}
		for i := range batch {
			if err := sessions.Add(&batch[i]); err != nil {
				return err
			}
		}
	}
	return sessions.Flush()
}
