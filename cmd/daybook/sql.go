package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"daybook/config"
	"daybook/pipeline/inspect"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/warehouse"
	"daybook/transform/day"
)

type sqlOptions struct {
	selection
	engine                    *warehouse.Engine
	verb                      warehouse.Verb
	schema, table, root, role string
	since                     string
	cursor                    inspect.Cursor
	changes                   []inspect.Change // since the cursor
}

func newSQLCommand(a *app) *cobra.Command {
	var opts sqlOptions
	names := engineNames()
	cmd := &cobra.Command{
		Use:   "sql ENGINE ddl|load|view|merge",
		Short: "Print the statements with which a warehouse loads reports",
		Long: `Print the statements with which a warehouse creates the table of a report, loads
it, or reads it. The engines are ` + strings.Join(names[:6], ", ") + `,
` + strings.Join(names[6:], ", ") + ` (Python).

  ddl    create the table; run it again after an upgrade: it adds new columns
  load   replace the rows of the named partitions
  merge  change, add and remove rows of the named partitions by their key
  view   show the published files: complete months, and the days after them

A load may be repeated, and interrupted: what it replaces is removed and loaded
in one transaction, or by one atomic statement. It names the files of the
manifests, so run this command before each load. Without --date, --month or
--since it is of everything. A line "set this" says what the configuration does
not.

With --since it is of the days that daybook changes lists. The last line is a
comment with the cursor to give next time, once the load has succeeded. The first
time, give a date before the first publication. The rows of a day whose manifest
somebody deleted are removed.`,
		Example: `  daybook sql duckdb ddl | duckdb warehouse.db
  daybook sql duckdb load --date 2026-11-20 | duckdb warehouse.db
  daybook sql duckdb load --since "$(cat cursor)" > load.sql && duckdb -bail warehouse.db < load.sql &&
    tail -n 1 load.sql | sed 's/.*cursor: //' > cursor
  daybook sql postgres load --month 2026-11 --report sessions | psql
  daybook sql bigquery load --schema support --root gs://bucket/daybook --date 2026-11-20`,
		Args: exactArgs("ENGINE", "ddl, load, view or merge"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.validate(cmd, args); err != nil {
				return err
			}
			return runSQL(cmd.Context(), a, cmd, &opts)
		},
	}
	flags := cmd.Flags()
	dayFlag(cmd, &opts.date, "date", "", "one day: 2026-11-20, today, yesterday, or -7d")
	flags.StringVar(&opts.month, "month", "", "one month, such as 2026-11: its file, or its days while it is not published")
	dayFlag(cmd, &opts.since, "since", "", "a `cursor` from the end of the last statements or of daybook changes, or a date or time in UTC: days changed since then")
	opts.reportFlag(cmd)
	flags.StringVar(&opts.schema, "schema", "", "schema or data set of the table (default: that of the session)")
	flags.StringVar(&opts.table, "table", "", "name of the table (default: the report's name)")
	flags.StringVar(&opts.root, "root", "", "where the engine finds the sink, if not where daybook does: gs://bucket/prefix, @stage")
	flags.StringVar(&opts.role, "iam-role", "", "Redshift's role (default: the cluster's default role)")
	return cmd
}

func (o *sqlOptions) validate(cmd *cobra.Command, args []string) error {
	var err error
	if o.engine, err = warehouse.Find(args[0]); err != nil {
		return usageError(cmd, "%s", err)
	}
	if o.verb = warehouse.Verb(strings.ToLower(args[1])); !slices.Contains(warehouse.Verbs, o.verb) {
		return usageError(cmd, "unknown verb %q; there are ddl, load, view and merge", args[1])
	}
	if (o.verb == warehouse.DDL || o.verb == warehouse.View) && (o.date != "" || o.month != "" || o.since != "") {
		return usageError(cmd, "--date, --month and --since are for load and merge; %s is of the whole report", o.verb)
	}
	if !cmd.Flags().Changed("since") {
		return nil
	}
	if o.date != "" || o.month != "" {
		return usageError(cmd, "give --since, or --date or --month")
	}
	if o.cursor, err = inspect.ParseCursor(o.since); err != nil {
		return usageError(cmd, "--since %s", err)
	}
	return nil
}

func runSQL(ctx context.Context, a *app, cmd *cobra.Command, opts *sqlOptions) error {
	from, to, named, err := opts.days(cmd)
	if err != nil {
		return err
	}
	p, err := a.newPipeline()
	if err != nil {
		return err
	}
	all := p.Reports
	if err := opts.selectReports(p); err != nil {
		return err
	}
	if opts.table != "" && len(p.Reports) > 1 {
		return usageError(cmd, "--table names one table, and there are %d reports; add --report", len(p.Reports))
	}
	period := partition.Period{From: from, To: to}
	in := &inspect.Inspector{Settings: p}
	next := ""
	if opts.since != "" {
		var cursor inspect.Cursor
		if opts.changes, cursor, err = in.Changes(ctx, opts.cursor); err != nil {
			return err
		}
		a.warnOfNothing(p, &cursor)
		next = cursor.String()
	}
	texts := make([]string, len(p.Reports))
	for i := range p.Reports {
		r := warehouse.Request{
			Report: p.Reports[i].Name, Schema: opts.schema, Table: opts.table, Store: p.SinkAt, Role: opts.role, All: !named && opts.since == "",
		}
		r.Store.Root = opts.root
		if i := slices.IndexFunc(all, func(other settings.Report) bool { return other.Name == r.ViewTable() }); i >= 0 && opts.verb == warehouse.View {
			return usageError(cmd, "the view of %s would have the name of the report %s; give another one with --table", r.Report, all[i].Name)
		}
		if err := opts.choose(ctx, in, &r, period); err != nil {
			return err
		}
		if texts[i], err = warehouse.Statements(opts.engine, opts.verb, &r); err != nil {
			return codedError{err, exitUsage}
		}
	}
	return opts.write(a, p, texts, next)
}

// write prints the statements of each report, and the cursor to give next time.
func (o *sqlOptions) write(a *app, p *settings.Pipeline, texts []string, cursor string) error {
	if !a.json {
		if cursor != "" {
			texts = append(texts, o.engine.Comment("cursor: "+cursor))
		}
		_, err := io.WriteString(a.stdout, strings.Join(texts, "\n"))
		return err
	}
	type statements struct {
		Report     string `json:"report"`
		Statements string `json:"statements"`
		Cursor     string `json:"cursor,omitempty"` // the same for all reports
	}
	all := make([]statements, len(texts))
	for i := range texts {
		all[i] = statements{p.Reports[i].Name, texts[i], cursor}
	}
	return json.NewEncoder(a.stdout).Encode(all)
}

// choose sets what is published of a request: the partitions to load, or what a view
// shows.
func (o *sqlOptions) choose(ctx context.Context, in *inspect.Inspector, r *warehouse.Request, period partition.Period) (err error) {
	switch {
	case o.verb == warehouse.DDL:
		return nil
	case o.since != "":
		r.Partitions = changed(o.changes, r.Report)
		return nil
	case !r.All:
		return o.choosePeriod(ctx, in, r, period)
	}
	listing, err := in.List(ctx, r.Report)
	if err != nil {
		return err
	}
	months, err := in.CurrentMonths(ctx, listing.Months)
	if err != nil {
		return err
	}
	if o.verb == warehouse.View && in.Settings.RemoveAfter == 0 && !listing.Superseded {
		r.Months = months // a view by pattern reads each row once
		return nil
	}
	return setPublished(ctx, in, r, warehouse.Cover(r.Report, months, listing.Days), "nothing")
}

// choosePeriod sets the partitions that hold the rows of a period: its month, if that
// has the rows of its days, or else its days.
func (o *sqlOptions) choosePeriod(ctx context.Context, in *inspect.Inspector, r *warehouse.Request, period partition.Period) (err error) {
	var months []day.Month
	if period.IsMonth() && !o.engine.ByDay {
		if months, err = in.CurrentMonths(ctx, []partition.ID{partition.InReport(r.Report, period)}); err != nil {
			return err
		}
	}
	return setPublished(ctx, in, r, warehouse.Cover(r.Report, months, period.Days()), "nothing of "+period.String())
}

// setPublished sets those of the partitions that are published. nothing says in words
// what is missing if none of them are.
func setPublished(ctx context.Context, in *inspect.Inspector, r *warehouse.Request, ids []partition.ID, nothing string) error {
	published, err := in.Published(ctx, ids)
	if err == nil && len(published) == 0 {
		err = fmt.Errorf("report %s: %s is published; daybook plan says what there is to do", r.Report, nothing)
	}
	for _, p := range published {
		r.Partitions = append(r.Partitions, warehouse.PartitionOf(p.ID, p.Manifest))
	}
	return err
}

// changed are the days of a report that have changed. A month changes with its days.
func changed(changes []inspect.Change, report string) (days []warehouse.Partition) {
	for i := range changes {
		c := &changes[i]
		if c.Report != report || c.ID.Kind != partition.Day {
			continue
		}
		p := warehouse.Partition{ID: c.ID, Rows: c.Rows}
		for _, part := range c.Parts {
			p.Files = append(p.Files, part.Key)
		}
		days = append(days, p)
	}
	slices.SortFunc(days, func(a, b warehouse.Partition) int { return partition.Compare(a.ID, b.ID) })
	return days
}

// sinkAt is where warehouses find the sink.
func sinkAt(c *config.Store, url string) warehouse.Store {
	return warehouse.Store{
		URL: url, Endpoint: c.Endpoint, Region: c.Region, Plaintext: !c.TLS,
		PathStyle: c.Addressing == "path" || c.Addressing == "auto" && c.Endpoint != "",
	}
}
