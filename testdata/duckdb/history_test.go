package duckdb

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestHistory publishes thirteen months of exports, in two languages, of the report beside two months of events, which
// overlap for 30 days. The sums of each month are those that DuckDB counts from the text of
// the exports.
func TestHistory(t *testing.T) {
	dir := t.TempDir()
	daybook := func(args ...string) {
		t.Helper()
		binary, err := filepath.Abs(binary(t))
		if err != nil {
			t.Fatal(err)
		}
		command := exec.Command(binary, args...)
		command.Dir = dir
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("daybook %v: %v\n%s", args, err, output)
		}
	}
	daybook("generate", "--kind", "report", "--out", "exports", "--from", "2024-12-01", "--days", "396", "--sessions-per-day", "12")
	daybook("generate", "--out", "events", "--from", "2025-12-02", "--days", "61", "--sessions-per-day", "12")
	write(t, filepath.Join(dir, "daybook.yml"), []byte(`
source: {store: {url: .}}
sink: {store: {url: out}}
sources:
  - {key: "events/{yyyy}/{mm}/{dd}/"}
  - {kind: report, key: "exports/{yyyy}/{mm}/{dd}/", timezone: UTC}
`))
	daybook("backfill", "--from", "2024-12-01", "--to", "2026-01-31")

	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	query(t, db, fmt.Sprintf(`CREATE VIEW exported AS %s`, exportedRows(dir)))
	query(t, db, fmt.Sprintf(`CREATE VIEW published AS SELECT session_id AS session, technician_id AS technician, start_time AT TIME ZONE 'UTC' AS start,
		total_time_ms // 1000 AS total, waiting_time_ms // 1000 AS waiting, active_time_ms // 1000 AS active FROM %s`, read(filepath.Join(dir, "out/reports/sessions/*/*.parquet"))))
	sums := `SELECT strftime(start, '%Y-%m') AS month, count(*), sum(total), sum(waiting), sum(active) FROM `
	want, got := query(t, db, sums+"exported WHERE start < '2026-01-01' GROUP BY 1 ORDER BY 1"), query(t, db, sums+"published WHERE start < '2026-01-01' GROUP BY 1 ORDER BY 1")
	if len(want) != 13 || !slices.EqualFunc(want, got, slices.Equal) {
		t.Errorf("sums by month:\nexported  %v\npublished %v", want, got)
	}
	for _, row := range query(t, db, `SELECT e.*, p.* FROM exported e FULL JOIN published p ON e.session = p.session AND e.technician = p.technician AND date_trunc('second', p.start) = e.start
		WHERE coalesce(e.start, p.start) < '2026-01-01' AND (e.total, e.waiting, e.active) IS DISTINCT FROM (p.total, p.waiting, p.active) ORDER BY 1 LIMIT 20`) {
		t.Log(row)
	}
}

// exportedRows are the rows of all exports. Of the deliveries of a row, the earliest that
// has an end counts, or else the latest.
func exportedRows(dir string) string {
	seconds := func(english, dutch string) string {
		return fmt.Sprintf(`epoch(CAST(coalesce(%q, %q) AS INTERVAL))::BIGINT`, english, dutch)
	}
	moment := func(english, dutch string) string {
		return fmt.Sprintf(`try_strptime(coalesce(%q, %q), '%%m/%%d/%%Y %%I:%%M:%%S %%p')`, english, dutch)
	}
	return fmt.Sprintf(`SELECT * EXCLUDE (finish, filename) FROM (
		SELECT coalesce("Session ID", "Sessie-ID")::BIGINT AS session, coalesce("Technician ID", "Technicus-ID")::BIGINT AS technician, %s AS start,
			%s AS total, %s AS waiting, %s AS active, %s AS finish, filename
		FROM read_csv('%s/exports/*/*/*/*', delim='|', header=true, skip=2, quote='', escape='', all_varchar=true, union_by_name=true, filename=true, null_padding=true)
	) QUALIFY row_number() OVER (PARTITION BY session, technician, start ORDER BY finish IS NULL, CASE WHEN finish IS NOT NULL THEN filename END, filename DESC) = 1`,
		moment("Start Time", "Starttijd"), seconds("Total Time", "Totale tijd"), seconds("Waiting Time", "Wachttijd"), seconds("Active Time", "Actieve tijd"), moment("End Time", "Eindtijd"), dir)
}

// binary is the daybook to test: DAYBOOK_BIN, or that of make build.
func binary(t *testing.T) string {
	t.Helper()
	binary := os.Getenv("DAYBOOK_BIN")
	if binary == "" {
		binary = filepath.Join("..", "..", ".bin", "daybook")
	}
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("no daybook to test: %v; build it, or name one in DAYBOOK_BIN", err)
	}
	return binary
}
