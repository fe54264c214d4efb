package reference

import (
	"slices"

	"daybook/transform/event"
)

// moment is a point in a session's history. Steps give the order, also within
// one millisecond or one event.
type moment struct {
	step int
	ms   int64
}

func (m moment) before(other moment) bool { return m.step < other.step }

// history is the complete history of a session.
type history struct {
	legs      []*leg // by number
	statuses  []statusFact
	details   []detailsFact
	messages  []messageFact
	signals   []signalFact
	tools     []toolFact
	verdicts  []verdictFact
	channels  []channelFact
	anomalies []string
	last      moment // the session's last event

	sessionType event.SessionType
	channel     event.Channel
	callingCard string
}

// leg is one technician's part in the session (REPORT.md, "Legs").
type leg struct {
	number        int64
	collaborator  bool
	technician    *event.Person // nil: unknown
	opened        moment
	transferredTo string
	target        event.Target // of its transfer, as last given
	removal       *removal     // nil: open
}

// removal is the removal of a leg.
type removal struct {
	moment
	by     event.Actor
	before event.Status // the session's status before the event that removed
	status event.Status // of the row
}

// The facts of a history with their moments. A fact that belongs to certain legs
// lists them.
type (
	statusFact struct {
		moment
		status event.Status
	}
	detailsFact struct {
		moment
		values [event.NumDetails]string // all details from this moment on
	}
	messageFact struct {
		moment
		sender event.Sender
		legs   []*leg
	}
	signalFact struct {
		moment
		leg    *leg
		signal event.Signal
	}
	toolFact struct {
		leg  *leg
		tool string
	}
	verdictFact struct {
		leg     *leg
		verdict event.Resolution
	}
	channelFact struct {
		moment
		channel event.Channel // of the legs that open from this moment on
	}
)

// replayer builds a history, one event at a time.
type replayer struct {
	history
	now     moment
	created int // session_created events so far
}

// replay builds the history of one session from its sorted events (REPORT.md,
// "Legs").
func replay(events []event.Event) *history {
	r := &replayer{}
	for i := range events {
		e := &events[i]
		r.now.ms = e.Millis()
		if i == 0 {
			r.open(false, nil)
			r.enter(event.Connecting)
			if e.Type != event.SessionCreated {
				r.anomaly("missing_created")
			}
		}
		r.apply(e, i == 0)
	}
	r.last = r.tick()
	return &r.history
}

func (r *replayer) apply(e *event.Event, first bool) {
	switch e.Type {
	case event.SessionCreated:
		r.sessionCreated(e, first)
	case event.DetailsChanged:
		r.setDetails(e.Details, func(string) bool { return true })
	case event.StatusChanged:
		r.statusChanged(e)
	case event.CollaborationStarted:
		if r.legOf(e.Technician.ID) != nil || r.lead() == nil {
			r.anomaly("bad_collaboration")
			return
		}
		r.open(true, &e.Technician)
	case event.CollaborationEnded:
		l := r.legOf(e.TechnicianID)
		if l == nil || !l.collaborator {
			r.anomaly("bad_collaboration")
			return
		}
		r.remove(l, event.ByTechnician, r.status(), r.status())
	case event.QueueRemoved:
		r.queueRemoved(e)
	case event.ChatMessage:
		var legs []*leg
		if e.Sender != event.Technician {
			legs = r.openLegs()
		} else if l := r.legOf(e.TechnicianID); l != nil {
			legs = []*leg{l}
		}
		if legs == nil {
			r.anomaly("no_such_leg")
			return
		}
		r.messages = append(r.messages, messageFact{r.tick(), e.Sender, legs})
	case event.Presence, event.ToolUsed, event.ResolutionSubmitted:
		l := r.legOf(e.TechnicianID)
		if l == nil {
			r.anomaly("no_such_leg")
			return
		}
		switch e.Type {
		case event.Presence:
			r.signals = append(r.signals, signalFact{r.tick(), l, e.Signal})
		case event.ToolUsed:
			r.tools = append(r.tools, toolFact{l, e.Tool})
		case event.ResolutionSubmitted:
			r.verdicts = append(r.verdicts, verdictFact{l, e.Resolution})
		}
	}
}

func (r *replayer) sessionCreated(e *event.Event, first bool) {
	r.created++
	if r.created > 1 {
		r.anomaly("duplicate_created")
	}
	if r.sessionType == 0 {
		r.sessionType = e.SessionType
	}
	if r.channel.ID == 0 {
		r.channel = e.Channel
	}
	if r.callingCard == "" {
		r.callingCard = e.CallingCard
	}
	r.setDetails(e.Details, func(known string) bool { return known == "" })
	if first && e.Technician.ID != 0 {
		r.lead().technician = &e.Technician
	}
}

// setDetails sets the given details whose current value may change.
func (r *replayer) setDetails(given *event.Details, mayChange func(known string) bool) {
	if given == nil {
		return
	}
	values := r.detailsNow()
	for i := range values {
		if given.Given&(1<<i) != 0 && mayChange(values[i]) {
			values[i] = given.Value[i]
		}
	}
	r.details = append(r.details, detailsFact{r.tick(), values})
}

func (r *replayer) detailsNow() [event.NumDetails]string {
	if len(r.details) == 0 {
		return [event.NumDetails]string{}
	}
	return r.details[len(r.details)-1].values
}

// statusChanged follows the numbered rules of REPORT.md for status_changed.
// It has more than 60 lines because it is that list, in its order.
func (r *replayer) statusChanged(e *event.Event) {
	s, before := e.Status, r.status()

	// 1. No lead leg is open.
	if r.lead() == nil {
		if s.Ending() {
			r.anomaly("status_after_end")
			return
		}
		r.anomaly("reopened")
		r.open(false, nil)
	}

	// 2. It names a technician.
	handover := false
	if t := &e.Technician; t.ID != 0 {
		switch lead := r.lead(); {
		case lead.technician == nil:
			r.endCollaborationOf(t.ID, before)
			lead.technician = t
		case lead.technician.ID == t.ID:
		case s == event.Active:
			r.endCollaborationOf(t.ID, before)
			handover = true
			if lead.transferredTo == "" {
				lead.transferredTo = t.Name
			}
			r.remove(lead, event.ByTransfer, before, event.Transferred)
			r.open(false, t)
		default:
			r.anomaly("technician_mismatch")
		}
	}

	// 3. The target of a transfer.
	if (s == event.Transferring || s == event.Transferred) && e.TransferredTo.Name != "" {
		r.lead().transferredTo, r.lead().target = e.TransferredTo.Name, e.TransferredTo
	}
	if s == event.Active && !handover {
		r.lead().transferredTo, r.lead().target = "", event.Target{}
	}

	// 4. Transferred.
	if s == event.Transferred {
		if to := r.lead().target; to.Channel {
			r.channels = append(r.channels, channelFact{r.tick(), event.Channel{ID: to.ID, Name: to.Name}})
		}
		r.remove(r.lead(), event.ByTransfer, before, event.Transferred)
		r.open(false, nil)
		r.enter(event.Waiting)
		return
	}

	// 5. Otherwise.
	r.enter(s)
	switch s {
	case event.ClosedByTechnician, event.TimedOutClosedByTechnician:
		r.removeAll(event.ByTechnician, before)
	case event.Aborted, event.ClosedByWaitingCustomer, event.DeclinedByCustomer:
		r.removeAll(event.BySystem, before)
	}
}

// endCollaborationOf removes the technician's collaborator leg, if there is one.
func (r *replayer) endCollaborationOf(technician int64, before event.Status) {
	if l := r.legOf(technician); l != nil && l.collaborator {
		r.remove(l, event.ByTechnician, before, before)
	}
}

func (r *replayer) queueRemoved(e *event.Event) {
	switch l := r.legOf(e.TechnicianID); {
	case l == nil:
		removedBefore := slices.ContainsFunc(r.legs, func(l *leg) bool {
			return l.removal != nil && (e.TechnicianID == 0 || l.isOf(e.TechnicianID))
		})
		if !removedBefore {
			r.anomaly("no_such_leg")
		}
	case l.collaborator:
		r.remove(l, e.By, r.status(), r.status())
	default:
		r.removeAll(e.By, r.status())
	}
}

// removeAll removes every open leg with the session's current status.
func (r *replayer) removeAll(by event.Actor, before event.Status) {
	for _, l := range r.openLegs() {
		r.remove(l, by, before, r.status())
	}
}

func (r *replayer) remove(l *leg, by event.Actor, before, status event.Status) {
	l.removal = &removal{r.tick(), by, before, status}
}

func (r *replayer) open(collaborator bool, technician *event.Person) {
	r.legs = append(r.legs, &leg{
		number: int64(len(r.legs)), collaborator: collaborator, technician: technician, opened: r.tick(),
	})
}

func (r *replayer) enter(s event.Status) {
	r.statuses = append(r.statuses, statusFact{r.tick(), s})
}

func (r *replayer) anomaly(code string) { r.anomalies = append(r.anomalies, code) }

// tick returns the next moment.
func (r *replayer) tick() moment {
	r.now.step++
	return r.now
}

// status is the session's current status.
func (h *history) status() event.Status { return h.statuses[len(h.statuses)-1].status }

func (h *history) openLegs() []*leg {
	var open []*leg
	for _, l := range h.legs {
		if l.removal == nil {
			open = append(open, l)
		}
	}
	return open
}

// lead returns the open lead leg, or nil.
func (h *history) lead() *leg {
	for _, l := range h.openLegs() {
		if !l.collaborator {
			return l
		}
	}
	return nil
}

// legOf returns the open leg of a technician (0: the lead leg), or nil.
func (h *history) legOf(technician int64) *leg {
	if technician == 0 {
		return h.lead()
	}
	for _, l := range h.openLegs() {
		if l.isOf(technician) {
			return l
		}
	}
	return nil
}

func (l *leg) isOf(technician int64) bool {
	return l.technician != nil && l.technician.ID == technician
}

// whileOpen reports whether m lies between the leg's opening and its removal.
func (l *leg) whileOpen(m moment) bool {
	return l.opened.before(m) && (l.removal == nil || m.before(l.removal.moment))
}
