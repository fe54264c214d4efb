package controller

import (
	"maps"
	"slices"
	"time"

	"daybook/pipeline/service/states"
	"daybook/transform/day"
)

// Ledger is what the delivery of a report to people has posted, so that it posts each
// period once: over restarts, and on any replica.
type Ledger struct {
	// Base is the last date that is not delivered. A new delivery begins with the newest
	// period, or after it if that was published before.
	Base day.Day `json:"base"`
	// Posted are the newest deliveries by period. Older ones are forgotten: they are too
	// old to be posted again.
	Posted map[string]*Posting `json:"posted"`
}

// Posting is one message of a delivery.
type Posting struct {
	Revision string    `json:"revision"` // of the period's partitions
	Posted   time.Time `json:"posted"`   // into the outbox
	Event    string    `json:"event"`    // its id in the outbox
	Outcome  string    `json:"outcome,omitempty"`
	Ended    time.Time `json:"ended,omitzero"`
	Error    string    `json:"error,omitempty"` // of the last attempt
}

// The outcomes of a posting. It has none while it is tried.
const (
	Sent    = "sent"
	GivenUp = "given up"
)

// maxPostings is how many periods a ledger remembers: two months of days. It is more than
// the periods that a delivery looks back, so none is posted twice.
const maxPostings = 62

// Ledger is the ledger of a delivery. base is the Base of a new one.
func (s *State) Ledger(delivery string, base day.Day) *Ledger {
	if s.Deliveries == nil {
		s.Deliveries = map[string]*Ledger{}
	}
	l := s.Deliveries[delivery]
	if l == nil {
		l = &Ledger{Base: base}
		s.Deliveries[delivery] = l
	}
	if l.Posted == nil {
		l.Posted = map[string]*Posting{}
	}
	return l
}

// Wants reports whether a period is to be posted, and whether an earlier revision of it
// was. again: a restated period is posted again.
func (l *Ledger) Wants(period string, last day.Day, revision string, again bool) (wanted, restated bool) {
	p := l.Posted[period]
	if p == nil {
		return last > l.Base, false
	}
	return again && p.Revision != revision, true
}

// Post notes a message. The oldest ones beyond maxPostings are forgotten.
func (l *Ledger) Post(period, revision, event string, now time.Time) {
	l.Posted[period] = &Posting{Revision: revision, Posted: now, Event: event}
	periods := slices.Sorted(maps.Keys(l.Posted)) // of one length, so this is by time
	for len(periods) > maxPostings {
		delete(l.Posted, periods[0])
		periods = periods[1:]
	}
}

// EndDelivery notes the outcome of an attempt to send the message of an event.
func (s *State) EndDelivery(delivery, event string, err error, gaveUp bool, now time.Time) {
	l := s.Deliveries[delivery]
	if l == nil {
		return
	}
	for _, p := range l.Posted {
		if p.Event != event {
			continue
		}
		p.Error = ""
		switch {
		case err == nil:
			p.Outcome, p.Ended = Sent, now
		case gaveUp:
			p.Outcome, p.Ended = GivenUp, now
		}
		if err != nil {
			p.Error = shortError(err)
		}
	}
}

// LastDeliveries are the deliveries by name, each with its newest message.
func (s *State) LastDeliveries() []states.Delivery {
	var all []states.Delivery
	for _, name := range slices.Sorted(maps.Keys(s.Deliveries)) {
		d := states.Delivery{Name: name}
		if period, p := s.Deliveries[name].Last(); p != nil {
			d.Period, d.Revision, d.Posted = period, p.Revision, p.Posted
			d.Outcome, d.Ended, d.Error = p.Outcome, p.Ended, p.Error
		}
		all = append(all, d)
	}
	return all
}

// Last gives the newest period with a message, and that message. Before the first
// message it gives nil.
func (l *Ledger) Last() (period string, p *Posting) {
	if len(l.Posted) == 0 {
		return "", nil
	}
	period = slices.Max(slices.Collect(maps.Keys(l.Posted)))
	return period, l.Posted[period]
}

// DropDeliveries removes the ledgers of deliveries that are no longer configured.
func (s *State) DropDeliveries(configured []string) {
	maps.DeleteFunc(s.Deliveries, func(name string, _ *Ledger) bool { return !slices.Contains(configured, name) })
}
