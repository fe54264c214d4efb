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

// Writer writes a file row group by row group. Two row groups are in memory, as
// Arrow record batches: one is collected while the columns of the other are
// encoded by GOMAXPROCS goroutines. Only Write and Close write to the output.
// After the first error, all calls return it, and the file is invalid.
type Writer struct {
	sink      *sink
	file      *file.Writer
	groupRows int
	batch     *report.BatchBuilder // the row group that is being collected
	group     *rowGroup            // the row group that is being encoded, or nil
	serial    bool                 // encode each row group before the next is collected
	rows      int64                // in row groups that are complete
	err       error
}

// NewWriter starts a file of a profile. Its bytes go to w; the caller closes w.
func NewWriter(w io.Writer, p Profile) (*Writer, error) { return newWriter(w, p, RowGroupRows) }

// NewSerialWriter is like NewWriter, with about 60 MB less memory and more
// time: it encodes each row group before it collects the next.
func NewSerialWriter(w io.Writer, p Profile) (*Writer, error) {
	writer, err := NewWriter(w, p)
	if err == nil {
		writer.serial = true
	}
	return writer, err
}

// newWriter starts a file with row groups of groupRows rows, at most
// RowGroupRows.
func newWriter(w io.Writer, p Profile, groupRows int) (_ *Writer, err error) {
	defer recovered(&err)
	s, properties := &sink{w: w}, p.properties()
	schema, err := pqarrow.ToParquet(report.Schema(), properties, pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, writeError(0, err)
	}
	// Released versions always wrote the metadata list, even if it was empty.
	f := file.NewParquetWriter(s, schema.Root(), file.WithWriterProps(properties), file.WithWriteMetadata(metadata.NewKeyValueMetadata()))
	if s.err != nil {
		return nil, writeError(0, s.err)
	}
	return &Writer{sink: s, file: f, groupRows: groupRows, batch: report.NewBatchBuilder(repeats)}, nil
}

// Write copies and adds rows. The file does not depend on how rows are split
// into calls. The error for an invalid row names the row and the column.
func (w *Writer) Write(rows []report.Row) error {
	for len(rows) > 0 && w.err == nil {
		n := min(len(rows), w.groupRows-w.batch.Len())
		w.collect(rows[:n])
		rows = rows[n:]
	}
	return w.err
}

// collect adds rows to the row group, and starts to encode it when it is full.
func (w *Writer) collect(rows []report.Row) {
	if w.batch.Len() == 0 && w.rows > 0 { // after a full row group, the next is probably full, too
		w.batch.Reserve(w.groupRows)
	}
	if err := w.batch.Append(rows); err != nil {
		w.err = writeError(w.rows, err)
	} else if w.batch.Len() == w.groupRows {
		w.endGroup()
	}
}

// Close writes the remaining rows and the footer. metadata becomes the footer's
// key-value metadata, sorted by key. The file is complete only if Close returns
// nil.
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

var errClosed = errors.New("write a Parquet file: it is closed")

func writeError(rows int64, err error) error {
	return fmt.Errorf("write a Parquet file, after %d rows: %w", rows, err)
}

// endGroup writes the previous row group and starts to encode the collected
// rows as the next.
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

// writeGroup waits for the row group that is being encoded and writes it.
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

// writeFooter writes the footer and checks that it is there: the library can
// report success without one.
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
		return fmt.Errorf("the library reported success, but %w", err)
	}
	return nil
}

// sink protects the library, which panics or ignores errors, from a failing
// output: it stores the first error and reports success to the library.
type sink struct {
	w    io.Writer
	err  error // the first
	size int64
	tail []byte // the last tailLength bytes
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
