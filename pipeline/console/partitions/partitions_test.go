package partitions

import (
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/warehouse"
	"daybook/sinks/publish"
	"daybook/transform/day"
)

// The statements are those of daybook sql, for the engines that read the sink.
func TestLoadStatementsAreOfThePartition(t *testing.T) {
	id := partition.DayID("order", day.Date(2026, time.November, 20))
	m := &publish.Manifest{Partition: id.Name(), Rows: 7, Parts: []publish.Part{{Key: id.Dir() + "part-0-r2-ab.parquet", Rows: 7}}}
	for at, want := range map[warehouse.Store]string{
		{URL: "file:///srv/out/"}:                                                "DuckDB, ClickHouse, PostgreSQL, Spark, Polars",
		{URL: "s3://warehouse/daybook", Region: "eu-west-1"}:                     "DuckDB, ClickHouse, PostgreSQL, Spark, Databricks, Snowflake, Redshift, Athena, Trino, Polars",
		{URL: "s3://warehouse/daybook", Endpoint: "storage.googleapis.com"}:      "DuckDB, ClickHouse, PostgreSQL, Databricks, Snowflake, BigQuery, Trino, Polars",
		{URL: "s3://warehouse/daybook", Endpoint: "minio:9000", PathStyle: true}: "DuckDB, ClickHouse, PostgreSQL, Snowflake, Trino, Polars",
		{URL: "mem://"}: "",
	} {
		var names []string
		for _, l := range loads(at, id, m) {
			names = append(names, l.Warehouse)
			e := warehouse.Engines[slices.IndexFunc(warehouse.Engines, func(e warehouse.Engine) bool { return e.Title == l.Warehouse })]
			text, err := warehouse.Statements(&e, warehouse.Load, &warehouse.Request{
				Report: "order", Store: at, Partitions: []warehouse.Partition{{ID: id, Files: []string{m.Parts[0].Key}, Rows: 7}},
			})
			if err != nil || l.Statement != text {
				t.Errorf("%s: %v\n%s\nwant\n%s", l.Warehouse, err, l.Statement, text)
			}
		}
		if got := strings.Join(names, ", "); got != want {
			t.Errorf("%s %s: %s, want %s", at.URL, at.Endpoint, got, want)
		}
	}
}

func TestPrintable(t *testing.T) {
	if got := printable([]byte("a\xffb")); got != "a�b" {
		t.Errorf("%q", got)
	}
}
