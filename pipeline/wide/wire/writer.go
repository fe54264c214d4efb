package wire

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Writer writes a stream. It is not safe for concurrent use.
type Writer struct {
	ipc   *ipc.Writer
	rows  *array.RecordBuilder
	count int64 // rows so far
	held  int   // of them, in the batch
	bytes int   // of their payloads
}

// NewWriter begins a stream.
func NewWriter(w io.Writer) *Writer {
	return &Writer{
		ipc:  ipc.NewWriter(w, ipc.WithSchema(Schema)),
		rows: array.NewRecordBuilder(memory.DefaultAllocator, Schema),
	}
}

// Write writes a row. It keeps no reference to its payload.
func (w *Writer) Write(r Row) error {
	w.rows.Field(colPID).(*array.Int32Builder).Append(r.PID)
	w.rows.Field(colKind).(*array.Int32Builder).Append(int32(r.Kind))
	w.rows.Field(colDay).(*array.Int32Builder).Append(r.Day)
	w.rows.Field(colSeq).(*array.Int64Builder).Append(r.Seq)
	w.rows.Field(colN).(*array.Int64Builder).Append(r.N)
	w.rows.Field(colPayload).(*array.BinaryBuilder).Append(r.Payload)
	w.count++
	w.held++
	if w.bytes += len(r.Payload); w.held == batchRows || w.bytes >= batchBytes {
		return w.flush()
	}
	return nil
}

func (w *Writer) flush() error {
	batch := w.rows.NewRecord()
	defer batch.Release()
	w.held, w.bytes = 0, 0
	if err := w.ipc.Write(batch); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}

// Close writes the end of the stream, in a batch of its own. The stream of a writer that
// is not closed is refused.
func (w *Writer) Close() error {
	if w.held > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if err := w.Write(Row{Kind: End, N: w.count}); err != nil {
		return err
	}
	if w.held > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if err := w.ipc.Close(); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}
