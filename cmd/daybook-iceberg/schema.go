package main

import (
	"fmt"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"daybook/transform/report"
)

// partitionColumn is the column that the tables are partitioned by. It is in the
// files, too.
const partitionColumn = "report_date"

// partitionFieldID is the id of the partition's field: the first one that Iceberg
// gives out.
const partitionFieldID = 1000

// schemaOf is the report's columns as an Iceberg schema, with the field ids of the
// Parquet files.
func schemaOf() *iceberg.Schema {
	fields := make([]iceberg.NestedField, len(report.Columns))
	for i := range report.Columns {
		fields[i] = fieldOf(&report.Columns[i])
	}
	return iceberg.NewSchema(0, fields...)
}

func fieldOf(c *report.Column) iceberg.NestedField {
	return iceberg.NestedField{ID: c.FieldID(), Name: c.Name, Type: typeOf(c.Kind), Required: c.Required, Doc: c.Doc}
}

func typeOf(k report.Kind) iceberg.Type {
	switch k {
	case report.Timestamp:
		return iceberg.PrimitiveTypes.TimestampTz
	case report.String:
		return iceberg.PrimitiveTypes.String
	case report.Boolean:
		return iceberg.PrimitiveTypes.Bool
	case report.Date:
		return iceberg.PrimitiveTypes.Date
	}
	return iceberg.PrimitiveTypes.Int64 // Duration and Integer
}

// specOf partitions a schema by the report's date.
func specOf(schema *iceberg.Schema) (iceberg.PartitionSpec, error) {
	column, ok := schema.FindFieldByName(partitionColumn)
	if !ok {
		return iceberg.PartitionSpec{}, fmt.Errorf("the schema has no column %s", partitionColumn)
	}
	return iceberg.NewPartitionSpec(iceberg.PartitionField{
		SourceIDs: []int{column.ID}, FieldID: partitionFieldID, Name: partitionColumn, Transform: iceberg.IdentityTransform{},
	}), nil
}

// missingColumns are the columns that a table does not have yet. Files are matched
// with columns by their ids, so a table with another column under an id is refused.
func missingColumns(t *table.Table) ([]iceberg.NestedField, error) {
	var missing []iceberg.NestedField
	schema := t.Schema()
	next := t.Metadata().LastColumnID() + 1
	for i := range report.Columns {
		want := fieldOf(&report.Columns[i])
		have, ok := schema.FindFieldByID(want.ID)
		switch {
		case ok && (have.Name != want.Name || !have.Type.Equals(want.Type)):
			return nil, fmt.Errorf("%w: its column %d is %s (%s), and the report's is %s (%s)", errForeign, want.ID, have.Name, have.Type, want.Name, want.Type)
		case !ok && want.ID != next:
			return nil, fmt.Errorf("%w: its next column would have the id %d, and the report's column %s has %d", errForeign, next, want.Name, want.ID)
		case !ok:
			missing = append(missing, want)
			next++
		}
	}
	return missing, nil
}

// addColumns adds columns to the table of a transaction, in order. They are
// optional: earlier files do not have them.
func addColumns(txn *table.Transaction, columns []iceberg.NestedField) error {
	if len(columns) == 0 {
		return nil
	}
	update := txn.UpdateSchema(true, false)
	for _, c := range columns {
		update.AddColumn([]string{c.Name}, c.Type, c.Doc, false, nil)
	}
	return update.Commit()
}
