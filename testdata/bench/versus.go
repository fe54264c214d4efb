package main

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
)

// versus holds daybook against DuckDB on the same events, in each codec, and
// compares what both make of them.
func (b *bench) versus(ctx context.Context) error {
	month, err := b.data.month(ctx)
	if err != nil {
		return err
	}
	wanted := map[content]map[string]float64{
		repeated: {"none": 5, "zstd": 4, "gzip": 3},
		unique:   {"none": 2.7, "zstd": 2.3, "gzip": 2},
	}
	for _, content := range contents() {
		for _, codec := range codecs() {
			if err := b.versusOn(ctx, filepath.Join(month, string(content), codec.name), content, codec.name, wanted[content][codec.name]); err != nil {
				return err
			}
		}
	}
	return b.secondWorker(ctx, filepath.Join(month, string(repeated), "none"))
}

// leastOfFold is what `daybook run`, which stores digests, audits and commits,
// has to keep of the speed of `daybook fold`.
const leastOfFold = 0.7

func (b *bench) versusOn(ctx context.Context, dumps string, content content, codec string, wanted float64) error {
	rows, sink, theirs := b.scratch("rows.parquet"), b.scratch("sink"), b.scratch("peer")
	peer, err := self("duckdb-peer", string(content), dumps, theirs)
	if err != nil {
		return err
	}
	run, err := b.command("run", pipeline{source: directory(dumps), sink: directory(sink)}, "run", "--workers", strconv.Itoa(workers))
	if err != nil {
		return err
	}
	took, err := interleave(ctx, b.rounds,
		contender{name: "fold", command: b.fold(dumps, rows, workers)},
		contender{name: "run", command: run, before: emptied(sink)},
		contender{name: "duckdb", command: peer, before: emptied(theirs)})
	if err != nil {
		return err
	}
	b.took(took["fold"], "%s %s: fold --format parquet", content, codec)
	b.took(took["run"], "%s %s: run", content, codec)
	b.took(took["duckdb"], "%s %s: DuckDB", content, codec)
	b.add("times as fast", ratio(took["duckdb"], took["fold"], usage.seconds), "%s %s: fold against DuckDB", content, codec)
	b.atLeast(wanted)
	b.add("times the CPU", ratio(took["duckdb"], took["fold"], usage.cpuSeconds), "%s %s: DuckDB against fold", content, codec)
	b.add("times as fast", ratio(took["fold"], took["run"], usage.seconds), "%s %s: run against fold", content, codec)
	b.atLeast(leastOfFold)

	published := filepath.Join(sink, "reports", "sessions", "*", "*.parquet")
	total := 0.0
	for _, ours := range []string{rows, published} {
		n, err := compare(ctx, ours, theirs)
		if err != nil {
			return err
		}
		total += n
	}
	b.add("values", total, "%s %s: of fold and run against DuckDB's, all equal", content, codec)
	return nil
}

// compare gives how many values of daybook's rows were compared with the
// peer's. That one differs is an error.
func compare(ctx context.Context, ours, theirs string) (float64, error) {
	u, err := measureSelf(ctx, "compare", ours, theirs)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(u.stdout), 64)
}

// secondWorker says what the second of two workers is worth.
func (b *bench) secondWorker(ctx context.Context, dumps string) error {
	took, err := interleave(ctx, b.rounds,
		contender{name: "two", command: b.fold(dumps, b.scratch("two.parquet"), 2)},
		contender{name: "one", command: b.fold(dumps, b.scratch("one.parquet"), 1)})
	if err != nil {
		return err
	}
	b.took(took["one"], "fold with one worker")
	b.took(took["two"], "fold with two")
	b.add("times as fast", ratio(took["one"], took["two"], usage.seconds), "fold with two against one")
	b.atLeast(1.7)
	return nil
}
