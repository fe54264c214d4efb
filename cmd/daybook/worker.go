package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"daybook/pipeline/build"
	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/runs"
	"daybook/pipeline/settings"
	"daybook/pipeline/worker"
)

const workerExitCodes = `
Exit codes:
  0    done; a step that failed has an outcome, too
  1    failed; another attempt may succeed
  2    wrong arguments, request or configuration
  130  interrupted`

func newWorkerCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Do one task of a job that runs on many machines",
		Long: `Do one task of a job that runs on many machines, such as that of 'daybook spark
emit'. Requests come on standard input, outcomes go to standard output, and
messages for people go to standard error.`,
		Example: `  daybook worker step digest//2026-11-20`,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWorkerStepCommand(a), newWorkerFinishCommand(a))
	cmd.AddCommand(newWideCommands(a)...)
	return cmd
}

type workerStepOptions struct {
	selection
	stage     string
	index, of int
}

func newWorkerStepCommand(a *app) *cobra.Command {
	var opts workerStepOptions
	cmd := &cobra.Command{
		Use:   "step [STEP...] | --stage STAGE --index I --of N [--from DAY --to DAY]",
		Short: "Build exactly these digests, days or months",
		Long: `Build exactly these steps, as far as they are due, and write an outcome for each
as a line of JSON. Steps are named as in the tasks of 'daybook plan --json'.
Without arguments, read a request, one line such as

  {"steps":["digest//2026-11-20","day/sessions/2026-11-20"]}

With --stage, plan first, and do share I of N (from 0) of the stage digest, day or
month. The shares of all N workers are the whole stage, also if they plan at
different moments. A stage begins when the one before is done.
` + workerExitCodes,
		Example: `  daybook worker step digest//2026-11-20
  daybook plan --json | jq -c '.tasks[0]' | daybook worker step
  daybook worker step --stage day --index "$JOB_COMPLETION_INDEX" --of 32`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runWorkerStep(cmd, a, &opts, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.stage, "stage", "", "do a share of this stage: digest, day or month")
	flags.IntVar(&opts.index, "index", 0, "the share, from 0")
	flags.IntVar(&opts.of, "of", 1, "the number of shares")
	opts.rangeFlags(cmd)
	opts.reportFlag(cmd)
	return cmd
}

func runWorkerStep(cmd *cobra.Command, a *app, opts *workerStepOptions, args []string) error {
	if err := opts.validate(cmd, args); err != nil {
		return err
	}
	p, err := a.newPipeline()
	if err != nil {
		return err
	}
	if err := opts.selectReports(p); err != nil {
		return err
	}
	ctx := cmd.Context()
	var steps []partition.ID
	if opts.stage == "" {
		steps, err = requestedSteps(cmd, a.stdin, args)
	} else {
		steps, err = opts.share(cmd, p)
	}
	if err != nil {
		return err
	}
	a.useMemory()
	return worker.Do(ctx, &build.Builder{Settings: p}, steps, func(done []build.Done) error {
		return worker.WriteOutcomes(a.stdout, done)
	})
}

func (o *workerStepOptions) validate(cmd *cobra.Command, args []string) error {
	switch o.stage {
	case "":
		for _, flag := range []string{"index", "of", "from", "to"} {
			if cmd.Flags().Changed(flag) {
				return usageError(cmd, "--%s goes with --stage", flag)
			}
		}
		return nil
	case string(partition.Digest), string(partition.Day), string(partition.Month):
	default:
		return usageError(cmd, "--stage %q is not digest, day or month", o.stage)
	}
	if len(args) > 0 {
		return usageError(cmd, "give steps, or --stage")
	}
	if o.of < 1 || o.index < 0 || o.index >= o.of {
		return usageError(cmd, "--index %d --of %d: the index is from 0 to one less than the number of shares", o.index, o.of)
	}
	return nil
}

// requestedSteps are those of the arguments, or of a request.
func requestedSteps(cmd *cobra.Command, in io.Reader, args []string) ([]partition.ID, error) {
	q := new(worker.Request)
	for _, arg := range args {
		var id partition.ID
		if err := id.UnmarshalText([]byte(arg)); err != nil {
			return nil, usageError(cmd, "%s", err)
		}
		q.Steps = append(q.Steps, id)
	}
	var err error
	if len(args) == 0 {
		q, err = worker.ReadRequest(in)
	} else {
		err = q.Check()
	}
	if err != nil {
		return nil, usageError(cmd, "%s", err)
	}
	return q.Steps, nil
}

// share plans, and returns the worker's share of a stage.
func (o *workerStepOptions) share(cmd *cobra.Command, p *settings.Pipeline) ([]partition.ID, error) {
	target, err := o.target(cmd)
	if err == nil {
		target, err = o.finished(cmd, target, p)
	}
	if err != nil {
		return nil, err
	}
	planned, err := plan.Make(cmd.Context(), &catalog.Reader{Settings: p}, target)
	if err != nil {
		return nil, err
	}
	var steps []partition.ID
	for _, t := range worker.Cut(planned) {
		for _, id := range t.Steps {
			if string(t.Stage) == o.stage && worker.Index(id, o.of) == o.index {
				steps = append(steps, id)
			}
		}
	}
	return steps, nil
}

type workerFinishOptions struct {
	nextOptions
	began, failure string
}

func newWorkerFinishCommand(a *app) *cobra.Command {
	var opts workerFinishOptions
	cmd := &cobra.Command{
		Use:   "finish [--from DAY --to DAY] [--report NAME]",
		Short: "Show what a job came to, from the outcomes of its steps",
		Long: `Read the outcomes that the workers of a job have written, and end the job as
'daybook backfill' ends: with the table of what was published, the notes and the
exit code. The run is in the history that the console shows. The days, the reports
and --wide are those of 'worker next'.

Exit codes:
  0    everything was built
  1    a step failed, or the job did; what was published before is unchanged
  2    wrong arguments or configuration
  3    like 1, and every failure is a day with too many rejected lines
  130  interrupted`,
		Example: `  daybook worker finish --from 2016-01-01 --to 2026-11-20 < outcomes.jsonl`,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runWorkerFinish(cmd, a, &opts) },
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.began, "began", "", "when the job began, such as 2026-11-20T03:00:00Z (default: now)")
	flags.StringVar(&opts.failure, "failure", "", "why the job ended early")
	opts.jobFlags(cmd)
	return cmd
}

func runWorkerFinish(cmd *cobra.Command, a *app, opts *workerFinishOptions) error {
	began := time.Now()
	var err error
	if opts.began != "" {
		if began, err = time.Parse(time.RFC3339, opts.began); err != nil {
			return usageError(cmd, "--began: %s", err)
		}
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
	done, err := worker.ReadOutcomes(a.stdin)
	if err != nil {
		return usageError(cmd, "%s", err)
	}
	return a.finishJob(cmd.Context(), p, target, done, began, opts.failure)
}

// finishJob writes and records what a job came to. failure is why it ended early; empty
// if it did not.
func (a *app) finishJob(ctx context.Context, p *settings.Pipeline, target partition.Target, done []build.Done, began time.Time, failure string) error {
	record := runs.Begin(hostName(), runs.Job, began)
	result, err := (&build.Builder{Settings: p}).SumUp(ctx, target, done)
	if err != nil {
		return err
	}
	var ended error
	if failure != "" {
		ended = fmt.Errorf("the job ended early: %s; what it has published stays, and the same job does the rest", failure)
	}
	written := a.writeResult(result, buildRequest{target: target, months: target.All}, ended == nil)
	a.record(ctx, p, &record, result, ended)
	if err := errors.Join(ended, written); err != nil {
		return err
	}
	return failureOf(result)
}
