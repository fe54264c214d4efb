package pipeline

import (
	"context"
	"fmt"
	"strings"

	"daybook/sinks/publish"
	"daybook/transform/day"
)

// Shown is what is published: a partition of a report, or a digest.
type Shown struct {
	Kind      Kind
	Manifest  *publish.Manifest
	URL       string // of its directory
	Revisions []int  // that can be read, in ascending order; the last one is published

	report string // empty: a digest
}

// Show reads what is published of a report's day or month, or, where report is
// empty, the digest of a dump day.
func (r *Runner) Show(ctx context.Context, report, partition string) (*Shown, error) {
	dir, kind, err := partitionDir(report, partition)
	if err != nil {
		return nil, err
	}
	base, err := r.readPublished(ctx, dir)
	if err != nil {
		return nil, err
	}
	revisions, err := publish.Revisions(ctx, r.Sink, dir)
	if err != nil {
		return nil, err
	}
	return &Shown{kind, base.Manifest, r.Sink.URL(dir), revisions, report}, nil
}

// Digested says whether there is a digest of a dump day.
func (r *Runner) Digested(ctx context.Context, d day.Day) (bool, error) {
	base, err := publish.Read(ctx, r.Sink, digestDir(d))
	return base.Manifest != nil, err
}

// readPublished reads a manifest that has to be there.
func (r *Runner) readPublished(ctx context.Context, dir string) (publish.Base, error) {
	base, err := publish.Read(ctx, r.Sink, dir)
	if err == nil && base.Manifest == nil {
		err = fmt.Errorf("there is nothing published in %s; daybook plan says what there is to do", r.Sink.URL(dir))
	}
	return base, err
}

// CheckPartition says what is wrong with the name of a day or month of a report,
// or, without a report, of a digest.
func CheckPartition(report, partition string) error {
	_, _, err := partitionDir(report, partition)
	return err
}

// partitionDir is where a partition of a report lies, or, without a report, a
// digest.
func partitionDir(report, partition string) (dir string, kind Kind, err error) {
	if d, err := day.Parse(partition); err == nil {
		if report == "" {
			return digestDir(d), Digest, nil
		}
		return dayDir(report, d), Day, nil
	}
	m, err := day.ParseMonth(partition)
	if err != nil || report == "" {
		return "", "", fmt.Errorf("%q is no partition: write a day as 2026-11-20, or a month of a report as 2026-11", partition)
	}
	return monthDir(report, m), Month, nil
}

// Origin is something that a day of a report was made from: the digest of a
// dump day, and the dumps that this was made from.
type Origin struct {
	Day     string          `json:"day"`
	Changed bool            `json:"changed"` // the digest has another content by now
	Dumps   []publish.Input `json:"dumps"`   // of the digest as it is now
}

// Origins follows the inputs of a report's day to the dumps.
func (r *Runner) Origins(ctx context.Context, m *publish.Manifest) ([]Origin, error) {
	origins := make([]Origin, len(m.Inputs))
	err := each(ctx, len(m.Inputs), r.requests(), func(ctx context.Context, i int) error {
		in := m.Inputs[i]
		name, isDigest := strings.CutPrefix(in.Key, digestRoot+"dt=")
		if !isDigest {
			return fmt.Errorf("%s is no digest", in.Key)
		}
		base, err := publish.Read(ctx, r.Sink, in.Key)
		if err != nil {
			return err
		}
		origins[i] = Origin{Day: strings.TrimSuffix(name, "/"), Changed: true}
		if base.Manifest != nil {
			origins[i].Changed = base.Manifest.Fingerprint() != in.ETag
			origins[i].Dumps = base.Manifest.Inputs
		}
		return nil
	})
	return origins, err
}
