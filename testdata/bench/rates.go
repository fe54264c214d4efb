package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"daybook/sources/dump"
	"daybook/transform/event"
	"daybook/transform/session"
)

const (
	// ratesText is how much text the rates are taken on: more than fits into
	// the processor's caches, so that it comes from memory as it does in a run.
	ratesText = 64 << 20

	// ratesSessions is how many sessions the engine's rate is taken on: as few
	// as stay in the caches, since events come to it from there.
	ratesSessions = 100

	// ratesTime is how long each rate is taken.
	ratesTime = 2 * time.Second
)

// rates says how fast the decoder and the engine are by themselves on a core,
// on generated lines and the sessions that they tell.
func (b *bench) rates(ctx context.Context) error {
	month, err := b.data.month(ctx)
	if err != nil {
		return err
	}
	var decoder, engine []float64
	for range b.rounds {
		c, err := self("rates", filepath.Join(month, string(repeated), "none"))
		if err != nil {
			return err
		}
		c.env = []string{"GOMAXPROCS=1"}
		u, err := c.run(ctx)
		if err != nil {
			return err
		}
		var d, e float64
		if _, err := fmt.Sscan(u.stdout, &d, &e); err != nil {
			return fmt.Errorf("rates said %q: %w", strings.TrimSpace(u.stdout), err)
		}
		decoder, engine = append(decoder, d), append(engine, e)
	}
	b.add("MB/s a core", middle(decoder), "decoder")
	b.atLeast(900)
	b.add("million events/s a core", middle(engine), "engine, with putting events in order")
	b.atLeast(15)
	return nil
}

// runRates is the process that takes the rates on the dumps in a directory. It
// prints the decoder's in MB/s and the engine's in million events/s.
func runRates(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("%q: expected a directory of plain dumps", args)
	}
	lines, size, err := someLines(ctx, args[0])
	if err != nil {
		return err
	}
	decoder := event.NewDecoder()
	sessions := make(map[int64][]event.Event)
	for _, line := range lines {
		var e event.Event
		if reject := decoder.Decode(line, &e); reject.Reason != 0 {
			return fmt.Errorf("%q is no event", line)
		}
		sessions[e.SessionID] = append(sessions[e.SessionID], e)
	}
	ids := slices.Sorted(maps.Keys(sessions))
	ids = ids[:min(len(ids), ratesSessions)]
	times, took := repeat(func() {
		decoder := event.NewDecoder()
		var e event.Event
		for _, line := range lines {
			decoder.Decode(line, &e)
		}
	})
	decoded := float64(size) * float64(times) / took.Seconds() / 1e6

	var engine session.Engine
	var input []event.Event
	events := 0
	_, took = repeat(func() {
		for _, id := range ids {
			input = append(input[:0], sessions[id]...) // Order changes what it is given
			ordered, _, _ := session.Order(ctx, input)
			engine.Fold(ctx, ordered, nil)
			events += len(input)
		}
	})
	folded := float64(events) / took.Seconds() / 1e6
	_, err = fmt.Fprintln(out, decoded, folded)
	return err
}

// someLines reads the first lines of a directory, and says how many bytes of
// text they are.
func someLines(ctx context.Context, dir string) (lines [][]byte, size int, err error) {
	files, _, err := dump.Find([]string{dir})
	if err != nil {
		return nil, 0, err
	}
	for _, file := range files {
		err := eachLine(ctx, file, func(line []byte) error {
			lines = append(lines, append([]byte(nil), line...))
			size += len(line) + 1
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
		if size >= ratesText {
			break
		}
	}
	return lines, size, nil
}

// repeat does work over and over for ratesTime.
func repeat(work func()) (times int, took time.Duration) {
	start := time.Now()
	for took < ratesTime {
		work()
		times++
		took = time.Since(start)
	}
	return times, took
}
