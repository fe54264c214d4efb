package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"daybook/config/userfile"
	"daybook/pipeline/extract"
	"daybook/pipeline/inspect"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/words"
	"daybook/sinks/csv"
	"daybook/sinks/parquet"
	"daybook/sources/dump"
	"daybook/transform/event"
	"daybook/transform/report"
)

type foldOptions struct {
	timezone   string
	format     string
	accounting string
	workers    int
	paths      []string
	profiles
}

func newFoldCommand(a *app) *cobra.Command {
	var opts foldOptions
	cmd := &cobra.Command{
		Use:   "fold [FILE|DIR|-]…",
		Short: "Fold local dumps into rows, without a store",
		Long: `Run the engine alone: read dumps from files, directories or standard input (-,
the default), and write the report's rows to standard output, sorted by session
and leg.

NDJSON has the Parquet names in order, times as 2026-11-20T08:02:10.000Z, and
null for unknown values. CSV has the English headings. Rejected lines are counted
and do not change the exit code.`,
		Example: `  daybook fold dumps/2026/11/20 > rows.ndjson
  zstdcat dump.ndjson.zst | daybook fold --format csv --timezone Europe/Amsterdam
  daybook fold --format parquet --accounting - dumps > rows.parquet`,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.paths = args
			if err := opts.validate(cmd, a); err != nil {
				return err
			}
			return opts.while(func() error { return runFold(cmd.Context(), a, &opts) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.timezone, "timezone", "UTC", "IANA time zone of the report date")
	flags.StringVar(&opts.format, "format", "ndjson", "ndjson, csv or parquet")
	flags.StringVar(&opts.accounting, "accounting", "", "write the numbers of events, duplicates, rejected and blank lines to this file, as JSON (-: standard error)")
	flags.IntVar(&opts.workers, "workers", 0, "number of workers that read and fold (default: one a core)")
	opts.profiles.flags(cmd)
	return cmd
}

func (o *foldOptions) validate(cmd *cobra.Command, a *app) error {
	if _, err := time.LoadLocation(o.timezone); err != nil || o.timezone == "" || o.timezone == "Local" {
		return usageError(cmd, "--timezone %q is not an IANA time zone, such as Europe/Amsterdam", o.timezone)
	}
	switch o.format {
	case "ndjson", "csv":
	case "parquet":
		if isTerminal(a.stdout) {
			return usageError(cmd, "--format parquet cannot write to a terminal; redirect it: > rows.parquet")
		}
	default:
		return usageError(cmd, "--format %q is not ndjson, csv or parquet", o.format)
	}
	if a.json && o.format != "ndjson" {
		return usageError(cmd, "--json means --format ndjson; leave it out with --format %s", o.format)
	}
	if o.workers < 0 {
		return usageError(cmd, "--workers %d is negative; give a number from 1", o.workers)
	}
	if len(o.paths) == 0 {
		o.paths = []string{dump.Stdin}
	}
	return nil
}

func runFold(ctx context.Context, a *app, opts *foldOptions) error {
	zone, err := time.LoadLocation(opts.timezone)
	if err != nil {
		return err
	}
	c, err := a.loadConfig()
	if err != nil {
		return err
	}
	x, err := a.localExtraction(opts.paths)
	if err != nil {
		return err
	}
	x.Workers, x.MaxRejected = opts.workers, 1
	x.Silence, x.MaxSession = partition.Silence(c.Source.LookbackDays), int64(c.Source.MaxSessionSize)
	def := &report.Definition{Name: "fold", Zone: zone}

	stop := a.watch(x.Progress)
	outcome, _, err := inspect.Fold(ctx, x, def, func(rows iter.Seq2[[]report.Row, error]) error {
		stop()
		if err := writeRows(a.stdout, opts.format, def, rows); err != nil {
			return fmt.Errorf("write the rows: %w", err)
		}
		return nil
	})
	stop()
	if err != nil {
		return err
	}
	if opts.accounting != "" {
		b, err := json.Marshal(struct {
			event.Accounting
			Oversized int64 `json:"oversized_sessions,omitempty"`
		}{outcome.Accounting, outcome.Oversized.Sessions})
		if err != nil {
			return err
		}
		b = append(b, '\n')
		if opts.accounting == "-" {
			_, err = a.stderr.Write(b)
		} else {
			err = writeFile(ctx, opts.accounting, b)
		}
		if err != nil {
			return fmt.Errorf("write the accounting: %w", err)
		}
	}
	if n := outcome.Oversized.Sessions; n > 0 && !a.quiet {
		fmt.Fprintf(a.stderr, "%s more than source.max_session_size (%s), and no rows: %s\n", words.Count(n, "session has", "sessions have"), words.Bytes(x.MaxSession), idsText(&outcome.Oversized))
	}
	if n := outcome.Accounting.RejectedLines(); n > 0 && !a.quiet {
		fmt.Fprintf(a.stderr, "%s of %s lines were rejected: %s; for example, %s\n",
			words.Thousands(n), words.Thousands(outcome.Accounting.Lines), countsText(outcome.Accounting.Rejected), outcome.Worst)
	}
	return nil
}

// localExtraction reads the dumps in files and directories.
func (a *app) localExtraction(paths []string) (*extract.Extraction, error) {
	files, unknown, err := dump.Find(paths)
	if err != nil {
		return nil, fmt.Errorf("find the dumps: %w", err)
	}
	if !a.quiet {
		for _, name := range unknown {
			fmt.Fprintf(a.stderr, "%s is not read: %s\n", name, dump.WhyUnknown(name))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there are no dumps in %s; %s: name such files, or the directory that has them", strings.Join(paths, ", "), dump.TakenNames)
	}
	a.limitMemory(parallel.DefaultMemory)
	x := &extract.Extraction{Progress: new(extract.Progress), MemoryBudget: parallel.DefaultMemory / 2}
	for _, name := range files {
		size := int64(0)
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			size = info.Size()
		}
		x.Inputs = append(x.Inputs, extract.Input{Name: name, Size: size,
			Open: func(ctx context.Context) (*dump.Reader, error) { return dump.OpenFile(ctx, name, a.stdin) }})
		x.Progress.Bytes.Add(size)
	}
	x.Progress.Inputs.Store(int64(len(files)))
	return x, nil
}

func writeFile(ctx context.Context, name string, content []byte) error {
	f, err := userfile.Create(ctx, name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

func writeRows(w io.Writer, format string, def *report.Definition, rows iter.Seq2[[]report.Row, error]) error {
	switch format {
	case "csv":
		return inspect.WriteCSV(w, csv.Format{}, def, rows)
	case "parquet":
		file, err := parquet.NewWriter(w, parquet.Compatible)
		if err != nil {
			return err
		}
		for batch, err := range rows {
			if err != nil {
				return err
			}
			if err := file.Write(batch); err != nil {
				return err
			}
		}
		return file.Close(nil)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	var line []byte
	for batch, err := range rows {
		if err != nil {
			return err
		}
		for i := range batch {
			line = append(report.AppendJSON(line[:0], &batch[i]), '\n')
			if _, err := out.Write(line); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}

// idsText lists the oversized sessions that are named.
func idsText(o *event.Oversized) string {
	texts := make([]string, len(o.IDs))
	for i, id := range o.IDs {
		texts[i] = strconv.FormatInt(id, 10)
	}
	text := strings.Join(texts, ", ")
	if more := o.Sessions - int64(len(o.IDs)); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
