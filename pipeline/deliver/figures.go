package deliver

import (
	"context"
	"errors"
	"fmt"

	"daybook/pipeline/format"
	"daybook/pipeline/inspect"
	"daybook/pipeline/settings"
	"daybook/pipeline/spillfile"
	"daybook/sinks/figures"
	"daybook/sources/store"
	"daybook/transform/summary"
)

// ErrUnpublished: a partition of the period is not published.
var ErrUnpublished = errors.New("it is not published")

// read gives the figures of a period: those of a day or month as published beside it,
// and those of a week, whose sessions and percentiles are no sums of its days', from the
// rows of its days. They are made of the rows, too, where the published figures are
// missing or leave out entries.
func read(ctx context.Context, s *settings.Pipeline, r *settings.Report, p Period) (*summary.Figures, error) {
	if p.Every == Week {
		return fromRows(ctx, s, r, p)
	}
	f, err := inspect.ReadFigures(ctx, s.Sink, p.IDs(r.Name)[0])
	switch {
	case err == nil && f.Omitted == figures.Omitted{}:
		return &f.Figures, nil
	case err == nil, errors.Is(err, store.ErrNotFound), errors.Is(err, figures.ErrInvalid):
		return fromRows(ctx, s, r, p)
	}
	return nil, fmt.Errorf("read the figures of %s %s: %w", r.Name, p, err)
}

// fromRows makes the figures of the published rows.
func fromRows(ctx context.Context, s *settings.Pipeline, r *settings.Report, p Period) (*summary.Figures, error) {
	ids := p.IDs(r.Name)
	published, err := (&inspect.Inspector{Settings: s}).Published(ctx, ids)
	if err != nil {
		return nil, err
	}
	if len(published) < len(ids) {
		return nil, fmt.Errorf("%s %s: %w: %d of its %d partitions are", r.Name, p, ErrUnpublished, len(published), len(ids))
	}
	scratch := spillfile.NewSpill()
	defer scratch.Close()
	sums := summary.ForDay(&r.Definition, scratch)
	if p.Every == Month {
		sums = summary.ForMonth(&r.Definition, p.From.Month(), scratch)
	}
	for i := range published {
		for rows, err := range format.Rows(ctx, s.Files(), s.Sink, published[i].Manifest, nil) {
			if err != nil {
				return nil, err
			}
			for j := range rows {
				if err := sums.Add(&rows[j]); err != nil {
					return nil, err
				}
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
	}
	return sums.Figures()
}
