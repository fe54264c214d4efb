package parquet

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"daybook/transform/report"
)

// Writer writes a file, row group by row group: of a file of any length there
// are two row groups in memory, as Arrow record batches. One is being collected
// while the other's columns are encoded by as many goroutines as GOMAXPROCS,
// which touch nothing else: what goes to the sink is written by the calls of
// Write and Close. The first error is that of all calls that follow; the file is
// of no use then.
type Writer struct {
	sink      *sink
	file      *file.Writer
	groupRows int
	batch     *report.BatchBuilder // of the row group that is being collected
	group     *rowGroup            // that is being encoded, or nil
	serial    bool                 // nothing is collected meanwhile
	rows      int64                // in the row groups written
	err       error
}

// NewWriter begins a file. Its bytes go to w, which is the caller's to close.
func NewWriter(w io.Writer) (*Writer, error) { return newWriter(w, RowGroupRows) }

// NewSerialWriter begins a file with some 60 MB less of memory, and more time: no
// row group is collected while the one before it is being encoded.
func NewSerialWriter(w io.Writer) (*Writer, error) {
	writer, err := NewWriter(w)
	if err == nil {
		writer.serial = true
	}
	return writer, err
}

// newWriter is for row groups of groupRows rows, of which RowGroupRows is the most.
func newWriter(w io.Writer, groupRows int) (_ *Writer, err error) {
	defer recovered(&err)
	s, p := &sink{w: w}, properties()
	schema, err := pqarrow.ToParquet(report.Schema(), p, pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, writeError(0, err)
	}
	// Metadata, if only an empty list, is there in the files of released versions.
	f := file.NewParquetWriter(s, schema.Root(), file.WithWriterProps(p), file.WithWriteMetadata(metadata.NewKeyValueMetadata()))
	if s.err != nil {
		return nil, writeError(0, s.err)
	}
	return &Writer{sink: s, file: f, groupRows: groupRows, batch: report.NewBatchBuilder(repeats)}, nil
}

// Write adds rows, in their order, however they are split into calls. They
// stay the caller's, and are copied. The error for a row that cannot be written
// names it and the column at fault.
func (w *Writer) Write(rows []report.Row) error {
	for len(rows) > 0 && w.err == nil {
		n := min(len(rows), w.groupRows-w.batch.Len())
		w.collect(rows[:n])
		rows = rows[n:]
	}
	return w.err
}

// collect adds rows to the row group, and has it encoded when it is full.
func (w *Writer) collect(rows []report.Row) {
	if w.batch.Len() == 0 && w.rows > 0 { // there was a full row group, so the next may well be one
		w.batch.Reserve(w.groupRows)
	}
	if err := w.batch.Append(rows); err != nil {
		w.err = writeError(w.rows, err)
	} else if w.batch.Len() == w.groupRows {
		w.endGroup()
	}
}

// Close writes what is left, and the footer. The metadata becomes its
// key-value metadata, sorted by key. Only after Close has returned nil has w
// got a file.
func (w *Writer) Close(metadata map[string]string) error {
	if w.batch.Len() > 0 && w.err == nil {
		w.endGroup()
	}
	if w.err == nil {
		w.err = w.writeGroup()
	}
	if w.err == nil {
		if err := w.writeFooter(metadata); err != nil {
			w.err = writeError(w.rows, err)
			return w.err
		}
		w.err = errClosed
		return nil
	}
	return w.err
}

var errClosed = errors.New("write a Parquet file: it has been closed")

func writeError(rows int64, err error) error {
	return fmt.Errorf("write a Parquet file, after %d rows: %w", rows, err)
}

// endGroup begins to encode the rows collected as a row group, when the one
// before it has been written.
func (w *Writer) endGroup() {
	if w.err = w.writeGroup(); w.err != nil {
		return
	}
	rows := w.batch.Len()
	group, err := beginGroup(w.file, w.batch.NewRecord())
	if err != nil {
		w.err = writeError(w.rows, err)
		return
	}
	w.group = group
	w.rows += int64(rows)
	if w.serial {
		w.err = w.writeGroup()
	}
}

// writeGroup waits for the row group that is being encoded, and writes it.
func (w *Writer) writeGroup() error {
	if w.group == nil {
		return nil
	}
	group := w.group
	w.group = nil
	if err := errors.Join(group.write(), w.sink.err); err != nil {
		return writeError(w.rows-group.rows, err)
	}
	return nil
}

// writeFooter believes the library no more than it has to: it reports success
// without a footer, too.
func (w *Writer) writeFooter(metadata map[string]string) (err error) {
	defer recovered(&err)
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if err := w.file.AppendKeyValueMetadata(key, metadata[key]); err != nil {
			return fmt.Errorf("footer metadata %q: %w", key, err)
		}
	}
	if err := errors.Join(w.file.Close(), w.sink.err); err != nil {
		return err
	}
	if _, _, err := parseTail(w.sink.tail, w.sink.size); err != nil {
		return fmt.Errorf("the writer reported success, but %w", err)
	}
	return nil
}

// sink stands between the library, which panics or goes on when a write fails,
// and the writer that may fail: it remembers the first error, and reports
// success.
type sink struct {
	w    io.Writer
	err  error // the first
	size int64
	tail []byte // the last bytes
}

func (s *sink) Write(b []byte) (int, error) {
	if s.err != nil {
		return len(b), nil
	}
	n, err := s.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	s.err = err
	s.size += int64(len(b))
	s.tail = append(s.tail, b[max(0, len(b)-tailLength):]...)
	s.tail = s.tail[max(0, len(s.tail)-tailLength):]
	return len(b), nil
}
