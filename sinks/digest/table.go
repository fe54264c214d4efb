package digest

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// maxGroups is the largest number of row groups in a Parquet file.
const maxGroups = 1<<15 - 1

// tableWriter writes a file row group by row group. A goroutine encodes them
// one after the other in memory. Only wait and close write to the file.
type tableWriter struct {
	sink   *sink
	file   *file.Writer
	table  *table
	groups int   // number of row groups passed to begin
	tail   int64 // after close: number of bytes from the footer's checksum to the end

	// Except for the channels, only the encoder of one row group uses these
	// at a time.
	encoding []chan encoded // row groups that are encoded or wait for it, in order
	last     chan error     // the result of the last of them
	sums     []byte         // checksums of the row groups in the form of the metadata
}

// encoded is an encoded row group, or why it could not be encoded.
type encoded struct {
	bytes []byte
	err   error
}

func newTableWriter(w io.Writer, t *table) (_ *tableWriter, err error) {
	defer guard(&err)
	root, err := t.schema()
	if err != nil {
		return nil, err
	}
	s := &sink{w: w, spare: make(chan []byte, groupsAhead)}
	f := file.NewParquetWriter(s, root, file.WithWriterProps(t.properties()))
	last := make(chan error, 1)
	last <- nil
	return &tableWriter{sink: s, file: f, table: t, last: last}, s.flush()
}

// begin starts to encode a row group once the previous ones are done. The
// columns are of type []int64 or []parquet.ByteArray; the caller must not
// change them before wait has returned for the row group.
func (w *tableWriter) begin(columns ...any) error {
	if w.groups++; w.groups > maxGroups {
		return fmt.Errorf("table %s: more than %d row groups", w.table.name, maxGroups)
	}
	before, last, group := w.last, make(chan error, 1), make(chan encoded, 1)
	w.last, w.encoding = last, append(w.encoding, group)
	go func() {
		err := <-before
		if err == nil {
			err = w.group(columns)
		}
		group <- encoded{w.sink.take(), err}
		last <- err
	}()
	return nil
}

// wait writes encoded row groups until at most most are left, which may still
// be encoded. The error may be that of ctx.
func (w *tableWriter) wait(ctx context.Context, most int) error {
	for len(w.encoding) > most {
		var group encoded
		select {
		case group = <-w.encoding[0]:
		case <-ctx.Done():
			return ctx.Err()
		}
		w.encoding = w.encoding[1:]
		if group.err != nil {
			return group.err
		}
		if err := w.sink.write(group.bytes); err != nil {
			return err
		}
	}
	return nil
}

// group encodes a row group.
func (w *tableWriter) group(columns []any) (err error) {
	defer guard(&err)
	g := w.file.AppendRowGroup()
	needed := len(columns) - w.table.optional
	for _, some := range [][]any{columns[:needed], columns[needed:]} {
		w.sink.sum = 0
		if err := writeChunks(g, some); err != nil {
			return fmt.Errorf("table %s: %w", w.table.name, err)
		}
		w.sums = binary.LittleEndian.AppendUint32(w.sums, w.sink.sum)
	}
	return g.Close()
}

// writeChunks writes the next columns of a row group.
func writeChunks(g file.SerialRowGroupWriter, columns []any) error {
	for _, values := range columns {
		chunk, err := g.NextColumn()
		if err != nil {
			return err
		}
		if err := writeChunk(chunk, values); err != nil {
			return fmt.Errorf("column %s: %w", chunk.Descr().Name(), err)
		}
	}
	return nil
}

func writeChunk(chunk file.ColumnChunkWriter, values any) (err error) {
	switch chunk := chunk.(type) {
	case *file.Int64ColumnChunkWriter:
		_, err = chunk.WriteBatch(values.([]int64), nil, nil)
	case *file.ByteArrayColumnChunkWriter:
		_, err = chunk.WriteBatch(values.([]parquet.ByteArray), nil, nil)
	default:
		err = fmt.Errorf("unexpected type %s", chunk.Descr().PhysicalType())
	}
	return errors.Join(err, chunk.Close())
}

// setMetadata adds a value to the footer's metadata.
func (w *tableWriter) setMetadata(key, value string) error {
	return w.file.AppendKeyValueMetadata(key, value)
}

// close writes the checksum of the footer and the footer. All row groups must
// be written.
func (w *tableWriter) close() (err error) {
	defer guard(&err)
	err = errors.Join(
		w.setMetadata(keyVersion, strconv.Itoa(Version)),
		w.setMetadata(keyTable, w.table.name),
		w.setMetadata(keyChecksums, base64.RawStdEncoding.EncodeToString(w.sums)))
	if err != nil {
		return err
	}
	w.sink.holding = true
	if err := w.file.Close(); err != nil {
		return err
	}
	footer := w.sink.footer
	length, err := footerLength(footer)
	if err != nil || length != int64(len(footer)-tailSize) {
		return fmt.Errorf("table %s: the library reported success, but wrote no footer", w.table.name)
	}
	w.sink.pending = binary.LittleEndian.AppendUint32(w.sink.pending, checksum(footer[:length]))
	w.sink.pending = append(w.sink.pending, footer...)
	w.tail = int64(checksumSize + len(footer))
	return w.sink.flush()
}

// sink protects the Arrow writer, which panics or ignores errors, from a
// failing output: it keeps what is written until flush or take.
type sink struct {
	w       io.Writer
	pending []byte
	spare   chan []byte // buffers to reuse for pending
	sum     uint32      // checksum of the bytes written since it was set to zero

	holding bool   // keep what is written in footer
	footer  []byte // with its length and the magic
}

func (s *sink) Write(b []byte) (int, error) {
	if s.holding {
		s.footer = append(s.footer, b...)
		return len(b), nil
	}
	s.sum = crc32.Update(s.sum, castagnoli, b)
	s.pending = append(s.pending, b...)
	return len(b), nil
}

// take returns the bytes written since the last call.
func (s *sink) take() []byte {
	b := s.pending
	select {
	case s.pending = <-s.spare:
	default:
		s.pending = nil
	}
	return b
}

// write writes bytes from take to the file, while the Arrow writer may
// continue.
func (s *sink) write(b []byte) error {
	n, err := s.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if cap(b) <= 2*groupBytes {
		select {
		case s.spare <- b[:0]:
		default:
		}
	}
	return err
}

func (s *sink) flush() error { return s.write(s.take()) }
