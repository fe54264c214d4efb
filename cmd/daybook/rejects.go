package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"daybook/pipeline/inspect"
	"daybook/pipeline/maintain"
	"daybook/pipeline/settings"
	"daybook/pipeline/words"
	"daybook/sinks/quarantine"
	"daybook/sources/dump"
	"daybook/transform/day"
	"daybook/transform/event"
)

func newRejectsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rejects",
		Short: "List, show or replay rejected lines",
		Example: `  daybook rejects list
  daybook rejects show --date 2026-11-20`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRejectsListCommand(a), newRejectsShowCommand(a), newRejectsReplayCommand(a))
	return cmd
}

func newRejectsListCommand(a *app) *cobra.Command {
	var opts selection
	cmd := &cobra.Command{
		Use:   "list [DAY|MONTH]",
		Short: "Count rejected lines by dump day and reason",
		Long: `Count the rejected lines of each dump day by reason, and show where they are kept.

A day with more rejected lines than source.max_rejected allows is refused: the
reports stay as they were before its new dumps. With --json, each day is a line
of NDJSON.`,
		Example: `  daybook rejects list 2026-11`,
		Args:    atMostOneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.period(a, cmd, args); err != nil {
				return err
			}
			from, to, given, err := opts.days(cmd)
			if err != nil {
				return err
			}
			return runRejectsList(cmd.Context(), a, func(d day.Day) bool { return !given || from <= d && d <= to })
		},
	}
	opts.dayFlags(cmd)
	return cmd
}

func runRejectsList(ctx context.Context, a *app, want func(day.Day) bool) error {
	p, err := a.newPipeline()
	if err != nil {
		return err
	}
	in := &inspect.Inspector{Settings: p}
	all, err := in.Rejects(ctx, want)
	if err != nil {
		return err
	}
	if a.json {
		encoder := json.NewEncoder(a.stdout)
		for i := range all {
			if err := encoder.Encode(&all[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(a.stdout, "no lines were rejected")
		return err
	}
	return writeTable(a.stdout, func(w io.Writer) {
		fmt.Fprintln(w, "DUMP DAY\tREASON\tLINES\tSTATE\tWHERE")
		for i := range all {
			state := "digested"
			if all[i].Refused {
				state = "refused"
			}
			for _, reason := range slices.Sorted(maps.Keys(all[i].Rejected)) {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", all[i].Name, reason, words.Thousands(all[i].Rejected[reason]), state, all[i].URL)
			}
		}
	})
}

type rejectsShowOptions struct {
	selection
	reason string
	raw    bool

	day  day.Day
	code event.Reason // 0: all
}

func newRejectsShowCommand(a *app) *cobra.Command {
	var opts rejectsShowOptions
	cmd := &cobra.Command{
		Use:   "show DAY [--reason REASON] [--raw]",
		Short: "Show the rejected lines of a dump day",
		Long: `Show the rejected lines of a dump day, each with its place and the reason. --raw
writes the lines only, byte for byte, so that a tool can mend them for 'rejects
replay'. --json writes the quarantine's records.`,
		Example: `  daybook rejects show 2026-11-20 --reason bad_value
  daybook rejects show --date 2026-11-20 --raw | sed 's/"Active"/"active"/' | daybook rejects replay --date 2026-11-20 -`,
		Args: atMostOneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.period(a, cmd, args); err != nil {
				return err
			}
			if err := opts.validate(cmd); err != nil {
				return err
			}
			if opts.raw && a.json {
				return usageError(cmd, "give either --raw, for the lines only, or --json, for the quarantine's records")
			}
			return runRejectsShow(cmd.Context(), a, &opts)
		},
	}
	flags := cmd.Flags()
	dayFlag(cmd, &opts.date, "date", "", "the dump day, in place of DAY")
	flags.StringVar(&opts.reason, "reason", "", "show only lines with this reason")
	flags.BoolVar(&opts.raw, "raw", false, "write the lines only, as in the dumps")
	return cmd
}

func (o *rejectsShowOptions) validate(cmd *cobra.Command) (err error) {
	if o.day, err = dumpDay(cmd, o.date); err != nil || o.reason == "" {
		return err
	}
	for _, reason := range event.Reasons() {
		if reason.String() == o.reason {
			o.code = reason
			return nil
		}
	}
	return usageError(cmd, "--reason %q is not one of %s", o.reason, strings.Join(reasonNames(), ", "))
}

func dumpDay(cmd *cobra.Command, date string) (day.Day, error) {
	if date == "" {
		return 0, usageError(cmd, "--date is missing; give the dump day")
	}
	d, err := day.ParseEventDate(date)
	if err != nil {
		return 0, usageError(cmd, "--date: %s", err)
	}
	return d, nil
}

func runRejectsShow(ctx context.Context, a *app, opts *rejectsShowOptions) error {
	p, err := a.newPipeline()
	if err != nil {
		return err
	}
	in := &inspect.Inspector{Settings: p}
	all, err := in.Rejects(ctx, func(d day.Day) bool { return d == opts.day })
	if err != nil {
		return err
	}
	out := bufio.NewWriter(a.stdout)
	write := writeReject
	switch {
	case opts.raw:
		write = func(w io.Writer, l *quarantine.Line) error { _, err := fmt.Fprintf(w, "%s\n", l.Raw); return err }
	case a.json:
		lines := quarantine.NewWriter(out)
		write = func(_ io.Writer, l *quarantine.Line) error { return errors.Join(lines.Write(l), lines.Flush()) }
	}
	shown := 0
	for i := range all {
		for line, err := range in.RejectedLines(ctx, &all[i]) {
			if err != nil {
				return err
			}
			if opts.code != 0 && line.Reason != opts.code {
				continue
			}
			shown++
			if err := write(out, line); err != nil {
				return err
			}
		}
	}
	if shown == 0 && !a.quiet {
		text := fmt.Sprintf("%s has no rejected lines with that reason", opts.day)
		if len(all) == 0 {
			if text, err = noRejects(ctx, in, opts.day); err != nil {
				return err
			}
		}
		fmt.Fprintln(a.stderr, text)
	}
	return out.Flush()
}

// noRejects says why a day has no rejected lines.
func noRejects(ctx context.Context, in *inspect.Inspector, d day.Day) (string, error) {
	digested, err := in.Digested(ctx, d)
	if err != nil || digested {
		return fmt.Sprintf("%s has no rejected lines", d), err
	}
	return fmt.Sprintf("the dumps of %s have no digest yet; daybook run makes it and finds rejected lines", d), nil
}

func writeReject(w io.Writer, l *quarantine.Line) error {
	text := l.Reason.String()
	if l.Detail != "" {
		text += ": " + l.Detail
	}
	_, err := fmt.Fprintf(w, "%s:%d @%d %s\n%s\n", l.Object, l.Number, l.Offset, text, l.Raw)
	return err
}

type rejectsReplayOptions struct {
	date    string
	file    string // empty: the lines as they are kept
	partial bool
}

func newRejectsReplayCommand(a *app) *cobra.Command {
	var opts rejectsReplayOptions
	cmd := &cobra.Command{
		Use:   "replay DAY [FILE|-]",
		Short: "Write mended lines as a new dump of the same day",
		Long: `Write mended lines into the source, as a new dump of the same dump day. The next
run restates the partitions that they change.

FILE (or standard input, -) holds the lines, as 'rejects show --raw' writes them.
If some are still wrong, they are reported and nothing is written; with --partial
the others are written. Without FILE, the day's rejected lines are tried as they
are: this version of daybook, or a longer look-back, may accept some.

The dump is named after its content, so replaying the same lines twice changes
nothing, and neither does replaying accepted lines. The rejected lines stay in
their dumps and in the accounting. A refused day needs a higher
source.max_rejected, or other dumps.

Exit codes:
  0    the lines are in the source, or there are none
  1    failed; or some lines are still wrong, and nothing was written
  2    wrong arguments or configuration
  130  interrupted`,
		Example: `  daybook rejects replay 2026-11-20 mended.ndjson
  daybook rejects show --date 2026-11-20 --raw | sed 's/"Active"/"active"/' | daybook rejects replay --date 2026-11-20 -`,
		Args: atMostTwoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.arguments(a, cmd, args); err != nil {
				return err
			}
			d, err := dumpDay(cmd, opts.date)
			if err != nil {
				return err
			}
			return runRejectsReplay(cmd.Context(), a, &opts, d)
		},
	}
	dayFlag(cmd, &opts.date, "date", "", "the dump day, in place of DAY")
	cmd.Flags().BoolVar(&opts.partial, "partial", false, "write the right lines, and leave wrong ones out")
	return cmd
}

// arguments takes the day, unless a flag gives it, and the file.
func (o *rejectsReplayOptions) arguments(a *app, cmd *cobra.Command, args []string) (err error) {
	if len(args) > 0 && o.date == "" && isPeriod(args[0]) {
		if o.date, err = a.resolveDay(args[0]); err != nil {
			return err
		}
		args = args[1:]
	}
	if len(args) > 1 {
		return usageError(cmd, "give one day and one file, not %s and %s", args[0], args[1])
	}
	if len(args) > 0 {
		o.file = args[0]
	}
	return nil
}

func runRejectsReplay(ctx context.Context, a *app, opts *rejectsReplayOptions, d day.Day) error {
	p, err := a.newPipeline()
	if err != nil {
		return err
	}
	lines, partial := maintain.RejectedDump(ctx, p, d), true
	if opts.file != "" {
		file, err := dump.OpenFile(ctx, opts.file, a.stdin)
		if err != nil {
			return err
		}
		defer file.Close()
		lines, partial = linesOf(file), opts.partial
	}
	result, err := maintain.Replay(ctx, p, d, lines, partial)
	if err != nil {
		return err
	}
	why, err := opts.whyNothing(ctx, p, d, result)
	if err != nil {
		return err
	}
	if a.json {
		err = json.NewEncoder(a.stdout).Encode(result)
	} else {
		err = writeReplay(a, result, why)
	}
	if err == nil && !partial && len(result.Rejected) > 0 {
		err = fmt.Errorf("%s still wrong; nothing was written (--partial leaves them out)", words.Count(len(result.Rejected), "line is", "lines are"))
	}
	return err
}

// linesOf are all lines of a file.
func linesOf(r *dump.Reader) iter.Seq2[maintain.ReplayLine, error] {
	return func(yield func(maintain.ReplayLine, error) bool) {
		for {
			line, err := r.Next()
			if err == io.EOF {
				return
			}
			if !yield(maintain.ReplayLine{Line: line}, err) || err != nil {
				return
			}
		}
	}
}

// whyNothing says why no dump was written; empty: a dump was written.
func (o *rejectsReplayOptions) whyNothing(ctx context.Context, p *settings.Pipeline, d day.Day, result *maintain.ReplayResult) (string, error) {
	switch n := len(result.Rejected); {
	case len(result.Dumps) > 0:
		return "", nil
	case n > 0:
		return words.Count(n, "line is", "lines are") + " still wrong", nil
	case o.file != "":
		return o.file + " has no lines", nil
	}
	return noRejects(ctx, &inspect.Inspector{Settings: p}, d)
}

func writeReplay(a *app, result *maintain.ReplayResult, whyNothing string) error {
	for i, r := range result.Rejected {
		if i == mostNotes {
			fmt.Fprintf(a.stderr, "… and %d more; --json lists them all\n", len(result.Rejected)-i)
			break
		}
		fmt.Fprintf(a.stderr, "line %d: %s: %s\n", r.Line, r.Reason, r.Detail)
	}
	if whyNothing != "" {
		_, err := fmt.Fprintf(a.stdout, "nothing was written: %s\n", whyNothing)
		return err
	}
	var urls []string
	existed := true
	for _, d := range result.Dumps {
		urls, existed = append(urls, d.URL), existed && d.Existed
	}
	text := "%s: written to %s\nNext: daybook plan shows what they change; daybook run builds it.\n"
	if existed {
		text = "%s: replayed before, as %s\n"
	}
	_, err := fmt.Fprintf(a.stdout, text, words.Count(result.Lines, "line", "lines"), strings.Join(urls, ", "))
	return err
}
