package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strconv"
	"time"

	"daybook/sinks/parquet"
	"daybook/sinks/publish"
	"daybook/transform/report"
	"daybook/transform/session"
)

// partRows is how many rows one Parquet file holds at most: some 50 MB, so
// that warehouses that split work by files get files of a good size.
const partRows = 4 * parquet.RowGroupRows

// A partition of a report that is about to be made.
type partition struct {
	rep    *Report
	kind   Kind
	period period
	base   publish.Base    // what is published, as it was before the inputs were looked at
	reason string          // why it is made, in words
	inputs []publish.Input // what it is made from
	volume []int64         // the rows of earlier partitions, to compare with
	about  publish.Manifest
	again  bool // its files are put even if the same ones are published
}

// dir is where its parts lie.
func (p *partition) dir() string { return dirOf(p.rep.Name, p.kind, p.period) }

// name is the dataset's: a report, or its monthly twin.
func (p *partition) name() string {
	if p.kind == Month {
		return p.rep.Name + monthlySuffix
	}
	return p.rep.Name
}

// publish writes rows, which come sorted, into the partition's files, has each
// read back by other code than wrote it, checks the rows,
// commits the partition, and then writes its summaries, which are computed from
// exactly its rows. However many rows there are, a row group of them is in
// memory at a time.
func (r *Runner) publish(ctx context.Context, p *partition, rows iter.Seq2[[]report.Row, error]) (base publish.Base, state publish.State, err error) {
	parts := &partsWriter{r: r, p: p}
	defer parts.Close()
	summaries, err := newSummaries(p)
	if err != nil {
		return base, "", err
	}
	defer summaries.Close()
	checks := newChecks(p)
	defer checks.Close()
	if r.workers() > 1 {
		rows = readAhead(rows)
	}
	for batch, err := range rows {
		if err != nil {
			return base, "", err
		}
		if err := ctx.Err(); err != nil {
			return base, "", err
		}
		err := r.both(func() error { return parts.write(batch) }, func() error {
			if err := checks.add(batch); err != nil {
				return err
			}
			return summaries.add(batch)
		})
		if err != nil {
			return base, "", err
		}
	}
	files, err := parts.finish()
	if err != nil {
		return base, "", err
	}
	m := p.about
	m.Report, m.Partition, m.Reason, m.Inputs = p.name(), p.period.name, p.reason, p.inputs
	m.Rows, m.SchemaVersion, m.EngineVersion = checks.rows, report.SchemaVersion, session.EngineVersion
	m.Definition, m.DefinitionText = p.rep.Hash, p.rep.Text
	if m.Checks, err = checks.finish(); err != nil {
		return base, "", err
	}
	manifest, state, err := publish.Publish(ctx, r.Sink, publish.Partition{Dir: p.dir(), Manifest: m, Files: files, Keep: true, Again: p.again}, p.base)
	if err != nil {
		return base, "", err
	}
	base, err = r.putSummaries(ctx, p, summaries, &manifest)
	return base, state, err
}

// both does two things, the second beside the first if there is more than one
// worker. The error is the first's, if both fail.
func (r *Runner) both(first, second func() error) error {
	if r.workers() == 1 {
		return cmp.Or(first(), second())
	}
	failed := make(chan error)
	go func() { failed <- guarded(second)() }()
	err := guarded(first)()
	return cmp.Or(err, <-failed)
}

// partsWriter writes rows into as many files as it takes.
type partsWriter struct {
	r *Runner
	p *partition

	spools  []*spool
	files   []publish.File
	current partWriter
	expect  *parquet.Expectation
	prints  *report.Fingerprinter
	part    publish.Part // of the current file
}

func (w *partsWriter) Close() {
	for _, s := range w.spools {
		s.Close()
	}
}

func (w *partsWriter) write(rows []report.Row) error {
	for len(rows) > 0 {
		if w.current == nil {
			if err := w.begin(); err != nil {
				return err
			}
		}
		batch := rows[:min(int64(len(rows)), partRows-w.part.Rows)]
		rows = rows[len(batch):]
		err := w.r.both(func() error { return w.current.Write(batch) }, func() error {
			w.expect.Add(batch)
			w.prints.Add(batch)
			return nil
		})
		if err != nil {
			return w.failed(err)
		}
		if w.part.Rows == 0 {
			w.part.MinTime = timeText(batch[0].Dated())
		}
		w.part.MaxTime = timeText(batch[len(batch)-1].Dated())
		w.part.Rows += int64(len(batch))
		if w.part.Rows == partRows {
			if err := w.end(); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish gives the files. A partition without rows has one, too.
func (w *partsWriter) finish() ([]publish.File, error) {
	if w.current == nil && len(w.files) == 0 {
		if err := w.begin(); err != nil {
			return nil, err
		}
	}
	if w.current != nil {
		if err := w.end(); err != nil {
			return nil, err
		}
	}
	return w.files, nil
}

func (w *partsWriter) begin() (err error) {
	s, err := newSpool()
	if err != nil {
		return err
	}
	w.spools = append(w.spools, s)
	w.expect, w.prints, w.part = parquet.NewExpectation(), report.NewFingerprinter(), publish.Part{}
	if w.current, err = w.r.files().part(s); err != nil {
		return w.failed(err)
	}
	return nil
}

// end completes the current file and audits it.
func (w *partsWriter) end() error {
	n, s := len(w.files), w.spools[len(w.spools)-1]
	err := w.current.Close(map[string]string{
		"daybook.report":            w.p.name(),
		"daybook.partition":         w.p.period.name,
		"daybook.part":              strconv.Itoa(n),
		"daybook.schema_version":    strconv.Itoa(report.SchemaVersion),
		"daybook.engine_version":    strconv.Itoa(session.EngineVersion),
		"daybook.input_fingerprint": w.prints.Sum(),
	})
	if err == nil {
		err = w.r.files().audit(s, s.size, w.expect)
	}
	if err != nil {
		return w.failed(err)
	}
	file := s.asFile("part-"+strconv.Itoa(n), ".parquet", w.part.Rows)
	file.Part.MinTime, file.Part.MaxTime = w.part.MinTime, w.part.MaxTime
	w.files = append(w.files, file)
	w.current = nil
	return nil
}

func (w *partsWriter) failed(err error) error {
	return fmt.Errorf("report %s, %s: %w", w.p.name(), w.p.period.name, err)
}

// timeLayout is how manifests write times.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

func timeText(ms int64) string { return time.UnixMilli(ms).UTC().Format(timeLayout) }
