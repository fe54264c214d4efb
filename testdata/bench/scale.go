package main

import (
	"context"
	"strconv"
)

const (
	// budget is what is held against having everything in memory, and
	// residentMost what it may come to, in MiB, with the program, its buffers
	// and the garbage collector's share.
	budget       = "256MiB"
	residentMost = 400

	// everything is a budget that no month here exhausts.
	everything = "64GiB"

	// slowerMost is how much longer a run with the budget may take.
	slowerMost = 1.25

	// Where time is linear and memory constant, 16 times the data take as long
	// an event and as much memory; this much is left to chance.
	growthMost = 1.25

	// scaleRounds are enough for runs of minutes.
	scaleRounds = 3
)

// scale runs months of 1, 4 and 16 times the sessions, within a budget and
// with everything in memory.
func (b *bench) scale(ctx context.Context) error {
	perEvent, peaks := make(map[int]float64), make(map[int]float64)
	factors := []int{1, 4, 16}
	for _, factor := range factors {
		dumps, stats, err := b.data.generated(ctx, monthFrom, monthDays, b.data.scaled(factor*monthSessions), "zstd")
		if err != nil {
			return err
		}
		var contenders []contender
		for _, c := range []struct{ name, budget string }{{"bounded", budget}, {"unbounded", everything}} {
			sink := b.scratch(c.name)
			run, err := b.command(c.name, pipeline{source: directory(dumps), sink: directory(sink), budget: c.budget}, "run", "--workers", strconv.Itoa(workers))
			if err != nil {
				return err
			}
			contenders = append(contenders, contender{name: c.name, command: run, before: emptied(sink)})
		}
		took, err := interleave(ctx, min(b.rounds, scaleRounds), contenders...)
		if err != nil {
			return err
		}
		events := float64(stats.Events)
		b.add("million events", events/1e6, "%d×", factor)
		b.took(took["unbounded"], "%d×: run with everything in memory", factor)
		b.took(took["bounded"], "%d×: run with memory_budget %s", factor, budget)
		perEvent[factor] = median(took["bounded"], usage.seconds) / events
		peaks[factor] = median(took["bounded"], usage.mebibytes)
		b.add("MiB at most", peaks[factor], "%d×: resident with memory_budget %s", factor, budget)
		b.atMost(residentMost)
		b.add("times as long", ratio(took["bounded"], took["unbounded"], usage.seconds), "%d×: with memory_budget %s", factor, budget)
		b.atMost(slowerMost)
	}
	most := factors[len(factors)-1]
	b.add("times the time an event", perEvent[most]/perEvent[1], "%d× against 1×", most)
	b.atMost(growthMost)
	b.add("times the memory", peaks[most]/peaks[1], "%d× against 1×", most)
	b.atMost(growthMost)
	return nil
}
