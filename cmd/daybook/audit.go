package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"daybook/pipeline/audit"
	"daybook/pipeline/words"
	"daybook/transform/day"
)

type auditOptions struct {
	since string
	last  int

	from time.Time
}

func newAuditCommand(a *app) *cobra.Command {
	var opts auditOptions
	cmd := &cobra.Command{
		Use:   "audit [--since DATE]",
		Short: "List what users did in the console",
		Long: `List the actions that users asked the console of daybook serve for, the newest
first: when, the user and the role, what was asked for, and its outcome:

  accepted     it waits or runs; after the death of its replica it stays so
  refused      it was not valid, or too many waited
  done, failed, interrupted
               the outcome of its run; daybook serve shows the run

With --json, each action is a line of NDJSON, with the address and the run.`,
		Example: `  daybook audit --since 2026-11-01
  daybook audit --json | jq -r 'select(.user == "ada@example.com")'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.validate(cmd); err != nil {
				return err
			}
			return runAudit(cmd.Context(), a, &opts)
		},
	}
	dayFlag(cmd, &opts.since, "since", "", "the first `date`, in UTC, such as 2026-11-20 (default: all that is kept)")
	cmd.Flags().IntVar(&opts.last, "last", 1000, "the number of actions, the newest first")
	return cmd
}

func (o *auditOptions) validate(cmd *cobra.Command) error {
	if o.last < 1 {
		return usageError(cmd, "--last %d must be 1 or more", o.last)
	}
	if !cmd.Flags().Changed("since") {
		return nil
	}
	d, err := day.ParseEventDate(o.since)
	if err != nil {
		return usageError(cmd, "--since: %s", err)
	}
	o.from = d.UTC()
	return nil
}

func runAudit(ctx context.Context, a *app, opts *auditOptions) error {
	p, err := a.newPipeline()
	if err != nil {
		return err
	}
	records, err := audit.List(ctx, p.Sink, opts.from, opts.last)
	if err != nil {
		return err
	}
	if a.json {
		encoder := json.NewEncoder(a.stdout)
		for i := range records {
			if err := encoder.Encode(&records[i]); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for i := range records {
		r := &records[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Time.Format(time.DateTime), cmp.Or(r.User, "unknown"), r.Role, r.Action.String(), r.Outcome, r.Error)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s in the audit log of %s\n", words.Count(len(records), "action", "actions"), p.Sink.URL(""))
	return err
}
