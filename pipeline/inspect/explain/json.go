package explain

import (
	"encoding/json"
	"slices"
	"time"

	"daybook/pipeline/words"
	"daybook/transform/report"
	"daybook/transform/session"
)

// The form of an explanation in JSON. Times are in UTC.
type (
	jsonExplanation struct {
		SessionID int64             `json:"session_id"`
		Events    []jsonEvent       `json:"events"`
		Rows      []json.RawMessage `json:"rows"`
		Spans     []jsonSpan        `json:"spans"`
	}
	jsonEvent struct {
		EventID   string         `json:"event_id"`
		Time      string         `json:"ts"`
		Type      string         `json:"type"`
		Text      string         `json:"text"`
		Object    string         `json:"object"`
		Line      int64          `json:"line"`
		Repeated  bool           `json:"repeated"`
		Status    string         `json:"status,omitempty"`
		Presence  []jsonPresence `json:"presence,omitempty"`
		Opened    []int          `json:"opened_legs,omitempty"`
		Removed   []int          `json:"removed_legs,omitempty"`
		Anomalies []jsonAnomaly  `json:"anomalies,omitempty"`
	}
	jsonPresence struct {
		Leg               int  `json:"leg"`
		LinkUp            bool `json:"link_up"`
		Available         bool `json:"available"`
		TabSelected       bool `json:"tab_selected"`
		ConsoleForeground bool `json:"console_foreground"`
		WindowActive      bool `json:"window_active"`
		Working           bool `json:"working"`
		InAction          bool `json:"in_action"`
	}
	jsonAnomaly struct {
		Code string `json:"code"`
		Why  string `json:"why"`
	}
	jsonSpan struct {
		Leg     int    `json:"leg"`
		Measure string `json:"measure"`
		From    string `json:"from"`
		To      string `json:"to"`
	}
)

// JSON is an explanation for programs: the events, the rows as a report has them, and
// the intervals that the durations add up. Codes are those of the events and of the
// Parquet files; texts are in the language of the report.
func JSON(x *Explanation, def *report.Definition) any {
	p := words.In(def.Language)
	out := jsonExplanation{SessionID: x.Session.ID}
	steps := x.Trace.Steps
	for _, d := range x.Deliveries {
		e := jsonEvent{
			EventID: d.Event.ID, Time: utc(d.Event.Millis()), Type: d.Event.Type.String(), Text: Event(&d.Event, p),
			Object: d.Input, Line: d.Line, Repeated: d.Repeated,
		}
		if !d.Repeated {
			e.setStep(&steps[0], p)
			steps = steps[1:]
		}
		out.Events = append(out.Events, e)
	}
	var row report.Row
	var counts report.Counts
	for i := range x.Session.Legs {
		def.Row(&row, x.Session, &x.Session.Legs[i], &counts)
		out.Rows = append(out.Rows, report.AppendJSON(nil, &row))
	}
	for leg := range x.Session.Legs {
		for m := range session.Measure(session.NumMeasures) {
			for s := range x.Trace.Spans(leg, m) {
				out.Spans = append(out.Spans, jsonSpan{s.Leg, s.Measure.String(), utc(s.From), utc(s.To)})
			}
		}
	}
	return out
}

// setStep adds the state after the event, and what it has changed.
func (e *jsonEvent) setStep(step *session.Step, p words.Printer) {
	e.Status, e.Opened = step.Status.String(), slices.Clone(step.Opened)
	for _, l := range step.Legs {
		if l.Started {
			e.Presence = append(e.Presence, jsonPresence{l.Leg, l.Link, l.Available, l.Tab, l.Console, l.Window, l.Working, l.InAction})
		}
	}
	for _, r := range step.Removed {
		e.Removed = append(e.Removed, r.Leg)
	}
	for _, a := range step.Anomalies {
		e.Anomalies = append(e.Anomalies, jsonAnomaly{a.Anomaly.String(), p.T(a.Why)})
	}
}

func utc(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
