package report

import "daybook/transform/day"

// SetNumber sets the row's value in a timestamp, duration or integer column;
// [Unknown] is null. It panics for other kinds.
func (c *Column) SetNumber(r *Row, n int64) { *c.number(r) = n }

// SetText sets the row's value in a string column. Empty is null.
func (c *Column) SetText(r *Row, s string) { *c.text(r) = s }

// SetFlag sets the row's value in a boolean column.
func (c *Column) SetFlag(r *Row, b bool) { *c.flag(r) = b }

// SetDay sets the row's value in a date column.
func (c *Column) SetDay(r *Row, d day.Day) { *c.date(r) = d }

// Blank returns a row of nulls, with false and 1970-01-01 in the columns that
// cannot be null.
func Blank() Row {
	var r Row
	for i := range Columns {
		if c := &Columns[i]; c.number != nil {
			c.SetNumber(&r, Unknown)
		}
	}
	return r
}
