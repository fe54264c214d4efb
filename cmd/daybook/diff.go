package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"daybook/pipeline/inspect"
	"daybook/pipeline/partition"
	"daybook/pipeline/words"
	"daybook/transform/report"
)

type diffOptions struct {
	selection
	id            partition.ID
	revisions     string
	before, after int // 0: the previous revision, the published revision
}

func newDiffCommand(a *app) *cobra.Command {
	var opts diffOptions
	cmd := &cobra.Command{
		Use:   "diff REPORT PARTITION [--rev A..B]",
		Short: "Show the added, removed and changed rows of a day or month",
		Long: `Compare two revisions of a published day or month: the added, removed and changed
rows, by session and leg, and the changed columns. Without --rev, compare the
published revision with the one before it. The first lines sum up the
difference.

A leg is recognised by its technician and begin. A leg that a new one before it
has given another number is renumbered, not changed.

Superseded revisions are kept for sink.keep_revisions; 'daybook show' lists them.
With --json, each different row is a line of NDJSON, with values as in 'daybook
fold'.`,
		Example: `  daybook diff sessions 2026-11-20
  daybook diff sessions 2026-11 --rev 1..3 --json`,
		Args: atMostTwoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.arguments(a, cmd, args); err != nil {
				return err
			}
			if err := opts.validate(cmd); err != nil {
				return err
			}
			return runDiff(cmd.Context(), a, &opts)
		},
	}
	opts.partitionFlags(cmd)
	cmd.Flags().StringVar(&opts.revisions, "rev", "", "the revisions to compare, such as 1..3 (default: the previous one and the published one)")
	return cmd
}

func (o *diffOptions) validate(cmd *cobra.Command) error {
	report, period, err := o.onePartition(cmd)
	if err != nil {
		return err
	}
	if report == digestName {
		return usageError(cmd, "digests have no rows to compare; give a report")
	}
	if o.id, err = partition.Parse(report, period); err != nil {
		return usageError(cmd, "%s", err)
	}
	if !cmd.Flags().Changed("rev") {
		return nil
	}
	from, to, ok := strings.Cut(o.revisions, "..")
	var errs [2]error
	o.before, errs[0] = strconv.Atoi(from)
	o.after, errs[1] = strconv.Atoi(to)
	if !ok || errs[0] != nil || errs[1] != nil || o.before < 1 || o.after < 1 {
		return usageError(cmd, "--rev %q is not two revisions, such as 1..3", o.revisions)
	}
	return nil
}

func runDiff(ctx context.Context, a *app, opts *diffOptions) error {
	p, err := a.newPipeline()
	if err != nil {
		return err
	}
	if _, err := findReport(p, opts.id.Report); err != nil {
		return err
	}
	d, err := (&inspect.Inspector{Settings: p}).Diff(ctx, opts.id, opts.before, opts.after)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(a.stdout)
	if a.json {
		err = writeDiffJSON(out, d)
	} else {
		writeDiff(out, opts.id, d)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

func writeDiff(w io.Writer, id partition.ID, d *inspect.Diff) {
	fmt.Fprintf(w, "%s, revision %d to %d (%s)\n", titleOf(id), d.From.Revision, d.To.Revision, d.To.Reason)
	fmt.Fprintf(w, "%s added, %s removed, %s changed, %s the same", words.Count(d.Added, "row", "rows"), words.Thousands(d.Removed), words.Thousands(d.Changed), words.Thousands(d.Same))
	if d.Renumbered > 0 {
		fmt.Fprintf(w, ", %s with another leg number", words.Thousands(d.Renumbered))
	}
	fmt.Fprintln(w)
	for i := range d.Changes {
		c := &d.Changes[i]
		if c.Kind == report.Renumbered {
			fmt.Fprintf(w, "%s session %d leg %s → %s\n", c.Kind, c.Session, c.Columns[0].Old, c.Columns[0].New)
			continue
		}
		fmt.Fprintf(w, "%s session %d leg %d\n", c.Kind, c.Session, c.Leg)
		for _, column := range c.Columns {
			fmt.Fprintf(w, "  %s: %s → %s\n", column.Name, column.Old, column.New)
		}
	}
}

// writeDiffJSON writes a line for each row. The values are JSON already.
func writeDiffJSON(w io.Writer, d *inspect.Diff) error {
	type column struct {
		Name string          `json:"name"`
		Old  json.RawMessage `json:"old"`
		New  json.RawMessage `json:"new"`
	}
	type row struct {
		Session int64             `json:"session"`
		Leg     int64             `json:"leg"`
		Kind    report.ChangeKind `json:"kind"`
		Columns []column          `json:"columns,omitempty"`
	}
	encoder := json.NewEncoder(w)
	for i := range d.Changes {
		c := &d.Changes[i]
		r := row{Session: c.Session, Leg: c.Leg, Kind: c.Kind}
		for _, changed := range c.Columns {
			r.Columns = append(r.Columns, column{changed.Name, json.RawMessage(changed.Old), json.RawMessage(changed.New)})
		}
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	return nil
}
