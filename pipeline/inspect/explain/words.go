package explain

import (
	"fmt"
	"strconv"
	"strings"

	"daybook/pipeline/words"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/session"
)

// Event is an event in a few words.
func Event(e *event.Event, p words.Printer) string {
	texts := []string{p.CodeText(e.Type.String())}
	if e.Type == event.ExportedRow {
		texts[0] = p.T("row of an export")
	}
	add := func(s string) {
		if s != "" {
			texts = append(texts, s)
		}
	}
	add(Status(e.Status, p))
	add(p.CodeText(e.Signal.String()))
	add(SessionType(e.SessionType, p))
	if e.Sender != 0 && e.TechnicianID == 0 {
		add(p.T("by %s", p.CodeText(e.Sender.String())))
	}
	if e.Type == event.ToolUsed {
		add(e.Tool)
	}
	add(p.CodeText(e.Resolution.String()))
	if e.By != 0 {
		add(p.T("by %s", p.CodeText(e.By.String())))
	}
	if e.Technician.ID != 0 {
		add(p.T("technician %s", Named(e.Technician.Name, e.Technician.ID)))
	}
	if e.TechnicianID != 0 {
		technician := p.T("technician %s", strconv.FormatInt(e.TechnicianID, 10))
		if e.Sender != 0 {
			technician = p.T("by %s", technician)
		}
		add(technician)
	}
	if to := e.TransferredTo.Name; to != "" {
		add(p.T("to %s", short(to)))
	}
	return strings.Join(texts, " ")
}

// Status is the code of a status, and in Dutch its name in reports.
func Status(s event.Status, p words.Printer) string {
	if p.Language == report.English {
		return s.String()
	}
	return report.StatusIn(s, p.Language)
}

// SessionType is the code of a session type, and in Dutch its name in reports.
func SessionType(t event.SessionType, p words.Printer) string {
	if p.Language == report.English {
		return t.String()
	}
	return report.SessionTypeIn(t, p.Language)
}

// Named writes the name and the id of a person or thing; the name may be empty.
func Named(name string, id int64) string {
	if name == "" {
		return fmt.Sprint(id)
	}
	return fmt.Sprintf("%s (%d)", short(name), id)
}

// Technician writes the name and the id of a leg's technician.
func Technician(l *session.Leg, p words.Printer) string {
	if l.Technician.ID == 0 {
		return p.T("no technician")
	}
	return Named(l.Technician.Name, l.Technician.ID)
}

// short cuts a text that people typed to a length that fits a line.
func short(s string) string {
	const most = 28
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

// State is the status after a step, and the presence in each open leg that has
// started.
func State(step *session.Step, p words.Printer) string {
	text := Status(step.Status, p)
	for _, l := range step.Legs {
		if l.Started {
			text += "; " + p.T("leg %d %s", l.Leg, presenceText(&l, p))
		}
	}
	if more := step.OpenLegs - len(step.Legs); more > 0 {
		text += "; " + p.T("and %d more open legs", more)
	}
	return text
}

// presenceText says what a leg's technician was doing, by the signals.
func presenceText(l *session.LegState, p words.Printer) string {
	texts := Signals(l, p)
	switch {
	case l.Working:
		texts = append([]string{p.T("working")}, texts...)
	case l.InAction:
		texts = append([]string{p.T("in action")}, texts...)
	case len(texts) == 0:
		return p.T("present")
	}
	return strings.Join(texts, ", ")
}

// Signals are the signals of a leg that differ from those at its start: link up,
// available, tab selected, console in the foreground, own window inactive.
func Signals(l *session.LegState, p words.Printer) []string {
	var signals []string
	for _, s := range []struct {
		is   bool
		text string
	}{
		{!l.Link, p.T("link down")}, {!l.Available, p.T("away")}, {!l.Tab, p.T("tab deselected")},
		{!l.Console, p.T("console in the background")}, {l.Window, p.T("own window active")},
	} {
		if s.is {
			signals = append(signals, s.text)
		}
	}
	return signals
}

// Notes are the other consequences of an event: anomalies, and legs that it removed
// and opened.
func Notes(step *session.Step, p words.Printer) []string {
	var notes []string
	for _, f := range step.Anomalies {
		notes = append(notes, "! "+p.CodeText(f.Anomaly.String())+": "+p.T(f.Why))
	}
	for _, r := range step.Removed {
		notes = append(notes, "- "+p.T("leg %d removed by %s; the status before was %s", r.Leg, p.CodeText(r.By.String()), Status(r.Before, p)))
	}
	for _, i := range step.Opened {
		notes = append(notes, "+ "+p.T("leg %d opened", i))
	}
	return notes
}

// whyStart, and the functions after it, give the keys of texts.
func whyStart(l *session.Leg) string {
	switch {
	case l.Start == session.Unknown:
		return "the session was never active with this leg as its lead"
	case l.Role == session.Collaborator:
		return "a collaborator's leg starts when it opens"
	}
	return "the session first was active with this leg as its lead"
}

func whyEnd(l *session.Leg, r *session.Removal, removedAt int64) string {
	switch {
	case l.End == session.Unknown:
		return "neither ended nor removed yet"
	case r == nil || l.End < removedAt:
		return "the session last went from a status that is no ending to one that is"
	case !r.Before.Ending() && l.Status.Ending():
		return "the session came to an ending status, which removed the leg"
	}
	return "the leg was removed"
}

// whyNoWrapUp explains a wrap-up time that is zero or unknown.
func whyNoWrapUp(l *session.Leg, r *session.Removal, p words.Printer) string {
	switch {
	case r == nil:
		return p.T("the leg is not removed yet")
	case r.By == event.ByTransfer:
		return p.T("removed by transfer or handover: nothing to wrap up")
	case r.NoWrapUp():
		return p.T("removed by a technician while %s: nothing to wrap up", Status(r.Before, p))
	case l.WrapUp == session.Unknown:
		return p.T("no customer or technician message came while the leg was open")
	}
	return p.T("the last message came in the millisecond of the removal")
}
