package service_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"

	"daybook/pipeline/inspect"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/servicetest"
	"daybook/sinks/webhook"
)

// A hook that lists the event published gets what each run published, as daybook changes
// prints it. A hook without a list gets none of them.
func TestPublishedIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Days(t, 2)
		servicetest.At(t, "03 06:00:00")
		var events []webhook.Event
		c := w.Settings(t, w.Sink)
		c.Hooks = append(c.Hooks, replica.Hook{Name: "loader", Events: []string{"published"}, Deliver: func(_ context.Context, e *webhook.Event) error {
			events = append(events, *e)
			return nil
		}})
		r := w.StartWith(t, "a", c)
		servicetest.At(t, "03 06:12:00")
		w.Dump(t, "2000/01/01/late.ndjson", "2000-01-01", 9)
		servicetest.At(t, "03 06:24:00")
		want := []string{"2 new days of sessions, 2000-01-01 to 2000-01-02", "1 restated day of sessions, 2000-01-01"}
		if len(events) != len(want) || events[0].Text != want[0] || events[1].Text != want[1] {
			t.Fatalf("events: %+v", events)
		}
		changes, _, err := (&inspect.Inspector{Settings: c.Pipeline}).Changes(t.Context(), inspect.Cursor{})
		if err != nil || len(changes) != 2 {
			t.Fatalf("changes: %+v (%v)", changes, err)
		}
		for _, line := range []struct {
			text json.RawMessage
			want inspect.Change
		}{{events[1].Changes[0], changes[0]}, {events[0].Changes[1], changes[1]}} {
			var got bytes.Buffer
			want, err := json.Marshal(line.want)
			if err != nil || json.Compact(&got, line.text) != nil || got.String() != string(want) {
				t.Errorf("sent %s, want %s (%v)", line.text, want, err)
			}
		}
		for state, n := range map[string]float64{"published": 2, "restated": 1} {
			if got := r.Metric(t, "daybook_published_partitions_total", "sessions", "day", state); got != n {
				t.Errorf("%g days were counted as %s, want %g", got, state, n)
			}
		}
		w.SameNews(t, "late 2000-01-01", "late 2000-01-02", "recovered 2000-01-01", "recovered 2000-01-02", "restated 2000-01-01")
	})
}
