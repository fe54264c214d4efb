package session

import (
	"cmp"
	"slices"
	"strings"

	"daybook/transform/event"
)

// Rows of an export of the report are events of the type event.ExportedRow, so that
// they are sorted, grouped and counted like all others. A session that has other
// events is folded from these alone. Of a session that has none, each row is a leg
// (transform/report/EXPORTS.md, "Sessions").

// firstEvent finds the first event that is no row of an export; -1: all are rows.
func firstEvent(events []event.Event) int {
	for i := range events {
		if events[i].Type != event.ExportedRow {
			return i
		}
	}
	return -1
}

// exported is a row of an export.
type exported struct {
	*event.Event
	row   event.Exported
	index int // among the session's events
}

// foldRows makes the legs of a session that has rows alone.
func (e *Engine) foldRows(events []event.Event, trace *Trace) (*Session, error) {
	e.reset(&events[0], trace)
	if trace != nil {
		for i := range events {
			trace.begin(&events[i])
		}
	}
	rows := make([]exported, len(events))
	for i := range events {
		row, err := event.ParseExported(events[i].ExportedText())
		if err != nil {
			return nil, err
		}
		rows[i] = exported{&events[i], row, i}
	}
	rows = withoutReplaced(rows)
	slices.SortFunc(rows, func(a, b exported) int {
		return cmp.Or(cmp.Compare(a.Millis(), b.Millis()), cmp.Compare(a.Technician.ID, b.Technician.ID),
			strings.Compare(a.Technician.Name, b.Technician.Name), cmp.Compare(a.index, b.index))
	})
	s := &e.session
	for i := range rows {
		r := &rows[i]
		s.Type = cmp.Or(s.Type, event.SessionType(r.row.SessionType))
		s.Channel = cmp.Or(s.Channel, r.Channel)
		s.CallingCard = cmp.Or(s.CallingCard, r.CallingCard)
		s.LastEvent = max(s.LastEvent, r.Millis(), r.row.End)
		s.Legs = append(s.Legs, r.leg(i))
		if trace != nil {
			step := &trace.Steps[r.index]
			step.Opened, step.Status = []int{i}, r.Status
			trace.legs = append(trace.legs, legTrace{from: Unknown})
		}
	}
	if trace != nil {
		trace.last = s.LastEvent
	}
	return s, nil
}

// withoutReplaced drops the open rows without a start that were delivered before
// another row of the session: the session has gone on since. At least one row stays.
func withoutReplaced(rows []exported) []exported {
	last := rows[0].row.Delivered
	for i := range rows {
		last = max(last, rows[i].row.Delivered)
	}
	return slices.DeleteFunc(rows, func(r exported) bool {
		return r.row.Start == Unknown && r.row.Delivered < last && r.row.Open(r.Status)
	})
}

// leg is the leg of a row.
func (r *exported) leg(number int) Leg {
	x := &r.row
	l := Leg{
		Number: number, Role: Role(x.Collaborator), Technician: r.Technician, Status: r.Status, Final: true,
		Begin: x.Begin, Start: x.Start, End: x.End, LastAction: x.LastAction,
		Connecting: x.Connecting, Waiting: x.Waiting, Active: x.Active, Hold: x.Hold, Transfer: x.Transfer,
		Rebooting: x.Rebooting, Reconnecting: x.Reconnecting, Other: x.Other, Work: x.Work,
		TimeToFirstChat: x.TimeToFirstChat, WrapUp: x.WrapUp, FirstMessage: x.FirstMessage,
		CustomerMessages: x.CustomerMessages, TechnicianMessages: x.TechnicianMessages, SystemMessages: x.SystemMessages,
		Channel: r.Channel, TransferredTo: r.TransferredTo.Name, Verdict: event.Resolution(x.Verdict),
		Details: new([event.NumDetails]string), Exported: x,
	}
	if r.Tool != "" {
		l.Tools = []string{r.Tool}
	}
	if r.Details != nil {
		*l.Details = r.Details.Value
	}
	return l
}
