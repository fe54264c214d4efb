package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/pipeline/words"
	"daybook/sources/dump"
	"daybook/sources/generate"
	"daybook/transform/day"
)

// The size of the demo: two weeks, which take a few seconds.
const (
	demoDays     = 14
	demoSessions = 250 // a working day
	demoSeed     = 1
)

var demoFrom = day.Date(2026, 11, 2) // a Monday

const demoConfig = `# The demo's configuration. 'daybook config schema' describes every setting.
source:
  store:
    url: dumps
sink:
  store:
    url: out
reports:
  - name: sessions
    timezone: Europe/Amsterdam
    sessions_csv: true
`

func newDemoCommand(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Generate dumps, build their reports, and show what to try next",
		Long: `Generate two weeks of event dumps in a directory, build their reports, and show
what was published and what to try next.`,
		Example: `  daybook demo
  daybook demo --dir try`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.json {
				return usageError(cmd, "the demo has no --json")
			}
			return runDemo(cmd.Context(), a, dir)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory to work in, new or empty (default: a temporary one, which is kept)")
	return cmd
}

func runDemo(ctx context.Context, a *app, dir string) error {
	dir, err := demoDir(dir)
	if err != nil {
		return err
	}
	d := demo{out: a.stdout, dir: dir}
	fmt.Fprintf(d.out, "Working in %s\n\n1. Generating %d days of event dumps …\n", dir, demoDays)
	if err := d.generate(ctx); err != nil {
		return err
	}
	configFile := filepath.Join(dir, "daybook.yml")
	if err := os.WriteFile(configFile, []byte(demoConfig), 0o666); err != nil {
		return fmt.Errorf("write the demo's configuration: %w", err)
	}

	fmt.Fprintf(d.out, "\n2. Building the reports …\n")
	configured := *a
	configured.configFile = configFile
	p, err := configured.newPipeline()
	if err != nil {
		return err
	}
	result, err := (&build.Builder{Settings: p}).Run(ctx, partition.Days(demoFrom, demoFrom+demoDays-1), build.OnlyDue)
	if err == nil {
		err = result.Err()
	}
	if err != nil {
		return err
	}
	if err := writeNotes(d.out, result); err != nil {
		return err
	}
	last := demoFrom + demoDays - 3 // a Friday
	if err := d.show(last); err != nil {
		return err
	}
	_, err = fmt.Fprintf(d.out, `
Try next:
  %[7]s plan -c %[1]s    # what is missing or stale, and why
  %[7]s run -c %[1]s --date %[2]s    # again: nothing changed, nothing is written
  %[7]s run -c %[1]s --month %[3]s      # the month, and each of its days
  %[7]s explain -c %[1]s --session %[4]s %[5]s    # why is its Work Time what it is?
  %[7]s fold --format csv %[5]s | head -3
  %[7]s serve -c %[1]s    # keeps all of it fresh, and shows it at http://127.0.0.1:8080
  %[8]s sync --once -c %[1]s    # an Iceberg table of the report; make iceberg builds the program
  duckdb -c "SELECT dt, count(*) AS legs, sum(work_time_ms) / 3600000 AS work_hours FROM read_parquet('%[6]s/out/reports/sessions/dt=*/*.parquet', hive_partitioning = true) GROUP BY dt ORDER BY dt"
`, configFile, last, last.Month(), d.session, filepath.Join(dir, "dumps"), dir, programName(), icebergName())
	return err
}

// programName is how a shell finds this program: by its name, or by its path where the
// name is not on the PATH.
func programName() string {
	const name = "daybook"
	if path, err := os.Executable(); err == nil {
		return shellName(name, path)
	}
	return name
}

// icebergName is how a shell finds daybook-iceberg, which is built beside this program.
func icebergName() string {
	const name = "daybook-iceberg"
	if self, err := os.Executable(); err == nil {
		return shellName(name, filepath.Join(filepath.Dir(self), name))
	}
	return name
}

// shellName is the name of a program, or its path where the name is not on the PATH and
// the path is right.
func shellName(name, path string) string {
	if _, err := exec.LookPath(name); err == nil {
		return name
	}
	if _, err := os.Stat(path); err == nil {
		return path
	}
	return name
}

// demoDir makes the directory. It refuses one with files, which it could
// overwrite.
func demoDir(dir string) (string, error) {
	if dir == "" {
		return os.MkdirTemp("", "daybook-demo-")
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(entries) > 0 {
		return "", codedError{fmt.Errorf("%s is not empty; give a new directory", dir), exitUsage}
	}
	return filepath.Abs(dir)
}

type demo struct {
	out     io.Writer
	dir     string
	session string // id of a session to explain
}

func (d *demo) generate(ctx context.Context) error {
	put := func(_ context.Context, key string, write func(io.Writer) error) (err error) {
		name := filepath.Join(d.dir, "dumps", filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		defer func() {
			if cerr := f.Close(); err == nil {
				err = cerr
			}
		}()
		return write(f)
	}
	stats, err := generate.Write(ctx, generate.Options{
		Seed: demoSeed, From: demoFrom, Days: demoDays, SessionsPerDay: demoSessions,
		Template: "{yyyy}/{mm}/{dd}/", Codec: dump.Gzip,
	}, put)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(d.out, "%s objects, %s lines, %s of text\n", words.Thousands(stats.Objects), words.Thousands(stats.Lines), words.Bytes(stats.Bytes))
	return err
}

// show shows the published files, the first rows of a day, and a summary.
func (d *demo) show(last day.Day) error {
	fmt.Fprintf(d.out, "\n3. What was published\n\n")
	if err := d.tree(last); err != nil {
		return err
	}
	summaries := filepath.Join(d.dir, "out", "summaries", "sessions", "day", last.String())

	fmt.Fprintf(d.out, "\nThe first rows of %s (sessions.csv; the same rows are in the Parquet):\n\n", last)
	rows, err := readCSV(filepath.Join(summaries, "sessions.csv"))
	if err != nil {
		return err
	}
	err = d.table(rows, 6, "Session ID", "Leg", "Role", "Technician Name", "Status", "Start Time", "Total Time", "Work Time")
	if err != nil {
		return err
	}
	d.session = cell(rows, 3, "Session ID")

	fmt.Fprintf(d.out, "\nBy technician (by_technician.csv):\n\n")
	rows, err = readCSV(filepath.Join(summaries, "by_technician.csv"))
	if err != nil {
		return err
	}
	return d.table(rows, 8, "Technician Name", "Technician Group", "Sessions", "Picked Up", "Closed", "Total Time", "Work Time", "Median Waiting Time", "90% Waiting Time")
}

// tree lists the output. It shows one of the days' folders.
func (d *demo) tree(last day.Day) error {
	root := filepath.Join(d.dir, "out")
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() && name != root {
				return fs.SkipDir
			}
			return nil
		}
		path, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		depth := strings.Count(path, string(filepath.Separator))
		size := ""
		if entry.IsDir() {
			if _, err := day.Parse(strings.TrimPrefix(entry.Name(), "dt=")); err == nil && !strings.HasSuffix(entry.Name(), last.String()) {
				return fs.SkipDir
			}
		} else if info, err := entry.Info(); err == nil {
			size = "  " + words.Bytes(info.Size())
		}
		if path == "." {
			path, depth = "out", -1
		}
		_, err = fmt.Fprintf(d.out, "  %s%s%s\n", strings.Repeat("  ", depth+1), filepath.Base(path), size)
		return err
	})
}

// table writes some columns of the first rows.
func (d *demo) table(rows [][]string, most int, columns ...string) error {
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "  %s\n", strings.Join(columns, "\t"))
	for i := 1; i < len(rows) && i <= most; i++ {
		cells := make([]string, len(columns))
		for j, column := range columns {
			cells[j] = shorten(cell(rows, i, column))
		}
		fmt.Fprintf(w, "  %s\n", strings.Join(cells, "\t"))
	}
	if len(rows)-1 > most {
		fmt.Fprintf(w, "  … %d more\n", len(rows)-1-most)
	}
	return w.Flush()
}

// shorten cuts a cell, so that the table fits a terminal.
func shorten(s string) string {
	const most = 28
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

func cell(rows [][]string, i int, column string) string {
	if c := slices.Index(rows[0], column); c >= 0 && i < len(rows) {
		return rows[i][c]
	}
	return ""
}

func readCSV(name string) ([][]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return csv.NewReader(f).ReadAll()
}
