package inspect

import (
	"context"
	"errors"
	"io"
	"iter"

	"daybook/pipeline/extract"
	"daybook/pipeline/parallel"
	"daybook/pipeline/stitch"
	"daybook/sinks/csv"
	"daybook/transform/report"
	"daybook/transform/rowsort"
	"daybook/transform/session"
)

// Fold reads the dumps of x and passes the rows of a report, of all dates, to write.
// The rows are sorted by session and leg; a batch is valid until the next one is
// asked for. Beside the memory budget of the events, the rows take a budget of the
// same size.
func Fold(ctx context.Context, x *extract.Extraction, def *report.Definition, write func(rows iter.Seq2[[]report.Row, error]) error) (_ extract.Outcome, counts report.Counts, err error) {
	rows := stitch.NewRowSorter(ctx, rowsort.BySession, x.MemoryBudget)
	defer func() { err = errors.Join(err, rows.Close()) }()
	workers := make([]struct {
		rows   *rowsort.Writer
		row    report.Row // reused
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
	sorted := rows.Rows()
	if x.NumWorkers() > 1 {
		sorted = parallel.AheadBatches(sorted)
	}
	return outcome, counts, write(sorted)
}

// WriteCSV writes rows as CSV, under a report's headings.
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
