package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/service/evaluation"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/states"
	"daybook/pipeline/words"
	"daybook/pipeline/worker"
	"daybook/sources/dump"
)

type planOptions struct {
	selection
	all bool
}

func newPlanCommand(a *app) *cobra.Command {
	var opts planOptions
	cmd := &cobra.Command{
		Use:   "plan [REPORT] [DAY|MONTH]",
		Short: "Show what is missing or stale, and why; write nothing",
		Long: `Compare what should exist with what was published. List every digest and
partition that is not fresh, with its status and the reason:

  missing  not built yet
  stale    built, and its inputs, its definition or the engine have changed
  depends  built from a missing or stale one; it changes if that one changes
  waiting  a day that is not over, or a month that is not complete: its last day
           has no dumps yet
  newer    built by a newer daybook, and left alone

Without a day or month, end with a verdict on each report, as the console shows
it: its worst state, such as late or blocked, and what to do about it.

One line stands for consecutive days with the same status and reason. --json
lists every step, including fresh ones, and under tasks what is due: steps that
one 'daybook worker step' does, each stage after those before it. 'daybook run'
builds what is missing or stale.`,
		Example: `  daybook plan
  daybook plan sessions 2026-11 --all
  daybook plan --json | jq '.steps[] | select(.status == "stale")'`,
		Args: atMostTwoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.arguments(a, cmd, args); err != nil {
				return err
			}
			target, err := opts.target(cmd)
			if err != nil {
				return err
			}
			return runPlan(cmd, a, &opts, target)
		},
	}
	opts.dayFlags(cmd)
	opts.reportFlag(cmd)
	cmd.Flags().BoolVar(&opts.all, "all", false, "also list fresh digests and partitions (--json always does)")
	return cmd
}

func runPlan(cmd *cobra.Command, a *app, opts *planOptions, target partition.Target) error {
	_, served, err := a.configuredService()
	if err != nil {
		return err
	}
	pipe := served.Pipeline
	if err := opts.selectReports(pipe); err != nil {
		return err
	}
	if target, err = opts.finished(cmd, target, pipe); err != nil {
		return err
	}
	ctx := cmd.Context()
	p, err := plan.Make(ctx, &catalog.Reader{Settings: pipe}, target)
	if err != nil {
		return err
	}
	assessed := assessedPlan{Plan: p, Tasks: worker.Cut(p)}
	if target.All { // a part of the days has no verdict
		if assessed.Verdicts, err = verdicts(ctx, served, p); err != nil {
			return err
		}
	}
	if a.json {
		return json.NewEncoder(a.stdout).Encode(assessed)
	}
	if err := writePlan(a.stdout, p, opts.all); err != nil {
		return err
	}
	return writeVerdicts(a.stdout, assessed.Verdicts)
}

// assessedPlan is a plan with its tasks for many machines, and the verdicts on its
// reports.
type assessedPlan struct {
	*plan.Plan
	Tasks    []worker.Task          `json:"tasks"`
	Verdicts []states.ReportVerdict `json:"verdicts,omitempty"`
}

// verdicts sums up each report as daybook serve does.
func verdicts(ctx context.Context, c *replica.Config, p *plan.Plan) ([]states.ReportVerdict, error) {
	state, err := evaluation.Assess(ctx, c, p)
	if err != nil {
		return nil, err
	}
	return state.Verdicts(), nil
}

func writeVerdicts(out io.Writer, verdicts []states.ReportVerdict) error {
	if len(verdicts) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	return writeTable(out, func(w io.Writer) {
		fmt.Fprint(w, "REPORT\tVERDICT\tWHY\n")
		for _, r := range verdicts {
			fmt.Fprintf(w, "%s\t%s\t%s\n", r.Name, r.Verdict.Word, r.Verdict.Why())
		}
	})
}

// writePlan writes a plan as a table of the steps that are not fresh, or of all
// steps, and the number of steps of each status.
func writePlan(out io.Writer, p *plan.Plan, all bool) error {
	err := writeTable(out, func(w io.Writer) {
		header := "REPORT\tPARTITION\tSTATUS\tWHY\n"
		for _, s := range stretches(p.Steps) {
			if s.step.Status == plan.Fresh && !all {
				continue
			}
			fmt.Fprintf(w, "%s%s\t%s\t%s\t%s\n", header, stepReport(s.step.ID), s.partitions(), s.step.Status, s.why())
			header = ""
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, statusCounts(p.Steps))
	return writeLeftOut(out, p.TooLate, p.Unknown, &p.Unread)
}

// stepReport is the name of a step's report in tables. Digests have a name that
// no report may have.
func stepReport(id partition.ID) string {
	if id.Kind == partition.Digest {
		return string(id.Kind)
	}
	return id.Report
}

// stretch is a run of consecutive steps that share a line.
type stretch struct {
	step    *plan.Step // the first step
	last    partition.ID
	reasons []string // of all steps
	dumps   int      // number of dumps of all steps, for digests
}

// stretches joins consecutive steps.
func stretches(steps []plan.Step) []stretch {
	var all []stretch
	for i := range steps {
		s := &steps[i]
		if n := len(all); n > 0 && all[n-1].takes(s) {
			all[n-1].add(s)
			continue
		}
		all = append(all, stretch{step: s})
		all[len(all)-1].add(s)
	}
	return all
}

// takes says whether a step belongs to the stretch. Steps with different reasons
// have lines of their own, with two exceptions: the reason of a dependent step
// names another listed step, and that of a missing digest is its number of
// dumps.
func (s *stretch) takes(next *plan.Step) bool {
	return s.step.Status == next.Status && s.step.Failed == next.Failed &&
		follows(s.last, next.ID) && (next.Status == plan.Depends || s.undigested() || slices.Equal(s.step.Reasons, next.Reasons))
}

// undigested says whether the stretch is of missing digests.
func (s *stretch) undigested() bool {
	return s.step.ID.Kind == partition.Digest && s.step.Status == plan.Missing
}

func (s *stretch) add(step *plan.Step) {
	s.last = step.ID
	if s.dumps += len(step.Dumps); s.undigested() {
		s.reasons = []string{words.Count(s.dumps, "dump", "dumps") + " not digested yet"}
		return
	}
	for _, reason := range step.Reasons {
		if !slices.Contains(s.reasons, reason) {
			s.reasons = append(s.reasons, reason)
		}
	}
}

func (s *stretch) partitions() string { return rangeText(s.step.ID, s.last) }

// why gives the first reasons, and the last error.
func (s *stretch) why() string {
	const most = 3
	text := strings.Join(s.reasons[:min(len(s.reasons), most)], "; ")
	if more := len(s.reasons) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	switch failed := s.step.Failed; {
	case failed == "":
	case slices.Contains(s.reasons, failed):
		text += "; the last attempt failed for this, too"
	default:
		text = strings.TrimPrefix(text+"; the last attempt failed: "+failed, "; ")
	}
	return text
}

// follows says whether after is the day or month after before.
func follows(before, after partition.ID) bool {
	return before.Report == after.Report && before.Kind == after.Kind && before.Period.Next() == after.Period
}

func rangeText(first, last partition.ID) string {
	if first == last {
		return first.Name()
	}
	return first.Name() + " to " + last.Name()
}

// statusCounts lists the number of steps of each status.
func statusCounts(steps []plan.Step) string {
	counts := map[plan.Status]int{}
	for i := range steps {
		counts[steps[i].Status]++
	}
	texts := []string{fmt.Sprintf("%d fresh", counts[plan.Fresh])}
	for _, s := range []struct {
		status plan.Status
		text   string
	}{
		{plan.Missing, "missing"}, {plan.Stale, "stale"}, {plan.Depends, "depending on them"},
		{plan.Waiting, "waiting"}, {plan.Newer, "of a newer daybook"},
	} {
		if n := counts[s.status]; n > 0 {
			texts = append(texts, fmt.Sprintf("%d %s", n, s.text))
		}
	}
	return strings.Join(texts, ", ")
}

// mostNotes is the number of notes of one kind that people see. JSON has all.
const mostNotes = 10

// maxLookback is the largest source.lookback_days (config).
const maxLookback = 366

// writeLeftOut reports lines beyond the look-back, and objects that are not
// read.
func writeLeftOut(w io.Writer, late []catalog.Late, unknown []string, unread *dump.Unread) error {
	if unread.Objects > 0 {
		fmt.Fprintln(w, unread)
	}
	for i, l := range late {
		if i == mostNotes {
			fmt.Fprintf(w, "… and %d more such days; --json lists them all\n", len(late)-i)
			break
		}
		remedy := fmt.Sprintf("source.lookback_days: %d takes them into the reports of that day", l.Lookback)
		if l.Lookback > maxLookback {
			remedy = fmt.Sprintf("source.lookback_days reaches %d days at most", maxLookback)
		}
		fmt.Fprintf(w, "the dumps of %s have %s of %s (%s): %s\n", l.DumpDay, words.Count(l.Lines, "line", "lines"), l.Date, l.Reason, remedy)
	}
	for i, key := range unknown {
		if i == mostNotes {
			_, err := fmt.Fprintf(w, "… and %d more such names; --json lists them all\n", len(unknown)-i)
			return err
		}
		if _, err := fmt.Fprintf(w, "%s is not read: %s\n", key, catalog.WhyUnread(key)); err != nil {
			return err
		}
	}
	return nil
}
