package session

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"daybook/transform/event"
)

// exportedRow is the event of a row that was delivered on a day. An end of 0 is none,
// and so is a start of 0.
func exportedRow(delivered, technician, start, end int64, s event.Status) event.Event {
	x := event.Exported{Delivered: delivered, Start: start, End: end, LastAction: Unknown, FirstMessage: Unknown, Begin: 10, TimeToFirstChat: Unknown, WrapUp: Unknown}
	dated := start
	if start == 0 {
		x.Start, dated = Unknown, x.Begin
	}
	if end == 0 {
		x.End = Unknown
	}
	e := event.Event{ID: fmt.Sprintf("row %d %d", technician, dated), TS: dated * 1000, SessionID: 1, Type: event.ExportedRow, Status: s, Technician: event.Person{ID: technician}}
	if e.Seq = delivered; x.Open(s) {
		e.Seq = 1<<30 - delivered
	}
	e.Exported = new(string(x.AppendText(nil)))
	return e
}

// The rules of EXPORTS.md, "Sessions", in any order of the deliveries.
func TestRowsOfExports(t *testing.T) {
	open := func(delivered int64) event.Event { return exportedRow(delivered, 7, 100, 0, event.Active) }
	closed := func(delivered, end int64) event.Event {
		return exportedRow(delivered, 7, 100, end, event.ClosedByCustomer)
	}
	for name, c := range map[string]struct {
		deliveries []event.Event
		want       string // leg, technician, start, end of each
	}{
		"a later delivery replaces an open row":      {[]event.Event{open(1), closed(2, 500)}, "0 7 100 500"},
		"of rows that are over the first one counts": {[]event.Event{closed(1, 500), closed(2, 600)}, "0 7 100 500"},
		"of open rows the last one counts":           {[]event.Event{open(1), exportedRow(2, 7, 100, 0, event.OnHold)}, "0 7 100 on_hold"},
		"legs by start, then technician": {[]event.Event{exportedRow(1, 9, 200, 300, event.Transferred), exportedRow(1, 8, 200, 300, event.TimedOut), closed(1, 200)},
			"0 7 100 200;1 8 200 300;2 9 200 300"},
		"an open row without a start":           {[]event.Event{exportedRow(1, 0, 0, 0, event.Waiting)}, "0 0 none waiting"},
		"which goes on in a later delivery":     {[]event.Event{exportedRow(1, 0, 0, 0, event.Waiting), closed(2, 500)}, "0 7 100 500"},
		"which has another row in its delivery": {[]event.Event{exportedRow(1, 0, 0, 0, event.Waiting), closed(1, 500)}, "0 0 none waiting;1 7 100 500"},
		"events win":                            {[]event.Event{closed(1, 500), {ID: "a", TS: 50_000, SessionID: 1, Type: event.SessionCreated}, closed(2, 900)}, "0 0 none connecting"},
	} {
		for seed := range uint64(20) {
			events := append([]event.Event(nil), c.deliveries...)
			rand.New(rand.NewPCG(seed, 1)).Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
			events, _, err := Order(t.Context(), events)
			if err != nil {
				t.Fatal(err)
			}
			s, err := new(Engine).Fold(t.Context(), events, new(Trace))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range s.Legs {
				start, end := "none", l.Status.String()
				if l.Start != Unknown {
					start = fmt.Sprint(l.Start)
				}
				if l.End != Unknown {
					end = fmt.Sprint(l.End)
				}
				got = append(got, fmt.Sprint(l.Number, " ", l.Technician.ID, " ", start, " ", end))
			}
			if text := strings.Join(got, ";"); text != c.want {
				t.Fatalf("%s: %s, want %s", name, text, c.want)
			}
		}
	}
}
