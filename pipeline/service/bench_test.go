package service

import (
	"fmt"
	"testing"
	"time"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/sources/store"
	"daybook/transform/day"
)

// What a look does with a plan of ten years: everything is published, or
// nothing, and the schedule has to be asked about each day.
func BenchmarkJudge(b *testing.B) {
	const days = 3650
	for _, revision := range []int{1, 0} {
		b.Run(fmt.Sprintf("revision=%d", revision), func(b *testing.B) {
			w := newWorld()
			c := w.settings(b, w.sink)
			book, _, err := readControllerState(b.Context(), store.NewMemory(nil))
			if err != nil {
				b.Fatal(err)
			}
			now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
			p := &plan.Plan{}
			last := day.Of(now.UnixMilli(), time.UTC)
			for d := last - days; d < last; d++ {
				status := map[int]plan.Status{0: plan.Missing, 1: plan.Fresh}[revision]
				p.Steps = append(p.Steps,
					plan.Step{ID: partition.DayID("sessions", d), Status: status, ManifestInfo: catalog.ManifestInfo{Revision: revision, Rows: 10}})
			}
			b.ReportAllocs()
			for b.Loop() {
				newEvaluation(&c, book, p, now, now).state()
			}
			b.ReportMetric(days*float64(b.N)/b.Elapsed().Seconds(), "days/s")
		})
	}
}
