package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"daybook/config"
	"daybook/pipeline/build"
	"daybook/pipeline/catalog"
	"daybook/pipeline/extract"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/runs"
	"daybook/pipeline/settings"
	"daybook/pipeline/words"
	"daybook/transform/day"
)

type runOptions struct {
	selection
	profiles
	workers int
}

func newRunCommand(a *app) *cobra.Command {
	var opts runOptions
	cmd := &cobra.Command{
		Use:   "run [REPORT] [DAY|MONTH]",
		Short: "Build and publish what is missing or stale",
		Long: `Do what 'daybook plan' says: read new dumps, fold them into the configured
reports, and publish Parquet files and CSV summaries. Without a day or month,
build everything that is missing or stale, from the date of the first event to
the newest dump day. Days that are not over in the time zone of a report wait
for their end. A day that is given must be over in the time zone of each report;
--month of the current month ends yesterday.

A day is built from the dumps of source.lookback_days before it, for sessions
that began earlier, and after it, for sessions that go on. Running again is
always safe: unchanged files are not written again. A failed step does not stop
the others.

Exit codes:
  0    everything was built; a warning names days that are empty for want of
       dumps, and a note the months that wait for their end
  1    a step failed; what was published before is unchanged
  2    wrong arguments or configuration
  3    like 1, and every failure is a day with too many rejected lines
  130  interrupted; run the same command again to finish`,
		Example: `  daybook run
  daybook run yesterday
  daybook run --date 2026-11-20
  daybook run sessions 2026-11
  daybook run --from -7d --to yesterday --report sessions`,
		Args: atMostTwoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.arguments(a, cmd, args); err != nil {
				return err
			}
			target, err := opts.target(cmd)
			if err != nil {
				return err
			}
			if err := opts.validate(cmd); err != nil {
				return err
			}
			return opts.while(func() error { return runRun(cmd, a, &opts, target) })
		},
	}
	opts.dayFlags(cmd)
	opts.buildFlags(cmd)
	return cmd
}

// buildFlags adds the flags that run and backfill share.
func (o *runOptions) buildFlags(cmd *cobra.Command) {
	o.reportFlag(cmd)
	cmd.Flags().IntVar(&o.workers, "workers", 0, "number of dumps and partitions to work on at the same time (default: as configured)")
	o.profiles.flags(cmd)
}

func (o *runOptions) validate(cmd *cobra.Command) error {
	if o.workers < 0 {
		return usageError(cmd, "--workers %d is negative; give a number from 1", o.workers)
	}
	return nil
}

// configured is the configuration and its pipeline, as the options change it.
func (o *runOptions) configured(a *app) (*config.Config, *settings.Pipeline, error) {
	c, p, err := a.configured()
	if err != nil {
		return nil, nil, err
	}
	if o.workers > 0 {
		p.Budget = parallel.NewBudget(o.workers, p.Budget.Memory)
	}
	return c, p, o.selectReports(p)
}

func runRun(cmd *cobra.Command, a *app, opts *runOptions, target partition.Target) error {
	c, p, err := opts.configured(a)
	if err != nil {
		return err
	}
	if target, err = opts.finished(cmd, target, p); err != nil {
		return err
	}
	months := opts.date == "" // a day's run is not about its month
	return a.build(cmd.Context(), c, p, buildRequest{target: target, months: months})
}

// buildRequest is what is built.
type buildRequest struct {
	target  partition.Target
	only    build.Only
	planned int  // the number of days to build; 0: unknown
	months  bool // say which months wait
}

// build runs a target and writes the result.
func (a *app) build(ctx context.Context, c *config.Config, p *settings.Pipeline, request buildRequest) error {
	a.useMemory()
	progress := new(extract.Progress)
	record := runs.Begin(hostName(), runs.CommandLine, time.Now())
	told, err := a.beginLineage(ctx, c, p, &record)
	if err != nil {
		return err
	}
	stop := a.watchSteps(progress, request.planned)
	result, err := (&build.Builder{Settings: p, Hooks: build.Hooks{Progress: progress, OnStep: told.hook()}}).Run(ctx, request.target, request.only)
	stop()
	if result == nil {
		told.stop()
		return err
	}
	written := a.writeResult(result, request, err == nil)
	a.record(ctx, p, &record, result, err) // its own failure comes after those of the steps
	told.end(ctx, &record)
	if err := errors.Join(err, written); err != nil {
		return err
	}
	return failureOf(result)
}

// record stores the record of a run for the history that the console shows.
func (a *app) record(ctx context.Context, p *settings.Pipeline, r *runs.Record, result *build.Result, err error) {
	interruption := ""
	if ctx.Err() != nil {
		interruption = "interrupted by a signal"
	}
	if r.End(time.Now(), result, err, interruption); r.Empty() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), runs.WriteTimeout)
	defer cancel()
	if err := runs.Write(ctx, p.Sink, r); err != nil && !a.quiet {
		fmt.Fprintf(a.stderr, "the record of this run could not be stored, so the console does not list it: %s\n", err)
	}
}

// failureOf is the error of a run with failed steps, or nil.
func failureOf(r *build.Result) error {
	failed, waiting, onlyRejects := 0, 0, true
	for _, f := range failures(r) {
		switch {
		case errors.As(f.Err, new(*build.Blocked)):
			waiting++
			continue
		case !errors.As(f.Err, new(*extract.TooManyRejects)):
			onlyRejects = false
		}
		failed++
	}
	if failed+waiting == 0 {
		return nil
	}
	text := words.Count(failed, "digest or partition", "digests and partitions") + " failed"
	if waiting > 0 {
		text += fmt.Sprintf(", and %s could not be tried", words.Thousands(waiting))
	}
	err := errors.New(text + "; what was published before is unchanged")
	if failed > 0 && onlyRejects {
		return codedError{err, exitRejects}
	}
	return err
}

// failures are the steps that failed.
func failures(r *build.Result) []*build.Done {
	var all []*build.Done
	for i := range r.Steps {
		if d := &r.Steps[i]; d.Err != nil {
			all = append(all, d)
		}
	}
	return all
}

func (a *app) writeResult(r *build.Result, request buildRequest, whole bool) error {
	if a.json {
		return json.NewEncoder(a.stdout).Encode(r)
	}
	if err := writeSteps(a.stdout, doneTogether(r.Steps)); err != nil {
		return err
	}
	if len(r.Steps) == 0 && whole {
		text := "everything is fresh: "
		if request.only != build.OnlyDue {
			text = "nothing to do for --only: "
		}
		text += words.Count(r.Fresh, "digest or partition", "digests and partitions")
		if n := len(r.Waiting); n > 0 && request.months {
			text += ", and " + words.Count(n, "month waits", "months wait")
		}
		fmt.Fprintln(a.stdout, text)
	}
	if !a.quiet {
		if request.months && !r.Failed() {
			writeWaiting(a.stderr, r.Waiting)
		}
		if err := writeNotes(a.stderr, r); err != nil {
			return err
		}
	}
	return writeFailures(a.stderr, failures(r))
}

// together is one line of the results: a step, or consecutive steps with the same
// state.
type together struct {
	build.Done // the first step; rows and bytes of all of them
	last       *build.Done
	revisions  [2]int // the least and the greatest
}

// doneTogether are the lines of the steps that did not fail. A long run has a line for
// consecutive steps with the same state.
func doneTogether(steps []build.Done) []together {
	const mostLines = 80
	var all []together
	for i := range steps {
		s := &steps[i]
		if s.Error != "" {
			continue
		}
		if n := len(all); len(steps) > mostLines && n > 0 && all[n-1].State == s.State && follows(all[n-1].last.ID, s.ID) {
			t := &all[n-1]
			t.Rows, t.Bytes, t.last = t.Rows+s.Rows, t.Bytes+s.Bytes, s
			t.revisions = [2]int{min(t.revisions[0], s.Revision), max(t.revisions[1], s.Revision)}
			continue
		}
		all = append(all, together{Done: *s, last: s, revisions: [2]int{s.Revision, s.Revision}})
	}
	return all
}

func writeSteps(out io.Writer, lines []together) error {
	return writeTable(out, func(w io.Writer) {
		header := "REPORT\tPARTITION\tSTATE\tREVISION\tROWS\tSIZE\tWHERE\n"
		for i := range lines {
			t := &lines[i]
			revision, where := fmt.Sprint(t.revisions[0]), t.URL
			if t.revisions[0] != t.revisions[1] {
				revision += fmt.Sprintf(" to %d", t.revisions[1])
			}
			if t.ID != t.last.ID {
				where = where[:strings.LastIndexByte(strings.TrimSuffix(where, "/"), '/')+1]
			}
			fmt.Fprintf(w, "%s%s\t%s\t%s\t%s\t%s\t%s\t%s\n", header, stepReport(t.ID), rangeText(t.ID, t.last.ID), t.State, revision, words.Thousands(t.Rows), words.Bytes(t.Bytes), where)
			header = ""
		}
	})
}

// writeNotes reports what a run read, and its warnings.
func writeNotes(w io.Writer, r *build.Result) error {
	if acc := &r.Accounting; r.Dumps > 0 {
		fmt.Fprintf(w, "%s: %s, %s; %s = %s\n", r.Target, words.Count(r.Dumps, "dump", "dumps"), words.Bytes(r.DumpBytes),
			words.Count(acc.Lines, "line", "lines"), accountingText(acc))
		if acc.RejectedLines() > 0 {
			fmt.Fprintf(w, "rejected lines: %s; see daybook rejects list\n", countsText(acc.Rejected))
		}
	}
	for _, form := range slices.Sorted(maps.Keys(r.Forms)) {
		fmt.Fprintf(w, "%s read as %s\n", words.Count(r.Forms[form], "dump was", "dumps were"), form)
	}
	writeWarnings(w, r)
	if r.Unpacked != nil {
		fmt.Fprintf(w, "warning: the copies of manifests could not be stored, so the next run reads more manifests one by one: %s\n", r.Unpacked)
	}
	if err := writeApart(w, r); err != nil {
		return err
	}
	if r.NoDumps > 0 {
		fmt.Fprintf(w, "%s without dumps; such a day has rows of sessions in other dumps only\n", words.Count(r.NoDumps, "day was built", "days were built"))
	}
	writeEmpty(w, r)
	return writeLeftOut(w, lateNow(r), r.Unknown, &r.Unread)
}

// writeEmpty warns of days that were published without rows for want of lines.
func writeEmpty(w io.Writer, r *build.Result) {
	if len(r.Empty) == 0 {
		return
	}
	remedy := ""
	if r.Unfed {
		remedy = "; no other day of " + r.Target + " has one, so check the dates, source.store.url and source.key"
		if len(r.Empty) == 1 {
			remedy = "; check the date, source.store.url and source.key"
		}
	}
	fmt.Fprintf(w, "warning: %s empty: no dump of %s has a line%s\n",
		words.Count(len(r.Empty), "published day is", "published days are"), datesText(r.Empty), remedy)
}

// writeWaiting says which months a run left, and why.
func writeWaiting(w io.Writer, months []build.Waiting) {
	for i, m := range months {
		if i == mostNotes {
			fmt.Fprintf(w, "… and %d more months wait; daybook plan lists them all\n", len(months)-i)
			return
		}
		fmt.Fprintf(w, "%s %s waits: %s\n", m.Report, m.Month, m.Why)
	}
}

// writeApart says how many sessions a silence has divided.
func writeApart(w io.Writer, r *build.Result) error {
	apart := map[string]build.Apart{} // by report
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Apart.Sessions > 0 {
			sum := apart[s.ID.Report]
			apart[s.ID.Report] = build.Apart{Sessions: sum.Sessions + s.Apart.Sessions, Lookback: max(sum.Lookback, s.Apart.Lookback)}
		}
	}
	for _, report := range slices.Sorted(maps.Keys(apart)) {
		a := apart[report]
		_, err := fmt.Fprintf(w, "%s: %s silent for longer than the look-back, and told as several sessions: source.lookback_days: %d joins them\n",
			report, words.Count(a.Sessions, "session is", "sessions are"), a.Lookback)
		if err != nil {
			return err
		}
	}
	return nil
}

// writeWarnings writes each warning once, with the partitions that have it.
func writeWarnings(w io.Writer, r *build.Result) {
	var warnings []string
	of := map[string][]*build.Done{}
	for i := range r.Steps {
		for _, warning := range r.Steps[i].Warnings {
			if of[warning] == nil {
				warnings = append(warnings, warning)
			}
			of[warning] = append(of[warning], &r.Steps[i])
		}
	}
	for _, warning := range warnings {
		fmt.Fprintf(w, "check %s: %s\n", partitionsText(of[warning]), warning)
	}
}

// lateNow are the lines beyond the look-back in the dumps that this run read.
// The plan shows those of all dumps.
func lateNow(r *build.Result) []catalog.Late {
	digested := map[string]bool{}
	for i := range r.Steps {
		if s := &r.Steps[i]; s.ID.Kind == partition.Digest {
			digested[s.ID.Name()] = true
		}
	}
	var late []catalog.Late
	for _, l := range r.TooLate {
		if digested[l.DumpDay] {
			late = append(late, l)
		}
	}
	return late
}

// writeFailures reports each failed step with its error, and then the steps that
// wait for it, which may be a month of days.
func writeFailures(w io.Writer, all []*build.Done) error {
	var blockers []string
	waiting := map[string][]*build.Done{}
	failed := 0
	for _, f := range all {
		if blocked := (*build.Blocked)(nil); errors.As(f.Err, &blocked) {
			if waiting[blocked.By] == nil {
				blockers = append(blockers, blocked.By)
			}
			waiting[blocked.By] = append(waiting[blocked.By], f)
			continue
		}
		if failed++; failed > mostNotes {
			continue
		}
		fmt.Fprintf(w, "failed: %s %s: %s", stepReport(f.ID), f.ID.Name(), f.Error)
		if f.Quarantine != "" {
			fmt.Fprintf(w, "; the rejected lines are in %s, and daybook rejects show --date %s shows them", f.Quarantine, f.ID.Name())
		}
		fmt.Fprintln(w)
	}
	if failed > mostNotes {
		fmt.Fprintf(w, "… and %d more steps failed; daybook plan says why\n", failed-mostNotes)
	}
	for i, by := range blockers {
		if i == mostNotes {
			_, err := fmt.Fprintf(w, "… and %d more steps are waited for\n", len(blockers)-i)
			return err
		}
		if _, err := fmt.Fprintf(w, "not tried, because they need %s: %s\n", by, partitionsText(waiting[by])); err != nil {
			return err
		}
	}
	return nil
}

// partitionsText lists partitions by report, with consecutive ones as a range.
func partitionsText(steps []*build.Done) string {
	var texts []string
	for i := 0; i < len(steps); {
		first, last := steps[i], steps[i]
		for i++; i < len(steps) && follows(last.ID, steps[i].ID); i++ {
			last = steps[i]
		}
		texts = append(texts, first.ID.Report+" "+rangeText(first.ID, last.ID))
	}
	return strings.Join(texts, ", ")
}

// datesText lists sorted dates, with consecutive ones as a range.
func datesText(dates []string) string {
	var texts []string
	for i := 0; i < len(dates); {
		first, last := dates[i], dates[i]
		for i++; i < len(dates) && isNextDate(last, dates[i]); i++ {
			last = dates[i]
		}
		if first != last {
			first += " to " + last
		}
		texts = append(texts, first)
	}
	return strings.Join(texts, ", ")
}

func isNextDate(date, next string) bool {
	d, err := day.Parse(date)
	return err == nil && (d+1).String() == next
}
