package report

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// columnBuilder builds the arrays of one column. Arrow's own builders take one
// value per call, which is much slower.
type columnBuilder interface {
	// reserve makes room for that many more rows.
	reserve(rows int)
	// append adds the column's values of rows. With an error it returns the
	// index of the faulty row.
	append(rows []Row) (at int, err error)
	// finish returns the array of the rows since the last finish. The array
	// owns its memory.
	finish() arrow.Array
	// arrayType is the type of the arrays.
	arrayType() arrow.DataType
}

// newColumnBuilder returns a builder for c. For texts that repeat, it builds a
// dictionary.
func newColumnBuilder(c *Column, repeats bool) columnBuilder {
	v := validity{Column: c}
	switch {
	case c.Kind == Timestamp:
		return &numbers{validity: v, unit: 1000} // µs per ms
	case c.Kind == String && repeats:
		return &repeated{validity: v, indexOf: map[string]int32{}, distinct: textData{limit: math.MaxInt32}}
	case c.Kind == String:
		return &texts{validity: v, values: textData{limit: math.MaxInt32}}
	case c.Kind == Boolean:
		return &flags{validity: v}
	case c.Kind == Date:
		return &dates{validity: v}
	}
	return &numbers{validity: v, unit: 1} // Duration and Integer
}

// validity records which rows of a column have a value.
type validity struct {
	*Column
	bits        []byte // one for each row, lowest first; empty for a required column
	rows, nulls int
}

func (v *validity) arrayType() arrow.DataType { return v.arrowType() }

func (v *validity) reserve(rows int) { v.bits = grown(v.bits, rows/8+1) }

func (v *validity) addValue() {
	if !v.Required {
		if v.rows%8 == 0 {
			v.bits = append(v.bits, 0)
		}
		v.bits[v.rows/8] |= 1 << (v.rows % 8)
	}
	v.rows++
}

func (v *validity) addNull() error {
	if v.Required {
		return fmt.Errorf("the required column %s is null", v.Name)
	}
	if v.rows%8 == 0 {
		v.bits = append(v.bits, 0)
	}
	v.rows++
	v.nulls++
	return nil
}

// finish returns an array of that type with the values in buffers. dictionary
// is nil unless the column is repeated.
func (v *validity) finish(kind arrow.DataType, dictionary *array.Data, buffers ...*memory.Buffer) arrow.Array {
	var bits *memory.Buffer
	if v.nulls > 0 {
		bits = memory.NewBufferBytes(v.bits)
	}
	all := append([]*memory.Buffer{bits}, buffers...)
	data := array.NewData(kind, v.rows, all, nil, v.nulls, 0)
	if dictionary != nil {
		data = array.NewDataWithDictionary(kind, v.rows, all, v.nulls, 0, dictionary)
	}
	v.bits, v.rows, v.nulls = nil, 0, 0
	return array.MakeFromData(data)
}

// grown returns s with room for n more elements.
func grown[T any](s []T, n int) []T {
	if n <= cap(s)-len(s) {
		return s
	}
	return append(make([]T, 0, len(s)+n), s...)
}

// numbers are the timestamps, durations or integers of a column.
type numbers struct {
	validity
	unit   int64 // factor of the stored values
	values []int64
}

func (b *numbers) reserve(rows int) {
	b.validity.reserve(rows)
	b.values = grown(b.values, rows)
}

func (b *numbers) append(rows []Row) (at int, err error) {
	for i := range rows {
		n := b.Number(&rows[i])
		if n == Unknown {
			if err := b.addNull(); err != nil {
				return i, err
			}
			b.values = append(b.values, 0)
			continue
		}
		b.addValue()
		b.values = append(b.values, n*b.unit)
	}
	return 0, nil
}

func (b *numbers) finish() arrow.Array {
	values := b.values
	b.values = nil
	return b.validity.finish(b.arrayType(), nil, memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(values)))
}

// dates are the days of a column.
type dates struct {
	validity
	values []int32
}

func (b *dates) reserve(rows int) {
	b.validity.reserve(rows)
	b.values = grown(b.values, rows)
}

func (b *dates) append(rows []Row) (at int, err error) {
	for i := range rows {
		b.addValue()
		b.values = append(b.values, int32(b.Day(&rows[i])))
	}
	return 0, nil
}

func (b *dates) finish() arrow.Array {
	values := b.values
	b.values = nil
	return b.validity.finish(b.arrayType(), nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(values)))
}

// flags are the booleans of a column, as bits.
type flags struct {
	validity
	values []byte
}

func (b *flags) append(rows []Row) (at int, err error) {
	for i := range rows {
		if b.rows%8 == 0 {
			b.values = append(b.values, 0)
		}
		if b.Flag(&rows[i]) {
			b.values[b.rows/8] |= 1 << (b.rows % 8)
		}
		b.addValue()
	}
	return 0, nil
}

func (b *flags) finish() arrow.Array {
	values := b.values
	b.values = nil
	return b.validity.finish(b.arrayType(), nil, memory.NewBufferBytes(values))
}

// textData holds concatenated texts.
type textData struct {
	ends  []int32 // end of each text in bytes
	bytes []byte
	limit int // maximum number of bytes: Arrow's offsets are int32
}

func (t *textData) add(s string) error {
	if len(s) > t.limit-len(t.bytes) {
		return fmt.Errorf("the texts of one batch have more than %d bytes", t.limit)
	}
	t.bytes = append(t.bytes, s...)
	t.end()
	return nil
}

// end ends the current text. Without bytes before it, it adds an empty text.
func (t *textData) end() { t.ends = append(t.ends, int32(len(t.bytes))) }

// take returns the texts as the buffers of an Arrow array, and empties t.
func (t *textData) take() (offsets, bytes *memory.Buffer) {
	all := make([]int32, 1, len(t.ends)+1)
	all = append(all, t.ends...)
	bytes = memory.NewBufferBytes(t.bytes)
	t.ends, t.bytes = t.ends[:0], nil
	return memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(all)), bytes
}

// fault adds the column to an error.
func (v *validity) fault(err error) error { return fmt.Errorf("column %s: %w", v.Name, err) }

func notUTF8(s string) error { return fmt.Errorf("%q is not valid UTF-8", s) }

// texts are the texts of a column whose texts are mostly unique.
type texts struct {
	validity
	values textData
	size   int // bytes of the previous batch
}

func (b *texts) reserve(rows int) {
	b.validity.reserve(rows)
	b.values.ends = grown(b.values.ends, rows)
	b.values.bytes = grown(b.values.bytes, b.size+b.size/16-len(b.values.bytes)) // a little more, because batches differ
}

func (b *texts) append(rows []Row) (at int, err error) {
	start := len(b.values.bytes)
	for i := range rows {
		s := b.Text(&rows[i])
		switch {
		case s == "":
			if err := b.addNull(); err != nil {
				return i, err
			}
			b.values.end()
			continue
		case !utf8.RuneStart(s[0]):
			return i, b.fault(notUTF8(s))
		}
		if err := b.values.add(s); err != nil {
			return i, b.fault(err)
		}
		b.addValue()
	}
	// One check of all texts is much faster. No text begins in the middle of a
	// code point, so all are valid exactly if their concatenation is.
	if utf8.Valid(b.values.bytes[start:]) {
		return 0, nil
	}
	for at < len(rows) && utf8.ValidString(b.Text(&rows[at])) {
		at++
	}
	return at, b.fault(notUTF8(b.Text(&rows[at])))
}

func (b *texts) finish() arrow.Array {
	b.size = len(b.values.bytes)
	offsets, bytes := b.values.take()
	return b.validity.finish(b.arrayType(), nil, offsets, bytes)
}

// repeated are the texts of a column whose texts repeat.
type repeated struct {
	validity
	indexes  []int32
	distinct textData
	indexOf  map[string]int32 // index of each distinct text

	last      string // previous text, which often repeats
	lastIndex int32
}

var indexType = arrow.PrimitiveTypes.Int32

func (b *repeated) arrayType() arrow.DataType {
	return &arrow.DictionaryType{IndexType: indexType, ValueType: b.arrowType()}
}

func (b *repeated) reserve(rows int) {
	b.validity.reserve(rows)
	b.indexes = grown(b.indexes, rows)
}

func (b *repeated) append(rows []Row) (at int, err error) {
	for i := range rows {
		s := b.Text(&rows[i])
		if s == "" {
			if err := b.addNull(); err != nil {
				return i, err
			}
			b.indexes = append(b.indexes, 0)
			continue
		}
		if s != b.last {
			if err := b.find(s); err != nil {
				return i, b.fault(err)
			}
		}
		b.addValue()
		b.indexes = append(b.indexes, b.lastIndex)
	}
	return 0, nil
}

// find sets last and lastIndex to s, which it adds to the dictionary if it is
// new.
func (b *repeated) find(s string) error {
	index, known := b.indexOf[s]
	if !known {
		if !utf8.ValidString(s) {
			return notUTF8(s)
		}
		index = int32(len(b.distinct.ends))
		if err := b.distinct.add(s); err != nil {
			return err
		}
		s = strings.Clone(s) // the row's string may keep a large buffer alive
		b.indexOf[s] = index
	}
	b.last, b.lastIndex = s, index
	return nil
}

func (b *repeated) finish() arrow.Array {
	indexes, n := b.indexes, len(b.distinct.ends)
	offsets, bytes := b.distinct.take()
	dictionary := array.NewData(b.arrowType(), n, []*memory.Buffer{nil, offsets, bytes}, nil, 0, 0)
	b.indexes, b.last = nil, ""
	clear(b.indexOf)
	return b.validity.finish(b.arrayType(), dictionary, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(indexes)))
}
