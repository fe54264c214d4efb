package parquet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/xitongsys/parquet-go/parquet"

	"daybook/transform/report"
)

const (
	magic      = "PAR1"
	tailLength = 8 // bytes at the end of a file: the footer's length in 4 bytes, and the magic
	// tailRead is how many bytes are read first from a file's end: the footer of
	// up to eight row groups, or a whole small file.
	tailRead = 64 << 10
)

// footer is the validated footer of a file.
type footer struct {
	*parquet.FileMetaData
	encoded []byte
	start   int64 // offset in the file, which is the end of the row groups
}

// columns is the number of columns in the file.
func (f *footer) columns() int { return len(f.Schema) - 1 }

// value is the value of a key in the key-value metadata; empty without one.
func (f *footer) value(key string) string {
	for _, kv := range f.KeyValueMetadata {
		if kv.Key == key {
			return kv.GetValue()
		}
	}
	return ""
}

// readFooter reads and validates the footer: the schema, and the places of the
// column chunks. A file with an older version of the schema has fewer columns.
func readFooter(s *source) (_ *footer, err error) {
	defer recovered(&err)
	start, length, err := locateFooter(s)
	if err != nil {
		return nil, err
	}
	encoded, err := s.read(start, start+length)
	if err != nil {
		return nil, err
	}
	f := &footer{parquet.NewFileMetaData(), encoded, start}
	limits := &thrift.TConfiguration{MaxMessageSize: int32(min(len(encoded), 1<<30))}
	if err := f.Read(context.Background(), thrift.NewTCompactProtocolConf(inMemory(encoded), limits)); err != nil {
		return nil, fmt.Errorf("footer: %w", err)
	}
	if err := checkSchema(f.Schema); err != nil {
		return nil, err
	}
	return f, checkGroups(f)
}

// locateFooter reads the end of the file and returns the footer's offset and
// length.
func locateFooter(s *source) (start, length int64, err error) {
	tail, err := s.readTail()
	if err != nil {
		return 0, 0, err
	}
	return parseTail(tail, s.size)
}

// parseTail returns the footer's offset and length from the last bytes of a
// file of size bytes.
func parseTail(tail []byte, size int64) (start, length int64, err error) {
	if len(tail) < tailLength || string(tail[len(tail)-len(magic):]) != magic {
		return 0, 0, fmt.Errorf("the file of %d bytes does not end like a Parquet file", size)
	}
	length = int64(binary.LittleEndian.Uint32(tail[len(tail)-tailLength:]))
	start = size - tailLength - length
	if start < int64(len(magic)) {
		return 0, 0, fmt.Errorf("the footer of %d bytes does not fit into the file of %d bytes", length, size)
	}
	return start, length, nil
}

// source reads ranges of a file.
type source struct {
	r    io.ReaderAt
	size int64
	tail []byte // the end of the file, after readTail
}

// sourceError is an error of the ReaderAt, as opposed to wrong content.
type sourceError struct{ error }

func (e sourceError) Unwrap() error { return e.error }

func (s *source) readTail() (_ []byte, err error) {
	s.tail, err = s.read(max(0, s.size-tailRead), s.size)
	return s.tail, err
}

// read returns the bytes from start to end, read-only. It calls ReadAt once, or
// not at all for bytes of the tail.
func (s *source) read(start, end int64) ([]byte, error) {
	if first := s.size - int64(len(s.tail)); start >= first {
		return s.tail[start-first : end-first], nil
	}
	b := make([]byte, end-start)
	n, err := s.r.ReadAt(b, start)
	if n == len(b) {
		return b, nil // err may be io.EOF
	}
	if err == nil || errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the file ends at byte %d; expected %d bytes", start+int64(n), s.size)
	}
	return nil, sourceError{err}
}

// checkSchema compares a footer's schema with the columns of a report. An older
// file has only the first of them.
func checkSchema(elements []*parquet.SchemaElement) error {
	if len(elements) < 2 || int(elements[0].GetNumChildren()) != len(elements)-1 {
		return fmt.Errorf("the schema has %d elements, which does not match its number of columns", len(elements))
	}
	for i, e := range elements[1:] {
		if i == len(report.Columns) {
			return fmt.Errorf("%w: column %s is unknown", ErrColumns, e.Name)
		}
		want, found := describeColumn(&report.Columns[i]), describeElement(e)
		if want != found || e.GetNumChildren() != 0 {
			return fmt.Errorf("%w: column %s: %w", ErrColumns, e.Name, mismatch("the schema", want, found))
		}
	}
	return nil
}

// describeColumn describes a column in Parquet's schema language;
// describeElement does so for a column in a file.
func describeColumn(c *report.Column) string {
	repetition, physical, logical := "optional", "int64", ""
	if c.Required {
		repetition = "required"
	}
	switch c.Kind {
	case report.Timestamp:
		logical = " (timestamp(isAdjustedToUTC=true, micros))"
	case report.String:
		physical, logical = "byte_array", " (string)"
	case report.Boolean:
		physical = "boolean"
	case report.Date:
		physical, logical = "int32", " (date)"
	}
	return fmt.Sprintf("%s %s %s%s = %d", repetition, physical, c.Name, logical, c.FieldID())
}

func describeElement(e *parquet.SchemaElement) string {
	repetition := map[parquet.FieldRepetitionType]string{
		parquet.FieldRepetitionType_OPTIONAL: "optional", parquet.FieldRepetitionType_REQUIRED: "required",
	}[e.GetRepetitionType()]
	physical := map[parquet.Type]string{
		parquet.Type_INT64: "int64", parquet.Type_INT32: "int32", parquet.Type_BYTE_ARRAY: "byte_array", parquet.Type_BOOLEAN: "boolean",
	}[e.GetType()]
	logical := ""
	if l := e.GetLogicalType(); l != nil {
		switch {
		case l.STRING != nil:
			logical = " (string)"
		case l.DATE != nil:
			logical = " (date)"
		case l.TIMESTAMP != nil && l.TIMESTAMP.Unit != nil && l.TIMESTAMP.Unit.MICROS != nil:
			logical = fmt.Sprintf(" (timestamp(isAdjustedToUTC=%t, micros))", l.TIMESTAMP.IsAdjustedToUTC)
		case l.INTEGER != nil && l.INTEGER.BitWidth == 64 && l.INTEGER.IsSigned:
		default:
			logical = " (" + l.String() + ")"
		}
	}
	return fmt.Sprintf("%s %s %s%s = %d", repetition, physical, e.GetName(), logical, e.GetFieldID())
}

// checkGroups validates the row groups: each column chunk lies inside the file
// after the one before it, and has as many values as its row group has rows.
func checkGroups(f *footer) error {
	var total int64
	offset := int64(len(magic))
	for _, g := range f.RowGroups {
		if len(g.Columns) != f.columns() {
			return mismatch("the number of columns in a row group", f.columns(), len(g.Columns))
		}
		if g.NumRows < 0 || g.NumRows > f.NumRows-total {
			return mismatch("the number of rows in the row groups", f.NumRows, total+g.NumRows)
		}
		total += g.NumRows
		for i, chunk := range g.Columns {
			if err := checkChunk(&report.Columns[i], chunk, offset, f.start); err != nil {
				return fmt.Errorf("column %s: %w", report.Columns[i].Name, err)
			}
			if n := chunk.MetaData.NumValues; n != g.NumRows {
				return fmt.Errorf("column %s: %w", report.Columns[i].Name, mismatch("the number of values in a row group", g.NumRows, n))
			}
			_, offset = extent(chunk.MetaData)
		}
	}
	if total != f.NumRows {
		return mismatch("the number of rows in the row groups", f.NumRows, total)
	}
	return nil
}

// checkChunk validates a chunk of column c, which must lie between the offsets
// start and end.
func checkChunk(c *report.Column, chunk *parquet.ColumnChunk, start, end int64) error {
	m := chunk.MetaData
	if m == nil || chunk.FilePath != nil {
		return errors.New("a chunk of the column is not in this file")
	}
	if len(m.PathInSchema) != 1 || m.PathInSchema[0] != c.Name {
		return mismatch("the column at its place in a row group", c.Name, fmt.Sprint(m.PathInSchema))
	}
	if first, length := chunkStart(m), m.TotalCompressedSize; first < start || length < 0 || length > end-first {
		return fmt.Errorf("a chunk has the bytes %d to %d, which are not between %d and %d", first, first+length, start, end)
	}
	if m.Codec != parquet.CompressionCodec_ZSTD {
		return mismatch("the compression", parquet.CompressionCodec_ZSTD, m.Codec)
	}
	if physical := physicalType(c); m.Type != physical {
		return mismatch("the type", physical, m.Type)
	}
	return nil
}

func physicalType(c *report.Column) parquet.Type {
	switch c.Kind {
	case report.String:
		return parquet.Type_BYTE_ARRAY
	case report.Boolean:
		return parquet.Type_BOOLEAN
	case report.Date:
		return parquet.Type_INT32
	}
	return parquet.Type_INT64
}

// chunkStart is the offset of a chunk's first page.
func chunkStart(m *parquet.ColumnMetaData) int64 {
	if m.DictionaryPageOffset != nil {
		return *m.DictionaryPageOffset
	}
	return m.DataPageOffset
}

// extent returns the offsets at which a chunk starts and ends.
func extent(m *parquet.ColumnMetaData) (start, end int64) {
	start = chunkStart(m)
	return start, start + m.TotalCompressedSize
}
