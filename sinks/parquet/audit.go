package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/apache/thrift/lib/go/thrift"
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
	start, end := extent(m)
	data, err := a.file.read(start, end)
	if err != nil {
		return err
	}
	var dict *layout.Page
	for left := m.NumValues; left > 0; {
		info, err := checkPage(data, e, dict != nil, left)
		if err != nil {
			return err
		}
		page, values, _, err := layout.ReadPage(thrift.NewTBufferedTransport(inMemory(data[:info.size]), bufferSize), a.schema, m)
		if err != nil {
			return fmt.Errorf("a page: %w", err)
		}
		data = data[info.size:]
		if info.dictionary {
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
