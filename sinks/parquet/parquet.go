// Package parquet writes, reads and audits the Parquet files of reports.
//
// A file depends only on its rows, its [Profile] and the metadata from the caller.
// All warehouses read the default profile. In all profiles: timestamps in
// microseconds UTC;
// durations as int64 milliseconds; zstd; statistics on every column; stable
// field ids; row groups of [RowGroupRows] rows. The columns are report.Columns;
// profile.go chooses their encodings. A file without rows is valid. A [Splicer]
// makes a file of row groups of other files, which it copies.
//
// Row groups have no sorting columns in their metadata. Rows are sorted by start or
// begin, session and leg (report.md, "Order"): by the start, or by the begin of a leg
// that never started. No column has this value, and neither of the two is sorted.
// Readers skip row groups by the statistics of both.
//
// Nothing here needs a whole file in memory: a [Writer], a [Splicer] and a [Reader]
// hold a row group, and an audit holds one column of it.
//
// Rows become Arrow record batches (report.BatchBuilder), and Arrow's Parquet
// writer makes a row group of each batch. This package shields callers from
// faults of the library:
//
//   - It loses or panics on errors of the output: the package's own sink hides
//     them from it and reports them.
//   - It writes a null in a required column as zero, and accepts invalid UTF-8,
//     which readers refuse: the batch builder rejects both.
//   - Corrupt input makes it panic or allocate without limit: [Reader] checks
//     every header first.
//
// Because of such faults, [Audit] checks each file before it is published. It
// reads the file with another implementation and compares it with the
// [Expectation], which is made from the rows themselves.
package parquet

import (
	"github.com/apache/arrow/go/v17/parquet"

	_ "daybook/sinks/internal/zstdcodec"
	"daybook/transform/report"
)

// RowGroupRows is the number of rows in a row group; the last of a file may
// have fewer. Readers parallelise and skip by row groups: this size compresses
// well and fits into memory.
const RowGroupRows = 128 << 10

// batch is reusable memory for the values of one column in some rows. A null
// has a level but no value.
type batch struct {
	numbers []int64
	days    []int32
	flags   []bool
	texts   []parquet.ByteArray // they share the memory of a page
	levels  []int16             // for each row: 1 for a value, 0 for a null
	joined  []byte              // the texts, joined
}

// unit is the factor between the numbers of column c in rows and in files:
// timestamps are milliseconds in rows and microseconds in files.
func unit(c *report.Column) int64 {
	if c.Kind == report.Timestamp {
		return 1000
	}
	return 1
}
