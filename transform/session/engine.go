package session

import (
	"context"
	"slices"

	"daybook/transform/event"
)

// An Engine folds one session after another and reuses its memory. It is not
// safe for concurrent use.
//
// The work for an event does not depend on how many legs are open. The engine
// counts time and messages once for the session. A leg notes the counts when it
// starts or opens, and takes the difference when it is finished.
type Engine struct {
	session Session
	status  event.Status
	details [event.NumDetails]string
	copies  copies       // of details, for the legs
	target  event.Target // of the lead leg's transfer, as last given
	channel channel
	created bool // a session_created was applied
	now     int64
	trace   *Trace

	clock  clock
	ended  ending
	action action
	chat   chat

	legs          []leg         // legs[i] belongs to session.Legs[i]
	first, last   int           // the ends of the list of open legs, or none
	lead          int           // the open lead leg, or none
	collaborators map[int64]int // open collaborator legs by technician
	removed       removals
	tools         toolSet
	visits        int   // calls of leg: the work that legs make, which tests measure
	changed       []int // legs whose presence changed in this millisecond
	disconnected  []int // legs whose link went down since the session last entered active
}

// leg returns both parts of a leg.
func (e *Engine) leg(i int) (*Leg, *leg) {
	e.visits++
	return &e.session.Legs[i], &e.legs[i]
}

// none stands for no leg.
const none = -1

// leg is the engine's own state of a leg, beside the result in Leg.
type leg struct {
	prev, next     int // in the list of open legs, or none
	presence       Presence
	working        bool  // presence.working, of a leg that started
	acting         bool  // presence.acting after the last settled millisecond
	isChanged      bool  // it is in Engine.changed
	isDisconnected bool  // it is in Engine.disconnected
	actingSince    int64 // the millisecond after which acting became true
	connected      int64 // its first status other than connecting; Unknown: none yet
	firstWaiting   int64 // its first waiting before its start; Unknown: none
	messages       int64 // chat.messages when it opened
}

// Presence is the state that a technician's console has signalled for a leg.
type Presence struct {
	Link, Available, Tab, Console, Window bool
}

// atStart is the presence of a leg that starts (REPORT.md, "Presence").
var atStart = Presence{Link: true, Available: true, Tab: true, Console: true}

// working and acting are the conditions of work and of being in action, apart
// from the status active (REPORT.md, "Work" and "In action").
func (p Presence) working() bool { return p.Link && p.Available && p.Tab && p.Console }
func (p Presence) acting() bool {
	return p.Link && p.Available && (p.Tab && p.Console || p.Window)
}

// interruptEvery is the number of events after which Fold and Order ask their
// context: a few milliseconds of work.
const interruptEvery = 1 << 14

// Fold computes the legs of one session. The events must be the result of
// [Order], at least one. The session is valid until the next call. A trace
// that is not nil records how each number is computed. The error is that of ctx, or
// says that a row of an export is damaged.
func (e *Engine) Fold(ctx context.Context, events []event.Event, trace *Trace) (*Session, error) {
	first := firstEvent(events)
	if first < 0 {
		return e.foldRows(events, trace)
	}
	e.reset(&events[first], trace)
	e.reserve(events)
	for i := range events {
		if i%interruptEvery == interruptEvery-1 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		ev := &events[i]
		if ev.Type != event.ExportedRow {
			e.passTime(ev.Millis())
		}
		if trace != nil {
			trace.begin(ev)
		}
		e.apply(ev, i == first)
		if trace != nil {
			trace.end(e)
		}
	}
	e.settle()
	e.session.LastEvent = e.now
	for i := e.first; i != none; i = e.legs[i].next {
		e.finish(i, e.status)
	}
	for i := range e.session.Legs[:e.channel.first(len(e.legs))] {
		e.session.Legs[i].Channel = e.session.Channel
	}
	if trace != nil {
		trace.last = e.now
	}
	return &e.session, nil
}

// reserve makes room for the legs of a large session at once: growing holds the old
// ones beside the new ones. Legs are opened by transfers, collaborators, other
// technicians, and after removals; the number is about right.
func (e *Engine) reserve(events []event.Event) {
	if len(events) < interruptEvery {
		return
	}
	most, named := 1, int64(0)
	for i := range events {
		ev := &events[i]
		switch ev.Type {
		case event.StatusChanged:
			_, removing := removedBy(ev.Status)
			isOther := ev.Technician.ID != 0 && ev.Technician.ID != named
			if isOther {
				named = ev.Technician.ID
			}
			if removing || isOther || ev.Status == event.Transferred {
				most++
			}
		case event.CollaborationStarted, event.QueueRemoved:
			most++
		}
	}
	e.session.Legs = slices.Grow(e.session.Legs, most)
	e.legs = slices.Grow(e.legs, most)
}

// keptLegs bounds the memory that an engine keeps after a large session.
const keptLegs = 1024

func (e *Engine) reset(first *event.Event, trace *Trace) {
	if len(e.legs) > keptLegs {
		*e = Engine{}
	}
	*e = Engine{
		session: Session{ID: first.SessionID, Legs: e.session.Legs[:0]},
		status:  event.Connecting,
		now:     first.Millis(), trace: trace,
		action: action{ended: Unknown},
		legs:   e.legs[:0], first: none, last: none, lead: none,
		collaborators: e.collaborators, removed: e.removed, tools: e.tools,
		copies:  copies{list: e.copies.list, changed: true},
		changed: e.changed[:0], disconnected: e.disconnected[:0],
	}
	clear(e.collaborators)
	e.removed.reset()
	e.tools.reset()
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
		if i := e.addressed(ev); i != none {
			e.tools.add(&e.session.Legs[i], ev.Tool)
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
	e.copies.changed = true
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
	e.copies.changed = true
	for i, v := range d.Value {
		if d.Given&(1<<i) != 0 {
			e.details[i] = v
		}
	}
}

// statusChanged follows the five numbered rules of REPORT.md, "Legs".
// It has more than 60 lines because it is that list, in its order.
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
	if to := ev.TransferredTo; to.Name != "" && (s == event.Transferring || s == event.Transferred) {
		l.TransferredTo, e.target = to.Name, to
	}
	if s == event.Active {
		e.target = event.Target{}
		if !handover {
			l.TransferredTo = ""
		}
	}

	// 4. A transfer: a new lead leg waits for a technician.
	if s == event.Transferred {
		e.removeAs(e.lead, event.ByTransfer, event.Transferred, e.status)
		e.channel.transfer(e.target, len(e.legs))
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
	switch before := e.status; {
	case !before.Ending() && s.Ending():
		e.ended = ending{at: e.now, legs: len(e.legs), clock: e.clock}
	case before.Ending() && !s.Ending():
		e.ended = ending{} // the end is taken back: the time since then counts
	}
	e.status = s
	if s == event.Active {
		e.reconnect()
	}

	l, st := e.leg(e.lead)
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

// reconnect sets the link of all open legs up.
func (e *Engine) reconnect() {
	for _, i := range e.disconnected {
		l, st := e.leg(i)
		st.isDisconnected = false
		if !l.Final && !st.presence.Link {
			st.presence.Link = true
			e.presenceChanged(i)
		}
	}
	e.disconnected = e.disconnected[:0]
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
	if e.collaborators == nil {
		e.collaborators = map[int64]int{}
	}
	e.collaborators[ev.Technician.ID] = i
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
		if !e.removed.has(ev.TechnicianID) {
			e.anomaly(NoSuchLeg, "no leg of that technician is open or was removed before; ignored")
		}
	case i == e.lead:
		e.removeAll(ev.By, e.status)
	default:
		e.remove(i, ev.By)
	}
}

func (e *Engine) chatMessage(ev *event.Event) {
	if ev.Sender == event.Technician {
		i := e.addressed(ev)
		if i == none {
			return
		}
		e.ownMessage(i)
	} else if e.first == none {
		e.anomaly(NoSuchLeg, "no leg is open; ignored")
		return
	}
	e.chat.add(ev.Sender, e.now)
}

// ownMessage counts a message of a leg's technician.
func (e *Engine) ownMessage(i int) {
	l, st := e.leg(i)
	l.TechnicianMessages++
	if l.FirstMessage != Unknown {
		return
	}
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

func (e *Engine) signal(i int, s event.Signal) {
	l, st := e.leg(i)
	if l.Start == Unknown {
		return // signals before the start are ignored
	}
	p := &st.presence
	switch s {
	case event.Away:
		p.Available = false
	case event.Available:
		p.Available = true
	case event.LinkDown:
		p.Link = false
		if !st.isDisconnected {
			st.isDisconnected = true
			e.disconnected = append(e.disconnected, i)
		}
	case event.LinkUp:
		p.Link = true
	case event.TabSelected:
		p.Tab = true
	case event.TabDeselected:
		p.Tab = false
	case event.ConsoleForeground:
		p.Console = true
	case event.ConsoleBackground:
		p.Console = false
	case event.WindowActive:
		p.Window = true
	case event.WindowInactive:
		p.Window = false
	}
	e.presenceChanged(i)
}

// presenceChanged begins or ends the work of a leg that started, and leaves the
// leg to settle.
func (e *Engine) presenceChanged(i int) {
	l, st := e.leg(i)
	if working := st.presence.working(); working != st.working {
		st.working = working
		if working {
			l.Work -= e.clock.active
		} else {
			l.Work += e.clock.active
		}
	}
	if !st.isChanged {
		st.isChanged = true
		e.changed = append(e.changed, i)
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
	if e.lead != none && e.session.Legs[e.lead].Technician.ID == technician {
		return e.lead
	}
	if i, open := e.collaborators[technician]; open {
		return i
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
		Number: i, Role: r, Begin: e.now, Tools: tools, Channel: e.channel.Channel,
		Start: Unknown, End: Unknown, LastAction: Unknown,
		TimeToFirstChat: Unknown, WrapUp: Unknown, FirstMessage: Unknown,
		CustomerMessages: -e.chat.customer, SystemMessages: -e.chat.system,
	})
	if r == Lead {
		e.target = event.Target{}
	}
	e.legs = append(e.legs, leg{prev: e.last, next: none, connected: Unknown, firstWaiting: Unknown, messages: e.chat.messages})
	if e.last == none {
		e.first = i
	} else {
		e.legs[e.last].next = i
	}
	e.last = i
	if e.trace != nil {
		e.trace.opened()
	}
	return i
}

// unlink takes a leg out of the list of open legs.
func (e *Engine) unlink(i int) {
	st := &e.legs[i]
	if st.prev == none {
		e.first = st.next
	} else {
		e.legs[st.prev].next = st.next
	}
	if st.next == none {
		e.last = st.prev
	} else {
		e.legs[st.next].prev = st.prev
	}
}

// assign makes t the technician of the open lead leg. Later events never
// change this copy.
func (e *Engine) assign(t event.Person) { e.session.Legs[e.lead].Technician = t }

func (e *Engine) start(i int) {
	l := &e.session.Legs[i]
	l.Start = e.now
	e.clock.subtractFrom(l)
	e.legs[i].presence = atStart
	e.presenceChanged(i)
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
	for e.first != none {
		e.removeAs(e.first, by, e.status, before)
	}
}

func (e *Engine) removeAs(i int, by event.Actor, status, before event.Status) {
	l, st := e.leg(i)
	l.Final = true
	e.finish(i, status)
	removal := Removal{Leg: i, By: by, Before: before}
	switch {
	case removal.NoWrapUp():
		l.WrapUp = 0
	case e.chat.messages > st.messages:
		l.WrapUp = e.now - e.chat.last
		e.span(i, WrapUp, e.chat.last, e.now)
	}
	e.unlink(i)
	if i == e.lead {
		e.lead = none
	} else {
		delete(e.collaborators, l.Technician.ID)
	}
	e.removed.add(l.Technician.ID)
	if e.trace != nil {
		e.trace.removed(removal)
	}
}

// finish computes the values that end at last known: the removal of the leg,
// or, for an open leg, the session's last event.
func (e *Engine) finish(i int, status event.Status) {
	l, st := e.leg(i)
	counted := &e.clock // until the end, or last known
	switch {
	case i < e.ended.legs:
		l.End, counted = e.ended.at, &e.ended.clock
	case l.Final:
		l.End = e.now
	}
	if l.Start != Unknown {
		counted.addTo(l)
	}
	if st.working {
		l.Work += counted.active
	}
	switch {
	case st.acting && l.Final:
		e.action.stop(l, st.actingSince, e.now)
	case st.acting:
		e.action.interrupt(l, st.actingSince)
	}
	l.CustomerMessages += e.chat.customer
	l.SystemMessages += e.chat.system
	l.Status, l.Details = status, e.copies.get(&e.details)
	if l.Role == Lead {
		e.finishLead(l, st)
	}
	if e.trace != nil {
		e.trace.finished(l, e.now)
	}
}

// finishLead computes the connecting and waiting time of a lead leg.
func (e *Engine) finishLead(l *Leg, st *leg) {
	until := e.now
	if st.connected != Unknown {
		until = st.connected
	}
	l.Connecting = until - l.Begin
	e.span(l.Number, InConnecting, l.Begin, until)

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
	e.span(l.Number, InWaiting, st.firstWaiting, until)
}

// passTime counts the time until now under the current state.
func (e *Engine) passTime(now int64) {
	if now == e.now {
		return
	}
	e.settle()
	e.clock.add(e.status, now-e.now)
	e.now = now
}

// settle takes over the state after the last event of a millisecond: which legs
// have a presence that is in action, and whether the session is active.
func (e *Engine) settle() {
	for _, i := range e.changed {
		l, st := e.leg(i)
		st.isChanged = false
		if l.Final {
			continue
		}
		switch acting := st.presence.acting(); {
		case acting && !st.acting:
			st.actingSince = e.now
		case !acting && st.acting:
			e.action.stop(l, st.actingSince, e.now)
		}
		st.acting = st.presence.acting()
		if e.trace != nil {
			e.trace.presence(i, st.presence, e.now)
		}
	}
	e.changed = e.changed[:0]
	e.action.settle(e.status == event.Active, e.now)
	if e.trace != nil {
		e.trace.status(e.status, e.now)
	}
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
