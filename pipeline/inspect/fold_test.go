package inspect

import (
	"fmt"
	"iter"
	"testing"
	"time"

	"daybook/pipeline/extract/extracttest"
	"daybook/transform/report"
)

// BenchmarkFold folds generated dumps from files, on as many cores as -cpu says, with
// all events in memory, and with most of them in temporary files. Its lines/s is the
// rate of daybook fold without writing the rows.
func BenchmarkFold(b *testing.B) {
	x, stats := extracttest.Dumps(b, 5000)
	leave := func(iter.Seq2[[]report.Row, error]) error { return nil }
	for _, budget := range []int64{0, 8 << 20} {
		b.Run(fmt.Sprintf("budget=%dMiB", budget>>20), func(b *testing.B) {
			x.MemoryBudget = budget
			b.SetBytes(stats.Bytes)
			for b.Loop() {
				if _, _, err := Fold(b.Context(), x, &report.Definition{Zone: time.UTC}, leave); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(stats.Lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
