// Package format stores the tables of digests and the rows of partitions as files,
// and reads them back. There is one format for users, [Parquet]; the simulation,
// which stores ten thousand times as many partitions, has a plainer one.
package format

import (
	"context"
	"io"
	"iter"

	"daybook/pipeline/parallel"
	"daybook/sinks/digest"
	"daybook/sinks/parquet"
	"daybook/transform/event"
	"daybook/transform/report"
)

// The names of a digest's parts.
const (
	CompleteTable = "complete" // the events of sessions that look complete
	OpenTable     = "open"     // the events of all other sessions
	SessionsTable = "sessions" // the index: where the events of each session are
	RejectsFile   = "rejects"  // the rejected lines
)

// Format writes and reads the files of digests and partitions.
type Format interface {
	// Digest begins the tables of a digest that has so many events.
	Digest(complete, open, sessions io.Writer, events int64) (DigestWriter, error)
	// Index reads the sessions table of a digest.
	Index(r io.ReaderAt, size int64) (*digest.Index, error)
	// Events opens another table of a digest, whose footer lies in its last tail
	// bytes (digest.Index.TailSize).
	Events(r io.ReaderAt, size, tail int64, complete bool) (EventsTable, error)

	// Part begins a file of rows, within so much memory in bytes.
	Part(w io.Writer, memory int64) (PartWriter, error)
	// Audit reads a file of rows back and compares it with what was written.
	Audit(r io.ReaderAt, size int64, e *parquet.Expectation) error
	// Rows reads the rows of a file.
	Rows(r io.ReaderAt, size int64) iter.Seq2[report.Row, error]
}

// DigestWriter takes the sessions of a digest in the order of their hash.
type DigestWriter interface {
	// Batch makes an empty batch, and Append moves the content of one to the digest.
	Batch() DigestBatch
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

// Parquet is the format of everything that daybook publishes.
type Parquet struct{}

// serialBelow is the memory below which row groups are encoded one after the
// other, with less memory.
const serialBelow = 2 * parallel.TaskMemory

// Digest implements [Format], and so do the other methods.
func (Parquet) Digest(complete, open, sessions io.Writer, events int64) (DigestWriter, error) {
	w, err := digest.NewWriter(complete, open, sessions, events)
	return parquetDigest{w}, err
}

type parquetDigest struct{ *digest.Writer }

func (parquetDigest) Batch() DigestBatch { return new(digest.Batch) }

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
func (Parquet) Part(w io.Writer, memory int64) (PartWriter, error) {
	if memory < serialBelow {
		return parquet.NewSerialWriter(w)
	}
	return parquet.NewWriter(w)
}

// Audit reads a Parquet file with the independent reader.
func (Parquet) Audit(r io.ReaderAt, size int64, e *parquet.Expectation) error {
	return parquet.Audit(r, size, e)
}

// Rows reads the rows of a Parquet file.
func (Parquet) Rows(r io.ReaderAt, size int64) iter.Seq2[report.Row, error] {
	return parquet.Rows(r, size)
}
