// Package event defines the events of a support session, and decodes a line of
// a dump into an event or a reject (EVENTS.md).
package event

// MaxLine is the maximum length of an event's line, in bytes without its line
// ending (EVENTS.md, "Lines").
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
	// ExportedRow is a row of an export of the report (EXPORTS.md). No line of events has
	// this type.
	ExportedRow
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

// Sender is the kind of author of a chat line.
type Sender uint8

// The senders of EVENTS.md.
const (
	Customer Sender = iota + 1
	Technician
	System
)

// Actor is the party that removed a session from a technician's queue.
type Actor uint8

// The first three are queue_removed's "by" codes; the engine adds the others.
const (
	ByTechnician Actor = iota + 1
	ByAdministrator
	ByTimeout
	BySystem   // a removing status of the system (REPORT.md, "Statuses")
	ByTransfer // transferred or handed over
)

// Resolution is a technician's verdict (before May 2009).
type Resolution uint8

// The resolution codes of EVENTS.md.
const (
	Resolved Resolution = iota + 1
	Unresolved
)

// Person is a technician as described by an event. ID is 0 if the event names
// none. Empty strings are unknown.
type Person struct {
	ID    int64
	Name  string
	Email string
	Group string
}

// Channel is a channel as described by an event. ID 0 means no channel.
type Channel struct {
	ID   int64
	Name string
}

// Target is what a session is transferred to. Name is "" if the event gives no
// target.
type Target struct {
	Name    string
	Channel bool  // it is a channel
	ID      int64 // of the channel; 0: unknown
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

// Details holds the details that an event gives: bit i of Given is set if
// Value[i] is given. A given empty value clears the detail. Only
// details_changed clears; elsewhere null and "" mean not given.
type Details struct {
	Given uint16
	Value [NumDetails]string
}

// Event is one event of one session. Beyond the first five members, only those
// of its Type are set; the others are zero. Its strings are valid UTF-8.
type Event struct {
	ID        string // event_id
	TS        int64  // microseconds since the Unix epoch, truncated
	SessionID int64
	Seq       int64
	Type      Type

	Status        Status      // StatusChanged
	SessionType   SessionType // SessionCreated
	Signal        Signal      // Presence
	Sender        Sender      // ChatMessage
	Resolution    Resolution  // ResolutionSubmitted
	By            Actor       // QueueRemoved
	Tool          string      // ToolUsed
	Technician    Person      // SessionCreated, StatusChanged, CollaborationStarted
	TechnicianID  int64       // the types with a technician_id; 0: not given
	Channel       Channel     // SessionCreated
	CallingCard   string      // SessionCreated
	TransferredTo Target      // StatusChanged
	Exported      *string     // ExportedRow: Exported.AppendText; it has Status, Tool, Technician, Channel, CallingCard, TransferredTo and Details, too
	Details       *Details    // SessionCreated, DetailsChanged; nil: none given
}

// Millis returns the event's time in milliseconds since the Unix epoch,
// truncated. All times and durations use it (EVENTS.md, "Lines").
func (e *Event) Millis() int64 { return e.TS / 1000 }

// ExportedText is the text of an ExportedRow; empty for other types.
func (e *Event) ExportedText() string {
	if e.Exported == nil {
		return ""
	}
	return *e.Exported
}

// Reason is the code for why a line is rejected. The zero value is no reason.
type Reason uint8

// The reason codes of EVENTS.md, "What becomes of each line". TooLate and
// TooEarly are for events whose date lies more than the look-back from their
// dump day: the report of that date does not read the dump.
const (
	BadJSON Reason = iota + 1
	TooLong
	MissingField
	BadValue
	UnknownType
	TooLate
	TooEarly
	BadColumns            // of a row of an export: its cells do not fit the columns
	NumReasons = iota + 1 // including no reason
)

// Reject is the reason for rejecting a line.
type Reject struct {
	Reason Reason
	Detail string // for people: the member and what is expected
}
