package digest

import (
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

// maxGroups is how many row groups a Parquet file can number.
const maxGroups = 1<<15 - 1

// tableWriter writes a file, row group by row group. They are encoded in memory,
// one after the other, beside whatever its caller does; what goes to the file's
// writer is written by calls of wait and close.
type tableWriter struct {
	sink   *sink
	file   *file.Writer
	table  *table
	groups int   // begun to be encoded
	tail   int64 // once it is closed: the bytes from the footer's checksum on

	// What follows is for one row group at a time, but for the channels.
	encoding []chan encoded // row groups that are being encoded, or wait for it, in order
	last     chan error     // of the last of them, once it is encoded
	sums     []byte         // of the row groups, as in the metadata
}

// encoded is a row group in the form of its file.
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

// begin begins to encode a row group of the table's columns, once those before
// it are: values of the type []int64 or []parquet.ByteArray, which are the
// table's until wait has returned for it.
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

// wait waits until at most so many row groups are being encoded, and writes the
// others.
func (w *tableWriter) wait(most int) error {
	for len(w.encoding) > most {
		group := <-w.encoding[0]
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
		err = fmt.Errorf("no column is of the type %s", chunk.Descr().PhysicalType())
	}
	return errors.Join(err, chunk.Close())
}

// setMetadata puts a value into the footer's metadata.
func (w *tableWriter) setMetadata(key, value string) error {
	return w.file.AppendKeyValueMetadata(key, value)
}

// close writes the footer, and its checksum before it. There is no row group
// that is being encoded.
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
		return fmt.Errorf("table %s: the writer reported success, but wrote no footer", w.table.name)
	}
	w.sink.pending = binary.LittleEndian.AppendUint32(w.sink.pending, checksum(footer[:length]))
	w.sink.pending = append(w.sink.pending, footer...)
	w.tail = int64(checksumSize + len(footer))
	return w.sink.flush()
}

// sink stands between the Arrow writer, which panics or goes on when a write
// fails, and the writer that may fail: it keeps what is written until it is
// flushed, or taken to be written later.
type sink struct {
	w       io.Writer
	pending []byte
	spare   chan []byte // buffers for it
	sum     uint32      // of what has been written since it was set to zero

	holding bool   // what is written is the footer: it is only kept
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

// take gives what was written since the last time, for write.
func (s *sink) take() []byte {
	b := s.pending
	select {
	case s.pending = <-s.spare:
	default:
		s.pending = nil
	}
	return b
}

// write passes on what take gave, beside what the Arrow writer does.
func (s *sink) write(b []byte) error {
	n, err := s.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	select {
	case s.spare <- b[:0]:
	default:
	}
	return err
}

func (s *sink) flush() error { return s.write(s.take()) }
