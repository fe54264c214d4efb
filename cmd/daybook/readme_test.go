package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// block is the shell commands of a chapter of the README.
func block(t *testing.T, readme, chapter string) string {
	t.Helper()
	_, text, found := strings.Cut(readme, "## "+chapter+"\n")
	_, text, _ = strings.Cut(text, "```sh\n")
	text, _, _ = strings.Cut(text, "```\n")
	if !found || text == "" {
		t.Fatalf("the README has no commands under %q", chapter)
	}
	return text
}

// The commands in the README's "Bring your own data" and "Warehouses" work in their
// order in an empty directory, and each shows what it promises.
// It has more than 60 lines because it lists what each command shows.
func TestReadmeCommands(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := block(t, string(readme), "Bring your own data") + block(t, string(readme), "Warehouses")
	shows := map[string]string{ // by the beginning of a command
		"daybook run":                       "sessions  2026-11-",
		"daybook diff sessions 2026-11-20":  "revision 1 to 2",
		"daybook explain":                   "Work                0:06:28",
		"daybook rejects list":              "bad_json",
		"daybook changes":                   "restated   sessions  2026-11-20  revision 2",
		"daybook fold dumps/2026/11/20":     `"session_id":`,
		"daybook backfill":                  "everything is fresh",
		"daybook show sessions 2026-11-20":  "revision 1",
		"daybook run --date 2026-11-20":     "sessions  2026-11-20",
		"daybook run --month 2026-11 --rep": "sessions  2026-11-30",
		"daybook sql duckdb ddl":            `CREATE TABLE IF NOT EXISTS "sessions" (`,
		"daybook sql duckdb load --since":   "-- cursor: c1.",
		"daybook sql duckdb load --date":    `DELETE FROM "sessions" WHERE "report_date" = DATE '2026-11-20';`,
		"daybook sql duckdb view":           `WHERE "month" BETWEEN '2026-11' AND '2026-11'`,
		"daybook sql clickhouse ddl":        "ENGINE = MergeTree",
		"daybook sql clickhouse load":       "REPLACE PARTITION '2026-11-20' FROM",
		"daybook sql clickhouse view":       "CREATE OR REPLACE VIEW `sessions_current`",
		"daybook sql postgres ddl":          `PARTITION BY RANGE ("report_date")`,
		"daybook sql postgres load":         `\copy "_sessions_stage"`,
		"daybook sql postgres merge":        `ON CONFLICT ("report_date", "session_id", "leg") DO UPDATE`,
		"daybook sql spark ddl":             "PARTITIONED BY (`report_date`)",
		"daybook sql spark load":            "INSERT OVERWRITE TABLE `sessions` PARTITION (`report_date`)",
		"daybook sql spark view":            "VIEW `sessions_current`",
		"daybook sql databricks ddl":        "CREATE TABLE IF NOT EXISTS `sessions`",
		"daybook sql databricks load":       "REPLACE WHERE",
		"daybook sql databricks view":       "read_files(",
		"daybook sql snowflake ddl":         `CREATE TABLE IF NOT EXISTS "SESSIONS"`,
		"daybook sql snowflake load":        "FORCE = TRUE",
		"daybook sql snowflake view":        `VIEW "SESSIONS_CURRENT"`,
		"daybook sql bigquery ddl":          "CREATE TABLE IF NOT EXISTS `support`.`sessions`",
		"daybook sql bigquery load":         "'gs://bucket/daybook/reports/sessions/dt=2026-11-20/",
		"daybook sql bigquery view":         "CREATE OR REPLACE VIEW `support`.`sessions_current`",
		"daybook sql redshift ddl":          `CREATE TABLE IF NOT EXISTS "sessions"`,
		"daybook sql redshift load":         "IAM_ROLE default FORMAT AS PARQUET",
		"daybook sql redshift merge":        `MERGE INTO "sessions"`,
		"daybook sql athena ddl":            "'table_type' = 'ICEBERG'",
		"daybook sql athena load":           `MERGE INTO "sessions"`,
		"daybook sql athena view":           `VIEW "sessions_current"`,
		"daybook sql trino ddl":             `"iceberg"."default"."sessions"`,
		"daybook sql trino load":            `MERGE INTO "iceberg"."default"."sessions"`,
		"daybook sql trino view":            `VIEW "hive"."default"."sessions_current"`,
		"daybook sql fabric ddl":            "IF OBJECT_ID('[sessions]') IS NULL",
		"daybook sql fabric load":           "COPY INTO [sessions] FROM",
		"daybook sql fabric view":           "CREATE OR ALTER VIEW [sessions_current]",
		"daybook sql polars load":           "pl.scan_parquet(",
		"daybook sql polars merge":          "def merge(table: pl.LazyFrame)",
		"daybook sql polars view":           "current = ",
		"daybook schema":                    "kind: DataContract",
	}

	t.Chdir(t.TempDir())
	clock = func() time.Time { return time.Date(2026, time.December, 15, 12, 0, 0, 0, time.UTC) } // its months are over
	t.Cleanup(func() { clock = nil })
	matched := map[string]bool{}
	for line := range strings.Lines(commands) {
		command, _, _ := strings.Cut(line, "#")
		command, _, _ = strings.Cut(command, ">")
		command, _, _ = strings.Cut(command, "|")
		command = strings.TrimSpace(command)
		args := strings.Fields(command)
		if len(args) == 0 { // between two engines
			continue
		}
		if args[0] != "daybook" || args[1] == "serve" { // serve does not end
			continue
		}
		var out, notes bytes.Buffer
		if code := run(t.Context(), args[1:], nil, &out, &notes, noEnv); code != exitDone {
			t.Errorf("%s: exit code %d\n%s%s", command, code, &out, &notes)
		}
		for begin, want := range shows {
			if !strings.HasPrefix(command, begin) {
				continue
			}
			matched[begin] = true
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s does not show %q:\n%s", command, want, &out)
			}
		}
	}
	for begin := range shows {
		if !matched[begin] {
			t.Errorf("the README has no command %q", begin)
		}
	}
}

// The links in the README, and in the pages for those who operate or change daybook, lead
// to files that exist.
func TestLinks(t *testing.T) {
	for _, page := range []string{"README.md", "pipeline/ARCHITECTURE.md", "pipeline/service/README.md"} {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(string(text), "](")
		for _, part := range parts[1:] {
			link, _, _ := strings.Cut(part, ")")
			file, _, _ := strings.Cut(link, "#")
			if _, err := os.Stat(filepath.Join("../..", filepath.Dir(page), file)); err != nil {
				t.Errorf("%s: the link to %s: %v", page, link, err)
			}
		}
		if len(parts) < 10 {
			t.Errorf("%s has %d links", page, len(parts)-1)
		}
	}
}
