package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The exit codes, as every command's help documents them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2   // wrong arguments, or a wrong configuration
	exitRejects     = 3   // more rejected lines than max_rejected allows
	exitInterrupted = 130 // SIGINT or SIGTERM
)

const exitCodesHelp = `
Exit codes:
  0    done
  1    failed; what was published before is as it was
  2    wrong arguments or configuration
  130  interrupted`

// app is what every command shares: the process's edges, and the options of
// the root command.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) (string, bool)

	log      *slog.Logger // of a service; nil: notes go to stderr
	noNotice func()       // keeps people from being told that the program is stopping, or waits until they are

	configFile string
	quiet      bool
	json       bool
}

// run is the program: main without the process around it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) (string, bool)) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: env}
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		fmt.Fprintln(stderr, "daybook: stopping; what is under way is finished or left as it was (again to stop at once)")
	})
	a.noNotice = sync.OnceFunc(func() {
		if !stop() {
			<-told // begun: a short command could end before it is written
		}
	})
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	a.noNotice()
	if err == nil {
		return exitDone
	}
	err = withExitCode(ctx, err)
	fmt.Fprintf(stderr, "daybook: %s\n", err)
	return exitCode(err)
}

// A codedError ends the program with a certain exit code.
type codedError struct {
	error
	code int
}

func (e codedError) Unwrap() error { return e.error }

// usageError says that the arguments are wrong; it points at the help.
func usageError(cmd *cobra.Command, format string, args ...any) error {
	return codedError{fmt.Errorf(format+"\nSee '%s --help'.", append(args, cmd.CommandPath())...), exitUsage}
}

// withExitCode gives an error of a command its exit code, if it has none.
func withExitCode(ctx context.Context, err error) error {
	switch {
	case errors.As(err, new(codedError)):
		return err
	case ctx.Err() != nil:
		return codedError{errors.New("interrupted; what was published before is unchanged"), exitInterrupted}
	}
	return codedError{err, exitFailed}
}

func exitCode(err error) int {
	var coded codedError
	errors.As(err, &coded)
	return coded.code
}

func newRootCommand(a *app) *cobra.Command {
	showVersion := false
	root := &cobra.Command{
		Use:   "daybook",
		Short: "Session reports from raw event dumps: Parquet for warehouses, CSV for people",
		Long: `daybook extracts raw support-session event dumps from object storage (S3, MinIO,
or a local directory), folds them into session reports, and loads partitioned
Parquet files and CSV summaries back.

Start with 'daybook demo', which shows the whole way on generated data.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0:
				return unknownCommand(cmd, args[0])
			case showVersion:
				return a.writeVersion()
			}
			return cmd.Help()
		},
		Args:              cobra.ArbitraryArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return noEmptyFlags(cmd) },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	flags := root.PersistentFlags()
	flags.StringVarP(&a.configFile, "config", "c", "", "configuration file (default: daybook.yml, if there is one)")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no notes, only results and errors")
	flags.BoolVar(&a.json, "json", false, "write results as JSON, for machines")
	root.Flags().BoolVar(&showVersion, "version", false, "the same as 'daybook version'")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		newPlanCommand(a),
		newRunCommand(a),
		newBackfillCommand(a),
		newServeCommand(a),
		newShowCommand(a),
		newDiffCommand(a),
		newRejectsCommand(a),
		newGCCommand(a),
		newFoldCommand(a),
		newExplainCommand(a),
		newGenerateCommand(a),
		newDemoCommand(a),
		newConfigCommand(a),
		newVersionCommand(a),
	)
	root.SetHelpCommand(newHelpCommand())
	documentExitCodes(root)
	return root
}

func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Say what a command does, and how it is used",
		Long:  "Say what a command does, and how it is used: the same as 'daybook COMMAND --help'.\n" + exitCodesHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usageError(cmd, "there is no command %q", strings.Join(args, " "))
			}
			about.InitDefaultHelpFlag() // which it gets where it is run
			return about.Help()
		},
	}
}

// noEmptyFlags refuses flags with an empty value: it is mostly that of a
// variable that nobody has set, and not meant as no flag at all, which may
// select far more.
func noEmptyFlags(cmd *cobra.Command) error {
	var empty []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.String() == "" {
			empty = append(empty, "--"+f.Name)
		}
	})
	if len(empty) > 0 {
		return usageError(cmd, "%s: the value is empty; is a variable not set?", strings.Join(empty, ", "))
	}
	return nil
}

// flagError says what is wrong with flags.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return usageError(cmd, "%s", err)
	}
	name, value := invalid.GetFlag().Name, invalid.GetValue()
	switch invalid.GetFlag().Value.Type() {
	case "int", "int64":
		return usageError(cmd, "--%s %q: it is a whole number", name, value)
	case "uint64":
		return usageError(cmd, "--%s %q: it is a whole number from 0", name, value)
	case "bool":
		return usageError(cmd, "--%s %q: it is true or false", name, value)
	}
	return usageError(cmd, "--%s: %s", name, errors.Unwrap(invalid))
}

// unknownCommand says so, and which one may be meant.
func unknownCommand(cmd *cobra.Command, name string) error {
	meant := ""
	cmd.SuggestionsMinimumDistance = 2 // letters that may be wrong
	if similar := cmd.SuggestionsFor(name); len(similar) > 0 {
		meant = "; did you mean " + strings.Join(similar, " or ") + "?"
	}
	return usageError(cmd, "unknown command %q%s", name, meant)
}

// noArgs is for commands that take flags alone, or commands of their own.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 && cmd.HasSubCommands() {
		return unknownCommand(cmd, args[0])
	}
	return noMoreArgs(cmd, args, 0)
}

func atMostOneArg(cmd *cobra.Command, args []string) error { return noMoreArgs(cmd, args, 1) }

// exactArgs is for commands that take just the arguments that are named.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch missing := names[min(len(args), len(names)):]; len(missing) {
		case 0:
			return noMoreArgs(cmd, args, len(names))
		case 1:
			return usageError(cmd, "%s is missing", missing[0])
		default:
			return usageError(cmd, "%s are missing", strings.Join(missing, " and "))
		}
	}
}

func noMoreArgs(cmd *cobra.Command, args []string, most int) error {
	if len(args) > most {
		return usageError(cmd, "%q is one argument too many", args[most])
	}
	return nil
}

// documentExitCodes adds the exit codes to the help of each command that has
// none of its own.
func documentExitCodes(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		if !strings.Contains(c.Long, "Exit codes:") {
			if c.Long == "" {
				c.Long = c.Short + "."
			}
			c.Long += "\n" + exitCodesHelp
		}
		documentExitCodes(c)
	}
}

// defaultConfigFile is read, if it exists, where no configuration is named.
const defaultConfigFile = "daybook.yml"
