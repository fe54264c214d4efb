// Package format stores the tables of digests and the rows of partitions as files,
// and reads them back. There is one format for users, [Parquet]; the simulation,
// which stores ten thousand times as many partitions, has a plainer one.
package format

import (
	"context"
	"fmt"
	"io"
	"iter"

	"daybook/pipeline/parallel"
	"daybook/sinks/digest"
	"daybook/sinks/parquet"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/shuffle"
)

// The names of a digest's parts.
const (
	CompleteTable = "complete" // the events of sessions that look complete
	OpenTable     = "open"     // the events of all other sessions
	SessionsTable = "sessions" // the index: where the events of each session are
	RejectsFile   = "rejects"  // the rejected lines
)

// TableName is the name of a table of a digest, or of one of its hash ranges.
func TableName(table string, r shuffle.Range) string {
	if r.Bits == 0 {
		return table
	}
	return fmt.Sprintf("%s-%04d", table, r.Number)
}

// Format writes and reads the files of digests and partitions.
type Format interface {
	// Digest begins the tables of a digest that has so many events.
	Digest(complete, open, sessions io.Writer, events int64) (DigestWriter, error)
	// Batch makes an empty batch of sessions for any digest.
	Batch() DigestBatch
	// Index reads the sessions table of a digest.
	Index(r io.ReaderAt, size int64) (*digest.Index, error)
	// Events opens another table of a digest, whose footer lies in its last tail
	// bytes (digest.Index.TailSize).
	Events(r io.ReaderAt, size, tail int64, complete bool) (EventsTable, error)

	// Part begins a file of rows, within so much memory in bytes.
	Part(w io.Writer, memory int64) (PartWriter, error)
	// Audit reads a file of rows back and compares it with what was written.
	Audit(r io.ReaderAt, size int64, e *parquet.Expectation) error
	// Rows reads the selected columns of the rows of a file; the other columns are
	// null. A batch is valid until the next one is asked for.
	Rows(r io.ReaderAt, size int64, columns parquet.Columns) iter.Seq2[[]report.Row, error]

	// Open opens a file of rows, to copy its row groups into another.
	Open(r io.ReaderAt, size int64) (File, error)
	// Copies reports whether a row group of so many rows is copied as it is. Smaller
	// ones are joined.
	Copies(rows int64) bool
	// Splice begins a file of rows and of row groups of other files.
	Splice(w io.Writer) (Splicer, error)
}

// File is a file of rows whose row groups can be copied.
type File interface {
	// Groups is the number of rows in each row group, in order.
	Groups() []int64
	// Batches reads the rows of a row group. A batch is valid until the next one is
	// asked for.
	Batches(group int) iter.Seq2[[]report.Row, error]
	// Metadata is a value that was passed to Close when the file was written; empty
	// without one.
	Metadata(key string) string
}

// Splicer takes the row groups and rows of a file, in order. Its bytes depend on the
// rows of each row group, and not on where they come from.
type Splicer interface {
	PartWriter
	// Copy adds a row group of a file that Open of the same format has opened.
	Copy(f File, group int) error
	// Audit reads the closed file back and compares it with what was copied and
	// written.
	Audit(r io.ReaderAt, size int64) error
}

// FingerprintKey is the metadata that identifies the rows that a file was made from.
const FingerprintKey = "daybook.input_fingerprint"

// Fingerprint is that of the rows of a file. It is reckoned from the rows if another
// version of daybook wrote the file.
func Fingerprint(f File) (string, error) {
	if known := f.Metadata(FingerprintKey); len(known) == parquet.FingerprintSize {
		return known, nil
	}
	e := parquet.NewExpectation()
	for group := range f.Groups() {
		for rows, err := range f.Batches(group) {
			if err != nil {
				return "", err
			}
			e.Add(rows)
		}
	}
	return e.Fingerprint(), nil
}

// Piece is a piece of the content of a partition: a row group of a file, or rows.
type Piece struct {
	File    File // nil: rows
	Group   int
	Size    int64 // rows of the row group
	Rows    []report.Row
	Sources []string // fingerprints of the files that the rows come from, in order
}

// DigestWriter takes the sessions of a digest in the order of their hash.
type DigestWriter interface {
	// Append moves the content of a batch to the digest.
	Append(context.Context, DigestBatch) error
	Close(context.Context) (digest.Summary, error)
}

// DigestBatch holds some sessions of a digest. Several batches can be filled at
// the same time.
type DigestBatch interface {
	Add(ctx context.Context, events []event.Event, complete bool) error
	// AddOversized adds a session without its events.
	AddOversized(event.Extent)
}

// EventsTable knows where the row groups of a table of events are.
type EventsTable interface {
	// Open reads one row group of the table, which is in r, with the events' ids or
	// without.
	Open(r io.ReaderAt, group int, ids bool) (Sessions, error)
	// Memory is about what a row group takes while it is open, in bytes.
	Memory(group int) int64
}

// Sessions are the sessions of a row group, in the order of their hash.
type Sessions interface {
	// Next goes to the next session, if there is one.
	Next() (session int64, ok bool)
	// Append appends the events of the session that Next went to, with their ids if
	// those were read. The events belong to the caller.
	Append(events []event.Event, ids bool) ([]event.Event, error)
}

// PartWriter takes the rows of a file, in order.
type PartWriter interface {
	Write(rows []report.Row) error
	Close(metadata map[string]string) error
}

// Parquet is the format of everything that daybook publishes. Its profile is that of
// the files of rows that are written; files of every profile are read.
type Parquet struct{ Profile parquet.Profile }

// serialBelow is the memory below which row groups are encoded one after the
// other, with less memory.
const serialBelow = 2 * parallel.TaskMemory

// Digest implements [Format], and so do the other methods.
func (Parquet) Digest(complete, open, sessions io.Writer, events int64) (DigestWriter, error) {
	w, err := digest.NewWriter(complete, open, sessions, events)
	return parquetDigest{w}, err
}

type parquetDigest struct{ *digest.Writer }

// Batch makes an empty batch.
func (Parquet) Batch() DigestBatch { return new(digest.Batch) }

func (w parquetDigest) Append(ctx context.Context, b DigestBatch) error {
	return w.Writer.Append(ctx, b.(*digest.Batch))
}

// Index reads the sessions table.
func (Parquet) Index(r io.ReaderAt, size int64) (*digest.Index, error) {
	return digest.ReadIndex(r, size)
}

// Events opens a table of events.
func (Parquet) Events(r io.ReaderAt, size, tail int64, complete bool) (EventsTable, error) {
	events, err := digest.OpenEvents(r, size, tail, complete)
	return parquetEvents{events}, err
}

type parquetEvents struct{ *digest.Events }

func (e parquetEvents) Open(r io.ReaderAt, group int, ids bool) (Sessions, error) {
	return e.Events.Open(r, group, ids)
}

// Part begins a Parquet file.
func (f Parquet) Part(w io.Writer, memory int64) (PartWriter, error) {
	if memory < serialBelow {
		return parquet.NewSerialWriter(w, f.Profile)
	}
	return parquet.NewWriter(w, f.Profile)
}

// Audit reads a Parquet file with the independent reader.
func (f Parquet) Audit(r io.ReaderAt, size int64, e *parquet.Expectation) error {
	return parquet.Audit(r, size, f.Profile, e)
}

// Rows reads the rows of a Parquet file.
func (Parquet) Rows(r io.ReaderAt, size int64, columns parquet.Columns) iter.Seq2[[]report.Row, error] {
	return parquet.Batches(r, size, columns)
}

// Open opens a Parquet file.
func (Parquet) Open(r io.ReaderAt, size int64) (File, error) { return parquet.OpenFile(r, size) }

// Copies reports whether a row group is worth copying.
func (Parquet) Copies(rows int64) bool { return rows >= parquet.CopyRows }

// Splice begins a Parquet file.
func (f Parquet) Splice(w io.Writer) (Splicer, error) {
	s, err := parquet.NewSplicer(w, f.Profile)
	return splicer{s}, err
}

type splicer struct{ *parquet.Splicer }

func (s splicer) Copy(f File, group int) error { return s.Splicer.Copy(f.(*parquet.File), group) }
