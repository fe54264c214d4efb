package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Schema is the Arrow schema of the report, with the Parquet field ids.
func Schema() *arrow.Schema {
	fields := make([]arrow.Field, len(Columns))
	for i := range Columns {
		c := &Columns[i]
		fields[i] = arrow.Field{
			Name: c.Name, Type: c.arrowType(), Nullable: !c.Required,
			Metadata: arrow.NewMetadata([]string{"PARQUET:field_id"}, []string{strconv.Itoa(c.FieldID())}),
		}
	}
	return arrow.NewSchema(fields, nil)
}

func (c *Column) arrowType() arrow.DataType {
	switch c.Kind {
	case Timestamp:
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	case String:
		return arrow.BinaryTypes.String
	case Boolean:
		return arrow.FixedWidthTypes.Boolean
	case Date:
		return arrow.FixedWidthTypes.Date32
	}
	return arrow.PrimitiveTypes.Int64 // Duration and Integer
}

// BatchBuilder makes Arrow record batches of rows, under [Schema]. The rows go
// into the columns as they come, so that nobody has to keep them until a batch
// is full.
type BatchBuilder struct {
	columns   *array.RecordBuilder
	rows      int
	textLimit int   // of a column in a batch, in bytes
	textSizes []int // of each column in the batch before, in bytes
}

// NewBatchBuilder makes one without rows, whose memory is Go's.
func NewBatchBuilder() *BatchBuilder {
	return &BatchBuilder{
		columns:   array.NewRecordBuilder(memory.NewGoAllocator(), Schema()),
		textLimit: math.MaxInt32, // Arrow's offsets of texts are int32, and would wrap around
		textSizes: make([]int, len(Columns)),
	}
}

// Len is the number of rows since the last batch.
func (b *BatchBuilder) Len() int { return b.rows }

// Reserve makes room for a batch of n rows, with about as much text as the
// batch before had. Without it columns grow as Arrow lets them: they are copied
// to twice the size, again and again, and end up to twice as large as need be.
func (b *BatchBuilder) Reserve(n int) {
	for i, field := range b.columns.Fields() {
		field.Resize(max(n, b.rows)) // Arrow's own Reserve takes twice as much if n is a power of two
		if texts, ok := field.(*array.StringBuilder); ok {
			texts.ReserveData(b.textSizes[i] + b.textSizes[i]/16) // a little more: each batch differs
		}
	}
}

// appendRows is how many rows are taken apart at a time: few enough to stay in
// a processor's cache while the columns go over them one after the other.
const appendRows = 256

// Append adds rows, which stay the caller's: nothing of them is shared. It
// refuses what a Parquet writer would store wrongly: a null in a required
// column as zero, and text that is not UTF-8, which warehouses cannot read.
// The error names the row and the column; after it the builder is of no use.
func (b *BatchBuilder) Append(rows []Row) error {
	for some := range slices.Chunk(rows, appendRows) {
		for i := range Columns {
			if err := b.appendColumn(&Columns[i], b.columns.Field(i), some); err != nil {
				return err
			}
		}
		b.rows += len(some)
	}
	return nil
}

// NewRecord makes a batch of the rows since the last one. It is the caller's,
// who releases it, and shares no memory with the batches that follow.
func (b *BatchBuilder) NewRecord() arrow.Record {
	b.rows = 0
	for i, field := range b.columns.Fields() {
		if texts, ok := field.(*array.StringBuilder); ok {
			b.textSizes[i] = texts.DataLen()
		}
	}
	return b.columns.NewRecord()
}

func (b *BatchBuilder) appendColumn(c *Column, field array.Builder, rows []Row) error {
	for i := range rows {
		r := &rows[i]
		known, err := b.appendValue(c, field, r)
		switch {
		case err != nil:
			return fmt.Errorf("session %d leg %d: column %s: %w", r.SessionID, r.Leg, c.Name, err)
		case known:
		case c.Required:
			return fmt.Errorf("session %d leg %d: the required column %s is null", r.SessionID, r.Leg, c.Name)
		default:
			field.AppendNull()
		}
	}
	return nil
}

// appendValue appends the row's value to the column's builder, or says that
// it is null.
func (b *BatchBuilder) appendValue(c *Column, field array.Builder, r *Row) (known bool, err error) {
	switch c.Kind {
	case Timestamp:
		ms := c.Number(r)
		if ms == Unknown {
			return false, nil
		}
		field.(*array.TimestampBuilder).Append(arrow.Timestamp(ms * 1000))
	case Duration, Integer:
		n := c.Number(r)
		if n == Unknown {
			return false, nil
		}
		field.(*array.Int64Builder).Append(n)
	case String:
		s := c.Text(r)
		if s == "" {
			return false, nil
		}
		return true, b.appendText(field.(*array.StringBuilder), s)
	case Boolean:
		field.(*array.BooleanBuilder).Append(c.Flag(r))
	case Date:
		field.(*array.Date32Builder).Append(arrow.Date32(c.Day(r)))
	}
	return true, nil
}

func (b *BatchBuilder) appendText(field *array.StringBuilder, s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%q is not valid UTF-8", s)
	}
	if len(s) > b.textLimit-field.DataLen() {
		return fmt.Errorf("its texts in one batch have more than %d bytes together", b.textLimit)
	}
	field.Append(s)
	return nil
}
