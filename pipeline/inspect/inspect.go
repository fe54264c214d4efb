// Package inspect answers questions about what is published, and about dumps: the
// manifest and the rows of a partition (show), its revisions (history), how two of
// them differ (diff), what has changed since a moment (changes), the lines that were
// rejected (rejects), and the rows of any dumps (fold). Its sub-package explain
// explains a single session. It writes nothing.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"daybook/pipeline/format"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

// Inspector reads what is published. Any number of goroutines may use it.
type Inspector struct {
	Settings *settings.Pipeline
}

// Shown is a partition that is published.
type Shown struct {
	ID        partition.ID
	Manifest  *publish.Manifest
	URL       string // of its directory
	Revisions []int  // that can be read, in ascending order; the last one is published
}

// Show reads the manifest of a partition, and which revisions are kept. It fails if
// the partition is not published.
func (in *Inspector) Show(ctx context.Context, id partition.ID) (*Shown, error) {
	m, err := in.manifest(ctx, id)
	if err != nil {
		return nil, err
	}
	revisions, err := publish.Revisions(ctx, in.Settings.Sink, id.Dir())
	if err != nil {
		return nil, err
	}
	return &Shown{id, m, in.Settings.Sink.URL(id.Dir()), revisions}, nil
}

// ErrUnpublished is wrapped by the error of [Inspector.Show] for a partition
// without a manifest.
var ErrUnpublished = errors.New("there is nothing published")

// manifest reads a manifest that has to be there.
func (in *Inspector) manifest(ctx context.Context, id partition.ID) (*publish.Manifest, error) {
	base, err := publish.Read(ctx, in.Settings.Sink, id.Dir())
	if err == nil && base.Manifest == nil {
		err = fmt.Errorf("%w in %s; daybook plan says what there is to do", ErrUnpublished, in.Settings.Sink.URL(id.Dir()))
	}
	return base.Manifest, err
}

// Digested reports whether there is a digest of a dump day.
func (in *Inspector) Digested(ctx context.Context, d day.Day) (bool, error) {
	base, err := publish.Read(ctx, in.Settings.Sink, partition.DigestID(d).Dir())
	return base.Manifest != nil, err
}

// Rows reads the rows of a published day or month, in order. A batch is valid until
// the next one is asked for.
func (in *Inspector) Rows(ctx context.Context, m *publish.Manifest) iter.Seq2[[]report.Row, error] {
	return format.Rows(ctx, in.Settings.Files(), in.Settings.Sink, m)
}

// History reads the manifests of the newest revisions of a partition, at most so
// many, the published one first. A revision that is removed meanwhile is left out.
func (in *Inspector) History(ctx context.Context, shown *Shown, most int) ([]publish.Manifest, error) {
	m := shown.Manifest
	history := []publish.Manifest{*m}
	for i := len(shown.Revisions) - 1; i >= 0 && len(history) < most; i-- {
		if shown.Revisions[i] >= m.Revision {
			continue
		}
		older, err := publish.ReadRevision(ctx, in.Settings.Sink, shown.ID.Dir(), shown.Revisions[i])
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
