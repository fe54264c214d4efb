package csv_test

import (
	"bytes"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/sinks/csv"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/summary"
)

// cells are texts that CSV or a spreadsheet reads in ways of its own, and what
// is written for each of them between commas.
var cells = []struct{ text, written string }{
	{"", ``},
	{"Ada Kok", `Ada Kok`},
	{"a,b", `"a,b"`},
	{"a;b", `"a;b"`},
	{"a\tb", "\"a\tb\""},
	{"a|b", `"a|b"`},
	{`say "hi"`, `"say ""hi"""`},
	{`"`, `""""`},
	{"two\nlines", "\"two\nlines\""},
	{"two\r\nlines", "\"two\r\nlines\""},
	{"a\rb", "\"a\rb\""},
	{" leading", `" leading"`},
	{"trailing ", `trailing `},
	{`\.`, `"\."`},
	{"=1+1", `'=1+1`},
	{"+31 20", `'+31 20`},
	{"-1", `'-1`},
	{"@home", `'@home`},
	{"\tx", "\"'\tx\""},
	{"\nx", "\"'\nx\""},
	{" =1", `' =1`},
	{"\u00a0\u3000+1", "'\u00a0\u3000+1"},
	{"\ufeff-1", "'\ufeff-1"},
	{" \ufeff @x", "' \ufeff @x"},
	{"\r\t=1", "\"'\r\t'=1\""},
	{"＝1", "'＝1"}, {"＋1", "'＋1"}, {"－1", "'－1"}, {"＠x", "'＠x"},
	{"a,=1", `"a,'=1"`},
	{"a;+1", `"a;'+1"`},
	{"a\t-1", "\"a\t'-1\""},
	{"a|@x", `"a|'@x"`},
	{"a;＝1", `"a;'＝1"`},
	{";;=1|=2", `";;'=1|'=2"`},
	{"=a;=b", `"'=a;'=b"`},
	{"a; =1", `"a; =1"`},
	{"a-b+c", "a-b+c"},
	{"'=1", "'=1"},
	{"\rx", "\"'\rx\""},
	{`=HYPERLINK("x","y")`, `"'=HYPERLINK(""x"",""y"")"`},
	{"'quoted", `'quoted`},
	{"a=b", `a=b`},
	{"\u2028", "\"\u2028\""},
	{"a\x00b", "a\ufffdb"},
	{"𝄞é", `𝄞é`},
}

func TestWriteTable(t *testing.T) {
	table := &summary.Table{Name: "by_group", Header: []string{"=Group", "Legs"}, Kinds: []report.Kind{report.String, report.Integer}}
	want := "'=Group,Legs\n"
	for i, c := range cells {
		table.Rows = append(table.Rows, []string{c.text, fmt.Sprint(i)})
		want += c.written + "," + fmt.Sprint(i) + "\n"
	}
	// A number is no text, even below zero.
	table.Rows = append(table.Rows, []string{"last", "-1"})
	want += "last,-1\n"

	var got bytes.Buffer
	if err := csv.WriteTable(&got, csv.Format{}, table); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFormat(t *testing.T) {
	table := &summary.Table{Name: "t", Header: []string{"A;B", "C,D"}, Kinds: []report.Kind{report.String, report.String}, Rows: [][]string{{"x;y", "x,y"}, {"x\ty", "x|y"}}}
	for _, c := range []struct {
		format csv.Format
		want   string
	}{
		{csv.Format{}, "\"A;B\",\"C,D\"\n\"x;y\",\"x,y\"\n\"x\ty\",\"x|y\"\n"},
		{csv.Format{Delimiter: ','}, "\"A;B\",\"C,D\"\n\"x;y\",\"x,y\"\n\"x\ty\",\"x|y\"\n"},
		{csv.Format{Delimiter: ';', BOM: true}, "\ufeff\"A;B\";\"C,D\"\n\"x;y\";\"x,y\"\n\"x\ty\";\"x|y\"\n"},
		{csv.Format{Delimiter: '\t'}, "\"A;B\"\t\"C,D\"\n\"x;y\"\t\"x,y\"\n\"x\ty\"\t\"x|y\"\n"},
		{csv.Format{Delimiter: '|', BOM: true}, "\ufeff\"A;B\"|\"C,D\"\n\"x;y\"|\"x,y\"\n\"x\ty\"|\"x|y\"\n"},
	} {
		var got bytes.Buffer
		if err := csv.WriteTable(&got, c.format, table); err != nil || got.String() != c.want {
			t.Errorf("%+v: %q, want %q (error: %v)", c.format, got.String(), c.want, err)
		}
	}
}

func TestDelimiters(t *testing.T) {
	for _, d := range []rune{'"', '\n', '\r', '\ufeff', '\ufffd', -1, 0x110000, 0xD800} {
		if err := (csv.Format{Delimiter: d}).Validate(); err == nil {
			t.Errorf("%q was taken for a delimiter", d)
		}
		if err := csv.WriteTable(&bytes.Buffer{}, csv.Format{Delimiter: d}, &summary.Table{}); err == nil {
			t.Errorf("a table was written with the delimiter %q", d)
		}
	}
}

// definition is of a report in Dutch with labels of its own.
func definition(t *testing.T) *report.Definition {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	return &report.Definition{
		Name: "sessions", Zone: zone, Language: report.Dutch,
		Labels: report.Labels{Name: "=Klant", CustomFields: [5]string{"Kamer, gebouw"}},
	}
}

func sampleRow() report.Row {
	start := time.Date(2026, 11, 20, 8, 15, 2, 999e6, time.UTC).UnixMilli()
	return report.Row{
		StartTime: start, EndTime: report.Unknown, LastActionTime: report.Unknown,
		TechnicianName: "@Ada", TechnicianID: report.Unknown, TechnicianEmail: "a@example.com",
		SessionID: 700, SessionType: "Mobile Applet", Status: "Waiting", Name: "-Jan", CustomFields: [5]string{"12, B"},
		TrackingID: `=cmd|"x"`, ChannelID: 3, WaitingTime: 3_599_999, TotalTime: 100*3_600_000 + 61_000,
		TimeToFirstChat: report.Unknown, WrapUpTime: 0, FirstChatMessageSent: report.Unknown,
		CustomerMessages: 2, Leg: 1, Role: "lead", BeginTime: start - 3_599_999, ReportDate: day.Date(2026, 11, 20),
	}
}

func TestSessions(t *testing.T) {
	var got bytes.Buffer
	s, err := csv.NewSessions(&got, csv.Format{}, definition(t))
	if err != nil {
		t.Fatal(err)
	}
	row := sampleRow()
	if err := s.Add(&row); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	const want = "Starttijd,Eindtijd,Laatste actietijd,Naam van technicus,Technicus-ID,E-mailadres van technicus,Sessie-ID,Sessietype,Status," +
		`'=Klant,"Kamer, gebouw",Aangepast veld 2,Aangepast veld 3,Aangepast veld 4,Aangepast veld 5,Tracerings-ID,IP van klant,Apparaat-ID,` +
		"Gebruikte tool,Opgelost/onopgelost,Kanaal-ID,Kanaalnaam,Calling Card,Verbindingstijd,Wachttijd,Totale tijd,Actieve tijd,Werktijd," +
		"Onderbrekingstijd,Overdrachtstijd,Herstarttijd,Herverbindingstijd,Platform,Browsertype,Technicusgroep,Tijd tot eerste chat,Afrondingstijd," +
		"Overgedragen aan,Tijdstip eerste verstuurde chatbericht,Aantal klantberichten,Aantal technicusberichten,Aantal systeemberichten," +
		"Deelsessie,Rol,Begintijd,Definitief,Overige tijd,Afwijkingen,Rapportdatum,Klantadres\n" +
		"2026-11-20T09:15:02+01:00,,,'@Ada,,a@example.com,700,Mobiele applet,Bezig met wachten," +
		`'-Jan,"12, B",,,,,"'=cmd|""x""",,,` +
		",,3,,,0:00:00,0:59:59,100:01:01,0:00:00,0:00:00," +
		"0:00:00,0:00:00,0:00:00,0:00:00,,,,,0:00:00," +
		",,2,0,0," +
		"1,lead,2026-11-20T08:15:03+01:00,false,0:00:00,,2026-11-20,\n"
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// For every text, encoding/csv reads the same cells back, and no cell
// of text begins as a formula does.
func TestSessionsRoundTrip(t *testing.T) {
	for _, format := range []csv.Format{{}, {Delimiter: ';'}, {Delimiter: '\t'}, {Delimiter: '\''}} {
		var file bytes.Buffer
		d := definition(t)
		s, err := csv.NewSessions(&file, format, d)
		if err != nil {
			t.Fatal(err)
		}
		var want [][]string
		for _, cell := range cells {
			if strings.Contains(cell.text, "\r\n") {
				continue // the reader, not the writer, makes \n of it
			}
			row := sampleRow()
			row.Name, row.TransferredTo = cell.text, cell.text
			if err := s.Add(&row); err != nil {
				t.Fatal(err)
			}
			expected := cell.written // between commas; without its quotes
			if inner, ok := strings.CutPrefix(expected, `"`); ok {
				expected = strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `""`, `"`)
			}
			want = append(want, []string{expected, expected})
		}
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		r := stdcsv.NewReader(&file)
		if format.Delimiter != 0 {
			r.Comma = format.Delimiter
		}
		records, err := r.ReadAll()
		if err != nil {
			t.Fatalf("%+v: %v", format, err)
		}
		var got [][]string
		for _, record := range records[1:] {
			got = append(got, []string{record[9], record[37]})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v (-want +got)\n%s", format, diff)
		}
	}
}

// Durations and times in the forms of the format; everything else stays.
func TestForms(t *testing.T) {
	table := &summary.Table{Name: "t", Header: []string{"Group", "Hour", "Date", "Legs", "Total Time", "Average", "Share", "Ratio"},
		Kinds: []report.Kind{report.String, report.Integer, report.Date, report.Integer, report.Duration, report.Duration, report.Share, report.Decimal},
		Rows:  [][]string{{"1:00:00", "7", "2026-11-20", "12", "100:01:01", "0:00:01", "0.0921", "2.50"}, {"x", "", "", "-1", "0:00:00", "", "", ""}}}
	for _, c := range []struct {
		format         csv.Format
		table, session string // the rows; and start, waiting and total time
	}{
		{csv.Format{}, "1:00:00,7,2026-11-20,12,100:01:01,0:00:01,0.0921,2.50\nx,,,-1,0:00:00,,,\n", "2026-11-20T09:15:02+01:00|0:59:59|100:01:01"},
		{csv.Format{Durations: csv.Seconds}, "1:00:00,7,2026-11-20,12,360061,1,0.0921,2.50\nx,,,-1,0,,,\n", "2026-11-20T09:15:02+01:00|3599|360061"},
		{csv.Format{Durations: csv.Clock, Times: csv.Offset}, "1:00:00,7,2026-11-20,12,100:01:01,0:00:01,0.0921,2.50\nx,,,-1,0:00:00,,,\n", "2026-11-20T09:15:02+01:00|0:59:59|100:01:01"},
		{csv.Format{Durations: csv.Hours, DecimalComma: true}, "1:00:00,7,2026-11-20,12,\"100,0169\",\"0,0003\",\"0,0921\",\"2,50\"\nx,,,-1,\"0,0000\",,,\n", "2026-11-20T09:15:02+01:00|0,9997|100,0169"},
		{csv.Format{Durations: csv.Hours, Times: csv.Local}, "1:00:00,7,2026-11-20,12,100.0169,0.0003,0.0921,2.50\nx,,,-1,0.0000,,,\n", "2026-11-20 09:15:02|0.9997|100.0169"},
	} {
		var got bytes.Buffer
		if err := csv.WriteTable(&got, c.format, table); err != nil {
			t.Fatal(err)
		}
		if _, rows, _ := strings.Cut(got.String(), "\n"); rows != c.table {
			t.Errorf("%+v: %q, want %q", c.format, rows, c.table)
		}
		got.Reset()
		s, err := csv.NewSessions(&got, c.format, definition(t))
		if err != nil {
			t.Fatal(err)
		}
		row := sampleRow()
		if err := errors.Join(s.Add(&row), s.Flush()); err != nil {
			t.Fatal(err)
		}
		records, err := stdcsv.NewReader(&got).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		r := records[1]
		if cells := r[0] + "|" + r[24] + "|" + r[25]; cells != c.session {
			t.Errorf("%+v: %q, want %q", c.format, cells, c.session)
		}
		if r[1] != "" || r[35] != "" { // End Time and Time to First Chat are unknown
			t.Errorf("%+v: unknown values are %q and %q", c.format, r[1], r[35])
		}
	}
}

// A sink that fails is not mistaken for one that works.
func TestErrors(t *testing.T) {
	broken := errors.New("disk full")
	w := writerFunc(func([]byte) (int, error) { return 0, broken })
	if err := csv.WriteTable(w, csv.Format{}, &summary.Table{Name: "total", Header: []string{"A"}}); !errors.Is(err, broken) {
		t.Errorf("table: error %v", err)
	}
	if err := csv.WriteTable(w, csv.Format{BOM: true}, &summary.Table{}); !errors.Is(err, broken) {
		t.Errorf("byte order mark: error %v", err)
	}
	s, err := csv.NewSessions(w, csv.Format{}, definition(t))
	if err != nil {
		t.Fatal(err) // the header fits the buffer
	}
	if err := s.Flush(); !errors.Is(err, broken) {
		t.Errorf("sessions: error %v", err)
	}
	row := sampleRow()
	if err := s.Add(&row); !errors.Is(err, broken) {
		t.Errorf("sessions after an error: error %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func BenchmarkSessions(b *testing.B) {
	d := &report.Definition{Zone: time.UTC}
	s, err := csv.NewSessions(writerFunc(func(b []byte) (int, error) { return len(b), nil }), csv.Format{}, d)
	if err != nil {
		b.Fatal(err)
	}
	row := sampleRow()
	for b.Loop() {
		if err := s.Add(&row); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
