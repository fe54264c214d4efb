package explain

import (
	"fmt"
	"strings"
	"time"

	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/session"
)

// Formatter puts an explanation into words, with times by the clock of a zone.
type Formatter struct {
	*Explanation
	Zone *time.Location

	dated bool // the session lasts over a midnight: times need their date
}

// NewFormatter formats an explanation.
func NewFormatter(e *Explanation, zone *time.Location) *Formatter {
	f := &Formatter{Explanation: e, Zone: zone}
	f.dated = day.Of(f.First(), zone) != day.Of(e.Session.LastEvent, zone)
	return f
}

// First is the time of the session's first event, in milliseconds since the Unix
// epoch.
func (f *Formatter) First() int64 { return f.Trace.Steps[0].Event.Millis() }

// Number is one of a leg's times and durations, and how it came to be.
type Number struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Why   string `json:"why"`
}

// Numbers are the times and durations of a leg, in the order of the report's columns.
func (f *Formatter) Numbers(l *session.Leg) []Number {
	removal, removedAt := f.Trace.Removal(l.Number)
	numbers := []Number{
		{"Begin", f.Moment(l.Begin), "the leg opened"},
		{"Start", f.known(l.Start), whyStart(l)},
		{"End", f.known(l.End), whyEnd(l, removal, removedAt)},
		{"Last action", f.known(l.LastAction), "being in action last ended"},
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
		why := f.spans(l.Number, m.measure)
		if m.measure == session.WrapUp && why == "" {
			why = whyNoWrapUp(l, removal)
		}
		numbers = append(numbers, Number{capital(m.measure.String()), Duration(m.value), why})
	}
	numbers = append(numbers,
		Number{"Total", Duration(l.Total()), "active + hold + transfer + rebooting + reconnecting"},
		Number{"In action", "", f.spans(l.Number, session.InAction)},
		Number{"Messages", fmt.Sprint(l.CustomerMessages + l.TechnicianMessages + l.SystemMessages),
			fmt.Sprintf("%d by the customer, %d by the technician, %d by the system", l.CustomerMessages, l.TechnicianMessages, l.SystemMessages)})
	if l.Exported != nil {
		for i := range numbers {
			numbers[i].Why = fromExport
		}
	}
	return numbers
}

// fromExport is how the numbers of a row of an export came to be.
const fromExport = "from an export; no events"

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// mostSpans bounds a list of spans: a session can have as many as events.
const mostSpans = 1000

// spans lists the intervals that a measure adds up.
func (f *Formatter) spans(leg int, m session.Measure) string {
	var texts []string
	for s := range f.Trace.Spans(leg, m) {
		if len(texts) == mostSpans {
			texts = append(texts, "…")
			break
		}
		texts = append(texts, fmt.Sprintf("%s to %s", f.Moment(s.From), f.Moment(s.To)))
	}
	return strings.Join(texts, ", ")
}

func (f *Formatter) known(ms int64) string {
	if ms == session.Unknown {
		return "unknown"
	}
	return f.Moment(ms)
}

// Moment writes a time of the session by the clock of the zone. It has its date if
// the session lasts over a midnight.
func (f *Formatter) Moment(ms int64) string {
	if f.dated {
		return f.Date(ms)
	}
	return time.UnixMilli(ms).In(f.Zone).Format("15:04:05.000")
}

// Date writes a time of the session with its date.
func (f *Formatter) Date(ms int64) string {
	return time.UnixMilli(ms).In(f.Zone).Format("2006-01-02 15:04:05.000")
}

// Duration writes a duration in milliseconds as h:mm:ss, with a fraction if it has
// one.
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
