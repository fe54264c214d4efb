package generate

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"daybook/transform/day"
)

// resolutionsEnded is the day from which verdicts are rare (EVENTS.md, "Types").
var resolutionsEnded = day.Date(2009, time.May, 1)

// session is the current state of a session while its lines are written.
type session struct {
	*lineWriter
	lead       *technician
	colleagues []*technician // collaborating technicians
}

// writeSession writes the lines of p's session.
func (t *lineWriter) writeSession(p plan) {
	t.begin(p)
	s := &session{lineWriter: t, lead: pick(t, t.organisation.technicians)}
	s.arrive()
	if s.chance(0.09) {
		s.giveUp()
		return
	}
	s.wait(50 * time.Second)
	s.status("active", s.lead)
	if s.chance(0.7) {
		s.chat("technician", s.lead)
	}
	s.work()
	if p.breakDays > 0 {
		s.pause()
	}
	if s.chance(0.03) {
		return // never closed
	}
	s.finish()
	if s.chance(0.015) {
		s.wait(3 * time.Minute)
		s.status("active", s.lead) // the customer came back
		s.chat("customer", nil)
		s.finish()
	}
	if s.chance(0.01) {
		s.presence("away", s.lead) // no leg is open
	}
}

// arrive writes the events until the session waits for a technician.
func (s *session) arrive() {
	chat := s.chance(0.25)
	s.beginEvent("session_created")
	switch n := s.rand.IntN(20); {
	case chat:
		s.string("session_type", "instant_chat")
	case n < 13:
		s.string("session_type", "applet")
	default:
		s.string("session_type", [...]string{
			"calling_card", "calling_card", "calling_card", "mobile_applet", "mobile_applet", "unattended", "connect_on_lan",
		}[n-13])
		if n < 16 {
			s.string("calling_card", pick(s.lineWriter, callingCards))
		}
	}
	if s.chance(0.8) {
		s.json("channel", pick(s.lineWriter, s.organisation.channels))
	} else {
		s.technician(s.lead)
	}
	if s.chance(0.7) {
		s.details(chat)
		s.endEvent()
	} else {
		s.endEvent()
		s.wait(20 * time.Second)
		s.beginEvent("details_changed")
		s.details(chat)
		s.endEvent()
	}
	if s.chance(0.3) {
		s.wait(2 * time.Second)
		s.status("connecting", nil)
	}
	s.wait(15 * time.Second)
	s.chat("system", nil)
	s.status("waiting", nil)
}

// details writes the first details of a customer.
func (s *session) details(chat bool) {
	name := pick(s.lineWriter, given) + " " + pick(s.lineWriter, family)
	if s.chance(0.003) {
		name = strings.Repeat(name+" ", 15) // longer than 128 characters
	}
	s.string("name", name)
	s.string("customer_ip", s.ip())
	s.string("platform", pick(s.lineWriter, platforms))
	if chat || s.chance(0.3) {
		s.string("browser_type", pick(s.lineWriter, browsers))
	}
	if s.chance(0.5) {
		tracking := "CRM-" + strconv.Itoa(s.rand.IntN(1_000_000))
		if s.chance(0.002) {
			tracking = strings.Repeat(tracking+"/", 40) // longer than 256
		}
		s.string("tracking_id", tracking)
	}
	if s.chance(0.6) {
		s.string("device_id", "dev-"+strconv.FormatUint(s.rand.Uint64(), 16))
	}
	s.customFields()
}

// ip is an IPv4 address, or an IPv6 address that is longer than its column.
func (s *session) ip() string {
	if s.chance(0.15) {
		return "2001:db8:85a3::" + strconv.FormatUint(1<<12+s.rand.Uint64N(1<<12), 16) + ":" + strconv.FormatUint(s.rand.Uint64N(1<<16), 16)
	}
	return pick(s.lineWriter, []string{"192.0.2.", "198.51.100.", "203.0.113."}) + strconv.Itoa(1+s.rand.IntN(254))
}

func (s *session) customFields() {
	s.member("custom_fields")
	s.text = append(s.text, '[')
	for i := range s.rand.IntN(6) {
		if i > 0 {
			s.text = append(s.text, s.format.comma...)
		}
		switch {
		case s.chance(0.15):
			s.text = append(s.text, "null"...)
		case s.chance(0.01):
			s.text = append(s.text, `"half \ud83d a pair"`...)
		default:
			s.text = appendString(s.text, pick(s.lineWriter, answers), s.format.ascii)
		}
	}
	s.text = append(s.text, ']')
}

// giveUp ends a session without a technician.
func (s *session) giveUp() {
	s.wait(4 * time.Minute)
	switch s.rand.IntN(10) {
	case 0:
		s.status("timed_out", nil)
	case 1:
		s.status("aborted", nil)
	case 2:
		s.status("declined_by_customer", nil)
	case 3:
		s.status("closed_by_customer", nil)
		s.wait(time.Minute)
		s.queueRemoved("timeout", nil)
	case 4:
		return // still waiting
	default:
		s.status("closed_by_waiting_customer", nil)
	}
}

// longestWork bounds a session, to keep it within spanMillis.
const longestWork = 2 * time.Hour

// work writes the events of an active session.
func (s *session) work() {
	until := s.now + longestWork.Microseconds()
	for range 5 + min(int(s.rand.ExpFloat64()*16), 120) {
		s.wait(20 * time.Second)
		if s.now > until {
			return
		}
		switch n := s.rand.IntN(1000); {
		case n < 450:
			s.talk()
		case n < 640:
			s.lookAway()
		case n < 780:
			s.tool(s.anyone())
		case n < 820:
			s.changeDetails()
		case n < 850:
			s.hold(3 * time.Minute)
		case n < 880:
			s.reboot()
		case n < 915:
			s.reconnect()
		case n < 930:
			s.transfer()
		case n < 940:
			s.transferToChannel()
		case n < 943: // handover without a transfer
			s.lead = s.another()
			s.status("active", s.lead)
		case n < 970:
			s.collaborate()
		case n < 990:
			s.collaborationEnds()
		default:
			s.tool(s.lead)
			s.chat("technician", s.lead) // at the same time
		}
	}
}

// anyone returns a technician of the session.
func (s *session) anyone() *technician {
	if len(s.colleagues) > 0 && s.chance(0.3) {
		return pick(s.lineWriter, s.colleagues)
	}
	return s.lead
}

// another returns a technician who is not in the session.
func (s *session) another() *technician {
	for {
		t := pick(s.lineWriter, s.organisation.technicians)
		if t != s.lead && !s.collaborates(t) {
			return t
		}
	}
}

func (s *session) collaborates(t *technician) bool {
	return slices.Contains(s.colleagues, t)
}

func (s *session) talk() {
	switch n := s.rand.IntN(20); {
	case n < 10:
		s.chat("technician", s.anyone())
	case n < 18:
		s.chat("customer", nil)
	default:
		s.chat("system", nil)
	}
}

// lookAway writes a pair of presence signals of a technician.
func (s *session) lookAway() {
	signals := [...][2]string{
		{"tab_deselected", "tab_selected"}, {"console_background", "console_foreground"}, {"away", "available"},
		{"window_active", "window_inactive"}, {"link_down", "link_up"},
	}[s.rand.IntN(5)]
	who := s.anyone()
	s.presence(signals[0], who)
	s.wait(25 * time.Second)
	if s.chance(0.95) {
		s.presence(signals[1], who)
	}
}

// changeDetails writes a change of details.
func (s *session) changeDetails() {
	s.beginEvent("details_changed")
	switch s.rand.IntN(5) {
	case 0:
		s.string("name", pick(s.lineWriter, given)+" "+pick(s.lineWriter, family))
	case 1:
		s.json("tracking_id", "null") // clears it
	case 2:
		s.string("customer_ip", s.ip())
	default:
		s.customFields()
	}
	s.endEvent()
}

func (s *session) hold(mean time.Duration) {
	s.status("on_hold", s.lead)
	s.wait(mean)
	s.status("active", s.lead)
}

func (s *session) reboot() {
	s.tool(s.lead)
	s.status("rebooting", nil)
	s.wait(time.Minute)
	if s.chance(0.4) {
		s.status("offline", nil)
		s.wait(30 * time.Second)
	}
	if s.chance(0.6) {
		s.status("rebooted", nil)
		s.wait(5 * time.Second)
	}
	s.status("active", nil)
}

func (s *session) reconnect() {
	if s.chance(0.3) {
		s.status("disconnected", nil)
		s.wait(15 * time.Second)
	}
	s.status("reconnecting", nil)
	s.wait(20 * time.Second)
	s.status("active", nil)
}

func (s *session) transfer() {
	to := s.another()
	s.beginEvent("status_changed")
	s.string("status", "transferring")
	s.technician(s.lead)
	s.transferredTo("technician", to.id, to.name)
	s.endEvent()
	s.wait(time.Minute)
	if s.chance(0.2) {
		s.status("active", s.lead) // called off
		return
	}
	s.lead = to
	s.status("active", s.lead)
}

func (s *session) transferToChannel() {
	i := s.rand.IntN(len(channelNames))
	if s.chance(0.5) {
		s.status("transferring", nil)
		s.wait(20 * time.Second)
	}
	s.beginEvent("status_changed")
	s.string("status", "transferred")
	s.transferredTo("channel", int64(firstChannel+i), channelNames[i])
	s.endEvent()
	s.wait(2 * time.Minute)
	s.lead = s.another()
	s.status("active", s.lead)
}

func (s *session) transferredTo(kind string, id int64, name string) {
	s.member("transferred_to")
	s.text = append(s.text, '{')
	s.string("kind", kind)
	s.int("id", id)
	s.string("name", name)
	s.text = append(s.text, '}')
}

// mostColleagues leaves technicians to transfer to in the smallest organisation.
const mostColleagues = 3

func (s *session) collaborate() {
	if len(s.colleagues) == mostColleagues {
		return
	}
	who := s.another()
	s.colleagues = append(s.colleagues, who)
	s.beginEvent("collaboration_started")
	s.technician(who)
	s.endEvent()
}

func (s *session) collaborationEnds() {
	if len(s.colleagues) == 0 {
		return
	}
	who := s.colleagues[0]
	s.colleagues = s.colleagues[1:]
	s.beginEvent("collaboration_ended")
	s.int("technician_id", who.id)
	s.endEvent()
}

// pause is a break of days, on hold or closed.
func (s *session) pause() {
	hold := s.chance(0.7)
	if hold {
		s.status("on_hold", s.lead)
	} else {
		s.finish()
	}
	s.now = max(s.now, (s.plan.created+int64(s.plan.breakDays)*dayMillis)*1000)
	s.wait(5 * time.Minute)
	s.status("active", s.lead)
	s.work()
}

// finish closes an active session and removes it from the technician's queue.
func (s *session) finish() {
	verdicts := 0.02
	if day.Day(s.now/1000/dayMillis) < resolutionsEnded {
		verdicts = 0.8
	}
	if s.chance(verdicts) {
		s.beginEvent("resolution_submitted")
		s.string("resolution", pick(s.lineWriter, []string{"resolved", "resolved", "unresolved"}))
		s.byTechnician(s.lead)
		s.endEvent()
	}
	s.wait(10 * time.Second)
	switch n := s.rand.IntN(100); {
	case n < 40:
		s.status("closed_by_customer", nil)
		s.wait(90 * time.Second)
		s.queueRemoved("technician", s.lead)
	case n < 75:
		s.status("closed_by_technician", s.lead)
	case n < 83:
		s.status("timed_out", nil)
		s.wait(5 * time.Minute)
		s.status("timed_out_closed_by_technician", s.lead)
	case n < 90:
		s.status("timed_out", nil)
		s.wait(5 * time.Minute)
		s.queueRemoved("timeout", nil)
	case n < 96:
		s.status("closed_by_customer", nil)
		s.wait(5 * time.Minute)
		s.queueRemoved("administrator", s.lead)
	default:
		s.status("aborted", nil)
	}
	s.colleagues = nil
}

func (s *session) status(code string, who *technician) {
	s.beginEvent("status_changed")
	s.string("status", code)
	if who != nil {
		s.technician(who)
	}
	s.endEvent()
}

// technician writes a technician's object, sometimes with the id alone.
func (s *session) technician(who *technician) {
	if s.chance(0.03) {
		s.json("technician", who.bare)
		return
	}
	s.json("technician", who.object(day.Day(s.plan.created/dayMillis)))
}

// byTechnician writes the technician's id. Events of the lead sometimes leave it
// out.
func (s *session) byTechnician(who *technician) {
	if who != s.lead || s.chance(0.95) {
		s.int("technician_id", who.id)
	}
}

func (s *session) presence(state string, who *technician) {
	s.beginEvent("presence")
	s.string("state", state)
	s.byTechnician(who)
	s.endEvent()
}

// chat writes a message with its text, which EVENTS.md does not define. who is
// nil unless the sender is a technician.
func (s *session) chat(sender string, who *technician) {
	s.beginEvent("chat_message")
	s.string("sender", sender)
	if who != nil {
		s.byTechnician(who)
	}
	phrases := customerPhrases
	switch sender {
	case "technician":
		phrases = technicianPhrases
	case "system":
		phrases = systemPhrases
	}
	s.string("text", pick(s.lineWriter, phrases))
	s.endEvent()
}

func (s *session) tool(who *technician) {
	s.beginEvent("tool_used")
	s.string("tool", pick(s.lineWriter, tools))
	s.byTechnician(who)
	s.endEvent()
}

func (s *session) queueRemoved(by string, who *technician) {
	s.beginEvent("queue_removed")
	s.string("by", by)
	if who != nil {
		s.byTechnician(who)
	}
	s.endEvent()
}
