package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/xitongsys/parquet-go/compress"
	decoder "github.com/xitongsys/parquet-go/encoding"
	"github.com/xitongsys/parquet-go/layout"
	"github.com/xitongsys/parquet-go/parquet"
	"github.com/xitongsys/parquet-go/schema"
	"golang.org/x/sync/errgroup"

	"daybook/transform/report"
)

// ErrAudit says that a file does not hold what it should, or cannot be read.
// Such a file must not be published.
var ErrAudit = errors.New("the file failed its audit")

// Audit reads a file of [Encode] or [Writer] back, all of its size bytes in r,
// with an implementation of Parquet that shares no code with the writer, and
// compares it with what the rows call for: the schema, the number of rows, and
// the [Figures] of every column. The statistics in the file are held against
// its values, too, since warehouses answer queries from them.
//
// Columns are read in parallel, by as many goroutines as GOMAXPROCS. Each has
// one row group of a column in memory, which it reads with one call of ReadAt.
// Audit's error wraps [ErrAudit], and names the column and what was expected
// and found. Bytes of whatever kind make it fail, not panic, and take memory
// in proportion to their number: what the reader would allocate, or loop over,
// is checked before it is let loose. An error of r fails the audit, too.
func Audit(r io.ReaderAt, size int64, expect *Expectation) error {
	if err := audit(&source{r: r, size: size}, expect); err != nil {
		return fmt.Errorf("%w: %w", ErrAudit, err)
	}
	return nil
}

func audit(file *source, expect *Expectation) error {
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

// auditor holds a file whose footer has been found to be in order.
type auditor struct {
	file   *source
	groups []*parquet.RowGroup
	schema *schema.SchemaHandler
}

// open reads and checks the footer.
func open(file *source, rows int64) (a *auditor, err error) {
	defer recovered(&err)
	footer, err := readFooter(file)
	if err != nil {
		return nil, err
	}
	if footer.columns() != len(report.Columns) {
		return nil, mismatch("the number of columns", len(report.Columns), footer.columns())
	}
	if footer.NumRows != rows {
		return nil, mismatch("the number of rows", rows, footer.NumRows)
	}
	if head, err := file.read(0, int64(len(magic))); err != nil || string(head) != magic {
		return nil, errors.Join(err, errors.New("it does not begin as a Parquet file does"))
	}
	a = &auditor{file: file, groups: footer.RowGroups, schema: schema.NewSchemaHandlerFromSchemaList(footer.Schema)}
	for _, g := range a.groups {
		for i, chunk := range g.Columns {
			// The reader knows columns by names of its own making.
			chunk.MetaData.PathInSchema = []string{a.schema.Infos[i+1].InName}
		}
	}
	return a, nil
}

// column reads column i through all row groups and compares it.
func (a *auditor) column(i int, want *Figures) (err error) {
	defer recovered(&err)
	found := noFigures()
	for g, group := range a.groups {
		chunk := noFigures()
		chunk.Digest = found.Digest
		m := group.Columns[i].MetaData
		if err := a.chunk(m, &report.Columns[i], &chunk); err != nil {
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
func (a *auditor) chunk(m *parquet.ColumnMetaData, c *report.Column, f *Figures) error {
	start, end := extent(m)
	data, err := a.file.read(start, end)
	if err != nil {
		return err
	}
	e := encodingOf(c)
	var dict []any
	for left := m.NumValues; left > 0; {
		info, err := checkPage(data, e, dict != nil, left)
		if err != nil {
			return err
		}
		page, err := compress.Uncompress(data[info.header:info.size], m.Codec)
		if err != nil {
			return fmt.Errorf("a page: %w", err)
		}
		data = data[info.size:]
		left -= info.values
		content := bytes.NewReader(page)
		if info.dictionary {
			if dict, err = decoder.ReadPlain(content, m.Type, uint64(info.entries), 0); err != nil {
				return fmt.Errorf("its dictionary: %w", err)
			}
			if dict == nil {
				dict = []any{} // of a chunk of nulls
			}
			continue
		}
		if err := readPage(content, m.Type, c, info.values, dict, f); err != nil {
			return fmt.Errorf("a page: %w", err)
		}
	}
	return nil
}

// defined is the level of a row that has a value.
const defined = 1

// readPage adds the values of a data page to f. The library has the parts of a
// page decoded; its own way to put them together takes as long again.
func readPage(content *bytes.Reader, physical parquet.Type, c *report.Column, rows int64, dict []any, f *Figures) error {
	levels, known, err := readLevels(content, c, rows)
	if err != nil {
		return err
	}
	values, err := layout.ReadDataPageValues(content, pageEncoding(encodingOf(c)), physical, -1, uint64(known), 0)
	if err != nil {
		return err
	}
	if int64(len(values)) != known {
		return mismatch("the number of its values", known, len(values))
	}
	if dict != nil {
		for i, index := range values {
			values[i] = dict[index.(int64)]
		}
	}
	for i := range rows {
		if levels != nil && levels[i].(int64) != defined {
			f.addNull()
			continue
		}
		if err := f.add(values[0]); err != nil {
			return err
		}
		values = values[1:]
	}
	return nil
}

// readLevels reads which rows of a page have a value, and how many they are.
// Without levels all have one.
func readLevels(content *bytes.Reader, c *report.Column, rows int64) (levels []any, known int64, err error) {
	if c.Required {
		return nil, rows, nil
	}
	levels, err = layout.ReadDataPageValues(content, parquet.Encoding_RLE, parquet.Type_INT64, -1, uint64(rows), 1)
	if err != nil {
		return nil, 0, err
	}
	for _, level := range levels {
		if level.(int64) == defined {
			known++
		}
	}
	return levels, known, nil
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

// recovered turns a panic of a library, which does so on what it does not
// understand, into an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the Parquet library panicked: %v", p)
	}
}
