package partitions

import (
	"strings"

	"daybook/pipeline/partition"
	"daybook/sinks/publish"
	"daybook/transform/day"
)

// load is how a warehouse loads a partition.
type load struct {
	Warehouse string `json:"warehouse"`
	Statement string `json:"statement"`
	Note      string `json:"note,omitempty"`
}

// loads are the statements of the README's "Warehouses", for one partition.
func loads(sink, report string, m *publish.Manifest) []load {
	table, dir, where := report, partition.Prefix(report, partition.Day), "report_date = '"+m.Partition+"'"
	if month, err := day.ParseMonth(m.Partition); err == nil {
		table, dir = report+"_monthly", partition.Prefix(report, partition.Month)
		where = "report_date BETWEEN '" + month.First().String() + "' AND '" + month.Last().String() + "'"
	}
	root := strings.TrimSuffix(sink, "/")
	dir += m.Partition + "/"
	cloud := root
	if !strings.Contains(root, "://") || strings.HasPrefix(root, "file:") {
		cloud = "s3://warehouse/daybook" // a directory: say how it would be in a bucket
	}
	https := "https://…/" + dir
	gcs := "gs://" + strings.TrimPrefix(cloud, "s3://") + "/"
	local := strings.TrimPrefix(root, "file://") + "/" + dir
	return []load{
		{"DuckDB", "SELECT * FROM read_parquet('" + local + "*.parquet');", ""},
		{"Snowflake", "DELETE FROM " + table + " WHERE " + where + ";\n" +
			"COPY INTO " + table + " FROM @stage/" + dir + " PATTERN = '.*[.]parquet'\n" +
			"  FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE;",
			"A restated partition has new file names, so what was loaded of it goes first."},
		{"BigQuery", "DELETE FROM ds." + table + " WHERE " + where + ";\n" +
			"LOAD DATA INTO ds." + table + " FROM FILES (format = 'PARQUET',\n  uris = ['" + gcs + dir + "*.parquet']);", ""},
		{"Redshift", "DELETE FROM " + table + " WHERE " + where + ";\n" +
			"COPY " + table + " FROM '" + cloud + "/" + dir + "part' IAM_ROLE default FORMAT AS PARQUET;", "Columns in order."},
		{"ClickHouse", "SELECT * FROM s3('" + https + "*.parquet', 'Parquet');", ""},
		{"Spark", "spark.read.parquet('" + strings.Replace(cloud, "s3://", "s3a://", 1) + "/" + dir + "').createOrReplaceTempView('" + table + "')", ""},
	}
}
