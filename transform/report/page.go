package report

import (
	"fmt"
	"strings"
)

// SchemaPage is the schema for people, in Markdown.
func SchemaPage() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The columns of a report\n\n"+
		"Schema version %d. This page is made from the definition of the columns; columns are only ever appended.\n"+
		"A null is unknown. Text longer than its length is cut to that many Unicode code points. CSV files have the\n"+
		"headings, Parquet and NDJSON the names. How each value comes to be is in [REPORT.md](REPORT.md).\n\n"+
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
