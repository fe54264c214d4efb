// Package duckdb checks what daybook publishes with DuckDB: another reader of
// Parquet, and another implementation of the summaries, in SQL. It is a module
// of its own, for DuckDB needs cgo and daybook does without.
package duckdb

import (
	"bytes"
	"database/sql"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	writecsv "daybook/sinks/csv"
	"daybook/sinks/parquet"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/spill"
	"daybook/transform/summary"
)

// TestDemo checks what `daybook demo` publishes. DAYBOOK_BIN names the binary
// (.bin/daybook where not given). Where DAYBOOK_OUT names a directory with
// reports and summaries, that is checked instead.
func TestDemo(t *testing.T) {
	out := os.Getenv("DAYBOOK_OUT")
	if out == "" {
		binary := binary(t)
		dir := t.TempDir()
		if output, err := exec.Command(binary, "demo", "--dir", dir).CombinedOutput(); err != nil {
			t.Fatalf("%s demo: %v\n%s", binary, err, output)
		}
		out = filepath.Join(dir, "out")
	}
	checkPublished(t, out)
}

// TestSample checks files of the sinks by themselves, with rows that are
// harder than the demo's.
func TestSample(t *testing.T) {
	for _, profile := range []parquet.Profile{parquet.Compatible, parquet.Compact} {
		t.Run(profile.String(), func(t *testing.T) { checkSample(t, profile) })
	}
}

func checkSample(t *testing.T, profile parquet.Profile) {
	out := t.TempDir()
	d := &report.Definition{Name: "sessions", Zone: time.UTC}
	first := day.Date(2026, 2, 1)
	var month []report.Row
	for date := first; date < first+4; date++ {
		var rows []report.Row
		if date != first+2 { // a day without rows
			rows = sampleRows(date, 700)
		}
		a := summary.ForDay(d, spill.NewScratch(nil))
		publish(t, profile, filepath.Join(out, "reports/sessions/dt="+date.String()), rows)
		summarise(t, filepath.Join(out, "summaries/sessions/day", date.String()), a, rows)
		month = append(month, rows...)
	}
	publish(t, profile, filepath.Join(out, "reports_monthly/sessions/month=2026-02"), month)
	summarise(t, filepath.Join(out, "summaries/sessions/month/2026-02"), summary.ForMonth(d, first.Month(), spill.NewScratch(nil)), month)
	checkPublished(t, out)
}

func publish(t *testing.T, profile parquet.Profile, dir string, rows []report.Row) {
	t.Helper()
	var file bytes.Buffer
	w, err := parquet.NewWriter(&file, profile)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(map[string]string{"daybook.report": "sessions"}); err != nil {
		t.Fatal(err)
	}
	expect := parquet.NewExpectation()
	expect.Add(rows)
	if err := parquet.Audit(bytes.NewReader(file.Bytes()), int64(file.Len()), profile, expect); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "part-0.parquet"), file.Bytes())
}

func summarise(t *testing.T, dir string, a *summary.Accumulator, rows []report.Row) {
	t.Helper()
	for i := range rows {
		if err := a.Add(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	figures, err := a.Figures()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range figures.Tables(report.English) {
		var file strings.Builder
		if err := writecsv.WriteTable(&file, writecsv.Format{}, &table); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, table.Name+".csv"), []byte(file.String()))
	}
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// sampleRows makes n rows of a day: every third value that may be unknown is.
func sampleRows(date day.Day, n int) []report.Row {
	statuses := []string{"Closed by customer", "Closed by technician", "Timed out", "Transferred", "Active", "Timed out: closed by technician"}
	rows := make([]report.Row, n)
	for i := range rows {
		n := int64(i)
		known := func(v int64) int64 {
			if v%3 == 0 {
				return report.Unknown
			}
			return v
		}
		text := func(s string, v int) string {
			if v%3 == 0 {
				return ""
			}
			return s
		}
		at := date.UTC().UnixMilli() + n*100_003
		technician := n % 7
		rows[i] = report.Row{
			StartTime: at, EndTime: known(at + n), LastActionTime: known(at + n + 1),
			TechnicianID: technician + 1, TechnicianName: text(fmt.Sprintf("Ada %d, \"é𝄞\"", technician), int(technician)),
			TechnicianGroup: text("Support/NL", i%4), TechnicianEmail: text("ada@example.com", i),
			SessionID: 1<<40 + n/2 + int64(date), SessionType: text("Applet", i), Status: statuses[i%len(statuses)],
			Name: text(strings.Repeat("𝄞", 128), i), TrackingID: text(fmt.Sprint(n*n), i+1), ToolsUsed: text("chat,tool", i),
			ChannelID: known(n % 5), ChannelName: text("Web", i%5), Platform: text("Windows\x00\n\t", i),
			ConnectingTime: n, WaitingTime: n * 7919 % 90_000, TotalTime: n * 104_729 % 7_200_000, ActiveTime: n * 999,
			WorkTime: n * 998, HoldTime: n % 2, TransferTime: n % 3, RebootingTime: n % 5, ReconnectingTime: 0, OtherTime: n,
			TimeToFirstChat: known(n * 11), WrapUpTime: known(n*13 + 1), FirstChatMessageSent: known(at + 5),
			CustomerMessages: n % 40, TechnicianMessages: n % 41, SystemMessages: n % 2,
			Leg: n % 2, Role: "lead", BeginTime: at - n, IsFinal: i%6 != 4, ReportDate: date,
			Anomalies: text("missing_created", i),
		}
		if i%11 == 0 {
			rows[i].StartTime = report.Unknown
		}
		if i%13 == 0 {
			rows[i].Role = "collaborator"
		}
	}
	return rows
}

// checkPublished checks the report `sessions` under out.
func checkPublished(t *testing.T, out string) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	// The footer of a file is parsed once, and not for each of the queries below.
	execute(t, db, "SET GLOBAL parquet_metadata_cache = true")
	days := filepath.Join(out, "reports/sessions/dt=*/*.parquet")
	t.Run("schema", func(t *testing.T) { checkSchema(t, db, days) })
	t.Run("nulls", func(t *testing.T) { checkNulls(t, db, days) })
	t.Run("filters", func(t *testing.T) { checkFilters(t, db, days) })
	t.Run("dates", func(t *testing.T) {
		n := query(t, db, "SELECT count(*) FROM "+read(days)+" WHERE report_date <> dt OR report_date IS NULL")
		if n[0][0] != "0" {
			t.Errorf("%s rows lie in the directory of another date", n[0][0])
		}
	})
	checked := 0
	for unit, partitions := range map[string]string{"day": "reports/sessions/dt=", "month": "reports_monthly/sessions/month="} {
		dirs, err := filepath.Glob(filepath.Join(out, "summaries/sessions", unit, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range dirs {
			name := filepath.Base(dir)
			checked++
			t.Run("summaries of "+name, func(t *testing.T) {
				checkSummaries(t, db, dir, filepath.Join(out, partitions+name, "*.parquet"))
			})
		}
	}
	partitions, err := filepath.Glob(filepath.Join(out, "reports*/sessions/*=*"))
	if err != nil {
		t.Fatal(err)
	}
	if checked == 0 || checked != len(partitions) {
		t.Errorf("%d summaries of %d partitions", checked, len(partitions))
	}
}

func read(glob string) string {
	return "read_parquet('" + strings.ReplaceAll(glob, "'", "''") + "', hive_partitioning=true)"
}

func execute(t *testing.T, db *sql.DB, statements string) {
	t.Helper()
	if _, err := db.Exec(statements); err != nil {
		t.Fatalf("%v\n%s", err, statements)
	}
}

// query returns the cells of the answer as text, a null as "".
func query(t *testing.T, db *sql.DB, q string) [][]string {
	t.Helper()
	rows, err := db.Query(q)
	if err != nil {
		t.Fatalf("%v\n%s", err, q)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(any)
		}
		if err := rows.Scan(cells...); err != nil {
			t.Fatal(err)
		}
		record := make([]string, len(columns))
		for i, cell := range cells {
			if v := *cell.(*any); v != nil {
				record[i] = fmt.Sprint(v)
			}
		}
		all = append(all, record)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%v\n%s", err, q)
	}
	return all
}

func checkSchema(t *testing.T, db *sql.DB, glob string) {
	var want [][]string
	for i := range report.Columns {
		c := &report.Columns[i]
		want = append(want, []string{c.Name, map[report.Kind]string{
			report.Timestamp: "TIMESTAMP WITH TIME ZONE", report.Duration: "BIGINT", report.Integer: "BIGINT",
			report.String: "VARCHAR", report.Boolean: "BOOLEAN", report.Date: "DATE",
		}[c.Kind]})
	}
	want = append(want, []string{"dt", "DATE"})
	got := query(t, db, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM "+read(glob)+")")
	if !slices.EqualFunc(want, got, slices.Equal) {
		t.Errorf("columns\n%q, want\n%q", got, want)
	}
}

// checkNulls counts the nulls of every column in three ways: by reading the
// values, by a filter, which row groups can be skipped for, and by the
// statistics.
func checkNulls(t *testing.T, db *sql.DB, glob string) {
	for i := range report.Columns {
		c := &report.Columns[i]
		counts := query(t, db, fmt.Sprintf(`SELECT
			(SELECT coalesce(sum(CASE WHEN %[1]s IS NULL THEN 1 ELSE 0 END), 0)::BIGINT FROM %[2]s),
			(SELECT count(*) FROM %[2]s WHERE %[1]s IS NULL),
			(SELECT coalesce(sum(stats_null_count), 0)::BIGINT FROM parquet_metadata('%[3]s') WHERE path_in_schema = '%[1]s')`,
			c.Name, read(glob), strings.ReplaceAll(glob, "'", "''")))[0]
		if counts[0] != counts[1] || counts[0] != counts[2] {
			t.Errorf("%s: %s nulls, %s by filter, %s by statistics", c.Name, counts[0], counts[1], counts[2])
		}
		if c.Required && counts[0] != "0" {
			t.Errorf("%s: %s nulls in a required column", c.Name, counts[0])
		}
	}
}

// checkFilters finds each value again by a filter: row groups must not be
// skipped that have it.
func checkFilters(t *testing.T, db *sql.DB, glob string) {
	for i := range report.Columns {
		c := &report.Columns[i]
		missed := query(t, db, fmt.Sprintf(`
			WITH sample AS (SELECT min(%[1]s) AS v FROM %[2]s UNION ALL SELECT max(%[1]s) FROM %[2]s)
			SELECT count(*) FROM sample WHERE v IS NOT NULL AND NOT EXISTS (SELECT 1 FROM %[2]s WHERE %[1]s = v)`, c.Name, read(glob)))
		if missed[0][0] != "0" {
			t.Errorf("%s: a filter does not find its smallest or largest value", c.Name)
		}
	}
	groups := query(t, db, "SELECT status, count(*) FROM "+read(glob)+" GROUP BY status")
	for _, g := range groups {
		if n := query(t, db, "SELECT count(*) FROM "+read(glob)+" WHERE status = '"+g[0]+"'"); n[0][0] != g[1] {
			t.Errorf("a filter finds %s rows with status %s, of %s", n[0][0], g[0], g[1])
		}
	}
}

// checkSummaries computes the summaries of a partition in SQL.
func checkSummaries(t *testing.T, db *sql.DB, dir, glob string) {
	for _, s := range []struct {
		file   string
		keys   []string
		labels []string // of the last row in which they are known
	}{
		{"total.csv", nil, nil},
		{"by_technician.csv", []string{"technician_id"}, []string{"technician_name", "technician_group"}},
		{"by_group.csv", []string{"technician_group"}, nil},
		{"by_channel.csv", []string{"channel_id", "channel_name"}, nil},
	} {
		columns := slices.Clone(s.keys)
		for _, l := range s.labels {
			columns = append(columns, "last("+l+" ORDER BY coalesce(start_time, begin_time), session_id, leg) FILTER (WHERE "+l+" IS NOT NULL)")
		}
		q := "SELECT " + strings.Join(append(columns, measures...), ",\n") + "\nFROM " + read(glob)
		if s.keys != nil {
			var order []string
			for _, k := range s.keys {
				order = append(order, k+" ASC NULLS LAST") // VARCHAR sorts by bytes
			}
			q += " GROUP BY " + strings.Join(s.keys, ", ") + " ORDER BY " + strings.Join(order, ", ")
		}
		want := query(t, db, q)
		got := readCSV(t, filepath.Join(dir, s.file))[1:]
		if len(want) != len(got) {
			t.Errorf("%s: %d rows, want %d", s.file, len(got), len(want))
			continue
		}
		for i := range want {
			if !slices.Equal(want[i], got[i]) {
				t.Errorf("%s, row %d:\n%q, want\n%q", s.file, i, got[i], want[i])
			}
		}
	}
}

func readCSV(t *testing.T, file string) [][]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return records
}

const (
	started  = "FILTER (WHERE start_time IS NOT NULL)"
	answered = "FILTER (WHERE start_time IS NOT NULL AND role = 'lead')"
)

// measures are those of REPORT.md, "Measures", in SQL.
var measures = []string{
	"count(DISTINCT session_id)",
	"count(*)",
	"count(start_time)",
	"count(*) - count(start_time)",
	"count(*) FILTER (WHERE status IN ('Closed by customer', 'Closed by technician', 'Closed by waiting customer'))",
	"count(*) FILTER (WHERE status IN ('Timed out', 'Timed out: closed by technician'))",
	"count(*) FILTER (WHERE status = 'Transferred')",
	"count(*) FILTER (WHERE NOT is_final)",
	hms(sum("total_time_ms", "")),
	hms(sum("active_time_ms", "")),
	hms(sum("work_time_ms", "")),
	hms(sum("hold_time_ms", "")),
	hms(sum("transfer_time_ms", "")),
	hms(sum("rebooting_time_ms", "")),
	hms(sum("reconnecting_time_ms", "")),
	hms(mean("waiting_time_ms", answered)),
	hms(rank("waiting_time_ms", answered, 5)),
	hms(rank("waiting_time_ms", answered, 9)),
	hms(mean("total_time_ms", started)),
	hms(rank("total_time_ms", started, 5)),
	hms(rank("total_time_ms", started, 9)),
	hms(rank("total_time_ms", started, 10)),
	hms(mean("work_time_ms", started)),
	hms(mean("time_to_first_chat_ms", "")),
	hms(mean("wrap_up_time_ms", "")),
	sum("customer_messages", ""),
	sum("technician_messages", ""),
	sum("system_messages", ""),
}

func sum(column, filter string) string {
	return fmt.Sprintf("coalesce(sum(%s) %s, 0)::BIGINT", column, filter)
}

// mean is null over nothing, since a division by zero is.
func mean(column, filter string) string {
	return fmt.Sprintf("(%s // count(%s) %s)", sum(column, filter), column, filter)
}

// rank is the value at the nearest rank ceil(tenths/10 n).
func rank(column, filter string, tenths int) string {
	return fmt.Sprintf("list_sort(list(%[1]s) %[2]s)[(count(%[1]s) %[2]s * %[3]d + 9) // 10]", column, filter, tenths)
}

func hms(ms string) string {
	s := "((" + ms + ") // 1000)"
	return fmt.Sprintf("format('{}:{:02d}:{:02d}', %[1]s // 3600, %[1]s // 60 %% 60, %[1]s %% 60)", s)
}
