package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"daybook/pipeline/extract"
	"daybook/pipeline/inspect/explain"
	"daybook/pipeline/words"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/session"
)

type explainOptions struct {
	session  int64
	date     string
	timezone string // empty: as configured
	report   string
	paths    []string
}

func newExplainCommand(a *app) *cobra.Command {
	var opts explainOptions
	cmd := &cobra.Command{
		Use:   "explain --session ID [FILE|DIR|-]…",
		Short: "Explain one session: its events, its legs, and each of their numbers",
		Long: `Explain one session: its events in order, with the status and the presence after
each; every leg, with the moments between which each number was counted; every
anomaly and its reason. It answers "why is this Work Time 0:12:31?".

The dumps are the given files and directories, or with --date the dumps in the
configured store that a run of that day reads. Times are in the time zone of
--timezone, or of --report, or of all configured reports if they share one, or
else in UTC. Texts are in the language of --report, or of all configured reports
if they share one, or else in English.`,
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
	dayFlag(cmd, &opts.date, "date", "", "read the configured store, like a run of this day")
	flags.StringVar(&opts.report, "report", "", "show times in the time zone of this report, and texts in its language")
	flags.StringVar(&opts.timezone, "timezone", "", "show times in this IANA time zone (default: that of the reports)")
	return cmd
}

func (o *explainOptions) validate(cmd *cobra.Command) error {
	if cmd.Flags().Changed("session") && o.session < 1 {
		return usageError(cmd, "--session %d is not an id of 1 or more", o.session)
	}
	if o.session == 0 {
		return usageError(cmd, "--session ID is missing; give the id of the session")
	}
	if _, err := time.LoadLocation(o.timezone); err != nil {
		return usageError(cmd, "--timezone %q is not an IANA time zone, such as Europe/Amsterdam", o.timezone)
	}
	if o.timezone != "" && o.report != "" {
		return usageError(cmd, "give either --timezone or --report")
	}
	if (o.date == "") == (len(o.paths) == 0) {
		return usageError(cmd, "give either files, or --date to read the configured store")
	}
	if o.date != "" {
		if _, err := day.ParseEventDate(o.date); err != nil {
			return usageError(cmd, "--date: %s", err)
		}
	}
	return nil
}

// presentation says in which time zone and language an explanation is written: those of
// a report, or those that all configured reports share.
func (o *explainOptions) presentation(a *app) (*report.Definition, error) {
	def := &report.Definition{Name: "explain", Zone: time.UTC}
	c, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	var names, zones, languages []string
	for i := range c.Reports {
		rep := &c.Reports[i]
		names = append(names, rep.Name)
		if o.report == "" || rep.Name == o.report {
			zones, languages = append(zones, rep.Timezone), append(languages, rep.Language)
		}
	}
	if o.report != "" && len(zones) == 0 {
		return nil, noReport(o.report, names)
	}
	if o.timezone != "" {
		zones = []string{o.timezone}
	}
	if shared := distinct(languages); len(shared) == 1 {
		def.Language, _ = report.ParseLanguage(shared[0]) // the configuration is checked
	}
	if shared := distinct(zones); len(shared) == 1 {
		def.Zone, err = time.LoadLocation(shared[0])
	}
	return def, err
}

// distinct sorts texts, and leaves out those that come again.
func distinct(texts []string) []string { return slices.Compact(slices.Sorted(slices.Values(texts))) }

func runExplain(ctx context.Context, a *app, opts *explainOptions) error {
	def, err := opts.presentation(a)
	if err != nil {
		return err
	}
	explained, err := a.explain(ctx, opts)
	if err != nil {
		return err
	}
	if a.json {
		return json.NewEncoder(a.stdout).Encode(explain.JSON(explained, def))
	}
	w := explanationWriter{Formatter: explain.NewFormatter(explained, def.Zone, words.In(def.Language)), def: def}
	return writeTrimmed(a.stdout, w.text())
}

// explain explains the session from the files, or from the configured dumps.
func (a *app) explain(ctx context.Context, opts *explainOptions) (*explain.Explanation, error) {
	if opts.date == "" {
		x, err := a.localExtraction(opts.paths)
		if err != nil {
			return nil, err
		}
		defer a.watch(x.Progress)()
		return explain.FromInputs(ctx, x, opts.session)
	}
	d, err := day.Parse(opts.date)
	if err != nil {
		return nil, err
	}
	p, err := a.newPipeline()
	if err != nil {
		return nil, err
	}
	progress := new(extract.Progress)
	defer a.watch(progress)()
	return explain.FromDumps(ctx, p, progress, explain.Question{Session: opts.session, Near: d})
}

// explanationWriter writes an explanation for people.
type explanationWriter struct {
	*explain.Formatter
	def *report.Definition
}

func (t *explanationWriter) text() string {
	s := t.Session
	var b strings.Builder
	b.WriteString(t.T("Session %s", strconv.FormatInt(s.ID, 10)))
	if s.Type != 0 {
		b.WriteString(", " + explain.SessionType(s.Type, t.Printer))
	}
	if s.Channel.ID != 0 {
		b.WriteString(", " + t.T("channel %s", explain.Named(s.Channel.Name, s.Channel.ID)))
	}
	fmt.Fprintf(&b, "\n%s (%s)\n\n%s\n", t.Between(t.Dated(t.First()), t.Dated(s.LastEvent)), t.Zone, t.T("Events"))
	t.events(&b)
	for i := range s.Legs {
		t.leg(&b, &s.Legs[i])
	}
	return b.String()
}

func (t *explanationWriter) events(b *strings.Builder) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	steps := t.Trace.Steps
	for _, d := range t.Deliveries {
		place := fmt.Sprintf("%s:%d", d.Input, d.Line)
		if d.Repeated {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", t.Moment(d.Event.Millis()), explain.Event(&d.Event, t.Printer), t.T("delivered again; ignored"), place)
			continue
		}
		step := steps[0]
		steps = steps[1:]
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", t.Moment(d.Event.Millis()), explain.Event(&d.Event, t.Printer), explain.State(&step, t.Printer), place)
		for _, note := range explain.Notes(&step, t.Printer) {
			fmt.Fprintf(w, "  \t  %s\t\t\n", note)
		}
	}
	w.Flush()
}

// leg writes one leg, and each of its numbers with its origin.
func (t *explanationWriter) leg(b *strings.Builder, l *session.Leg) {
	open := t.T("still open")
	if l.Final {
		open = t.T("final")
	}
	fmt.Fprintf(b, "\n%s, %s, %s: %s, %s, %s\n", t.T("Leg %d", l.Number), t.T(l.Role.String()), explain.Technician(l, t.Printer),
		explain.Status(l.Status, t.Printer), open, t.T("report date %s", t.def.Date(l)))
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, n := range t.Numbers(l) {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", n.Name, n.Value, n.Why)
	}
	w.Flush()
}
