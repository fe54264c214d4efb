package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"daybook/sources/dump"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/session"
)

// Delivery is an event of a session, and where it was read.
type Delivery struct {
	Event    event.Event
	Input    string // the dump
	Line     int64
	Repeated bool // another delivery of the same event counts
}

// Explanation is one session told.
type Explanation struct {
	Session    *session.Session
	Trace      *session.Trace // its steps are the deliveries that are not repeated
	Deliveries []Delivery     // in the contract's order
}

// Explain reads the inputs of x and tells the session with that id.
func Explain(ctx context.Context, x *Extraction, id int64) (*Explanation, error) {
	var mu sync.Mutex
	var deliveries []Delivery
	_, err := x.read(ctx, func() taker {
		return func(input int, line int64, e *event.Event) error {
			if e.SessionID != id {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			deliveries = append(deliveries, Delivery{Event: *e, Input: x.Inputs[input].Name, Line: line})
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	if len(deliveries) == 0 {
		return nil, fmt.Errorf("session %d has no events in the %d dumps that were read; look at other days, or check the id", id, len(x.Inputs))
	}
	return told(ctx, deliveries)
}

// told tells the session that the deliveries are of.
func told(ctx context.Context, deliveries []Delivery) (*Explanation, error) {
	// They were read side by side: put equal deliveries in the order of their
	// places, so that the same one is told to count every time.
	slices.SortFunc(deliveries, func(a, b Delivery) int {
		return cmp.Or(session.Compare(a.Event, b.Event), cmp.Compare(a.Input, b.Input), cmp.Compare(a.Line, b.Line))
	})
	seen := map[string]bool{}
	events := make([]event.Event, len(deliveries))
	for i := range deliveries {
		d := &deliveries[i]
		events[i] = d.Event
		d.Repeated = seen[d.Event.ID]
		seen[d.Event.ID] = true
	}
	unique, _, err := session.Order(ctx, events)
	if err != nil {
		return nil, err
	}
	trace := new(session.Trace)
	s, err := new(session.Engine).Fold(ctx, unique, trace)
	if err != nil {
		return nil, err
	}
	return &Explanation{Session: s, Trace: trace, Deliveries: deliveries}, nil
}

// Inputs reads the dumps that the report days from to to are made from: those
// of their window.
func (r *Runner) Inputs(ctx context.Context, from, to day.Day) (*Extraction, error) {
	x := &Extraction{Workers: r.Workers, MaxRejected: 1, Progress: r.Progress}
	for _, d := range daysOf(r.Window(from, to)) {
		listing, err := dump.ListDay(ctx, r.Source, r.Template, d)
		if err != nil {
			return nil, err
		}
		x.Inputs = append(x.Inputs, r.inputs(listing.Dumps)...)
	}
	return x, nil
}
