package session

import "daybook/transform/event"

// Measure is one of a leg's durations.
type Measure uint8

// The measures, in the order of the report's columns. InAction has no column;
// its last end is the last action time.
const (
	InConnecting Measure = iota
	InWaiting
	InActive
	InHold
	InTransfer
	InRebooting
	InReconnecting
	InOther
	InWork
	InAction
	FirstChat
	WrapUp
	NumMeasures = iota
)

var measureNames = [NumMeasures]string{
	"connecting", "waiting", "active", "hold", "transfer", "rebooting", "reconnecting",
	"other", "work", "in action", "time to first chat", "wrap-up",
}

func (m Measure) String() string { return measureNames[m] }

// A Trace records how a session's numbers are computed. Pass an empty Trace to
// [Engine.Fold].
type Trace struct {
	Steps []Step
	Spans []Span
}

// Step is one event and its effects.
type Step struct {
	Event     event.Event
	Status    event.Status // after the event
	Legs      []LegState   // the open legs after the event
	Opened    []int
	Removed   []Removal
	Anomalies []Finding
	legs      int // number of legs before the event
}

// LegState is an open leg after an event.
type LegState struct {
	Leg        int
	Technician event.Person
	Started    bool
	Link       bool
	Available  bool
	Tab        bool
	Console    bool
	Window     bool
	Working    bool // time that passes now counts as work
	InAction   bool
}

// Removal is a leg that an event removed, with the actor and the session's
// status just before the event.
type Removal struct {
	Leg    int
	By     event.Actor
	Before event.Status
}

// NoWrapUp reports whether the wrap-up time is 0: the removal is a transfer or
// handover, or a technician removed the leg while the session was active,
// offline, rebooting or reconnecting (REPORT.md, "Wrap-up").
func (r *Removal) NoWrapUp() bool {
	switch r.By {
	case event.ByTransfer:
		return true
	case event.ByTechnician:
		switch r.Before {
		case event.Active, event.Offline, event.Rebooting, event.Reconnecting:
			return true
		}
	}
	return false
}

// Finding is an anomaly and its reason.
type Finding struct {
	Anomaly Anomaly
	Why     string
}

// Span is the time [From, To) that counts to a measure of a leg.
type Span struct {
	Leg      int
	Measure  Measure
	From, To int64
}

func (t *Trace) begin(ev *event.Event) {
	legs := 0
	if n := len(t.Steps); n > 0 {
		legs = t.Steps[n-1].legs
	}
	t.Steps = append(t.Steps, Step{Event: *ev, legs: legs})
}

func (t *Trace) step() *Step { return &t.Steps[len(t.Steps)-1] }

func (t *Trace) end(e *Engine) {
	s := t.step()
	s.Status = e.status
	for ; s.legs < len(e.session.Legs); s.legs++ {
		s.Opened = append(s.Opened, s.legs)
	}
	for _, i := range e.open {
		l, p := &e.session.Legs[i], e.legs[i].presence
		started := l.Start != Unknown
		active := started && e.status == event.Active
		s.Legs = append(s.Legs, LegState{
			Leg: i, Technician: l.Technician, Started: started,
			Link: p.link, Available: p.available, Tab: p.tab, Console: p.console, Window: p.window,
			Working: active && p.working(), InAction: active && p.acting(),
		})
	}
}

func (t *Trace) removed(r Removal) {
	s := t.step()
	s.Removed = append(s.Removed, r)
}

func (t *Trace) anomaly(a Anomaly, why string) {
	s := t.step()
	s.Anomalies = append(s.Anomalies, Finding{Anomaly: a, Why: why})
}

// span adds the time from..to. If it continues the last span of the same leg
// and measure, it extends that span.
func (t *Trace) span(leg int, m Measure, from, to int64) {
	if from == to {
		return
	}
	for i := len(t.Spans) - 1; i >= 0; i-- {
		if s := &t.Spans[i]; s.Leg == leg && s.Measure == m {
			if s.To == from {
				s.To = to
				return
			}
			break
		}
	}
	t.Spans = append(t.Spans, Span{Leg: leg, Measure: m, From: from, To: to})
}
