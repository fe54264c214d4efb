package explain

import (
	"fmt"
	"strings"

	"daybook/transform/event"
	"daybook/transform/session"
)

// Event is an event in a few words.
func Event(e *event.Event) string {
	words := []string{e.Type.String()}
	if e.Type == event.ExportedRow {
		words[0] = "row of an export"
	}
	add := func(s string) {
		if s != "" {
			words = append(words, s)
		}
	}
	add(e.Status.String())
	add(e.Signal.String())
	add(e.SessionType.String())
	if e.Sender != 0 && e.TechnicianID == 0 {
		add("by " + e.Sender.String())
	}
	if e.Type == event.ToolUsed {
		add(e.Tool)
	}
	add(e.Resolution.String())
	if e.By != 0 {
		add("by " + e.By.String())
	}
	if e.Technician.ID != 0 {
		add("technician " + Named(e.Technician.Name, e.Technician.ID))
	}
	if e.TechnicianID != 0 && e.Sender != 0 {
		add(fmt.Sprintf("by technician %d", e.TechnicianID))
	} else if e.TechnicianID != 0 {
		add(fmt.Sprintf("technician %d", e.TechnicianID))
	}
	if to := e.TransferredTo.Name; to != "" {
		add("to " + short(to))
	}
	return strings.Join(words, " ")
}

// Named writes the name and the id of a person or thing; the name may be empty.
func Named(name string, id int64) string {
	if name == "" {
		return fmt.Sprint(id)
	}
	return fmt.Sprintf("%s (%d)", short(name), id)
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
func State(step *session.Step) string {
	text := step.Status.String()
	for _, l := range step.Legs {
		if l.Started {
			text += fmt.Sprintf("; leg %d %s", l.Leg, presenceText(&l))
		}
	}
	if more := step.OpenLegs - len(step.Legs); more > 0 {
		text += fmt.Sprintf("; and %d more open legs", more)
	}
	return text
}

// presenceText says what a leg's technician was doing, by the signals.
func presenceText(l *session.LegState) string {
	words := Signals(l)
	switch {
	case l.Working:
		words = append([]string{"working"}, words...)
	case l.InAction:
		words = append([]string{"in action"}, words...)
	case len(words) == 0:
		return "present"
	}
	return strings.Join(words, ", ")
}

// Signals are the signals of a leg that differ from those at its start: link up,
// available, tab selected, console in the foreground, own window inactive.
func Signals(l *session.LegState) []string {
	var signals []string
	for _, p := range []struct {
		is   bool
		text string
	}{{!l.Link, "link down"}, {!l.Available, "away"}, {!l.Tab, "tab deselected"}, {!l.Console, "console in the background"}, {l.Window, "own window active"}} {
		if p.is {
			signals = append(signals, p.text)
		}
	}
	return signals
}

// Notes are the other consequences of an event: anomalies, and legs that it removed
// and opened.
func Notes(step *session.Step) []string {
	var notes []string
	for _, f := range step.Anomalies {
		notes = append(notes, fmt.Sprintf("! %s: %s", f.Anomaly, f.Why))
	}
	for _, r := range step.Removed {
		notes = append(notes, fmt.Sprintf("- leg %d removed by %s; the status before was %s", r.Leg, r.By, r.Before))
	}
	for _, i := range step.Opened {
		notes = append(notes, fmt.Sprintf("+ leg %d opened", i))
	}
	return notes
}

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
func whyNoWrapUp(l *session.Leg, r *session.Removal) string {
	switch {
	case r == nil:
		return "the leg is not removed yet"
	case r.By == event.ByTransfer:
		return "removed by transfer or handover: nothing to wrap up"
	case r.NoWrapUp():
		return "removed by a technician while " + r.Before.String() + ": nothing to wrap up"
	case l.WrapUp == session.Unknown:
		return "no customer or technician message came while the leg was open"
	}
	return "the last message came in the millisecond of the removal"
}
