package warehouse_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/warehouse"
	"daybook/testdata/golden"
	"daybook/transform/day"
)

var (
	october  = day.MonthOf(2026, time.October)
	november = day.Date(2026, time.November, 1)
)

// published is a partition with a file of its second revision.
func published(id partition.ID, rows int64) warehouse.Partition {
	return warehouse.Partition{ID: id, Files: []string{id.Dir() + "part-0-r2-0123456789abcdef.parquet"}, Rows: rows}
}

// requests are those of the golden files, for a report with the name of a keyword:
// a day; two days, the second of which has no rows; a month and a day; a day that was
// removed; and a view that names its files.
func requests(report string, at warehouse.Store) map[string]warehouse.Request {
	named := warehouse.Request{Report: report, Store: at, Partitions: []warehouse.Partition{published(partition.DayID(report, november+19), 1234)}}
	all := warehouse.Request{Report: report, Store: at, All: true, Partitions: []warehouse.Partition{
		published(partition.MonthID(report, october), 40000), published(partition.DayID(report, november), 1200),
	}}
	days := named
	days.Partitions = []warehouse.Partition{named.Partitions[0], published(partition.DayID(report, november+20), 0)}
	view := warehouse.Request{Report: report, Store: at, Months: []day.Month{october - 1, october}}
	removed := named
	removed.Partitions = []warehouse.Partition{{ID: partition.DayID(report, november+21)}}
	return map[string]warehouse.Request{
		"ddl": named, "load": named, "load days": days, "load all": all, "load removed": removed, "merge": named, "view": view, "view files": all,
	}
}

// The statements of each engine, for a sink that it can read.
func TestStatements(t *testing.T) {
	for i := range warehouse.Engines {
		e := &warehouse.Engines[i]
		at := warehouse.Store{URL: "s3://warehouse/daybook", Region: "eu-west-1"}
		switch e.Name {
		case "bigquery":
			at = warehouse.Store{URL: "s3://warehouse/daybook", Endpoint: "storage.googleapis.com"}
		case "fabric":
			at.Root = "https://onelake.dfs.fabric.microsoft.com/sales/support.Lakehouse/Files/daybook"
		}
		var b strings.Builder
		rs := requests("order", at)
		for _, name := range []string{"ddl", "load", "load days", "load all", "load removed", "merge", "view", "view files"} {
			r := rs[name]
			r.Schema = map[string]string{"bigquery": "support"}[e.Name]
			verb, _, _ := strings.Cut(name, " ")
			text, err := warehouse.Statements(e, warehouse.Verb(verb), &r)
			if err != nil {
				t.Fatal(e.Name, name, err)
			}
			fmt.Fprintf(&b, "%s\n", text)
		}
		file := "testdata/" + e.Name + ".sql"
		if e.Name == "polars" {
			file = "testdata/polars.py"
		}
		golden.Check(t, file, b.String())
	}
}
