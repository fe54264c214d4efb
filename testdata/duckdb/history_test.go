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

// TestHistory publishes thirteen months of exports, as text and as CSV and in two languages, of the report beside two
// months of events, which overlap for 30 days. The sums of each month are those that DuckDB counts from the text of the
// exports.
//
// An export has whole seconds, and events have milliseconds. So the sums are those of each row's whole seconds: a sum of
// milliseconds is larger by half a second a row, in the month of the overlap alone.
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
	daybook("generate", "--kind", "report", "--out", "exports", "--from", "2021-12-01", "--days", "396", "--sessions-per-day", "12")
	daybook("generate", "--out", "events", "--from", "2022-12-02", "--days", "61", "--sessions-per-day", "12")
	write(t, filepath.Join(dir, "daybook.yml"), []byte(`
source: {store: {url: .}, max_rejected: 10%}
sink: {store: {url: out}}
sources:
  - {key: "events/{yyyy}/{mm}/{dd}/"}
  - {kind: report, key: "exports/{yyyy}/{mm}/{dd}/", timezone: UTC}
`))
	daybook("backfill", "--from", "2021-12-01", "--to", "2023-01-31")

	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	query(t, db, "CREATE VIEW exported AS "+exportedRows(filepath.Join(dir, "exports")))
	query(t, db, "CREATE VIEW published AS "+publishedRows(filepath.Join(dir, "out/reports/sessions/*/*.parquet")))
	sums := `SELECT strftime(date, '%Y-%m') AS month, count(*), sum(total), sum(waiting), sum(active), sum(worked), sum(hold), sum(messages) FROM `
	want, got := query(t, db, sums+"exported WHERE date < '2023-01-01' GROUP BY 1 ORDER BY 1"), query(t, db, sums+"published WHERE date < '2023-01-01' GROUP BY 1 ORDER BY 1")
	if len(want) != 13 || !slices.EqualFunc(want, got, slices.Equal) {
		t.Errorf("sums by month:\nexported  %v\npublished %v", want, got)
	}
	for _, row := range query(t, db, `SELECT e.*, p.* FROM exported e FULL JOIN published p ON e.session = p.session AND e.technician IS NOT DISTINCT FROM p.technician AND e.start IS NOT DISTINCT FROM p.start
		WHERE coalesce(e.date, p.date) < '2023-01-01' AND (e.date, e.total, e.waiting, e.active, e.worked, e.hold, e.messages) IS DISTINCT FROM (p.date, p.total, p.waiting, p.active, p.worked, p.hold, p.messages) ORDER BY 1 LIMIT 20`) {
		t.Log(row)
	}
}

// exportedRows are the rows of all exports, by EXPORTS.md. Of the deliveries of a row,
// the earliest that has an end counts, or else the latest.
func exportedRows(dir string) string {
	cell := func(english, dutch string) string { return fmt.Sprintf(`coalesce(%q, %q)`, english, dutch) }
	number := func(english, dutch string) string { return "CAST(" + cell(english, dutch) + " AS BIGINT)" }
	seconds := func(english, dutch string) string {
		return "epoch(CAST(" + cell(english, dutch) + " AS INTERVAL))::BIGINT"
	}
	moment := func(english, dutch string) string {
		return "try_strptime(" + cell(english, dutch) + ", '%m/%d/%Y %I:%M:%S %p')"
	}
	return fmt.Sprintf(`SELECT * EXCLUDE (finish, chat, action, connecting, filename),
			coalesce(start, coalesce(finish, chat, action) - to_seconds(waiting + connecting))::DATE AS date
		FROM (SELECT %s AS session, %s AS technician, %s AS start, %s AS finish, %s AS chat, %s AS action, %s AS connecting,
			%s AS total, %s AS waiting, %s AS active, %s AS worked, %s AS hold, %s AS messages, filename
		FROM (SELECT * FROM read_csv('%[14]s/*/*/*/*.txt*', delim='|', skip=2, quote='', escape='', %[15]s)
			UNION ALL BY NAME SELECT * FROM read_csv('%[14]s/*/*/*/*.csv*', delim=',', quote='"', %[15]s))
	) QUALIFY row_number() OVER (PARTITION BY session, technician, start ORDER BY finish IS NULL, CASE WHEN finish IS NOT NULL THEN filename END, filename DESC) = 1`,
		number("Session ID", "Sessie-ID"), number("Technician ID", "Technicus-ID"), moment("Start Time", "Starttijd"), moment("End Time", "Eindtijd"),
		moment("First Chat Message Sent", "Tijdstip eerste verstuurde chatbericht"), moment("Last Action Time", "Laatste actietijd"), seconds("Connecting Time", "Verbindingstijd"),
		seconds("Total Time", "Totale tijd"), seconds("Waiting Time", "Wachttijd"), seconds("Active Time", "Actieve tijd"), seconds("Work Time", "Werktijd"),
		seconds("Hold Time", "Onderbrekingstijd"), number("Number of Customer Messages", "Aantal klantberichten"),
		dir, "header=true, all_varchar=true, union_by_name=true, filename=true, null_padding=true")
}

// publishedRows are the rows that have a time: an export has no date for the others.
func publishedRows(glob string) string {
	return `SELECT session_id AS session, technician_id AS technician, date_trunc('second', start_time AT TIME ZONE 'UTC') AS start,
		total_time_ms // 1000 AS total, waiting_time_ms // 1000 AS waiting, active_time_ms // 1000 AS active, work_time_ms // 1000 AS worked,
		hold_time_ms // 1000 AS hold, customer_messages AS messages, report_date AS date
		FROM ` + read(glob) + ` WHERE coalesce(start_time, end_time, first_chat_message_sent, last_action_time) IS NOT NULL`
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
