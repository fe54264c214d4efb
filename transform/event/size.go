package event

import "slices"

// eventSize is what an event takes beside its texts, as max_session_size reckons it
// (EVENTS.md, "How far a session reaches").
const eventSize = 64

// Size is the size of the event in bytes, as max_session_size reckons it: 64 and
// the bytes of its texts. It depends on the event alone, not on how a program keeps
// it.
func (e *Event) Size() int64 {
	n := eventSize + len(e.ID) + len(e.Tool) +
		len(e.Technician.Name) + len(e.Technician.Email) + len(e.Technician.Group) +
		len(e.Channel.Name) + len(e.CallingCard) + len(e.TransferredTo.Name) + len(e.ExportedText())
	if e.Details != nil {
		for i := range e.Details.Value {
			n += len(e.Details.Value[i])
		}
	}
	return int64(n)
}

// MostSize is an upper bound of the size of events of which so many are encoded in
// so many bytes: any encoding has their texts in full.
func MostSize(events, encoded int) int64 { return int64(events)*eventSize + int64(encoded) }

// Extent is what is known of a session whose events are too many to be folded: those
// of one dump day, or of all that was read.
type Extent struct {
	Session     int64
	First, Last int64 // times of the first and the last event, in microseconds
	Events      int64 // each counted once
	Bytes       int64 // their size, as [Event.Size] reckons it
}

// Oversized counts sessions that are too large to be folded, and names some of them.
type Oversized struct {
	Sessions int64
	IDs      []int64 // the lowest ones, up to namedOversized, in order
}

// namedOversized is how many oversized sessions are named.
const namedOversized = 20

// Add adds a session that was not added before.
func (o *Oversized) Add(session int64) {
	o.Sessions++
	o.name(session)
}

// Merge adds the sessions of other, none of which was added before. The result does
// not depend on the order of the calls.
func (o *Oversized) Merge(other *Oversized) {
	o.Sessions += other.Sessions
	for _, id := range other.IDs {
		o.name(id)
	}
}

func (o *Oversized) name(session int64) {
	at, _ := slices.BinarySearch(o.IDs, session)
	if at == namedOversized {
		return
	}
	o.IDs = slices.Insert(o.IDs, at, session)
	o.IDs = o.IDs[:min(len(o.IDs), namedOversized)]
}
