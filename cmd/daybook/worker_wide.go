package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"daybook/pipeline/build"
	"daybook/pipeline/catalog"
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
	return append(commands, newNextCommand(a), newCommitDigestsCommand(a), newCutDaysCommand(a), newCommitDaysCommand(a))
}

type nextOptions struct {
	selection
	wide        string
	rangeEvents int64
}

func newNextCommand(a *app) *cobra.Command {
	var opts nextOptions
	cmd := &cobra.Command{
		Use:   "next [--from DAY --to DAY] [--report NAME]",
		Short: "Plan what a job does next",
		Long: `Plan the next stage of a job, and write it as a line of JSON. Its work is

  steps    each of the tasks is the input of a 'worker step'
  digests  wide digests: "wide" has the tasks of 'worker decode' and, by pid, those
           of 'worker digest'; it becomes the input of 'worker commit-digests' with
           the results of the latter, added as "results"
  days     wide days: "wide" has the tasks of 'worker stitch'; it becomes the input
           of 'worker cut-days' with their results, added as "stitched"

Without a work, nothing is left. Standard input has what was tried so far: {} at
first, and then "tried" of the stage before.
` + workerExitCodes,
		Example: `  daybook worker next --from 2026-11-20 --to 2026-11-20 < tried.json
  echo {} | daybook worker next --from 2026-11-20 --to 2026-11-20`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runNext(cmd, a, &opts) },
	}
	opts.jobFlags(cmd)
	return cmd
}

// jobFlags are the options of a job.
func (o *nextOptions) jobFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.wide, "wide", "auto", "auto: only what is wide, which follows from the sizes of the dumps; always: everything; never: nothing")
	flags.Int64Var(&o.rangeEvents, "range-events", 0, "about how many events a hash range of a wide digest has (default: 16 million)")
	o.rangeFlags(cmd)
	o.reportFlag(cmd)
}

func runNext(cmd *cobra.Command, a *app, opts *nextOptions) error {
	wideOnes, known := map[string]build.Which{"auto": build.OnlyWide, "always": build.All, "never": build.None}[opts.wide]
	if !known {
		return usageError(cmd, "--wide %q is not auto, always or never", opts.wide)
	}
	target, err := opts.target(cmd)
	if err != nil {
		return err
	}
	p, err := a.newPipeline()
	if err != nil {
		return err
	}
	if err := opts.selectReports(p); err != nil {
		return err
	}
	if target, err = opts.finished(cmd, target, p); err != nil {
		return err
	}
	tried, err := worker.ReadTried(a.stdin)
	if err != nil {
		return usageError(cmd, "%s", err)
	}
	p.RangeEvents = opts.rangeEvents
	stage, err := worker.Next(cmd.Context(), &build.Builder{Settings: p, Cache: catalog.NewCache()}, target, wideOnes, tried)
	if err != nil {
		return err
	}
	return json.NewEncoder(a.stdout).Encode(stage)
}

func newCutDaysCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "cut-days",
		Short: "Divide the rows of wide days into files",
		Long: `Read the days of 'worker next' with the results of its workers, and write it
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
			if err := worker.ReadStage(a.stdin, stage); err != nil {
				return usageError(cmd, "%s", err)
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
		Long: `Read the digests of 'worker next' with the results of its workers, check that
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
func (a *app) commit(cmd *cobra.Command, stage interface{ Check() error }, publish func(context.Context, *build.Builder) ([]build.Done, error)) error {
	p, err := a.newPipeline()
	if err != nil {
		return err
	}
	if err := worker.ReadStage(a.stdin, stage); err != nil {
		return usageError(cmd, "%s", err)
	}
	a.useMemory()
	done, err := publish(cmd.Context(), &build.Builder{Settings: p})
	if err != nil {
		return err
	}
	return worker.WriteOutcomes(a.stdout, done)
}
