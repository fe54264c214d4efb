package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"daybook/config"
	"daybook/pipeline/maintain"
	"daybook/pipeline/words"
	"daybook/sinks/publish"
)

type gcOptions struct {
	dryRun bool
	keep   string
	grace  config.Span
}

func newGCCommand(a *app) *cobra.Command {
	var opts gcOptions
	cmd := &cobra.Command{
		Use:   "gc [--dry-run]",
		Short: "Remove expired revisions and the remains of interrupted runs",
		Long: `Remove unneeded files from the sink:

  expired     superseded revisions older than sink.keep_revisions
  superseded  files of a replaced digest, and those of days and months after
              sink.remove_after
  orphaned    files of runs that ended before their commit
  incomplete  unfinished copies of superseded revisions
  refused     rejected lines of refused days, older than sink.keep_revisions
  audit       records of users' actions, older than sink.keep_audit
  undelivered events of lineage that could not be delivered for a week
  unfinished  in a directory: temporary files of killed writers

Files in a manifest stay. Other commands may run at the same time.`,
		Example: `  daybook gc --dry-run
  daybook gc --keep 30d`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			keep, err := opts.validate(cmd)
			if err != nil {
				return err
			}
			return runGC(cmd.Context(), a, &opts, keep)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.dryRun, "dry-run", false, "list the files, and remove none")
	flags.StringVar(&opts.keep, "keep", "", "how long to keep superseded revisions, such as 7d or 36h (default: sink.keep_revisions)")
	flags.TextVar(&opts.grace, "grace", config.Span(publish.DefaultGrace), "least age of a removed file that no manifest names, a `time` such as 12h or 2d; choose more than any run takes")
	return cmd
}

// validate returns how long revisions are kept; 0: as configured.
func (o *gcOptions) validate(cmd *cobra.Command) (keep config.Retention, err error) {
	if cmd.Flags().Changed("keep") {
		if err := keep.UnmarshalText([]byte(o.keep)); err != nil {
			return 0, usageError(cmd, "--keep: %s", err)
		}
	}
	if o.grace <= 0 {
		return 0, usageError(cmd, "--grace must be more than 0, such as 12h or 2d")
	}
	return keep, nil
}

func runGC(ctx context.Context, a *app, opts *gcOptions, keep config.Retention) error {
	c, p, err := a.configured()
	if err != nil {
		return err
	}
	if keep == 0 {
		keep = c.Sink.KeepRevisions
	}
	removals := []publish.Removal{}
	result, err := maintain.GC(ctx, p, maintain.GCOptions{Keep: time.Duration(keep), Audit: time.Duration(c.Sink.KeepAudit), Grace: time.Duration(opts.grace), DryRun: opts.dryRun},
		func(r publish.Removal) { removals = append(removals, r) })
	if werr := a.writeRemovals(opts, removals, &result); werr != nil && err == nil {
		err = werr
	}
	if err == nil && len(result.Skipped) > 0 {
		err = fmt.Errorf("%s could not be read", words.Count(len(result.Skipped), "directory", "directories"))
	}
	return err
}

func (a *app) writeRemovals(opts *gcOptions, removals []publish.Removal, result *publish.GCResult) error {
	if a.json {
		return json.NewEncoder(a.stdout).Encode(struct {
			DryRun  bool              `json:"dry_run"`
			Removed []publish.Removal `json:"removed"`
			PutBack []string          `json:"put_back,omitempty"`
			Skipped []publish.Skipped `json:"skipped,omitempty"`
		}{opts.dryRun, removals, result.PutBack, result.Skipped})
	}
	counts, sizes := map[publish.Why]int{}, map[publish.Why]int64{}
	err := writeTable(a.stdout, func(w io.Writer) {
		for _, r := range removals {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Why, r.Modified.UTC().Format(time.DateTime), words.Bytes(r.Bytes), r.Key)
			counts[r.Why]++
			sizes[r.Why] += r.Bytes
		}
	})
	if err != nil {
		return err
	}
	done := "removed"
	if opts.dryRun {
		done = "would be removed"
	}
	err = writeTable(a.stdout, func(w io.Writer) {
		for _, why := range []publish.Why{publish.Expired, publish.Superseded, publish.Orphaned, publish.Incomplete, maintain.Refused, maintain.Audited, maintain.Undelivered, maintain.Unfinished} {
			if n := counts[why]; n > 0 {
				fmt.Fprintf(w, "%s:\t%s\t%s\n", why, words.Count(n, "object", "objects"), words.Bytes(sizes[why]))
			}
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s, %s %s\n", words.Count(result.Objects, "object", "objects"), words.Bytes(result.Bytes), done)
	for _, key := range result.PutBack {
		if _, err := fmt.Fprintf(a.stderr, "%s was restored: a run published it during its removal\n", key); err != nil {
			return err
		}
	}
	for _, s := range result.Skipped {
		if _, err := fmt.Fprintf(a.stderr, "%s was skipped: %s\n", s.Dir, s.Reason); err != nil {
			return err
		}
	}
	return nil
}
