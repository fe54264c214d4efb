package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"daybook/config"
	"daybook/pipeline/words"
	"daybook/sinks/tempfile"
	"daybook/sources/dump"
	"daybook/sources/generate"
	"daybook/sources/store"
	"daybook/transform/day"
)

type generateOptions struct {
	out, endpoint    string
	from, codec, key string
	kind             string
	generate.Options
}

func newGenerateCommand(a *app) *cobra.Command {
	var opts generateOptions
	cmd := &cobra.Command{
		Use:   "generate --out DIR|s3://BUCKET/PREFIX",
		Short: "Write plausible event dumps of any size",
		Long: `Write event dumps like those of a support organisation, for trials, benchmarks and
tests: about 33 lines a session, of 220 bytes each. They hold events of every
type, and the faults of real dumps: late and repeated events, lines out of order,
and one wrong line in two thousand. The counts at the end are of all days together: a
run counts an event that is repeated on another day as an event of both dump days.

The same options give the same bytes. Existing dumps of the same days are
replaced. The credentials of a bucket come from the environment.`,
		Example: `  daybook generate --out dumps --days 31
  daybook generate --out s3://raw/events --endpoint http://localhost:9000 --sessions-per-day 80000 --codec zstd`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.validate(cmd); err != nil {
				return err
			}
			return runGenerate(cmd.Context(), a, &opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.out, "out", "", "directory, or bucket and prefix, to write to (required)")
	flags.StringVar(&opts.endpoint, "endpoint", "", "S3 endpoint (default: Amazon's)")
	flags.StringVar(&opts.kind, "kind", config.KindEvents, "events, or report: daily exports of the report of the same sessions")
	dayFlag(cmd, &opts.from, "from", "2026-11-02", "the first dump day")
	flags.IntVar(&opts.Days, "days", 7, "number of dump days")
	flags.IntVar(&opts.SessionsPerDay, "sessions-per-day", 1000, "number of sessions that begin on a working day; weekends have fewer")
	flags.Uint64Var(&opts.Seed, "seed", 1, "seed of the sessions")
	flags.StringVar(&opts.codec, "codec", "gzip", "none, gzip or zstd")
	flags.StringVar(&opts.key, "key", "{yyyy}/{mm}/{dd}/", "what the keys of a day's dumps begin with")
	flags.IntVar(&opts.Workers, "workers", 0, "number of days to write at the same time (default: one a core)")
	return cmd
}

func (o *generateOptions) validate(cmd *cobra.Command) (err error) {
	if o.out == "" {
		return usageError(cmd, "--out is missing; give a directory, or s3://BUCKET/PREFIX")
	}
	if o.From, err = day.ParseEventDate(o.from); err != nil {
		return usageError(cmd, "--from: %s", err)
	}
	if o.Template, err = dump.ParseTemplate(o.key); err != nil {
		return usageError(cmd, "--key: %s", err)
	}
	if o.kind != config.KindEvents && o.kind != config.KindReport {
		return usageError(cmd, "--kind %q is not events or report", o.kind)
	}
	codecs := map[string]dump.Codec{"none": dump.Plain, "gzip": dump.Gzip, "zstd": dump.Zstd}
	codec, known := codecs[o.codec]
	if !known {
		return usageError(cmd, "--codec %q is not none, gzip or zstd", o.codec)
	}
	o.Codec = codec
	if o.Workers < 0 {
		return usageError(cmd, "--workers %d is negative; give a number from 1", o.Workers)
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if err := o.Options.Validate(); err != nil {
		return usageError(cmd, "%s", err)
	}
	return nil
}

func runGenerate(ctx context.Context, a *app, opts *generateOptions) error {
	s, err := store.OpenURL(opts.out, store.Options{
		S3:     store.S3Options{Endpoint: opts.endpoint, Version: version},
		Create: true,
	})
	if err != nil {
		return codedError{fmt.Errorf("--out: %w", err), exitUsage} // no request was sent yet
	}
	write := generate.Write
	if opts.kind == config.KindReport {
		write = generate.WriteReports
	}
	stats, err := write(ctx, opts.Options, spooled(s))
	if err != nil {
		return err
	}
	if a.json {
		return json.NewEncoder(a.stdout).Encode(stats)
	}
	_, err = fmt.Fprintf(a.stdout, "%s objects in %s: %s lines = %s events + %s duplicates + %s rejected + %s blank; %s of text\n",
		words.Thousands(stats.Objects), s.URL(""), words.Thousands(stats.Lines), words.Thousands(stats.Events),
		words.Thousands(stats.Duplicates), words.Thousands(stats.Rejected), words.Thousands(stats.Blank), words.Bytes(stats.Bytes))
	return err
}

// spooled puts objects into s from a temporary file, because a store needs the
// size first, and reads again when it retries.
func spooled(s store.Store) generate.Put {
	return func(ctx context.Context, key string, write func(io.Writer) error) (err error) {
		spool, err := tempfile.New(os.TempDir())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, spool.Close()) }()
		if err := write(spool); err != nil {
			return err
		}
		size, err := spool.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		_, err = s.Put(ctx, key, spool, size, store.Condition{})
		return err
	}
}
