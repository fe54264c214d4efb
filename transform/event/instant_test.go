package event_test

import (
	"testing"

	"daybook/transform/event"
)

// The time alone is that of the whole event.
func TestTimeIsThatOfTheEvent(t *testing.T) {
	d := event.NewDecoder()
	var e event.Event
	for _, line := range generatedLines(t, 50) {
		if reject := d.Decode(line, &e); reject.Reason != 0 {
			t.Fatal(reject)
		}
		if micros, ok := d.Time(line); !ok || micros != e.TS {
			t.Fatalf("%s: %d, %v; the event has %d", line, micros, ok, e.TS)
		}
	}
}

// Other members may be wrong, and of a repeated member the last counts.
func TestTime(t *testing.T) {
	const second = 1_000_000_000 * 1_000_000 // 2001-09-09T01:46:40Z
	for line, want := range map[string]int64{
		`{"ts":"2001-09-09T01:46:40Z"}`:                                            second,
		`{"event_id":"a","ts":"2026-01-01T00:00:00Z","ts":"2001-09-09T01:46:40Z"}`: second,
		`{"type":5,"ts":"2001-09-09T01:46:4\u0030Z"}`:                              second,
		`{"ts":"2001-09-09T01:46:40Z","ts":null}`:                                  0,
		`{"event_id":"a","ts":"2001-09-09T01:46:40Z","ts":5}`:                      0,
		`{"ts":"1989-01-01T00:00:00Z"}`:                                            0,
		`{"ts":"2001-09-09T01:46:40Z"`:                                             0,
		`[]`:                                                                       0,
	} {
		micros, ok := event.NewDecoder().Time([]byte(line))
		if ok != (want != 0) || ok && micros != want {
			t.Errorf("%s: %d, %v; want %d", line, micros, ok, want)
		}
	}
}
