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

// ErrAudit: the file differs from its expectation or cannot be read. It must
// not be published.
var ErrAudit = errors.New("the file failed its audit")

// Audit reads the file of size bytes in r with a Parquet implementation that
// shares no code with the writer, and compares it with expect: the schema, the
// profile, the number of rows, and the [Figures] of every column. It also compares the
// statistics in the file with its values, because warehouses answer queries
// from them.
//
// GOMAXPROCS goroutines read the columns in parallel. Each holds one column of
// one row group in memory, which it reads with one call of ReadAt. Errors wrap
// [ErrAudit] and name the column with the expected and the found value. Damaged
// bytes give an error, not a panic, and take memory in proportion to their
// number: every size is checked before the library uses it. An error of r fails
// the audit, too.
func Audit(r io.ReaderAt, size int64, p Profile, expect *Expectation) error {
	if err := audit(&source{r: r, size: size}, p, expect); err != nil {
		return fmt.Errorf("%w: %w", ErrAudit, err)
	}
	return nil
}

func audit(file *source, p Profile, expect *Expectation) error {
	a, err := open(file, p, expect.Rows)
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
	for i, err := range errs { // by column, so that the error is deterministic
		if err != nil {
			return fmt.Errorf("column %s: %w", report.Columns[i].Name, err)
		}
	}
	return nil
}

// auditor is a file with a valid footer.
type auditor struct {
	file    *source
	profile Profile
	groups  []*parquet.RowGroup
	schema  *schema.SchemaHandler
}

// open reads and validates the footer.
func open(file *source, p Profile, rows int64) (a *auditor, err error) {
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
		return nil, errors.Join(err, errors.New("the file does not start like a Parquet file"))
	}
	a = &auditor{file: file, profile: p, groups: footer.RowGroups, schema: schema.NewSchemaHandlerFromSchemaList(footer.Schema)}
	for _, g := range a.groups {
		for i, chunk := range g.Columns {
			// The library identifies columns by internal names.
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

// compare returns the first difference between the figures of a column, the
// most readable first.
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
	return fmt.Errorf("%s is %v; expected %v", what, found, want)
}

// chunk adds the values of a column chunk to f, page by page.
func (a *auditor) chunk(m *parquet.ColumnMetaData, c *report.Column, f *Figures) error {
	start, end := extent(m)
	data, err := a.file.read(start, end)
	if err != nil {
		return err
	}
	e := a.profile.encodingOf(c)
	pages := pageReader{physical: m.Type, column: c, encoding: e}
	for left := m.NumValues; left > 0; {
		info, err := checkPage(data, e, pages.dict != nil, left)
		if err != nil {
			return err
		}
		page, err := compress.Uncompress(data[info.header:info.size], m.Codec)
		if err != nil {
			return fmt.Errorf("page: %w", err)
		}
		data = data[info.size:]
		left -= info.values
		if info.dictionary {
			if err := pages.readDictionary(page, info.entries); err != nil {
				return fmt.Errorf("dictionary: %w", err)
			}
			continue
		}
		if err := pages.read(page, int(info.values), f); err != nil {
			return fmt.Errorf("page: %w", err)
		}
	}
	return nil
}

// pageReader reads the pages of a column chunk. The library decodes dictionaries
// and packed differences; the rest of a page is decoded here, because the library
// allocates each value and takes several times as long.
type pageReader struct {
	physical        parquet.Type
	encoding        encoding
	column          *report.Column
	dict            []entry // nil until a dictionary page was read
	levels, indexes []uint32
}

// entry is a value of a dictionary.
type entry struct {
	value  any
	known  bool   // it was added to the figures before, so Min and Max include it
	number int64  // its part of the sum
	mixed  uint64 // its part of the digest
}

func (p *pageReader) readDictionary(page []byte, entries int64) error {
	values, err := decoder.ReadPlain(bytes.NewReader(page), p.physical, uint64(entries), 0)
	if err != nil {
		return err
	}
	if int64(len(values)) != entries {
		return mismatch("the number of values", entries, len(values))
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
			return fmt.Errorf("unexpected type %T of a value", v)
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
	if p.encoding == plain {
		return p.addPlain(page, rows, f)
	}
	values, err := layout.ReadDataPageValues(bytes.NewReader(page), parquet.Encoding_DELTA_BINARY_PACKED, p.physical, -1, uint64(known), 0)
	if err != nil {
		return err
	}
	if len(values) != known {
		return mismatch("the number of values", known, len(values))
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

// addIndexes adds the values of a page of dictionary indexes: a byte with their
// width, and the indexes of the non-null values.
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

var errPlain = errors.New("the values of a page end too early or too late, or one is an empty text; expected a null")

// addPlain adds the values of a page of plain values: numbers of eight bytes,
// texts after their length in four bytes, flags as bits.
func (p *pageReader) addPlain(page []byte, rows int, f *Figures) error {
	const lengthSize, numberSize, byteBits = 4, 8, 8
	flags := 0
	for row := range rows {
		if p.isNull(row) {
			f.addNull()
			continue
		}
		switch p.physical {
		case parquet.Type_BYTE_ARRAY:
			if len(page) < lengthSize {
				return errPlain
			}
			size := binary.LittleEndian.Uint32(page)
			page = page[lengthSize:]
			if size == 0 || uint64(size) > uint64(len(page)) {
				return errPlain
			}
			f.addBytes(page[:size])
			page = page[size:]
		case parquet.Type_INT64:
			if len(page) < numberSize {
				return errPlain
			}
			f.addNumber(int64(binary.LittleEndian.Uint64(page)))
			page = page[numberSize:]
		case parquet.Type_BOOLEAN:
			if flags/byteBits >= len(page) {
				return errPlain
			}
			f.addFlag(page[flags/byteBits]>>(flags%byteBits)&1 == 1)
			flags++
		default:
			return fmt.Errorf("unexpected type %s of plain values", p.physical)
		}
	}
	if len(page) != (flags+byteBits-1)/byteBits {
		return errPlain
	}
	return nil
}

// The level of a non-null value, and the bits of a level.
const (
	defined    = 1
	levelWidth = 1
)

// readLevels reads the levels of a page: which rows have a value, and how many
// do. rest holds the values. A required column has no levels.
func (p *pageReader) readLevels(page []byte, rows int) (rest []byte, known int, err error) {
	if p.column.Required {
		return page, rows, nil
	}
	const sizeBytes = 4 // bytes of the levels' size
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

// add adds a value from the library.
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
			return errors.New("it has an empty text; expected a null")
		}
		f.addText(v)
	default:
		return fmt.Errorf("unexpected type %T of a value", v)
	}
	return nil
}

// checkStatistics compares the footer's statistics of a chunk with its values.
// Warehouses skip row groups and answer counts by them.
func checkStatistics(c *report.Column, s *parquet.Statistics, f *Figures) error {
	if s == nil {
		return errors.New("the statistics are missing")
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

// omitted reports whether the statistics omit a bound because of its length.
func omitted(found, want []byte) bool { return found == nil && len(want) > statisticsLimit }

// bounds encodes the smallest and the largest value like statistics; nil
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

// recovered turns a panic into an error: the libraries panic on unexpected
// input.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the Parquet library panicked: %v", p)
	}
}
