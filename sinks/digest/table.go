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

// tableWriter writes a file, row group by row group. One is encoded in memory,
// beside whatever its caller does; what goes to the file's writer is written by
// calls of wait and close.
type tableWriter struct {
	sink    *sink
	file    *file.Writer
	table   *table
	encoded chan error // of the row group that is being encoded, or nil
	groups  int        // begun to be encoded
	sums    []byte     // of the row groups, as in the metadata
	tail    int64      // once it is closed: the bytes from the footer's checksum on
}

func newTableWriter(w io.Writer, t *table) (_ *tableWriter, err error) {
	defer guard(&err)
	root, err := t.schema()
	if err != nil {
		return nil, err
	}
	s := &sink{w: w}
	f := file.NewParquetWriter(s, root, file.WithWriterProps(t.properties()))
	return &tableWriter{sink: s, file: f, table: t}, s.flush()
}

// begin begins to encode a row group of the table's columns: values of the type
// []int64 or []parquet.ByteArray, which are the table's until wait returns.
// There is none that is being encoded.
func (w *tableWriter) begin(columns ...any) {
	w.groups++
	encoded := make(chan error, 1)
	go func() { encoded <- w.group(columns...) }()
	w.encoded = encoded
}

// wait waits for the row group that is being encoded, if there is one, and
// writes it.
func (w *tableWriter) wait() error {
	if w.encoded == nil {
		return nil
	}
	err := <-w.encoded
	w.encoded = nil
	if err != nil {
		return err
	}
	return w.sink.flush()
}

// group encodes a row group.
func (w *tableWriter) group(columns ...any) (err error) {
	defer guard(&err)
	if w.groups > maxGroups {
		return fmt.Errorf("table %s: more than %d row groups", w.table.name, maxGroups)
	}
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
// flushed.
type sink struct {
	w       io.Writer
	pending []byte
	sum     uint32 // of what has been written since it was set to zero

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

func (s *sink) flush() error {
	n, err := s.w.Write(s.pending)
	if err == nil && n < len(s.pending) {
		err = io.ErrShortWrite
	}
	s.pending = s.pending[:0]
	return err
}
