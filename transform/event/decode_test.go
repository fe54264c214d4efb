package event

import (
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A lineCase is one of testdata/lines.txt.
type lineCase struct {
	title, line, want string
	number            int // of the title's line
}

func lineCases(t testing.TB) []lineCase {
	t.Helper()
	file, err := os.ReadFile("testdata/lines.txt")
	if err != nil {
		t.Fatal(err)
	}
	const envelope = `"event_id":"e","ts":"2026-11-20T08:00:00Z","session_id":7`
	var cases []lineCase
	for i, s := range strings.Split(string(file), "\n") {
		title, isTitle := strings.CutPrefix(s, "-- ")
		want, isWant := strings.CutPrefix(s, "=> ")
		switch {
		case isTitle:
			cases = append(cases, lineCase{title: title, number: i + 1})
		case isWant:
			want = strings.Replace(want, "$E", `id="e" ts=2026-11-20T08:00:00.000000Z session=7`, 1)
			cases[len(cases)-1].want = want
		case len(cases) > 0 && cases[len(cases)-1].line == "":
			cases[len(cases)-1].line = unhex(t, strings.Replace(s, "$E", envelope, 1))
		case len(cases) > 0 && s != "":
			t.Fatalf("testdata/lines.txt:%d: a case has one line", i+1)
		}
	}
	return cases
}

// unhex replaces «…» by the bytes it stands for.
func unhex(t testing.TB, s string) string {
	return regexp.MustCompile(`«([0-9a-f]*)(?:\*([0-9]+))?»`).ReplaceAllStringFunc(s, func(quoted string) string {
		digits, times, repeated := strings.Cut(strings.Trim(quoted, "«»"), "*")
		b, err := hex.DecodeString(digits)
		n := 1
		if repeated && err == nil {
			n, err = strconv.Atoi(times)
		}
		if err != nil {
			t.Fatalf("%s: %v", quoted, err)
		}
		return strings.Repeat(string(b), n)
	})
}

// outcome writes a decoded line as testdata/lines.txt does.
func outcome(e *Event, reject Reject) string {
	if reject.Reason != 0 {
		return reject.Reason.String() + " " + reject.Detail
	}
	var s strings.Builder
	fmt.Fprintf(&s, "id=%q ts=%s session=%d", e.ID, time.UnixMicro(e.TS).UTC().Format("2006-01-02T15:04:05.000000Z"), e.SessionID)
	if e.Seq != 0 {
		fmt.Fprintf(&s, " seq=%d", e.Seq)
	}
	s.WriteString(" " + e.Type.String())
	code := func(label, value string) {
		if value != "" {
			s.WriteString(" " + label + "=" + value)
		}
	}
	text := func(label, value string) {
		if value != "" {
			fmt.Fprintf(&s, " %s=%q", label, value)
		}
	}
	code("session_type", e.SessionType.String())
	code("status", e.Status.String())
	code("state", e.Signal.String())
	code("sender", e.Sender.String())
	code("resolution", e.Resolution.String())
	code("by", e.By.String())
	text("tool", e.Tool)
	if p := e.Technician; p != (Person{}) {
		fmt.Fprintf(&s, " technician={%d %q %q %q}", p.ID, p.Name, p.Email, p.Group)
	}
	if e.TechnicianID != 0 {
		fmt.Fprintf(&s, " technician_id=%d", e.TechnicianID)
	}
	if c := e.Channel; c != (Channel{}) {
		fmt.Fprintf(&s, " channel={%d %q}", c.ID, c.Name)
	}
	text("calling_card", e.CallingCard)
	text("transferred_to", e.TransferredTo.Name)
	if to := e.TransferredTo; to.Channel {
		fmt.Fprintf(&s, " to_channel=%d", to.ID)
	}
	if e.Details != nil {
		names := [NumDetails]string{"name", "tracking_id", "customer_ip", "device_id", "platform", "browser_type",
			"custom_field_1", "custom_field_2", "custom_field_3", "custom_field_4", "custom_field_5"}
		var given []string
		for i, value := range e.Details.Value {
			if e.Details.Given>>i&1 != 0 {
				given = append(given, fmt.Sprintf("%s=%q", names[i], value))
			} else if value != "" {
				given = append(given, fmt.Sprintf("%s=%q, but not given", names[i], value))
			}
		}
		fmt.Fprintf(&s, " details={%s}", strings.Join(given, " "))
	}
	return s.String()
}

func TestLines(t *testing.T) {
	shared := NewDecoder() // its tables must not let one line leak into another
	for _, c := range lineCases(t) {
		for _, d := range []*Decoder{NewDecoder(), shared, shared} {
			e := Event{ID: "left over", Details: &Details{}, Seq: 9}
			reject := d.Decode([]byte(c.line), &e)
			got := outcome(&e, reject)
			rest, ok := strings.CutPrefix(got, c.want)
			if ok && rest != "" {
				ok = reject.Reason != 0 && (rest[0] == ':' || rest[0] == ' ')
			}
			if !ok {
				t.Errorf("testdata/lines.txt:%d: %s\ngot  %s\nwant %s", c.number, c.title, got, c.want)
				break
			}
			if reject.Reason != 0 && e != (Event{}) {
				t.Errorf("testdata/lines.txt:%d: %s: rejected, but the event is %+v", c.number, c.title, e)
			}
		}
	}
}

func TestTooLong(t *testing.T) {
	const good = `{"event_id":"e","ts":"2026-11-20T08:00:00Z","session_id":7,"type":"presence","state":"away"}`
	d := NewDecoder()
	var e Event
	line := good + strings.Repeat(" ", MaxLine-len(good))
	if reject := d.Decode([]byte(line), &e); reject.Reason != 0 || e.ID != "e" {
		t.Errorf("a line of %d bytes: %+v, %+v", len(line), e, reject)
	}
	for _, line := range []string{line + " ", strings.Repeat("x", MaxLine+1)} {
		want := Reject{TooLong, "1048577 bytes, more than 1048576"}
		if reject := d.Decode([]byte(line), &e); reject != want || e != (Event{}) {
			t.Errorf("a line of %d bytes: %+v, %+v, want %+v", len(line), e, reject, want)
		}
	}
}

func TestBlank(t *testing.T) {
	for _, line := range []string{"", " ", "\t", "\r", " \t\r\n "} {
		if !Blank([]byte(line)) {
			t.Errorf("%q is blank", line)
		}
	}
	// The limit is on objects: a longer line of white space alone is blank, too.
	if !Blank([]byte(strings.Repeat(" ", MaxLine+5))) {
		t.Errorf("%d spaces are blank", MaxLine+5)
	}
	for _, line := range []string{"{}", " x ", "\f", "\v", "\x00", "\u00a0", "\ufeff", "\u2028"} {
		if Blank([]byte(line)) {
			t.Errorf("%q is not blank", line)
		}
	}
}

func TestParseTime(t *testing.T) {
	file, err := os.ReadFile("testdata/times.txt")
	if err != nil {
		t.Fatal(err)
	}
	var c calendar
	for i, line := range strings.Split(string(file), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		s, want, _ := strings.Cut(line, " ")
		want = strings.TrimSpace(want)
		for range 2 { // after another time, and after itself
			got := "invalid"
			if micros, ok := c.parseTime([]byte(s)); ok {
				got = time.UnixMicro(micros).UTC().Format("2006-01-02 15:04:05.000000")
			}
			if got != want {
				t.Errorf("testdata/times.txt:%d: %s is %s, want %s", i+1, s, got, want)
			}
		}
	}
}

// TestEveryDate holds the arithmetic against the calendar of package time.
func TestEveryDate(t *testing.T) {
	var c calendar
	day := time.Date(minYear, 1, 1, 0, 0, 0, 0, time.UTC)
	for ; day.Year() <= maxYear; day = day.AddDate(0, 0, 1) {
		s := day.Format(time.RFC3339)
		if micros, ok := c.parseTime([]byte(s)); !ok || micros != day.UnixMicro() {
			t.Fatalf("%s is %d, %v, want %d", s, micros, ok, day.UnixMicro())
		}
	}
}

func TestLookup(t *testing.T) {
	for f, name := range memberNames {
		if got := lookup([]byte(name)); got != member(f) {
			t.Errorf("%q is member %d, want %d", name, got, f)
		}
	}
}

// TestTablesAreBounded feeds a decoder more different values than it keeps.
func TestTablesAreBounded(t *testing.T) {
	d := NewDecoder()
	for i := range maxInterned + maxKnown + 100 {
		line := fmt.Appendf(nil, `{"event_id":"e%d","ts":"2026-11-20T08:00:00Z","session_id":7,"type":"collaboration_started","technician":{"id":%d,"name":"n%d"}}`, i, i+1, i)
		var e Event
		if reject := d.Decode(line, &e); reject.Reason != 0 || e.ID != fmt.Sprintf("e%d", i) ||
			e.Technician != (Person{ID: int64(i + 1), Name: fmt.Sprintf("n%d", i)}) {
			t.Fatalf("%s: %+v, %+v", line, e, reject)
		}
		if len(d.strings) > maxInterned || len(d.technicians) > maxKnown {
			t.Fatalf("the tables have grown to %d strings and %d technicians", len(d.strings), len(d.technicians))
		}
	}

	long := strings.Repeat("x", maxKnownLen)
	clear(d.strings)
	clear(d.technicians)
	line := fmt.Appendf(nil, `{"event_id":"e","ts":"2026-11-20T08:00:00Z","session_id":7,"type":"collaboration_started","technician":{"id":1,"name":"%s"}}`, long)
	var e Event
	if reject := d.Decode(line, &e); reject.Reason != 0 || e.Technician.Name != long {
		t.Fatalf("%+v, %+v", e, reject)
	}
	if len(d.strings)+len(d.technicians) > 0 {
		t.Errorf("values of %d bytes are kept", len(long))
	}
}
