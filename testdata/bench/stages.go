package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/pprof/profile"
)

// stage is a part of the work, and the packages whose time it is. What these
// call, of the runtime and of libraries, is theirs, too.
type stage struct {
	name     string
	prefixes []string
}

// stages are looked for in this order at each call of a stack.
func stages() []stage {
	return []stage{
		{"garbage collection", []string{"runtime.gcBgMarkWorker", "runtime.gcAssistAlloc", "runtime.bgsweep", "runtime.bgscavenge", "runtime.gcStart"}},
		{"read, decompress, lines", []string{"daybook/sources/"}},
		{"decode", []string{"daybook/transform/event."}},
		{"shuffle", []string{"daybook/transform/shuffle."}},
		{"order and fold", []string{"daybook/transform/session."}},
		{"rows", []string{"daybook/transform/report.", "daybook/transform/rowsort."}},
		{"Parquet", []string{"daybook/sinks/parquet."}},
		{"digests", []string{"daybook/sinks/digest."}},
		{"summaries and CSV", []string{"daybook/transform/summary.", "daybook/sinks/csv."}},
		{"publishing", []string{"daybook/sinks/publish."}},
		{"pipeline", []string{"daybook/pipeline/", "main."}},
	}
}

const elsewhere = "the runtime, elsewhere"

// stages says where the time of fold goes on each codec, and that of run.
func (b *bench) stages(ctx context.Context) error {
	month, err := b.data.month(ctx)
	if err != nil {
		return err
	}
	prof := b.scratch("cpu.prof")
	for _, codec := range codecs() {
		c := b.fold(filepath.Join(month, string(repeated), codec.name), b.scratch("rows.parquet"), workers)
		c.args = append(c.args, "--cpuprofile", prof)
		if err := b.shares(ctx, c, prof, "fold, "+codec.name); err != nil {
			return err
		}
	}
	run, err := b.command("stages", pipeline{source: directory(filepath.Join(month, string(repeated), "none")), sink: directory(b.scratch("stages"))},
		"run", "--workers", strconv.Itoa(workers), "--cpuprofile", prof)
	if err != nil {
		return err
	}
	return b.shares(ctx, run, prof, "run, none")
}

// shares adds each stage's share of the time in the profile that c writes.
func (b *bench) shares(ctx context.Context, c command, prof, name string) error {
	if _, err := c.run(ctx); err != nil {
		return err
	}
	f, err := os.Open(prof)
	if err != nil {
		return err
	}
	defer f.Close()
	p, err := profile.Parse(f)
	if err != nil {
		return err
	}
	all := append(stages(), stage{name: elsewhere})
	times, total := make(map[string]int64), int64(0)
	for _, sample := range p.Sample {
		nanoseconds := sample.Value[len(sample.Value)-1]
		times[stageOf(sample)] += nanoseconds
		total += nanoseconds
	}
	b.add("s of CPU", float64(total)/1e9, "%s", name)
	for _, s := range all {
		if times[s.name] > 0 {
			b.add("% of it", 100*float64(times[s.name])/float64(total), "%s: %s", name, s.name)
		}
	}
	return nil
}

// stageOf gives the stage of the innermost call that belongs to one. Garbage
// collection is a stage of its own, whichever call caused it.
func stageOf(sample *profile.Sample) string {
	found := elsewhere
	for _, location := range sample.Location { // innermost first
		for _, line := range location.Line {
			for i, s := range stages() {
				if !hasPrefix(line.Function.Name, s.prefixes) {
					continue
				}
				if i == 0 {
					return s.name
				}
				if found == elsewhere {
					found = s.name
				}
			}
		}
	}
	return found
}

func hasPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
