package main

import (
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
		Use:   "backfill [REPORT] --from DAY --to DAY [--only missing|stale|failed|all] [--workers N]",
		Short: "Build a long range of days, showing the plan first",
		Long: `Build the reports of many days, and of the months that they complete. Show the
plan first, then the progress, and the results at the end. All days must be over in
the time zone of each report.

Interrupt it at any moment: published partitions stay, and the same command does
the rest, also on another machine. If the dumps of a day are broken, the report
days that need them wait, and all others are built.

--only builds a part of the plan: missing, stale, or failed (at the last
attempt). 'all' builds fresh partitions again, too, beginning with their dumps;
equal results change nothing.

Exit codes:
  0    everything was built; a warning names days that are empty for want of
       dumps
  1    a step failed; what was published before is unchanged
  2    wrong arguments or configuration
  3    like 1, and every failure is a day with too many rejected lines
  130  interrupted; run the same command again to finish`,
		Example: `  daybook backfill --from 2016-01-01 --to 2026-11-20
  daybook backfill --from 2026-01-01 --to 2026-03-31 --only failed --workers 2`,
		Args: atMostOneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.arguments(a, cmd, args); err != nil {
				return err
			}
			only, err := opts.validate(cmd)
			if err != nil {
				return err
			}
			target, err := opts.target(cmd)
			if err != nil {
				return err
			}
			return opts.while(func() error { return runBackfill(cmd, a, &opts, target, only) })
		},
	}
	opts.rangeFlags(cmd)
	cmd.Flags().StringVar(&opts.only, "only", "", "build only missing, stale, failed, or all (default: missing and stale)")
	opts.buildFlags(cmd)
	return cmd
}

func (o *backfillOptions) validate(cmd *cobra.Command) (build.Only, error) {
	switch {
	case o.from == "" && o.to == "":
		return "", usageError(cmd, "--from and --to are missing; give the first and the last day")
	case o.from == "":
		return "", usageError(cmd, "--from is missing; give the first day")
	case o.to == "":
		return "", usageError(cmd, "--to is missing; give the last day, or yesterday")
	}
	only := build.Only(o.only)
	if cmd.Flags().Changed("only") && !slices.Contains([]build.Only{build.OnlyMissing, build.OnlyStale, build.OnlyFailed, build.OnlyAll}, only) {
		return "", usageError(cmd, "--only %q is not missing, stale, failed or all", o.only)
	}
	return only, o.runOptions.validate(cmd)
}

func runBackfill(cmd *cobra.Command, a *app, opts *backfillOptions, target partition.Target, only build.Only) error {
	c, p, err := opts.configured(a)
	if err != nil {
		return err
	}
	if target, err = opts.finished(cmd, target, p); err != nil {
		return err
	}
	ctx := cmd.Context()
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
	return a.build(ctx, c, p, buildRequest{target: target, only: only, planned: days})
}

// plannedDays is the number of dump days and report days to build. All reports
// of a day count as one, as in [extract.Progress].
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
