package report

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Schema is the Arrow schema of the report, with the Parquet field ids.
func Schema() *arrow.Schema {
	return schemaOf(func(i int) arrow.DataType { return Columns[i].arrowType() })
}

// schemaOf is the schema of columns of these types.
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

// BatchBuilder makes Arrow record batches of rows. The rows go into the columns
// as they come, so that nobody has to keep them until a batch is full.
type BatchBuilder struct {
	schema  *arrow.Schema
	columns []columnBuilder
	rows    int
}

// NewBatchBuilder makes one without rows. Its batches are under [Schema], but
// that a column of texts which repeats accepts is an array of a dictionary: its
// distinct texts in order of appearance, and an int32 for each row.
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

// Reserve makes room for a batch of n rows, with about as much text as the
// batch before had.
func (b *BatchBuilder) Reserve(n int) {
	for i := range b.columns {
		b.columns[i].reserve(n - b.rows)
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
		for i := range b.columns {
			if at, err := b.columns[i].append(some); err != nil {
				return fmt.Errorf("session %d leg %d: %w", some[at].SessionID, some[at].Leg, err)
			}
		}
		b.rows += len(some)
	}
	return nil
}

// NewRecord makes a batch of the rows since the last one. It is the caller's,
// and shares no memory with the batches that follow.
func (b *BatchBuilder) NewRecord() arrow.Record {
	arrays := make([]arrow.Array, len(b.columns))
	for i := range b.columns {
		arrays[i] = b.columns[i].finish()
	}
	n := b.rows
	b.rows = 0
	return array.NewRecord(b.schema, arrays, int64(n))
}
