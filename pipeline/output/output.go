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
	"cmp"
	"context"
	"fmt"
	"iter"

	"daybook/pipeline/format"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/sinks/parquet"
	"daybook/sinks/publish"
	"daybook/transform/report"
	"daybook/transform/session"
	"daybook/transform/summary"
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
	Intact bool             // since Base was read, its summaries were listed, and no others
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
	return o.publish(ctx, p, func(files *filesWriter, figures *rowFigures) ([]publish.File, error) {
		files.figures = figures
		if err := o.each(ctx, rows, func(batch []report.Row) error { return files.write(batch, nil) }); err != nil {
			return nil, err
		}
		return files.finish()
	})
}

// PublishPieces is like Publish, for a month whose content comes in pieces: row groups
// that are copied, and rows. Its checks and summaries are made from its finished
// files.
func (o *Publisher) PublishPieces(ctx context.Context, p *Partition, pieces iter.Seq2[format.Piece, error]) (base publish.Base, state publish.State, err error) {
	return o.publish(ctx, p, func(files *filesWriter, figures *rowFigures) ([]publish.File, error) {
		for piece, err := range pieces {
			if err == nil {
				err = ctx.Err()
			}
			if err == nil {
				err = files.add(&piece)
			}
			if err != nil {
				return nil, err
			}
		}
		parts, err := files.finish()
		if err != nil {
			return nil, err
		}
		for i := range parts {
			part, body := &parts[i].Part, parts[i].Body
			part.MinTime, part.MaxTime = "", ""
			err := o.each(ctx, o.Settings.Files().Rows(body, part.Bytes, p.columns()), func(batch []report.Row) error {
				noteTimes(part, batch)
				return figures.add(batch)
			})
			if err != nil {
				return nil, files.explain(err)
			}
		}
		return parts, nil
	})
}

// MakePart makes one file of a day: that of a number, from its rows. The bytes are those
// that Publish makes of all rows. The caller closes the file.
func (o *Publisher) MakePart(ctx context.Context, p *Partition, number int, rows iter.Seq2[[]report.Row, error]) (part publish.File, close func(), err error) {
	files := o.newFiles(p)
	files.first = number
	err = o.each(ctx, rows, func(batch []report.Row) error { return files.write(batch, nil) })
	var parts []publish.File
	if err == nil {
		parts, err = files.finish()
	}
	if err == nil && len(parts) != 1 {
		err = files.explain(fmt.Errorf("the rows of part %d take %d files", number, len(parts)))
	}
	if err != nil {
		files.Close()
		return part, nil, err
	}
	return parts[0], files.Close, nil
}

// PublishParts is like Publish, for a day whose files are stored already. Its checks and
// summaries are made from them.
func (o *Publisher) PublishParts(ctx context.Context, p *Partition, parts []publish.Part) (base publish.Base, state publish.State, err error) {
	return o.publish(ctx, p, func(files *filesWriter, figures *rowFigures) (stored []publish.File, err error) {
		for _, part := range parts {
			body := format.Object(ctx, o.Settings.Sink, part, false)
			rows := int64(0)
			err := o.each(ctx, o.Settings.Files().Rows(body, part.Bytes, p.columns()), func(batch []report.Row) error {
				rows += int64(len(batch))
				return figures.add(batch)
			})
			if err == nil && rows != part.Rows {
				err = fmt.Errorf("it has %d rows, and %d were written", rows, part.Rows)
			}
			if err != nil {
				return nil, files.explain(fmt.Errorf("read %s: %w", o.Settings.Sink.URL(part.Key), err))
			}
			stored = append(stored, publish.Stored(part))
		}
		return stored, nil
	})
}

func (o *Publisher) newFiles(p *Partition) *filesWriter {
	return &filesWriter{o: o, p: p, fileRows: FileRows(o.Settings)}
}

// publish makes the files and figures of a partition, commits the files and then
// writes the summaries.
func (o *Publisher) publish(ctx context.Context, p *Partition, make func(*filesWriter, *rowFigures) ([]publish.File, error)) (base publish.Base, state publish.State, err error) {
	files := o.newFiles(p)
	defer files.Close()
	summaries, err := newSummaries(p)
	if err != nil {
		return base, "", err
	}
	defer summaries.Close()
	checks := newChecks(p)
	defer checks.Close()
	parts, err := make(files, &rowFigures{checks, summaries})
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
	// A run that publishes the next revision writes its summaries after its commit, and
	// so after ours: what is listed before ours is older.
	there, err := o.summariesThere(ctx, p)
	if err != nil {
		return base, "", err
	}
	committed, state, err := publish.Publish(ctx, o.Settings.Sink, publish.Partition{
		Dir: p.ID.Dir(), Manifest: m, Files: parts, Now: o.Settings.Now(), Keep: true, Sweep: o.Settings.RemoveAfter == 0, Again: p.Again,
	}, p.Base)
	if err != nil {
		return base, "", err
	}
	base, err = o.putSummaries(ctx, p, summaries, there, committed)
	return base, state, err
}

// rowFigures are what is reckoned from the rows of a partition.
type rowFigures struct {
	checks    *checks
	summaries *summaries
}

func (f *rowFigures) add(rows []report.Row) error {
	return cmp.Or(f.checks.add(rows), f.summaries.add(rows))
}

// columns are those that the figures are made from: all of them for the file of
// sessions.
func (p *Partition) columns() parquet.Columns {
	if p.Report.SessionsCSV {
		return nil
	}
	return func(c *report.Column) bool { return c.Required || summary.Reads(c) }
}

// each passes every batch of rows on. With more than one worker it reads the next
// batch meanwhile: sorting and decoding the rows takes about as long as writing them.
func (o *Publisher) each(ctx context.Context, rows iter.Seq2[[]report.Row, error], use func([]report.Row) error) error {
	if o.Budget.SideBySide() {
		rows = parallel.AheadBatches(rows)
	}
	for batch, err := range rows {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := use(batch); err != nil {
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
	for batch, err := range format.Rows(ctx, o.Settings.Files(), o.Settings.Sink, p.Base.Manifest, p.columns()) {
		if err != nil {
			return p.Base, err
		}
		if err := s.add(batch); err != nil {
			return p.Base, err
		}
	}
	there, err := o.listSummaries(ctx, p.ID)
	if err != nil {
		return p.Base, err
	}
	// A run that publishes the next revision writes its summaries after this point.
	now, err := publish.Read(ctx, o.Settings.Sink, p.ID.Dir())
	if err != nil {
		return p.Base, err
	}
	if now.Manifest == nil || now.Manifest.Attempt != p.Base.Manifest.Attempt {
		return p.Base, publish.ErrRaced
	}
	return o.putSummaries(ctx, p, s, there, now)
}
