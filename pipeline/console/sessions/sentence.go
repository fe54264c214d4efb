package sessions

import (
	"strconv"

	"daybook/pipeline/words"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/session"
)

// mostSaid limits the technicians that the sentence names.
const mostSaid = 4

// Sentence tells a session in one sentence: how long the customer waited, who picked
// up and how long they worked, and how the session ended. The rows are those of the
// session's legs, in order. Waiting is from the first waiting to the first pick-up.
func Sentence(rows []report.Row, p words.Printer) string {
	text := beginning(rows, p)
	said := 1 // the first lead is in the beginning
	for i := range rows {
		r := &rows[i]
		if r.StartTime == session.Unknown || r == firstLead(rows) {
			continue
		}
		if said++; said > mostSaid {
			text += "; " + p.T("further technicians took part")
			break
		}
		name, time := technician(r, p), p.Lasting(r.WorkTime)
		switch {
		case r.Role == session.Collaborator.String():
			text += "; " + p.T("%s helped and worked %s", name, time)
		case r.WaitingTime > 0:
			text += "; " + p.T("%s took over after another %s and worked %s", name, p.Lasting(r.WaitingTime), time)
		default:
			text += "; " + p.T("%s took over and worked %s", name, time)
		}
	}
	if said > 1 {
		text += "; " + p.T("in all, the work took %s", p.Lasting(worked(rows)))
	}
	return words.Capital(text) + "; " + ending(rows, p) + "."
}

// worked is the work time of all rows.
func worked(rows []report.Row) (sum int64) {
	for i := range rows {
		if rows[i].StartTime != session.Unknown {
			sum += rows[i].WorkTime
		}
	}
	return sum
}

// beginning tells of the wait and the first pick-up.
func beginning(rows []report.Row, p words.Printer) string {
	customer := rows[0].Name
	if customer == "" {
		customer = p.T("a customer")
	}
	first := firstLead(rows)
	waited := waitedFor(rows, first)
	switch {
	case first == nil && waited > 0:
		return p.T("%s waited %s, and no technician picked up", customer, p.Lasting(waited))
	case first == nil:
		return p.T("no technician picked up the session of %s", customer)
	case waited > 0:
		return p.T("%s waited %s until %s picked up and worked %s", customer, p.Lasting(waited), technician(first, p), p.Lasting(first.WorkTime))
	}
	return p.T("%s took the session of %s at once and worked %s", technician(first, p), customer, p.Lasting(first.WorkTime))
}

// firstLead is the row of the first lead who picked up; nil if none did.
func firstLead(rows []report.Row) *report.Row {
	for i := range rows {
		if rows[i].StartTime != session.Unknown && rows[i].Role == session.Lead.String() {
			return &rows[i]
		}
	}
	return nil
}

// waitedFor is the time from the first waiting to the first pick-up, or without one to
// the end of the last wait.
func waitedFor(rows []report.Row, first *report.Row) int64 {
	since, total := int64(session.Unknown), int64(0)
	for i := range rows {
		r := &rows[i]
		if r.WaitingTime == 0 {
			if r == first {
				break
			}
			continue
		}
		until := r.EndTime
		if r.StartTime != session.Unknown {
			until = r.StartTime
		}
		if until == session.Unknown { // it still waits
			return total + r.WaitingTime
		}
		if since == session.Unknown {
			since = until - r.WaitingTime
		}
		total = until - since
		if r == first {
			break
		}
	}
	if first != nil && since != session.Unknown {
		total = first.StartTime - since
	}
	return total
}

func technician(r *report.Row, p words.Printer) string {
	switch {
	case r.TechnicianName != "":
		return r.TechnicianName
	case r.TechnicianID != 0 && r.TechnicianID != session.Unknown:
		return p.T("technician %s", strconv.FormatInt(r.TechnicianID, 10))
	}
	return p.T("a technician")
}

// ending tells how the session ended, and how long after the first pick-up.
func ending(rows []report.Row, p words.Printer) string {
	last := &rows[0]
	for i := range rows {
		if rows[i].Role == session.Lead.String() {
			last = &rows[i]
		}
	}
	text := p.T("the session is still open: %s", report.ValueIn(last.Status, p.Language))
	switch report.StatusCode(last.Status) {
	case event.ClosedByCustomer:
		text = p.T("the customer closed the session")
	case event.ClosedByTechnician:
		text = p.T("the technician closed the session")
	case event.ClosedByWaitingCustomer:
		text = p.T("the waiting customer closed the session")
	case event.TimedOut:
		text = p.T("the session timed out")
	case event.TimedOutClosedByTechnician:
		text = p.T("the session timed out, and the technician closed it")
	case event.Aborted:
		text = p.T("the session was aborted, because the technician was deleted or disabled")
	case event.DeclinedByCustomer:
		text = p.T("the customer declined the session")
	default:
		return text
	}
	if first := firstLead(rows); first != nil && last.EndTime != session.Unknown {
		return p.T("%s after %s", text, p.Lasting(last.EndTime-first.StartTime))
	}
	return text
}
