package pipeline

import (
	"cmp"
	"context"
	"io"
	"slices"

	"daybook/sinks/csv"
	"daybook/transform/report"
	"daybook/transform/session"
)

// Fold reads the inputs of x and returns the rows of one report over all of
// them, whatever their date, sorted by session and leg.
func Fold(ctx context.Context, x *Extraction, def *report.Definition) ([]report.Row, Outcome, report.Counts, error) {
	workers := make([]struct {
		rows   []*report.Row // each in its place: they are large
		keeper rowKeeper
		counts report.Counts
	}, x.NumWorkers())
	outcome, err := x.Sessions(ctx, func(worker int, s *session.Session) {
		w := &workers[worker]
		for i := range s.Legs {
			if l := &s.Legs[i]; def.Includes(s, l) {
				row := w.keeper.keep(def.Row(s, l, &w.counts))
				w.rows = append(w.rows, &row)
			}
		}
	})
	if err != nil {
		return nil, outcome, report.Counts{}, err
	}
	var sorted []*report.Row
	var counts report.Counts
	for i, w := range workers {
		sorted = append(sorted, w.rows...)
		counts.Add(w.counts)
		workers[i].rows = nil
	}
	slices.SortFunc(sorted, func(a, b *report.Row) int {
		return cmp.Or(cmp.Compare(a.SessionID, b.SessionID), cmp.Compare(a.Leg, b.Leg))
	})
	rows := make([]report.Row, len(sorted))
	for i, row := range sorted {
		rows[i] = *row
		sorted[i] = nil // let go on the way
	}
	return rows, outcome, counts, nil
}

// WriteCSV writes rows under a report's headings.
func WriteCSV(w io.Writer, f csv.Format, def *report.Definition, rows []report.Row) error {
	sessions, err := csv.NewSessions(w, f, def)
	if err != nil {
		return err
	}
	for i := range rows {
		if err := sessions.Add(&rows[i]); err != nil {
			return err
		}
	}
	return sessions.Flush()
}
