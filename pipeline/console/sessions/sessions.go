// Package sessions makes the page of a session: its legs and how their numbers came
// to be, its events, and a picture of them on one axis of time.
package sessions

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"daybook/pipeline/inspect/explain"
	"daybook/pipeline/words"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/session"
)

// Page is the explanation of one session.
type Page struct {
	Report    string
	Sentence  string // the session in plain words
	ID        int64
	Date      string
	Zone      *time.Location
	Type      string
	Channel   string
	First     string
	Last      string
	Lasted    string
	Legs      []Leg
	Events    []Event
	Anomalies []Anomaly
	Timeline  *timeline
	Command   string
	Omitted   Omitted

	twin twin
}

// Limits of a session's page and its twin. The command line shows everything.
const (
	mostLegs   = 40
	mostEvents = 500
)

// Omitted counts what a session's page leaves out.
type Omitted struct {
	Legs   int `json:"legs"`
	Events int `json:"events"`
}

// bounded is the beginning of an explanation: its first legs and events, and the
// intervals of these legs until the last of these events. The page of a session with
// 100,000 legs takes no more work than that of one with 40.
func bounded(all *explain.Explanation) (*explain.Explanation, Omitted) {
	left := Omitted{Legs: max(0, len(all.Session.Legs)-mostLegs), Events: max(0, len(all.Deliveries)-mostEvents)}
	s := *all.Session
	s.Legs = s.Legs[:len(s.Legs)-left.Legs]
	deliveries := all.Deliveries[:len(all.Deliveries)-left.Events]
	steps := 0 // repeated deliveries have none
	for i := range deliveries {
		if !deliveries[i].Repeated {
			steps++
		}
	}
	return &explain.Explanation{Session: &s, Trace: all.Trace.Beginning(len(s.Legs), steps), Deliveries: deliveries}, left
}

// Leg is a leg and the derivation of its numbers.
type Leg struct {
	Number     int
	Role       string
	Technician string
	Group      string
	Status     string
	Final      bool
	Date       string
	Included   bool // the report has a row of it
	Total      string
	Work       string
	Waiting    string
	Tools      string // codes
	Numbers    []explain.Number
}

// Event is one event, and the state after it.
type Event struct {
	Time     string
	Text     string
	State    string
	Notes    []string
	Repeated bool
}

// Anomaly is an anomaly, and why it was found.
type Anomaly struct{ Time, Name, Why string }

// Twin is the value of the page's JSON.
func (p *Page) Twin() any { return p.twin }

// twin is the explanation as JSON, and what it leaves out.
type twin struct {
	explanation any
	sentence    string
	omitted     Omitted
}

// MarshalJSON adds the members sentence and omitted to the explanation's.
func (t twin) MarshalJSON() ([]byte, error) {
	members, err := json.Marshal(t.explanation)
	if err != nil {
		return nil, err
	}
	more, err := json.Marshal(struct {
		Sentence string  `json:"sentence"`
		Omitted  Omitted `json:"omitted"`
	}{t.sentence, t.omitted})
	if err != nil {
		return nil, err
	}
	return slices.Concat(members[:len(members)-1], []byte(","), more[1:]), nil
}

// rowsOf are the rows of a session's first legs, and of its last lead.
func rowsOf(s *session.Session, def *report.Definition) []report.Row {
	first := s.Legs[:min(len(s.Legs), mostLegs)]
	legs := slices.Clone(first)
	for i := len(s.Legs) - 1; i >= len(first); i-- {
		if s.Legs[i].Role == session.Lead {
			legs = append(legs, s.Legs[i])
			break
		}
	}
	rows := make([]report.Row, len(legs))
	var counts report.Counts
	for i := range legs {
		def.Row(&rows[i], s, &legs[i], &counts)
	}
	return rows
}

// New makes the page of an explanation, by the definition of a report. near is the
// day that the session was looked for at.
func New(all *explain.Explanation, def *report.Definition, near day.Day) *Page {
	explained, left := bounded(all)
	p, s := words.In(def.Language), explained.Session
	t, sentence := explain.NewFormatter(explained, def.Zone, p), Sentence(rowsOf(all.Session, def), p)
	b := &Page{
		Report: def.Name, Sentence: sentence, ID: s.ID, Date: near.String(), Zone: def.Zone, Type: report.SessionTypeIn(s.Type, def.Language),
		First: t.Dated(t.First()), Last: t.Dated(s.LastEvent), Lasted: string(report.AppendDuration(nil, (s.LastEvent-t.First())/1000*1000)),
		Timeline: newTimeline(t), Omitted: left, twin: twin{explain.JSON(explained, def), sentence, left},
		Command: "daybook explain --session " + strconv.FormatInt(s.ID, 10) + " --date " + near.String() + " --report " + words.Shell(def.Name),
	}
	if s.Channel.ID != 0 {
		b.Channel = explain.Named(s.Channel.Name, s.Channel.ID)
	}
	for i := range s.Legs {
		b.Legs = append(b.Legs, newLeg(t, def, s, &s.Legs[i]))
	}
	steps := explained.Trace.Steps
	for i := range explained.Deliveries {
		delivery := &explained.Deliveries[i]
		e := Event{Time: t.Moment(delivery.Event.Millis()), Text: explain.Event(&delivery.Event, p), Repeated: delivery.Repeated}
		if !e.Repeated {
			step := &steps[0]
			steps = steps[1:]
			e.State, e.Notes = explain.State(step, p), explain.Notes(step, p)
			for _, f := range step.Anomalies {
				b.Anomalies = append(b.Anomalies, Anomaly{e.Time, p.CodeText(f.Anomaly.String()), p.T(f.Why)})
			}
		}
		b.Events = append(b.Events, e)
	}
	return b
}

func newLeg(t *explain.Formatter, def *report.Definition, s *session.Session, l *session.Leg) Leg {
	line := Leg{
		Number: l.Number, Role: t.T(l.Role.String()), Technician: explain.Technician(l, t.Printer), Group: l.Technician.Group, Status: report.StatusIn(l.Status, def.Language), Final: l.Final,
		Date: def.Date(l).String(), Tools: strings.Join(l.Tools, ", "), Numbers: t.Numbers(l),
		Total: t.Duration(l.Total()), Work: t.Duration(l.Work), Waiting: t.Duration(l.Waiting),
	}
	line.Included = def.Includes(s, l)
	return line
}
