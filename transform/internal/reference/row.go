package reference

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"daybook/transform/event"
)

// The English values of REPORT.md, "Columns" and "Statuses".
var (
	statusLabels = map[event.Status]string{
		event.Connecting:                 "Connecting",
		event.Waiting:                    "Waiting",
		event.Active:                     "Active",
		event.ClosedByCustomer:           "Closed by customer",
		event.ClosedByTechnician:         "Closed by technician",
		event.Transferring:               "Transferring",
		event.Transferred:                "Transferred",
		event.ClosedByWaitingCustomer:    "Closed by waiting customer",
		event.TimedOut:                   "Timed out",
		event.Aborted:                    "Aborted: technician was deleted or disabled",
		event.Rebooting:                  "Rebooting",
		event.Reconnecting:               "Reconnecting",
		event.OnHold:                     "On Hold",
		event.TimedOutClosedByTechnician: "Timed out: closed by technician",
		event.Offline:                    "Offline",
		event.Disconnected:               "Disconnected",
		event.Rebooted:                   "Rebooted",
		event.DeclinedByCustomer:         "Declined by customer",
	}
	sessionTypeLabels = map[event.SessionType]string{
		event.MobileApplet: "Mobile Applet",
		event.CallingCard:  "Calling Card",
		event.InstantChat:  "Instant Chat",
		event.Unattended:   "Unattended",
		event.ConnectOnLAN: "Connect On LAN",
		event.Applet:       "Applet",
	}
	verdictLabels = map[event.Resolution]string{event.Resolved: "Resolved", event.Unresolved: "Unresolved"}
)

// maxLength holds the maximum lengths of the texts, in code points.
var maxLength = map[string]int{
	"technician_name": 128, "technician_email": 128, "technician_group": 128,
	"session_type": 100, "status": 64, "name": 128,
	"custom_field_1": 64, "custom_field_2": 64, "custom_field_3": 64, "custom_field_4": 64, "custom_field_5": 64,
	"tracking_id": 256, "device_id": 128, "tools_used": 128, "channel_name": 64, "calling_card": 64,
	"platform": 20, "transferred_to": 128,
}

const maxIPLength = 15

// row computes the columns of a leg, except session_id. Texts are not cut yet.
//
// It has more than 60 lines because it is one list of all columns.
func (h *history) row(l *leg, loc *time.Location) Row {
	start, end := h.start(l), h.end(l)
	date := l.opened.ms
	if start != nil {
		date = start.ms
	}
	local := time.UnixMilli(date).In(loc)
	details := h.detailsOf(l)
	row := Row{
		"leg": l.number, "role": "lead", "is_final": l.removal != nil,
		"begin_time": l.opened.ms, "start_time": when(start), "end_time": known(end),
		"last_action_time": known(h.lastAction(l)),
		"report_date":      local.Format(time.DateOnly),
		"status":           statusLabels[h.statusOf(l)],

		"session_type": text(sessionTypeLabels[h.sessionType]),
		"channel_id":   id(h.channel.ID), "channel_name": text(h.channel.Name),
		"calling_card": text(h.callingCard),
		"name":         text(details[event.DetailName]),
		"tracking_id":  text(details[event.DetailTrackingID]),
		"customer_ip":  text(details[event.DetailCustomerIP]),
		"device_id":    text(details[event.DetailDeviceID]),
		"platform":     text(details[event.DetailPlatform]),
		"browser_type": nil,

		"custom_field_1": text(details[event.DetailCustomField1]),
		"custom_field_2": text(details[event.DetailCustomField1+1]),
		"custom_field_3": text(details[event.DetailCustomField1+2]),
		"custom_field_4": text(details[event.DetailCustomField1+3]),
		"custom_field_5": text(details[event.DetailCustomField1+4]),

		"technician_id": nil, "technician_name": nil, "technician_email": nil, "technician_group": nil,

		"tools_used":          text(h.toolsUsed(l)),
		"resolved_unresolved": nil,
		"transferred_to":      text(l.transferredTo),
		"anomalies":           text(h.anomalyList()),

		"connecting_time_ms":    h.connecting(l),
		"waiting_time_ms":       h.waiting(l),
		"time_to_first_chat_ms": known(h.timeToFirstChat(l)),
		"wrap_up_time_ms":       known(h.wrapUp(l)),
		"work_time_ms":          h.work(l).size(),

		"first_chat_message_sent": when(h.firstOwnMessage(l)),
		"customer_messages":       h.messageCount(l, event.Customer),
		"technician_messages":     h.messageCount(l, event.Technician),
		"system_messages":         h.messageCount(l, event.System),
	}
	if l.collaborator {
		row["role"] = "collaborator"
	}
	if t := l.technician; t != nil {
		row["technician_id"], row["technician_name"] = t.ID, text(t.Name)
		row["technician_email"], row["technician_group"] = text(t.Email), text(t.Group)
	}
	if h.sessionType == event.InstantChat {
		row["browser_type"] = text(details[event.DetailBrowserType])
	}
	if local.Before(time.Date(2009, time.May, 1, 0, 0, 0, 0, loc)) {
		row["resolved_unresolved"] = text(verdictLabels[h.lastVerdict(l)])
	}

	active := h.timeIn(l, event.Active)
	hold := h.timeIn(l, event.OnHold)
	transfer := h.timeIn(l, event.Transferring)
	rebooting := h.timeIn(l, event.Rebooting)
	reconnecting := h.timeIn(l, event.Reconnecting)
	total := active + hold + transfer + rebooting + reconnecting
	row["active_time_ms"], row["hold_time_ms"], row["transfer_time_ms"] = active, hold, transfer
	row["rebooting_time_ms"], row["reconnecting_time_ms"] = rebooting, reconnecting
	row["total_time_ms"] = total
	row["other_time_ms"] = h.counted(l).size() - total
	return row
}

// statusesOf returns the statuses that the session entered while the leg was
// open. The first one of a lead leg is the status with which it opened.
func (h *history) statusesOf(l *leg) []statusFact {
	var of []statusFact
	for _, s := range h.statuses {
		if l.whileOpen(s.moment) {
			of = append(of, s)
		}
	}
	return of
}

// firstOf returns the first moment at which the session entered s while the leg
// was open, or nil.
func (h *history) firstOf(l *leg, s event.Status) *moment {
	for _, f := range h.statusesOf(l) {
		if f.status == s {
			return &f.moment
		}
	}
	return nil
}

// start: when the session first was active while this leg was its lead; a
// collaborator leg starts when it opens.
func (h *history) start(l *leg) *moment {
	if l.collaborator {
		return &l.opened
	}
	return h.firstOf(l, event.Active)
}

// end: the last change from another status to an ending one that was not taken
// back; otherwise the removal, or nil.
func (h *history) end(l *leg) *int64 {
	var end *int64
	ending := false
	for _, s := range h.statuses {
		switch {
		case !l.whileOpen(s.moment):
			// Only ending matters: the status before the leg opened.
		case !s.status.Ending():
			end = nil
		case !ending:
			end = &s.ms
		}
		ending = s.status.Ending()
	}
	if end == nil && l.removal != nil {
		return &l.removal.ms
	}
	return end
}

// lastKnown: the removal, or the session's last event.
func (h *history) lastKnown(l *leg) int64 {
	if l.removal != nil {
		return l.removal.ms
	}
	return h.last.ms
}

func (h *history) endOrLastKnown(l *leg) int64 {
	if end := h.end(l); end != nil {
		return *end
	}
	return h.lastKnown(l)
}

// counted is the time from start to end (or last known).
func (h *history) counted(l *leg) spans {
	start := h.start(l)
	if start == nil {
		return nil
	}
	return union(nil, spans{{start.ms, h.endOrLastKnown(l)}})
}

// during is the time in which the session had the status s.
func (h *history) during(s event.Status) spans {
	var turns []turn
	for _, f := range h.statuses {
		turns = append(turns, turn{f.ms, f.status == s})
	}
	return whileOn(turns)
}

// timeIn is the leg's bucket of one status.
func (h *history) timeIn(l *leg, s event.Status) int64 {
	return all(h.counted(l), h.during(s)).size()
}

// connecting: from begin to the first other status, or removal, or last known.
func (h *history) connecting(l *leg) int64 {
	statuses := h.statusesOf(l)
	if l.collaborator || len(statuses) == 0 || statuses[0].status != event.Connecting {
		return 0
	}
	for _, s := range statuses {
		if s.status != event.Connecting {
			return s.ms - l.opened.ms
		}
	}
	return h.lastKnown(l) - l.opened.ms
}

// waiting: from the leg's first waiting to its start; never started: to its
// end, or last known.
func (h *history) waiting(l *leg) int64 {
	start, waiting := h.start(l), h.firstOf(l, event.Waiting)
	switch {
	case l.collaborator || waiting == nil:
		return 0
	case start == nil:
		return h.endOrLastKnown(l) - waiting.ms
	case waiting.before(*start):
		return start.ms - waiting.ms
	}
	return 0
}

// present is the time from the leg's start in which a condition was true. The
// signals on and off switch it. With alsoActive, the session entering active
// switches it on, too.
func (h *history) present(l *leg, initially bool, on, off event.Signal, alsoActive bool) spans {
	start := h.start(l)
	if start == nil {
		return nil
	}
	type switching struct {
		moment
		on bool
	}
	switches := []switching{{*start, initially}}
	for _, s := range h.signals {
		if s.leg == l && start.before(s.moment) && (s.signal == on || s.signal == off) {
			switches = append(switches, switching{s.moment, s.signal == on})
		}
	}
	for _, s := range h.statusesOf(l) {
		if alsoActive && s.status == event.Active && start.before(s.moment) {
			switches = append(switches, switching{s.moment, true})
		}
	}
	slices.SortFunc(switches, func(a, b switching) int { return a.step - b.step })
	var turns []turn
	for _, s := range switches {
		turns = append(turns, turn{s.ms, s.on})
	}
	return whileOn(turns)
}

func (h *history) linkUp(l *leg) spans {
	return h.present(l, true, event.LinkUp, event.LinkDown, true)
}

func (h *history) available(l *leg) spans {
	return h.present(l, true, event.Available, event.Away, false)
}

func (h *history) tabSelected(l *leg) spans {
	return h.present(l, true, event.TabSelected, event.TabDeselected, false)
}

func (h *history) consoleForeground(l *leg) spans {
	return h.present(l, true, event.ConsoleForeground, event.ConsoleBackground, false)
}

func (h *history) windowActive(l *leg) spans {
	return h.present(l, false, event.WindowActive, event.WindowInactive, false)
}

// work: active time between start and end with the four conditions of work.
func (h *history) work(l *leg) spans {
	return all(h.counted(l), h.during(event.Active), h.linkUp(l), h.available(l),
		h.tabSelected(l), h.consoleForeground(l))
}

// inAction is the time in which the leg was in action.
func (h *history) inAction(l *leg) spans {
	start := h.start(l)
	if start == nil {
		return nil
	}
	open := spans{{start.ms, forever}}
	if l.removal != nil {
		open = union(nil, spans{{start.ms, l.removal.ms}})
	}
	looking := union(all(h.tabSelected(l), h.consoleForeground(l)), h.windowActive(l))
	return all(open, h.during(event.Active), h.linkUp(l), h.available(l), looking)
}

// lastAction: when being in action last ended.
func (h *history) lastAction(l *leg) *int64 {
	var last *int64
	for _, s := range h.inAction(l) {
		if s.to != forever {
			last = &s.to
		}
	}
	return last
}

// firstOwnMessage is the moment of the first message of the leg's technician, or
// nil.
func (h *history) firstOwnMessage(l *leg) *moment {
	for _, m := range h.messages {
		if m.sender == event.Technician && slices.Contains(m.legs, l) {
			return &m.moment
		}
	}
	return nil
}

func (h *history) messageCount(l *leg, sender event.Sender) int64 {
	var n int64
	for _, m := range h.messages {
		if m.sender == sender && slices.Contains(m.legs, l) {
			n++
		}
	}
	return n
}

// timeToFirstChat: from the leg's first waiting, if that came before both its
// start and the message, otherwise from begin.
func (h *history) timeToFirstChat(l *leg) *int64 {
	message := h.firstOwnMessage(l)
	if l.collaborator || message == nil {
		return nil
	}
	from := l.opened
	start, waiting := h.start(l), h.firstOf(l, event.Waiting)
	if waiting != nil && (start == nil || waiting.before(*start)) && waiting.before(*message) {
		from = *waiting
	}
	elapsed := message.ms - from.ms
	return &elapsed
}

// wrapUp follows REPORT.md, "Wrap-up", case by case.
func (h *history) wrapUp(l *leg) *int64 {
	var zero int64
	switch r := l.removal; {
	case r == nil:
		return nil
	case r.by == event.ByTransfer:
		return &zero
	case r.by == event.ByTechnician && slices.Contains(
		[]event.Status{event.Active, event.Offline, event.Rebooting, event.Reconnecting}, r.before):
		return &zero
	}
	var wrapUp *int64
	for _, m := range h.messages {
		if m.sender != event.System && l.whileOpen(m.moment) {
			elapsed := l.removal.ms - m.ms
			wrapUp = &elapsed
		}
	}
	return wrapUp
}

func (h *history) statusOf(l *leg) event.Status {
	if l.removal != nil {
		return l.removal.status
	}
	return h.status()
}

// detailsOf returns the details at the removal of the leg, or the latest.
func (h *history) detailsOf(l *leg) [event.NumDetails]string {
	var values [event.NumDetails]string
	for _, d := range h.details {
		if l.removal == nil || d.before(l.removal.moment) {
			values = d.values
		}
	}
	return values
}

func (h *history) toolsUsed(l *leg) string {
	var tools []string
	for _, t := range h.tools {
		if t.leg == l && !slices.Contains(tools, t.tool) {
			tools = append(tools, t.tool)
		}
	}
	return strings.Join(tools, ",")
}

func (h *history) lastVerdict(l *leg) event.Resolution {
	var last event.Resolution
	for _, v := range h.verdicts {
		if v.leg == l {
			last = v.verdict
		}
	}
	return last
}

func (h *history) anomalyList() string {
	codes := slices.Clone(h.anomalies)
	slices.Sort(codes)
	return strings.Join(slices.Compact(codes), ",")
}

// cutTexts cuts the row's texts to their lengths and returns how many it cut.
func cutTexts(row Row) int {
	cut := 0
	for column, length := range maxLength {
		if s, ok := row[column].(string); ok && utf8.RuneCountInString(s) > length {
			row[column] = string([]rune(s)[:length])
			cut++
		}
	}
	return cut
}

// dropLongIP clears an address that does not fit, and returns 1 if it did.
func dropLongIP(row Row) int {
	if ip, ok := row["customer_ip"].(string); ok && utf8.RuneCountInString(ip) > maxIPLength {
		row["customer_ip"] = nil
		return 1
	}
	return 0
}

// These functions return nil for unknown values.

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func id(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

func known(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

func when(m *moment) any {
	if m == nil {
		return nil
	}
	return m.ms
}
