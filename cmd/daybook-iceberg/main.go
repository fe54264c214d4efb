// Command daybook-iceberg keeps an Apache Iceberg table of each report, from the
// manifests that daybook publishes.
//
// It is a program and a module of its own, because the Iceberg library is large
// and brings a newer version of Arrow. It reads daybook's configuration and
// writes to the catalog and to the tables' metadata only.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"daybook/config"
)

// The exit codes, which are those of daybook.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	// The first signal asks the work to stop. The second one then ends the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.LookupEnv))
}

// run is the program without the process around it. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, env func(string) (string, bool)) int {
	root := &cobra.Command{
		Use:           "daybook-iceberg",
		Short:         "Keep Apache Iceberg tables of daybook's reports",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(newSyncCommand(stdout, stderr, env))
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitDone
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "daybook-iceberg: interrupted; the next sync does the rest")
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "daybook-iceberg: %s\n", err)
	if errors.As(err, new(failed)) {
		return exitFailed
	}
	return exitUsage
}

// failed is an error of a sync, not of its arguments.
type failed struct{ error }

func (f failed) Unwrap() error { return f.error }

func newSyncCommand(stdout, stderr io.Writer, env func(string) (string, bool)) *cobra.Command {
	var configFile string
	var once bool
	var every time.Duration
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Make the tables hold what is published, and keep them so",
		Long: `Compare each report's published days with its Iceberg table, and commit what
differs as one snapshot. The section iceberg of the configuration says where the
catalog is.

Exit codes:
  0    done
  1    failed; the tables hold an earlier state, and the next sync does the rest
  2    wrong arguments or configuration
  130  interrupted`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < time.Second {
				return fmt.Errorf("--every is %s; the least is 1s", every)
			}
			c, err := config.LoadFile(configFile, env)
			if err != nil {
				return err
			}
			s, err := openSyncer(cmd.Context(), c)
			if err != nil {
				return err
			}
			defer s.close()
			if once {
				return s.look(cmd.Context(), func(c change) { fmt.Fprintln(stdout, c) })
			}
			s.follow(cmd.Context(), every, stdout, stderr)
			return nil
		},
	}
	cmd.Flags().StringVarP(&configFile, "config", "c", "daybook.yml", "configuration file of daybook")
	cmd.Flags().BoolVar(&once, "once", false, "sync once, and end")
	cmd.Flags().DurationVar(&every, "every", time.Minute, "pause between two syncs")
	return cmd
}

// look syncs the table of each report once, and tells what has changed. The error
// joins those of all reports.
func (s *syncer) look(ctx context.Context, tell func(change)) error {
	var errs []error
	for _, report := range s.reports {
		c, err := s.sync(ctx, report)
		if err != nil {
			errs = append(errs, failed{fmt.Errorf("report %s: %w", report, err)})
		} else {
			tell(c)
		}
	}
	return errors.Join(errs...)
}

// follow looks again and again until its context ends. It tells the first state of
// each table, and then changes and errors.
func (s *syncer) follow(ctx context.Context, every time.Duration, out, errOut io.Writer) {
	told := map[string]bool{}
	for {
		err := s.look(ctx, func(c change) {
			if !told[c.table] || !c.empty() {
				fmt.Fprintln(out, c)
			}
			told[c.table] = true
		})
		if err != nil && ctx.Err() == nil {
			fmt.Fprintf(errOut, "daybook-iceberg: %s\nThe next sync tries again.\n", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}
