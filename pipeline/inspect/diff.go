package inspect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"daybook/pipeline/partition"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/report"
)

// Diff is the difference between two revisions of a partition.
type Diff struct {
	From, To publish.Manifest
	*report.Difference
}

// maxMoved is how often a comparison begins again when a revision moves to the
// history while its rows are read.
const maxMoved = 5

// Diff compares two revisions of a report's day or month that are both kept. If to
// is 0, it is the published revision. If from is 0, it is the one before to.
func (in *Inspector) Diff(ctx context.Context, id partition.ID, from, to int) (*Diff, error) {
	for attempt := 1; ; attempt++ {
		d, err := in.diff(ctx, id, from, to)
		if !errors.Is(err, store.ErrNotFound) || attempt == maxMoved {
			return d, err
		}
	}
}

func (in *Inspector) diff(ctx context.Context, id partition.ID, from, to int) (*Diff, error) {
	if to == 0 {
		m, err := in.manifest(ctx, id)
		if err != nil {
			return nil, err
		}
		to = m.Revision
	}
	d := new(Diff)
	var err error
	if d.To, err = in.revision(ctx, id, to); err != nil {
		return nil, err
	}
	url := in.Settings.Sink.URL(id.Dir())
	if from == 0 {
		if from = d.To.Previous; from == 0 {
			return nil, fmt.Errorf("revision %d of %s is the first one: there is nothing to compare it with", to, url)
		}
	}
	if d.From, err = in.revision(ctx, id, from); err != nil {
		return nil, err
	}
	d.Difference, err = report.Diff(single(in.Rows(ctx, &d.From)), single(in.Rows(ctx, &d.To)))
	if err != nil {
		return nil, fmt.Errorf("compare revisions %d and %d of %s: %w", from, to, url, err)
	}
	return d, nil
}

// revision reads the manifest of a revision. If it is not kept, the error lists the
// revisions that are.
func (in *Inspector) revision(ctx context.Context, id partition.ID, revision int) (publish.Manifest, error) {
	m, err := publish.ReadRevision(ctx, in.Settings.Sink, id.Dir(), revision)
	if !errors.Is(err, store.ErrNotFound) {
		return m, err
	}
	kept, lerr := publish.Revisions(ctx, in.Settings.Sink, id.Dir())
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

// single passes the rows of batches on one by one.
func single(batches iter.Seq2[[]report.Row, error]) iter.Seq2[report.Row, error] {
	return func(yield func(report.Row, error) bool) {
		for batch, err := range batches {
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
