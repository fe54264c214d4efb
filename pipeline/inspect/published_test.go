package inspect

import (
	"slices"
	"testing"

	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/transform/day"
)

// What a view needs takes one listing of the days, and one of the months.
func TestList(t *testing.T) {
	w := newWarehouse(t)
	month := partition.MonthID("sessions", pipelinetest.Day.Month())
	sink := &counted{Store: w.Memory}
	w.in.Settings.Sink = sink
	list := func(what string, superseded bool, months []partition.ID, days ...day.Day) {
		t.Helper()
		sink.requests.Store(0)
		l, err := w.in.List(t.Context(), "sessions")
		if err != nil || !slices.Equal(l.Days, days) || !slices.Equal(l.Months, months) || l.Superseded != superseded {
			t.Errorf("%s: %+v, %v", what, l, err)
		}
		if n := sink.requests.Load(); n != 2 {
			t.Errorf("%s: %d listings", what, n)
		}
	}
	list("nothing", false, nil)
	w.publish(theDay, "b")
	w.publish(partition.DayID("sessions", pipelinetest.Day-1), "a")
	w.publish(month, "a, b")
	w.publish(partition.DayID("other", pipelinetest.Day), "x")
	pipelinetest.Put(t, w.Memory, theDay.Dir()+"notes.txt", "no part")
	list("published", false, []partition.ID{month}, pipelinetest.Day-1, pipelinetest.Day)
	for _, id := range []partition.ID{theDay, month} {
		left := id.Dir() + "part-0-r9-0123456789abcdef.parquet"
		pipelinetest.Put(t, w.Memory, left, "x")
		list("left over", true, []partition.ID{month}, pipelinetest.Day-1, pipelinetest.Day)
		pipelinetest.Delete(t, w.Memory, left)
	}
	list("removed", false, []partition.ID{month}, pipelinetest.Day-1, pipelinetest.Day)
}
