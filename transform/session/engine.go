package session

import (
	"slices"

	"daybook/transform/event"
)

// An Engine folds one session after another and reuses its memory. It is not
// safe for concurrent use.
type Engine struct {
	session Session
	status  event.Status
	details [event.NumDetails]string
	created bool // a session_created was applied
	now     int64
	legs    []leg // legs[i] belongs to session.Legs[i]
	open    []int // the open legs, in order of opening
	lead    int   // the open lead leg, or none
	trace   *Trace
}

// none stands for no leg.
const none = -1

// leg is the engine's own state of a leg, beside the result in Leg.
type leg struct {
	presence     presence
	inAction     bool  // after the last event of the last settled millisecond
	connected    int64 // its first status other than connecting; Unknown: none yet
	firstWaiting int64 // its first waiting before its start; Unknown: none
	lastMessage  int64 // the last customer or technician message while it was open
}

// presence is the state that a technician's console has signalled for a leg.
type presence struct {
	link, available, tab, console, window bool
}

// atStart is the presence of a leg that starts (REPORT.md, "Presence").
var atStart = presence{link: true, available: true, tab: true, console: true}

// working and acting are the conditions of work and of being in action, apart
// from the status active (REPORT.md, "Work" and "In action").
func (p presence) working() bool { return p.link && p.available && p.tab && p.console }
func (p presence) acting() bool {
	return p.link && p.available && (p.tab && p.console || p.window)
}

// Fold computes the legs of one session. The events must be the result of
// [Order], at least one. The session is valid until the next call. A trace
// that is not nil records how each number is computed.
func (e *Engine) Fold(events []event.Event, trace *Trace) *Session {
	e.reset(&events[0], trace)
	for i := range events {
		ev := &events[i]
		e.passTime(ev.Millis())
		if trace != nil {
			trace.begin(ev)
		}
		e.apply(ev, i == 0)
		if trace != nil {
			trace.end(e)
		}
	}
	e.settle()
	e.session.LastEvent = e.now
	for _, i := range e.open {
		e.finish(i, e.status)
	}
	return &e.session
}

func (e *Engine) reset(first *event.Event, trace *Trace) {
	e.session = Session{ID: first.SessionID, Legs: e.session.Legs[:0]}
	e.legs, e.open, e.lead = e.legs[:0], e.open[:0], none
	e.details = [event.NumDetails]string{}
	e.status, e.created = event.Connecting, false
	e.now, e.trace = first.Millis(), trace
}

// apply applies one event (REPORT.md, "Legs").
func (e *Engine) apply(ev *event.Event, first bool) {
	if first {
		e.lead = e.openLeg(Lead)
		if ev.Type != event.SessionCreated {
			e.anomaly(MissingCreated, "the session's first event is not session_created")
		}
	}
	switch ev.Type {
	case event.SessionCreated:
		e.sessionCreated(ev, first)
	case event.DetailsChanged:
		e.detailsChanged(ev.Details)
	case event.StatusChanged:
		e.statusChanged(ev)
	case event.CollaborationStarted:
		e.collaborationStarted(ev)
	case event.CollaborationEnded:
		e.collaborationEnded(ev)
	case event.QueueRemoved:
		e.queueRemoved(ev)
	case event.ChatMessage:
		e.chatMessage(ev)
	case event.Presence:
		if i := e.addressed(ev); i != none {
			e.signal(i, ev.Signal)
		}
	case event.ToolUsed:
		if i := e.addressed(ev); i != none && !slices.Contains(e.session.Legs[i].Tools, ev.Tool) {
			e.session.Legs[i].Tools = append(e.session.Legs[i].Tools, ev.Tool)
		}
	case event.ResolutionSubmitted:
		if i := e.addressed(ev); i != none {
			e.session.Legs[i].Verdict = ev.Resolution
		}
	}
}

// sessionCreated fills values that are still unknown. It assigns a technician
// only as the session's first event.
func (e *Engine) sessionCreated(ev *event.Event, first bool) {
	if e.created {
		e.anomaly(DuplicateCreated, "the session was created before; only unknown values are filled")
	}
	e.created = true
	s := &e.session
	if s.Type == 0 {
		s.Type = ev.SessionType
	}
	if s.Channel.ID == 0 {
		s.Channel = ev.Channel
	}
	if s.CallingCard == "" {
		s.CallingCard = ev.CallingCard
	}
	if ev.Details != nil {
		for i, v := range ev.Details.Value {
			if e.details[i] == "" {
				e.details[i] = v
			}
		}
	}
	if first && ev.Technician.ID != 0 {
		e.assign(ev.Technician)
	}
}

func (e *Engine) detailsChanged(d *event.Details) {
	for i, v := range d.Value {
		if d.Given&(1<<i) != 0 {
			e.details[i] = v
		}
	}
}

// statusChanged follows the five numbered rules of REPORT.md, "Legs".
func (e *Engine) statusChanged(ev *event.Event) {
	s := ev.Status

	// 1. No lead leg is open.
	if e.lead == none {
		if s.Ending() {
			e.anomaly(StatusAfterEnd, "no leg is open; ignored")
			return
		}
		e.lead = e.openLeg(Lead)
		e.anomaly(Reopened, "the session had no open leg; a new one opens")
	}

	// 2. It names a technician.
	handover := false
	if t := ev.Technician; t.ID != 0 {
		switch lead := e.session.Legs[e.lead].Technician.ID; {
		case lead == 0:
			e.dropCollaborator(t.ID)
			e.assign(t)
		case lead != t.ID && s == event.Active:
			handover = true
			e.dropCollaborator(t.ID)
			if l := &e.session.Legs[e.lead]; l.TransferredTo == "" {
				l.TransferredTo = t.Name
			}
			e.removeAs(e.lead, event.ByTransfer, event.Transferred, e.status)
			e.lead = e.openLeg(Lead)
			e.assign(t)
		case lead != t.ID:
			e.anomaly(TechnicianMismatch, "another technician leads the session, and only the status active hands it over; the name is ignored")
		}
	}
	l := &e.session.Legs[e.lead]

	// 3. The target of a transfer.
	if s == event.Transferring && ev.Transferred != "" {
		l.TransferredTo = ev.Transferred
	}
	if s == event.Active && !handover {
		l.TransferredTo = ""
	}

	// 4. A transfer: a new lead leg waits for a technician.
	if s == event.Transferred {
		if ev.Transferred != "" {
			l.TransferredTo = ev.Transferred
		}
		e.removeAs(e.lead, event.ByTransfer, event.Transferred, e.status)
		e.lead = e.openLeg(Lead)
		e.enter(event.Waiting)
		return
	}

	// 5. It enters s.
	before := e.status
	e.enter(s)
	if by, removing := removedBy(s); removing {
		e.removeAll(by, before)
	}
}

// removedBy reports whether a status removes every leg, and the actor.
func removedBy(s event.Status) (by event.Actor, removing bool) {
	switch s {
	case event.ClosedByTechnician, event.TimedOutClosedByTechnician:
		return event.ByTechnician, true
	case event.Aborted, event.ClosedByWaitingCustomer, event.DeclinedByCustomer:
		return event.BySystem, true
	}
	return 0, false
}

// enter changes the session's status to s.
func (e *Engine) enter(s event.Status) {
	before := e.status
	e.status = s
	for _, i := range e.open {
		l, st := &e.session.Legs[i], &e.legs[i]
		switch {
		case !before.Ending() && s.Ending():
			l.End = e.now
		case before.Ending() && !s.Ending() && l.End != Unknown:
			// The end is taken back: the time since then counts.
			if l.Start != Unknown {
				e.count(i, InOther, l.End, e.now)
			}
			l.End = Unknown
		}
		if s == event.Active {
			st.presence.link = true
		}
	}

	l, st := &e.session.Legs[e.lead], &e.legs[e.lead]
	if s != event.Connecting && st.connected == Unknown {
		st.connected = e.now
	}
	if s == event.Waiting && l.Start == Unknown && st.firstWaiting == Unknown {
		st.firstWaiting = e.now
	}
	if s == event.Active && l.Start == Unknown {
		e.start(e.lead)
	}
}

func (e *Engine) collaborationStarted(ev *event.Event) {
	if e.lead == none || e.legOf(ev.Technician.ID) != none {
		why := "the technician is in the session already; ignored"
		if e.lead == none {
			why = "the session has no open lead leg; ignored"
		}
		e.anomaly(BadCollaboration, why)
		return
	}
	i := e.openLeg(Collaborator)
	e.session.Legs[i].Technician = ev.Technician
	e.start(i)
}

func (e *Engine) collaborationEnded(ev *event.Event) {
	i := e.legOf(ev.TechnicianID)
	if i == none || i == e.lead {
		e.anomaly(BadCollaboration, "the technician has no open collaborator leg; ignored")
		return
	}
	e.remove(i, event.ByTechnician)
}

func (e *Engine) queueRemoved(ev *event.Event) {
	i := e.lead
	if ev.TechnicianID != 0 {
		i = e.legOf(ev.TechnicianID)
	}
	switch {
	case i == none:
		if !e.wasRemoved(ev.TechnicianID) {
			e.anomaly(NoSuchLeg, "no leg of that technician is open or was removed before; ignored")
		}
	case i == e.lead:
		e.removeAll(ev.By, e.status)
	default:
		e.remove(i, ev.By)
	}
}

// wasRemoved reports whether a leg of that technician (0: any leg) was removed
// before.
func (e *Engine) wasRemoved(technician int64) bool {
	for i := range e.session.Legs {
		l := &e.session.Legs[i]
		if l.Final && (technician == 0 || l.Technician.ID == technician) {
			return true
		}
	}
	return false
}

func (e *Engine) chatMessage(ev *event.Event) {
	switch {
	case ev.Sender == event.Technician:
		i := e.addressed(ev)
		if i == none {
			return
		}
		l, st := &e.session.Legs[i], &e.legs[i]
		l.TechnicianMessages++
		if l.FirstMessage == Unknown {
			l.FirstMessage = e.now
			if l.Role == Lead {
				from := l.Begin
				if st.firstWaiting != Unknown {
					from = st.firstWaiting
				}
				l.TimeToFirstChat = e.now - from
				e.span(i, FirstChat, from, e.now)
			}
		}
	case len(e.open) == 0:
		e.anomaly(NoSuchLeg, "no leg is open; ignored")
		return
	}
	for _, i := range e.open {
		switch ev.Sender {
		case event.Customer:
			e.session.Legs[i].CustomerMessages++
		case event.System:
			e.session.Legs[i].SystemMessages++
			continue
		}
		e.legs[i].lastMessage = e.now
	}
}

func (e *Engine) signal(i int, s event.Signal) {
	if e.session.Legs[i].Start == Unknown {
		return // signals before the start are ignored
	}
	p := &e.legs[i].presence
	switch s {
	case event.Away:
		p.available = false
	case event.Available:
		p.available = true
	case event.LinkDown:
		p.link = false
	case event.LinkUp:
		p.link = true
	case event.TabSelected:
		p.tab = true
	case event.TabDeselected:
		p.tab = false
	case event.ConsoleForeground:
		p.console = true
	case event.ConsoleBackground:
		p.console = false
	case event.WindowActive:
		p.window = true
	case event.WindowInactive:
		p.window = false
	}
}

// addressed returns the open leg that a technician's event belongs to: that
// technician's leg, or the lead leg if the event names no technician. If there
// is none, it records the anomaly.
func (e *Engine) addressed(ev *event.Event) int {
	i := e.lead
	if ev.TechnicianID != 0 {
		i = e.legOf(ev.TechnicianID)
	}
	if i == none {
		e.anomaly(NoSuchLeg, "no leg of that technician is open; ignored")
	}
	return i
}

// legOf returns a technician's open leg, or none. There is at most one.
func (e *Engine) legOf(technician int64) int {
	for _, i := range e.open {
		if e.session.Legs[i].Technician.ID == technician {
			return i
		}
	}
	return none
}

// openLeg opens a leg now.
func (e *Engine) openLeg(r Role) int {
	i := len(e.session.Legs)
	var tools []string
	if i < cap(e.session.Legs) { // reuse the list of a leg of an earlier session
		tools = e.session.Legs[:i+1][i].Tools[:0]
	}
	e.session.Legs = append(e.session.Legs, Leg{
		Number: i, Role: r, Begin: e.now, Tools: tools,
		Start: Unknown, End: Unknown, LastAction: Unknown,
		TimeToFirstChat: Unknown, WrapUp: Unknown, FirstMessage: Unknown,
	})
	e.legs = append(e.legs, leg{connected: Unknown, firstWaiting: Unknown, lastMessage: Unknown})
	e.open = append(e.open, i)
	return i
}

// assign makes t the technician of the open lead leg. Later events never
// change this copy.
func (e *Engine) assign(t event.Person) { e.session.Legs[e.lead].Technician = t }

func (e *Engine) start(i int) {
	e.session.Legs[i].Start = e.now
	e.legs[i].presence = atStart
}

// dropCollaborator removes the open collaborator leg of a technician before
// that technician becomes the lead. The leg keeps the status before this event.
func (e *Engine) dropCollaborator(technician int64) {
	if i := e.legOf(technician); i != none {
		e.remove(i, event.ByTechnician)
	}
}

// remove removes an open leg with the session's current status.
func (e *Engine) remove(i int, by event.Actor) { e.removeAs(i, by, e.status, e.status) }

// removeAll removes all open legs. Before is the status before the event that
// removes them.
func (e *Engine) removeAll(by event.Actor, before event.Status) {
	for len(e.open) > 0 {
		e.removeAs(e.open[0], by, e.status, before)
	}
	e.lead = none
}

func (e *Engine) removeAs(i int, by event.Actor, status, before event.Status) {
	l, st := &e.session.Legs[i], &e.legs[i]
	if st.inAction {
		l.LastAction = e.now
	}
	if l.End == Unknown {
		l.End = e.now
	}
	removal := Removal{Leg: i, By: by, Before: before}
	switch {
	case removal.NoWrapUp():
		l.WrapUp = 0
	case st.lastMessage != Unknown:
		l.WrapUp = e.now - st.lastMessage
		e.span(i, WrapUp, st.lastMessage, e.now)
	}
	e.finish(i, status)
	l.Final = true
	e.open = slices.DeleteFunc(e.open, func(o int) bool { return o == i })
	if i == e.lead {
		e.lead = none
	}
	if e.trace != nil {
		e.trace.removed(removal)
	}
}

// finish computes the values that end at last known: the removal of the leg,
// or, for an open leg, the session's last event.
func (e *Engine) finish(i int, status event.Status) {
	l, st := &e.session.Legs[i], &e.legs[i]
	l.Status, l.Details = status, e.details
	if l.Role == Collaborator {
		return
	}
	until := e.now
	if st.connected != Unknown {
		until = st.connected
	}
	l.Connecting = until - l.Begin
	e.span(i, InConnecting, l.Begin, until)

	if st.firstWaiting == Unknown {
		return
	}
	switch {
	case l.Start != Unknown:
		until = l.Start
	case l.End != Unknown:
		until = l.End
	default:
		until = e.now
	}
	l.Waiting = until - st.firstWaiting
	e.span(i, InWaiting, st.firstWaiting, until)
}

// passTime counts the time until now under the current state.
func (e *Engine) passTime(now int64) {
	if now == e.now {
		return
	}
	e.settle()
	for _, i := range e.open {
		l := &e.session.Legs[i]
		if l.Start == Unknown || l.End != Unknown {
			continue
		}
		e.count(i, bucketOf(e.status), e.now, now)
		if e.status == event.Active && e.legs[i].presence.working() {
			e.count(i, InWork, e.now, now)
		}
		if e.legs[i].inAction {
			e.span(i, InAction, e.now, now)
		}
	}
	e.now = now
}

// settle compares the state after the last event of a millisecond with the one
// before: it notes which legs are in action, and where that just ended.
func (e *Engine) settle() {
	for _, i := range e.open {
		l, st := &e.session.Legs[i], &e.legs[i]
		acting := e.status == event.Active && l.Start != Unknown && st.presence.acting()
		if st.inAction && !acting {
			l.LastAction = e.now
		}
		st.inAction = acting
	}
}

// bucketOf is the bucket of a status (REPORT.md, "Buckets").
func bucketOf(s event.Status) Measure {
	switch s {
	case event.Active:
		return InActive
	case event.OnHold:
		return InHold
	case event.Transferring:
		return InTransfer
	case event.Rebooting:
		return InRebooting
	case event.Reconnecting:
		return InReconnecting
	}
	return InOther
}

// count adds the time from..to to one of a leg's measures.
func (e *Engine) count(i int, m Measure, from, to int64) {
	l := &e.session.Legs[i]
	switch d := to - from; m {
	case InActive:
		l.Active += d
	case InHold:
		l.Hold += d
	case InTransfer:
		l.Transfer += d
	case InRebooting:
		l.Rebooting += d
	case InReconnecting:
		l.Reconnecting += d
	case InOther:
		l.Other += d
	case InWork:
		l.Work += d
	}
	e.span(i, m, from, to)
}

func (e *Engine) span(i int, m Measure, from, to int64) {
	if e.trace != nil {
		e.trace.span(i, m, from, to)
	}
}

func (e *Engine) anomaly(a Anomaly, why string) {
	e.session.Anomalies[a]++
	if e.trace != nil {
		e.trace.anomaly(a, why)
	}
}
