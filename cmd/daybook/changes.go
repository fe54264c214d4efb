package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"daybook/pipeline/inspect"
	"daybook/pipeline/settings"
	"daybook/pipeline/words"
)

type changesOptions struct {
	since  string
	cursor inspect.Cursor
}

func newChangesCommand(a *app) *cobra.Command {
	var opts changesOptions
	cmd := &cobra.Command{
		Use:   "changes [--since CURSOR]",
		Short: "List what was published, restated or removed since a moment",
		Long: `List the days and months of all reports that were published, restated or removed
since a moment, and the cursor to give next time. Without --since, list all that
is published. Of a partition that was restated several times, list its last
revision.

For programs that load the reports: with --json, each change is a line of NDJSON
with the revision and its files, and the last line has the cursor. Load a
revision if it is another than the one you have, and keep the cursor after you
have loaded all. A change may be listed again: the command looks back further
than the cursor, by an hour and more, so that wrong clocks leave nothing out.

daybook removes no partition. One whose manifest somebody deleted is listed as
removed once, since a cursor from before that. A date has no such memory. What
version 0.1.0 published is listed when it is next built.`,
		Example: `  daybook changes --since 2026-11-20
  daybook changes --since "$(cat cursor)" --json > changes.ndjson &&
    tail -n 1 changes.ndjson | jq -r .cursor > cursor`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.validate(cmd); err != nil {
				return err
			}
			return runChanges(cmd.Context(), a, &opts)
		},
	}
	dayFlag(cmd, &opts.since, "since", "", "a `cursor` from the end of the last list, or a date or time in UTC, such as 2026-11-20 or 2026-11-20T06:00:00Z")
	return cmd
}

func (o *changesOptions) validate(cmd *cobra.Command) (err error) {
	if !cmd.Flags().Changed("since") {
		return nil
	}
	if o.cursor, err = inspect.ParseCursor(o.since); err != nil {
		return usageError(cmd, "--since %s", err)
	}
	return nil
}

func runChanges(ctx context.Context, a *app, opts *changesOptions) error {
	p, err := a.newPipeline()
	if err != nil {
		return err
	}
	changes, next, err := (&inspect.Inspector{Settings: p}).Changes(ctx, opts.cursor)
	if err != nil {
		return err
	}
	a.warnOfNothing(p, &next)
	if a.json {
		encoder := json.NewEncoder(a.stdout)
		for i := range changes {
			if err := encoder.Encode(&changes[i]); err != nil {
				return err
			}
		}
		return encoder.Encode(struct {
			Cursor string `json:"cursor"`
		}{next.String()})
	}
	err = writeTable(a.stdout, func(w io.Writer) {
		for i := range changes {
			c := &changes[i]
			fmt.Fprintf(w, "%s\t%s\t%s\t", c.Change, c.Report, c.Partition)
			if c.Change != inspect.Removed {
				fmt.Fprintf(w, "revision %d\t%s\t%s, %s\t%s\t%s", c.Revision, words.Count(c.Rows, "row", "rows"),
					words.Count(len(c.Parts), "file", "files"), words.Bytes(c.BytesOf()), c.PublishedAt, c.Reason)
			}
			fmt.Fprintln(w)
		}
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s; list the next ones with: daybook changes --since %s\n", words.Count(len(changes), "change", "changes"), next.String())
	return err
}

// warnOfNothing warns of a sink without a published day or month: its address may be
// wrong. next is the cursor that a list of changes ended with.
func (a *app) warnOfNothing(p *settings.Pipeline, next *inspect.Cursor) {
	if next.Empty() {
		fmt.Fprintf(a.stderr, "warning: nothing is published in %s; if that is wrong, correct sink.store.url or mount the disk\n", p.Sink.URL(""))
	}
}
