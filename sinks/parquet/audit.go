package parquet

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/klauspost/compress/zstd"
	"github.com/xitongsys/parquet-go/layout"
	"github.com/xitongsys/parquet-go/parquet"
	"github.com/xitongsys/parquet-go/schema"
	"golang.org/x/sync/errgroup"

	"daybook/transform/report"
)

// ErrAudit says that a file does not hold what it should, or cannot be read.
// Such a file must not be published.
var ErrAudit = errors.New("the file failed its audit")

// Audit reads a file of [Encode] back, all of it, with an implementation of
// Parquet that shares no code with the writer, and compares it with what the
// rows call for: the schema, the number of rows, and the [Figures] of every
// column. The statistics in the file are held against its values, too, since
// warehouses answer queries from them.
//
// Columns are read in parallel, by as many goroutines as GOMAXPROCS. Audit
// neither keeps nor changes the file. Its error wraps [ErrAudit], and names
// the column and what was expected and found. Bytes of whatever kind make it
// fail, not panic, and take memory in proportion to their number: what the
// reader would allocate, or loop over, is checked before it is let loose.
func Audit(file []byte, expect Expectation) error {
	if err := audit(file, expect); err != nil {
		return fmt.Errorf("%w: %w", ErrAudit, err)
	}
	return nil
}

func audit(file []byte, expect Expectation) error {
	a, err := open(file, expect.Rows)
	if err != nil {
		return err
	}
	errs := make([]error, len(report.Columns))
	var columns errgroup.Group
	columns.SetLimit(runtime.GOMAXPROCS(0))
	for i := range report.Columns {
		columns.Go(func() error {
			errs[i] = a.column(i, &expect.Columns[i])
			return nil
		})
	}
	columns.Wait()
	for i, err := range errs { // the first by column, whichever was found first
		if err != nil {
			return fmt.Errorf("column %s: %w", report.Columns[i].Name, err)
		}
	}
	return nil
}

const (
	magic      = "PAR1"
	tailLength = 8 // of a file: the footer's length in 4 bytes, and the magic
	// pageLimit is the size of the largest page, uncompressed: a dictionary.
	pageLimit = dictionaryLimit
	// emptyFrameLimit is more than the bytes of a zstd frame of nothing, as the
	// dictionary of a column of nulls is; it has no size and no checksum.
	emptyFrameLimit = 16
)

// footerStart is the offset of the footer in a file that is whole.
func footerStart(file []byte) (int, error) {
	n := len(file)
	if n < len(magic)+tailLength || string(file[:len(magic)]) != magic || string(file[n-len(magic):]) != magic {
		return 0, fmt.Errorf("its %d bytes do not begin and end as a Parquet file does", n)
	}
	length := int64(binary.LittleEndian.Uint32(file[n-tailLength:]))
	start := int64(n) - tailLength - length
	if start < int64(len(magic)) {
		return 0, fmt.Errorf("its footer of %d bytes does not fit its %d bytes", length, n)
	}
	return int(start), nil
}

// auditor holds a file whose footer has been found to be in order.
type auditor struct {
	data   []byte // the file without its footer
	groups []*parquet.RowGroup
	schema *schema.SchemaHandler
}

// open reads and checks the footer.
func open(file []byte, rows int64) (a *auditor, err error) {
	defer recovered(&err)
	start, err := footerStart(file)
	if err != nil {
		return nil, err
	}
	encoded := file[start : len(file)-tailLength]
	footer := parquet.NewFileMetaData()
	limits := &thrift.TConfiguration{MaxMessageSize: int32(min(len(encoded), 1<<30))}
	protocol := thrift.NewTCompactProtocolConf(inMemory(encoded), limits)
	if err := footer.Read(context.Background(), protocol); err != nil {
		return nil, fmt.Errorf("its footer: %w", err)
	}
	if footer.NumRows != rows {
		return nil, mismatch("the number of rows", rows, footer.NumRows)
	}
	if err := checkSchema(footer.Schema); err != nil {
		return nil, err
	}
	if err := checkGroups(footer.RowGroups, rows, start); err != nil {
		return nil, err
	}
	a = &auditor{data: file[:start], groups: footer.RowGroups, schema: schema.NewSchemaHandlerFromSchemaList(footer.Schema)}
	for _, g := range a.groups {
		for i, chunk := range g.Columns {
			// The reader knows columns by names of its own making.
			chunk.MetaData.PathInSchema = []string{a.schema.Infos[i+1].InName}
		}
	}
	return a, nil
}

// checkSchema compares a footer's schema with the columns of the report.
func checkSchema(elements []*parquet.SchemaElement) error {
	if len(elements) == 0 || int(elements[0].GetNumChildren()) != len(report.Columns) || len(elements) != 1+len(report.Columns) {
		return mismatch("the number of columns", len(report.Columns), max(0, len(elements)-1))
	}
	for i := range report.Columns {
		c, e := &report.Columns[i], elements[i+1]
		want, found := describeColumn(c), describeElement(e)
		if want != found || e.GetNumChildren() != 0 {
			return fmt.Errorf("column %s: %w", c.Name, mismatch("the schema", want, found))
		}
	}
	return nil
}

// describeColumn writes a column's definition as the schema language of
// Parquet does, and describeElement what a file has instead.
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

// checkGroups makes sure that every column chunk lies in the file where its
// footer says, after the one before it, and has as many values as its row
// group rows. None of it holds by itself in a file that was damaged.
func checkGroups(groups []*parquet.RowGroup, rows int64, end int) error {
	var total int64
	offset := int64(len(magic))
	for _, g := range groups {
		if len(g.Columns) != len(report.Columns) {
			return mismatch("the number of columns in a row group", len(report.Columns), len(g.Columns))
		}
		if g.NumRows < 0 || g.NumRows > rows-total {
			return mismatch("the number of rows in the row groups", rows, total+g.NumRows)
		}
		total += g.NumRows
		for i, chunk := range g.Columns {
			m := chunk.MetaData
			if m == nil || chunk.FilePath != nil {
				return fmt.Errorf("column %s: a row group's part of it is not in this file", report.Columns[i].Name)
			}
			if len(m.PathInSchema) != 1 || m.PathInSchema[0] != report.Columns[i].Name {
				return mismatch("the column at that place of a row group", report.Columns[i].Name, fmt.Sprint(m.PathInSchema))
			}
			start, length := chunkStart(m), m.TotalCompressedSize
			if start < offset || length < 0 || length > int64(end)-start {
				return fmt.Errorf("column %s: its bytes %d to %d are not between %d and %d", m.PathInSchema[0], start, start+length, offset, end)
			}
			offset = start + length
			if m.NumValues != g.NumRows {
				return fmt.Errorf("column %s: %w", m.PathInSchema[0], mismatch("the number of values in a row group", g.NumRows, m.NumValues))
			}
			if m.Codec != parquet.CompressionCodec_ZSTD {
				return fmt.Errorf("column %s: %w", m.PathInSchema[0], mismatch("the compression", parquet.CompressionCodec_ZSTD, m.Codec))
			}
			if physical := physicalType(&report.Columns[i]); m.Type != physical {
				return fmt.Errorf("column %s: %w", m.PathInSchema[0], mismatch("the type", physical, m.Type))
			}
		}
	}
	if total != rows {
		return mismatch("the number of rows in the row groups", rows, total)
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

// column reads column i through all row groups and compares it.
func (a *auditor) column(i int, want *Figures) (err error) {
	defer recovered(&err)
	found := noFigures()
	for g, group := range a.groups {
		chunk := noFigures()
		chunk.Digest = found.Digest
		m := group.Columns[i].MetaData
		if err := a.chunk(m, encodingOf(&report.Columns[i]), &chunk); err != nil {
			return fmt.Errorf("row group %d: %w", g, err)
		}
		if err := checkStatistics(&report.Columns[i], m.Statistics, &chunk); err != nil {
			return fmt.Errorf("row group %d: %w", g, err)
		}
		found.merge(&chunk)
	}
	return compare(&report.Columns[i], want, &found)
}

// compare tells the first difference between the figures of a column, from
// what people understand to the digest.
func compare(c *report.Column, want, found *Figures) error {
	switch {
	case c.Required && found.Nulls != 0:
		return mismatch("the number of nulls in this required column", 0, found.Nulls)
	case want.Nulls != found.Nulls:
		return mismatch("the number of nulls", want.Nulls, found.Nulls)
	case want.Sum != found.Sum:
		return mismatch("the sum", want.Sum, found.Sum)
	case want.Min != found.Min:
		return mismatch("the smallest value", want.Min, found.Min)
	case want.Max != found.Max:
		return mismatch("the largest value", want.Max, found.Max)
	case want.MinText != found.MinText:
		return mismatch("the first text", fmt.Sprintf("%q", want.MinText), fmt.Sprintf("%q", found.MinText))
	case want.MaxText != found.MaxText:
		return mismatch("the last text", fmt.Sprintf("%q", want.MaxText), fmt.Sprintf("%q", found.MaxText))
	case want.Digest != found.Digest:
		return mismatch("the digest of its values in order", fmt.Sprintf("%016x", want.Digest), fmt.Sprintf("%016x", found.Digest))
	}
	return nil
}

func mismatch(what string, want, found any) error {
	return fmt.Errorf("%s is %v, and should be %v", what, found, want)
}

// chunk adds the values of a column chunk to f, page by page.
func (a *auditor) chunk(m *parquet.ColumnMetaData, e encoding, f *Figures) error {
	data := a.data[chunkStart(m):][:m.TotalCompressedSize]
	var dict *layout.Page
	for left := m.NumValues; left > 0; {
		size, err := checkPage(data, e, dict != nil, left)
		if err != nil {
			return err
		}
		page, values, _, err := layout.ReadPage(thrift.NewTBufferedTransport(inMemory(data[:size]), bufferSize), a.schema, m)
		if err != nil {
			return fmt.Errorf("a page: %w", err)
		}
		data = data[size:]
		if page.Header.GetType() == parquet.PageType_DICTIONARY_PAGE {
			dict = page
			continue
		}
		page.Decode(dict)
		for _, v := range page.DataTable.Values {
			if err := f.add(v); err != nil {
				return err
			}
		}
		left -= values
	}
	return nil
}

// add adds a value as the reader gives it.
func (f *Figures) add(v any) error {
	switch v := v.(type) {
	case nil:
		f.addNull()
	case int64:
		f.addNumber(v)
	case int32:
		f.addNumber(int64(v))
	case bool:
		f.addFlag(v)
	case string:
		if v == "" {
			return errors.New("it has an empty text, where the report has nulls")
		}
		f.addText(v)
	default:
		return fmt.Errorf("it has a value of type %T", v)
	}
	return nil
}

// bufferSize is that of the reads of a page's header.
const bufferSize = 512

func inMemory(b []byte) *thrift.TMemoryBuffer {
	return &thrift.TMemoryBuffer{Buffer: bytes.NewBuffer(b)}
}

// checkPage looks at the page at the start of data before the reader does,
// and returns its size. The reader believes what it reads: a wrong number can
// cost it any amount of memory. Here the header has to fit the chunk, with at
// most left values in the column's only encoding, and what is compressed has
// a checksum of its own, which zstd verifies.
func checkPage(data []byte, e encoding, dictRead bool, left int64) (size int, err error) {
	source := inMemory(data)
	buffered := thrift.NewTBufferedTransport(source, bufferSize)
	header, err := layout.ReadPageHeader(buffered)
	if err != nil {
		return 0, fmt.Errorf("a page's header: %w", err)
	}
	rest := data[len(data)-source.Len()-buffered.Reader.Buffered():]

	values, valid := int32(0), false
	switch h := header; h.Type {
	case parquet.PageType_DICTIONARY_PAGE:
		if d := h.DictionaryPageHeader; d != nil {
			values = d.NumValues
			valid = e == dictionary && !dictRead
		}
	case parquet.PageType_DATA_PAGE:
		if d := h.DataPageHeader; d != nil && h.DataPageHeaderV2 == nil {
			values = d.NumValues
			valid = values > 0 && d.Encoding == pageEncoding(e) && dictRead == (e == dictionary)
		}
	}
	if !valid || values < 0 || int64(values) > left {
		return 0, fmt.Errorf("a page is not one of this column, or has %d values where %d are left: %v", values, left, header)
	}

	length := int(header.CompressedPageSize)
	if length < 0 || length > len(rest) {
		return 0, fmt.Errorf("a page has %d bytes, and its column %d", length, len(rest))
	}
	if err := checkFrame(rest[:length], int64(header.UncompressedPageSize)); err != nil {
		return 0, err
	}
	return len(data) - len(rest) + length, nil
}

// checkFrame looks at the zstd frame of a page of n bytes.
func checkFrame(compressed []byte, n int64) error {
	if n == 0 && len(compressed) <= emptyFrameLimit {
		return nil
	}
	var frame zstd.Header
	if err := frame.Decode(compressed); err != nil {
		return fmt.Errorf("a page's compression: %w", err)
	}
	if frame.Skippable || !frame.HasCheckSum || !frame.HasFCS || frame.FrameContentSize > pageLimit || int64(frame.FrameContentSize) != n {
		return fmt.Errorf("a page of %d bytes is compressed in a frame of %d, or without a checksum", n, frame.FrameContentSize)
	}
	return nil
}

func pageEncoding(e encoding) parquet.Encoding {
	switch e {
	case dictionary:
		return parquet.Encoding_RLE_DICTIONARY
	case delta:
		return parquet.Encoding_DELTA_BINARY_PACKED
	}
	return parquet.Encoding_PLAIN
}

// checkStatistics holds the footer's statistics of a chunk against its
// values. Warehouses skip row groups and answer counts by them.
func checkStatistics(c *report.Column, s *parquet.Statistics, f *Figures) error {
	if s == nil {
		return errors.New("it has no statistics")
	}
	if s.GetNullCount() != f.Nulls {
		return mismatch("the number of nulls in its statistics", f.Nulls, s.GetNullCount())
	}
	lowest, highest := f.bounds(c.Kind)
	if !bytes.Equal(s.MinValue, lowest) && !omitted(s.MinValue, lowest) {
		return mismatch("the smallest value in its statistics", fmt.Sprintf("%x", lowest), fmt.Sprintf("%x", s.MinValue))
	}
	if !bytes.Equal(s.MaxValue, highest) && !omitted(s.MaxValue, highest) {
		return mismatch("the largest value in its statistics", fmt.Sprintf("%x", highest), fmt.Sprintf("%x", s.MaxValue))
	}
	return nil
}

// omitted says whether a bound is not in the statistics because of its length.
func omitted(found, want []byte) bool { return found == nil && len(want) > statisticsLimit }

// bounds encodes the smallest and the largest value as statistics do; nil
// without values.
func (f *Figures) bounds(k report.Kind) (lowest, highest []byte) {
	if k == report.String {
		return []byte(f.MinText), []byte(f.MaxText)
	}
	if f.Min > f.Max {
		return nil, nil
	}
	return encodeNumber(k, f.Min), encodeNumber(k, f.Max)
}

func encodeNumber(k report.Kind, n int64) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(n))
	switch k {
	case report.Boolean:
		return b[:1]
	case report.Date:
		return b[:4]
	}
	return b
}

// recovered turns a panic of the reader, which it does on what it does not
// understand, into an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the reader panicked: %v", p)
	}
}
