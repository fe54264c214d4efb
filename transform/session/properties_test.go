package session

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"daybook/transform/event"
	"daybook/transform/internal/hostile"
)

// fold folds a copy of events, and returns a copy of the session.
func fold(events []event.Event, trace *Trace) *Session {
	unique, _, err := Order(context.Background(), slices.Clone(events))
	if err != nil {
		panic(err)
	}
	s, err := new(Engine).Fold(context.Background(), unique, trace)
	if err != nil {
		panic(err)
	}
	return s
}

// sessions is how many hostile sessions each property is tried on.
const sessions = 20_000

func TestHostileSessions(t *testing.T) {
	for seed := range uint64(sessions) {
		r := rand.New(rand.NewPCG(seed, 0))
		events := hostile.Session(r, 1)
		s := fold(events, nil)
		for i := range s.Legs {
			checkLeg(t, s, &s.Legs[i])
		}
		checkLegs(t, s)

		// Order and duplication do not matter.
		again := slices.Clone(events)
		for range r.IntN(5) {
			again = append(again, events[r.IntN(len(events))])
		}
		r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if s2 := fold(again, nil); !reflect.DeepEqual(s, s2) {
			t.Errorf("another order, or repeated events, give other legs\n%+v\n%+v", s, s2)
		}

		// Being watched does not matter, and what is told adds up.
		var trace Trace
		if s3 := fold(events, &trace); !reflect.DeepEqual(s, s3) {
			t.Errorf("a traced fold gives other legs\n%+v\n%+v", s, s3)
		}
		checkTrace(t, s, &trace)
		checkBeginning(t, s, &trace, 1+r.IntN(len(trace.Steps)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// checkLeg holds one leg against REPORT.md, "Times of a leg".
func checkLeg(t *testing.T, s *Session, l *Leg) {
	t.Helper()
	lastKnown := s.LastEvent
	if l.End != Unknown {
		lastKnown = l.End
	}
	buckets := l.Total() + l.Other
	for name, d := range map[string]int64{
		"connecting": l.Connecting, "waiting": l.Waiting, "active": l.Active, "work": l.Work, "hold": l.Hold,
		"transfer": l.Transfer, "rebooting": l.Rebooting, "reconnecting": l.Reconnecting, "other": l.Other,
	} {
		if d < 0 {
			t.Errorf("leg %d: %s is %d", l.Number, name, d)
		}
	}
	switch {
	case l.Start == Unknown && (buckets != 0 || l.Work != 0 || l.LastAction != Unknown):
		t.Errorf("leg %d never started, and counts %d ms, work %d", l.Number, buckets, l.Work)
	case l.Start != Unknown && buckets != lastKnown-l.Start:
		t.Errorf("leg %d: the buckets hold %d ms of %d", l.Number, buckets, lastKnown-l.Start)
	}
	if l.Work > l.Active || l.Active > l.Total() {
		t.Errorf("leg %d: work %d, active %d, total %d", l.Number, l.Work, l.Active, l.Total())
	}
	if l.Start != Unknown && l.Start < l.Begin || l.End != Unknown && (l.End < l.Begin || l.End < l.Start) {
		t.Errorf("leg %d: begin %d, start %d, end %d", l.Number, l.Begin, l.Start, l.End)
	}
	if l.Final && l.End == Unknown {
		t.Errorf("leg %d was removed and has no end", l.Number)
	}
	if !l.Final && l.WrapUp != Unknown {
		t.Errorf("leg %d is open and has a wrap-up time", l.Number)
	}
	if l.Role == Collaborator && (l.Start != l.Begin || l.Connecting != 0 || l.Waiting != 0 || l.TimeToFirstChat != Unknown) {
		t.Errorf("collaborator leg %d: %+v", l.Number, *l)
	}
	if l.LastAction != Unknown && (l.LastAction <= l.Start || l.LastAction > s.LastEvent) {
		t.Errorf("leg %d: last action at %d, start %d, last event %d", l.Number, l.LastAction, l.Start, s.LastEvent)
	}
	if l.Status == 0 {
		t.Errorf("leg %d has no status", l.Number)
	}
}

// checkLegs holds a session's legs against each other.
func checkLegs(t *testing.T, s *Session) {
	t.Helper()
	openLeads, openBy := 0, map[int64]int{}
	for i, l := range s.Legs {
		if l.Number != i || i > 0 && l.Begin < s.Legs[i-1].Begin {
			t.Errorf("leg %d is number %d, begun at %d", i, l.Number, l.Begin)
		}
		if l.Final {
			continue
		}
		if l.Role == Lead {
			openLeads++
		}
		if id := l.Technician.ID; id != 0 {
			openBy[id]++
			if openBy[id] > 1 {
				t.Errorf("technician %d has %d open legs", id, openBy[id])
			}
		}
	}
	if openLeads > 1 || openLeads == 0 && len(openBy) > 0 {
		t.Errorf("%d open leads, open legs by technician %v", openLeads, openBy)
	}
}

// checkTrace: the spans of each measure add up to the leg's number.
func checkTrace(t *testing.T, s *Session, trace *Trace) {
	t.Helper()
	sums := make([][NumMeasures]int64, len(s.Legs))
	actionEnded := make([]int64, len(s.Legs)) // being in action may go on after it
	for i := range actionEnded {
		actionEnded[i] = Unknown
	}
	for leg := range s.Legs {
		for m := range Measure(NumMeasures) {
			last := int64(Unknown)
			for span := range trace.Spans(leg, m) {
				if span.Leg != leg || span.Measure != m || span.From >= span.To || span.From <= last {
					t.Errorf("leg %d, %s: a span %+v after %d", leg, m, span, last)
				}
				last = span.To
				sums[leg][m] += span.To - span.From
				if m == InAction && span.To <= s.Legs[leg].LastAction {
					actionEnded[leg] = span.To
				}
			}
		}
	}
	for i, l := range s.Legs {
		want := [NumMeasures]int64{
			l.Connecting, l.Waiting, l.Active, l.Hold, l.Transfer, l.Rebooting, l.Reconnecting, l.Other, l.Work,
			sums[i][InAction], max(l.TimeToFirstChat, 0), max(l.WrapUp, 0),
		}
		if sums[i] != want {
			t.Errorf("leg %d: the spans sum up to %v, not %v", i, sums[i], want)
		}
		if l.LastAction != actionEnded[i] {
			t.Errorf("leg %d: last action at %d, but being in action ended at %d", i, l.LastAction, actionEnded[i])
		}
	}
	if len(trace.Steps) == 0 {
		t.Error("no steps")
	}
	opened, removed, anomalies := 0, 0, Anomalies{}
	for _, step := range trace.Steps {
		opened += len(step.Opened)
		removed += len(step.Removed)
		for _, f := range step.Anomalies {
			anomalies[f.Anomaly]++
		}
	}
	final := 0
	for _, l := range s.Legs {
		if l.Final {
			final++
		}
	}
	if opened != len(s.Legs) || removed != final || anomalies != s.Anomalies {
		t.Errorf("the steps open %d of %d legs, remove %d of %d, find %v of %v", opened, len(s.Legs), removed, final, anomalies, s.Anomalies)
	}
}

// checkBeginning: the beginning of a trace has the spans of the whole trace until
// its last step. Spans that a leg has once may differ.
func checkBeginning(t *testing.T, s *Session, trace *Trace, steps int) {
	t.Helper()
	legs := (len(s.Legs) + 1) / 2
	beginning := trace.Beginning(legs, steps)
	if len(beginning.Steps) != steps || len(beginning.legs) != legs {
		t.Errorf("%d steps and %d legs, want %d and %d", len(beginning.Steps), len(beginning.legs), steps, legs)
	}
	last := trace.Steps[steps-1].Event.Millis()
	for leg := range legs {
		for m := range Measure(NumMeasures) {
			var want []Span
			for span := range trace.Spans(leg, m) {
				if countsTo(m) != nil {
					span.To = min(span.To, last)
				}
				if span.From < span.To {
					want = append(want, span)
				}
			}
			if got := slices.Collect(beginning.Spans(leg, m)); !slices.Equal(got, want) {
				t.Errorf("leg %d, %s until %d: %v, want %v", leg, m, last, got, want)
			}
		}
		var want []PresenceSpan
		for p := range trace.Presences(leg) {
			if p.To = min(p.To, last); p.From < p.To {
				want = append(want, p)
			}
		}
		if got := slices.Collect(beginning.Presences(leg)); !slices.Equal(got, want) {
			t.Errorf("leg %d, presences until %d: %v, want %v", leg, last, got, want)
		}
	}
}

// Copies of an event that differ in content alone: which one counts does not
// depend on which came first.
func TestOrderAmongCopies(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		copies := make([]event.Event, 3)
		for i := range copies {
			copies[i] = hostile.Event(r)
			copies[i].ID, copies[i].SessionID, copies[i].TS = "same", 1, hostile.Start
		}
		first, n, _ := Order(t.Context(), slices.Clone(copies))
		if n != 2 {
			t.Fatalf("seed %d: %d duplicates", seed, n)
		}
		want := fmt.Sprintf("%+v %+v", first[0], first[0].Details)
		slices.Reverse(copies)
		other, _, _ := Order(t.Context(), copies)
		if got := fmt.Sprintf("%+v %+v", other[0], other[0].Details); deref(&first[0]) != deref(&other[0]) {
			t.Fatalf("seed %d: %s, but in another order %s", seed, want, got)
		}
	}
}

func deref(e *event.Event) string {
	c := *e
	d := event.Details{}
	if c.Details != nil {
		d = *c.Details
	}
	c.Details = nil
	return fmt.Sprintf("%+v %+v", c, d)
}

// chosen is a source of randomness that a fuzzer steers: each number's high
// bits, which decide, are a byte of its input.
type chosen struct {
	bytes []byte
	low   uint64
}

func (c *chosen) Uint64() uint64 {
	c.low += 0x9E3779B97F4A7C15
	high := uint64(0)
	if len(c.bytes) > 0 {
		high, c.bytes = uint64(c.bytes[0]), c.bytes[1:]
	}
	return high<<56 | c.low>>8
}

func FuzzFold(f *testing.F) {
	for seed := range uint64(20) {
		b := make([]byte, 400)
		r := rand.New(rand.NewPCG(seed, 2))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		events := hostile.Session(rand.New(&chosen{bytes: b}), 1)
		var trace Trace
		s := fold(events, &trace)
		for i := range s.Legs {
			checkLeg(t, s, &s.Legs[i])
		}
		checkLegs(t, s)
		checkTrace(t, s, &trace)
		slices.Reverse(events)
		if again := fold(events, nil); !reflect.DeepEqual(s, again) {
			t.Errorf("another order gives other legs\n%+v\n%+v", s, again)
		}
	})
}
