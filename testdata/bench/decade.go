package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
)

const (
	decadeFrom     = "2016-01-01"
	decadeDays     = 3653
	decadeSessions = 2 // a day: what counts here is days
)

// decadeReports are published for each of the days.
func decadeReports() []string { return []string{"sessions", "second", "third"} }

// decade says what it takes to see that nothing is to do about ten years (or
// size times as many) of daily partitions in three reports.
func (b *bench) decade(ctx context.Context) error {
	days := min(decadeDays, b.data.scaled(decadeDays))
	root, err := b.data.once(fmt.Sprintf("decade-%d-days", days), func(dir string) error {
		return b.data.generate(ctx, filepath.Join(dir, "dumps"), decadeFrom, days, decadeSessions, "gzip")
	})
	if err != nil {
		return err
	}
	p := pipeline{source: directory(filepath.Join(root, "dumps")), sink: directory(filepath.Join(root, "out")), reports: decadeReports()}
	run, err := b.command("decade", p, "run", "--workers", strconv.Itoa(workers))
	if err != nil {
		return err
	}
	plan, err := b.command("decade", p, "plan")
	if err != nil {
		return err
	}
	// The first run builds what another version, or an interruption, left to do.
	first, err := run.run(ctx)
	if err != nil {
		return err
	}
	took, err := interleave(ctx, b.rounds, contender{name: "plan", command: plan}, contender{name: "run", command: run})
	if err != nil {
		return err
	}
	b.took([]usage{first}, "%d days, %d reports: the first run, which may have had something to do", days, len(p.reports))
	b.took(took["run"], "run that changes nothing")
	b.took(took["plan"], "plan")
	b.add("s", median(took["plan"], usage.seconds), "plan")
	b.atMost(2)
	b.add("MiB at most", median(took["plan"], usage.mebibytes), "plan")
	b.atMost(100)
	return nil
}
