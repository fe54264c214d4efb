package console

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/inspect/explain"
	"daybook/transform/event"
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
	var events []event.Event
	decoder := event.NewDecoder()
	for line := range strings.Lines(signalLines) {
		var e event.Event
		if reject := decoder.Decode([]byte(strings.TrimSpace(line)), &e); reject.Reason != 0 {
			t.Fatalf("%s: %v", line, reject)
		}
		events = append(events, e)
	}
	unique, _ := session.Order(events)
	trace := new(session.Trace)
	explained := &explain.Explanation{Session: new(session.Engine).Fold(unique, trace), Trace: trace}
	p := &painter{Formatter: explain.NewFormatter(explained, time.UTC), end: explained.Session.LastEvent}
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
