package event

// The code tables give each value its spelling in a dump. Index 0, the zero
// value, has no spelling.
var (
	typeCodes = newCodes([]string{
		SessionCreated: "session_created", DetailsChanged: "details_changed", StatusChanged: "status_changed",
		CollaborationStarted: "collaboration_started", CollaborationEnded: "collaboration_ended",
		Presence: "presence", ChatMessage: "chat_message", ToolUsed: "tool_used",
		ResolutionSubmitted: "resolution_submitted", QueueRemoved: "queue_removed", ExportedRow: "exported_row",
	})
	lineTypeCodes = newCodes(typeCodes.names[:QueueRemoved+1]) // those of lines
	statusCodes   = newCodes([]string{
		Connecting: "connecting", Waiting: "waiting", Active: "active", ClosedByCustomer: "closed_by_customer",
		ClosedByTechnician: "closed_by_technician", Transferring: "transferring", Transferred: "transferred",
		ClosedByWaitingCustomer: "closed_by_waiting_customer", TimedOut: "timed_out", Aborted: "aborted",
		Rebooting: "rebooting", Reconnecting: "reconnecting", OnHold: "on_hold",
		TimedOutClosedByTechnician: "timed_out_closed_by_technician", Offline: "offline",
		Disconnected: "disconnected", Rebooted: "rebooted", DeclinedByCustomer: "declined_by_customer",
	})
	sessionTypeCodes = newCodes([]string{
		MobileApplet: "mobile_applet", CallingCard: "calling_card", InstantChat: "instant_chat",
		Unattended: "unattended", ConnectOnLAN: "connect_on_lan", Applet: "applet",
	})
	signalCodes = newCodes([]string{
		Away: "away", Available: "available", LinkDown: "link_down", LinkUp: "link_up",
		TabSelected: "tab_selected", TabDeselected: "tab_deselected",
		ConsoleForeground: "console_foreground", ConsoleBackground: "console_background",
		WindowActive: "window_active", WindowInactive: "window_inactive",
	})
	senderCodes     = newCodes([]string{Customer: "customer", Technician: "technician", System: "system"})
	actorCodes      = newCodes([]string{ByTechnician: "technician", ByAdministrator: "administrator", ByTimeout: "timeout", BySystem: "system", ByTransfer: "transfer"})
	resolutionCodes = newCodes([]string{Resolved: "resolved", Unresolved: "unresolved"})
	reasonCodes     = newCodes([]string{BadJSON: "bad_json", TooLong: "too_long", MissingField: "missing_field", BadValue: "bad_value", UnknownType: "unknown_type", TooLate: "too_late", TooEarly: "too_early", BadColumns: "bad_columns"})
)

func (t Type) String() string        { return typeCodes.name(int(t)) }
func (s Status) String() string      { return statusCodes.name(int(s)) }
func (t SessionType) String() string { return sessionTypeCodes.name(int(t)) }
func (s Signal) String() string      { return signalCodes.name(int(s)) }
func (s Sender) String() string      { return senderCodes.name(int(s)) }
func (a Actor) String() string       { return actorCodes.name(int(a)) }
func (r Resolution) String() string  { return resolutionCodes.name(int(r)) }
func (r Reason) String() string      { return reasonCodes.name(int(r)) }

// codes maps the values of a kind of code to their spellings and back.
type codes struct {
	names []string
	value [64]uint8 // by hash
}

func newCodes(names []string) *codes {
	c := &codes{names: names}
	for i, name := range names[1:] {
		c.value[codeHash(name)] = uint8(i + 1)
	}
	return c
}

// codeHash is a perfect hash for the codes of each kind: a weighted sum of the
// first, last and middle byte. A collision would hide a
// code from find, which the tests of all codes would notice.
func codeHash[T string | []byte](s T) byte {
	return (3*s[0] + s[len(s)-1] + s[len(s)/2]) % 64
}

func (c *codes) name(i int) string {
	if i < len(c.names) {
		return c.names[i]
	}
	return ""
}

// find returns the value with the spelling s, which is not empty; 0 if there is
// none.
func (c *codes) find(s []byte) int {
	if i := c.value[codeHash(s)]; c.names[i] == string(s) {
		return int(i)
	}
	return 0
}

// Reasons lists every reason code, in the order of EVENTS.md.
func Reasons() []Reason { return upTo[Reason](len(reasonCodes.names)) }

// Ending reports whether s is an ending status (REPORT.md, "Statuses").
func (s Status) Ending() bool {
	switch s {
	case ClosedByCustomer, ClosedByTechnician, ClosedByWaitingCustomer, TimedOut,
		TimedOutClosedByTechnician, Aborted, DeclinedByCustomer:
		return true
	}
	return false
}

// Statuses lists every status, in the order of EVENTS.md.
func Statuses() []Status { return upTo[Status](len(statusCodes.names)) }

// SessionTypes lists every session type.
func SessionTypes() []SessionType { return upTo[SessionType](len(sessionTypeCodes.names)) }

// Signals lists every presence signal.
func Signals() []Signal { return upTo[Signal](len(signalCodes.names)) }

// Types lists every event type of EVENTS.md.
func Types() []Type { return upTo[Type](len(lineTypeCodes.names)) }

func upTo[T ~uint8](n int) []T {
	var all []T
	for i := 1; i < n; i++ {
		all = append(all, T(i))
	}
	return all
}

// removedByCodes are the actors that queue_removed can name.
var removedByCodes = newCodes(actorCodes.names[:ByTimeout+1])
