package partitions

import (
	"testing"

	"daybook/sinks/publish"
)

func TestLoadStatementsAreOfThePartition(t *testing.T) {
	day := loads("s3://warehouse/daybook/", "sessions", &publish.Manifest{Partition: "2026-11-20"})
	for i, want := range []string{
		"SELECT * FROM read_parquet('s3://warehouse/daybook/reports/sessions/dt=2026-11-20/*.parquet');",
		"DELETE FROM sessions WHERE report_date = '2026-11-20';\nCOPY INTO sessions FROM @stage/reports/sessions/dt=2026-11-20/ PATTERN = '.*[.]parquet'\n  FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE;",
		"DELETE FROM ds.sessions WHERE report_date = '2026-11-20';\nLOAD DATA INTO ds.sessions FROM FILES (format = 'PARQUET',\n  uris = ['gs://warehouse/daybook/reports/sessions/dt=2026-11-20/*.parquet']);",
	} {
		if day[i].Statement != want {
			t.Errorf("%s:\n%s\nwant\n%s", day[i].Warehouse, day[i].Statement, want)
		}
	}
	month := loads("file:///srv/out/", "sessions", &publish.Manifest{Partition: "2026-02"})
	if want := "SELECT * FROM read_parquet('/srv/out/reports_monthly/sessions/month=2026-02/*.parquet');"; month[0].Statement != want {
		t.Errorf("%s, want %s", month[0].Statement, want)
	}
	if want := "DELETE FROM sessions_monthly WHERE report_date BETWEEN '2026-02-01' AND '2026-02-28';"; month[3].Statement[:len(want)] != want {
		t.Errorf("%s, want %s", month[3].Statement, want)
	}
}

func TestPrintable(t *testing.T) {
	if got := printable([]byte("a\xffb")); got != "a�b" {
		t.Errorf("%q", got)
	}
}
