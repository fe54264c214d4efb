package pipeline

import (
	"context"
	"iter"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/transform/report"
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
