package report

import (
	"fmt"
	"strconv"

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

// Batch makes an Arrow record batch of rows, under [Schema]. It refuses a row
// with a null in a required column, which a Parquet writer would silently
// store as zero. The caller releases the batch; it shares nothing with rows.
func Batch(schema *arrow.Schema, rows []Row) (arrow.Record, error) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range Columns {
		c := &Columns[i]
		field := b.Field(i)
		field.Reserve(len(rows))
		for j := range rows {
			r := &rows[j]
			if c.appendTo(field, r) {
				continue
			}
			if c.Required {
				return nil, fmt.Errorf("session %d leg %d: the required column %s is null", r.SessionID, r.Leg, c.Name)
			}
			field.AppendNull()
		}
	}
	return b.NewRecord(), nil
}

// appendTo appends the row's value to the column's builder, or says that it
// is null.
func (c *Column) appendTo(b array.Builder, r *Row) (known bool) {
	switch c.Kind {
	case Timestamp:
		ms := c.Number(r)
		if ms == Unknown {
			return false
		}
		b.(*array.TimestampBuilder).Append(arrow.Timestamp(ms * 1000))
	case Duration, Integer:
		n := c.Number(r)
		if n == Unknown {
			return false
		}
		b.(*array.Int64Builder).Append(n)
	case String:
		s := c.Text(r)
		if s == "" {
			return false
		}
		b.(*array.StringBuilder).Append(s)
	case Boolean:
		b.(*array.BooleanBuilder).Append(c.Flag(r))
	case Date:
		b.(*array.Date32Builder).Append(arrow.Date32(c.Day(r)))
	}
	return true
}
