package hostile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"daybook/transform/shuffle"
)

var (
	binary = flag.String("daybook", "", "the program (make hostile)")
	full   = flag.Bool("full", false, "inputs of full size: minutes, and GBs of temporary files")
)

// The bounds of a process.
const (
	budget      = 256 << 20 // memory_budget
	beside      = 150 << 20 // resident memory beside it
	cpuAlways   = 5 * time.Second
	cpuEachLine = 30 * time.Microsecond // some 10 times what it takes
	cpuEachByte = 100 * time.Nanosecond // as much

	maxExplained = 4 << 20 // bytes of a session that daybook explain takes

	// addressSpace ends a process before it takes the machine's memory.
	addressSpace = 6 << 30
)

// ordinary are the sessions in the dump beside the hostile one. They must be
// published even if the hostile one fails.
const ordinary = 10

// inputs are the hostile dumps, in two sizes.
var inputs = []struct {
	name        string
	small, full int
	codec       string
	write       func(n int) func(*Lines)
	days        func(n int) int // dump days that have such a dump; nil: one
	explain     bool            // whether daybook explain is measured, too
}{
	{"collaborators and messages", 12_000, 20_000, ".gz", Collaborators, nil, true},
	{"distinct tools", 45_000, 55_000, ".gz", Tools, nil, true},
	{"legs of a session", 300_000, 1_000_000, ".gz", Legs, nil, true},
	{"events of a session", 1_000_000, 6_000_000, ".gz", Events, nil, true},
	{"largest session of legs", 480_000, 480_000, ".gz", Legs, nil, false},
	{"largest session of events", 480_000, 480_000, ".gz", Events, nil, false},
	{"names of 0.9 MB", 300, 1_000, ".zst", Names, nil, false},
	{"texts of every day", 4_200, 16_000, ".zst", DailyTexts, func(int) int { return TextDays }, false},
	{"a large session a day", 22, TextDays, ".zst", DailyLarge, func(n int) int { return n }, false},
	{"sessions of one hash prefix", 300_000, 800_000, ".gz", SameHash, nil, false},
}

// measure is what a process took.
type measure struct {
	exit   string // its exit code, or the signal that ended it
	wall   time.Duration
	cpu    time.Duration // user's and system's
	peak   int64         // resident bytes at most
	stdout bytes.Buffer
	stderr bytes.Buffer
}

// run runs the program to its end. The kernel ends it when it takes more than
// the address space, or than two seconds beyond the CPU time that it may take.
func run(t *testing.T, cpu time.Duration, args ...string) *measure {
	t.Helper()
	const script = `ulimit -v "$1" && ulimit -t "$2" && shift 2 && exec "$@"`
	shell := []string{"-c", script, "sh", fmt.Sprint(addressSpace >> 10), fmt.Sprint(2 + int(cpu.Seconds())), *binary}
	ctx, cancel := context.WithTimeout(t.Context(), 60*cpu) // ends a process that waits
	defer cancel()
	m := new(measure)
	cmd := exec.CommandContext(ctx, "/bin/sh", append(append(shell, "--quiet"), args...)...)
	cmd.Stdout, cmd.Stderr = &first{w: &m.stdout}, &first{w: &m.stderr}
	began := time.Now()
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	m.wall = time.Since(began)
	m.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	m.peak = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	m.exit = strings.TrimPrefix(cmd.ProcessState.String(), "exit status ")
	return m
}

// first keeps the first bytes of what is written to it: this process stays
// small, for a child's peak begins with its parent's.
type first struct{ w *bytes.Buffer }

func (f *first) Write(b []byte) (int, error) {
	const most = 1 << 16
	f.w.Write(b[:min(len(b), max(0, most-f.w.Len()))])
	return len(b), nil
}

// table shows the measures in the end.
type table struct {
	bytes.Buffer
	rows *tabwriter.Writer
}

func newTable() *table {
	b := new(table)
	b.rows = tabwriter.NewWriter(&b.Buffer, 0, 0, 2, ' ', 0)
	fmt.Fprintln(b.rows, "input\tsize\tcommand\tdump kB\ttext MB\texit\tCPU s\tmay s\tpeak MiB\tmay MiB\tresult")
	return b
}

// expect adds a measure to the table, and fails the test where it is over its
// limits or has another exit code.
func (b *table) expect(t *testing.T, input string, size int, command string, dump, text int64, m *measure, exit string, cpu time.Duration, peak int64, problems []string) {
	t.Helper()
	if m.exit != exit {
		problems = append(problems, fmt.Sprintf("exit %s, want %s: %s", m.exit, exit, firstLine(m.stderr.String())))
	}
	if m.cpu > cpu {
		problems = append(problems, "too much CPU")
	}
	if m.peak > peak {
		problems = append(problems, "too much memory")
	}
	for _, p := range problems {
		t.Errorf("%s: %s", command, p)
	}
	result := "ok"
	if len(problems) > 0 {
		result = strings.Join(problems, "; ")
	}
	fmt.Fprintf(b.rows, "%s\t%d\t%s\t%d\t%.1f\t%s\t%.1f\t%.1f\t%d\t%d\t%s\n", input, size, command,
		dump/1000, float64(text)/1e6, m.exit, m.cpu.Seconds(), cpu.Seconds(), m.peak>>20, peak>>20, result)
}

func firstLine(s string) string {
	const most = 100
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line[:min(len(line), most)]
}

// Hostile input costs no more memory and time than its bounds allow. It has more than
// 60 lines because it measures one process after another.
func TestHostile(t *testing.T) {
	if *binary == "" {
		t.Fatal("which program? make hostile")
	}
	results := newTable()
	for _, in := range inputs {
		t.Run(in.name, func(t *testing.T) {
			size := in.small
			if *full {
				size = in.full
			}
			dir := t.TempDir()
			lines, stored, name := writeDumps(t, dir, in.codec, in.write(size), days(in.days, size))
			config := filepath.Join(dir, "daybook.yml")
			if err := os.WriteFile(config, fmt.Appendf(nil, "memory_budget: %d\nworkers: 2\n", budget), 0o666); err != nil {
				t.Fatal(err)
			}
			cpu := cpuAlways + time.Duration(lines.N)*cpuEachLine + time.Duration(lines.Bytes)*cpuEachByte
			m := run(t, cpu, "run", "--config", config, "--date", Day)
			var problems []string
			if rows := publishedRows(t, filepath.Join(dir, "out")); rows < ordinary {
				problems = append(problems, fmt.Sprintf("%d rows are published, want at least the %d of ordinary sessions", rows, ordinary))
			}
			results.expect(t, in.name, size, "run", stored, lines.Bytes, m, "0", cpu, budget+beside, problems)
			if in.explain {
				exit := "0"
				if lines.Size > maxExplained {
					exit = "1" // it is told that the session is too large
				}
				m := run(t, cpu, "explain", "--config", config, "--session", fmt.Sprint(TheSession), name)
				results.expect(t, in.name, size, "explain", stored, lines.Bytes, m, exit, cpu, budget+beside, nil)
			}
		})
	}
	t.Run("brackets", func(t *testing.T) {
		size := 20_000
		if *full {
			size = 200_000
		}
		text := Brackets(size)
		config := filepath.Join(t.TempDir(), "daybook.yml")
		if err := os.WriteFile(config, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		m := run(t, cpuAlways, "config", "check", "--config", config)
		results.expect(t, "brackets", size, "config check", 0, int64(len(text)), m, "2", cpuAlways, beside, nil)
	})
	results.rows.Flush()
	fmt.Println(results.String())
}

// days is how many dump days an input has.
func days(of func(n int) int, n int) int {
	if of == nil {
		return 1
	}
	return of(n)
}

// writeDumps writes a hostile dump of each day, and an ordinary one of the last. It
// returns the lines of the hostile ones, their size, and the name of the last.
func writeDumps(t *testing.T, dir, codec string, write func(*Lines), days int) (all Lines, stored int64, name string) {
	t.Helper()
	put := func(name string, before int, write func(*Lines)) string {
		name = filepath.Join(dir, "dumps", strings.ReplaceAll(DaysBefore(before), "-", "/"), name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		lines, err := WriteDump(name, before, write)
		if err != nil {
			t.Fatal(err)
		}
		all.N, all.Bytes, all.Size = all.N+lines.N, all.Bytes+lines.Bytes, all.Size+lines.Size
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		stored += info.Size()
		return name
	}
	for before := days - 1; before >= 0; before-- {
		name = put("hostile.ndjson"+codec, before, write)
	}
	hostile, size := all, stored
	put("ordinary.ndjson.gz", 0, func(l *Lines) {
		for id := range int64(ordinary) {
			l.Session(1+id, "ordinary")
		}
	})
	return hostile, size, name
}

// publishedRows are the rows of the day, according to its manifest.
func publishedRows(t *testing.T, sink string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(sink, "_manifests", "reports", "sessions", "dt="+Day+".json"))
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Rows int }
	if err := json.Unmarshal(b, &manifest); err != nil {
		t.Fatal(err)
	}
	return manifest.Rows
}

// The ids of SameHash are chosen for the hash that sessions have.
func TestSameHash(t *testing.T) {
	for hash := uint64(SamePrefix) << (64 - SameBits); hash < SamePrefix<<(64-SameBits)+100; hash++ {
		if got := shuffle.Hash(int64(hash * unhash)); got>>(64-SameBits) != SamePrefix {
			t.Fatalf("the hash is %x: choose the ids by the hash of today", got)
		}
	}
}
