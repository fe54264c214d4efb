// The benchmarks of daybook as a whole: whole processes on generated data,
// against its peers on the same job, against the floor that reading sets, and
// against each other at other sizes, budgets and stores.
//
//	go run . [-size 1] [-rounds 5] [-only versus,scale] [-data DIR] [-daybook FILE] [-json]
//
// The compared programs run interleaved, round by round; figures are medians of
// the rounds, and ratios are medians of the rounds' ratios. A figure that
// misses its target is told, and is no failure; different results are one.
//
// It is a module of its own, for DuckDB needs cgo and daybook does without. ClickHouse
// and Polars are programs of Python, in the directory peers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run does a verb that this program gives to itself in another process, or
// the benchmarks.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 {
		verb, rest := args[0], args[1:]
		switch verb {
		case "derive":
			return runDerive(ctx, rest)
		case "duckdb-peer":
			return runPeer(ctx, rest)
		case "compare":
			return runCompare(ctx, rest, stdout)
		case "floor":
			return runFloor(rest, stdout)
		case "rates":
			return runRates(ctx, rest, stdout)
		}
	}
	return runBenchmarks(ctx, args, stdout, stderr)
}

// bench is what the benchmarks share.
type bench struct {
	*board
	data   *data
	rounds int
	tmp    string // for what is written while measuring
	python string // the interpreter that has the peers' libraries
}

type benchmark struct {
	name string
	run  func(*bench, context.Context) error
}

func benchmarks() []benchmark {
	return []benchmark{
		{"versus", (*bench).versus}, {"floor", (*bench).floor}, {"stages", (*bench).stages}, {"rates", (*bench).rates},
		{"scale", (*bench).scale}, {"s3", (*bench).s3}, {"nightly", (*bench).nightly}, {"decade", (*bench).decade},
	}
}

func runBenchmarks(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	size := flags.Float64("size", 1, "how much data, as a multiple of 5.6 million events")
	rounds := flags.Int("rounds", 5, "how often to run everything")
	only := flags.String("only", "", "benchmarks to run, of "+strings.Join(names(), ","))
	dir := flags.String("data", filepath.Join(os.TempDir(), "daybook-bench"), "where generated data is kept, and what is measured is written")
	binary := flags.String("daybook", filepath.Join("..", "..", ".bin", "daybook"), "the program to measure")
	python := flags.String("python", filepath.Join("..", "..", ".bin", "peers", "bin", "python"), "the interpreter of peers/requirements.txt")
	asJSON := flags.Bool("json", false, "write the figures as JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *size <= 0 || *rounds < 1 {
		return fmt.Errorf("%q: expected flags alone, a positive size and at least one round", args)
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	// Paths in a configuration are relative to its own.
	if *binary, err = filepath.Abs(*binary); err != nil {
		return err
	}
	if *dir, err = filepath.Abs(*dir); err != nil {
		return err
	}
	if _, err := os.Stat(*binary); err != nil {
		return fmt.Errorf("no daybook to measure: %w; run `make build`", err)
	}
	if err := os.MkdirAll(*dir, 0o777); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(*dir, "run-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()

	b := &bench{board: &board{out: stdout, json: *asJSON}, rounds: *rounds, tmp: tmp, python: *python,
		data: &data{dir: *dir, binary: *binary, size: *size, log: stderr}}
	if !*asJSON {
		fmt.Fprintf(stdout, "size %g, %d rounds, %d of %d cores, %s, DuckDB by %s\n\n", *size, *rounds, workers, runtime.NumCPU(), runtime.Version(), driver())
	}
	for _, m := range chosen {
		b.benchmark = m.name
		if err := m.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		if err := b.show(); err != nil {
			return err
		}
	}
	return b.finish()
}

// choose gives the benchmarks that a list names, or all of them.
func choose(only string) ([]benchmark, error) {
	all := benchmarks()
	if only == "" {
		return all, nil
	}
	var chosen []benchmark
	for _, name := range strings.Split(only, ",") {
		i := slices.IndexFunc(all, func(m benchmark) bool { return m.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-only %q: there is %s", name, strings.Join(names(), ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func names() []string {
	var names []string
	for _, m := range benchmarks() {
		names = append(names, m.name)
	}
	return names
}

// driver names the version of the DuckDB that this program is built with.
func driver() string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if strings.HasPrefix(m.Path, "github.com/duckdb/duckdb-go/") {
			return m.Path + " " + m.Version
		}
	}
	return "an unknown driver"
}

// scratch gives a path for something that is written while measuring.
func (b *bench) scratch(name string) string { return filepath.Join(b.tmp, name) }

// fold is `daybook fold --format parquet` of a directory into a file.
func (b *bench) fold(dir, out string, n int) command {
	return command{name: b.data.binary, args: []string{"fold", "--quiet", "--format", "parquet", "--workers", fmt.Sprint(n), dir}, out: out,
		env: []string{fmt.Sprintf("GOMAXPROCS=%d", n)}}
}

// pipeline is a configuration for `daybook run` and its like.
type pipeline struct {
	source, sink string   // stores, as YAML mappings such as {url: /tmp/dumps}
	budget       string   // "" for the default
	reports      []string // names; one named sessions by default
}

// command gives daybook's command with p, which is written to a file.
func (b *bench) command(name string, p pipeline, args ...string) (command, error) {
	config := b.scratch(name + ".yml")
	// On days of a few lines, one that is rejected is many.
	text := fmt.Sprintf("source:\n  store: %s\n  max_rejected: 100%%\nsink:\n  store: %s\n", p.source, p.sink)
	if p.budget != "" {
		text += "memory_budget: " + p.budget + "\n"
	}
	if len(p.reports) > 0 {
		text += "reports:\n"
		for _, r := range p.reports {
			text += "  - name: " + r + "\n"
		}
	}
	err := os.WriteFile(config, []byte(text), 0o666)
	return command{name: b.data.binary, args: append([]string{"--quiet", "--config", config}, args...)}, err
}

func directory(path string) string { return fmt.Sprintf("{url: %q}", path) }
