package output

import (
	"fmt"
	"strconv"

	"daybook/pipeline/format"
	"daybook/pipeline/parallel"
	"daybook/pipeline/spillfile"
	"daybook/sinks/parquet"
	"daybook/sinks/publish"
	"daybook/transform/report"
	"daybook/transform/session"
)

// fileRows is the greatest number of rows in one Parquet file: about 50 MB, a good
// size for warehouses that divide their work by files.
const fileRows = 4 * parquet.RowGroupRows

// filesWriter writes rows to as many files as they need, and audits each file.
type filesWriter struct {
	o *Publisher
	p *Partition

	temporary []*spillfile.File // the content of all files
	files     []publish.File    // the complete ones

	// The file that is being written.
	writer       format.PartWriter // nil: none
	expect       *parquet.Expectation
	fingerprints *report.Fingerprinter
	part         publish.Part
}

// Close removes the temporary files.
func (w *filesWriter) Close() {
	for _, f := range w.temporary {
		f.Close()
	}
}

func (w *filesWriter) write(rows []report.Row) error {
	for len(rows) > 0 {
		if w.writer == nil {
			if err := w.begin(); err != nil {
				return err
			}
		}
		batch := rows[:min(int64(len(rows)), fileRows-w.part.Rows)]
		rows = rows[len(batch):]
		err := parallel.Pair(w.o.Budget, func() error { return w.writer.Write(batch) }, func() error {
			w.expect.Add(batch)
			w.fingerprints.Add(batch)
			return nil
		})
		if err != nil {
			return w.explain(err)
		}
		if w.part.Rows == 0 {
			w.part.MinTime = publish.TimeText(batch[0].Dated())
		}
		w.part.MaxTime = publish.TimeText(batch[len(batch)-1].Dated())
		w.part.Rows += int64(len(batch))
		if w.part.Rows == fileRows {
			if err := w.end(); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish returns the files. A partition without rows has one file, too.
func (w *filesWriter) finish() ([]publish.File, error) {
	if w.writer == nil && len(w.files) == 0 {
		if err := w.begin(); err != nil {
			return nil, err
		}
	}
	if w.writer != nil {
		if err := w.end(); err != nil {
			return nil, err
		}
	}
	return w.files, nil
}

// begin begins a file.
func (w *filesWriter) begin() (err error) {
	f, err := spillfile.New()
	if err != nil {
		return err
	}
	w.temporary = append(w.temporary, f)
	w.expect, w.fingerprints, w.part = parquet.NewExpectation(), report.NewFingerprinter(), publish.Part{}
	if w.writer, err = w.o.Settings.Files().Part(f, w.o.Budget.Memory); err != nil {
		return w.explain(err)
	}
	return nil
}

// end completes the file and audits it.
func (w *filesWriter) end() error {
	n, f := len(w.files), w.temporary[len(w.temporary)-1]
	err := w.writer.Close(map[string]string{
		"daybook.report":            w.p.ID.Dataset(),
		"daybook.partition":         w.p.ID.Name(),
		"daybook.part":              strconv.Itoa(n),
		"daybook.schema_version":    strconv.Itoa(report.SchemaVersion),
		"daybook.engine_version":    strconv.Itoa(session.EngineVersion),
		"daybook.input_fingerprint": w.fingerprints.Sum(),
	})
	if err == nil {
		err = w.o.Settings.Files().Audit(f, f.Size(), w.expect)
	}
	if err != nil {
		return w.explain(err)
	}
	file := f.Part("part-"+strconv.Itoa(n), ".parquet", w.part.Rows)
	file.Part.MinTime, file.Part.MaxTime = w.part.MinTime, w.part.MaxTime
	w.files = append(w.files, file)
	w.writer = nil
	return nil
}

// explain says which partition an error is about.
func (w *filesWriter) explain(err error) error {
	return fmt.Errorf("report %s, %s: %w", w.p.ID.Dataset(), w.p.ID.Name(), err)
}
