package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"daybook/pipeline/inspect"
	"daybook/pipeline/partition"
	"daybook/pipeline/words"
	"daybook/sinks/publish"
	"daybook/transform/event"
)

type showOptions struct {
	selection
	report string
	id     partition.ID
	inputs bool
}

// digestName stands for digests in place of a report's name. The configuration
// refuses a report with this name.
const digestName = string(partition.Digest)

func newShowCommand(a *app) *cobra.Command {
	var opts showOptions
	cmd := &cobra.Command{
		Use:   "show REPORT|digest PARTITION",
		Short: "Show a published day or month: its files, inputs and checks",
		Long: `Show the manifest of a published partition: its revision and the reason for it,
its files, its inputs, the accounting of lines, the checks, and the kept
revisions. A partition is a day, such as 2026-11-20 or yesterday, or a month, such
as 2026-11.

'daybook show digest DAY' shows the digest of a dump day, from which reports are
made. --json writes the manifest as it is.`,
		Example: `  daybook show sessions 2026-11-20
  daybook show sessions 2026-11 --json | jq .parts
  daybook show digest 2026-11-20 --inputs`,
		Args: atMostTwoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.arguments(a, cmd, args); err != nil {
				return err
			}
			if err := opts.validate(cmd); err != nil {
				return err
			}
			return runShow(cmd.Context(), a, &opts)
		},
	}
	opts.partitionFlags(cmd)
	cmd.Flags().BoolVar(&opts.inputs, "inputs", false, "list all inputs, down to the dumps")
	return cmd
}

func (o *showOptions) validate(cmd *cobra.Command) error {
	report, period, err := o.onePartition(cmd)
	if err != nil {
		return err
	}
	if o.report = report; report == digestName {
		report = ""
	}
	if o.id, err = partition.Parse(report, period); err != nil {
		return usageError(cmd, "%s", err)
	}
	return nil
}

func runShow(ctx context.Context, a *app, opts *showOptions) error {
	p, err := a.newPipeline()
	if err != nil {
		return err
	}
	if opts.id.Kind != partition.Digest {
		if _, err := findReport(p, opts.report); err != nil {
			return err
		}
	}
	in := &inspect.Inspector{Settings: p}
	shown, err := in.Show(ctx, opts.id)
	if err != nil {
		return err
	}
	if a.json {
		return json.NewEncoder(a.stdout).Encode(shown.Manifest)
	}
	s := shower{Shown: shown, all: opts.inputs}
	if opts.inputs && shown.ID.Kind == partition.Day {
		if s.origins, err = in.Origins(ctx, shown.Manifest); err != nil {
			return err
		}
	}
	return s.show(a.stdout)
}

// shower writes a manifest for people.
type shower struct {
	*inspect.Shown
	all     bool             // list all inputs
	origins []inspect.Origin // dumps of a report's day; nil: not asked for

	w io.Writer
}

// someInputs is the number of inputs that are listed without --inputs.
const someInputs = 3

func (s *shower) show(out io.Writer) error {
	m := s.Manifest
	for _, section := range []func(*publish.Manifest){s.title, s.facts, s.parts, s.summaries, s.inputs, s.definition, s.checks} {
		if err := writeTable(out, func(w io.Writer) { s.w = w; section(m) }); err != nil {
			return err
		}
	}
	return nil
}

// titleOf names a partition as users do: sessions 2026-11, or digest 2026-11-20.
func titleOf(id partition.ID) string {
	return cmp.Or(id.Report, digestName) + " " + id.Name()
}

func (s *shower) title(m *publish.Manifest) {
	s.line("%s, revision %d", titleOf(s.ID), m.Revision)
	s.line("%s\n", s.URL)
}

func (s *shower) facts(m *publish.Manifest) {
	s.row("reason", "%s", m.Reason)
	if m.Previous > 0 {
		s.row("previous revision", "%d", m.Previous)
	}
	s.row("revisions kept", "%s", revisionsText(s.Revisions))
	s.content(m)
	lines := "lines of the dump day"
	if m.Digest == nil && s.ID.Kind == partition.Month {
		lines = "lines of the dump days"
	}
	accounting := words.Thousands(m.Accounting.Lines) + " = " + accountingText(&m.Accounting)
	if m.Accounting.RejectedLines() > 0 {
		accounting += " (" + countsText(m.Accounting.Rejected) + ")"
	}
	s.row(lines, "%s", accounting)
	if m.Digest == nil {
		s.row("versions", "engine %d, schema %d", m.EngineVersion, m.SchemaVersion)
	} else {
		s.row("versions", "digest %d", m.Digest.Version)
	}
}

func (s *shower) line(format string, args ...any) { fmt.Fprintf(s.w, format+"\n", args...) }

func (s *shower) row(name, format string, args ...any) {
	fmt.Fprintf(s.w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
}

func (s *shower) heading(format string, args ...any) { s.line("\n"+format, args...) }

// content writes what the rows were folded from, or what a digest holds.
func (s *shower) content(m *publish.Manifest) {
	if d := m.Digest; d != nil {
		s.row("sessions", "%s, with %s events", words.Thousands(d.Sessions), words.Thousands(d.Events))
		if d.MinTime != "" {
			s.row("events", "from %s to %s", d.MinTime, d.MaxTime)
		}
		if d.MaxDaysLate+d.MaxDaysEarly > 0 {
			s.row("reach", "%s before the dump day, %s after it", words.Count(d.MaxDaysLate, "day", "days"), words.Count(d.MaxDaysEarly, "day", "days"))
		}
		for _, l := range d.Late {
			s.row("out of reach", "%s of %s, %d days off (%s)", words.Count(l.Lines, "line", "lines"), l.Date, l.DaysOff, l.Reason)
		}
		return
	}
	s.row("rows", "%s", words.Thousands(m.Rows))
	f := m.Fold
	if f == nil {
		return
	}
	if f.Sessions > 0 {
		s.row("folded from", "%s, with %s events; %s more came again on another day", words.Count(f.Sessions, "session", "sessions"), words.Thousands(f.Events), words.Thousands(f.Duplicates))
	}
	if f.Apart > 0 {
		s.row("told as several", "%s, silent for longer than the look-back; source.lookback_days: %d joins them", words.Count(f.Apart, "session", "sessions"), f.ApartLookback)
	}
	if f.Oversized > 0 {
		s.row("oversized", "%s, larger than source.max_session_size: no rows", words.Count(f.Oversized, "session", "sessions"))
	}
	if len(f.Anomalies) > 0 {
		s.row("anomalies", "%s", countsText(f.Anomalies))
	}
	if f.Truncated+f.IPDropped > 0 {
		s.row("left out", "%s texts cut to their column's length, %s customer IPs that are too long", words.Thousands(f.Truncated), words.Thousands(f.IPDropped))
	}
}

// accountingText is what lines are: 4 events + 1 duplicate + 2 rejected + 0 blank.
func accountingText(a *event.Accounting) string {
	return fmt.Sprintf("%s + %s + %s rejected + %s blank", words.Count(a.Accepted, "event", "events"),
		words.Count(a.Duplicates, "duplicate", "duplicates"), words.Thousands(a.RejectedLines()), words.Thousands(a.Blank))
}

func (s *shower) parts(m *publish.Manifest) {
	s.heading("%s", words.Count(len(m.Parts), "file", "files"))
	for _, p := range m.Parts {
		s.line("  %s\t%s\t%s\tsha256 %s\t%s", p.Key, words.Count(p.Rows, "row", "rows"), words.Bytes(p.Bytes), p.SHA256[:12], rangeOfTimes(p.MinTime, p.MaxTime))
	}
}

func (s *shower) summaries(m *publish.Manifest) {
	if m.Summaries == nil {
		return
	}
	names := make([]string, len(m.Summaries.Files))
	for i, f := range m.Summaries.Files {
		names[i] = f.Name
	}
	s.heading("%s", words.Count(len(names), "summary", "summaries"))
	s.line("  %s", strings.Join(names, ", "))
}

func rangeOfTimes(first, last string) string {
	if first == "" {
		return ""
	}
	return first + " to " + last
}

func (s *shower) inputs(m *publish.Manifest) {
	s.heading("made from %s", words.Count(len(m.Inputs), "input", "inputs"))
	if s.origins != nil {
		for _, o := range s.origins {
			changed := ""
			if o.Changed {
				changed = ", which has changed since"
			}
			s.line("  the digest of %s%s, of %s", o.Day, changed, words.Count(len(o.Dumps), "dump", "dumps"))
			s.list("    ", o.Dumps)
		}
		return
	}
	inputs := m.Inputs
	if !s.all && len(inputs) > someInputs {
		inputs = inputs[:someInputs]
	}
	s.list("  ", inputs)
	if more := len(m.Inputs) - len(inputs); more > 0 {
		s.line("  … and %d more: --inputs lists them all", more)
	}
}

func (s *shower) list(indent string, inputs []publish.Input) {
	for _, in := range inputs {
		s.line("%s%s\t%s\tETag %s", indent, in.Key, words.Bytes(in.Size), in.ETag)
	}
}

func (s *shower) definition(m *publish.Manifest) {
	if len(m.DefinitionText) == 0 {
		return
	}
	s.heading("definition")
	for _, name := range slices.Sorted(maps.Keys(m.DefinitionText)) {
		s.line("  %s\t%s", name, m.DefinitionText[name])
	}
}

func (s *shower) checks(m *publish.Manifest) {
	if len(m.Checks) == 0 {
		return
	}
	s.heading("%s", words.Count(len(m.Checks), "check", "checks"))
	for _, c := range m.Checks {
		outcome := "✓ passed"
		if !c.Passed {
			outcome = "✗ " + string(c.Severity)
		}
		s.line("  %s\t%s\t%s", outcome, c.Name, c.Detail)
	}
}

func revisionsText(revisions []int) string {
	texts := make([]string, len(revisions))
	for i, revision := range revisions {
		texts[i] = fmt.Sprint(revision)
	}
	return strings.Join(texts, ", ")
}
