package session

import (
	"cmp"
	"iter"
	"slices"

	"daybook/transform/event"
)

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
//
// Its size is proportional to the number of events. The spans of a leg can be
// more: [Trace.Spans] computes them on demand.
type Trace struct {
	Steps []Step

	legs     []legTrace // by number
	statuses []statusAt // after the last event of a millisecond, where it changed
	last     int64      // the session's last event
}

// Step is one event and its effects.
type Step struct {
	Event     event.Event
	Status    event.Status // after the event
	Legs      []LegState   // the open legs after the event, at most MaxStepLegs
	OpenLegs  int          // the number of open legs after the event
	Opened    []int
	Removed   []Removal
	Anomalies []Finding
}

// Beginning returns the first legs and steps, at most so many, and of these legs'
// time the part until the last of these steps. It shares memory with t.
func (t *Trace) Beginning(legs, steps int) *Trace {
	b := *t
	b.legs = slices.Clone(t.legs[:min(legs, len(t.legs))])
	if steps < len(t.Steps) {
		b.Steps = t.Steps[:steps]
		b.last = b.Steps[steps-1].Event.Millis()
	}
	for i := range b.legs {
		b.legs[i].until = min(b.legs[i].until, b.last)
	}
	return &b
}

// MaxStepLegs is the number of open legs in a Step. A session can have thousands,
// and as many events.
const MaxStepLegs = 16

// LegState is an open leg after an event.
type LegState struct {
	Leg     int
	Started bool
	Presence
	Working  bool // time that passes now counts as work
	InAction bool
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

// legTrace is what a Trace records of one leg.
type legTrace struct {
	removal     *Removal
	removedAt   int64
	from, until int64          // the counted time; Unknown: the leg never started
	spans       []legSpan      // of the measures that are no buckets, work or action
	presences   []PresenceSpan // without To
}

type legSpan struct {
	measure  Measure
	from, to int64
}

type statusAt struct {
	at     int64
	status event.Status
}

// PresenceSpan is a leg's presence in the time [From, To).
type PresenceSpan struct {
	Presence
	From, To int64
}

// Removal returns the removal of a leg and its time; nil if the leg is open.
func (t *Trace) Removal(leg int) (removal *Removal, at int64) {
	return t.legs[leg].removal, t.legs[leg].removedAt
}

// Presences yields the presences of a leg that started, from its start to its
// removal or the session's last event.
func (t *Trace) Presences(leg int) iter.Seq[PresenceSpan] {
	l := &t.legs[leg]
	until := t.last
	if l.removal != nil {
		until = min(until, l.removedAt)
	}
	return func(yield func(PresenceSpan) bool) {
		for i, p := range l.presences {
			p.To = until
			if i+1 < len(l.presences) {
				p.To = min(until, l.presences[i+1].From)
			}
			if p.From < p.To && !yield(p) {
				return
			}
		}
	}
}

// Spans yields the spans of one of a leg's measures, in order of time. They are
// not empty and do not touch.
func (t *Trace) Spans(leg int, m Measure) iter.Seq[Span] {
	counts := countsTo(m)
	if counts == nil {
		return t.recorded(leg, m)
	}
	return func(yield func(Span) bool) {
		span := Span{Leg: leg, Measure: m}
		for part := range t.parts(leg) {
			switch {
			case !counts(part.status, part.Presence):
				continue
			case span.To == part.From && span.From < span.To:
				span.To = part.To
				continue
			}
			if span.From < span.To && !yield(span) {
				return
			}
			span.From, span.To = part.From, part.To
		}
		if span.From < span.To {
			yield(span)
		}
	}
}

// countsTo returns the condition under which time counts to a measure; nil if the
// spans of the measure are recorded.
func countsTo(m Measure) func(event.Status, Presence) bool {
	switch m {
	case InActive, InHold, InTransfer, InRebooting, InReconnecting, InOther:
		return func(s event.Status, _ Presence) bool { return bucketOf(s) == m }
	case InWork:
		return func(s event.Status, p Presence) bool { return s == event.Active && p.working() }
	case InAction:
		return func(s event.Status, p Presence) bool { return s == event.Active && p.acting() }
	}
	return nil
}

// recorded yields the recorded spans of a measure.
func (t *Trace) recorded(leg int, m Measure) iter.Seq[Span] {
	return func(yield func(Span) bool) {
		for _, s := range t.legs[leg].spans {
			if s.measure == m && !yield(Span{leg, m, s.from, s.to}) {
				return
			}
		}
	}
}

// part is a time in which neither the session's status nor the leg's presence
// changes.
type part struct {
	status event.Status
	PresenceSpan
}

// parts yields the parts of a leg's counted time, which are not empty.
func (t *Trace) parts(leg int) iter.Seq[part] {
	l := &t.legs[leg]
	return func(yield func(part) bool) {
		if l.from == Unknown {
			return
		}
		// The status at from is that of the last change before or at it.
		at, _ := slices.BinarySearchFunc(t.statuses, l.from+1, func(s statusAt, ms int64) int { return cmp.Compare(s.at, ms) })
		at--
		for p, from := 0, l.from; from < l.until; {
			to := l.until
			if at+1 < len(t.statuses) {
				to = min(to, t.statuses[at+1].at)
			}
			if p+1 < len(l.presences) {
				to = min(to, l.presences[p+1].From)
			}
			if from < to && !yield(part{t.statuses[at].status, PresenceSpan{l.presences[p].Presence, from, to}}) {
				return
			}
			if at+1 < len(t.statuses) && t.statuses[at+1].at == to {
				at++
			}
			if p+1 < len(l.presences) && l.presences[p+1].From == to {
				p++
			}
			from = to
		}
	}
}

func (t *Trace) begin(ev *event.Event) { t.Steps = append(t.Steps, Step{Event: *ev}) }

func (t *Trace) step() *Step { return &t.Steps[len(t.Steps)-1] }

func (t *Trace) end(e *Engine) {
	s := t.step()
	s.Status, s.OpenLegs = e.status, len(t.legs)-len(e.removed.technicians)
	for i := e.first; i != none && len(s.Legs) < MaxStepLegs; i = e.legs[i].next {
		p := e.legs[i].presence
		started := e.session.Legs[i].Start != Unknown
		active := started && e.status == event.Active
		s.Legs = append(s.Legs, LegState{
			Leg: i, Started: started, Presence: p,
			Working: active && p.working(), InAction: active && p.acting(),
		})
	}
}

func (t *Trace) opened() {
	s := t.step()
	s.Opened = append(s.Opened, len(t.legs))
	t.legs = append(t.legs, legTrace{from: Unknown})
}

func (t *Trace) removed(r Removal) {
	s, l := t.step(), &t.legs[r.Leg]
	s.Removed = append(s.Removed, r)
	l.removal, l.removedAt = &r, s.Event.Millis()
}

func (t *Trace) anomaly(a Anomaly, why string) {
	s := t.step()
	s.Anomalies = append(s.Anomalies, Finding{Anomaly: a, Why: why})
}

// status records the session's status after the last event of a millisecond.
func (t *Trace) status(s event.Status, now int64) {
	if n := len(t.statuses); n == 0 || t.statuses[n-1].status != s {
		t.statuses = append(t.statuses, statusAt{now, s})
	}
}

// presence records the presence of a leg that started, after the last event of
// a millisecond.
func (t *Trace) presence(leg int, p Presence, now int64) {
	l := &t.legs[leg]
	if n := len(l.presences); n == 0 || l.presences[n-1].Presence != p {
		l.presences = append(l.presences, PresenceSpan{Presence: p, From: now})
	}
}

// finished records the counted time of a leg: from its start to its end, or last
// known.
func (t *Trace) finished(l *Leg, lastKnown int64) {
	if l.Start == Unknown {
		return
	}
	leg := &t.legs[l.Number]
	leg.from, leg.until = l.Start, lastKnown
	if l.End != Unknown {
		leg.until = l.End
	}
}

// span records a span that is not empty.
func (t *Trace) span(leg int, m Measure, from, to int64) {
	if from < to {
		t.legs[leg].spans = append(t.legs[leg].spans, legSpan{m, from, to})
	}
}
