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
// Nothing here needs a file in memory: a [Writer] and a [Reader] hold a row
// group, and an audit a column of one.
//
// Rows go into Arrow record batches (report.BatchBuilder), and each batch
// through Arrow's Parquet writer, which makes a row group of it. The library has
// faults that this package keeps from its callers: it loses the errors of a sink
// that fails, or panics (so it never learns of them, and panics become errors),
// stores a null in a required column as zero, and takes text that is no UTF-8,
// which readers then refuse (so the builder of batches does). Corrupt bytes make
// it panic, or take any amount of memory (so [Reader] looks at every header
// first).
//
// Because of such faults a file is not published on the writer's word. [Audit]
// reads it back with another implementation, and compares it with the
// [Expectation] that was made of the rows themselves.
package parquet

import (
	"bytes"
	"crypto/sha256"

	"github.com/apache/arrow/go/v17/parquet"

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

// Encode makes a Parquet file of rows, in the order given: what a [Writer]
// writes, in memory. The metadata becomes the key-value metadata of the file's
// footer, sorted by key. The rows are only read, and only during the call.
//
// An error names the row and the column at fault, where there is one.
func Encode(rows []report.Row, metadata map[string]string) (*Part, error) {
	return encode(rows, metadata, RowGroupRows)
}

func encode(rows []report.Row, metadata map[string]string, rowGroupRows int) (*Part, error) {
	var file bytes.Buffer
	w, err := newWriter(&file, rowGroupRows)
	if err != nil {
		return nil, err
	}
	if err := w.Write(rows); err != nil {
		return nil, err
	}
	if err := w.Close(metadata); err != nil {
		return nil, err
	}
	return &Part{Bytes: file.Bytes(), Rows: int64(len(rows)), SHA256: sha256.Sum256(file.Bytes())}, nil
}

// batch is memory for the values of one column in some rows, one column after
// the other. Those that are null have a level only.
type batch struct {
	numbers []int64
	days    []int32
	flags   []bool
	texts   []parquet.ByteArray // parts of a page
	levels  []int16             // of each row: 1 for a value, 0 for a null
	joined  []byte              // texts, one after the other
}

// unit is what a number of column c is multiplied by in a file: it has the
// timestamps in microseconds.
func unit(c *report.Column) int64 {
	if c.Kind == report.Timestamp {
		return 1000
	}
	return 1
}
