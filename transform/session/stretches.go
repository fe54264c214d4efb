package session

import (
	"iter"

	"daybook/transform/event"
)

// Stretches divides the events of a session, which are in order, where it is silent for
// longer than silence, in milliseconds. Each stretch is told as a session of its own
// (EVENTS.md, "How far a session reaches"). Nearly every session is one stretch.
func Stretches(events []event.Event, silence int64) iter.Seq[[]event.Event] {
	return func(yield func([]event.Event) bool) {
		begin := 0
		for i := 1; i < len(events); i++ {
			if events[i].TS-events[i-1].TS > silence*1000 {
				if !yield(events[begin:i:i]) {
					return
				}
				begin = i
			}
		}
		if begin < len(events) {
			yield(events[begin:])
		}
	}
}
