package pipeline

import (
	"cmp"
	"context"
	"slices"

	"daybook/transform/report"
	"daybook/transform/session"
)

// Fold reads the inputs of x and returns the rows of one report over all of
// them, whatever their date, sorted by session and leg.
func Fold(ctx context.Context, x *Extraction, def *report.Definition) ([]report.Row, Outcome, report.Counts, error) {
	workers := make([]struct {
		rows   []report.Row
		keeper rowKeeper
		counts report.Counts
	}, x.NumWorkers())
	outcome, err := x.Sessions(ctx, func(worker int, s *session.Session) {
		w := &workers[worker]
		for i := range s.Legs {
			if l := &s.Legs[i]; def.Includes(s, l) {
				w.rows = append(w.rows, w.keeper.keep(def.Row(s, l, &w.counts)))
			}
		}
	})
	if err != nil {
		return nil, outcome, report.Counts{}, err
	}
	var rows []report.Row
	var counts report.Counts
	for _, w := range workers {
		rows = append(rows, w.rows...)
		counts.Add(w.counts)
	}
	slices.SortFunc(rows, func(a, b report.Row) int {
		return cmp.Or(cmp.Compare(a.SessionID, b.SessionID), cmp.Compare(a.Leg, b.Leg))
	})
	return rows, outcome, counts, nil
}
