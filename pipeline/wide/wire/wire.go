// Package wire is the stream of rows between a worker of a wide day and the program
// that runs it: an Arrow IPC stream without compression of its own, with the columns of
// [Schema]. Programs such as Spark shuffle the rows by pid.
//
// The first row that a worker reads is its task. The last row of every stream is its
// end, and counts the rows before it: an Arrow stream that is cut at the end of a batch
// reads as complete.
package wire

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// Kind says what a row is.
type Kind int32

// The kinds of rows. Each says what its payload, its seq and its n are.
const (
	Events  Kind = 0   // packed records of a hash range (shuffle.AppendRecord); n records
	Rejects Kind = 1   // packed rejected lines (quarantine); seq: number of the dump; n: of the piece, from 0
	Tally   Kind = 2   // JSON: what became of a dump's lines
	Rows    Kind = 3   // packed rows of a report; seq: the bucket of their times; n rows
	Task    Kind = 8   // JSON: what the worker is to do
	Result  Kind = 9   // JSON: what the worker has done, or why it cannot be done
	End     Kind = 255 // n rows came before it
)

// Row is one row of a stream.
type Row struct {
	PID     int32 // the partition that the row goes to
	Kind    Kind
	Day     int32 // days since the Unix epoch
	Seq, N  int64
	Payload []byte
}

// ErrStream: the stream is not whole, or not one of this package.
var ErrStream = errors.New("the stream of rows is damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrStream, fmt.Errorf(format, args...))
}

// The columns and their positions. They may be null by their type, as a data frame's
// are, and never are.
const (
	colPID = iota
	colKind
	colDay
	colSeq
	colN
	colPayload
)

// Schema is the schema of the stream.
var Schema = arrow.NewSchema([]arrow.Field{
	colPID:     {Name: "pid", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	colKind:    {Name: "kind", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	colDay:     {Name: "day", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	colSeq:     {Name: "seq", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	colN:       {Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	colPayload: {Name: "payload", Type: arrow.BinaryTypes.Binary, Nullable: true},
}, nil)

const (
	// batchRows and batchBytes are how many rows and bytes of payload a batch has that
	// a Writer makes, unless one row has more.
	batchRows  = 64
	batchBytes = 4 << 20
	// maxBody is the most bytes of a batch that a Reader takes.
	maxBody = 256 << 20
	// maxMetadata is the most bytes of a batch's description.
	maxMetadata = 1 << 20
)
