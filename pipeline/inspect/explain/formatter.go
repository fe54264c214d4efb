package explain

import (
	"fmt"
	"strings"
	"time"

	"daybook/pipeline/words"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/session"
)

// Formatter puts an explanation into the words of a language, with times by the clock
// of a zone.
type Formatter struct {
	*Explanation
	words.Printer
	Zone *time.Location

	dated bool // the session lasts over a midnight: times need their date
}

// NewFormatter formats an explanation.
func NewFormatter(e *Explanation, zone *time.Location, p words.Printer) *Formatter {
	f := &Formatter{Explanation: e, Printer: p, Zone: zone}
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
		{f.T("Begin"), f.Moment(l.Begin), f.T("the leg opened")},
		{f.T("Start"), f.known(l.Start), f.T(whyStart(l))},
		{f.T("End"), f.known(l.End), f.T(whyEnd(l, removal, removedAt))},
		{f.T("Last action"), f.known(l.LastAction), f.T("being in action last ended")},
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
			why = whyNoWrapUp(l, removal, f.Printer)
		}
		numbers = append(numbers, Number{f.T(words.Capital(m.measure.String())), f.Duration(m.value), why})
	}
	numbers = append(numbers,
		Number{f.T("Total"), f.Duration(l.Total()), f.T("active + hold + transfer + rebooting + reconnecting")},
		Number{f.T("In action"), "", f.spans(l.Number, session.InAction)},
		Number{f.T("Messages"), fmt.Sprint(l.CustomerMessages + l.TechnicianMessages + l.SystemMessages),
			f.T("%d by the customer, %d by the technician, %d by the system", l.CustomerMessages, l.TechnicianMessages, l.SystemMessages)})
	if l.Exported != nil {
		for i := range numbers {
			numbers[i].Why = f.T("from an export; no events")
		}
	}
	return numbers
}

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
		texts = append(texts, f.Between(f.Moment(s.From), f.Moment(s.To)))
	}
	return strings.Join(texts, ", ")
}

// Between writes an interval of two times.
func (f *Formatter) Between(from, to string) string { return from + " " + f.T("to") + " " + to }

func (f *Formatter) known(ms int64) string {
	if ms == session.Unknown {
		return f.T("unknown")
	}
	return f.Moment(ms)
}

// Moment writes a time of the session by the clock of the zone. It has its date if
// the session lasts over a midnight.
func (f *Formatter) Moment(ms int64) string {
	if f.dated {
		return f.Dated(ms)
	}
	return time.UnixMilli(ms).In(f.Zone).Format("15:04:05.000")
}

// Dated writes a time of the session with its date.
func (f *Formatter) Dated(ms int64) string {
	return time.UnixMilli(ms).In(f.Zone).Format("2006-01-02 15:04:05.000")
}

// Duration writes a duration in milliseconds as h:mm:ss, with a fraction if it has one.
func (f *Formatter) Duration(ms int64) string {
	if ms == session.Unknown {
		return f.T("unknown")
	}
	b := report.AppendDuration(nil, ms)
	if ms%1000 != 0 {
		b = fmt.Appendf(b, ".%03d", ms%1000)
	}
	return string(b)
}
