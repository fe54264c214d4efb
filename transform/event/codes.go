package event

// The code tables below give each value its spelling in a dump; index 0, the
// zero value, has none.
var (
	typeCodes = [...]string{
		SessionCreated: "session_created", DetailsChanged: "details_changed", StatusChanged: "status_changed",
		CollaborationStarted: "collaboration_started", CollaborationEnded: "collaboration_ended",
		Presence: "presence", ChatMessage: "chat_message", ToolUsed: "tool_used",
		ResolutionSubmitted: "resolution_submitted", QueueRemoved: "queue_removed",
	}
	statusCodes = [...]string{
		Connecting: "connecting", Waiting: "waiting", Active: "active", ClosedByCustomer: "closed_by_customer",
		ClosedByTechnician: "closed_by_technician", Transferring: "transferring", Transferred: "transferred",
		ClosedByWaitingCustomer: "closed_by_waiting_customer", TimedOut: "timed_out", Aborted: "aborted",
		Rebooting: "rebooting", Reconnecting: "reconnecting", OnHold: "on_hold",
		TimedOutClosedByTechnician: "timed_out_closed_by_technician", Offline: "offline",
		Disconnected: "disconnected", Rebooted: "rebooted", DeclinedByCustomer: "declined_by_customer",
	}
	sessionTypeCodes = [...]string{
		MobileApplet: "mobile_applet", CallingCard: "calling_card", InstantChat: "instant_chat",
		Unattended: "unattended", ConnectOnLAN: "connect_on_lan", Applet: "applet",
	}
	signalCodes = [...]string{
		Away: "away", Available: "available", LinkDown: "link_down", LinkUp: "link_up",
		TabSelected: "tab_selected", TabDeselected: "tab_deselected",
		ConsoleForeground: "console_foreground", ConsoleBackground: "console_background",
		WindowActive: "window_active", WindowInactive: "window_inactive",
	}
	senderCodes     = [...]string{Customer: "customer", Technician: "technician", System: "system"}
	actorCodes      = [...]string{ByTechnician: "technician", ByAdministrator: "administrator", ByTimeout: "timeout", BySystem: "system", ByTransfer: "transfer"}
	resolutionCodes = [...]string{Resolved: "resolved", Unresolved: "unresolved"}
	reasonCodes     = [...]string{BadJSON: "bad_json", TooLong: "too_long", MissingField: "missing_field", BadValue: "bad_value", UnknownType: "unknown_type", TooLate: "too_late", TooEarly: "too_early"}
)

func (t Type) String() string        { return code(int(t), typeCodes[:]) }
func (s Status) String() string      { return code(int(s), statusCodes[:]) }
func (t SessionType) String() string { return code(int(t), sessionTypeCodes[:]) }
func (s Signal) String() string      { return code(int(s), signalCodes[:]) }
func (s Sender) String() string      { return code(int(s), senderCodes[:]) }
func (a Actor) String() string       { return code(int(a), actorCodes[:]) }
func (r Resolution) String() string  { return code(int(r), resolutionCodes[:]) }
func (r Reason) String() string      { return code(int(r), reasonCodes[:]) }

func code(i int, codes []string) string {
	if i < len(codes) {
		return codes[i]
	}
	return ""
}

// Reasons lists every reason code, those of the contract first and in its
// order.
func Reasons() []Reason { return upTo[Reason](len(reasonCodes)) }

// Ending says whether s ends a session (report.md, "Legs": ending statuses).
func (s Status) Ending() bool {
	switch s {
	case ClosedByCustomer, ClosedByTechnician, ClosedByWaitingCustomer, TimedOut,
		TimedOutClosedByTechnician, Aborted, DeclinedByCustomer:
		return true
	}
	return false
}

// Statuses, SessionTypes, Signals, Senders and Types give the codes of each
// kind in the contract's order; generators and documentation use them.
func Statuses() []Status { return upTo[Status](len(statusCodes)) }

// SessionTypes lists every session type.
func SessionTypes() []SessionType { return upTo[SessionType](len(sessionTypeCodes)) }

// Signals lists every presence signal.
func Signals() []Signal { return upTo[Signal](len(signalCodes)) }

// Types lists every event type.
func Types() []Type { return upTo[Type](len(typeCodes)) }

func upTo[T ~uint8](n int) []T {
	var all []T
	for i := 1; i < n; i++ {
		all = append(all, T(i))
	}
	return all
}

// removedByCodes are the actors that an event can name.
var removedByCodes = actorCodes[:ByTimeout+1]

// find is the index of the code that s spells; 0 if there is none.
func find(codes []string, s []byte) int {
	for i, c := range codes {
		if string(s) == c {
			return i
		}
	}
	return 0
}
