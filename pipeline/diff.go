package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/report"
)

// Diff is how one revision of a partition differs from another.
type Diff struct {
	From, To publish.Manifest
	*report.Difference
}

// Diff compares two revisions of a report's day or month, as long as both are
// kept. Where to is 0 it is the published one, and where from is 0 the one
// before to.
func (r *Runner) Diff(ctx context.Context, name, partition string, from, to int) (*Diff, error) {
	dir, _, err := partitionDir(name, partition)
	if err != nil {
		return nil, err
	}
	// A revision may be superseded while its rows are read. It is whole again
	// where it is kept.
	for attempt := 1; ; attempt++ {
		d, err := r.diff(ctx, dir, from, to)
		if !errors.Is(err, store.ErrNotFound) || attempt == raceAttempts {
			return d, err
		}
	}
}

func (r *Runner) diff(ctx context.Context, dir string, from, to int) (*Diff, error) {
	if to == 0 {
		base, err := r.readPublished(ctx, dir)
		if err != nil {
			return nil, err
		}
		to = base.Manifest.Revision
	}
	d := new(Diff)
	var err error
	if d.To, err = r.readRevision(ctx, dir, to); err != nil {
		return nil, err
	}
	if from == 0 {
		if from = d.To.Previous; from == 0 {
			return nil, fmt.Errorf("revision %d of %s is the first one: there is nothing to compare it with", to, r.Sink.URL(dir))
		}
	}
	if d.From, err = r.readRevision(ctx, dir, from); err != nil {
		return nil, err
	}
	d.Difference, err = report.Diff(r.rowsOf(ctx, &d.From), r.rowsOf(ctx, &d.To))
	if err != nil {
		return nil, fmt.Errorf("compare revisions %d and %d of %s: %w", from, to, r.Sink.URL(dir), err)
	}
	return d, nil
}

// readRevision reads the manifest of a revision. If there is none, the error
// names those that there are.
func (r *Runner) readRevision(ctx context.Context, dir string, revision int) (publish.Manifest, error) {
	m, err := publish.ReadRevision(ctx, r.Sink, dir, revision)
	if !errors.Is(err, store.ErrNotFound) {
		return m, err
	}
	kept, lerr := publish.Revisions(ctx, r.Sink, dir)
	if lerr != nil {
		return m, errors.Join(err, lerr)
	}
	return m, fmt.Errorf("%w; there are %s (sink.keep_revisions says how long they are kept)", err, revisionsText(kept))
}

func revisionsText(revisions []int) string {
	if len(revisions) == 0 {
		return "none"
	}
	texts := make([]string, len(revisions))
	for i, revision := range revisions {
		texts[i] = strconv.Itoa(revision)
	}
	return strings.Join(texts, ", ")
}

// rowsOf reads the rows of a revision one by one.
func (r *Runner) rowsOf(ctx context.Context, m *publish.Manifest) iter.Seq2[report.Row, error] {
	return func(yield func(report.Row, error) bool) {
		for batch, err := range r.publishedRows(ctx, m) {
			if err != nil {
				yield(report.Row{}, err)
				return
			}
			for _, row := range batch {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}
