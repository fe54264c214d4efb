package warehouse

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"daybook/transform/report"
)

// Engine is a program that reads the reports.
type Engine struct {
	Name  string // as commands name it
	Title string // as people name it

	template        string // the name of its file in templates/
	comment         string // begins a comment
	quote           func(name string) string
	text            func(string) string
	types           types
	longestName     int  // bytes; 0: longer than any report's name
	ddlWithoutFiles bool // the table does not name the sink
	blocks          bool // its transactions are texts between $$
	viewsTable      bool // its view is of the table, as it reads no files in one
	ByDay           bool // it loads a month by its days

	shared                []string // further files of templates
	schema                string   // of tables, if none is given
	catalog, filesCatalog string   // of the report, and of descriptions of files

	// root is the sink's root as the engine names it, with a slash at its end, and
	// what is to be set before it can be read.
	root func(*Store) (root string, setThis []string, err error)
}

// types are an engine's names for the types of columns.
type types struct {
	timestamp, integer, boolean, date string
	text                              string // without a limit
	limited                           string // the format of a type with a limit; empty: as text
	fileTimestamp                     string // in a description of files; empty: as timestamp
	scale                             int    // units of length in a code point; 0: 1
}

// Engines are all engines, in the order of the README.
var Engines = []Engine{
	{
		Name: "duckdb", Title: "DuckDB", template: "duckdb", comment: "--", quote: doubled(`"`), text: standardText,
		types: types{timestamp: "TIMESTAMPTZ", integer: "BIGINT", boolean: "BOOLEAN", date: "DATE", text: "VARCHAR"},
		root:  scheme("s3://"), ddlWithoutFiles: true,
	}, {
		Name: "clickhouse", Title: "ClickHouse", template: "clickhouse", comment: "--", quote: escaped("`"), text: escapedText,
		types: types{timestamp: "DateTime64(6, 'UTC')", integer: "Int64", boolean: "Bool", date: "Date32", text: "String"},
		root:  clickhouseRoot, ddlWithoutFiles: true, ByDay: true,
	}, {
		Name: "postgres", Title: "PostgreSQL", template: "postgres", comment: "--", quote: doubled(`"`), text: standardText,
		types:      types{timestamp: "timestamptz", integer: "bigint", boolean: "boolean", date: "date", text: "text", limited: "varchar(%d)"},
		viewsTable: true, root: scheme("s3://"), longestName: 47, ddlWithoutFiles: true, // 63, with _ before it and _2026_11 or _current behind it
	}, {
		Name: "spark", Title: "Spark", template: "spark", comment: "--", quote: doubled("`"), text: escapedText,
		types: types{timestamp: "TIMESTAMP", integer: "BIGINT", boolean: "BOOLEAN", date: "DATE", text: "STRING", limited: "VARCHAR(%d)"},
		root:  sparkRoot, ddlWithoutFiles: true, ByDay: true,
	}, {
		Name: "databricks", Title: "Databricks", template: "databricks", comment: "--", quote: doubled("`"), text: escapedText,
		types: types{timestamp: "TIMESTAMP", integer: "BIGINT", boolean: "BOOLEAN", date: "DATE", text: "STRING", limited: "VARCHAR(%d)"},
		root:  amazon("Databricks", "s3://", "abfss://", "gs://", "/Volumes/"), ddlWithoutFiles: true,
	}, {
		Name: "snowflake", Title: "Snowflake", template: "snowflake", comment: "--", quote: upper(doubled(`"`)), text: escapedText,
		types: types{timestamp: "TIMESTAMP_LTZ(6)", integer: "BIGINT", boolean: "BOOLEAN", date: "DATE", text: "VARCHAR", limited: "VARCHAR(%d)"},
		root:  snowflakeRoot, blocks: true,
	}, {
		Name: "bigquery", Title: "BigQuery", template: "bigquery", comment: "--", quote: escaped("`"), text: escapedText,
		types: types{timestamp: "TIMESTAMP", integer: "INT64", boolean: "BOOL", date: "DATE", text: "STRING", limited: "STRING(%d)"},
		root:  googleRoot, ddlWithoutFiles: true,
	}, {
		Name: "redshift", Title: "Redshift", template: "redshift", comment: "--", quote: doubled(`"`), text: redshiftText,
		types:      types{timestamp: "TIMESTAMP", integer: "BIGINT", boolean: "BOOLEAN", date: "DATE", text: "VARCHAR(65535)", limited: "VARCHAR(%d)", scale: 4},
		viewsTable: true, root: amazon("Redshift", "s3://"), ddlWithoutFiles: true,
	}, {
		Name: "athena", Title: "Athena", template: "athena", comment: "--", quote: doubled(`"`), text: standardText,
		types: types{timestamp: "timestamp", integer: "bigint", boolean: "boolean", date: "date", text: "string"},
		root:  amazon("Athena", "s3://"), shared: []string{"templates/iceberg.tmpl"},
	}, {
		Name: "trino", Title: "Trino", template: "trino", comment: "--", quote: doubled(`"`), text: standardText,
		types: types{timestamp: "timestamp(6)", fileTimestamp: "timestamp(3)", integer: "bigint", boolean: "boolean", date: "date", text: "varchar"},
		root:  trinoRoot, shared: []string{"templates/iceberg.tmpl"},
		schema: "default", catalog: "iceberg", filesCatalog: "hive",
	}, {
		Name: "fabric", Title: "Fabric", template: "fabric", comment: "--", quote: bracketed, text: standardText,
		types: types{timestamp: "datetime2(6)", integer: "bigint", boolean: "bit", date: "date", text: "varchar(8000)", limited: "varchar(%d)", scale: 4},
		root:  fabricRoot, ddlWithoutFiles: true,
	}, {
		Name: "polars", Title: "Polars", template: "polars", comment: "#", quote: strconv.Quote, text: strconv.Quote,
		types: types{timestamp: `pl.Datetime("us", "UTC")`, integer: "pl.Int64", boolean: "pl.Boolean", date: "pl.Date", text: "pl.String"},
		root:  scheme("s3://"), ddlWithoutFiles: true,
	},
}

// Comment is a line of a comment.
func (e *Engine) Comment(text string) string { return e.comment + " " + text + "\n" }

// Find is the engine of a name or a title, in any case.
func Find(name string) (*Engine, error) {
	names := make([]string, len(Engines))
	for i := range Engines {
		e := &Engines[i]
		if names[i] = e.Name; strings.EqualFold(name, e.Name) || strings.EqualFold(name, e.Title) {
			return e, nil
		}
	}
	return nil, fmt.Errorf("unknown engine %q; there are %s", name, strings.Join(names, ", "))
}

// Reads says that the engine reads the sink where it is.
func (e *Engine) Reads(s *Store) bool {
	_, setThis, err := e.root(s)
	return err == nil && len(setThis) == 0
}

func (e *Engine) typeOf(c *report.Column) string {
	t := &e.types
	switch c.Kind {
	case report.Timestamp:
		return t.timestamp
	case report.Duration, report.Integer:
		return t.integer
	case report.Boolean:
		return t.boolean
	case report.Date:
		return t.date
	}
	if c.MaxLength == 0 || t.limited == "" {
		return t.text
	}
	return fmt.Sprintf(t.limited, c.MaxLength*max(1, t.scale))
}

// funcs are what the templates call.
func (e *Engine) funcs() template.FuncMap {
	return template.FuncMap{
		"name": e.quote,
		"text": e.text,
		"hive": escapedText,
		"list": func(values []string) string { return e.list(values, ",\n  ") },
		"columns": func(columns []Column, prefix string) string {
			names := make([]string, len(columns))
			for i, c := range columns {
				names[i] = prefix + e.quote(c.Name)
			}
			return wrap(names)
		},
		"where":  e.where,
		"key":    func() []string { return Key },
		"chunks": chunks,
		"shell":  shellText,
		"psql":   standardText,
		"braces": braces,
		"names":  names,
	}
}

func (e *Engine) list(values []string, separator string) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = e.text(v)
	}
	return strings.Join(texts, separator)
}

// where is the condition that a date, named as given, lies in one of some ranges.
func (e *Engine) where(column string, ranges []Range) string {
	var b strings.Builder
	literal := func(s fmt.Stringer) string { return "DATE '" + s.String() + "'" }
	if e.Name == "fabric" || e.Name == "clickhouse" { // they compare dates with texts, and have no literals of dates
		literal = func(s fmt.Stringer) string { return "'" + s.String() + "'" }
	}
	for i, r := range ranges {
		if i > 0 {
			b.WriteString(" OR ")
		}
		if r.From == r.To {
			fmt.Fprintf(&b, "%s = %s", column, literal(r.From))
		} else {
			fmt.Fprintf(&b, "%s BETWEEN %s AND %s", column, literal(r.From), literal(r.To))
		}
	}
	if len(ranges) > 1 {
		return "(" + b.String() + ")"
	}
	return b.String()
}

// lineLength is the length of lines with names of columns.
const lineLength = 110

// wrap joins names by commas, in lines of a readable length.
func wrap(names []string) string {
	var b strings.Builder
	length := 0
	for i, name := range names {
		switch {
		case i == 0:
		case length+len(name) > lineLength:
			b.WriteString(",\n  ")
			length = 0
		default:
			b.WriteString(", ")
		}
		b.WriteString(name)
		length += len(name) + 2
	}
	return b.String()
}

// chunks divides values into groups of n at most.
func chunks(n int, values []string) (groups [][]string) {
	for len(values) > 0 {
		k := min(n, len(values))
		groups = append(groups, values[:k])
		values = values[k:]
	}
	return groups
}

// names are keys without the directory of the report: dt=2026-11-20/part-….parquet.
func names(keys []string) []string {
	short := make([]string, len(keys))
	for i, key := range keys {
		short[i] = path.Join(path.Base(path.Dir(key)), path.Base(key))
	}
	return short
}

// braces is one pattern for several keys: {a,b}.
func braces(keys []string) string {
	if len(keys) == 1 {
		return keys[0]
	}
	return "{" + strings.Join(keys, ",") + "}"
}

// Quotes. Names and texts are quoted always, so that none of them is a keyword or
// ends early.

// doubled quotes a name by the given quote, which is doubled inside.
func doubled(quote string) func(string) string {
	return func(name string) string { return quote + strings.ReplaceAll(name, quote, quote+quote) + quote }
}

// escaped quotes a name by the given quote, with backslashes inside.
func escaped(quote string) func(string) string {
	return func(name string) string { return quote + backslashes(name, quote) + quote }
}

// upper is for engines that read names without quotes in capitals: with the same
// name in capitals, people may leave the quotes out.
func upper(quote func(string) string) func(string) string {
	return func(name string) string { return quote(strings.ToUpper(name)) }
}

func bracketed(name string) string { return "[" + strings.ReplaceAll(name, "]", "]]") + "]" }

// standardText is a text as in standard SQL: a backslash is itself.
func standardText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// escapedText is a text in which a backslash begins an escape.
func escapedText(s string) string { return "'" + backslashes(s, "'") + "'" }

// redshiftText doubles quotes and backslashes.
func redshiftText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(s) + "'"
}

func backslashes(s, quote string) string {
	return strings.NewReplacer(`\`, `\\`, quote, `\`+quote, "\n", `\n`, "\r", `\r`).Replace(s)
}

// shellText is a word of a POSIX shell.
func shellText(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Roots: where engines find the sink.

// scheme is for engines that read directories, and every S3 server.
func scheme(begin string) func(*Store) (string, []string, error) {
	return func(s *Store) (string, []string, error) {
		root, err := s.asConfigured(begin)
		return root, nil, err
	}
}

// amazon is for engines that read Amazon's buckets, and what --root may name. That
// includes Google's, if it may begin with gs://.
func amazon(title string, begins ...string) func(*Store) (string, []string, error) {
	return func(s *Store) (string, []string, error) {
		_, isDir := s.directory()
		switch {
		case s.Root != "":
			root, err := s.given(title, begins...)
			return root, nil, err
		case isDir || !s.isAmazon() && !(s.isGoogle() && slices.Contains(begins, s.bucketScheme())):
			return "s3://" + unset + "/", s.elsewhere(title, "Amazon S3", "s3://bucket/prefix"), nil
		}
		root, err := s.asConfigured(s.bucketScheme())
		return root, nil, err
	}
}

func trinoRoot(s *Store) (string, []string, error) {
	if _, isDir := s.directory(); isDir && s.Root == "" {
		return "s3://" + unset + "/", s.elsewhere("Trino", "object storage", "s3://bucket/prefix"), nil
	}
	root, err := s.asConfigured(s.bucketScheme())
	return root, nil, err
}

func sparkRoot(s *Store) (string, []string, error) {
	root, err := s.asConfigured("s3a://")
	if _, isDir := s.directory(); err != nil || isDir || s.Root != "" || s.Endpoint == "" {
		return root, nil, err
	}
	return root, []string{fmt.Sprintf("spark.hadoop.fs.s3a.endpoint=%s and spark.hadoop.fs.s3a.path.style.access=%t in Spark's configuration",
		s.endpointURL(), s.PathStyle)}, nil
}

func clickhouseRoot(s *Store) (string, []string, error) {
	if _, isDir := s.directory(); isDir || s.Root != "" {
		root, err := s.asConfigured("")
		return root, nil, err
	}
	if _, err := s.asConfigured("s3://"); err != nil {
		return "", nil, err
	}
	root, err := s.plain(s.https())
	return root, nil, err
}

func snowflakeRoot(s *Store) (string, []string, error) {
	if s.Root != "" {
		root, err := s.given("Snowflake", "@")
		return root, nil, err
	}
	if _, isDir := s.directory(); isDir {
		return "@" + snowflakeStage + "/", s.elsewhere("Snowflake", "object storage", "@stage"), nil
	}
	_, err := s.asConfigured("s3://")
	return "@" + snowflakeStage + "/", nil, err
}

// snowflakeStage is the stage that ddl creates. The name needs no quotes.
const snowflakeStage = "DAYBOOK"

// StageURL is the place of Snowflake's stage.
func (d *data) StageURL() string {
	bucket, prefix := d.Store.bucket()
	switch {
	case d.Store.isAmazon():
		return "s3://" + bucket + "/" + prefix
	case d.Store.isGoogle():
		return "gcs://" + bucket + "/" + prefix
	}
	return "s3compat://" + bucket + "/" + prefix
}

// Compatible says that the bucket is neither Amazon's nor Google's.
func (d *data) Compatible() bool { return !d.Store.isAmazon() && !d.Store.isGoogle() }

// MakesStage says that ddl creates the stage.
func (d *data) MakesStage() bool {
	_, isDir := d.Store.directory()
	return d.Store.Root == "" && !isDir
}

func googleRoot(s *Store) (string, []string, error) {
	_, isDir := s.directory()
	switch {
	case s.Root != "":
		root, err := s.given("BigQuery", "gs://")
		return root, nil, err
	case isDir || !s.isGoogle():
		return "gs://" + unset + "/", s.elsewhere("BigQuery", "Google Cloud Storage", "gs://bucket/prefix"), nil
	}
	root, err := s.asConfigured(s.bucketScheme())
	return root, nil, err
}

func fabricRoot(s *Store) (string, []string, error) {
	if s.Root != "" {
		root, err := s.given("Fabric", "https://", "abfss://")
		return root, nil, err
	}
	return "https://onelake.dfs.fabric.microsoft.com/" + unset + "/", []string{
		"Fabric reads OneLake. Make a shortcut to the sink in a lakehouse, and run this command with",
		"--root https://onelake.dfs.fabric.microsoft.com/workspace/lakehouse.Lakehouse/Files/shortcut",
	}, nil
}

// IsRemote says that the sink is object storage that speaks S3.
func (d *data) IsRemote() bool {
	_, isDir := d.Store.directory()
	return !isDir && (d.Store.Root == "" || strings.HasPrefix(d.Store.Root, "s3://"))
}

// EndpointURL is the S3 server's URL; empty: Amazon's.
func (d *data) EndpointURL() string { return d.Store.endpointURL() }

// Root is the sink's root as the engine names it.
func (d *data) Root() string { return d.root }

// IsHTTP says that ClickHouse reads the sink over HTTP.
func (d *data) IsHTTP() bool { u, err := url.Parse(d.root); return err == nil && u.Host != "" }
