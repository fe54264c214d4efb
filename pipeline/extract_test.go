package pipeline

import (
	"context"
	"fmt"
	"iter"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/shuffle"
)

// foldRows is Fold with all rows in memory.
func foldRows(ctx context.Context, x *Extraction, def *report.Definition) (all []report.Row, outcome Outcome, counts report.Counts, err error) {
	outcome, counts, err = Fold(ctx, x, def, func(rows iter.Seq2[[]report.Row, error]) error {
		for batch, err := range rows {
			if err != nil {
				return err
			}
			all = append(all, batch...)
		}
		return nil
	})
	return all, outcome, counts, err
}

// The rows do not depend on how much memory there is, nor on the workers; and
// no temporary file stays.
func TestBudgetChangesNothing(t *testing.T) {
	x, _ := dumpFiles(t, 500)
	def := &report.Definition{Zone: time.UTC}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	x.Workers = 1
	want, wantOutcome, wantCounts, err := foldRows(t.Context(), x, def)
	if err != nil {
		t.Fatal(err)
	}
	x.MemoryBudget, x.Workers = 1, 2
	got, outcome, counts, err := foldRows(t.Context(), x, def)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("other rows with a budget (-want +got):\n%.2000s", diff)
	}
	if diff := cmp.Diff(wantOutcome, outcome) + cmp.Diff(wantCounts, counts); diff != "" {
		t.Errorf("another outcome with a budget (-want +got):\n%s", diff)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("temporary files are left: %v, %v", entries, err)
	}
}

// A worker that cannot spill ends the run with what to do about it.
func TestNoRoomToSpill(t *testing.T) {
	x, _ := dumpFiles(t, 500)
	t.Setenv("TMPDIR", "/dev/null/missing")
	x.MemoryBudget = 1
	_, _, _, err := foldRows(t.Context(), x, &report.Definition{Zone: time.UTC})
	if err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("%v, want an error that names TMPDIR", err)
	}
}

// Of shards that are large, no more are in memory than half the budget holds.
func TestReaders(t *testing.T) {
	events := shuffle.New(shuffle.Options{})
	defer events.Close()
	w := events.Writer()
	for i := range 50_000 { // of one session, and so in one shard: 5 MB
		if err := w.Add(&event.Event{ID: fmt.Sprintf("%072d", i), SessionID: 1, TS: int64(i), Type: event.ChatMessage}); err != nil {
			t.Fatal(err)
		}
	}
	if n := events.Largest(); n < 4<<20 || n > 6<<20 {
		t.Fatalf("the largest shard has %d bytes", n)
	}
	for _, c := range []struct {
		budget int64
		want   int
	}{{0, 8}, {1 << 20, 1}, {16 << 20, 1}, {64 << 20, 3}, {1 << 30, 8}} {
		x := &Extraction{Workers: 8, MemoryBudget: c.budget}
		if got := x.readers(events); got != c.want {
			t.Errorf("with a budget of %d bytes %d workers read, want %d", c.budget, got, c.want)
		}
	}
}
