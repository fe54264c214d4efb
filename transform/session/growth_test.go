package session

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"daybook/transform/event"
	"daybook/transform/internal/interrupttest"
)

// story builds the events of a session, a second apart.
type story struct{ events []event.Event }

func (s *story) add(e event.Event) {
	n := int64(len(s.events))
	e.ID, e.SessionID, e.TS = fmt.Sprintf("e%08d", n), 1, 1_795_161_600_000_000+n*1_000_000
	s.events = append(s.events, e)
}

func (s *story) status(status event.Status, technician int64) {
	s.add(event.Event{Type: event.StatusChanged, Status: status, Technician: event.Person{ID: technician}})
}

// crowd begins a session that is active with n collaborators.
func (s *story) crowd(n int) {
	s.add(event.Event{Type: event.SessionCreated, SessionType: event.Applet})
	s.status(event.Active, 1)
	for i := range n {
		s.add(event.Event{Type: event.CollaborationStarted, Technician: event.Person{ID: int64(2 + i)}})
	}
}

// growing are sessions in which something can become many: each has about so many
// events for each n.
var growing = map[string]func(s *story, n int){
	"messages to everybody": func(s *story, n int) {
		s.crowd(n)
		for i := range n {
			s.add(event.Event{Type: event.ChatMessage, Sender: event.Sender(1 + i%3)})
		}
	},
	"statuses of everybody": func(s *story, n int) {
		s.crowd(n)
		for i := range n {
			s.status(event.Statuses()[i%3+1], 0) // waiting, active, closed by customer
		}
	},
	"links that go down and up again": func(s *story, n int) {
		s.crowd(n)
		for i := range n {
			s.add(event.Event{Type: event.Presence, Signal: event.LinkDown, TechnicianID: int64(2 + i)})
			s.status(event.Active, 0)
		}
	},
	"signals of everybody": func(s *story, n int) {
		s.crowd(n)
		for i := range 2 * n {
			s.add(event.Event{Type: event.Presence, Signal: event.Signals()[i%10], TechnicianID: int64(2 + i%n)})
		}
	},
	"collaborations that end, the last first": func(s *story, n int) {
		s.crowd(n)
		for i := range n {
			s.add(event.Event{Type: event.CollaborationEnded, TechnicianID: int64(1 + n - i)})
		}
	},
	"collaborations that end, the first first": func(s *story, n int) {
		s.crowd(n)
		for i := range n {
			s.add(event.Event{Type: event.QueueRemoved, By: event.ByTimeout, TechnicianID: int64(2 + i)})
		}
	},
	"everybody removed at once": func(s *story, n int) {
		s.crowd(n)
		s.status(event.ClosedByTechnician, 0)
	},
	"legs that are reopened": func(s *story, n int) {
		for range n {
			s.status(event.Active, 7)
			s.status(event.Aborted, 0)
		}
	},
	"removals of those who are gone": func(s *story, n int) {
		s.crowd(n)
		s.status(event.ClosedByTechnician, 0)
		for i := range n {
			s.add(event.Event{Type: event.QueueRemoved, By: event.ByTechnician, TechnicianID: int64(2 + i)})
		}
	},
	"removals of strangers": func(s *story, n int) {
		s.crowd(n)
		for i := range n {
			s.add(event.Event{Type: event.QueueRemoved, By: event.ByTechnician, TechnicianID: int64(10_000_000 + i)})
		}
	},
	"handovers": func(s *story, n int) {
		for i := range n {
			s.status(event.Active, int64(1+i%2))
		}
	},
	"tools": func(s *story, n int) {
		s.crowd(1)
		for i := range 2 * n {
			s.add(event.Event{Type: event.ToolUsed, Tool: fmt.Sprint("tool ", i)})
		}
	},
}

// Four times as many events make the engine look at four times as many legs, and
// a trace four times as large.
func TestWorkGrowsWithEvents(t *testing.T) {
	for name, tell := range growing {
		t.Run(name, func(t *testing.T) {
			work := func(n int) (visits, bytes float64) {
				var s story
				tell(&s, n)
				var e Engine
				if _, err := e.Fold(t.Context(), s.events, nil); err != nil {
					t.Fatal(err)
				}
				visits = float64(e.visits)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				folded, err := e.Fold(t.Context(), s.events, new(Trace))
				if err != nil || folded.ID != 1 {
					t.Fatal(err)
				}
				runtime.ReadMemStats(&after)
				return visits, float64(after.TotalAlloc - before.TotalAlloc)
			}
			visits, bytes := work(2000)
			visits4, bytes4 := work(8000)
			// A table that grows doubles, and may just have done so: that is less
			// than twice the growth of the events. Quadratic is sixteen times.
			if visits4 > 5*visits || bytes4 > 8*bytes {
				t.Errorf("four times the events: %.1f times the visits, %.1f times the bytes", visits4/visits, bytes4/bytes)
			}
		})
	}
}

// Sessions of a size at which quadratic work would take hours.
func TestLargeSessions(t *testing.T) {
	for name, tell := range growing {
		t.Run(name, func(t *testing.T) {
			var s story
			tell(&s, 100_000)
			unique, _, err := Order(t.Context(), s.events)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := new(Engine).Fold(t.Context(), unique, nil); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Legs of a large session count what those of a small one would.
func TestMessagesOfACrowd(t *testing.T) {
	const n = 20_000
	var s story
	growing["messages to everybody"](&s, n)
	folded, err := new(Engine).Fold(t.Context(), s.events, nil)
	if err != nil || len(folded.Legs) != n+1 {
		t.Fatalf("%d legs (%v)", len(folded.Legs), err)
	}
	for i := range folded.Legs {
		// Of 20,000 messages every third is by the customer, the technician (the
		// lead, who is not named) and the system: 6667, 6667 and 6666.
		want := [3]int64{6667, 0, 6666}
		if i == 0 {
			want[1] = 6667
		}
		l := &folded.Legs[i]
		if got := [3]int64{l.CustomerMessages, l.TechnicianMessages, l.SystemMessages}; got != want {
			t.Fatalf("leg %d has %d messages, want %d", i, got, want)
		}
	}
}

// Folding and sorting ask their context, early and late.
func TestInterrupted(t *testing.T) {
	var s story
	growing["legs that are reopened"](&s, 5*interruptEvery)
	shuffled := slices.Clone(s.events)
	slices.Reverse(shuffled)
	for asked := range 3 {
		ctx := &interrupttest.Countdown{Context: t.Context(), Left: asked}
		if _, err := new(Engine).Fold(ctx, s.events, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("asked %d times, folding ended with %v", asked, err)
		}
		ctx = &interrupttest.Countdown{Context: t.Context(), Left: asked}
		if _, _, err := Order(ctx, slices.Clone(shuffled)); !errors.Is(err, context.Canceled) {
			t.Errorf("asked %d times, sorting ended with %v", asked, err)
		}
	}
	all := &interrupttest.Countdown{Context: t.Context(), Left: 1 << 30}
	if _, err := new(Engine).Fold(all, s.events, nil); err != nil {
		t.Error(err)
	}
	if asked := 1<<30 - all.Left; asked < len(s.events)/interruptEvery {
		t.Errorf("for %d events the context was asked %d times", len(s.events), asked)
	}
}
