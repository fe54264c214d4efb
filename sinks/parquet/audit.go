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
	pages := pageReader{physical: m.Type, column: c}
	for left := m.NumValues; left > 0; {
		info, err := checkPage(data, e, pages.dict != nil, left)
		if err != nil {
			return err
		}
		page, err := compress.Uncompress(data[info.header:info.size], m.Codec)
		if err != nil {
			return fmt.Errorf("a page: %w", err)
		}
		data = data[info.size:]
		left -= info.values
		if info.dictionary {
			if err := pages.readDictionary(page, info.entries); err != nil {
				return fmt.Errorf("its dictionary: %w", err)
			}
			continue
		}
		if err := pages.read(page, int(info.values), f); err != nil {
			return fmt.Errorf("a page: %w", err)
		}
	}
	return nil
}

// pageReader reads the pages of a column chunk. The library has the values
// decoded; its own way to put the parts of a page together takes as long again.
type pageReader struct {
	physical        parquet.Type
	column          *report.Column
	dict            []entry // nil: there was none yet
	levels, indexes []uint32
}

// entry is a value of a dictionary.
type entry struct {
	value  any
	known  bool   // it has been added to the figures: its bounds are known
	number int64  // that it adds to the sum
	mixed  uint64 // and to the digest
}

func (p *pageReader) readDictionary(page []byte, entries int64) error {
	values, err := decoder.ReadPlain(bytes.NewReader(page), p.physical, uint64(entries), 0)
	if err != nil {
		return err
	}
	if int64(len(values)) != entries {
		return mismatch("the number of its values", entries, len(values))
	}
	p.dict = make([]entry, len(values))
	for i, v := range values {
		e := entry{value: v}
		switch v := v.(type) {
		case int64:
			e.number, e.mixed = v, uint64(v)
		case int32:
			e.number, e.mixed = int64(v), uint64(v)
		case string:
			e.mixed = hashText(v)
		default:
			return fmt.Errorf("it has a value of type %T", v)
		}
		p.dict[i] = e
	}
	return nil
}

// read adds the values of a data page to f.
func (p *pageReader) read(page []byte, rows int, f *Figures) error {
	page, known, err := p.readLevels(page, rows)
	if err != nil {
		return err
	}
	if p.dict != nil {
		return p.addIndexes(page, known, rows, f)
	}
	values, err := layout.ReadDataPageValues(bytes.NewReader(page), pageEncoding(encodingOf(p.column)), p.physical, -1, uint64(known), 0)
	if err != nil {
		return err
	}
	if len(values) != known {
		return mismatch("the number of its values", known, len(values))
	}
	for row := range rows {
		if p.isNull(row) {
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

// addIndexes adds the values of a page of indexes: their width, a byte, and
// then the indexes of those that are known.
func (p *pageReader) addIndexes(page []byte, known, rows int, f *Figures) (err error) {
	if len(page) == 0 {
		return errHybrid
	}
	if p.indexes, err = appendHybrid(p.indexes[:0], page[1:], int(page[0]), known); err != nil {
		return err
	}
	indexes := p.indexes
	for row := range rows {
		if p.isNull(row) {
			f.addNull()
			continue
		}
		if indexes[0] >= uint32(len(p.dict)) {
			return mismatch("an index", fmt.Sprintf("below %d", len(p.dict)), indexes[0])
		}
		e := &p.dict[indexes[0]]
		indexes = indexes[1:]
		if e.known {
			f.Sum += e.number
			f.Digest = mix(f.Digest, e.mixed)
			continue
		}
		if err := f.add(e.value); err != nil {
			return err
		}
		e.known = true
	}
	return nil
}

// The level of a row that has a value, and how many bits a level takes.
const (
	defined    = 1
	levelWidth = 1
)

// readLevels reads which rows of a page have a value, and how many they are;
// the values follow in rest. Without levels all have one.
func (p *pageReader) readLevels(page []byte, rows int) (rest []byte, known int, err error) {
	if p.column.Required {
		return page, rows, nil
	}
	const sizeBytes = 4 // of the levels
	if len(page) < sizeBytes {
		return nil, 0, errHybrid
	}
	size := binary.LittleEndian.Uint32(page)
	page = page[sizeBytes:]
	if uint64(size) > uint64(len(page)) {
		return nil, 0, errHybrid
	}
	if p.levels, err = appendHybrid(p.levels[:0], page[:size], levelWidth, rows); err != nil {
		return nil, 0, err
	}
	for _, level := range p.levels {
		known += int(level)
	}
	return page[size:], known, nil
}

func (p *pageReader) isNull(row int) bool { return !p.column.Required && p.levels[row] != defined }

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
