package extract

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/sinks/publish"
	"daybook/transform/day"
	"daybook/transform/event"
)

// Events within the look-back pass, by their date in UTC, and the farthest ones are
// remembered. The others are rejected and counted by date.
func TestReach(t *testing.T) {
	dumpDay := day.Date(1970, time.January, 2) // so that some events have a negative time
	r := NewReach(dumpDay, 2)
	const second = 1_000_000 // microseconds
	for _, c := range []struct {
		at   time.Time
		want event.Reject
	}{
		{time.Date(1970, 1, 2, 12, 0, 0, 0, time.UTC), event.Reject{}},
		{time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), event.Reject{}},
		{time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC), event.Reject{}},
		{time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), event.Reject{}},
		{time.Date(1969, 12, 30, 23, 59, 59, 0, time.UTC), event.Reject{Reason: event.TooLate,
			Detail: "it happened on 1969-12-30, 3 days before its dump's day, and source.lookback_days is 2"}},
		{time.Date(1969, 12, 30, 1, 0, 0, 0, time.UTC), event.Reject{Reason: event.TooLate,
			Detail: "it happened on 1969-12-30, 3 days before its dump's day, and source.lookback_days is 2"}},
		{time.Date(1970, 1, 3, 23, 59, 59, 0, time.UTC), event.Reject{}},
		{time.Date(1970, 1, 7, 0, 0, 0, 0, time.UTC), event.Reject{Reason: event.TooEarly,
			Detail: "it happened on 1970-01-07, 5 days after its dump's day, and source.lookback_days is 2"}},
	} {
		if got := r.Filter(&event.Event{TS: c.at.Unix() * second}); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.at, got, c.want)
		}
	}
	want := Reached{MaxLate: 2, MaxEarly: 1, Late: []publish.LateLines{
		{Date: "1969-12-30", Reason: "too_late", Lines: 2, DaysOff: 3},
		{Date: "1970-01-07", Reason: "too_early", Lines: 1, DaysOff: 5},
	}}
	got := r.Reached()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("other events were reached (-want +got):\n%s", diff)
	}
	got.Merge(&Reached{MaxLate: 1, MaxEarly: 3, Late: []publish.LateLines{
		{Date: "1969-12-29", Reason: "too_late", Lines: 1, DaysOff: 4},
		{Date: "1970-01-07", Reason: "too_early", Lines: 4, DaysOff: 5},
	}})
	want = Reached{MaxLate: 2, MaxEarly: 3, Late: []publish.LateLines{
		{Date: "1969-12-29", Reason: "too_late", Lines: 1, DaysOff: 4},
		{Date: "1969-12-30", Reason: "too_late", Lines: 2, DaysOff: 3},
		{Date: "1970-01-07", Reason: "too_early", Lines: 5, DaysOff: 5},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
}
