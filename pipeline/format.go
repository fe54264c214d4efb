package pipeline

import (
	"io"
	"iter"

	"daybook/sinks/digest"
	"daybook/sinks/parquet"
	"daybook/transform/event"
	"daybook/transform/report"
)

// The names of a digest's parts.
const (
	completeTable = "complete" // the events of sessions that look complete
	openTable     = "open"     // and those of all others
	sessionsTable = "sessions" // where the events of each are
	rejectsFile   = "rejects"  // the lines that are no events
)

// format is how digests and partitions are stored. There is one, Parquet; the
// simulation, which stores ten thousand times as many, has a plainer one.
type format interface {
	// digest begins the tables of a digest of that many events.
	digest(complete, open, sessions io.Writer, events int64) (digestWriter, error)
	// index reads the sessions table of a digest.
	index(r io.ReaderAt, size int64) (*digest.Index, error)
	// events opens one of its other tables, whose footer is in its last tail
	// bytes (digest.Index.TailSize).
	events(r io.ReaderAt, size, tail int64, complete bool) (eventsTable, error)

	// part begins a part of a partition.
	part(w io.Writer) (partWriter, error)
	// audit reads a part back and holds it against what was expected.
	audit(r io.ReaderAt, size int64, e *parquet.Expectation) error
	// rows reads the rows of a part.
	rows(r io.ReaderAt, size int64) iter.Seq2[report.Row, error]
}

// digestWriter takes the sessions of a digest in the order of their hash.
type digestWriter interface {
	// Batch makes an empty batch, and Append moves what is in one to the digest.
	Batch() digestBatch
	Append(digestBatch) error
	Close() (digest.Summary, error)
}

// digestBatch is some sessions of a digest. Several can be filled side by side.
type digestBatch interface {
	Add(events []event.Event, complete bool) error
}

// eventsTable knows where the row groups of a table of events are.
type eventsTable interface {
	// Open reads one of the table, which is in r, with the events' ids or without.
	Open(r io.ReaderAt, group int, ids bool) (storedSessions, error)
}

// storedSessions are the sessions of a row group, in the order of their hash.
type storedSessions interface {
	// Next goes on to the next session, if there is one.
	Next() (session int64, ok bool)
	// Append appends the events of the session that Next came to, with their ids
	// if those were read, or without. They are the caller's.
	Append(events []event.Event, ids bool) ([]event.Event, error)
}

// partWriter takes the rows of a part, in order.
type partWriter interface {
	Write(rows []report.Row) error
	Close(metadata map[string]string) error
}

// parquetFormat is the one format.
type parquetFormat struct {
	serial bool // parts are written with less memory
}

// serialBelow is the memory of a lane below which it is.
const serialBelow = 2 * laneMemory

func (parquetFormat) digest(complete, open, sessions io.Writer, events int64) (digestWriter, error) {
	w, err := digest.NewWriter(complete, open, sessions, events)
	return parquetDigest{w}, err
}

type parquetDigest struct{ *digest.Writer }

func (parquetDigest) Batch() digestBatch { return new(digest.Batch) }

func (w parquetDigest) Append(b digestBatch) error { return w.Writer.Append(b.(*digest.Batch)) }

func (parquetFormat) index(r io.ReaderAt, size int64) (*digest.Index, error) {
	return digest.ReadIndex(r, size)
}

func (parquetFormat) events(r io.ReaderAt, size, tail int64, complete bool) (eventsTable, error) {
	events, err := digest.OpenEvents(r, size, tail, complete)
	return parquetEvents{events}, err
}

type parquetEvents struct{ *digest.Events }

func (e parquetEvents) Open(r io.ReaderAt, group int, ids bool) (storedSessions, error) {
	return e.Events.Open(r, group, ids)
}

func (f parquetFormat) part(w io.Writer) (partWriter, error) {
	if f.serial {
		return parquet.NewSerialWriter(w)
	}
	return parquet.NewWriter(w)
}

func (parquetFormat) audit(r io.ReaderAt, size int64, e *parquet.Expectation) error {
	return parquet.Audit(r, size, e)
}

func (parquetFormat) rows(r io.ReaderAt, size int64) iter.Seq2[report.Row, error] {
	return parquet.Rows(r, size)
}
