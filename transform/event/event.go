// Package event holds the events of a support session as the engine sees
// them, and turns a line of a dump into one of them or into a reject
// (EVENTS.md).
package event

// MaxLine is the longest line, in bytes without its terminator, that can be
// an event (EVENTS.md, "Lines").
const MaxLine = 1 << 20

// Type is what happened.
type Type uint8

// The event types of EVENTS.md, "Types".
const (
	SessionCreated Type = iota + 1
	DetailsChanged
	StatusChanged
	CollaborationStarted
	CollaborationEnded
	Presence
	ChatMessage
	ToolUsed
	ResolutionSubmitted
	QueueRemoved
)

// Status is a session's status. The zero value is no status.
type Status uint8

// The status codes of EVENTS.md, in the order in which it lists them.
const (
	Connecting Status = iota + 1
	Waiting
	Active
	ClosedByCustomer
	ClosedByTechnician
	Transferring
	Transferred
	ClosedByWaitingCustomer
	TimedOut
	Aborted
	Rebooting
	Reconnecting
	OnHold
	TimedOutClosedByTechnician
	Offline
	Disconnected
	Rebooted
	DeclinedByCustomer
)

// SessionType is the technology at the customer's side. Zero is unknown.
type SessionType uint8

// The session type codes of EVENTS.md.
const (
	MobileApplet SessionType = iota + 1
	CallingCard
	InstantChat
	Unattended
	ConnectOnLAN
	Applet
)

// Signal is a presence code: a signal from a technician's console.
type Signal uint8

// The presence codes of EVENTS.md.
const (
	Away Signal = iota + 1
	Available
	LinkDown
	LinkUp
	TabSelected
	TabDeselected
	ConsoleForeground
	ConsoleBackground
	WindowActive
	WindowInactive
)

// Sender is who wrote a chat line.
type Sender uint8

// The senders of EVENTS.md.
const (
	Customer Sender = iota + 1
	Technician
	System
)

// Actor is who removed a session from a technician's queue.
type Actor uint8

// The first three are queue_removed's "by" codes; the engine adds the others.
const (
	ByTechnician Actor = iota + 1
	ByAdministrator
	ByTimeout
	BySystem   // a removing status that nobody caused (REPORT.md, "Legs")
	ByTransfer // transferred or handed over
)

// Resolution is a technician's verdict (before May 2009).
type Resolution uint8

// The resolution codes of EVENTS.md.
const (
	Resolved Resolution = iota + 1
	Unresolved
)

// Person is a technician as an event describes one. ID is 0 where the event
// names none; empty strings are unknown.
type Person struct {
	ID    int64
	Name  string
	Email string
	Group string
}

// Channel is a channel as an event describes one. ID is 0 where there is none.
type Channel struct {
	ID   int64
	Name string
}

// The details of a session that can change, as indexes into Details.
const (
	DetailName = iota
	DetailTrackingID
	DetailCustomerIP
	DetailDeviceID
	DetailPlatform
	DetailBrowserType
	DetailCustomField1 // and the four after it
	NumDetails         = DetailCustomField1 + 5
)

// Details holds a value for each detail that is given; bit i of Given says
// that detail i was. A given empty value clears the detail
// (details_changed only: elsewhere null and "" are the same as not given).
type Details struct {
	Given uint16
	Value [NumDetails]string
}

// Event is one event of one session. Which members beyond the first five mean
// something depends on Type; the others are zero. Its strings are valid UTF-8.
type Event struct {
	ID        string // event_id
	TS        int64  // microseconds since the Unix epoch, truncated
	SessionID int64
	Seq       int64
	Type      Type

	Status       Status      // StatusChanged
	SessionType  SessionType // SessionCreated
	Signal       Signal      // Presence
	Sender       Sender      // ChatMessage
	Resolution   Resolution  // ResolutionSubmitted
	By           Actor       // QueueRemoved
	Tool         string      // ToolUsed
	Technician   Person      // SessionCreated, StatusChanged, CollaborationStarted
	TechnicianID int64       // the types with a technician_id; 0: not given
	Channel      Channel     // SessionCreated
	CallingCard  string      // SessionCreated
	Transferred  string      // StatusChanged: transferred_to.name; "" where not given
	Details      *Details    // SessionCreated, DetailsChanged; nil: none given
}

// Millis returns the event's time in whole milliseconds since the Unix epoch,
// truncated: what enters every time and duration (EVENTS.md, "Lines").
func (e *Event) Millis() int64 { return e.TS / 1000 }

// Reason is why a line is no event. The zero value is none.
type Reason uint8

// The reason codes of EVENTS.md, "What becomes of each line". The last two are
// for lines that are events, but lie further from the day of their dump than the
// look-back reaches: no report of their own day would read that dump.
const (
	BadJSON Reason = iota + 1
	TooLong
	MissingField
	BadValue
	UnknownType
	TooLate
	TooEarly
	NumReasons = iota + 1 // with none
)

// Reject says why a line was refused.
type Reject struct {
	Reason Reason
	Detail string // for people: which member, and what was expected
}
