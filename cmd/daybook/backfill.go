package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"daybook/pipeline/build"
	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/transform/day"
)

type backfillOptions struct {
	runOptions
	only string
}

func newBackfillCommand(a *app) *cobra.Command {
	var opts backfillOptions
	cmd := &cobra.Command{
		Use:   "backfill --from DAY --to DAY [--only missing|stale|failed|all] [--workers N]",
		Short: "Build the days of a long time: with the plan first, and resumable",
		Long: `Build the reports of many days, and of the months that they complete. The plan
comes first, then how it gets on, and in the end what was done.

It may be interrupted at any moment: what is published stays, and the same
command goes on with what is left, also on another machine. One broken day does
not stop the others, but for those that need its dumps.

--only builds a part of what the plan says is to be done: what is missing, what
is stale, or what failed at the last attempt. With 'all', what is fresh is made
again, too, from the dumps on; where the result is the same, nothing changes.

Exit codes:
  0    all of it was done
  1    something failed; what was published before is as it was
  2    wrong arguments or configuration
  3    as 1, and all that failed is days with too many rejected lines
  130  interrupted; the same command does what is left`,
		Example: `  daybook backfill --from 2016-01-01 --to 2026-11-20
  daybook backfill --from 2026-01-01 --to 2026-03-31 --only failed --workers 2`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			only, err := opts.validate(cmd)
			if err != nil {
				return err
			}
			target, err := opts.target(cmd)
			if err != nil {
				return err
			}
			return opts.while(func() error { return runBackfill(cmd.Context(), a, &opts, target, only) })
		},
	}
	opts.rangeFlags(cmd)
	cmd.Flags().StringVar(&opts.only, "only", "", "build only what is missing or stale, or failed, or really all (default: what is missing or stale)")
	opts.buildFlags(cmd)
	return cmd
}

func (o *backfillOptions) validate(cmd *cobra.Command) (build.Only, error) {
	if o.from == "" || o.to == "" {
		return "", usageError(cmd, "--from and --to are missing: which days are to be built?")
	}
	only := build.Only(o.only)
	if cmd.Flags().Changed("only") && !slices.Contains([]build.Only{build.OnlyMissing, build.OnlyStale, build.OnlyFailed, build.OnlyAll}, only) {
		return "", usageError(cmd, "--only %q: it is missing, stale, failed or all", o.only)
	}
	return only, o.runOptions.validate(cmd)
}

func runBackfill(ctx context.Context, a *app, opts *backfillOptions, target partition.Target, only build.Only) error {
	p, err := opts.pipeline(a)
	if err != nil {
		return err
	}
	planned, err := plan.Make(ctx, &catalog.Reader{Settings: p}, target)
	if err != nil {
		return err
	}
	if !a.json {
		if err := writePlan(a.stdout, planned, false); err != nil {
			return err
		}
		fmt.Fprintln(a.stdout)
	}
	days := 0
	if only == build.OnlyDue {
		days = plannedDays(planned)
	}
	return a.build(ctx, p, target, only, days)
}

// plannedDays is how many days of dumps and of reports a plan has to do, as
// Progress counts them: all reports of a day are one.
func plannedDays(p *plan.Plan) int {
	type step struct {
		kind partition.Kind
		day  day.Day
	}
	days := map[step]bool{}
	for i := range p.Steps {
		switch s := &p.Steps[i]; s.Status {
		case plan.Missing, plan.Stale, plan.Depends:
			if s.ID.Kind != partition.Month {
				days[step{s.ID.Kind, s.ID.Day()}] = true
			}
		}
	}
	return len(days)
}
