package report_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/session"
)

// page is REPORT.md, by which people work out rows by hand.
func page(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("REPORT.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// tableAfter gives the cells of the first table with that header, below its
// rule.
func tableAfter(t *testing.T, page, header string) (rows [][]string) {
	t.Helper()
	_, rest, found := strings.Cut(page, "\n"+header+"\n")
	if !found {
		t.Fatalf("there is no table with the header %s", header)
	}
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		if line == "" {
			break
		}
		if strings.HasPrefix(line, "|---") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}

// firstCells are the first cells of the rows, all of them codes.
func firstCells(t *testing.T, rows [][]string) (codes []string) {
	t.Helper()
	for _, row := range rows {
		for part := range strings.SplitSeq(row[0], ", ") {
			code := strings.Trim(part, "`")
			if part != "`"+code+"`" {
				t.Errorf("%q is no code", part)
			}
			codes = append(codes, code)
		}
	}
	return codes
}

// REPORT.md has each anomaly, column, session type and status, and none that
// there is not.
func TestPageHasAllCodes(t *testing.T) {
	page := page(t)

	var anomalies []string
	for a := range session.Anomaly(session.NumAnomalies) {
		anomalies = append(anomalies, a.String())
	}
	if got := firstCells(t, tableAfter(t, page, "| code | what is odd |")); !slices.Equal(got, anomalies) {
		t.Errorf("the anomalies are %q, want %q", got, anomalies)
	}
	rules, _, _ := strings.Cut(page, "### Anomalies")
	for _, code := range anomalies {
		if !strings.Contains(rules, "`"+code+"`") {
			t.Errorf("no rule says what gives the anomaly %s", code)
		}
	}

	var columns []string
	for i := range report.Columns {
		columns = append(columns, report.Columns[i].Name)
	}
	slices.Sort(columns)
	got := firstCells(t, tableAfter(t, page, "| column | what it holds |"))
	slices.Sort(got)
	if !slices.Equal(got, columns) {
		t.Errorf("the columns are %q, want %q", got, columns)
	}

	var types []string
	for _, typ := range event.SessionTypes() {
		types = append(types, typ.String())
	}
	if got := firstCells(t, tableAfter(t, page, "| session type | English | Dutch |")); !slices.Equal(got, types) {
		t.Errorf("the session types are %q, want %q", got, types)
	}
	var statuses []string
	for _, s := range event.Statuses() {
		statuses = append(statuses, s.String())
	}
	if got := firstCells(t, tableAfter(t, page, statusTable)); !slices.Equal(got, statuses) {
		t.Errorf("the statuses are %q, want %q", got, statuses)
	}

	for _, typ := range event.Types() {
		if !strings.Contains(rules, "`"+typ.String()+"`") {
			t.Errorf("no rule says what %s does", typ)
		}
	}
	for _, s := range event.Signals() {
		if !strings.Contains(page, "`"+s.String()+"`") {
			t.Errorf("no rule says what %s does", s)
		}
	}
}

const statusTable = "| status | English | Dutch | its time is | what else it is |"

// The values in both languages are those of the files.
func TestPageHasTheValues(t *testing.T) {
	page := page(t)
	cell := func(name string, l report.Language, s session.Session, leg session.Leg) string {
		def := &report.Definition{Zone: time.UTC, Language: l}
		leg.Details = new([event.NumDetails]string)
		var r report.Row
		def.Row(&r, &s, &leg, new(report.Counts))
		i := slices.IndexFunc(report.Columns, func(c report.Column) bool { return c.Name == name })
		return string(def.AppendCell(nil, &report.Columns[i], &r))
	}
	for i, row := range tableAfter(t, page, "| session type | English | Dutch |") {
		for j, l := range []report.Language{report.English, report.Dutch} {
			s := session.Session{Type: event.SessionTypes()[i]}
			if got := cell("session_type", l, s, session.Leg{Status: event.Active}); got != row[1+j] {
				t.Errorf("%s: %q, but files have %q", row[0], row[1+j], got)
			}
		}
	}
	for i, row := range tableAfter(t, page, statusTable) {
		for j, l := range []report.Language{report.English, report.Dutch} {
			if got := cell("status", l, session.Session{}, session.Leg{Status: event.Statuses()[i]}); got != row[1+j] {
				t.Errorf("%s: %q, but files have %q", row[0], row[1+j], got)
			}
		}
	}
}

// Each status does to a leg what its row says: a session is active for a
// minute, enters the status for a minute, and is active again.
func TestPageHasWhatStatusesDo(t *testing.T) {
	var engine session.Engine
	for i, row := range tableAfter(t, page(t), statusTable) {
		status := event.Statuses()[i]
		ada := event.Person{ID: 11, Name: "Ada"}
		enters := func(id string, minute int64, s event.Status) event.Event {
			return event.Event{ID: id, TS: minute * 60_000_000, SessionID: 1, Type: event.StatusChanged, Status: s}
		}
		trace := new(session.Trace)
		s, err := engine.Fold(t.Context(), []event.Event{
			{ID: "1", SessionID: 1, Type: event.SessionCreated, SessionType: event.Applet, Technician: ada},
			enters("2", 0, event.Active), enters("3", 1, status), enters("4", 2, event.Active),
		}, trace)
		if err != nil {
			t.Fatal(err)
		}

		leg, is := &s.Legs[0], ""
		for name, ms := range map[string]int64{
			"active": leg.Active - 60_000, "hold": leg.Hold, "transfer": leg.Transfer,
			"rebooting": leg.Rebooting, "reconnecting": leg.Reconnecting, "other": leg.Other,
		} {
			if ms == 60_000 {
				is += name
			} else if ms != 0 {
				t.Errorf("%s: %d ms are %s", status, ms, name)
			}
		}
		what := ""
		if status.Ending() {
			what = "ending"
			if is != "" {
				is += ", if left again"
			}
		}
		switch removed := trace.Steps[2].Removed; {
		case len(removed) == 0:
		case removed[0].By == event.ByTransfer:
			what = "a status of rows alone: the session waits"
			if after := trace.Steps[2].Status; after != event.Waiting {
				t.Errorf("%s: the session is %s", status, after)
			}
		case removed[0].By == event.BySystem:
			what += "; removing, by the system"
		default:
			what += fmt.Sprintf("; removing, by %s", removed[0].By)
		}
		if row[3] != is || row[4] != what {
			t.Errorf("%s: its time is %q and it is %q, but the engine says %q and %q", status, row[3], row[4], is, what)
		}
	}
}

// The example is the one of EVENTS.md, and has the rows that the engine gives.
func TestPageExample(t *testing.T) {
	b, err := os.ReadFile("../event/EVENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, lines, _ := strings.Cut(string(b), "```json\n")
	lines, _, _ = strings.Cut(lines, "```")
	events, _ := decode(t, lines)
	rows, _ := rowsOf(events, &report.Definition{Name: "example", Zone: time.UTC})
	if len(rows) != 2 {
		t.Fatalf("%d rows, want 2", len(rows))
	}

	shown := map[string][]string{}
	for _, cells := range tableAfter(t, page(t), "| column | leg 0 | leg 1 | how it comes to be |") {
		shown[strings.Trim(cells[0], "`")] = cells[1:3]
	}
	for i := range report.Columns {
		c := &report.Columns[i]
		for leg, row := range rows {
			value := row[c.Name]
			got := fmt.Sprint(value)
			if ms, ok := value.(int64); ok && c.Kind == report.Timestamp {
				got = time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
			} else if value == nil {
				got = "null"
			}
			cells, ok := shown[c.Name]
			switch {
			case ok && cells[leg] != got:
				t.Errorf("leg %d, %s: %s, but the engine gives %s", leg, c.Name, cells[leg], got)
			case !ok && got != "null" && got != "0":
				t.Errorf("leg %d, %s: the engine gives %s, and it is left out", leg, c.Name, got)
			}
		}
		delete(shown, c.Name)
	}
	for name := range shown {
		t.Errorf("there is no column %s", name)
	}
}
