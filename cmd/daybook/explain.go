package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"daybook/pipeline"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/session"
)

type explainOptions struct {
	session  int64
	date     string
	timezone string
	paths    []string
}

func newExplainCommand(a *app) *cobra.Command {
	var opts explainOptions
	cmd := &cobra.Command{
		Use:   "explain --session ID [FILE|DIR|-]…",
		Short: "Tell one session: its events, its legs, and how each number came to be",
		Long: `Tell one session: its events in order, the status and the presence after each,
every leg with how each of its numbers came to be (from which moment to which),
and every anomaly and why. It answers "why is this Work Time 0:12:31?".

Dumps are read from files or directories, or, with --date, from the configured
store: those that a run of that day reads.`,
		Example: `  daybook explain --session 1001 dumps/2026/11/20
  daybook explain --session 1001 --date 2026-11-20 --timezone Europe/Amsterdam`,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.paths = args
			if err := opts.validate(cmd); err != nil {
				return err
			}
			return runExplain(cmd.Context(), a, &opts)
		},
	}
	flags := cmd.Flags()
	flags.Int64Var(&opts.session, "session", 0, "id of the session (required)")
	flags.StringVar(&opts.date, "date", "", "read the configured store, as a run of this day would")
	flags.StringVar(&opts.timezone, "timezone", "UTC", "IANA time zone in which times are shown")
	return cmd
}

func (o *explainOptions) validate(cmd *cobra.Command) error {
	if o.session < 1 {
		return usageError(cmd, "--session ID is missing: which session is to be explained?")
	}
	if _, err := time.LoadLocation(o.timezone); err != nil {
		return usageError(cmd, "--timezone %q is not an IANA time zone, such as Europe/Amsterdam", o.timezone)
	}
	if (o.date == "") == (len(o.paths) == 0) {
		return usageError(cmd, "give either --date, to read the configured store, or the files to read")
	}
	if o.date != "" {
		if _, err := day.Parse(o.date); err != nil {
			return usageError(cmd, "--date: %s", err)
		}
	}
	return nil
}

func runExplain(ctx context.Context, a *app, opts *explainOptions) error {
	zone, err := time.LoadLocation(opts.timezone)
	if err != nil {
		return err
	}
	x, err := a.explained(ctx, opts)
	if err != nil {
		return err
	}
	stop := a.watch(x.Progress)
	told, err := pipeline.Explain(ctx, x, opts.session)
	stop()
	if err != nil {
		return err
	}
	def := &report.Definition{Name: "explain", Zone: zone}
	if a.json {
		return json.NewEncoder(a.stdout).Encode(explanationJSON(told, def))
	}
	t := teller{def: def, told: told, out: a.stdout}
	return t.tell()
}

// explained is what to read.
func (a *app) explained(ctx context.Context, opts *explainOptions) (*pipeline.Extraction, error) {
	if opts.date == "" {
		return a.localExtraction(opts.paths)
	}
	d, err := day.Parse(opts.date)
	if err != nil {
		return nil, err
	}
	runner, err := a.newRunner()
	if err != nil {
		return nil, err
	}
	return runner.Inputs(ctx, d, d)
}

// teller writes an explanation for people.
type teller struct {
	def  *report.Definition
	told *pipeline.Explanation
	out  io.Writer
	days bool // the session lasts over a midnight: times need their date
}

func (t *teller) tell() error {
	s := t.told.Session
	first, last := t.told.Trace.Steps[0].Event.Millis(), s.LastEvent
	t.days = day.Of(first, t.def.Zone) != day.Of(last, t.def.Zone)

	var b strings.Builder
	fmt.Fprintf(&b, "Session %d", s.ID)
	if s.Type != 0 {
		fmt.Fprintf(&b, ", %s", s.Type)
	}
	if s.Channel.ID != 0 {
		fmt.Fprintf(&b, ", channel %s", named(s.Channel.Name, s.Channel.ID))
	}
	fmt.Fprintf(&b, "\n%s to %s (%s)\n\nEvents\n", t.moment(first, true), t.moment(last, true), t.def.Zone)
	t.events(&b)
	for i := range s.Legs {
		t.leg(&b, &s.Legs[i])
	}
	return writeTrimmed(t.out, b.String())
}

func (t *teller) events(b *strings.Builder) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	steps := t.told.Trace.Steps
	for _, d := range t.told.Deliveries {
		place := fmt.Sprintf("%s:%d", d.Input, d.Line)
		if d.Repeated {
			fmt.Fprintf(w, "  %s\t%s\tdelivered again; ignored\t%s\n", t.moment(d.Event.Millis(), t.days), eventText(&d.Event), place)
			continue
		}
		step := steps[0]
		steps = steps[1:]
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", t.moment(d.Event.Millis(), t.days), eventText(&d.Event), stateText(&step), place)
		for _, note := range stepNotes(&step) {
			fmt.Fprintf(w, "  \t  %s\t\t\n", note)
		}
	}
	w.Flush()
}

// stateText is the status, and the presence in each open leg that started.
func stateText(step *session.Step) string {
	text := step.Status.String()
	for _, l := range step.Legs {
		if l.Started {
			text += fmt.Sprintf("; leg %d %s", l.Leg, presenceText(&l))
		}
	}
	return text
}

func presenceText(l *session.LegState) string {
	var absent []string
	for _, p := range []struct {
		is   bool
		text string
	}{{!l.Link, "link down"}, {!l.Available, "away"}, {!l.Tab, "tab deselected"}, {!l.Console, "console in the background"}, {l.Window, "own window active"}} {
		if p.is {
			absent = append(absent, p.text)
		}
	}
	switch {
	case l.Working:
		absent = append([]string{"working"}, absent...)
	case l.InAction:
		absent = append([]string{"in action"}, absent...)
	case len(absent) == 0:
		return "present"
	}
	return strings.Join(absent, ", ")
}

func stepNotes(step *session.Step) []string {
	var notes []string
	for _, f := range step.Anomalies {
		notes = append(notes, fmt.Sprintf("! %s: %s", f.Anomaly, f.Why))
	}
	for _, r := range step.Removed {
		notes = append(notes, fmt.Sprintf("- leg %d removed by %s; the status before was %s", r.Leg, r.By, r.Before))
	}
	for _, i := range step.Opened {
		notes = append(notes, fmt.Sprintf("+ leg %d opened", i))
	}
	return notes
}

// eventText is an event in a few words.
func eventText(e *event.Event) string {
	words := []string{e.Type.String()}
	add := func(s string) {
		if s != "" {
			words = append(words, s)
		}
	}
	add(e.Status.String())
	add(e.Signal.String())
	add(e.SessionType.String())
	if e.Sender != 0 && e.TechnicianID == 0 {
		add("by " + e.Sender.String())
	}
	add(e.Tool)
	add(e.Resolution.String())
	if e.By != 0 {
		add("by " + e.By.String())
	}
	if e.Technician.ID != 0 {
		add("technician " + named(e.Technician.Name, e.Technician.ID))
	}
	if e.TechnicianID != 0 && e.Sender != 0 {
		add(fmt.Sprintf("by technician %d", e.TechnicianID))
	} else if e.TechnicianID != 0 {
		add(fmt.Sprintf("technician %d", e.TechnicianID))
	}
	if e.Transferred != "" {
		add("to " + shorten(e.Transferred))
	}
	return strings.Join(words, " ")
}

func named(name string, id int64) string {
	if name == "" {
		return fmt.Sprint(id)
	}
	return fmt.Sprintf("%s (%d)", shorten(name), id)
}

// leg writes one leg: what it is, and each number with where it comes from.
func (t *teller) leg(b *strings.Builder, l *session.Leg) {
	technician := "no technician"
	if l.Technician.ID != 0 {
		technician = named(l.Technician.Name, l.Technician.ID)
	}
	open := "still open"
	if l.Final {
		open = "final"
	}
	fmt.Fprintf(b, "\nLeg %d, %s, %s: %s, %s, report date %s\n", l.Number, l.Role, technician, l.Status, open, t.def.Date(l))
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	line := func(name, value, why string) { fmt.Fprintf(w, "  %s\t%s\t%s\n", name, value, why) }

	line("Begin", t.moment(l.Begin, t.days), "the leg opened")
	line("Start", t.known(l.Start), whyStart(l))
	removal, removedAt := t.removal(l.Number)
	line("End", t.known(l.End), whyEnd(l, removal, removedAt))
	line("Last action", t.known(l.LastAction), "being in action last ended")
	for _, m := range []struct {
		measure session.Measure
		value   int64
	}{
		{session.InConnecting, l.Connecting}, {session.InWaiting, l.Waiting}, {session.InActive, l.Active},
		{session.InHold, l.Hold}, {session.InTransfer, l.Transfer}, {session.InRebooting, l.Rebooting},
		{session.InReconnecting, l.Reconnecting}, {session.InOther, l.Other}, {session.InWork, l.Work},
		{session.FirstChat, l.TimeToFirstChat}, {session.WrapUp, l.WrapUp},
	} {
		name := strings.ToUpper(m.measure.String()[:1]) + m.measure.String()[1:]
		why := t.spans(l.Number, m.measure)
		if m.measure == session.WrapUp && why == "" {
			why = whyNoWrapUp(l, removal)
		}
		line(name, durationText(m.value), why)
	}
	line("Total", durationText(l.Total()), "active + hold + transfer + rebooting + reconnecting")
	line("In action", "", t.spans(l.Number, session.InAction))
	line("Messages", fmt.Sprint(l.CustomerMessages+l.TechnicianMessages+l.SystemMessages),
		fmt.Sprintf("%d by the customer, %d by the technician, %d by the system", l.CustomerMessages, l.TechnicianMessages, l.SystemMessages))
	w.Flush()
}

func whyStart(l *session.Leg) string {
	switch {
	case l.Start == session.Unknown:
		return "the session was never active with this leg as its lead"
	case l.Role == session.Collaborator:
		return "a collaborator's leg starts when it opens"
	}
	return "the session first was active with this leg as its lead"
}

// removal finds how and when a leg was removed; nil: it was not.
func (t *teller) removal(leg int) (*session.Removal, int64) {
	for i := range t.told.Trace.Steps {
		step := &t.told.Trace.Steps[i]
		for j := range step.Removed {
			if step.Removed[j].Leg == leg {
				return &step.Removed[j], step.Event.Millis()
			}
		}
	}
	return nil, 0
}

func whyEnd(l *session.Leg, r *session.Removal, removedAt int64) string {
	switch {
	case l.End == session.Unknown:
		return "neither ended nor removed yet"
	case r == nil || l.End < removedAt:
		return "the session last went from a status that is no ending to one that is"
	case !r.Before.Ending() && l.Status.Ending():
		return "the session came to an ending status, which removed the leg"
	}
	return "the leg was removed"
}

// whyNoWrapUp tells a wrap-up time that no stretch of time stands behind.
func whyNoWrapUp(l *session.Leg, r *session.Removal) string {
	switch {
	case r == nil:
		return "the leg is not removed yet"
	case r.By == event.ByTransfer:
		return "removed by transfer or handover: nothing to wrap up"
	case r.NoWrapUp():
		return "removed by a technician while " + r.Before.String() + ": nothing to wrap up"
	case l.WrapUp == session.Unknown:
		return "no customer or technician message came while the leg was open"
	}
	return "the last message came in the millisecond of the removal"
}

// spans lists the stretches of time that a measure is made of.
func (t *teller) spans(leg int, m session.Measure) string {
	var texts []string
	for _, s := range t.told.Trace.Spans {
		if s.Leg == leg && s.Measure == m {
			texts = append(texts, fmt.Sprintf("%s to %s", t.moment(s.From, t.days), t.moment(s.To, t.days)))
		}
	}
	return strings.Join(texts, ", ")
}

func (t *teller) known(ms int64) string {
	if ms == session.Unknown {
		return "unknown"
	}
	return t.moment(ms, t.days)
}

func (t *teller) moment(ms int64, withDay bool) string {
	layout := "15:04:05.000"
	if withDay {
		layout = "2006-01-02 15:04:05.000"
	}
	return time.UnixMilli(ms).In(t.def.Zone).Format(layout)
}

// durationText writes a duration with its milliseconds, where it has any.
func durationText(ms int64) string {
	if ms == session.Unknown {
		return "unknown"
	}
	b := report.AppendDuration(nil, ms)
	if ms%1000 != 0 {
		b = fmt.Appendf(b, ".%03d", ms%1000)
	}
	return string(b)
}

// explanationJSON is the explanation for machines: the rows as a report would
// have them, the events, and the stretches of time behind the numbers.
func explanationJSON(told *pipeline.Explanation, def *report.Definition) any {
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
		e := delivery{EventID: d.Event.ID, Time: moment(d.Event.Millis()), Type: d.Event.Type.String(), Text: eventText(&d.Event),
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
	var counts report.Counts
	for i := range told.Session.Legs {
		row := def.Row(told.Session, &told.Session.Legs[i], &counts)
		out.Rows = append(out.Rows, report.AppendJSON(nil, &row))
	}
	for _, s := range told.Trace.Spans {
		out.Spans = append(out.Spans, span{s.Leg, s.Measure.String(), moment(s.From), moment(s.To)})
	}
	return out
}
