// Package contract describes the columns of reports in formats that other programs
// read: JSON Schema, the Open Data Contract Standard, and dbt. All are made from
// report.Columns.
package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"daybook/transform/report"
)

// key is the columns that identify a row, in order.
var key = []string{"report_date", "session_id", "leg"}

// JSONSchema is the schema of a row as NDJSON has it, in JSON Schema 2020-12.
func JSONSchema() ([]byte, error) {
	names := make([]string, len(report.Columns))
	properties := make(map[string]any, len(report.Columns))
	for i := range report.Columns {
		c := &report.Columns[i]
		names[i] = c.Name
		properties[c.Name] = property(c)
	}
	text, err := json.MarshalIndent(struct {
		Schema      string         `json:"$schema"`
		Title       string         `json:"title"`
		Description string         `json:"description"`
		Type        string         `json:"type"`
		Required    []string       `json:"required"`
		Properties  map[string]any `json:"properties"`
	}{
		"https://json-schema.org/draft/2020-12/schema", "daybook session report",
		fmt.Sprintf("One technician's part in a session. Schema version %d. New columns may follow.", report.SchemaVersion),
		"object", names, properties,
	}, "", "  ")
	return append(text, '\n'), err
}

// property is the JSON schema of a column's values.
func property(c *report.Column) map[string]any {
	p := map[string]any{"title": c.Heading[report.English], "description": c.Doc}
	kind := "string"
	switch c.Kind {
	case report.Timestamp:
		p["format"] = "date-time"
	case report.Date:
		p["format"] = "date"
	case report.Duration, report.Integer:
		kind = "integer"
	case report.Boolean:
		kind = "boolean"
	}
	p["type"] = kind
	if !c.Required {
		p["type"] = []string{kind, "null"}
	}
	if c.MaxLength > 0 {
		p["maxLength"] = c.MaxLength
	}
	return p
}

// ODCS is the data contract of reports in the Open Data Contract Standard 3.1, as
// YAML. A report is a table.
func ODCS(reports []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `apiVersion: v3.1.0
kind: DataContract
id: daybook
name: daybook
version: %d.0.0
status: active
description:
  purpose: Session reports, made from the events of support sessions.
  limitations: Texts are cut to the length of their column. Days are published again when late events change them.
  usage: Replace the rows of a day by those that are published for it. New columns come at the end.
schema:
`, report.SchemaVersion)
	for _, name := range reports {
		fmt.Fprintf(&b, `  - name: %[1]s
    physicalName: %[1]s
    physicalType: table
    logicalType: object
    dataGranularityDescription: One row for each technician's part in a session.
    properties:
`, strconv.Quote(name))
		for i := range report.Columns {
			b.WriteString(odcsProperty(&report.Columns[i]))
		}
	}
	return b.String()
}

// DBT is the properties of a dbt model with the columns of a report, as YAML.
func DBT(model string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `version: 2
models:
  - name: %s
    description: One row for each technician's part in a session. Schema version %d.
    columns:
`, model, report.SchemaVersion)
	for i := range report.Columns {
		c := &report.Columns[i]
		fmt.Fprintf(&b, "      - name: %s\n        description: %q\n", c.Name, c.Doc)
		if c.Required {
			b.WriteString("        data_tests: [not_null]\n")
		}
	}
	return b.String()
}

func odcsProperty(c *report.Column) string {
	logical, physical := odcsTypes(c)
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "        "+format+"\n", args...) }
	fmt.Fprintf(&b, "      - name: %s\n", c.Name)
	line("businessName: %q", c.Heading[report.English])
	line("description: %q", c.Doc)
	line("logicalType: %s", logical)
	line("physicalType: %s", physical)
	line("required: %t", c.Required)
	if c.MaxLength > 0 {
		line("logicalTypeOptions:\n          maxLength: %d", c.MaxLength)
	}
	if at := slices.Index(key, c.Name); at >= 0 {
		line("primaryKey: true")
		line("primaryKeyPosition: %d", at+1)
	}
	if c.Kind == report.Date {
		line("partitioned: true")
		line("partitionKeyPosition: 1")
	}
	return b.String()
}

// odcsTypes are the type of a column's values, and its type in Parquet.
func odcsTypes(c *report.Column) (logical, physical string) {
	switch c.Kind {
	case report.Timestamp:
		return "timestamp", `"timestamp[us, UTC]"`
	case report.Duration, report.Integer:
		return "integer", "int64"
	case report.Boolean:
		return "boolean", "boolean"
	case report.Date:
		return "date", "date32"
	}
	return "string", "string"
}
