package xlsx

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/spill"
	"daybook/transform/summary"
)

// memoryFile is a File in memory.
type memoryFile struct{ content []byte }

func (f *memoryFile) Write(p []byte) (int, error) {
	f.content = append(f.content, p...)
	return len(p), nil
}

func (f *memoryFile) ReadAt(p []byte, offset int64) (int, error) {
	return bytes.NewReader(f.content).ReadAt(p, offset)
}

func (f *memoryFile) Size() int64 { return int64(len(f.content)) }

func amsterdam(t testing.TB) *report.Definition {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	return &report.Definition{Name: "sessions", Zone: zone, Language: report.Dutch, Labels: report.Labels{Name: "Klant"}}
}

// sampleRow is a leg that lives through the end of summer time.
func sampleRow() report.Row {
	at := func(text string) int64 {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			panic(err)
		}
		return when.UnixMilli()
	}
	return report.Row{
		SessionID: 2077700000003, Leg: 1, Role: "lead", Status: "Closed by technician", IsFinal: true,
		TechnicianID: 1_234_567_890_123_456, TechnicianName: "=1+1", TechnicianGroup: "_x0041_ & <b>",
		StartTime: at("2026-10-25T00:30:00.999Z"), EndTime: at("2026-10-25T01:30:00Z"),
		LastActionTime: report.Unknown, TimeToFirstChat: report.Unknown, WrapUpTime: report.Unknown, ChannelID: report.Unknown,
		TotalTime: 3_599_001, WorkTime: 100*3_600_000 + 61_999, ReportDate: day.Date(2026, 10, 25),
	}
}

func sessionsWorkbook(t testing.TB, d *report.Definition, rows ...report.Row) []byte {
	t.Helper()
	s, err := NewSessions(d)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range rows {
		if err := s.Add(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := s.Save(&b, new(memoryFile)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tablesOf(t testing.TB, d *report.Definition, rows ...report.Row) []summary.Table {
	t.Helper()
	a := summary.ForDay(d, spill.NewScratch(nil))
	for i := range rows {
		if err := a.Add(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	figures, err := a.Figures()
	if err != nil {
		t.Fatal(err)
	}
	return figures.Tables(d.Language)
}

func tablesWorkbook(t testing.TB, tables []summary.Table) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteTables(&b, new(memoryFile), tables); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func opened(t testing.TB, workbook []byte) *excelize.File {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(workbook))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// shown gives a cell under a heading as a spreadsheet shows it, and its stored
// value.
func shown(t testing.TB, f *excelize.File, sheet, heading string, row int) (text, raw string) {
	t.Helper()
	rows, err := f.GetRows(sheet)
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range rows[0] {
		if h != heading {
			continue
		}
		name, err := excelize.CoordinatesToCellName(i+1, row)
		if err != nil {
			t.Fatal(err)
		}
		if formula, err := f.GetCellFormula(sheet, name); err != nil || formula != "" {
			t.Errorf("%s has the formula %q (%v)", heading, formula, err)
		}
		if text, err = f.GetCellValue(sheet, name); err != nil {
			t.Fatal(err)
		}
		if raw, err = f.GetCellValue(sheet, name, excelize.Options{RawCellValue: true}); err != nil {
			t.Fatal(err)
		}
		return text, raw
	}
	t.Fatalf("no column of %s is headed %q", sheet, heading)
	return "", ""
}

// Each kind of value is stored as a spreadsheet reckons with it. 2026-10-25 is day
// 46320 of a spreadsheet. The session starts at 2:30 in summer and ends at 2:30 in
// winter.
func TestSessionsCells(t *testing.T) {
	f := opened(t, sessionsWorkbook(t, amsterdam(t), sampleRow()))
	for _, c := range []struct{ heading, text, raw string }{
		{"Sessie-ID", "2077700000003", "2077700000003"},
		{"Technicus-ID", "1234567890123456", "1234567890123456"},
		{"Naam van technicus", "=1+1", "=1+1"},
		{"Technicusgroep", "_x0041_ & <b>", "_x0041_ & <b>"},
		{"Starttijd", "2026-10-25 02:30:00", "46320.1041666667"},
		{"Eindtijd", "2026-10-25 02:30:00", "46320.1041666667"},
		{"Laatste actietijd", "", ""},
		{"Totale tijd", "0:59:59", "0.0416550925925926"}, // 3599 s
		{"Werktijd", "100:01:01", "4.16737268518519"},    // 360061 s
		{"Klant", "", ""},
		{"Status", "Afgesloten door technicus", "Afgesloten door technicus"},
	} {
		text, raw := shown(t, f, "sessions", c.heading, 2)
		if text != c.text || !strings.HasPrefix(c.raw, raw[:min(len(raw), 12)]) || (raw == "") != (c.raw == "") {
			t.Errorf("%s is %q, stored as %q; want %q, stored as %q", c.heading, text, raw, c.text, c.raw)
		}
	}
	panes, err := f.GetPanes("sessions")
	if err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("the headings move: %+v (%v)", panes, err)
	}
}

// Each summary is a sheet with the cells of the CSV file.
func TestTablesEqualCSV(t *testing.T) {
	second := sampleRow()
	second.SessionID, second.TechnicianID, second.TotalTime = 8, 7, 1_000
	tables := tablesOf(t, amsterdam(t), sampleRow(), second)
	f := opened(t, tablesWorkbook(t, tables))
	var names []string
	for _, table := range tables {
		names = append(names, table.Name)
		got, err := f.GetRows(table.Name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got { // empty cells at the end are left out
			for len(got[i]) < len(table.Header) {
				got[i] = append(got[i], "")
			}
		}
		if diff := cmp.Diff(append([][]string{table.Header}, table.Rows...), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", table.Name, diff)
		}
	}
	if diff := cmp.Diff(names, f.GetSheetList()); diff != "" {
		t.Errorf("the sheets (-want +got):\n%s", diff)
	}
}

// The same rows give the same bytes, with several sheets too.
func TestDeterministic(t *testing.T) {
	d := amsterdam(t)
	tables := tablesOf(t, d, sampleRow())
	wantSessions, wantTables := sessionsWorkbook(t, d, sampleRow()), tablesWorkbook(t, tables)
	for range 10 {
		if !bytes.Equal(sessionsWorkbook(t, d, sampleRow()), wantSessions) || !bytes.Equal(tablesWorkbook(t, tables), wantTables) {
			t.Fatal("the bytes differ")
		}
	}
}

// Rows that a sheet cannot hold go to the next one.
func TestSheetLimit(t *testing.T) {
	d := amsterdam(t)
	s, err := NewSessions(d)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	row := sampleRow()
	for i := range 3 {
		if row.SessionID = int64(i); i == 2 {
			s.book.rows = maxRows // as if the sheet were full
		}
		if err := s.Add(&row); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := s.Save(&b, new(memoryFile)); err != nil {
		t.Fatal(err)
	}
	f := opened(t, b.Bytes())
	for sheet, want := range map[string][]string{"sessions": {"0", "1"}, "sessions 2": {"2"}} {
		rows, err := f.GetRows(sheet)
		if err != nil || len(rows) != len(want)+1 {
			t.Fatalf("%s has %d rows (%v), want %d and the headings", sheet, len(rows), err, len(want))
		}
		for i, id := range want {
			if text, _ := shown(t, f, sheet, "Sessie-ID", i+2); text != id {
				t.Errorf("row %d of %s is session %s, want %s", i+2, sheet, text, id)
			}
		}
	}
}

// Any text comes back as it was written, except for characters that XML cannot hold:
// they become U+FFFD.
func FuzzText(f *testing.F) {
	for _, text := range []string{"Ada", "=1+1", "_x000D_", "a\x00b", " a ", "<&>\"'", "\r\n\t", "𝄞\ufeff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		row := sampleRow()
		row.TechnicianGroup = strings.ToValidUTF8(text, "\ufffd")
		if len([]rune(row.TechnicianGroup)) > 128 {
			return // longer than the column
		}
		want := strings.Map(func(r rune) rune {
			if r < ' ' && !strings.ContainsRune("\t\r\n", r) || r == 0xfffe || r == 0xffff {
				return '\ufffd'
			}
			return r
		}, row.TechnicianGroup)
		got, _ := shown(t, opened(t, sessionsWorkbook(t, amsterdam(t), row)), "sessions", "Technicusgroep", 2)
		if got != want {
			t.Errorf("%q came back as %q, want %q", text, got, want)
		}
	})
}
