// Package parquet encodes the rows of a report as Parquet files, and audits
// what it encoded.
//
// A file is a pure function of its rows and of the metadata its caller gives:
// no clock, no host, no map order. Its profile is the one that warehouses read
// without surprises: timestamps in microseconds UTC, never nanoseconds or
// INT96; durations as int64 milliseconds; zstd; statistics on every column;
// stable field ids; row groups of [RowGroupRows] rows. The columns are
// report.Columns; how each is encoded is decided in profile.go. A file
// without rows is a valid file.
//
// The writer is Apache Arrow's. It has faults that this package keeps from
// its callers: it loses the errors of a sink that fails, or panics (so it
// writes into memory, and panics become errors), stores a null in a required
// column as zero (report.Batch refuses it), and takes text that is no UTF-8,
// which readers then refuse (so does Encode).
//
// Because of such faults a file is not published on the writer's word. [Audit]
// reads it back with another implementation, and compares it with what
// [Expect] makes of the rows themselves.
package parquet

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	_ "daybook/sinks/internal/zstdcodec"
	"daybook/transform/report"
)

// RowGroupRows is the number of rows in a row group, but for a file's last.
// It is what readers work in parallel by and skip by: large enough for the
// columns of one to compress well, small enough to hold one in memory.
const RowGroupRows = 128 << 10

// Part is one encoded file. Its bytes are the caller's.
type Part struct {
	Bytes  []byte
	Rows   int64
	SHA256 [sha256.Size]byte // of Bytes
}

// Encode makes a Parquet file of rows, in the order given. The metadata
// becomes the key-value metadata of the file's footer, sorted by key. The
// rows are only read, and only during the call.
//
// An error names the row and the column at fault, where there is one.
func Encode(rows []report.Row, metadata map[string]string) (*Part, error) {
	return encode(rows, metadata, RowGroupRows)
}

func encode(rows []report.Row, metadata map[string]string, rowGroupRows int) (_ *Part, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("encode %d rows as Parquet: the writer panicked: %v", len(rows), p)
		}
	}()
	var file bytes.Buffer
	if err := write(&file, rows, metadata, rowGroupRows); err != nil {
		return nil, fmt.Errorf("encode %d rows as Parquet: %w", len(rows), err)
	}
	return &Part{Bytes: file.Bytes(), Rows: int64(len(rows)), SHA256: sha256.Sum256(file.Bytes())}, nil
}

// write writes into a buffer, not into any writer: a sink that fails makes
// the Arrow writer panic, or report success.
func write(file *bytes.Buffer, rows []report.Row, metadata map[string]string, rowGroupRows int) error {
	schema := report.Schema()
	w, err := pqarrow.NewFileWriter(schema, file, properties(), pqarrow.DefaultWriterProps())
	if err != nil {
		return err
	}
	for group := range slices.Chunk(rows, rowGroupRows) {
		if err := writeGroup(w, schema, group); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if err := w.AppendKeyValueMetadata(key, metadata[key]); err != nil {
			return fmt.Errorf("footer metadata %q: %w", key, err)
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	if _, _, err := locateFooter(&source{r: bytes.NewReader(file.Bytes()), size: int64(file.Len())}); err != nil {
		return fmt.Errorf("the writer reported success, but %w", err)
	}
	return nil
}

// writeGroup writes one row group: a batch is one to the writer. Batches
// share no buffers, since the writer keeps pointers into them, as its
// statistics, until it is closed.
func writeGroup(w *pqarrow.FileWriter, schema *arrow.Schema, rows []report.Row) error {
	if err := checkText(rows); err != nil {
		return err
	}
	batch, err := report.Batch(schema, rows)
	if err != nil {
		return err
	}
	defer batch.Release()
	return w.Write(batch)
}

// checkText refuses text that is not UTF-8: the writer would take it, and
// make a file that warehouses cannot read.
func checkText(rows []report.Row) error {
	for i := range rows {
		r := &rows[i]
		for j := range report.Columns {
			c := &report.Columns[j]
			if c.Kind != report.String {
				continue
			}
			if s := c.Text(r); !utf8.ValidString(s) {
				return fmt.Errorf("session %d leg %d: column %s: %q is not valid UTF-8", r.SessionID, r.Leg, c.Name, s)
			}
		}
	}
	return nil
}
