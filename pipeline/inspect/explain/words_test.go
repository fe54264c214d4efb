package explain

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/words"
	"daybook/sources/store"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/session"
)

var english, dutch = words.In(report.English), words.In(report.Dutch)

// lines are a session of ten minutes: half a minute of waiting, nine and a half
// minutes active, of which two with the technician away, and a chat line.
const lines = `{"event_id":"a","ts":"2026-11-20T09:00:00Z","session_id":7,"type":"session_created","session_type":"applet"}
{"event_id":"b","ts":"2026-11-20T09:00:00Z","session_id":7,"seq":1,"type":"status_changed","status":"waiting"}
{"event_id":"c","ts":"2026-11-20T09:00:30Z","session_id":7,"type":"status_changed","status":"active","technician":{"id":3,"name":"Ada"}}
{"event_id":"d","ts":"2026-11-20T09:01:00Z","session_id":7,"type":"chat_message","sender":"technician","technician_id":3}
{"event_id":"e","ts":"2026-11-20T09:02:00Z","session_id":7,"type":"presence","state":"away","technician_id":3}
{"event_id":"f","ts":"2026-11-20T09:04:00Z","session_id":7,"type":"presence","state":"available","technician_id":3}
{"event_id":"f","ts":"2026-11-20T09:04:00Z","session_id":7,"type":"presence","state":"available","technician_id":3}
{"event_id":"g","ts":"2026-11-20T09:10:00Z","session_id":7,"type":"status_changed","status":"closed_by_technician"}
`

// fromLines explains the session from a dump with these lines.
func fromLines(t *testing.T) *Explanation {
	t.Helper()
	source := store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", lines)
	s := pipelinetest.Settings(t, source, store.NewMemory(nil))
	explained, err := FromDumps(t.Context(), s, nil, Question{7, pipelinetest.Day})
	if err != nil {
		t.Fatal(err)
	}
	return explained
}

func TestNumbersSayWhereTheyComeFrom(t *testing.T) {
	formatter := NewFormatter(fromLines(t), time.UTC, english)
	numbers := formatter.Numbers(&formatter.Session.Legs[0])
	for _, want := range []Number{
		{"Begin", "09:00:00.000", "the leg opened"},
		{"Start", "09:00:30.000", "the session first was active with this leg as its lead"},
		{"End", "09:10:00.000", "the session came to an ending status, which removed the leg"},
		{"Waiting", "0:00:30", "09:00:00.000 to 09:00:30.000"},
		{"Active", "0:09:30", "09:00:30.000 to 09:10:00.000"},
		{"Work", "0:07:30", "09:00:30.000 to 09:02:00.000, 09:04:00.000 to 09:10:00.000"},
		{"Wrap-up", "0:00:00", "removed by a technician while active: nothing to wrap up"},
		{"Total", "0:09:30", "active + hold + transfer + rebooting + reconnecting"},
		{"Messages", "1", "0 by the customer, 1 by the technician, 0 by the system"},
	} {
		if !slices.Contains(numbers, want) {
			t.Errorf("%+v is not among %+v", want, numbers)
		}
	}
}

func TestEventsAndStatesInWords(t *testing.T) {
	explained := fromLines(t)
	var events, states []string
	for i := range explained.Trace.Steps {
		step := &explained.Trace.Steps[i]
		events, states = append(events, Event(&step.Event, english)), append(states, State(step, english))
	}
	if want := []string{"session_created applet", "status_changed waiting", "status_changed active technician Ada (3)", "chat_message by technician 3",
		"presence away technician 3", "presence available technician 3", "status_changed closed_by_technician"}; !slices.Equal(events, want) {
		t.Errorf("events %q, want %q", events, want)
	}
	if want := []string{"connecting", "waiting", "active; leg 0 working", "active; leg 0 working", "active; leg 0 away", "active; leg 0 working", "closed_by_technician"}; !slices.Equal(states, want) {
		t.Errorf("states %q, want %q", states, want)
	}
	if notes := Notes(&explained.Trace.Steps[6], english); !slices.Equal(notes, []string{"- leg 0 removed by technician; the status before was active"}) {
		t.Errorf("notes %q", notes)
	}
}

// An explanation in Dutch has no English word.
func TestInDutch(t *testing.T) {
	explained := fromLines(t)
	f := NewFormatter(explained, time.UTC, dutch)
	for _, want := range []Number{
		{"Begin", "09:00:00.000", "de deelsessie werd geopend"},
		{"Starttijd", "09:00:30.000", "de sessie was voor het eerst actief met deze deelsessie als leidende"},
		{"Wachttijd", "0:00:30", "09:00:00.000 tot 09:00:30.000"},
		{"Afrondingstijd", "0:00:00", "verwijderd door een technicus in status Actief: niets af te ronden"},
		{"Berichten", "1", "0 van de klant, 1 van de technicus, 0 van het systeem"},
	} {
		if numbers := f.Numbers(&f.Session.Legs[0]); !slices.Contains(numbers, want) {
			t.Errorf("%+v is not among %+v", want, numbers)
		}
	}
	var events, states []string
	for i := range explained.Trace.Steps {
		step := &explained.Trace.Steps[i]
		events, states = append(events, Event(&step.Event, dutch)), append(states, State(step, dutch))
	}
	if want := []string{"sessie gemaakt Applet", "status gewijzigd: Bezig met wachten", "status gewijzigd: Actief technicus Ada (3)", "chatbericht door technicus 3",
		"aanwezigheid: afwezig technicus 3", "aanwezigheid: beschikbaar technicus 3", "status gewijzigd: Afgesloten door technicus"}; !slices.Equal(events, want) {
		t.Errorf("events %q, want %q", events, want)
	}
	if want := []string{"Bezig met verbinden", "Bezig met wachten", "Actief; deelsessie 0 aan het werk", "Actief; deelsessie 0 aan het werk", "Actief; deelsessie 0 afwezig", "Actief; deelsessie 0 aan het werk", "Afgesloten door technicus"}; !slices.Equal(states, want) {
		t.Errorf("states %q, want %q", states, want)
	}
	if notes := Notes(&explained.Trace.Steps[6], dutch); !slices.Equal(notes, []string{"- deelsessie 0 verwijderd door technicus; de status ervoor was Actief"}) {
		t.Errorf("notes %q", notes)
	}
}

// Each code of an event, each measure, role and anomaly has a Dutch text.
func TestEveryCodeIsDutch(t *testing.T) {
	catalogue := words.Catalogue()
	lacks := func(text string) {
		if _, ok := catalogue[strings.ReplaceAll(text, "_", " ")]; !ok {
			t.Errorf("the Dutch catalogue lacks %q", text)
		}
	}
	for _, code := range []func(int) string{
		func(i int) string { return event.Type(i).String() }, func(i int) string { return event.Signal(i).String() },
		func(i int) string { return event.Sender(i).String() }, func(i int) string { return event.Actor(i).String() },
		func(i int) string { return event.Resolution(i).String() },
	} {
		n := 1
		for ; code(n) != ""; n++ {
			lacks(code(n))
		}
		if n < 3 {
			t.Errorf("there are %d codes after %q", n, code(1))
		}
	}
	for s := event.Status(1); s.String() != ""; s++ {
		if Status(s, english) != s.String() || Status(s, dutch) == "" {
			t.Errorf("%s is %q in English and %q in Dutch", s, Status(s, english), Status(s, dutch))
		}
	}
	for m := range session.Measure(session.NumMeasures) {
		lacks(m.String())
		lacks(words.Capital(m.String()))
	}
	for a := range session.Anomaly(session.NumAnomalies) {
		lacks(a.String())
	}
	lacks(session.Lead.String())
	lacks(session.Collaborator.String())
}

func TestTimesNeedTheirDateOverAMidnight(t *testing.T) {
	zone := time.FixedZone("", -9*3600-5*60) // where it is 23:55 when it begins
	if got := NewFormatter(fromLines(t), zone, english).Moment(time.Date(2026, 11, 20, 9, 1, 0, 0, time.UTC).UnixMilli()); got != "2026-11-19 23:56:00.000" {
		t.Errorf("it writes %s", got)
	}
}

func TestJSON(t *testing.T) {
	text, err := json.Marshal(JSON(fromLines(t), &report.Definition{Name: "r", Zone: time.UTC}))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		SessionID int64 `json:"session_id"`
		Events    []struct{ Repeated bool }
		Rows      []struct {
			WorkTime int64 `json:"work_time_ms"`
		}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.SessionID != 7 || len(got.Events) != 8 || !got.Events[6].Repeated || len(got.Rows) != 1 || got.Rows[0].WorkTime != 450_000 {
		t.Errorf("%s", text)
	}
}

// The numbers of a row of an export come from it, and no event tells more.
func TestExportedLeg(t *testing.T) {
	x := event.Exported{Start: 1000, End: event.Unknown, LastAction: event.Unknown, FirstMessage: event.Unknown, Begin: 400, Total: 7000, TimeToFirstChat: event.Unknown, WrapUp: event.Unknown}
	row := event.Event{ID: "row 1 1000", TS: 1_000_000, SessionID: 5, Type: event.ExportedRow, Status: event.TimedOut, Tool: "chat", Exported: new(string(x.AppendText(nil)))}
	trace := new(session.Trace)
	s, err := new(session.Engine).Fold(t.Context(), []event.Event{row}, trace)
	if err != nil {
		t.Fatal(err)
	}
	f := NewFormatter(&Explanation{Session: s, Trace: trace, Deliveries: []Delivery{{Event: row}}}, time.UTC, english)
	for _, n := range f.Numbers(&s.Legs[0]) {
		if n.Why != "from an export; no events" {
			t.Errorf("%s: %s", n.Name, n.Why)
		}
		if n.Name == "Total" && n.Value != "0:00:07" {
			t.Errorf("total %s", n.Value)
		}
	}
	if got := Event(&row, english); got != "row of an export timed_out" {
		t.Error(got)
	}
}
