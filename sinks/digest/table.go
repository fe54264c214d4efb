package digest

import (
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

// tableWriter writes a file, row group by row group.
type tableWriter struct {
	sink   *sink
	file   *file.Writer
	table  *table
	groups int
	sums   []byte // the metadata's checksums
}

func newTableWriter(w io.Writer, t *table) (_ *tableWriter, err error) {
	defer guard(&err)
	root, err := t.schema()
	if err != nil {
		return nil, err
	}
	s := &sink{w: w}
	f := file.NewParquetWriter(s, root, file.WithWriterProps(t.properties()))
	return &tableWriter{sink: s, file: f, table: t}, s.err
}

// group writes a row group of the table's columns: values of the type
// []int64, []bool or []parquet.ByteArray.
func (w *tableWriter) group(columns ...any) (err error) {
	defer guard(&err)
	if w.groups == maxGroups {
		return fmt.Errorf("table %s: more than %d row groups", w.table.name, maxGroups)
	}
	w.sink.sum = 0
	g := w.file.AppendRowGroup()
	for i, values := range columns {
		chunk, err := g.NextColumn()
		if err != nil {
			return err
		}
		if err := writeChunk(chunk, values); err != nil {
			return fmt.Errorf("table %s: column %s: %w", w.table.name, w.table.columns[i].name, err)
		}
	}
	if err := g.Close(); err != nil {
		return err
	}
	w.groups++
	w.sums = fmt.Appendf(w.sums, "%08x", w.sink.sum)
	return w.sink.err
}

func writeChunk(chunk file.ColumnChunkWriter, values any) (err error) {
	switch chunk := chunk.(type) {
	case *file.Int64ColumnChunkWriter:
		_, err = chunk.WriteBatch(values.([]int64), nil, nil)
	case *file.BooleanColumnChunkWriter:
		_, err = chunk.WriteBatch(values.([]bool), nil, nil)
	case *file.ByteArrayColumnChunkWriter:
		_, err = chunk.WriteBatch(values.([]parquet.ByteArray), nil, nil)
	default:
		err = fmt.Errorf("no column is of the type %s", chunk.Descr().PhysicalType())
	}
	return errors.Join(err, chunk.Close())
}

// close writes the footer, and its checksum before it.
func (w *tableWriter) close() (err error) {
	defer guard(&err)
	for _, kv := range [][2]string{{keyVersion, strconv.Itoa(Version)}, {keyTable, w.table.name}, {keyChecksums, string(w.sums)}} {
		if err := w.file.AppendKeyValueMetadata(kv[0], kv[1]); err != nil {
			return err
		}
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
	w.sink.write(binary.LittleEndian.AppendUint32(nil, checksum(footer[:length])))
	w.sink.write(footer)
	return w.sink.err
}

// sink stands between the Arrow writer, which panics or goes on when a write
// fails, and the writer that may fail: it remembers the first error, and
// reports success.
type sink struct {
	w   io.Writer
	err error  // the first
	sum uint32 // of what has been written since it was set to zero

	holding bool   // what is written is the footer: it is only kept
	footer  []byte // with its length and the magic
}

func (s *sink) Write(b []byte) (int, error) {
	if s.holding {
		s.footer = append(s.footer, b...)
		return len(b), nil
	}
	s.sum = crc32.Update(s.sum, castagnoli, b)
	s.write(b)
	return len(b), nil
}

func (s *sink) write(b []byte) {
	if s.err != nil {
		return
	}
	n, err := s.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	s.err = err
}
