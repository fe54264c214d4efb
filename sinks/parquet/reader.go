package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"

	"daybook/transform/day"
	"daybook/transform/report"
)

var (
	// ErrCorrupt: the file is damaged, or this package did not write it.
	ErrCorrupt = errors.New("the file is damaged, or is not a file of a report")
	// ErrColumns: the file has unknown columns, because a later version or
	// another program wrote it.
	ErrColumns = errors.New("the file has other columns than a report of this version")
)

// batchRows is the largest number of rows that are decoded at a time: enough
// for column-wise work, few enough to stay in the processor's cache.
const batchRows = 1024

// Columns selects columns of a report; nil selects all.
type Columns func(*report.Column) bool

// Batches yields the rows of a file in order, as a [Reader] reads them: the
// selected columns of them, with nulls in the others. A batch is valid until the
// next one is asked for. The sequence ends after its first error.
func Batches(r io.ReaderAt, size int64, columns Columns) iter.Seq2[[]report.Row, error] {
	return batches(func() (*Reader, error) { return newReader(r, size, columns) })
}

func batches(open func() (*Reader, error)) iter.Seq2[[]report.Row, error] {
	return func(yield func([]report.Row, error) bool) {
		reader, err := open()
		if err != nil {
			yield(nil, err)
			return
		}
		rows := make([]report.Row, batchRows)
		for {
			n, err := reader.Next(rows)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(rows[:n], nil) {
				return
			}
		}
	}
}

// Reader reads the rows of a file in order.
//
// It holds one row group in memory: its compressed bytes, read with one call of
// ReadAt, and a decoded page of each column. This takes about 25 MB for a row
// group of 64 k rows and 3 MB for 4 k rows. The footer takes one call, or two
// if it is large. A small file takes one call in all.
//
// In files with an older version of the schema, the missing columns are null
// (see report.Blank). Checksums of pages and cross-checks of headers and footer
// detect damage.
type Reader struct {
	source *source
	footer *footer
	arrow  *metadata.FileMetaData // the footer as Arrow reads it
	group  int                    // the next row group
	end    int                    // the row group to stop before
	left   int64                  // rows left in the current row group
	blank  report.Row

	columns []column // of the current row group
	batch   batch
	err     error // the first, or io.EOF
}

// NewReader reads the footer of the file of size bytes in r. The caller closes
// r. For errors, see [Reader.Next].
func NewReader(r io.ReaderAt, size int64) (*Reader, error) { return newReader(r, size, nil) }

func newReader(r io.ReaderAt, size int64, columns Columns) (*Reader, error) {
	reader := &Reader{source: &source{r: r, size: size}, blank: report.Blank()}
	if err := reader.open(columns); err != nil {
		return nil, readError(err)
	}
	return reader, nil
}

func (r *Reader) open(columns Columns) (err error) {
	defer recovered(&err)
	if r.footer, err = readFooter(r.source); err != nil {
		return err
	}
	r.end = len(r.footer.RowGroups)
	for i := range r.footer.columns() {
		if c := &report.Columns[i]; columns == nil || columns(c) {
			r.columns = append(r.columns, column{Column: c, index: i})
		}
	}
	r.arrow, err = metadata.NewFileMetaData(r.footer.encoded, nil)
	return err
}

// NumRows is the number of rows in the file.
func (r *Reader) NumRows() int64 { return r.footer.NumRows }

// Metadata is the key-value metadata of the footer.
func (r *Reader) Metadata() map[string]string {
	m := map[string]string{}
	for _, kv := range r.footer.KeyValueMetadata {
		m[kv.Key] = kv.GetValue()
	}
	return m
}

// Next fills rows from the start and returns how many it filled: at least one,
// unless rows is empty, or an error, which is io.EOF at the end. A call decodes
// at most about a thousand rows. The rows belong to the caller, who may reuse
// the slice. Equal texts of a column with a dictionary share memory.
//
// Errors of the ReaderAt are wrapped; all others wrap [ErrCorrupt] or
// [ErrColumns]. After an error, all calls return it, and the contents of rows
// are undefined.
func (r *Reader) Next(rows []report.Row) (n int, err error) {
	if r.err == nil && len(rows) > 0 {
		n, r.err = r.next(rows)
	}
	return n, r.err
}

func (r *Reader) next(rows []report.Row) (int, error) {
	for r.left == 0 {
		if r.group == r.end {
			return 0, io.EOF
		}
		if err := r.nextGroup(); err != nil {
			return 0, readError(fmt.Errorf("row group %d: %w", r.group, err))
		}
	}
	rows = rows[:min(int64(len(rows)), r.left, batchRows)]
	for i := range rows {
		rows[i] = r.blank
	}
	for i := range r.columns {
		if err := r.columns[i].read(rows, &r.batch); err != nil {
			return 0, readError(fmt.Errorf("row group %d: column %s: %w", r.group-1, r.columns[i].Name, err))
		}
	}
	r.left -= int64(len(rows))
	return len(rows), nil
}

// readError adds the operation and, unless the ReaderAt failed, ErrCorrupt.
func readError(err error) error {
	if _, ok := errors.AsType[sourceError](err); ok || errors.Is(err, ErrColumns) {
		return fmt.Errorf("read the rows of a Parquet file: %w", err)
	}
	return fmt.Errorf("read the rows of a Parquet file: %w: %w", ErrCorrupt, err)
}

// nextGroup reads the next row group into memory, validates its pages and
// starts to decode its columns.
func (r *Reader) nextGroup() (err error) {
	defer recovered(&err)
	chunks := r.footer.RowGroups[r.group].Columns
	start, _ := extent(chunks[0].MetaData)
	_, end := extent(chunks[len(chunks)-1].MetaData)
	data, err := r.source.read(start, end)
	if err != nil {
		return err
	}
	for i := range r.columns {
		c := &r.columns[i]
		chunk := chunks[c.index].MetaData
		first, last := extent(chunk)
		e, err := chunkEncoding(c.Column, chunk)
		if err == nil {
			err = checkPages(data[first-start:last-start], e, chunk.NumValues)
		}
		if err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	group, err := r.decoders(&window{bytes.NewReader(data), start})
	if err != nil {
		return err
	}
	for i := range r.columns {
		if err := r.columns[i].begin(group); err != nil {
			return fmt.Errorf("column %s: %w", r.columns[i].Name, err)
		}
	}
	r.left = group.NumRows()
	r.group++
	return nil
}

// decoders returns Arrow's decoders for the row group in data.
func (r *Reader) decoders(data *window) (*file.RowGroupReader, error) {
	// Go's allocator keeps decoded values valid for as long as they are
	// referenced.
	properties := parquet.NewReaderProperties(memory.NewGoAllocator())
	properties.BufferedStreamEnabled = true // otherwise each column is copied first
	f, err := file.NewParquetReader(data, file.WithMetadata(r.arrow), file.WithReadProps(properties))
	if err != nil {
		return nil, err
	}
	return f.RowGroup(r.group), nil
}

// window is a range of a file in memory that is read at the file's offsets.
type window struct {
	*bytes.Reader
	start int64
}

func (w *window) ReadAt(b []byte, offset int64) (int, error) {
	return w.Reader.ReadAt(b, offset-w.start)
}

// column decodes a column of a row group.
type column struct {
	*report.Column
	index  int // in the file
	chunk  file.ColumnChunkReader
	shared map[*byte]string // the texts of the dictionary by their address in it; nil without a dictionary
}

// begin starts to decode the column's chunk of a row group.
func (c *column) begin(group *file.RowGroupReader) (err error) {
	c.shared = nil
	if c.Kind == report.String && repeats(c.Column) {
		c.shared = map[*byte]string{}
	}
	c.chunk, err = group.Column(c.index)
	return err
}

// read decodes the column of the next rows and sets its non-null values in
// rows.
func (c *column) read(rows []report.Row, b *batch) (err error) {
	defer recovered(&err)
	switch chunk := c.chunk.(type) {
	case *file.Int64ColumnChunkReader:
		if err := decode(c, chunk, len(rows), &b.numbers, b); err != nil {
			return err
		}
		return c.setNumbers(rows, b)
	case *file.Int32ColumnChunkReader:
		if err := decode(c, chunk, len(rows), &b.days, b); err != nil {
			return err
		}
		for i := range rows {
			c.SetDay(&rows[i], day.Day(b.days[i]))
		}
	case *file.BooleanColumnChunkReader:
		if err := decode(c, chunk, len(rows), &b.flags, b); err != nil {
			return err
		}
		for i := range rows {
			c.SetFlag(&rows[i], b.flags[i])
		}
	case *file.ByteArrayColumnChunkReader:
		if err := decode(c, chunk, len(rows), &b.texts, b); err != nil {
			return err
		}
		c.setTexts(rows, b)
	default:
		return fmt.Errorf("unexpected type %s", chunk.Type())
	}
	return nil
}

// chunkReader is the common interface of Arrow's readers of column chunks.
type chunkReader[T any] interface {
	file.ColumnChunkReader
	ReadBatch(n int64, values []T, definitions, repetitions []int16) (total int64, read int, err error)
}

// decode decodes the next n rows: a level for each, and the non-null values.
func decode[R chunkReader[T], T any](c *column, chunk R, n int, values *[]T, b *batch) error {
	*values = sized(*values, n)
	b.levels = sized(b.levels, n)
	levels := b.levels
	if c.Required {
		levels = nil
		for i := range b.levels {
			b.levels[i] = 1
		}
	}
	total, read, err := chunk.ReadBatch(int64(n), *values, levels, nil)
	if err := errors.Join(err, chunk.Err()); err != nil {
		return err
	}
	known := 0
	for _, level := range b.levels {
		known += int(level)
	}
	if int(total) != n || read != known {
		return fmt.Errorf("got %d values in %d rows; expected %d in %d", read, total, known, n)
	}
	*values = (*values)[:read]
	return nil
}

// sized returns a slice of n elements, in the memory of s if it is large
// enough.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func (c *column) setNumbers(rows []report.Row, b *batch) error {
	unit, next := unit(c.Column), 0
	for i := range rows {
		if b.levels[i] == 0 {
			continue
		}
		n := b.numbers[next]
		if n%unit != 0 {
			return fmt.Errorf("%d µs is not a whole number of milliseconds", n)
		}
		c.SetNumber(&rows[i], n/unit)
		next++
	}
	return nil
}

// setTexts converts the texts to strings: once per dictionary entry, or as
// parts of one string for the batch.
func (c *column) setTexts(rows []report.Row, b *batch) {
	var all string
	if c.shared == nil {
		b.joined = b.joined[:0]
		for _, text := range b.texts {
			b.joined = append(b.joined, text...)
		}
		all = string(b.joined)
	}
	next := 0
	for i := range rows {
		if b.levels[i] == 0 {
			continue
		}
		text := b.texts[next]
		next++
		if c.shared != nil {
			c.SetText(&rows[i], c.share(text))
			continue
		}
		c.SetText(&rows[i], all[:len(text)])
		all = all[len(text):]
	}
}

func (c *column) share(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	s, known := c.shared[&text[0]]
	if !known {
		s = string(text)
		c.shared[&text[0]] = s
	}
	return s
}
