package session

import (
	"fmt"
	"testing"

	"daybook/transform/event"
)

// typicalSession is a session of 33 events, the average of generated dumps, in
// their order.
func typicalSession() []event.Event {
	ada := event.Person{ID: 100, Name: "Ada Lovelace", Email: "ada@example.org", Group: "EMEA/Tier 1"}
	details := &event.Details{Given: 1 << event.DetailPlatform}
	details.Value[event.DetailPlatform] = "Windows 11"
	events := []event.Event{
		{Type: event.SessionCreated, SessionType: event.Applet, Details: details},
		{Type: event.StatusChanged, Status: event.Waiting},
		{Type: event.StatusChanged, Status: event.Active, Technician: ada},
	}
	for range 7 {
		events = append(events,
			event.Event{Type: event.ChatMessage, Sender: event.Customer},
			event.Event{Type: event.ChatMessage, Sender: event.Technician, TechnicianID: ada.ID},
			event.Event{Type: event.Presence, Signal: event.TabDeselected, TechnicianID: ada.ID},
			event.Event{Type: event.Presence, Signal: event.TabSelected, TechnicianID: ada.ID})
	}
	events = append(events,
		event.Event{Type: event.ToolUsed, Tool: "remote_control", TechnicianID: ada.ID},
		event.Event{Type: event.StatusChanged, Status: event.ClosedByTechnician})
	for i := range events {
		e := &events[i]
		e.ID, e.SessionID, e.TS = fmt.Sprintf("%016x", i), 1, 1_795_000_000_000_000+int64(i)*10_000_000
	}

	return events
}

// BenchmarkEngine orders and folds a session whose events come in order, as
// the shuffle hands them out.
func BenchmarkEngine(b *testing.B) { benchmarkEngine(b, typicalSession()) }

// BenchmarkEngineMerged does so with a session of which two digests have every
// other event.
func BenchmarkEngineMerged(b *testing.B) {
	var first, second []event.Event
	for i, e := range typicalSession() {
		if i%2 == 0 {
			first = append(first, e)
		} else {
			second = append(second, e)
		}
	}
	benchmarkEngine(b, append(first, second...))
}

func benchmarkEngine(b *testing.B, events []event.Event) {
	var engine Engine
	input := make([]event.Event, len(events))
	b.ReportAllocs()
	for b.Loop() {
		copy(input, events)
		unique, _, _ := Order(b.Context(), input)
		if s, _ := engine.Fold(b.Context(), unique, nil); len(s.Legs) != 1 || !s.Legs[0].Final || len(unique) != len(events) {
			b.Fatal("not the session that was told")
		}
	}
	b.ReportMetric(float64(len(events))*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
