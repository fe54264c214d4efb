package pipeline

import (
	"context"
	"errors"
	"iter"

	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/report"
)

// SummaryKey is where a summary of a report's day or month lies. It does not
// say whether there is one: the partition's manifest does.
func SummaryKey(report string, kind Kind, partition, file string) string {
	return summaryDir(report, kind, period{name: partition}) + file
}

// Rows reads the rows of a published partition, in order. A batch is valid until
// the next one is asked for.
func (r *Runner) Rows(ctx context.Context, m *publish.Manifest) iter.Seq2[[]report.Row, error] {
	return r.publishedRows(ctx, m)
}

// History reads the manifests of the newest revisions of a report's day or month
// that are kept, at most so many: the published one first. One that goes while
// it is read is left out.
func (r *Runner) History(ctx context.Context, shown *Shown, most int) ([]publish.Manifest, error) {
	m := shown.Manifest
	dir, _, err := partitionDir(shown.report, m.Partition)
	if err != nil {
		return nil, err
	}
	history := []publish.Manifest{*m}
	for i := len(shown.Revisions) - 1; i >= 0 && len(history) < most; i-- {
		if shown.Revisions[i] >= m.Revision {
			continue
		}
		older, err := publish.ReadRevision(ctx, r.Sink, dir, shown.Revisions[i])
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			history = append(history, older)
		}
	}
	return history, nil
}
