package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"daybook/pipeline/build"
	"daybook/pipeline/output"
	"daybook/pipeline/settings"
	"daybook/pipeline/wide"
	"daybook/pipeline/worker"
)

// newWideCommands are the workers that make one digest or one day together, and the
// commands that plan and commit their work.
func newWideCommands(a *app) []*cobra.Command {
	const stream = `
Rows come on standard input and go to standard output, as an Arrow IPC stream. The
first row is the task, and the last one counts the rows: a stream without it is
refused.
` + workerExitCodes
	var commands []*cobra.Command
	for _, w := range []struct {
		use, short string
		do         func(context.Context, *settings.Pipeline, io.Reader, io.Writer) error
	}{
		{"decode", "Decode one dump of a wide digest, for all hash ranges", wide.Decode},
		{"digest", "Make one hash range of a wide digest", wide.Digest},
		{"stitch", "Make the rows of one hash range of a wide day", wide.Stitch},
		{"parts", "Make one file of a wide day", wide.Parts},
	} {
		commands = append(commands, &cobra.Command{
			Use: w.use, Short: w.short, Long: w.short + ".\n" + stream,
			Example: "  daybook worker " + w.use + " < rows.arrow > results.arrow",
			Args:    noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				p, err := a.newPipeline()
				if err != nil {
					return err
				}
				a.useMemory()
				return w.do(cmd.Context(), p, a.stdin, a.stdout)
			},
		})
	}
	return append(commands, newBeginDigestsCommand(a), newCommitDigestsCommand(a), newBeginDaysCommand(a), newCutDaysCommand(a), newCommitDaysCommand(a))
}

type wideOptions struct {
	selection
	wide        string
	rangeEvents int64
}

func (o *wideOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.wide, "wide", "auto", "auto: only what is wide, which follows from the sizes of the dumps; always: everything; never: nothing")
	o.rangeFlags(cmd)
	o.reportFlag(cmd)
}

// which is the selection of --wide.
func (o *wideOptions) which(cmd *cobra.Command) (build.Which, error) {
	switch o.wide {
	case "auto":
		return build.OnlyWide, nil
	case "always":
		return build.All, nil
	case "never":
		return func(int) bool { return false }, nil
	}
	return nil, usageError(cmd, "--wide %q is not auto, always or never", o.wide)
}

// begin is a command that plans a stage and writes it as JSON.
func (o *wideOptions) begin(a *app, cmd *cobra.Command, plan func(context.Context, *build.Builder, build.Which) (any, error)) error {
	which, err := o.which(cmd)
	if err != nil {
		return err
	}
	p, err := a.newPipeline()
	if err != nil {
		return err
	}
	if err := o.selectReports(p); err != nil {
		return err
	}
	p.RangeEvents = o.rangeEvents
	stage, err := plan(cmd.Context(), &build.Builder{Settings: p}, which)
	if err != nil {
		return err
	}
	return json.NewEncoder(a.stdout).Encode(stage)
}

func newBeginDigestsCommand(a *app) *cobra.Command {
	var opts wideOptions
	cmd := &cobra.Command{
		Use:   "begin-digests [--from DAY --to DAY]",
		Short: "Plan the wide digests that many workers make",
		Long: `Write a line of JSON: the digests that are due (jobs), the tasks of 'worker decode'
and, by pid, those of 'worker digest'. The results of the latter, added as "results",
make it the input of 'worker commit-digests'.
` + workerExitCodes,
		Example: "  daybook worker begin-digests --from 2026-11-20 --to 2026-11-20 > stage.json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := opts.target(cmd)
			if err != nil {
				return err
			}
			return opts.begin(a, cmd, func(ctx context.Context, b *build.Builder, which build.Which) (any, error) {
				jobs, err := b.BeginDigests(ctx, t, which)
				return wide.NewDigestStage(jobs), err
			})
		},
	}
	opts.flags(cmd)
	cmd.Flags().Int64Var(&opts.rangeEvents, "range-events", 0, "about how many events a hash range has (default: 16 million)")
	return cmd
}

func newBeginDaysCommand(a *app) *cobra.Command {
	var opts wideOptions
	cmd := &cobra.Command{
		Use:   "begin-days [--from DAY --to DAY]",
		Short: "Plan the wide days that many workers make",
		Long: `Write a line of JSON: the days that are due and whose digests are fresh (jobs), and
the tasks of 'worker stitch'. Their results, added as "stitched", and the numbers of
their rows, added as "buckets", make it the input of 'worker cut-days'.
` + workerExitCodes,
		Example: "  daybook worker begin-days --from 2026-11-20 --to 2026-11-20 > stage.json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := opts.target(cmd)
			if err != nil {
				return err
			}
			return opts.begin(a, cmd, func(ctx context.Context, b *build.Builder, which build.Which) (any, error) {
				jobs, err := b.BeginDays(ctx, t, which)
				return wide.NewDayStage(jobs), err
			})
		},
	}
	opts.flags(cmd)
	return cmd
}

// readStage reads a stage from standard input.
func (a *app) readStage(cmd *cobra.Command, stage any) error {
	if err := json.NewDecoder(a.stdin).Decode(stage); err != nil {
		return usageError(cmd, "read the stage: %s", err)
	}
	return nil
}

func newCutDaysCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "cut-days",
		Short: "Divide the rows of wide days into files",
		Long: `Read the stage of 'worker begin-days' with the results of its workers, and write it
with the tasks of 'worker parts', by pid, and with the routes of the buckets to them.
The results of these, added as "results", make it the input of 'worker commit-days'.
` + workerExitCodes,
		Example: "  daybook worker cut-days < stitched.json > parts.json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.newPipeline()
			if err != nil {
				return err
			}
			stage := new(wide.DayStage)
			if err := a.readStage(cmd, stage); err != nil {
				return err
			}
			stage.Cut(output.FileRows(p))
			return json.NewEncoder(a.stdout).Encode(stage)
		},
	}
}

func newCommitDigestsCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "commit-digests",
		Short: "Publish the digests that many workers have made",
		Long: `Read the stage of 'worker begin-digests' with the results of its workers, check that
every line is accounted for, and publish the digests. Write an outcome for each as a
line of JSON, like 'worker step'.
` + workerExitCodes,
		Example: "  daybook worker commit-digests < results.json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			stage := new(wide.DigestStage)
			return a.commit(cmd, stage, func(ctx context.Context, b *build.Builder) (all []build.Done, err error) {
				for _, j := range stage.Jobs {
					done, err := b.CommitDigest(ctx, j, stage.Of(j))
					if err != nil {
						return nil, fmt.Errorf("digest %s: %w", j.Day, err)
					}
					all = append(all, *done)
				}
				return all, nil
			})
		},
	}
}

func newCommitDaysCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "commit-days",
		Short: "Publish the days that many workers have made",
		Long: `Read the stage of 'worker cut-days' with the results of its workers, check the rows,
publish the days and write their summaries. Write an outcome for each as a line of
JSON, like 'worker step'.
` + workerExitCodes,
		Example: "  daybook worker commit-days < results.json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			stage := new(wide.DayStage)
			return a.commit(cmd, stage, func(ctx context.Context, b *build.Builder) (all []build.Done, err error) {
				for _, j := range stage.Jobs {
					of := stage.Of(j)
					done, err := b.CommitDay(ctx, j, of.Stitched, of.Parts, of.Results)
					if err != nil {
						return nil, fmt.Errorf("%s: %w", j.Date, err)
					}
					all = append(all, done...)
				}
				return all, nil
			})
		},
	}
}

// commit reads a stage, publishes it, and writes the outcomes.
func (a *app) commit(cmd *cobra.Command, stage any, publish func(context.Context, *build.Builder) ([]build.Done, error)) error {
	p, err := a.newPipeline()
	if err != nil {
		return err
	}
	if err := a.readStage(cmd, stage); err != nil {
		return err
	}
	a.useMemory()
	done, err := publish(cmd.Context(), &build.Builder{Settings: p})
	if err != nil {
		return err
	}
	return worker.WriteOutcomes(a.stdout, done)
}
