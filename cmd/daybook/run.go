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
	"text/tabwriter"

	"github.com/spf13/cobra"

	"daybook/pipeline"
	"daybook/transform/day"
)

type runOptions struct {
	date, month string
	reports     []string
	workers     int
}

func newRunCommand(a *app) *cobra.Command {
	var opts runOptions
	cmd := &cobra.Command{
		Use:   "run --date DAY | --month MONTH",
		Short: "Build the reports of a day or a month, and publish them",
		Long: `Extract the dumps that a day (or a month, and each of its days) needs, fold them
into the configured reports, and publish Parquet files and CSV summaries.

A day needs the dumps of the look-back (source.lookback_days) before it, for
sessions that began earlier, and as long after it, if there are any yet, for
those that go on. Running again is always safe: what did not change is not
written.`,
		Example: `  daybook run --date 2026-11-20
  daybook run --month 2026-11 --report sessions`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			target, err := opts.target(cmd)
			if err != nil {
				return err
			}
			return runRun(cmd.Context(), a, &opts, target)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.date, "date", "", "the day, such as 2026-11-20, in each report's time zone")
	flags.StringVar(&opts.month, "month", "", "the month, such as 2026-11, and each of its days")
	flags.StringArrayVar(&opts.reports, "report", nil, "only this report (may be repeated; default: all)")
	flags.IntVar(&opts.workers, "workers", 0, "how many dumps and partitions to work on at once (default: as configured)")
	return cmd
}

func (o *runOptions) target(cmd *cobra.Command) (pipeline.Target, error) {
	switch {
	case (o.date == "") == (o.month == ""):
		return pipeline.Target{}, usageError(cmd, "give either --date or --month: what is to be built?")
	case o.workers < 0:
		return pipeline.Target{}, usageError(cmd, "--workers %d: it is a positive number", o.workers)
	case o.date != "":
		d, err := day.Parse(o.date)
		if err != nil {
			return pipeline.Target{}, usageError(cmd, "--date: %s", err)
		}
		return pipeline.DayTarget(d), nil
	}
	m, err := day.ParseMonth(o.month)
	if err != nil {
		return pipeline.Target{}, usageError(cmd, "--month: %s", err)
	}
	return pipeline.MonthTarget(m), nil
}

func runRun(ctx context.Context, a *app, opts *runOptions, target pipeline.Target) error {
	runner, err := a.newRunner()
	if err != nil {
		return err
	}
	if err := selectReports(runner, opts.reports); err != nil {
		return err
	}
	if opts.workers > 0 {
		runner.Workers = opts.workers
	}
	stop := a.watch(runner.Progress)
	result, err := runner.Run(ctx, target)
	stop()
	if result != nil {
		if werr := a.writeResult(result); werr != nil {
			return errors.Join(err, werr)
		}
	}
	var tooMany *pipeline.TooManyRejects
	if errors.As(err, &tooMany) {
		return codedError{fmt.Errorf("%w; look at them in %s", err, result.Quarantine), exitRejects}
	}
	return err
}

// selectReports leaves the reports with these names; none means all.
func selectReports(r *pipeline.Runner, names []string) error {
	if len(names) == 0 {
		return nil
	}
	var selected []pipeline.Report
	for _, name := range names {
		i := slices.IndexFunc(r.Reports, func(rep pipeline.Report) bool { return rep.Name == name })
		if i < 0 {
			var known []string
			for _, rep := range r.Reports {
				known = append(known, rep.Name)
			}
			return codedError{fmt.Errorf("there is no report %q; the configuration has %s", name, strings.Join(known, ", ")), exitUsage}
		}
		selected = append(selected, r.Reports[i])
	}
	r.Reports = selected
	return nil
}

func (a *app) writeResult(r *pipeline.Result) error {
	if a.json {
		return json.NewEncoder(a.stdout).Encode(r)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	if len(r.Partitions) > 0 {
		fmt.Fprintln(w, "REPORT\tPARTITION\tSTATE\tREVISION\tROWS\tSIZE\tWHERE")
		for _, p := range r.Partitions {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", p.Report, p.Partition, p.State, p.Revision, thousands(p.Rows), bytesText(p.Bytes), p.URL)
		}
	}
	if err := w.Flush(); err != nil || a.quiet {
		return err
	}
	return writeNotes(a.stderr, r)
}

// writeNotes says what a run read, and what of it was odd.
func writeNotes(w io.Writer, r *pipeline.Result) error {
	acc := &r.Accounting
	fmt.Fprintf(w, "%s: %d dumps, %s; %s lines = %s events + %s duplicates + %s rejected + %s blank\n",
		r.Target, r.Inputs, bytesText(r.InputBytes), thousands(acc.Lines), thousands(acc.Accepted),
		thousands(acc.Duplicates), thousands(acc.RejectedLines()), thousands(acc.Blank))
	if r.Quarantine != "" {
		fmt.Fprintf(w, "rejected lines (%s) are in %s\n", countsText(acc.Rejected), r.Quarantine)
	}
	if len(r.Anomalies) > 0 {
		fmt.Fprintf(w, "anomalies in %s sessions: %s\n", thousands(r.Sessions), countsText(r.Anomalies))
	}
	if r.Truncated+r.IPDropped > 0 {
		fmt.Fprintf(w, "%s texts were cut to their column's length, %s customer IPs were too long and left out\n", thousands(r.Truncated), thousands(r.IPDropped))
	}
	for _, key := range r.Unknown {
		fmt.Fprintf(w, "%s is not read: its name is not that of a dump\n", key)
	}
	return nil
}

// countsText lists counts by their names.
func countsText(counts map[string]int64) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		texts = append(texts, fmt.Sprintf("%s %s", name, thousands(counts[name])))
	}
	return strings.Join(texts, ", ")
}
