package report

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Schema returns the Arrow schema of the report with the Parquet field ids.
func Schema() *arrow.Schema {
	return schemaOf(func(i int) arrow.DataType { return Columns[i].arrowType() })
}

// schemaOf returns the schema with these types.
func schemaOf(typeOf func(column int) arrow.DataType) *arrow.Schema {
	fields := make([]arrow.Field, len(Columns))
	for i := range Columns {
		c := &Columns[i]
		fields[i] = arrow.Field{
			Name: c.Name, Type: typeOf(i), Nullable: !c.Required,
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

// BatchBuilder builds Arrow record batches of rows. It copies the rows into
// columns as they come.
type BatchBuilder struct {
	schema  *arrow.Schema
	columns []columnBuilder
	rows    int
}

// NewBatchBuilder returns a builder without rows. Its batches have the schema
// [Schema], except that the string columns for which repeats returns true are
// dictionary arrays: the distinct texts in order of appearance, and an int32
// index for each row.
func NewBatchBuilder(repeats func(*Column) bool) *BatchBuilder {
	b := &BatchBuilder{columns: make([]columnBuilder, len(Columns))}
	for i := range Columns {
		c := &Columns[i]
		b.columns[i] = newColumnBuilder(c, c.Kind == String && repeats(c))
	}
	b.schema = schemaOf(func(i int) arrow.DataType { return b.columns[i].arrayType() })
	return b
}

// Len is the number of rows since the last batch.
func (b *BatchBuilder) Len() int { return b.rows }

// Reserve makes room for a batch of n rows with as much text as the previous
// batch.
func (b *BatchBuilder) Reserve(n int) {
	for i := range b.columns {
		b.columns[i].reserve(n - b.rows)
	}
}

// appendRows is the number of rows that all columns copy at a time: few enough
// to stay in the processor's cache.
const appendRows = 256

// Append copies rows. It returns an error for values that a Parquet writer
// stores wrongly: a null in a required column, which becomes zero, and text
// that is not UTF-8, which warehouses cannot read. The error names the row and
// the column. After an error the builder must not be used.
func (b *BatchBuilder) Append(rows []Row) error {
	for some := range slices.Chunk(rows, appendRows) {
		for i := range b.columns {
			if at, err := b.columns[i].append(some); err != nil {
				return fmt.Errorf("session %d leg %d: %w", some[at].SessionID, some[at].Leg, err)
			}
		}
		b.rows += len(some)
	}
	return nil
}

// NewRecord returns a batch of the rows since the last one. The caller owns it;
// it shares no memory with later batches.
func (b *BatchBuilder) NewRecord() arrow.Record {
	arrays := make([]arrow.Array, len(b.columns))
	for i := range b.columns {
		arrays[i] = b.columns[i].finish()
	}
	n := b.rows
	b.rows = 0
	return array.NewRecord(b.schema, arrays, int64(n))
}
