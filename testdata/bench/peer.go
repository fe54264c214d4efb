package main

import (
	"bytes"
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	_ "github.com/duckdb/duckdb-go/v2"
)

// peerThreads is how many threads a peer may use: as many as daybook has
// workers.
const peerThreads = workers

var (
	//go:embed peers/duckdb.sql
	peerSQL string
	//go:embed peers/compare.sql
	compareSQL string
)

// comparison is what compare.sql is made from: the rows' files, and the values
// of a session that daybook's rows and the peer's define equally.
type comparison struct {
	Ours, Theirs string

	OfEverySession         []string
	WhereEveryEventHasALeg []string
	OfOneLeg               []string // and without anomalies
	Words                  []string // the same, as codes there and in English here
}

func newComparison(ours, theirs string) comparison {
	return comparison{
		Ours: quote(ours), Theirs: quote(theirs),
		OfEverySession:         []string{"begin_time", "start_time"},
		WhereEveryEventHasALeg: []string{"first_chat_message_sent", "technician_messages"},
		OfOneLeg: []string{"technician_id", "channel_id", "calling_card", "tools_used", "connecting_time_ms", "waiting_time_ms",
			"total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms",
			"reconnecting_time_ms", "customer_messages", "system_messages"},
		Words: []string{"status", "session_type"},
	}
}

// peer is a program that does the job of daybook fold.
type peer struct {
	name    string
	command func(b *bench, content content, dumps, out string) (command, error)
}

// peers are the programs that daybook is compared with. DuckDB is the fastest of them.
// Programs of Python have their time taken with the start of the interpreter, which is
// a second or less.
func peers() []peer {
	return []peer{
		{"DuckDB", func(_ *bench, content content, dumps, out string) (command, error) {
			return self("duckdb-peer", string(content), dumps, out)
		}},
		{"ClickHouse", pythonPeer("clickhouse.py")},
		{"Polars", pythonPeer("polars_fold.py")},
	}
}

// pythonPeer is a program in the directory peers.
func pythonPeer(script string) func(*bench, content, string, string) (command, error) {
	return func(b *bench, content content, dumps, out string) (command, error) {
		name := filepath.Join("peers", script)
		for _, needed := range []string{b.python, name} {
			if _, err := os.Stat(needed); err != nil {
				return command{}, fmt.Errorf("%w; run `make bench`", err)
			}
		}
		return command{name: b.python, args: []string{name, string(content), dumps, out, strconv.Itoa(peerThreads)}}, nil
	}
}

// runPeer is the process that is measured against daybook: DuckDB folds the
// dumps in a directory into Parquet files. Its arguments are "unique" or
// "repeated", for what the events are, the directory, and where to.
func runPeer(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("%q: expected unique or repeated, a directory of dumps, and where to", args)
	}
	files, err := filepath.Glob(filepath.Join(args[1], "*", "*", "*", "*"))
	if err != nil {
		return err
	}
	query, err := render(peerSQL, struct {
		Repeated   bool
		Files, Out string
	}{args[0] == string(repeated), list(files), quote(args[2])})
	if err != nil {
		return err
	}
	db, err := openDuckDB(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, query)
	return err
}

// runCompare is the process that compares the rows of daybook in the files of
// a pattern with the peer's in a directory. It prints each value that was
// compared, and fails if any differs.
func runCompare(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 2 {
		return fmt.Errorf("%q: expected the files of daybook and the directory of the peer", args)
	}
	query, err := render(compareSQL, newComparison(args[0], filepath.Join(args[1], "*", "*.parquet")))
	if err != nil {
		return err
	}
	db, err := openDuckDB(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	var all, differing int64
	for rows.Next() {
		var what string
		var compared, different int64
		if err := rows.Scan(&what, &compared, &different); err != nil {
			return err
		}
		if compared == 0 {
			return fmt.Errorf("there is no %s to compare", what)
		}
		if different > 0 {
			fmt.Fprintf(out, "%s differs in %d of %d sessions\n", what, different, compared)
		}
		all, differing = all+compared, differing+different
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if differing > 0 {
		return fmt.Errorf("%d of %d values differ between %s and %s", differing, all, args[0], args[1])
	}
	_, err = fmt.Fprintln(out, all)
	return err
}

// openDuckDB opens a database in memory, set up to be fast on these jobs.
func openDuckDB(ctx context.Context) (*sql.DB, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // settings are a connection's
	_, err = db.ExecContext(ctx, fmt.Sprintf(`SET threads = %d; SET preserve_insertion_order = false; SET TimeZone = 'UTC'; SET enable_progress_bar = false`, peerThreads))
	return db, err
}

func render(text string, values any) (string, error) {
	t, err := template.New("sql").Parse(text)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = t.Execute(&b, values)
	return b.String(), err
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func list(files []string) string {
	quoted := make([]string, len(files))
	for i, f := range files {
		quoted[i] = quote(f)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
