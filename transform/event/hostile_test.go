package event

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// agree fails unless Decode and decodeSlowly make the same of a line.
func agree(t *testing.T, d *decoders, line []byte) {
	t.Helper()
	// encoding/json gives up beyond ten thousand levels; Decode does not.
	if bytes.Count(line, []byte("["))+bytes.Count(line, []byte("{")) > 10_000 {
		return
	}
	want, reason, blamed := decodeSlowly(line)

	buffer := bytes.Clone(line)
	var viewed Event
	if reject := d.views.Decode(buffer, &viewed); reject.Reason != reason || reason == 0 && !reflect.DeepEqual(&viewed, want) {
		t.Fatalf("%q, without copies\ngot  %s\nwant %s", line, outcome(&viewed, reject), wanted(want, reason, blamed))
	}
	e := Event{ID: "left over"}
	reject := d.Decode(buffer, &e)
	for i := range buffer {
		buffer[i] = '#' // an event that aliases the line shows it
	}
	if reject.Reason != reason || reason == 0 && !reflect.DeepEqual(&e, want) {
		t.Fatalf("%q\ngot  %s\nwant %s", line, outcome(&e, reject), wanted(want, reason, blamed))
	}
	if blamed != "" && !strings.HasPrefix(reject.Detail, blamed+": ") {
		t.Fatalf("%q\ngot  %s\nwant %s", line, outcome(&e, reject), wanted(want, reason, blamed))
	}
}

// decoders are one of each kind. All are to agree.
type decoders struct {
	*Decoder
	views *Decoder
}

func newDecoders() *decoders { return &decoders{NewDecoder(), NewViewDecoder()} }

func wanted(e *Event, reason Reason, blamed string) string {
	if e == nil {
		return reason.String() + " " + blamed
	}
	return outcome(e, Reject{})
}

// hostileLine makes a line that is close to the contract, on either side of
// it: a pure function of what r yields.
// It has more than 60 lines because it lists the members of each type of event, and the
// values of each member.
func hostileLine(r *rand.Rand) []byte {
	pick := func(values ...string) string { return values[r.IntN(len(values))] }
	space := func() string {
		if r.IntN(10) > 0 {
			return ""
		}
		return pick(" ", "  ", "\t", "\r", " \n ")
	}
	// Of the values of a member the first are right, and come most often.
	value := func(right int, values ...string) string {
		if r.IntN(12) > 0 {
			return values[r.IntN(right)]
		}
		return pick(append(values, `null`, `""`, `"x"`, `0`, `-0`, `7`, `-7`, `1.0`, `1e2`, `true`, `[]`, `{}`, `["a"]`, `{"id":1}`,
			`9223372036854775807`, `9223372036854775808`, `"\ud800"`, `[1,{"a":[]}]`, `01`, `"\x"`, "\"\xff\"", "")...)
	}
	members := []string{}
	add := func(name, value string) {
		if r.IntN(20) == 0 { // spell it with an escape
			i := r.IntN(len(name))
			name = name[:i] + fmt.Sprintf(`\u%04x`, name[i]) + name[i+1:]
		}
		members = append(members, `"`+name+`"`+space()+":"+space()+value)
	}
	object := func(parts ...string) string {
		r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		if len(parts) > 1 {
			parts = parts[r.IntN(2):]
		}
		return "{" + space() + strings.Join(parts, space()+","+space()) + space() + "}"
	}
	id := func() string { return `"id":` + value(3, `1`, `2`, `9223372036854775807`) }
	text := func(name string) string {
		return `"` + name + `":` + value(5, `"Ada Kok"`, `"B\u00e9a}"`, `"é"`, `""`, `null`)
	}
	technician := func() string {
		return value(3, object(id(), id(), text("name"), text("email"), text("group")), `{"id":1,"name":"Ada Kok"}`, `{"id":2,"name":"Ben Smit","group":"A/B"}`)
	}
	technicianID := func() string { return value(3, `1`, `2`, `null`) }
	code := func(codes ...string) string {
		for i, c := range codes {
			codes[i] = `"` + c + `"`
		}
		return value(len(codes), append(codes, `"Active"`, `"ac\u0074ive"`, `"away "`)...)
	}
	custom := func() string {
		elements := []string{}
		for range r.IntN(7) {
			elements = append(elements, value(5, `"a"`, `"b\n"`, `"é"`, `""`, `null`))
		}
		return "[" + space() + strings.Join(elements, space()+","+space()) + space() + "]"
	}
	details := func() {
		for _, name := range memberNames[fName:fCustomFields] {
			if r.IntN(4) == 0 {
				add(name, value(5, `"Jan Jansen"`, `"\u20ac"`, `"😀"`, `""`, `null`))
			}
		}
		if r.IntN(3) == 0 {
			add("custom_fields", value(1, custom()))
		}
	}

	kind := Types()[r.IntN(len(Types()))]
	for range 1 + r.IntN(8)/7 { // sometimes everything twice
		add("event_id", value(3, `"e1"`, `"1001-\u0030"`, `"é"`, `"`+strings.Repeat("a", 60+r.IntN(8))+`"`))
		add("ts", value(5, `"2026-11-20T08:00:00Z"`, `"2026-11-20t09:00:00.1234567+01:00"`, `"2016-12-31T23:59:60Z"`,
			`"2000-02-29T23:59:59.9-00:30"`, `"2026-11-20\u005408:00:00z"`,
			`"1989-12-31T00:00:00Z"`, `"2026-02-29T00:00:00Z"`, `"2016-12-31T23:59:60+01:00"`, `"2026-11-20T08:00:00.1234567890Z"`))
		add("session_id", value(3, `7`, `1`, `9223372036854775807`))
		if r.IntN(2) == 0 {
			add("seq", value(4, `0`, `3`, `-0`, `null`))
		}
		add("type", value(1, `"`+kind.String()+`"`, `"Presence"`, `"pr\u0065sence"`, `"presence"`))
		switch kind {
		case SessionCreated:
			add("session_type", code("applet", "instant_chat"))
			if r.IntN(2) == 0 {
				add("channel", value(2, object(id(), text("name"), text("email")), `{"id":5,"name":"Helpdesk"}`))
			}
			if r.IntN(2) == 0 {
				add("technician", technician())
			}
			add("calling_card", value(3, `"Acme"`, `null`, `""`))
			details()
		case DetailsChanged:
			details()
		case StatusChanged:
			add("status", code("active", "transferring", "timed_out_closed_by_technician"))
			if r.IntN(2) == 0 {
				add("technician", technician())
			}
			if r.IntN(2) == 0 {
				add("transferred_to", value(1, object(id(), text("name"), `"kind":`+code("technician", "channel"), `"name":"Ben Smit"`)))
			}
		case CollaborationStarted:
			add("technician", technician())
		case CollaborationEnded:
			add("technician_id", technicianID())
		case Presence:
			add("state", code("away", "window_inactive"))
			add("technician_id", technicianID())
		case ChatMessage:
			add("sender", code("customer", "technician", "system"))
			add("technician_id", technicianID())
		case ToolUsed:
			add("tool", value(3, `"RC"`, `"\u0052C"`, `"é"`, `"`+strings.Repeat("é", 30+r.IntN(5))+`"`))
			add("technician_id", technicianID())
		case ResolutionSubmitted:
			add("resolution", code("resolved", "unresolved"))
			add("technician_id", technicianID())
		case QueueRemoved:
			add("by", code("technician", "administrator", "timeout"))
			add("technician_id", technicianID())
		}
	}
	switch r.IntN(12) {
	case 0: // one is left out
		i := r.IntN(len(members))
		members = append(members[:i], members[i+1:]...)
	case 1: // any member, with any value
		add(memberNames[1+r.IntN(int(numMembers)-1)], value(2, `"x"`, `1`))
	case 2: // a member that means nothing
		add("x", value(4, `[[],{},[{"a":{}}]]`, `{"ts":{"ts":"}"}}`, `-1.5e-7`, `"\u00e9\\\""`, `[1,]`, `{"a"}`, `tru`, `1.`))
	case 3, 4:
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	}
	line := []byte(space() + "{" + space() + strings.Join(members, space()+","+space()) + space() + "}" + space())
	if r.IntN(4) == 0 {
		line = mutate(r, line)
	}
	return line
}

// mutate changes a few bytes.
func mutate(r *rand.Rand, line []byte) []byte {
	tokens := []string{`"`, `\`, `{`, `}`, `[`, `]`, `:`, `,`, ` `, "\x00", "\x1f", "\x80", "\xc3", "\xed\xa0\x80", "é", "0", "-", ".", "e",
		"null", "true", `\u`, `\ud83d`, `\ude00`, `""`, "{}", "[]", "\n", "\ufeff"}
	for range 1 + r.IntN(3) {
		i := r.IntN(len(line) + 1)
		j := i + r.IntN(min(8, len(line)+1-i))
		switch r.IntN(5) {
		case 0: // take away
			line = append(line[:i:i], line[j:]...)
		case 1: // repeat
			line = append(line[:j:j], line[i:]...)
		case 2: // insert
			line = append(line[:i:i], tokens[r.IntN(len(tokens))]+string(line[i:])...)
		case 3: // replace
			line = append(line[:i:i], tokens[r.IntN(len(tokens))]+string(line[j:])...)
		case 4: // any byte
			if i < len(line) {
				line = bytes.Clone(line)
				line[i] = byte(r.Uint32())
			}
		}
	}
	return line
}

// TestHostileLines holds the decoder against the slow one on lines that are
// wrong in many ways, with one decoder for all.
func TestHostileLines(t *testing.T) {
	r := rand.New(rand.NewPCG(20261120, 1))
	d := newDecoders()
	reasons := map[Reason]int{}
	for range 60_000 {
		line := hostileLine(r)
		agree(t, d, line)
		var e Event
		reasons[d.Decode(line, &e).Reason]++
	}
	for _, reason := range []Reason{0, BadJSON, MissingField, BadValue, UnknownType} {
		if reasons[reason] < 300 {
			t.Errorf("only %d lines are %q: %v", reasons[reason], reason, reasons)
		}
	}
}

// usualLines are written as most producers write them, which is what the
// decoder is quick at: the usual opening, strings and numbers of many lengths.
var usualLines = []string{
	`{"event_id":"5f8f4714faaa2c9a","ts":"2026-11-02T14:53:16.056+01:00","session_id":2075900001371,"seq":28,"v":1,"type":"chat_message","sender":"customer","text":"Dank u wel, é!"}`,
	`{"event_id":"e","ts":"2026-11-02T14:53:16Z","session_id":7,"type":"status_changed","status":"active","technician":{"id":1,"name":"Ada Kok"},"seq":12345678}`,
	`{"event_id":"","ts":"2026-11-20T08:00:00.1234567Z","session_id":9223372036854775807,"type":"presence","technician_id":1234567890,"state":"away"}`,
	`{"event_id":"5f8f4714","ts":"2026-11-02T14:53:16.056Z","session_id":207,"seq":0,"v":1,"producer":"console-7.11","type":"presence","state":"away","event_id":"x","ts":"2026-11-03T14:53:16Z","session_id":7,"seq":null,"type":"tool_used","tool":"RC"}`,
	`{"event_id":"5f8f4714","ts":"2026-11-02T14:53:16.056Z","session_id":123456789012345678,"v":10,"type":"queue_removed","by":"timeout","producer":1,"session_id":null}`,
	`{"seq":1,"event_id":"1","ts":"2016-12-31T23:59:60.9z","session_id":1,"type":"details_changed","custom_fields":["a",null]}`,
}

// TestNearMisses changes every byte of usual lines in turn, cuts them off
// everywhere, and moves them by up to a word with a string before them: what is
// read eight bytes at a time must notice wherever in the eight something is.
func TestNearMisses(t *testing.T) {
	d := newDecoders()
	others := []string{`"`, `\`, `\u0041`, "\x1f", " ", "\x7f", "\x80", "é", "0", ".", "/", ":", ","}
	for _, line := range usualLines {
		agree(t, d, []byte(line))
		for i := range line {
			agree(t, d, []byte(line[:i]))
			agree(t, d, []byte(line[:i]+line[i+1:]))
			for _, other := range others {
				agree(t, d, []byte(line[:i]+other+line[i:]))
				agree(t, d, []byte(line[:i]+other+line[i+1:]))
			}
		}
		for n := range 9 {
			agree(t, d, []byte(`{"`+strings.Repeat("x", n)+`":0,`+line[1:]))
		}
	}
}

// TestNatural reads numbers of every length, at every place near a line's
// beginning, where no whole word is before their ends.
func TestNatural(t *testing.T) {
	for length := 1; length <= 20; length++ {
		for at := range 10 {
			digits := "98765432109876543210"[20-length:]
			line := []byte(strings.Repeat("9", at) + digits + "9")
			want, err := strconv.ParseInt(digits, 10, 64)
			got, ok := natural(line, at, at+length)
			if ok != (err == nil) || ok && got != want {
				t.Errorf("%s at %d: got %d, %v, want %d, %v", digits, at, got, ok, want, err)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range lineCases(f) {
		if len(c.line) < 4096 {
			f.Add([]byte(c.line))
		}
	}
	for _, line := range usualLines {
		f.Add([]byte(line))
	}
	d := newDecoders()
	f.Fuzz(func(t *testing.T, line []byte) {
		agree(t, d, line) // with tables from other lines
		agree(t, d, line) // and from this one
		again := mutate(rand.New(rand.NewPCG(1, uint64(len(line)))), line)
		agree(t, d, again)
	})
}

func FuzzParseTime(f *testing.F) {
	file, err := os.ReadFile("testdata/times.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, line := range strings.Split(string(file), "\n") {
		s, _, _ := strings.Cut(line, " ")
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, valid := parseSlowly(s)
		var c calendar
		for range 2 { // and once more where it may know the date
			if got, ok := c.parseTime([]byte(s)); ok != valid || got != want {
				t.Errorf("%q: %d, %v, want %d, %v", s, got, ok, want, valid)
			}
		}
	})
}
