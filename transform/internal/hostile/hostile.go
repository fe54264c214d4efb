// Package hostile generates unrealistic sessions for tests of the engine: any
// event types in any order, with few distinct times, technicians and names, so
// that ties, repetitions and contradictions are common.
package hostile

import (
	"fmt"
	"math/rand/v2"

	"daybook/transform/event"
)

// Start is the time of the earliest event, in microseconds: 2026-11-20T08:00:00Z.
const Start = 1_795_161_600_000_000

// Session generates the events of one session in random order, some of them
// repeated. It is a pure function of the numbers from r.
func Session(r *rand.Rand, id int64) []event.Event {
	n := 1 + r.IntN(40)
	// Steps in microseconds, from none to a minute.
	steps := []int64{0, 0, 1, 500, 1000, 1000, 2500, 60_000_000}
	events := make([]event.Event, 0, n)
	at := int64(Start)
	for i := range n {
		at += steps[r.IntN(len(steps))]
		e := Event(r)
		e.SessionID, e.TS, e.Seq = id, at, int64(r.IntN(3))
		e.ID = fmt.Sprintf("e%02d", (i*7)%n)
		if i == 0 && r.IntN(3) > 0 {
			created := Event(r)
			for created.Type != event.SessionCreated {
				created = Event(r)
			}
			created.SessionID, created.TS, created.Seq, created.ID = id, at, 0, "c"
			e = created
		}
		events = append(events, e)
		if r.IntN(12) == 0 { // a copy, sometimes at another time or with other contents
			again := e
			switch r.IntN(3) {
			case 0:
				again.TS += steps[r.IntN(len(steps))]
			case 1:
				again = Event(r)
				again.SessionID, again.TS, again.Seq, again.ID = id, e.TS, e.Seq, e.ID
			}
			events = append(events, again)
		}
	}
	r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	return events
}

// Event generates the members of an event that depend on its type.
func Event(r *rand.Rand) event.Event {
	// Statuses, presence and messages are the most frequent types.
	weighted := append(event.Types(), event.StatusChanged, event.StatusChanged, event.StatusChanged,
		event.StatusChanged, event.Presence, event.Presence, event.ChatMessage, event.ChatMessage)
	e := event.Event{Type: pick(r, weighted)}
	switch e.Type {
	case event.SessionCreated:
		e.SessionType = pick(r, event.SessionTypes())
		e.Technician = maybe(r, 3, person)
		e.Channel = maybe(r, 2, func(r *rand.Rand) event.Channel {
			return event.Channel{ID: 1 + r.Int64N(2), Name: name(r)}
		})
		e.CallingCard = name(r)
		e.Details = details(r, false)
	case event.DetailsChanged:
		e.Details = details(r, true)
	case event.StatusChanged:
		e.Status = pick(r, event.Statuses())
		if r.IntN(3) == 0 {
			e.Status = event.Active
		}
		e.Technician = maybe(r, 2, person)
		e.Transferred = name(r)
	case event.CollaborationStarted:
		e.Technician = person(r)
	case event.CollaborationEnded:
		e.TechnicianID = 1 + r.Int64N(3)
	case event.Presence:
		e.Signal = pick(r, event.Signals())
		e.TechnicianID = r.Int64N(4)
	case event.ChatMessage:
		e.Sender = pick(r, []event.Sender{event.Customer, event.Technician, event.System})
		e.TechnicianID = r.Int64N(4)
	case event.ToolUsed:
		e.Tool = pick(r, []string{"RC", "FM", "SI"})
		e.TechnicianID = r.Int64N(4)
	case event.ResolutionSubmitted:
		e.Resolution = pick(r, []event.Resolution{event.Resolved, event.Unresolved})
		e.TechnicianID = r.Int64N(4)
	case event.QueueRemoved:
		e.By = pick(r, []event.Actor{event.ByTechnician, event.ByAdministrator, event.ByTimeout})
		e.TechnicianID = r.Int64N(4)
	}
	return e
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// maybe returns a value one time in n, and otherwise the zero value.
func maybe[T any](r *rand.Rand, n int, value func(*rand.Rand) T) (v T) {
	if r.IntN(n) == 0 {
		v = value(r)
	}
	return v
}

func person(r *rand.Rand) event.Person {
	p := event.Person{ID: 1 + r.Int64N(3), Name: name(r), Email: name(r), Group: name(r)}
	return p
}

// name returns an unknown, a short, or a too long name.
func name(r *rand.Rand) string {
	switch r.IntN(8) {
	case 0, 1:
		return ""
	case 2:
		long := make([]rune, 300)
		for i := range long {
			long[i] = 'é'
		}
		return string(long)
	}
	return string(rune('a' + r.IntN(3)))
}

func details(r *rand.Rand, clearing bool) *event.Details {
	d := new(event.Details)
	for i := range d.Value {
		if r.IntN(3) > 0 {
			continue
		}
		v := name(r)
		if v == "" && !clearing {
			continue
		}
		d.Given |= 1 << i
		d.Value[i] = v
	}
	return d
}
