package explain

import (
	"encoding/json"
	"slices"
	"time"

	"daybook/pipeline"
	"daybook/transform/report"
	"daybook/transform/session"
)

// JSON is an explanation for machines: the rows as a report would
// have them, the events, and the stretches of time behind the numbers.
func JSON(told *pipeline.Explanation, def *report.Definition) any {
	type span struct {
		Leg     int    `json:"leg"`
		Measure string `json:"measure"`
		From    string `json:"from"`
		To      string `json:"to"`
	}
	type anomaly struct {
		Code string `json:"code"`
		Why  string `json:"why"`
	}
	type presence struct {
		Leg               int  `json:"leg"`
		LinkUp            bool `json:"link_up"`
		Available         bool `json:"available"`
		TabSelected       bool `json:"tab_selected"`
		ConsoleForeground bool `json:"console_foreground"`
		WindowActive      bool `json:"window_active"`
		Working           bool `json:"working"`
		InAction          bool `json:"in_action"`
	}
	type delivery struct {
		EventID   string     `json:"event_id"`
		Time      string     `json:"ts"`
		Type      string     `json:"type"`
		Text      string     `json:"text"`
		Object    string     `json:"object"`
		Line      int64      `json:"line"`
		Repeated  bool       `json:"repeated"`
		Status    string     `json:"status,omitempty"`
		Presence  []presence `json:"presence,omitempty"`
		Opened    []int      `json:"opened_legs,omitempty"`
		Removed   []int      `json:"removed_legs,omitempty"`
		Anomalies []anomaly  `json:"anomalies,omitempty"`
	}
	moment := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

	out := struct {
		SessionID int64             `json:"session_id"`
		Events    []delivery        `json:"events"`
		Rows      []json.RawMessage `json:"rows"`
		Spans     []span            `json:"spans"`
	}{SessionID: told.Session.ID}
	steps := told.Trace.Steps
	for _, d := range told.Deliveries {
		e := delivery{EventID: d.Event.ID, Time: moment(d.Event.Millis()), Type: d.Event.Type.String(), Text: Event(&d.Event),
			Object: d.Input, Line: d.Line, Repeated: d.Repeated}
		if !d.Repeated {
			step := steps[0]
			steps = steps[1:]
			e.Status, e.Opened = step.Status.String(), slices.Clone(step.Opened)
			for _, l := range step.Legs {
				if l.Started {
					e.Presence = append(e.Presence, presence{l.Leg, l.Link, l.Available, l.Tab, l.Console, l.Window, l.Working, l.InAction})
				}
			}
			for _, r := range step.Removed {
				e.Removed = append(e.Removed, r.Leg)
			}
			for _, f := range step.Anomalies {
				e.Anomalies = append(e.Anomalies, anomaly{f.Anomaly.String(), f.Why})
			}
		}
		out.Events = append(out.Events, e)
	}
	var row report.Row
	var counts report.Counts
	for i := range told.Session.Legs {
		def.Row(&row, told.Session, &told.Session.Legs[i], &counts)
		out.Rows = append(out.Rows, report.AppendJSON(nil, &row))
	}
	for leg := range told.Session.Legs {
		for m := range session.Measure(session.NumMeasures) {
			for s := range told.Trace.Spans(leg, m) {
				out.Spans = append(out.Spans, span{s.Leg, s.Measure.String(), moment(s.From), moment(s.To)})
			}
		}
	}
	return out
}
