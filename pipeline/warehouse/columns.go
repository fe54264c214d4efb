package warehouse

import (
	"fmt"
	"strings"

	"daybook/pipeline/partition"
	"daybook/transform/day"
	"daybook/transform/report"
)

// What the templates say of columns, files and dates.

// About is the comment on the table.
func (d *data) About() string {
	return fmt.Sprintf("Session report %s of daybook: one row for each part of a technician in a session. Schema version %d.", d.Report, report.SchemaVersion)
}

// Raw is the type of the column in a description of files.
func (c Column) Raw() string {
	switch {
	case c.IsText():
		return c.types.text
	case c.IsTime() && c.types.fileTimestamp != "":
		return c.types.fileTimestamp
	}
	return c.Type
}

// ButDate is the columns without report_date, which the table is partitioned by.
func (d *data) ButDate() []Column {
	return d.columns(func(c Column) bool { return c.Name != "report_date" })
}

// Values is the columns outside of the key.
func (d *data) Values() []Column { return d.columns(func(c Column) bool { return !c.IsKey() }) }

func (d *data) columns(selected func(Column) bool) (columns []Column) {
	for _, c := range d.Columns {
		if selected(c) {
			columns = append(columns, c)
		}
	}
	return columns
}

// OnKey is the condition that two rows have the same key.
func (d *data) OnKey(a, b string) string {
	conditions := make([]string, len(Key))
	for i, name := range Key {
		q := d.engine.quote(name)
		conditions[i] = a + "." + q + " = " + b + "." + q
	}
	return strings.Join(conditions, " AND ")
}

// Differs is the condition that two rows with the same key differ.
func (d *data) Differs(a, b string) string {
	var lines []string
	for _, c := range d.Values() {
		q := d.engine.quote(c.Name)
		lines = append(lines, a+"."+q+" IS DISTINCT FROM "+b+"."+q)
	}
	return strings.Join(lines, "\n  OR ")
}

// Sets assigns the values of another row.
func (d *data) Sets(from string) string {
	var sets []string
	for _, c := range d.Values() {
		q := d.engine.quote(c.Name)
		sets = append(sets, q+" = "+from+"."+q)
	}
	return wrap(sets)
}

// Structure is the names and types of the files' columns, as a text in a statement.
func (d *data) Structure() string {
	fields := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		fields[i] = c.Name + " " + c.Raw()
		if d.engine.Name == "clickhouse" && !c.Required {
			fields[i] = c.Name + " Nullable(" + c.Raw() + ")"
		}
	}
	return strings.Join(fields, ", ")
}

// MonthIn is the condition that a month, as 2026-11, is one of the complete ones.
func (d *data) MonthIn(column string) string {
	var conditions []string
	for _, r := range d.Complete() {
		conditions = append(conditions, fmt.Sprintf("%s BETWEEN '%s' AND '%s'", column, r.From.Month(), r.To.Month()))
	}
	return strings.Join(conditions, " OR ")
}

// Suffix names the part of a table with the days of a month.
func (r Range) Suffix() string { return strings.ReplaceAll(r.From.Month().String(), "-", "_") }

// Next is the day after the range.
func (r Range) Next() day.Day { return r.To + 1 }

// FirstDay and LastDay are the bounds of what is replaced.
func (d *data) FirstDay() day.Day { return d.Ranges[0].From }

// LastDay is the last day that is replaced.
func (d *data) LastDay() day.Day { return d.Ranges[len(d.Ranges)-1].To }

// Empty are the days without rows, where days are loaded.
func (d *data) Empty() (days []day.Day) {
	for _, p := range d.Partitions {
		if p.Rows == 0 {
			days = append(days, p.ID.Day())
		}
	}
	return days
}

// DayKeys are the keys of the files of days.
func (d *data) DayKeys() []string { return d.keysOf(partition.Day) }

// MonthKeys are the keys of the files of months.
func (d *data) MonthKeys() []string { return d.keysOf(partition.Month) }

// Locations are keys as the engine names them.
func (d *data) Locations(keys []string) []string {
	urls := make([]string, len(keys))
	for i, key := range keys {
		urls[i] = d.At(key)
	}
	return urls
}

// Arguments of templates that take more than one value.

// Into is a table to copy files into.
func (d *data) Into(table string) map[string]any { return map[string]any{"d": d, "into": table} }

// External is a description of the files below a prefix, partitioned by a key.
func (d *data) External(of, prefix, key, keyType string) map[string]any {
	return map[string]any{"d": d, "of": of, "prefix": prefix, "key": key, "type": keyType}
}

// Scan reads files in Polars.
func (d *data) Scan(of, hive string) map[string]any {
	return map[string]any{"d": d, "of": of, "hive": hive}
}

// ScanHive reads the files below a prefix in Polars, with the key of their folders.
func (d *data) ScanHive(prefix, key, keyType string) map[string]any {
	of := d.engine.text(d.At(prefix + "*/*.parquet"))
	return d.Scan(of, fmt.Sprintf("True, hive_schema={%q: %s}", key, keyType))
}

// Names of one engine.

// Bare is the table without its schema: Redshift's MERGE has no alias for it.
func (d *data) Bare() string { return d.engine.quote(d.name()) }

// ViewTemp is the name of a temporary view: Spark's have no schema.
func (d *data) ViewTemp() string { return d.engine.quote(d.ViewTable()) }

// Backticked is a table in Athena's DDL.
func (d *data) Backticked(suffix string) string {
	name := d.name()
	if suffix != "" {
		name = d.OwnName(suffix)
	}
	quote := doubled("`")
	if d.Request.Schema != "" {
		return quote(d.Request.Schema) + "." + quote(name)
	}
	return quote(name)
}

// OwnName is the name of a table of daybook's own, without quotes.
func (d *data) OwnName(suffix string) string { return "_" + d.name() + "_" + suffix }

// SchemaName is the name of the table's schema, without quotes.
func (d *data) SchemaName() string { return d.schema() }

// PlainColumns are the quoted names in one line: psql's \copy has no other.
func (d *data) PlainColumns() string {
	names := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		names[i] = d.engine.quote(c.Name)
	}
	return strings.Join(names, ", ")
}

// CheckRows is PostgreSQL's check that all rows of the files have come.
func (d *data) CheckRows() string {
	return fmt.Sprintf("BEGIN IF (SELECT count(*) FROM %s) <> %d THEN RAISE EXCEPTION 'the files have other rows than the %d published'; END IF; END;",
		d.Temp("stage"), d.Rows(), d.Rows())
}

// CopyCommand is the statements by which DuckDB writes the files as PostgreSQL's
// COPY reads them, in one line. They go to standard output, where results of
// statements must not be: .output takes those. No other file descriptor will do: if
// it is closed, DuckDB opens a Parquet file under its number, and writes over it.
func (d *data) CopyCommand() string {
	duckdb := *d
	duckdb.engine, _ = Find("duckdb")
	var b strings.Builder
	if err := templates["duckdb"].ExecuteTemplate(&b, "secret", &duckdb); err != nil {
		panic(err) // the template is part of the program
	}
	values := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		values[i] = duckdb.engine.quote(c.Name)
		if c.IsText() {
			values[i] = "e(" + values[i] + ")"
		}
	}
	fmt.Fprintf(&b, `CREATE TEMP MACRO e(s) AS replace(replace(replace(replace(s, '\', '\\'), chr(10), '\n'), chr(13), '\r'), chr(9), '\t'); `+
		`CREATE TEMP TABLE t (%s); SET TimeZone = 'UTC'; `+
		`COPY (SELECT %s FROM (FROM t UNION ALL BY NAME FROM read_parquet([%s], union_by_name = true, hive_partitioning = false))) `+
		`TO '/dev/stdout' (FORMAT csv, DELIMITER '\t', QUOTE '', ESCAPE '', HEADER false, NULLSTR '\N')`,
		duckdb.types(), strings.Join(values, ", "), duckdb.engine.list(d.Files(), ", "))
	return strings.TrimSpace(strings.ReplaceAll(b.String(), "\n", " "))
}

// types are the columns with their types, in one line.
func (d *data) types() string {
	fields := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		fields[i] = d.engine.quote(c.Name) + " " + d.engine.typeOf(c.Column)
	}
	return strings.Join(fields, ", ")
}
