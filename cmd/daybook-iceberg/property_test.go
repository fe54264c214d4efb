package main

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"daybook/transform/day"
)

// After any history of publications, restatements, removals, crashes, lost answers
// and rivals, an undisturbed sync ends in the table that the manifests describe.
func TestAnyHistory(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		running := w.syncer() // a process that lives on, with what it has read
		anyDay := func(label string) day.Day { return firstDay + day.Day(rapid.IntRange(0, 3).Draw(r, label)) }
		rows := rapid.SliceOfN(rapid.Int64Range(0, 3), 0, 2)
		change := func() {
			if d := anyDay("day"); rapid.IntRange(0, 4).Draw(r, "remove") == 0 {
				w.remove(d)
			} else {
				w.publish(d, rows.Draw(r, "rows")...)
			}
		}
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			for range rapid.IntRange(0, 3).Draw(r, "changes") {
				change()
			}
			w.catalog.faults = rapid.SliceOfN(rapid.SampledFrom([]fault{none, dropped, lost, lateOther}), 0, 4).Draw(r, "faults")
			w.catalog.between = func() {
				change()
				_, _ = w.syncer().sync(t.Context(), testReport)
			}
			if rapid.Bool().Draw(r, "new process") {
				running = w.syncer()
			}
			if rapid.Bool().Draw(r, "crash") {
				running.pause = func(context.Context, int) error { return errInjected } // it dies at its first fault
			}
			_, _ = running.sync(t.Context(), testReport)
			w.catalog.faults = nil
			if rapid.Bool().Draw(r, "check") {
				w.sync()
			}
		}
		w.sync()
		if c := w.sync(); !c.empty() {
			r.Fatalf("a second sync: %+v", c)
		}
	})
}
