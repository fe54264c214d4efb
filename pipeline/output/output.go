// Package output turns the rows of a partition into published files. It writes the
// rows to Parquet files, reads every file back with independent code, checks the
// rows, commits the partition, and writes its summaries from the same rows
// (REPORT.md, "Summaries").
//
// Rows pass through in batches. The memory for them does not depend on their number:
// at most one row group is held, and keys and durations beyond a limit go to
// temporary files.
package output

import (
	"context"
	"iter"

	"daybook/pipeline/format"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/transform/report"
	"daybook/transform/session"
)

// Partition is a day or a month of a report that is about to be published.
type Partition struct {
	ID     partition.ID
	Report *settings.Report
	Base   publish.Base     // what was published before the inputs were read
	Reason string           // why it is made, in words
	Inputs []publish.Input  // what it is made from
	Volume []int64          // rows of earlier partitions, for comparison
	About  publish.Manifest // what else its manifest says: Accounting and Fold
	Again  bool             // write the files even if they are published already
}

// Publisher publishes partitions, within a budget.
type Publisher struct {
	Settings *settings.Pipeline
	Budget   parallel.Budget
}

// Publish makes rows the content of the partition in place of p.Base. The rows come
// sorted; their texts stay valid. It returns what is published now. It fails with
// publish.ErrRaced if another run has published the partition since p.Base was read.
//
// If it fails before the commit, nothing has changed. If it fails after that, the
// rows are published and the summaries count as missing: the next run writes them.
func (o *Publisher) Publish(ctx context.Context, p *Partition, rows iter.Seq2[[]report.Row, error]) (base publish.Base, state publish.State, err error) {
	files := &filesWriter{o: o, p: p}
	defer files.Close()
	summaries, err := newSummaries(p)
	if err != nil {
		return base, "", err
	}
	defer summaries.Close()
	checks := newChecks(p)
	defer checks.Close()
	if err := o.write(ctx, rows, files, checks, summaries); err != nil {
		return base, "", err
	}
	parts, err := files.finish()
	if err != nil {
		return base, "", err
	}
	m := p.About
	m.Report, m.Partition, m.Reason, m.Inputs = p.ID.Dataset(), p.ID.Name(), p.Reason, p.Inputs
	m.Rows, m.SchemaVersion, m.EngineVersion = checks.rows, report.SchemaVersion, session.EngineVersion
	m.Definition, m.DefinitionText = p.Report.Hash, p.Report.Text
	if m.Checks, err = checks.finish(); err != nil {
		return base, "", err
	}
	manifest, state, err := publish.Publish(ctx, o.Settings.Sink, publish.Partition{
		Dir: p.ID.Dir(), Manifest: m, Files: parts, Now: o.Settings.Now(), Keep: true, Sweep: o.Settings.RemoveAfter == 0, Again: p.Again,
	}, p.Base)
	if err != nil {
		return base, "", err
	}
	base, err = o.putSummaries(ctx, p, summaries, &manifest)
	return base, state, err
}

// write passes every batch of rows to the files, the checks and the summaries. With
// more than one worker it reads the next batch meanwhile: sorting and decoding the
// rows takes about as long as writing them.
func (o *Publisher) write(ctx context.Context, rows iter.Seq2[[]report.Row, error], files *filesWriter, checks *checks, summaries *summaries) error {
	if !o.Budget.Serial {
		rows = parallel.AheadBatches(rows)
	}
	for batch, err := range rows {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		err := parallel.Pair(o.Budget, func() error { return files.write(batch) }, func() error {
			if err := checks.add(batch); err != nil {
				return err
			}
			return summaries.add(batch)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// RewriteSummaries writes the summaries of p.Base from its published rows. It returns
// what is published now, and fails like Publish.
func (o *Publisher) RewriteSummaries(ctx context.Context, p *Partition) (publish.Base, error) {
	s, err := newSummaries(p)
	if err != nil {
		return p.Base, err
	}
	defer s.Close()
	for batch, err := range format.Rows(ctx, o.Settings.Files(), o.Settings.Sink, p.Base.Manifest) {
		if err != nil {
			return p.Base, err
		}
		if err := s.add(batch); err != nil {
			return p.Base, err
		}
	}
	return o.putSummaries(ctx, p, s, p.Base.Manifest)
}
