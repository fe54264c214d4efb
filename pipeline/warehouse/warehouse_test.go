package warehouse_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"daybook/pipeline/partition"
	"daybook/pipeline/warehouse"
	"daybook/transform/day"
	"daybook/transform/report"
)

// escapes are the engines in whose texts a backslash begins an escape, and quotes the
// pairs of quotes around their names.
var (
	escapes = []string{"clickhouse", "spark", "databricks", "snowflake", "bigquery", "redshift"}
	quotes  = map[string]string{
		"duckdb": `""`, "clickhouse": "``", "postgres": `""`, "spark": "``", "databricks": "``", "snowflake": `""`,
		"bigquery": "``", "redshift": `""`, "athena": `""`, "trino": `""`, "fabric": "[]",
	}
)

// unquoted reads the quoted name that a text begins with, as the engine does: a quote
// in it is doubled, or has a backslash before it.
func unquoted(engine, text string) (name string, ok bool) {
	open, end := quotes[engine][0], quotes[engine][1]
	if text == "" || text[0] != open {
		return "", false
	}
	var b strings.Builder
	backslashes := engine == "clickhouse" || engine == "bigquery"
	for i := 1; i < len(text); i++ {
		switch {
		case backslashes && text[i] == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case text[i] == end && !backslashes && i+1 < len(text) && text[i+1] == end:
			i++
			b.WriteByte(end)
		case text[i] == end:
			return b.String(), true
		default:
			b.WriteByte(text[i])
		}
	}
	return "", false
}

// texts are the values of all texts in single quotes of some statements, or ok is
// false: a quote is open at the end.
func texts(engine, statements string) (values []string, ok bool) {
	inText, b := false, strings.Builder{}
	for i := 0; i < len(statements); i++ {
		c := statements[i]
		switch {
		case !inText && c == '\'':
			inText = true
			b.Reset()
		case !inText:
		case c == '\\' && slices.Contains(escapes, engine) && i+1 < len(statements):
			i++
			b.WriteByte(statements[i])
		case c == '\'' && i+1 < len(statements) && statements[i+1] == '\'':
			i++
			b.WriteByte('\'')
		case c == '\'':
			values, inText = append(values, b.String()), false
		default:
			b.WriteByte(c)
		}
	}
	return values, !inText
}

// A table's name with quotes, backslashes and letters of any script is one name in
// every statement.
func TestNamesAreQuoted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := rapid.StringMatching("[a-z0-9_ '\"`\\\\\\[\\];$%äß王😀-]{1,12}").Draw(t, "table")
		e := &warehouse.Engines[rapid.IntRange(0, len(warehouse.Engines)-2).Draw(t, "engine")] // the last is Python
		r := requests("order", warehouse.Store{URL: "s3://warehouse/daybook"})["load"]
		r.Table = table
		if quotes[e.Name] == "" {
			t.Fatalf("the test does not know the quotes of %s", e.Name)
		}
		text, err := warehouse.Statements(e, warehouse.Load, &r)
		if e.Name == "snowflake" && strings.Contains(table, "$$") {
			if err == nil {
				t.Fatalf("a block holds $$:\n%s", text)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		found := false
		want := table
		if e.Name == "snowflake" {
			want = strings.ToUpper(table)
		}
		for _, before := range []string{"DELETE FROM ", "OVERWRITE TABLE ", "INSERT INTO ", "ALTER TABLE ", "MERGE INTO ", `MERGE INTO "iceberg"."default".`} {
			for rest := text; ; {
				_, after, ok := strings.Cut(rest, before)
				if !ok {
					break
				}
				if name, ok := unquoted(e.Name, after); ok && name == want {
					found = true
				}
				rest = after
			}
		}
		if !found {
			t.Fatalf("%s does not name the table %q:\n%s", e.Name, table, text)
		}
	})
}

// The directory of a sink, with quotes and backslashes, is whole in the statements.
func TestTextsAreQuoted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir := "/" + rapid.StringMatching("[a-z '\"`\\\\;$%äß王😀-]{1,12}").Draw(t, "directory") + "/x"
		e, err := warehouse.Find(rapid.SampledFrom([]string{"duckdb", "clickhouse", "spark", "polars"}).Draw(t, "engine"))
		if err != nil {
			t.Fatal(err)
		}
		r := requests("order", warehouse.Store{URL: "file://" + dir})["load"]
		text, err := warehouse.Statements(e, warehouse.Load, &r)
		if err != nil {
			t.Fatal(err)
		}
		want := dir + "/" + r.Partitions[0].Files[0]
		if e.Name == "polars" {
			if !strings.Contains(text, strconv.Quote(want)) {
				t.Fatalf("no text is %q:\n%s", want, text)
			}
			return
		}
		_, text, _ = strings.Cut(text, "\n") // the comment
		values, ok := texts(e.Name, text)
		if !ok || !slices.Contains(values, want) {
			t.Fatalf("%s: no text is %q:\n%s", e.Name, want, text)
		}
	})
}

// Every statement of every engine names each column.
func TestEveryColumn(t *testing.T) {
	for i := range warehouse.Engines {
		e := &warehouse.Engines[i]
		r := requests("order", warehouse.Store{URL: "s3://warehouse/daybook"})["ddl"]
		text, err := warehouse.Statements(e, warehouse.DDL, &r)
		if err != nil {
			t.Fatal(e.Name, err)
		}
		for j := range report.Columns {
			name := report.Columns[j].Name
			if e.Name == "snowflake" {
				name = strings.ToUpper(name)
			}
			if !strings.Contains(text, name) {
				t.Errorf("%s: the table has no %s", e.Name, name)
			}
		}
	}
}

// Where an engine finds the sink, or what the statements say is to be set.
func TestRoots(t *testing.T) {
	dir := warehouse.Store{URL: "file:///srv/out"}
	amazon := warehouse.Store{URL: "s3://warehouse/daybook", Region: "eu-west-1"}
	minio := warehouse.Store{URL: "s3://warehouse/daybook", Endpoint: "minio.example.com:9000", Plaintext: true, PathStyle: true}
	google := warehouse.Store{URL: "s3://warehouse/daybook", Endpoint: "storage.googleapis.com", PathStyle: true}
	const unset = "SET-THIS"
	for _, c := range []struct {
		engine string
		at     warehouse.Store
		want   string // is in the statements
	}{
		{"duckdb", dir, "'/srv/out/reports/"}, {"duckdb", amazon, "'s3://warehouse/daybook/reports/"},
		{"duckdb", minio, "ENDPOINT 'minio.example.com:9000', USE_SSL false, URL_STYLE 'path'"},
		{"clickhouse", dir, "file('/srv/out/reports/"},
		{"clickhouse", amazon, "s3('https://warehouse.s3.eu-west-1.amazonaws.com/daybook/reports/"},
		{"clickhouse", minio, "s3('http://minio.example.com:9000/warehouse/daybook/reports/"},
		{"spark", amazon, "'s3a://warehouse/daybook/reports/"},
		{"spark", minio, "-- set this: spark.hadoop.fs.s3a.endpoint=http://minio.example.com:9000"},
		{"databricks", dir, unset}, {"databricks", amazon, "'s3://warehouse/daybook/reports/"}, {"databricks", minio, unset},
		{"snowflake", dir, "-- set this"}, {"snowflake", amazon, "'@DAYBOOK/'"}, {"snowflake", minio, "'@DAYBOOK/'"},
		{"bigquery", dir, unset}, {"bigquery", amazon, unset}, {"bigquery", minio, unset}, {"bigquery", google, "'gs://warehouse/daybook/reports/"},
		{"redshift", dir, unset}, {"redshift", amazon, "'s3://warehouse/daybook/reports/"}, {"redshift", google, unset},
		{"athena", amazon, "'s3://warehouse/daybook/reports/"}, {"athena", minio, unset},
		{"trino", dir, unset}, {"trino", minio, "'s3://warehouse/daybook/reports/"},
		{"trino", google, "'gs://warehouse/daybook/reports/"}, {"databricks", google, "'gs://warehouse/daybook/reports/"},
		{"fabric", amazon, unset},
		{"polars", dir, `"/srv/out/reports/`}, {"polars", minio, `"aws_endpoint_url": "http://minio.example.com:9000"`},
	} {
		e, err := warehouse.Find(c.engine)
		if err != nil {
			t.Fatal(err)
		}
		r := requests("order", c.at)["load"]
		text, err := warehouse.Statements(e, warehouse.Load, &r)
		if err != nil || !strings.Contains(text, c.want) {
			t.Errorf("%s of %s %s: no %q, %v\n%s", c.engine, c.at.URL, c.at.Endpoint, c.want, err, text)
		}
		readable := !strings.Contains(text, "-- set this")
		if e.Reads(&c.at) != readable {
			t.Errorf("%s reads %s %s: %t", c.engine, c.at.URL, c.at.Endpoint, !readable)
		}
	}
}

// Loaders know the objects of Google's buckets under gs://, all others as daybook does.
func TestObjectURL(t *testing.T) {
	for _, c := range []struct{ endpoint, url, want string }{
		{"", "s3://warehouse/daybook/part.parquet", "s3://warehouse/daybook/part.parquet"},
		{"minio.example.com:9000", "s3://warehouse/part.parquet", "s3://warehouse/part.parquet"},
		{"storage.googleapis.com", "s3://warehouse/daybook/part.parquet", "gs://warehouse/daybook/part.parquet"},
		{"Storage.Googleapis.com:443", "s3://warehouse/part.parquet", "gs://warehouse/part.parquet"},
		{"", "file:///srv/out/part.parquet", "file:///srv/out/part.parquet"},
	} {
		at := warehouse.Store{URL: "s3://warehouse", Endpoint: c.endpoint}
		if got := at.ObjectURL(c.url); got != c.want {
			t.Errorf("at %q %s is %s, want %s", c.endpoint, c.url, got, c.want)
		}
	}
}

// Requests that have no right statements are refused.
func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", 64)
	for _, c := range []struct {
		engine, report string
		at             warehouse.Store
		want           string
	}{
		{"postgres", long, warehouse.Store{URL: "/srv/out"}, "name the table with --table"},
		{"duckdb", "order", warehouse.Store{URL: "/srv/out[1]"}, "readers take as a pattern"},
		{"duckdb", "order", warehouse.Store{URL: "/srv/a\nb"}, "line break"},
		{"duckdb", "order", warehouse.Store{}, "neither a directory nor object storage"},
		{"duckdb", "order", warehouse.Store{URL: "mem://"}, "neither a directory nor object storage"},
		{"bigquery", "order", warehouse.Store{URL: "/srv/out", Root: "s3://x"}, "begin --root with gs://"},
		{"snowflake", "order", warehouse.Store{URL: "/srv/out", Root: "stage"}, "begin --root with @"},
	} {
		e, err := warehouse.Find(c.engine)
		if err != nil {
			t.Fatal(err)
		}
		r := requests(c.report, c.at)["load"]
		if _, err := warehouse.Statements(e, warehouse.Load, &r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %s: %v, want %q", c.engine, c.at.URL, err, c.want)
		}
	}
	if _, err := warehouse.Find("oracle"); err == nil || !strings.Contains(err.Error(), "duckdb, clickhouse") {
		t.Errorf("oracle: %v", err)
	}
}

// The partitions that cover everything have each day once: in its month, if that is
// published.
func TestCover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var months []day.Month
		for m := october; m < october+4; m++ {
			if rapid.Bool().Draw(t, "month") {
				months = append(months, m)
			}
		}
		var days []day.Day
		for d := october.First(); d < (october + 4).First(); d++ {
			if rapid.Bool().Draw(t, "day") {
				days = append(days, d)
			}
		}
		times := map[day.Day]int{}
		for _, id := range warehouse.Cover("order", months, days) {
			if isMonth := slices.Contains(months, id.Month()); isMonth != (id.Kind == partition.Month) {
				t.Fatalf("%s, with the months %v", id, months)
			}
			for _, d := range id.Period.Days() {
				times[d]++
			}
		}
		for d := october.First(); d < (october + 4).First(); d++ {
			want := 0
			if slices.Contains(days, d) || slices.Contains(months, d.Month()) {
				want = 1
			}
			if times[d] != want {
				t.Fatalf("%s is there %d times, want %d", d, times[d], want)
			}
		}
	})
}

// An engine is found by its name and by its title, in any case.
func TestFind(t *testing.T) {
	for i := range warehouse.Engines {
		e := &warehouse.Engines[i]
		for _, name := range []string{e.Name, e.Title, strings.ToUpper(e.Name), strings.ToUpper(e.Title)} {
			if found, err := warehouse.Find(name); err != nil || found != e {
				t.Errorf("%s is %v, %v", name, found, err)
			}
		}
	}
	if _, err := warehouse.Find("oracle"); err == nil || !strings.Contains(err.Error(), "there are duckdb, clickhouse") {
		t.Error(err)
	}
}
