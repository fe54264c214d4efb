package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// versus holds daybook against its peers on the same events, and compares what all make
// of them. In each codec it is DuckDB; the other peers read plain dumps, since reading
// them is not what differs.
func (b *bench) versus(ctx context.Context) error {
	month, err := b.data.month(ctx)
	if err != nil {
		return err
	}
	wanted := map[content]map[string]float64{
		repeated: {"none": 5.5, "zstd": 4.8, "gzip": 3.8},
		unique:   {"none": 2.7, "zstd": 2.3, "gzip": 2},
	}
	for _, content := range contents() {
		for _, codec := range codecs() {
			against := peers()
			if codec.name != "none" {
				against = against[:1]
			}
			if err := b.versusOn(ctx, filepath.Join(month, string(content), codec.name), content, codec.name, wanted[content][codec.name], against); err != nil {
				return err
			}
			if err := b.show(); err != nil {
				return err
			}
		}
	}
	return b.secondWorker(ctx, filepath.Join(month, string(repeated), "none"))
}

const (
	// leastOfFold is what `daybook run`, which stores digests, audits and commits, has
	// to keep of the speed of `daybook fold`, and leastOfFoldDays what it has to keep
	// without its month.
	leastOfFold, leastOfFoldDays = 0.5, 0.55
	// leastOfRun is how many times as fast as DuckDB run has to be, on plain dumps with
	// repeated events.
	leastOfRun = 2.4
	// monthMost is the month's share of the time of its days.
	monthMost = 0.25
)

func (b *bench) versusOn(ctx context.Context, dumps string, content content, codec string, wanted float64, against []peer) error {
	rows, sink := b.scratch("rows.parquet"), b.scratch("sink")
	run, err := b.command("run", pipeline{source: directory(dumps), sink: directory(sink)}, "run", "--workers", strconv.Itoa(workers))
	if err != nil {
		return err
	}
	month, err := b.monthAlone(ctx, "month", pipeline{source: directory(dumps), sink: directory(b.scratch("month"))}, b.scratch("month"))
	if err != nil {
		return err
	}
	contenders := []contender{{name: "fold", command: b.fold(dumps, rows, workers)}, {name: "run", command: run, before: emptied(sink)}, month}
	for _, p := range against {
		out := b.scratch(p.name)
		c, err := p.command(b, content, dumps, out)
		if err != nil {
			return err
		}
		contenders = append(contenders, contender{name: p.name, command: c, before: emptied(out)})
	}
	took, err := interleave(ctx, b.rounds, contenders...)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s %s", content, codec)
	b.took(took["fold"], "%s: fold --format parquet", name)
	b.took(took["run"], "%s: run", name)
	b.took(took["month"], "%s: run that makes the month from its days", name)
	for i, p := range against {
		b.took(took[p.name], "%s: %s", name, p.name)
		b.add("times as fast", ratio(took[p.name], took["fold"], usage.seconds), "%s: fold against %s", name, p.name)
		if i == 0 {
			b.atLeast(wanted)
		}
		b.add("times as fast", ratio(took[p.name], took["run"], usage.seconds), "%s: run against %s", name, p.name)
		if i == 0 && content == repeated && codec == "none" {
			b.atLeast(leastOfRun)
		}
		b.add("times the CPU", ratio(took[p.name], took["fold"], usage.cpuSeconds), "%s: %s against fold", name, p.name)
	}
	b.shareOfMonth(took, name)
	for _, p := range against {
		if err := b.compareAll(ctx, name, p.name, rows, filepath.Join(sink, "reports", "sessions", "*", "*.parquet")); err != nil {
			return err
		}
	}
	return nil
}

// shareOfMonth says what run keeps of the speed of fold, with the month and without it.
func (b *bench) shareOfMonth(took map[string][]usage, name string) {
	days := make([]usage, len(took["run"]))
	for i, u := range took["run"] {
		days[i] = usage{wall: u.wall - took["month"][i].wall}
	}
	b.add("times as fast", ratio(took["fold"], took["run"], usage.seconds), "%s: run against fold", name)
	b.atLeast(leastOfFold)
	b.add("times as fast", ratio(took["fold"], days, usage.seconds), "%s: run against fold, days alone", name)
	b.atLeast(leastOfFoldDays)
	b.add("times the CPU", ratio(took["run"], took["fold"], usage.cpuSeconds), "%s: run against fold", name)
	b.add("of its days' time", ratio(took["month"], days, usage.seconds), "%s: the month", name)
	b.atMost(monthMost)
}

// monthAlone is the run that makes the month, named so, of days that are published.
func (b *bench) monthAlone(ctx context.Context, name string, p pipeline, sink string) (contender, error) {
	run, err := b.command(name, p, "run", "--workers", strconv.Itoa(workers))
	if err != nil {
		return contender{}, err
	}
	if err := os.RemoveAll(sink); err != nil {
		return contender{}, err
	}
	if _, err := run.run(ctx); err != nil {
		return contender{}, err
	}
	return contender{name: name, command: run, before: func() error {
		var errs []error
		for _, dir := range []string{"", "_manifests"} {
			errs = append(errs, os.RemoveAll(filepath.Join(sink, dir, "reports_monthly")))
		}
		return errors.Join(errs...)
	}}, nil
}

// compareAll compares the rows in each of several patterns with those of a peer.
func (b *bench) compareAll(ctx context.Context, name, peer string, ours ...string) error {
	total := 0.0
	for _, files := range ours {
		n, err := compare(ctx, files, b.scratch(peer))
		if err != nil {
			return err
		}
		total += n
	}
	b.add("values", total, "%s: of fold and run against those of %s, all equal", name, peer)
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
