package parquet

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"daybook/transform/report"
)

// Writer writes a file, row group by row group: of a file of any length there
// is one row group in memory. The first error is that of all calls that
// follow; the file is of no use then.
type Writer struct {
	sink      *sink
	file      *file.Writer
	groupRows int
	pending   rowBlocks // of the row group that is being collected
	rows      int64     // in the row groups written
	batch     batch
	err       error
}

// NewWriter begins a file. Its bytes go to w, which is the caller's to close.
func NewWriter(w io.Writer) (*Writer, error) { return newWriter(w, RowGroupRows) }

func newWriter(w io.Writer, groupRows int) (_ *Writer, err error) {
	defer recovered(&err)
	properties := properties()
	schema, err := pqarrow.ToParquet(report.Schema(), properties, pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, writeError(0, err)
	}
	s := &sink{w: w}
	f := file.NewParquetWriter(s, schema.Root(),
		file.WithWriterProps(properties), file.WithWriteMetadata(metadata.KeyValueMetadata{}))
	if s.err != nil {
		return nil, writeError(0, s.err)
	}
	return &Writer{sink: s, file: f, groupRows: groupRows}, nil
}

// Write adds rows, in their order, however they are split into calls. They
// stay the caller's; those that do not fill a row group yet are copied, but
// for their texts. The error for a row that cannot be written names it and
// the column at fault.
func (w *Writer) Write(rows []report.Row) error {
	for len(rows) > 0 && w.err == nil {
		n := min(len(rows), w.groupRows-w.pending.rows)
		if n == w.groupRows {
			w.writeGroup([][]report.Row{rows[:n]})
		} else if w.pending.add(rows[:n]); w.pending.rows == w.groupRows {
			w.flush()
		}
		rows = rows[n:]
	}
	return w.err
}

// Close writes what is left, and the footer. The metadata becomes its
// key-value metadata, sorted by key. Only after Close has returned nil has w
// got a file.
func (w *Writer) Close(metadata map[string]string) error {
	if w.pending.rows > 0 && w.err == nil {
		w.flush()
	}
	if w.err == nil {
		if err := w.writeFooter(metadata); err != nil {
			w.err = writeError(w.rows, err)
			return w.err
		}
		w.err = errClosed
		return nil
	}
	return w.err
}

var errClosed = errors.New("write a Parquet file: it has been closed")

func (w *Writer) flush() {
	w.writeGroup(w.pending.list())
	w.pending.reset()
}

// writeGroup writes a row group of the rows in blocks.
func (w *Writer) writeGroup(blocks [][]report.Row) {
	if err := w.encodeGroup(blocks); err != nil {
		w.err = writeError(w.rows, err)
		return
	}
	for _, rows := range blocks {
		w.rows += int64(len(rows))
	}
}

func writeError(rows int64, err error) error {
	return fmt.Errorf("write a Parquet file, after %d rows: %w", rows, err)
}

// encodeGroup goes column by column.
func (w *Writer) encodeGroup(blocks [][]report.Row) (err error) {
	defer recovered(&err)
	group := w.file.AppendRowGroup()
	for i := range report.Columns {
		chunk, err := group.NextColumn()
		if err != nil {
			return err
		}
		if err := w.batch.write(chunk, &report.Columns[i], blocks); err != nil {
			return err
		}
	}
	return errors.Join(group.Close(), w.sink.err)
}

// writeFooter believes the library no more than it has to: it may report
// success without a footer.
func (w *Writer) writeFooter(metadata map[string]string) (err error) {
	defer recovered(&err)
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if err := w.file.AppendKeyValueMetadata(key, metadata[key]); err != nil {
			return fmt.Errorf("footer metadata %q: %w", key, err)
		}
	}
	if err := errors.Join(w.file.FlushWithFooter(), w.file.Close(), w.sink.err); err != nil {
		return err
	}
	if _, _, err := parseTail(w.sink.tail, w.sink.size); err != nil {
		return fmt.Errorf("the writer reported success, but %w", err)
	}
	return nil
}

// rowBlocks collects rows in blocks, since a slice that grows to a row group's
// size would be copied on the way, and be in memory twice.
type rowBlocks struct {
	blocks [][]report.Row // all of blockRows rows
	rows   int            // in use
}

const blockRows = 1024

func (b *rowBlocks) add(rows []report.Row) {
	for len(rows) > 0 {
		block, at := b.rows/blockRows, b.rows%blockRows
		if block == len(b.blocks) {
			b.blocks = append(b.blocks, make([]report.Row, blockRows))
		}
		n := copy(b.blocks[block][at:], rows)
		rows = rows[n:]
		b.rows += n
	}
}

// list is the blocks, as far as they are in use.
func (b *rowBlocks) list() (list [][]report.Row) {
	for i, left := 0, b.rows; left > 0; i++ {
		block := b.blocks[i][:min(left, blockRows)]
		list = append(list, block)
		left -= len(block)
	}
	return list
}

// reset forgets the rows and their texts, and keeps the memory of the blocks.
func (b *rowBlocks) reset() {
	for _, rows := range b.list() {
		clear(rows)
	}
	b.rows = 0
}

// write writes column c of the rows in blocks as the chunk of a row group.
func (b *batch) write(chunk file.ColumnChunkWriter, c *report.Column, blocks [][]report.Row) (err error) {
	b.reset()
	for _, rows := range blocks {
		if err := b.gather(c, rows); err != nil {
			return err
		}
	}
	b.splitTexts()
	levels := b.levels
	if c.Required {
		levels = nil
	}
	switch chunk := chunk.(type) {
	case *file.Int64ColumnChunkWriter:
		_, err = chunk.WriteBatch(b.numbers, levels, nil)
	case *file.Int32ColumnChunkWriter:
		_, err = chunk.WriteBatch(b.days, levels, nil)
	case *file.BooleanColumnChunkWriter:
		_, err = chunk.WriteBatch(b.flags, levels, nil)
	case *file.ByteArrayColumnChunkWriter:
		_, err = chunk.WriteBatch(b.texts, levels, nil)
	default:
		err = fmt.Errorf("no column is of the type %s", chunk.Descr().PhysicalType())
	}
	if err := errors.Join(err, chunk.Close()); err != nil {
		return fmt.Errorf("column %s: %w", c.Name, err)
	}
	return nil
}

// gather adds the values of column c in rows. It refuses what the library
// would store wrongly: a null in a required column as zero, and text that is
// not UTF-8, which warehouses cannot read.
func (b *batch) gather(c *report.Column, rows []report.Row) error {
	for i := range rows {
		r := &rows[i]
		known, err := b.add(c, r)
		switch {
		case err != nil:
			return fmt.Errorf("session %d leg %d: column %s: %w", r.SessionID, r.Leg, c.Name, err)
		case known:
			b.levels = append(b.levels, 1)
		case c.Required:
			return fmt.Errorf("session %d leg %d: the required column %s is null", r.SessionID, r.Leg, c.Name)
		default:
			b.levels = append(b.levels, 0)
		}
	}
	return nil
}

// splitTexts makes parts of the joined texts, which stay where they are now.
func (b *batch) splitTexts() {
	start := 0
	for _, end := range b.ends {
		b.texts = append(b.texts, b.joined[start:end])
		start = end
	}
}

func (b *batch) reset() {
	b.numbers, b.days, b.flags, b.levels = b.numbers[:0], b.days[:0], b.flags[:0], b.levels[:0]
	b.texts, b.joined, b.ends = b.texts[:0], b.joined[:0], b.ends[:0]
}

// add adds the row's value, or says that it is null.
func (b *batch) add(c *report.Column, r *report.Row) (known bool, err error) {
	switch c.Kind {
	case report.String:
		s := c.Text(r)
		if s == "" {
			return false, nil
		}
		if !utf8.ValidString(s) {
			return false, fmt.Errorf("%q is not valid UTF-8", s)
		}
		b.joined = append(b.joined, s...)
		b.ends = append(b.ends, len(b.joined))
	case report.Boolean:
		b.flags = append(b.flags, c.Flag(r))
	case report.Date:
		b.days = append(b.days, int32(c.Day(r)))
	default:
		n := c.Number(r)
		if n == report.Unknown {
			return false, nil
		}
		b.numbers = append(b.numbers, n*unit(c))
	}
	return true, nil
}

// sink stands between the library, which panics or goes on when a write fails,
// and the writer that may fail: it remembers the first error, and reports
// success.
type sink struct {
	w    io.Writer
	err  error // the first
	size int64
	tail []byte // the last bytes
}

func (s *sink) Write(b []byte) (int, error) {
	if s.err != nil {
		return len(b), nil
	}
	n, err := s.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	s.err = err
	s.size += int64(len(b))
	s.tail = append(s.tail, b[max(0, len(b)-tailLength):]...)
	s.tail = s.tail[max(0, len(s.tail)-tailLength):]
	return len(b), nil
}
