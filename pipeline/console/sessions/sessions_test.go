package sessions

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/inspect/explain"
	"daybook/pipeline/words"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/session"
)

// TestAxisDrawsQuietTimesShort: 10 minutes, a quiet day, and 30 minutes. Of the
// 40 busy minutes an eighth is 5, so that the axis is 45 minutes long.
func TestAxisDrawsQuietTimesShort(t *testing.T) {
	const minute = 60_000
	a := newAxis([]int64{0, 10 * minute, 1450 * minute, 1480 * minute})
	for ms, want := range map[int64]float64{0: 0, 5 * minute: 100 * 5.0 / 45, 10 * minute: 100 * 10.0 / 45, 1450 * minute: 100 * 15.0 / 45, 1480 * minute: 100, 730 * minute: 100 * 12.5 / 45} {
		if got := a.at(ms); math.Abs(got-want) > 1e-9 {
			t.Errorf("at %d ms: %v %%, want %v", ms, got, want)
		}
		if back := a.moment(want); back < ms-1 || back > ms+1 {
			t.Errorf("at %v %%: %d ms, want %d", want, back, ms)
		}
	}
	if len(a.breaks) != 1 || a.breaks[0] != 1 {
		t.Errorf("the quiet times are %v", a.breaks)
	}
}

func TestAxisOfOneMoment(t *testing.T) {
	a := newAxis([]int64{7, 7})
	if a.at(7) != 0 || a.at(6) != 0 || a.at(9) != 100 {
		t.Errorf("%v %v %v", a.at(7), a.at(6), a.at(9))
	}
}

func TestAxisWithOnlyAQuietTime(t *testing.T) {
	a := newAxis([]int64{0, 100 * 3_600_000})
	if a.at(50*3_600_000) != 50 {
		t.Errorf("the middle is at %v %%", a.at(50*3_600_000))
	}
}

// signalLines are a leg that is on its own for ten minutes: from 09:02 to 09:04
// away, at 09:03 with another tab in front, too, until 09:05.
const signalLines = `{"event_id":"a","ts":"2026-11-20T09:00:00Z","session_id":7,"type":"session_created","session_type":"applet"}
{"event_id":"b","ts":"2026-11-20T09:00:00Z","session_id":7,"seq":1,"type":"status_changed","status":"active","technician":{"id":3,"name":"Ada"}}
{"event_id":"c","ts":"2026-11-20T09:02:00Z","session_id":7,"type":"presence","state":"away","technician_id":3}
{"event_id":"d","ts":"2026-11-20T09:02:30Z","session_id":7,"type":"chat_message","sender":"customer"}
{"event_id":"e","ts":"2026-11-20T09:03:00Z","session_id":7,"type":"presence","state":"tab_deselected","technician_id":3}
{"event_id":"f","ts":"2026-11-20T09:04:00Z","session_id":7,"type":"presence","state":"available","technician_id":3}
{"event_id":"g","ts":"2026-11-20T09:05:00Z","session_id":7,"type":"presence","state":"tab_selected","technician_id":3}
{"event_id":"h","ts":"2026-11-20T09:10:00Z","session_id":7,"type":"status_changed","status":"closed_by_technician"}
`

func TestTimelineTellsSignals(t *testing.T) {
	all := explained(t, signalLines)
	p := &painter{Formatter: explain.NewFormatter(all, time.UTC, words.In(report.English)), end: all.Session.LastEvent}
	at := func(minute int) int64 { return time.Date(2026, 11, 20, 9, minute, 0, 0, time.UTC).UnixMilli() }
	want := []signalled{{"away", at(2), at(3)}, {"away, tab deselected", at(3), at(4)}, {"tab deselected", at(4), at(5)}}
	if got := p.signals(0); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	picture := newTimeline(p.Formatter)
	if leg := string(picture.Lanes[1].Picture); !strings.Contains(leg, `<rect class="m-signal" x="20.000%" y="40" width="10.000%" height="3"><title>away: 09:02:00.000 to 09:03:00.000, 0:01:00</title></rect>`) {
		t.Errorf("the leg's lane: %s", leg)
	}
	if !slices.ContainsFunc(picture.Legend, func(l legendItem) bool { return l.Class == "m-signal" }) {
		t.Errorf("the legend is %+v", picture.Legend)
	}
}

// explained is what events, a line each, make of a session.
func explained(t *testing.T, lines string) *explain.Explanation {
	t.Helper()
	var events []event.Event
	all := new(explain.Explanation)
	decoder := event.NewDecoder()
	for line := range strings.Lines(lines) {
		var e event.Event
		if reject := decoder.Decode([]byte(strings.TrimSpace(line)), &e); reject.Reason != 0 {
			t.Fatalf("%s: %v", line, reject)
		}
		events = append(events, e)
	}
	unique, _, err := session.Order(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range unique {
		all.Deliveries = append(all.Deliveries, explain.Delivery{Event: e})
	}
	all.Trace = new(session.Trace)
	if all.Session, err = new(session.Engine).Fold(t.Context(), unique, all.Trace); err != nil {
		t.Fatal(err)
	}
	return all
}

// A session's page and its twin have a limit, and say how much is beyond it.
func TestSessionPageIsBounded(t *testing.T) {
	var lines strings.Builder
	for line := range strings.Lines(signalLines) {
		if strings.Contains(line, "closed") {
			const extra = 10
			for i := range mostLegs + extra {
				fmt.Fprintf(&lines, `{"event_id":"x%[1]d","ts":"2026-11-20T09:06:00Z","session_id":7,"seq":%[1]d,"type":"collaboration_started","technician":{"id":%[2]d}}`+"\n", i, 100+i)
			}
			for i := range mostEvents {
				fmt.Fprintf(&lines, `{"event_id":"y%[1]d","ts":"2026-11-20T09:07:00Z","session_id":7,"seq":%[1]d,"type":"chat_message","sender":"customer"}`+"\n", i)
			}
		}
		lines.WriteString(line)
	}
	all := explained(t, lines.String())
	legs, events := len(all.Session.Legs), len(all.Deliveries)
	if legs <= mostLegs || events <= mostEvents {
		t.Fatalf("%d legs and %d events are too few", legs, events)
	}
	body := New(all, &report.Definition{Name: "r", Zone: time.UTC}, day.Date(2026, 11, 20))
	left := body.Omitted
	if left.Legs != legs-mostLegs || left.Events != events-mostEvents {
		t.Errorf("it leaves out %+v of %d legs and %d events", left, legs, events)
	}
	if len(body.Legs) != mostLegs || len(body.Events) != mostEvents || len(body.Timeline.Lanes) != mostLegs+2 {
		t.Errorf("the page has %d legs, %d events and %d lanes", len(body.Legs), len(body.Events), len(body.Timeline.Lanes))
	}
	text, err := json.Marshal(body.Twin())
	if err != nil {
		t.Fatal(err)
	}
	var twin struct {
		Rows, Events []json.RawMessage
		Spans        []struct{ Leg int }
		Sentence     string
		Omitted      Omitted
	}
	if err := json.Unmarshal(text, &twin); err != nil {
		t.Fatal(err)
	}
	if len(twin.Rows) != mostLegs || len(twin.Events) != mostEvents || twin.Omitted != left || len(twin.Spans) == 0 || twin.Sentence != body.Sentence {
		t.Errorf("the twin has %d rows, %d events, %d spans, and omits %+v", len(twin.Rows), len(twin.Events), len(twin.Spans), twin.Omitted)
	}
	if len(all.Session.Legs) != legs || len(all.Trace.Steps) != events {
		t.Error("the explanation itself has changed")
	}
}
