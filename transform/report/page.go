package report

import (
	"fmt"
	"strings"
)

// SchemaPage returns SCHEMA.md, the schema for people.
func SchemaPage() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The columns of a report\n\n"+
		"Schema version %d. This page is generated from the definition of the columns. New columns come at the end.\n"+
		"A null is unknown. Text longer than its length is cut to that many Unicode code points. CSV files use the\n"+
		"headings, Parquet and NDJSON the names. [REPORT.md](REPORT.md) defines how each value is computed.\n\n"+
		"| # | name | heading | kop | Parquet type | null | length | what it is |\n|---|---|---|---|---|---|---|---|\n", SchemaVersion)
	for i := range Columns {
		c := &Columns[i]
		null, length := "yes", ""
		if c.Required {
			null = "no"
		}
		if c.MaxLength > 0 {
			length = fmt.Sprint(c.MaxLength)
		}
		fmt.Fprintf(&b, "| %d | `%s` | %s | %s | %s | %s | %s | %s |\n",
			c.FieldID(), c.Name, c.Heading[English], c.Heading[Dutch], c.Kind.parquet(), null, length, c.Doc)
	}
	return b.String()
}

// parquet names the kind's Parquet type.
func (k Kind) parquet() string {
	return [...]string{"timestamp µs, UTC", "int64, milliseconds", "int64", "string", "boolean", "date"}[k]
}
