package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"daybook/config"
	"daybook/pipeline/parallel"
	"daybook/pipeline/split"
	"daybook/pipeline/words"
	"daybook/sources/dump"
)

type splitOptions struct {
	to, source string
}

func newSplitCommand(a *app) *cobra.Command {
	var opts splitOptions
	cmd := &cobra.Command{
		Use:   "split FROM... --to URL [--source KEY]",
		Short: "Re-file an archive as dumps by the day of each event",
		Long: `Read an archive of events, and write each line byte for byte into a dump of the
UTC day of its event. Then daybook backfill builds the reports of those days.

FROM is a file, a directory, or an S3 URL: the object, or all objects whose keys
begin with it. Keys may have any shape, and one object may hold any days. Codecs,
forms and source.map are those of the dumps. FROM and --to are opened with the
settings of source.store. The dumps are zstd, and their keys follow source.key.

Interrupt it at any moment, repeat it, or share the objects among machines: each
dump is named by its content, so that no event is filed twice. Lines without a
readable time go to objects named _undated-…, which are no dumps.

Lines wait in temporary files of up to 8 GiB for each object that is read.

Exit codes:
  0    all lines are filed; lines without a readable time are counted
  1    failed; or some objects could not be read, and the others are filed
  2    wrong arguments or configuration
  130  interrupted; run the same command again to finish`,
		Example: `  daybook split s3://support-archive/export/ --to s3://support-events/raw
  daybook split all-events.ndjson.gz --to dumps`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(cmd, "FROM is missing; give a file, a directory or an S3 URL")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if opts.to == "" {
				return usageError(cmd, "--to is missing; give the directory or the S3 URL for the dumps, such as that of source.store")
			}
			for _, from := range args {
				if sameStore(from, opts.to) {
					return usageError(cmd, "%s is both the archive and --to; give the archive a place of its own", from)
				}
			}
			return runSplit(cmd, a, &opts, args)
		},
	}
	cmd.Flags().StringVar(&opts.to, "to", "", "where the dumps go: a directory or an S3 URL (required)")
	cmd.Flags().StringVar(&opts.source, "source", "", "of several sources, the key of the one whose map and names apply (default: the first)")
	return cmd
}

func sameStore(a, b string) bool { return strings.TrimRight(a, "/") == strings.TrimRight(b, "/") }

func runSplit(cmd *cobra.Command, a *app, opts *splitOptions, from []string) error {
	c, err := a.loadConfig()
	if err != nil {
		return err
	}
	sources, err := newSources(c)
	if err != nil {
		return codedError{err, exitUsage}
	}
	source, err := opts.choose(cmd, sources)
	if err != nil {
		return err
	}
	a.limitMemory(int64(c.MemoryBudget))
	to, err := a.openStore(storeAt(c, opts.to), true)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	var inputs []split.Input
	for _, from := range from {
		found, err := archive(ctx, a, c, source, from)
		if err != nil {
			return err
		}
		inputs = append(inputs, found...)
	}
	result, err := split.Run(ctx, inputs, &split.Options{To: to, Source: source, Budget: parallel.NewBudget(c.Workers, int64(c.MemoryBudget))})
	if err != nil {
		return err
	}
	return writeSplit(a, result, opts.to)
}

// choose is the source whose map and names apply.
func (o *splitOptions) choose(cmd *cobra.Command, all dump.Sources) (*dump.Source, error) {
	if o.source == "" {
		return all[0], nil
	}
	var keys []string
	for _, source := range all {
		if string(source.Template) == o.source {
			return source, nil
		}
		keys = append(keys, string(source.Template))
	}
	return nil, usageError(cmd, "--source %q is not the key of a source; there are %s", o.source, strings.Join(keys, ", "))
}

// storeAt are the settings of the source's store, at another URL.
func storeAt(c *config.Config, url string) *config.Store {
	settings := c.Source.Store
	settings.URL = url
	return &settings
}

// archive lists the objects that from names.
func archive(ctx context.Context, a *app, c *config.Config, source *dump.Source, from string) ([]split.Input, error) {
	root, prefix := from, ""
	if rest, isS3 := strings.CutPrefix(from, "s3://"); isS3 {
		bucket, key, _ := strings.Cut(rest, "/")
		root, prefix = "s3://"+bucket, key
	} else {
		path := strings.TrimPrefix(from, "file://")
		info, err := os.Stat(path)
		if err != nil {
			return nil, err // it names the operation and the path
		}
		if !info.IsDir() {
			root, prefix = filepath.Dir(path), filepath.Base(path)
		}
	}
	st, err := a.openStore(storeAt(c, root), false)
	if err != nil {
		return nil, err
	}
	var inputs []split.Input
	others := 0
	for object, err := range st.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		isFile := root != from && !strings.HasPrefix(from, "s3://")
		switch d, ok := source.InArchive(object); {
		case object.Key == prefix && object.Special == "": // it was named
			inputs = append(inputs, split.Input{Store: st, Dump: dump.Dump{Key: object.Key, ETag: object.ETag, Size: object.Size, Of: source}})
		case isFile, split.Made(object.Key):
		case ok:
			inputs = append(inputs, split.Input{Store: st, Dump: d})
		default:
			others++
		}
	}
	if len(inputs) == 0 {
		return nil, fmt.Errorf("%s has no object that may hold events: %s; to read an object under another name, give its whole URL", from, dump.TakenNames)
	}
	if others > 0 && !a.quiet {
		fmt.Fprintf(a.stderr, "%s: %s under other names left out: %s\n", from, words.Count(others, "object", "objects"), dump.TakenNames)
	}
	return inputs, nil
}

// mostAside is how many objects with lines aside are named.
const mostAside = 10

func writeSplit(a *app, r *split.Result, to string) error {
	var failed error
	if n := len(r.Failures); n > 0 {
		failed = errors.New(strings.Join(r.Failures, "\n") + fmt.Sprintf("\n%s not filed; mend them and run the same command again", words.Count(n, "object was", "objects were")))
	}
	if a.json {
		return errors.Join(json.NewEncoder(a.stdout).Encode(r), failed)
	}
	fmt.Fprintf(a.stdout, "%s of %s: %s filed, %s without a readable time, %s blank\n", words.Count(r.Lines, "line", "lines"), words.Count(r.Inputs, "object", "objects"),
		words.Thousands(r.Filed), words.Thousands(r.Undated), words.Thousands(r.Blank))
	if r.Days > 0 {
		fmt.Fprintf(a.stdout, "%s, %s to %s; %s, and %s that were there\n", words.Count(r.Days, "day", "days"), r.From, r.Until,
			words.Count(r.Written, "object written", "objects written"), words.Thousands(int64(r.Existed)))
	}
	for i, url := range r.Aside {
		if more := len(r.Aside) - i; i == mostAside && more > 1 {
			fmt.Fprintf(a.stdout, "lines without a readable time: in %d more objects, whose names begin with _undated-\n", more)
			break
		}
		fmt.Fprintf(a.stdout, "lines without a readable time: %s\n", url)
	}
	for _, url := range r.Foreign {
		fmt.Fprintf(a.stderr, "%s is not JSON, and was left out\n", url)
	}
	if r.Days > 0 && failed == nil {
		fmt.Fprintf(a.stdout, "Next, with source.store at %s: daybook backfill --from %s --to %s\n", to, r.From, r.Until)
	}
	return failed
}
