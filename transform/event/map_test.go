package event_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/transform/event"
)

// need are rules for the members that every event needs.
func need(more ...event.Rule) []event.Rule {
	return append([]event.Rule{{To: "event_id", From: "id"}, {To: "ts", From: "at"}, {To: "session_id", From: "session"}, {To: "type", From: "kind"}}, more...)
}

func amsterdam(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// It has more than 60 lines because it has a case for each feature of a map.
func TestMap(t *testing.T) {
	const doc = `{"id":"a","at":"2026-11-20T08:00:00Z","session":7,"kind":"presence"`
	const line = `{"event_id":"a","ts":"2026-11-20T08:00:00Z","session_id":7,"type":"presence"`
	for name, c := range map[string]struct {
		rules event.Rules
		doc   string
		want  string // empty: left out
	}{
		"an envelope alone":   {event.Rules{Envelope: "detail.event"}, `{"v":1,"detail":{"x":[{}],"event": {"event_id":"a"} }}`, `{"event_id":"a"}`},
		"renamed":             {event.Rules{Members: need()}, doc + `,"other":1}`, line + `}`},
		"any order":           {event.Rules{Members: need()}, ` {"kind":"presence","session":7,"at":"2026-11-20T08:00:00Z","id":"a"} `, line + `}`},
		"the last one counts": {event.Rules{Members: need()}, `{"id":"b",` + doc[1:] + `}`, line + `}`},
		"an object repeated":  {event.Rules{Members: need(event.Rule{To: "tool", From: "a.b"})}, doc + `,"a":{"b":"x"},"a":{"c":1}}`, line + `}`},
		"escapes":             {event.Rules{Members: need(event.Rule{To: "tool", From: "t"})}, doc + `,"t":"a\"\u00e9"}`, line + `,"tool":"a\"\u00e9"}`},
		"a name with escapes": {event.Rules{Members: need(event.Rule{To: "tool", From: "t"})}, doc + `,"\u0074":"x"}`, line + `,"tool":"x"}`},
		"null is absent":      {event.Rules{Members: need(event.Rule{To: "tool", From: "t"}, event.Rule{To: "tool", From: "u"})}, doc + `,"t":null,"u":"x"}`, line + `,"tool":"x"}`},
		"null of all":         {event.Rules{Members: need(event.Rule{To: "name", From: "t"}, event.Rule{To: "technician.id", From: "t"})}, doc + `,"t":null}`, line + `,"name":null}`},
		"nested, and outside the envelope": {event.Rules{Envelope: "data", Members: []event.Rule{
			{To: "event_id", From: "/id"}, {To: "ts", From: "/time"}, {To: "session_id", From: "call.id"}, {To: "type", Value: "presence"}, {To: "state", From: `agent\.state`},
		}}, `{"id":"a","time":"2026-11-20T08:00:00Z","data":{"call":{"id":7},"agent.state":"away"}}`, line + `,"state":"away"}`},
		"the order of the line": {event.Rules{Members: append([]event.Rule{{To: "technician.name", From: "n"}, {To: "technician.id", From: "t"}}, need()...)},
			doc + `,"n":"Ann","t":3}`, line + `,"technician":{"id":3,"name":"Ann"}}`},
		"an object without members": {event.Rules{Members: need(event.Rule{To: "technician.id", From: "t"})}, doc + `}`, line + `}`},
		"an object as it is":        {event.Rules{Members: need(event.Rule{To: "technician", From: "t"})}, doc + `,"t":{"id":3}}`, line + `,"technician":{"id":3}}`},
		"custom fields": {event.Rules{Members: need(event.Rule{To: "custom_fields.2", From: "b"}, event.Rule{To: "custom_fields.4", From: "d"})},
			doc + `,"b":"x"}`, line + `,"custom_fields":[null,"x"]}`},
		"no custom fields":     {event.Rules{Members: need(event.Rule{To: "custom_fields.2", From: "b"})}, doc + `}`, line + `}`},
		"codes":                {event.Rules{Members: need(event.Rule{To: "status", From: "s", Codes: []string{"Ended=closed_by_customer", "3=active", "a=b=waiting"}})}, doc + `,"s":"Ended"}`, line + `,"status":"closed_by_customer"}`},
		"a code of a number":   {event.Rules{Members: need(event.Rule{To: "status", From: "s", Codes: []string{"3=active"}})}, doc + `,"s":3}`, line + `,"status":"active"}`},
		"a code of a text":     {event.Rules{Members: need(event.Rule{To: "status", From: "s", Codes: []string{"a=b=waiting"}})}, doc + `,"s":"a=b"}`, line + `,"status":"waiting"}`},
		"no code":              {event.Rules{Members: need(event.Rule{To: "status", From: "s", Codes: []string{"3=active"}})}, doc + `,"s":"on_hold"}`, line + `,"status":"on_hold"}`},
		"a code of an id":      {event.Rules{Members: need(event.Rule{To: "technician_id", From: "s", Codes: []string{"ann=12"}})}, doc + `,"s":"ann"}`, line + `,"technician_id":12}`},
		"a code of a name":     {event.Rules{Members: need(event.Rule{To: "tool", From: "s", Codes: []string{"x=12"}})}, doc + `,"s":"x"}`, line + `,"tool":"12"}`},
		"constants":            {event.Rules{Members: need(event.Rule{To: "tool", Value: `say "hi"`}, event.Rule{To: "seq", Value: "4"})}, doc + `}`, `{"event_id":"a","ts":"2026-11-20T08:00:00Z","session_id":7,"seq":4,"type":"presence","tool":"say \"hi\""}`},
		"ids as texts":         {event.Rules{Members: need(event.Rule{To: "technician_id", From: "t"})}, doc + `,"t":"0012"}`, line + `,"technician_id":12}`},
		"a text that is no id": {event.Rules{Members: need(event.Rule{To: "technician_id", From: "t"})}, doc + `,"t":"x12"}`, line + `,"technician_id":"x12"}`},
		"texts as numbers":     {event.Rules{Members: need(event.Rule{To: "tracking_id", From: "t"})}, doc + `,"t":12}`, line + `,"tracking_id":"12"}`},
		"kept":                 {event.Rules{Keep: true, Members: []event.Rule{{To: "event_id", From: "id"}}}, `{"id":"a","ts":"2026-11-20T08:00:00Z","session_id":7,"type":"presence","state":"away","foreign":1}`, line + `,"state":"away"}`},
		"type by rule": {event.Rules{Members: append([]event.Rule{
			{To: "type", Value: "presence", When: []string{"kind=x", "!gone"}}, {To: "type", Value: "chat_message", When: []string{"kind!=x"}}, {To: "type", Value: "tool_used", When: []string{"gone"}},
		}, need()[:3]...)}, strings.Replace(doc, "presence", "x", 1) + `}`, line + `}`},
		"left out by rule": {event.Rules{Members: append([]event.Rule{{To: "type", Value: "ignore", When: []string{"session=7"}}}, need()...)}, doc + `}`, ""},
		"left out by code": {event.Rules{Members: append([]event.Rule{{To: "type", From: "kind", Codes: []string{"presence=ignore"}}}, need()[:3]...)}, doc + `}`, ""},
	} {
		m, err := event.NewMap(&c.rules)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p := m.NewMapper()
		for range 2 { // nothing of one document stays for the next
			if got, ok, reject := p.Apply([]byte(c.doc)); string(got) != c.want || ok != (c.want != "") || reject.Reason != 0 {
				t.Errorf("%s:\n got %s %v\nwant %s", name, got, reject, c.want)
			}
			p.Apply([]byte(`{"a":{"b":"y"},"t":{"id":9},"data":{},"detail":{"event":{}}}`))
		}
	}
}

func TestMapTimes(t *testing.T) {
	for _, c := range []struct {
		notation, value string
		zone            *time.Location
		want            string
	}{
		{"", `"2026-11-20T08:00:00+01:00"`, nil, `"2026-11-20T08:00:00+01:00"`},
		{"", `"2026-11-20 08:00:00.5Z"`, nil, `"2026-11-20T08:00:00.5Z"`},
		{"rfc3339", `"2026-11-20 08:00:00 +01:00"`, nil, `"2026-11-20T08:00:00+01:00"`},
		{"", `"2026-11-20 08:00:00"`, nil, `"2026-11-20 08:00:00"`},
		{"", `"2026-11-20 08:00:00"`, amsterdam(t), `"2026-11-20T07:00:00.000000Z"`},
		{"", `"2026-07-20T08:00:00.123456789"`, amsterdam(t), `"2026-07-20T06:00:00.123456Z"`},
		{"", `"2026-07-20T08:00:00,25"`, amsterdam(t), `"2026-07-20T06:00:00.250000Z"`},
		{"", `"2026-11-20T08:00:00Z"`, amsterdam(t), `"2026-11-20T08:00:00Z"`},
		{"", `"2026-10-25 02:30:00"`, amsterdam(t), `"2026-10-25T00:30:00.000000Z"`}, // clocks show it twice: the first, at +02:00
		{"", `"2026-03-29 02:30:00"`, amsterdam(t), `"2026-03-29T01:30:00.000000Z"`}, // clocks skip it: as if they had not, at +01:00
		{"", `"yesterday"`, amsterdam(t), `"yesterday"`},
		{"", `"2026-02-30 08:00:00"`, amsterdam(t), `"2026-02-30 08:00:00"`},
		{"epoch_s", `1795161600`, nil, `"2026-11-20T08:00:00.000000Z"`},
		{"epoch_s", `1795161600.1234567`, nil, `"2026-11-20T08:00:00.123456Z"`},
		{"epoch_s", `"1795161600"`, nil, `"2026-11-20T08:00:00.000000Z"`},
		{"epoch_ms", `1795161600123`, nil, `"2026-11-20T08:00:00.123000Z"`},
		{"epoch_us", `1795161600123456`, nil, `"2026-11-20T08:00:00.123456Z"`},
		{"epoch_ms", `-1`, nil, `"-1"`},
		{"epoch_ms", `1e12`, nil, `"1e12"`},
		{"epoch_s", `1795161600123`, nil, `"1795161600123"`}, // these are milliseconds
		{"epoch_s", `99999999999999999999`, nil, `"99999999999999999999"`},
		{"epoch_s", `true`, nil, `true`},
	} {
		rules := need()
		rules[1].Time = c.notation
		m, err := event.NewMap(&event.Rules{Zone: c.zone, Members: rules})
		if err != nil {
			t.Fatal(err)
		}
		got, _, _ := m.NewMapper().Apply([]byte(`{"at":` + c.value + `}`))
		if want := `{"ts":` + c.want + `}`; string(got) != want {
			t.Errorf("%s %s: %s, want %s", c.notation, c.value, got, want)
		}
	}
}

// A document that is no JSON object is rejected as such, wherever its fault is.
func TestMapRejects(t *testing.T) {
	m, err := event.NewMap(&event.Rules{Envelope: "e", Members: need()})
	if err != nil {
		t.Fatal(err)
	}
	for doc, want := range map[string]event.Reason{
		``: event.BadJSON, `[]`: event.BadJSON, `{`: event.BadJSON, `{"e":{}} x`: event.BadJSON, `{"e":{"id":tru}}`: event.BadJSON,
		`{"other":"` + "\x01" + `","e":{}}`: event.BadJSON, `{"e":{"id" 1}}`: event.BadJSON, `{"e":{},}`: event.BadJSON, "{\"\xff\":1}": event.BadJSON,
		`{"e":1}`: event.MissingField, `{}`: event.MissingField, `{"e":null}`: event.MissingField,
		`{"e":"` + strings.Repeat("x", event.MaxLine) + `"}`: event.TooLong,
	} {
		if _, ok, reject := m.NewMapper().Apply([]byte(doc)); ok || reject.Reason != want || reject.Detail == "" {
			t.Errorf("%.40q: %v, want %v", doc, reject, want)
		}
	}
}

func TestMapErrors(t *testing.T) {
	for want, rules := range map[string]event.Rules{
		`members[0].to: "when" is no member that a map can give; there are event_id, ts, `:              {Members: append([]event.Rule{{To: "when"}}, need()...)},
		"members[4].from: means nothing beside value, a constant; remove one":                           {Members: need(event.Rule{To: "tool", From: "a", Value: "b"})},
		`members[4].value: "open" is no code of status; there are con`:                                  {Members: need(event.Rule{To: "status", Value: "open"})},
		`members[4].codes[0]: "shut" is no code of status; there are con`:                               {Members: need(event.Rule{To: "status", Codes: []string{"1=shut"}})},
		`members[4].codes[1]: the code "active" has no =; write value=code`:                             {Members: need(event.Rule{To: "status", Codes: []string{"1=active", "active"}})},
		`members[4].codes[1]: the value "1" has two codes; remove one`:                                  {Members: need(event.Rule{To: "status", Codes: []string{"1=active", "1=waiting"}})},
		`members[4].value: "started" is no code of type; there are ses`:                                 {Members: need(event.Rule{To: "type", Value: "started"})},
		"members[4].time: is about ts alone; remove it":                                                 {Members: need(event.Rule{To: "seq", Time: "epoch_s"})},
		`members[4].time: "days" is no notation of times; write rfc3339, epoch_s, epoch_ms or epoch_us`: {Members: need(event.Rule{To: "ts", Time: "days"})},
		`members[4].value: "x1" is no whole number`:                                                     {Members: need(event.Rule{To: "seq", Value: "x1"})},
		"members[4].value: technician is an object or a list":                                           {Members: need(event.Rule{To: "technician", Value: "x"})},
		"members[5].to: technician.id is a part of technician, which another item gives; remove one":    {Members: need(event.Rule{To: "technician"}, event.Rule{To: "technician.id"})},
		"members: has no item for ts, which every event needs; add {to: ts, from: …}":                   {Members: append(need()[:1], need()[2:]...)},
		`members[4].from: the path "a..b" has an empty name`:                                            {Members: need(event.Rule{To: "tool", From: "a..b"})},
		`envelope: the path "a." has an empty name`:                                                     {Envelope: "a."},
		`members[4].when[0]: the condition "=x" has no path`:                                            {Members: need(event.Rule{To: "tool", When: []string{"=x"}})},
		`members[4].when[1]: the path "a." has an empty name`:                                           {Members: need(event.Rule{To: "tool", When: []string{"a", "a.!=x"}})},
	} {
		if _, err := event.NewMap(&rules); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v\nwant %s", err, want)
		} else if faults := err.(event.MapError); len(faults) != 1 {
			t.Errorf("got %v\nwant one fault, %s", err, want)
		}
	}
}

// Every fault of every member is told at once.
func TestMapErrorsOfAllMembers(t *testing.T) {
	var unknown event.MapError
	if _, err := event.NewMap(&event.Rules{Members: need(event.Rule{To: "?"})}); !errors.As(err, &unknown) {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(unknown[0].Message, "there are ")
	members := strings.Split(list, ", ")
	if len(members) != 38 {
		t.Fatalf("%d members: %q", len(members), members)
	}
	var rules []event.Rule
	var want []string
	for _, member := range members {
		at := fmt.Sprintf("members[%d]", len(rules))
		rules = append(rules, event.Rule{To: member, From: "a..b", Codes: []string{"no code"}, When: []string{"=", "a..b"}})
		want = append(want, at+".codes[0]", at+".from", at+".when[0]", at+".when[1]")
		if strings.Contains(member, ".") {
			want = append(want, at+".to") // of an object that is given, too
		}
	}
	_, err := event.NewMap(&event.Rules{Envelope: "a..b", Members: rules})
	var faults event.MapError
	if !errors.As(err, &faults) {
		t.Fatal(err)
	}
	want = append(want, "envelope")
	var got []string
	for _, f := range faults {
		got = append(got, f.Path)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("faults\n%q, want\n%q", got, want)
	}
}

// In details_changed, a custom field changes only where the document gives it: a text
// sets it, null clears it, and fields before it stay.
func TestMapCustomFields(t *testing.T) {
	decoder := event.NewDecoder()
	for fields := range 1 << 5 { // those with a rule, as bits
		rules := need()
		for i := range 5 {
			if fields&(1<<i) != 0 {
				rules = append(rules, event.Rule{To: fmt.Sprintf("custom_fields.%d", i+1), From: fmt.Sprintf("f%d", i+1)})
			}
		}
		m, err := event.NewMap(&event.Rules{Members: rules})
		if err != nil {
			t.Fatal(err)
		}
		mapper := m.NewMapper()
		for doc := range 3 * 3 * 3 * 3 * 3 { // for each field: absent, null or a text
			text, want := `{"id":"a","at":"2026-11-20T08:00:00Z","session":7,"kind":"details_changed"`, event.Details{}
			for i, rest := 0, doc; i < 5; i, rest = i+1, rest/3 {
				value := []string{"", "null", `"x"`}[rest%3]
				if value == "" {
					continue
				}
				text += fmt.Sprintf(`,"f%d":%s`, i+1, value)
				if fields&(1<<i) != 0 {
					want.Given |= 1 << (event.DetailCustomField1 + i)
					want.Value[event.DetailCustomField1+i] = map[string]string{"null": "", `"x"`: "x"}[value]
				}
			}
			var e event.Event
			ok, reject := decoder.DecodeMapped(mapper, []byte(text+"}"), &e)
			var got event.Details
			if e.Details != nil {
				got = *e.Details
			}
			wanted := event.Reason(0)
			if want.Given == 0 {
				wanted = event.MissingField // details_changed needs a detail
			}
			if !ok || reject.Reason != wanted || got != want {
				t.Fatalf("rules %05b, %s}:\n got %+v %v\nwant %+v", fields, text, got, reject, want)
			}
		}
	}
	// Nothing of a map stays for a line without one.
	var e event.Event
	line := `{"event_id":"a","ts":"2026-11-20T08:00:00Z","session_id":7,"type":"details_changed","custom_fields":[null,"x"]}`
	if reject := decoder.Decode([]byte(line), &e); reject.Reason != 0 || e.Details.Given != 3<<event.DetailCustomField1 {
		t.Errorf("a line: %+v %v", e.Details, reject)
	}
}

// FuzzMap: the line that a map makes of any document is JSON, and one that maps a
// session event onto itself gives the same event.
func FuzzMap(f *testing.F) {
	for _, line := range generatedLines(f, 3)[:30] {
		f.Add(line)
	}
	f.Add([]byte(`{"event_id":"a","ts":"2026-11-20T08:00:00Z","session_id":"7","type":"presence","state":"away","custom_fields":[1,{}]}`))
	same, err := event.NewMap(&event.Rules{Keep: true, Members: []event.Rule{{To: "event_id"}, {To: "ts"}, {To: "session_id"}, {To: "type"}}})
	if err != nil {
		f.Fatal(err)
	}
	other, err := event.NewMap(&event.Rules{Zone: amsterdam(f), Members: need(
		event.Rule{To: "technician.id", From: "technician.id"}, event.Rule{To: "custom_fields.1", From: "type"}, event.Rule{To: "tool", From: "seq", When: []string{"type!=presence"}},
		event.Rule{To: "ts", From: "seq", Time: "epoch_us"}, event.Rule{To: "session_id"}, event.Rule{To: "event_id"}, event.Rule{To: "type"},
	)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		d := event.NewDecoder()
		var plain, mapped event.Event
		want := d.Decode(doc, &plain)
		line, ok, reject := same.NewMapper().Apply(doc)
		if reject.Reason == 0 && ok {
			reject = d.Decode(line, &mapped)
		}
		if want.Reason == event.BadJSON && reject.Reason != event.BadJSON || want.Reason == 0 && (reject.Reason != 0 || !reflect.DeepEqual(plain, mapped)) && !bytes.Contains(doc, []byte("\\")) {
			t.Fatalf("%q:\nplain  %+v %v\nmapped %+v %v\n%s", doc, plain, want, mapped, reject, line)
		}
		for _, m := range []*event.Map{same, other} {
			line, ok, reject := m.NewMapper().Apply(doc)
			if ok {
				reject = d.Decode(line, &plain)
			}
			if reject.Reason == event.BadJSON && ok {
				t.Fatalf("%q becomes %q", doc, line)
			}
			okAtOnce, atOnce := d.DecodeMapped(m.NewMapper(), doc, &mapped)
			if okAtOnce != ok || atOnce.Reason != reject.Reason || ok && !reflect.DeepEqual(plain, mapped) {
				t.Fatalf("%q becomes %q:\nby its line %+v %v\nat once     %+v %v", doc, line, plain, reject, mapped, atOnce)
			}
		}
	})
}

// foreignEvents are the lines of generatedLines with other names of members, in another
// order, within an envelope, one after the other as in a dump; and a map of them. size is
// that of the lines.
func foreignEvents(tb testing.TB, sessions int) (m *event.Map, docs [][]byte, size int) {
	tb.Helper()
	m, err := event.NewMap(&event.Rules{Envelope: "detail", Members: []event.Rule{
		{To: "event_id", From: "/id"}, {To: "ts", From: "/time"}, {To: "session_id", From: "session"}, {To: "seq", From: "n"},
		{To: "type", From: "kind", Codes: []string{"StatusChange=status_changed", "Chat=chat_message", "Presence=presence"}},
		{To: "session_type"}, {To: "technician"}, {To: "channel"}, {To: "calling_card"}, {To: "status", From: "status", Codes: []string{"InSession=active"}},
		{To: "transferred_to"}, {To: "technician_id", From: "agent"}, {To: "state"}, {To: "sender"}, {To: "tool"}, {To: "resolution"}, {To: "by"},
		{To: "name"}, {To: "tracking_id"}, {To: "customer_ip"}, {To: "device_id"}, {To: "platform"}, {To: "browser_type"}, {To: "custom_fields"},
	}})
	if err != nil {
		tb.Fatal(err)
	}
	rename := strings.NewReplacer(`"session_id":`, `"session":`, `"seq":`, `"n":`, `"type":"status_changed"`, `"kind":"StatusChange"`, `"type":"presence"`, `"kind":"Presence"`,
		`"type":"chat_message"`, `"kind":"Chat"`, `"type":`, `"kind":`, `"technician_id":`, `"agent":`, `"status":"active"`, `"status":"InSession"`, `"event_id":`, `"id":`, `"ts":`, `"time":`)
	idAndTime := regexp.MustCompile(`"(id|time)": ?"[^"]*"(, ?)?`)
	lines := generatedLines(tb, sessions)
	text := make([]byte, 0, 2*len(bytes.Join(lines, nil)))
	for i, line := range lines {
		size += len(line)
		doc := rename.Replace(string(line))
		var outside string // the members that are not in the envelope
		doc = idAndTime.ReplaceAllStringFunc(doc, func(member string) string {
			outside += "," + strings.Trim(member, ", ")
			return ""
		})
		doc = `{"detail":` + strings.Replace(doc, ",}", "}", 1) + outside + "}"
		text = append(text, doc...) // one after the other, as in a dump
		lines[i] = text[len(text)-len(doc):]
	}
	return m, lines, size
}

// BenchmarkDecodeMapped decodes foreign events. Its bytes are those of the lines of
// BenchmarkDecode, so that both compare by their speed.
func BenchmarkDecodeMapped(b *testing.B) {
	m, docs, size := foreignEvents(b, 2000)
	d, p := event.NewDecoder(), m.NewMapper()
	var e event.Event
	b.SetBytes(int64(size / len(docs)))
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if ok, reject := d.DecodeMapped(p, docs[i%len(docs)], &e); !ok || reject.Reason != 0 {
			b.Fatal(reject, string(docs[i%len(docs)]))
		}
	}
}
