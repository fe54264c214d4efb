package event

import (
	"bytes"
	"encoding/json"
	"math/big"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// decodeSlowly is the contract once more, written to be read: on encoding/json,
// one member after the other. It returns the event, or a reason and the member
// to blame ("" where the line as a whole is).
// It has more than 60 lines because it is the list of the contract, in its order.
func decodeSlowly(line []byte) (*Event, Reason, string) {
	if len(line) > MaxLine {
		return nil, TooLong, ""
	}
	// encoding/json would replace invalid UTF-8.
	if !utf8.Valid(line) || !json.Valid(line) || !isObject(line) {
		return nil, BadJSON, ""
	}
	r := &slow{}
	m := r.members("", line)
	e := &Event{}
	e.ID = m.text("event_id", required)
	m.check("event_id", len(e.ID) <= 64)
	e.TS = m.time("ts")
	e.SessionID = m.integer("session_id", required, 1)
	e.Seq = m.integer("seq", optional, 0)
	if name := m.text("type", required); r.reason == 0 {
		if e.Type = codeOf(Types(), name); e.Type == 0 {
			r.fail(UnknownType, "type")
		}
	}
	switch e.Type {
	case SessionCreated:
		e.SessionType = code1(m, "session_type", SessionTypes())
		e.Technician = m.technician(optional)
		if c := m.object("channel", optional); c != nil {
			e.Channel.ID = c.integer("id", required, 1)
			e.Channel.Name = c.text("name", optional)
		}
		e.CallingCard = m.text("calling_card", optional)
		e.Details = m.details(false)
	case DetailsChanged:
		if e.Details = m.details(true); e.Details == nil {
			r.fail(MissingField, "name")
		}
	case StatusChanged:
		e.Status = code1(m, "status", Statuses())
		e.Technician = m.technician(optional)
		if to := m.object("transferred_to", optional); to != nil {
			kind := to.text("kind", optional)
			to.check("kind", kind == "" || kind == "technician" || kind == "channel")
			if raw := to.raw["id"]; to.given("id") {
				to.check("id", anInteger.Match(raw))
			}
			e.TransferredTo.Channel = kind == "channel"
			if id, _ := new(big.Int).SetString(string(to.raw["id"]), 10); kind == "channel" && id != nil && id.Sign() > 0 && id.IsInt64() {
				e.TransferredTo.ID = id.Int64()
			}
			e.TransferredTo.Name = to.text("name", required)
		}
	case CollaborationStarted:
		e.Technician = m.technician(required)
	case CollaborationEnded:
		e.TechnicianID = m.integer("technician_id", required, 1)
	case Presence:
		e.Signal = code1(m, "state", Signals())
	case ChatMessage:
		e.Sender = code1(m, "sender", []Sender{Customer, Technician, System})
	case ToolUsed:
		e.Tool = m.text("tool", required)
		m.check("tool", utf8.RuneCountInString(e.Tool) <= 32)
	case ResolutionSubmitted:
		e.Resolution = code1(m, "resolution", []Resolution{Resolved, Unresolved})
	case QueueRemoved:
		e.By = code1(m, "by", []Actor{ByTechnician, ByAdministrator, ByTimeout})
	}
	switch e.Type {
	case Presence, ChatMessage, ToolUsed, ResolutionSubmitted, QueueRemoved:
		e.TechnicianID = m.integer("technician_id", optional, 1)
	}
	if r.reason != 0 {
		return nil, r.reason, r.member
	}
	return e, 0, ""
}

const (
	required = true
	optional = false
)

// slow keeps the first thing that is wrong with a line.
type slow struct {
	reason Reason
	member string
}

func (r *slow) fail(reason Reason, member string) {
	if r.reason == 0 {
		r.reason, r.member = reason, member
	}
}

// object is a JSON object's members, each with its last value.
type slowObject struct {
	*slow
	path string
	raw  map[string]json.RawMessage
}

func (r *slow) members(path string, object []byte) *slowObject {
	m := &slowObject{r, path, nil}
	if err := json.Unmarshal(object, &m.raw); err != nil {
		panic(err) // it is valid
	}
	return m
}

func isObject(raw []byte) bool { return bytes.TrimLeft(raw, " \t\r\n")[0] == '{' }

func (m *slowObject) given(name string) bool {
	raw, ok := m.raw[name]
	return ok && string(raw) != "null"
}

func (m *slowObject) check(name string, ok bool) {
	if !ok {
		m.fail(BadValue, m.path+name)
	}
}

func (m *slowObject) text(name string, required bool) string {
	if !m.given(name) {
		if required {
			m.fail(MissingField, m.path+name)
		}
		return ""
	}
	var s string
	m.check(name, json.Unmarshal(m.raw[name], &s) == nil && (s != "" || !required))
	return strings.ReplaceAll(s, "\x00", "\ufffd")
}

var anInteger = regexp.MustCompile(`^-?[0-9]+$`) // of valid JSON

func (m *slowObject) integer(name string, required bool, min int64) int64 {
	if !m.given(name) {
		if required {
			m.fail(MissingField, m.path+name)
		}
		return 0
	}
	n, ok := new(big.Int).SetString(string(m.raw[name]), 10)
	ok = ok && anInteger.Match(m.raw[name]) && n.IsInt64() && n.Int64() >= min
	m.check(name, ok)
	if !ok {
		return 0
	}
	return n.Int64()
}

func (m *slowObject) object(name string, required bool) *slowObject {
	if !m.given(name) {
		if required {
			m.fail(MissingField, m.path+name)
		}
		return nil
	}
	if !isObject(m.raw[name]) {
		m.fail(BadValue, m.path+name)
		return nil
	}
	return m.members(name+".", m.raw[name])
}

func (m *slowObject) technician(required bool) Person {
	t := m.object("technician", required)
	if t == nil {
		return Person{}
	}
	return Person{t.integer("id", true, 1), t.text("name", false), t.text("email", false), t.text("group", false)}
}

// details returns nil where none is given.
func (m *slowObject) details(clear bool) *Details {
	var d *Details
	give := func(i int, value string) {
		if d == nil {
			d = &Details{}
		}
		if i >= 0 && (clear || value != "") {
			d.Given |= 1 << i
			d.Value[i] = strings.ReplaceAll(value, "\x00", "\ufffd")
		}
	}
	for i, name := range []string{"name", "tracking_id", "customer_ip", "device_id", "platform", "browser_type"} {
		if _, ok := m.raw[name]; ok {
			give(i, m.text(name, optional))
		}
	}
	if raw, ok := m.raw["custom_fields"]; ok {
		var elements []any
		m.check("custom_fields", json.Unmarshal(raw, &elements) == nil && len(elements) <= 5)
		if !m.given("custom_fields") {
			elements = make([]any, 5)
		}
		give(-1, "")
		for i, element := range elements[:min(len(elements), 5)] {
			s, ok := element.(string)
			m.check("custom_fields", ok || element == nil)
			give(DetailCustomField1+i, s)
		}
	}
	if d != nil && !clear && d.Given == 0 {
		return nil
	}
	return d
}

func code1[T interface {
	~uint8
	String() string
}](m *slowObject, name string, all []T) T {
	s := m.text(name, required)
	c := codeOf(all, s)
	m.check(name, c != 0)
	return c
}

func codeOf[T interface {
	~uint8
	String() string
}](all []T, s string) T {
	for _, c := range all {
		if c.String() == s {
			return c
		}
	}
	return 0
}

func (m *slowObject) time(name string) int64 {
	s := m.text(name, required)
	micros, ok := parseSlowly(s)
	m.check(name, ok)
	return micros
}

var rfc3339 = regexp.MustCompile(`^(\d{4})-\d\d-\d\dT\d\d:\d\d:(\d\d)(?:\.\d{1,9})?(?:Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// parseSlowly is parseTime by means of time.Parse, which takes more than the
// contract allows, but no second 60.
func parseSlowly(s string) (int64, bool) {
	s = strings.NewReplacer("t", "T", "z", "Z").Replace(s)
	at := rfc3339.FindStringSubmatchIndex(s)
	if at == nil || s[:4] < "1990" || s[:4] > "2200" {
		return 0, false
	}
	leap := s[17:19] == "60"
	if leap {
		s = s[:17] + "59" + s[19:]
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, false
	}
	if leap {
		switch t.UTC().Format("01-02 15:04:05") {
		case "06-30 23:59:59", "12-31 23:59:59":
			t = t.Add(time.Second)
		default:
			return 0, false
		}
	}
	return t.UnixMicro(), true
}
