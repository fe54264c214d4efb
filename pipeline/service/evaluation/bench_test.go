package evaluation_test

import (
	"fmt"
	"testing"
	"time"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/schedule"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/evaluation"
	"daybook/pipeline/service/servicetest"
	"daybook/sources/store"
	"daybook/transform/day"
)

// BenchmarkEvaluation evaluates a plan of ten years. Either all days are published,
// or none is, and the schedule decides about each.
func BenchmarkEvaluation(b *testing.B) {
	const days = 3650
	for _, revision := range []int{1, 0} {
		b.Run(fmt.Sprintf("revision=%d", revision), func(b *testing.B) {
			w := servicetest.New()
			c := w.Settings(b, w.Sink)
			cs, _, err := controller.Read(b.Context(), store.NewMemory(nil))
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
				evaluation.New(&c, cs, p, schedule.Moment{Now: now, Since: now})
			}
			b.ReportMetric(days*float64(b.N)/b.Elapsed().Seconds(), "days/s")
		})
	}
}
