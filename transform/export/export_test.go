package export

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"daybook/transform/day"
	"daybook/transform/event"
)

var amsterdam = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		panic(err)
	}
	return zone
}()

func newFormat(t testing.TB, further ...Heading) *Format {
	f, err := NewFormat(amsterdam, append([]Heading{{"Customer", "name"}, {"Order", "custom_field_2"}}, further...))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// decode decodes all lines of an export.
func decode(t testing.TB, f *Format, text string) (events []event.Event, rejects []event.Reject, headings int) {
	l, more, err := f.Layout([]byte(text), true)
	if err != nil || more {
		t.Fatal(more, err)
	}
	d := l.NewDecoder(day.Date(2008, time.March, 4), false)
	for line := range strings.Lines(text) {
		var e event.Event
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		switch ok, reject := d.Decode([]byte(line), &e); {
		case ok:
			events = append(events, e)
		case reject.Reason != 0:
			rejects = append(rejects, reject)
		default:
			headings++
		}
	}
	return events, rejects, headings
}

// The worked row of EXPORTS.md: every column has the value of its cell.
func TestRow(t *testing.T) {
	for name, text := range map[string]string{
		"interface": "OK\n\nStart Time|End Time|Technician ID|Technician Name|Session ID|Status|Customer|Order|Total Time|Active Time|Waiting Time|Connecting Time|Number of Customer Messages|Wrap-up Time|\n" +
			"3/4/2008 9:15:02 AM|3/4/2008 12:00:00 PM|7|Ann|1001|Closed by technician|Bo|A-1|2:44:58|2:40:00|0:01:00|0:00:02|12||\n",
		"csv": "\"Session ID\",\"Status\",\"Starttijd\",\"Eindtijd\",Technicus-ID,Naam van technicus,customer,order,Totale tijd,Actieve tijd,Wachttijd,Verbindingstijd,Aantal klantberichten\r\n" +
			"1001,Afgesloten door technicus,3/4/2008 9:15:02 AM,3/4/2008 12:00:00 PM,7,\"Ann\",Bo,A-1,2:44:58,2:40:00,0:01:00,0:00:02,12\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			events, rejects, headings := decode(t, newFormat(t), text)
			if len(events) != 1 || len(rejects) > 0 {
				t.Fatal(events, rejects)
			}
			if want := 1 + strings.Count(text, "OK\n"); headings != want {
				t.Errorf("%d lines of headings, want %d", headings, want)
			}
			e := &events[0]
			x, err := event.ParseExported(e.ExportedText())
			if err != nil {
				t.Fatal(err)
			}
			start := time.Date(2008, 3, 4, 8, 15, 2, 0, time.UTC).UnixMilli() // Amsterdam is an hour ahead
			got := fmt.Sprint(e.SessionID, e.Status, e.TS, e.Technician, e.Details.Value[event.DetailName], e.Details.Value[event.DetailCustomField1+1], x.Start, x.End, x.Begin, x.Total, x.Active, x.Waiting, x.CustomerMessages, x.WrapUp)
			want := fmt.Sprint(1001, event.ClosedByTechnician, start*1000, event.Person{ID: 7, Name: "Ann"}, "Bo", "A-1", start, start+9898_000, start-62_000, 9898_000, 9600_000, 60_000, 12, event.Unknown)
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// A delimiter inside a cell: the other columns show where the cell ends, or the row is
// rejected.
func TestDelimitersInsideCells(t *testing.T) {
	const headings = "Session ID|Customer|Start Time|Status|Technician Name|Technician Group\n"
	for row, want := range map[string]string{
		"1|Bo|3/4/2008 9:15:02 AM|Active|Ann|North":         "Bo,Ann,North",
		"1|Bo|3/4/2008 9:15:02 AM|Active|Ann|North|":        "Bo,Ann,North",
		"1|Bo|x|y|3/4/2008 9:15:02 AM|Active|Ann|North":     "Bo|x|y,Ann,North",
		"1|Bo|x|3/4/2008 9:15:02 AM|Active|Ann|North|":      "bad_columns", // no delimiter closes the headings
		"1|Bo|3/4/2008 9:15:02 AM|Active|An|n|North":        "bad_columns",
		"1|Bo|3/4/2008 9:15:02 AM|Active|Ann":               "bad_columns",
		"1|Bo|x|3/4/2008 9:15:02 AM|Act|ive|Ann|North":      "bad_columns",
		"1|Bo|3/4/2008 9:15:02 AM|Asleep|Ann|North":         "bad_value",
		"1|Bo|13/4/2008 9:15:02 AM|Active|Ann|North":        "bad_value",
		"1|Bo|2/30/2008 9:15:02 AM|Active|Ann|North":        "bad_value",
		"1|Bo|3/4/1989 9:15:02 AM|Active|Ann|North":         "bad_value",
		"1|Bo|3/4/2008 9:15:02 AM||Ann|North":               "missing_field",
		"|Bo|3/4/2008 9:15:02 AM|Active|Ann|North":          "missing_field",
		"1|Bo||Active|Ann|North":                            "missing_field",
		"1|B\xff|3/4/2008 9:15:02 AM|Active|Ann|North":      "bad_value",
		"9223372036854775808|Bo||Active|Ann|North":          "bad_value",
		"1|" + strings.Repeat("|", 65) + "||Active|Ann|N":   "bad_columns",
		"1|" + strings.Repeat("x", event.MaxLine) + "|||||": "too_long",
	} {
		events, rejects, _ := decode(t, newFormat(t), headings+row+"\n")
		got := ""
		if len(events) == 1 {
			e := &events[0]
			name := ""
			if e.Details != nil {
				name = e.Details.Value[event.DetailName]
			}
			got = name + "," + e.Technician.Name + "," + e.Technician.Group
		} else if len(rejects) == 1 {
			got = rejects[0].Reason.String()
		}
		if got != want {
			t.Errorf("%.80q: %s, want %s", row, got, want)
		}
	}
}

// Work lies within active time, and active within total time. A time that the export
// lacks is the least that it can be.
func TestTimesWithinTimes(t *testing.T) {
	for cells, want := range map[[2]string]string{
		{"Work Time|Active Time|Total Time", "0:00:03|0:00:04|0:00:05"}: "3 4 5",
		{"Work Time|Active Time|Total Time", "0:00:05|0:00:05|0:00:05"}: "5 5 5",
		{"Work Time|Active Time|Total Time", "0:00:05|0:00:04|0:00:09"}: "work_time (5s) is more than active_time (4s)",
		{"Work Time|Active Time|Total Time", "0:00:03|0:00:10|0:00:09"}: "active_time (10s) is more than total_time (9s)",
		{"Work Time|Active Time|Total Time", "0:00:03||0:00:09"}:        "3 3 9",
		{"Work Time|Active Time|Total Time", "0:00:03||0:00:02"}:        "work_time (3s) is more than total_time (2s)",
		{"Work Time|Total Time", "0:00:03|0:00:09"}:                     "3 3 9",
		{"Work Time|Total Time", "0:00:09|0:00:03"}:                     "work_time (9s) is more than total_time (3s)",
		{"Work Time|Hold Time", "0:00:03|0:00:09"}:                      "3 3 12",
		{"Active Time|Hold Time", "0:00:03|0:00:09"}:                    "0 3 12",
		{"Total Time|Hold Time", "0:00:09|0:00:01"}:                     "0 0 9",
	} {
		events, rejects, _ := decode(t, newFormat(t), "Session ID|Start Time|Status|"+cells[0]+"\n1|3/4/2008 9:15:02 AM|Active|"+cells[1]+"\n")
		got := ""
		if len(events) == 1 {
			x, err := event.ParseExported(events[0].ExportedText())
			if err != nil {
				t.Fatal(err)
			}
			got = fmt.Sprint(x.Work/1000, x.Active/1000, x.Total/1000)
		} else if len(rejects) == 1 && rejects[0].Reason == event.BadValue {
			got = rejects[0].Detail
		}
		if got != want {
			t.Errorf("%s: %s, want %s", cells, got, want)
		}
	}
}

func TestQuotedCells(t *testing.T) {
	const headings = "Session ID,Start Time,Status,Technician Name,Technician Group\n1,3/4/2008 9:15:02 AM,Active,"
	for row, want := range map[string]string{
		`"Ann, B","No""rth"`: `Ann, B;No"rth`,
		`Ann,"North`:         `Ann;"North`,
		`"Ann" B,North`:      `"Ann" B;North`,
		`"",""`:              `;`,
	} {
		events, rejects, _ := decode(t, newFormat(t), headings+row+"\n")
		if len(events) != 1 {
			t.Fatal(row, rejects)
		}
		if got := events[0].Technician.Name + ";" + events[0].Technician.Group; got != want {
			t.Errorf("%s: %s, want %s", row, got, want)
		}
	}
}

// Times of the account's clock, also on the days on which it changes.
func TestTimes(t *testing.T) {
	f := newFormat(t)
	c := newClock(f.zone)
	for text, want := range map[string]string{
		"1/2/2008 12:00:00 AM":      "2008-01-01T23:00:00Z",
		"1/2/2008 12:00:00 PM":      "2008-01-02T11:00:00Z",
		"11/20/2026 9:15:02 PM":     "2026-11-20T20:15:02Z",
		"3/30/2008 1:59:59 AM":      "2008-03-30T00:59:59Z",
		"3/30/2008 2:30:00 AM":      "2008-03-30T01:30:00Z", // skipped: half an hour after the change
		"3/30/2008 3:00:00 AM":      "2008-03-30T01:00:00Z",
		"10/26/2008 2:30:00 AM":     "2008-10-26T00:30:00Z", // twice: the first one
		"10/26/2008 3:00:00 AM":     "2008-10-26T02:00:00Z",
		"2/29/2008 1:00:00 AM":      "2008-02-29T00:00:00Z",
		"2026-11-20T09:15:02+01:00": "2026-11-20T08:15:02Z",
		"2026-11-20 09:15:02":       "2026-11-20T08:15:02Z",
	} {
		at, ok := parseTime(text)
		ms, inRange := c.millis(at)
		if got := time.UnixMilli(ms).UTC().Format(time.RFC3339); !ok || !inRange || got != want {
			t.Errorf("%s: %s %v %v, want %s", text, got, ok, inRange, want)
		}
	}
	for _, text := range []string{"", "1/2/2008", "1/2/2008 0:00:00 AM", "1/2/2008 13:00:00 PM", "1/2/2008 1:60:00 AM", "1/2/2008 1:00:00", "2/29/2007 1:00:00 AM", "4/31/2008 1:00:00 AM", "1/2/08 1:00:00 AM", "1/2/2008 1:00:00 XM"} {
		if _, ok := parseTime(text); ok {
			t.Errorf("%q is no time", text)
		}
	}
	for text, want := range map[string]int64{"0:00:00": 0, "1:02:03": 3723_000, "10000:00:00": 36000000_000} {
		if got, ok := parseDuration(text); !ok || got != want {
			t.Errorf("%s: %d %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "1:2:3", "0:60:00", "0:00:60", "-1:00:00", "00:00", "1.5:00:00"} {
		if _, ok := parseDuration(text); ok {
			t.Errorf("%q is no duration", text)
		}
	}
}

func TestDaysOf(t *testing.T) {
	for d := day.Date(1990, 1, 1); d < day.Date(2201, 1, 1); d++ {
		at := d.UTC()
		if got := daysOf(int64(at.Year()), int64(at.Month()), int64(at.Day())); got != int64(d) {
			t.Fatalf("%s: %d, want %d", d, got, d)
		}
	}
}

// Where a delimiter closes the headings, the one at the end of a row is none inside a
// cell.
func TestClosedLines(t *testing.T) {
	for row, want := range map[string]string{
		"1|Bo|x|3/4/2008 9:15:02 AM|Active|": "Bo|x",
		"1|Bo|3/4/2008 9:15:02 AM|Active|":   "Bo",
		"1|Bo|3/4/2008 9:15:02 AM|Active":    "Bo",
		"1||3/4/2008 9:15:02 AM|Active|":     "",
	} {
		events, rejects, _ := decode(t, newFormat(t), "Session ID|Customer|Start Time|Status|\n"+row+"\n")
		if len(events) != 1 {
			t.Fatal(row, rejects)
		}
		name := ""
		if events[0].Details != nil {
			name = events[0].Details.Value[event.DetailName]
		}
		if name != want {
			t.Errorf("%s: %q, want %q", row, name, want)
		}
	}
}

// Spreadsheets write columns without headings and cells.
func TestBlankHeadings(t *testing.T) {
	for _, text := range []string{
		"Session ID,Start Time,Status,,\n1,3/4/2008 9:15:02 AM,Active,,\n",
		"Session ID,,Start Time,Status\n1,a note,3/4/2008 9:15:02 AM,Active\n",
		" |Session ID|Start Time|Status| |\n|1|3/4/2008 9:15:02 AM|Active||\n",
	} {
		events, rejects, _ := decode(t, newFormat(t), text)
		if len(events) != 1 || len(rejects) != 0 || events[0].SessionID != 1 || events[0].Status != event.Active {
			t.Errorf("%q: %+v, %+v", text, events, rejects)
		}
	}
}

// What cannot be an export is told, with the setting that helps.
func TestLayouts(t *testing.T) {
	for text, want := range map[string]string{
		"NOTLOGGEDIN\n":                             "no heading of the report",
		"Session ID|Status|Start Time|Foo\n":        `"Foo=custom_field_1"`,
		"Session ID|Status|Start Time|Status\n":     `"Status" stands twice; export the column once`,
		"Session ID|Status|Start Time|Sessie-ID|\n": "one column, session_id",
		"Session ID|Status|Name\n":                  `no heading "Start Time"`,
	} {
		if _, _, err := newFormat(t).Layout([]byte(text), true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, _, err := newFormat(t, Heading{"foo", "ignore"}).Layout([]byte("Session ID|Status|Start Time|Foo\n"), true); err != nil {
		t.Error(err)
	}
	if _, err := NewFormat(amsterdam, []Heading{{"Foo", "custom_field_9"}}); err == nil {
		t.Error("custom_field_9 is no column")
	}
	for _, text := range []string{"", "OK", "OK\r\n\r\n", "\n"} {
		if l, more, err := newFormat(t).Layout([]byte(text), true); err != nil || more || l.columns != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "OK\n", "OK\n\nSession ID|Sta"} {
		if _, more, err := newFormat(t).Layout([]byte(text), false); err != nil || !more {
			t.Errorf("%q: more of it may have headings: %v", text, err)
		}
	}
}

// Any text gives rows or rejects; a row can be stored, and the order of its columns does
// not matter.
func FuzzDecode(f *testing.F) {
	f.Add("OK\n\nSession ID|Customer|Start Time|Status|\n1|Bo|x|3/4/2008 9:15:02 AM|Active|\n")
	f.Add("Session ID,Status,Start Time,Order\n1,\"Active\",,\"a\"\"b\"\n")
	f.Add("Status;Starttijd;Sessie-ID\n\"Actief\";;1\n")
	format := newFormat(f)
	f.Fuzz(func(t *testing.T, text string) {
		l, _, err := format.Layout([]byte(text), true)
		if err != nil || l.columns == nil {
			return
		}
		copied, shared := l.NewDecoder(9999, false), l.NewDecoder(9999, true)
		for line := range bytes.Lines([]byte(text)) {
			line = bytes.TrimRight(line, "\r\n")
			var a, b event.Event
			okA, rejectA := copied.Decode(line, &a)
			okB, rejectB := shared.Decode(line, &b)
			if okA != okB || rejectA != rejectB || okA && rejectA.Reason != 0 {
				t.Fatalf("%q: %v %v, %v %v", line, okA, rejectA, okB, rejectB)
			}
			if !okA {
				continue
			}
			if _, err := event.ParseExported(a.ExportedText()); err != nil || a.SessionID < 1 || a.Status == 0 || len(a.ID) > 64 || a.Seq < 0 {
				t.Fatalf("%q: %+v: %v", line, a, err)
			}
			var back event.Event
			back.Type = a.Type
			if err := back.DecodeBody(string(a.AppendBody(nil)), nil); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if string(a.AppendBody(nil)) != string(b.AppendBody(nil)) {
				t.Fatalf("%q: %+v and %+v", line, a, b)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	text, err := os.ReadFile("testdata/export.txt")
	if err != nil {
		b.Fatal(err)
	}
	l, _, err := newFormat(b).Layout(text, true)
	if err != nil {
		b.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))[3:]
	d := l.NewDecoder(14000, true)
	size := 0
	for _, line := range lines {
		size += len(line) + 1
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, line := range lines {
			var e event.Event
			if ok, reject := d.Decode(line, &e); !ok {
				b.Fatal(reject)
			}
		}
	}
}
