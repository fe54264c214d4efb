// Package explain puts into words what [pipeline.Explain] and
// [pipeline.Runner.Tell] find: the events of one session, the state after each,
// and how each number of its legs came to be. The command line and the console
// tell the same with it.
package explain

import (
	"fmt"
	"strings"
	"time"

	"daybook/pipeline"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/session"
)

// A Teller tells one session in a time zone.
type Teller struct {
	*pipeline.Explanation
	Zone *time.Location

	days bool // the session lasts over a midnight: times need their date
}

// NewTeller tells what was explained.
func NewTeller(told *pipeline.Explanation, zone *time.Location) *Teller {
	t := &Teller{Explanation: told, Zone: zone}
	t.days = day.Of(t.First(), zone) != day.Of(told.Session.LastEvent, zone)
	return t
}

// First is when the session's first event happened.
func (t *Teller) First() int64 { return t.Trace.Steps[0].Event.Millis() }

// Number is one of a leg's times and durations, and how it came to be.
type Number struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Why   string `json:"why"`
}

// Numbers are those of a leg, in the order of the report's columns.
func (t *Teller) Numbers(l *session.Leg) []Number {
	removal, removedAt := t.Trace.Removal(l.Number)
	numbers := []Number{
		{"Begin", t.Moment(l.Begin), "the leg opened"},
		{"Start", t.known(l.Start), whyStart(l)},
		{"End", t.known(l.End), whyEnd(l, removal, removedAt)},
		{"Last action", t.known(l.LastAction), "being in action last ended"},
	}
	for _, m := range []struct {
		measure session.Measure
		value   int64
	}{
		{session.InConnecting, l.Connecting}, {session.InWaiting, l.Waiting}, {session.InActive, l.Active},
		{session.InHold, l.Hold}, {session.InTransfer, l.Transfer}, {session.InRebooting, l.Rebooting},
		{session.InReconnecting, l.Reconnecting}, {session.InOther, l.Other}, {session.InWork, l.Work},
		{session.FirstChat, l.TimeToFirstChat}, {session.WrapUp, l.WrapUp},
	} {
		why := t.spans(l.Number, m.measure)
		if m.measure == session.WrapUp && why == "" {
			why = whyNoWrapUp(l, removal)
		}
		numbers = append(numbers, Number{capital(m.measure.String()), Duration(m.value), why})
	}
	return append(numbers,
		Number{"Total", Duration(l.Total()), "active + hold + transfer + rebooting + reconnecting"},
		Number{"In action", "", t.spans(l.Number, session.InAction)},
		Number{"Messages", fmt.Sprint(l.CustomerMessages + l.TechnicianMessages + l.SystemMessages),
			fmt.Sprintf("%d by the customer, %d by the technician, %d by the system", l.CustomerMessages, l.TechnicianMessages, l.SystemMessages)})
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// mostSpans bounds a list of spans: a session can have as many as events.
const mostSpans = 1000

// spans lists the stretches of time that a measure is made of.
func (t *Teller) spans(leg int, m session.Measure) string {
	var texts []string
	for s := range t.Trace.Spans(leg, m) {
		if len(texts) == mostSpans {
			texts = append(texts, "…")
			break
		}
		texts = append(texts, fmt.Sprintf("%s to %s", t.Moment(s.From), t.Moment(s.To)))
	}
	return strings.Join(texts, ", ")
}

func (t *Teller) known(ms int64) string {
	if ms == session.Unknown {
		return "unknown"
	}
	return t.Moment(ms)
}

// Moment writes a moment of the session by the clock of the zone, with its date
// where the session lasts over a midnight.
func (t *Teller) Moment(ms int64) string {
	if t.days {
		return t.Date(ms)
	}
	return time.UnixMilli(ms).In(t.Zone).Format("15:04:05.000")
}

// Date writes a moment with its date.
func (t *Teller) Date(ms int64) string {
	return time.UnixMilli(ms).In(t.Zone).Format("2006-01-02 15:04:05.000")
}

// Duration writes a duration with its milliseconds, where it has any.
func Duration(ms int64) string {
	if ms == session.Unknown {
		return "unknown"
	}
	b := report.AppendDuration(nil, ms)
	if ms%1000 != 0 {
		b = fmt.Appendf(b, ".%03d", ms%1000)
	}
	return string(b)
}
