package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"daybook/config/userfile"
	"daybook/sources/store"
)

// The exit codes. Every command's help documents them.
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
  1    failed; what was published before is unchanged
  2    wrong arguments or configuration
  130  interrupted`

// app holds the process's inputs and outputs, and the options of the root
// command, for all commands.
type app struct {
	stdin          io.Reader
	readFile       func(path string) ([]byte, error) // of a file or pipe that the user names
	stdout, stderr io.Writer
	env            func(string) (string, bool)

	log      *slog.Logger // of daybook serve; nil: notes go to stderr
	noNotice func()       // cancels the message that the program is stopping, or waits until it is written

	sourceRequests, sinkRequests *store.Requests // of all stores that are opened

	configFile string
	quiet      bool
	json       bool
}

// run is the program without the process around it. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) (string, bool)) int {
	output := &results{out: stdout}
	a := &app{
		stdin: userfile.Reader(ctx, stdin), readFile: func(path string) ([]byte, error) { return userfile.ReadFile(ctx, path) },
		stdout: output, stderr: stderr, env: env, sourceRequests: new(store.Requests), sinkRequests: new(store.Requests),
	}
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		fmt.Fprintln(stderr, "daybook: stopping; running work is finished or discarded (repeat to stop at once)")
	})
	a.noNotice = sync.OnceFunc(func() {
		if !stop() {
			<-told // a short command could end before the message is written
		}
	})
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(output)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	a.noNotice()
	if err == nil && output.err != nil {
		err = fmt.Errorf("write the results: %w", output.err)
	}
	if err == nil {
		return exitDone
	}
	err = withExitCode(ctx, err)
	fmt.Fprintf(stderr, "daybook: %s\n", withRemedy(err))
	return exitCode(err)
}

// results is standard output. It keeps the first error of a write, since a command, or
// the library that prints the help, may ignore it.
type results struct {
	out io.Writer
	err error
}

func (r *results) Write(b []byte) (int, error) {
	n, err := r.out.Write(b)
	if r.err == nil {
		r.err = err
	}
	return n, err
}

// withRemedy adds what to do to an error of the operating system about a file. Errors
// of stores say it themselves.
func withRemedy(err error) string {
	text := err.Error()
	var file *fs.PathError
	if !errors.As(err, &file) || errors.As(err, new(*store.Error)) {
		return text
	}
	for _, of := range []struct {
		cause  error
		remedy string
	}{
		{fs.ErrNotExist, "check the path, which is relative to the working directory"},
		{fs.ErrPermission, "check the owner and the mode of the file and its directories"},
		{syscall.EISDIR, "give a file in place of the directory"},
		{syscall.ENOTDIR, "a part of the path is a file; correct the path"},
		{syscall.ENOSPC, "free space, then run again"},
	} {
		if errors.Is(err, of.cause) {
			return text + "; " + of.remedy
		}
	}
	return text
}

// codedError is an error with an exit code of its own.
type codedError struct {
	error
	code int
}

func (e codedError) Unwrap() error { return e.error }

// usageError is an error in the arguments. It names the command with the help.
func usageError(cmd *cobra.Command, format string, args ...any) error {
	return codedError{fmt.Errorf(format+"\nSee '%s --help'.", append(args, cmd.CommandPath())...), exitUsage}
}

// withExitCode gives an error of a command its exit code, if it has none.
func withExitCode(ctx context.Context, err error) error {
	coded := codedError{code: exitUsage}
	isCoded := errors.As(err, &coded)
	switch {
	case ctx.Err() != nil && coded.code == exitUsage: // such as of a file that could not be read any more
		return codedError{errors.New("interrupted; what was published before is unchanged"), exitInterrupted}
	case isCoded:
		return err
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
		Long: `daybook reads raw support-session event dumps from object storage (S3, MinIO, or
a local directory), folds them into session reports, and publishes partitioned
Parquet files and CSV summaries.

Start with 'daybook demo': it builds reports from generated dumps.`,
		Example: `  daybook demo
  daybook plan
  daybook run --date 2026-11-20`,
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
		Args: cobra.ArbitraryArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := noEmptyFlags(cmd); err != nil {
				return err
			}
			return a.resolveDays(cmd)
		},
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&a.configFile, "config", "c", "", "configuration file (default: daybook.yml, if it exists)")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "write results and errors only: no progress, no notes")
	flags.BoolVar(&a.json, "json", false, "write results as JSON")
	root.Flags().BoolVar(&showVersion, "version", false, "the same as 'daybook version'")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newCommands(a)...)
	root.SetHelpCommand(newHelpCommand())
	documentExitCodes(root)
	a.complete(root)
	onceEach(root)
	return root
}

// newCommands returns the commands below the root.
func newCommands(a *app) []*cobra.Command {
	return []*cobra.Command{
		newPlanCommand(a),
		newRunCommand(a),
		newBackfillCommand(a),
		newSplitCommand(a),
		newServeCommand(a),
		newShowCommand(a),
		newDiffCommand(a),
		newChangesCommand(a),
		newDeliverCommand(a),
		newSQLCommand(a),
		newSchemaCommand(a),
		newRejectsCommand(a),
		newAuditCommand(a),
		newGCCommand(a),
		newWorkerCommand(a),
		newSparkCommand(a),
		newFoldCommand(a),
		newExplainCommand(a),
		newGenerateCommand(a),
		newDemoCommand(a),
		newConfigCommand(a),
		newCompletionCommand(a),
		newManCommand(a),
		newVersionCommand(a),
	}
}

func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show the help of a command",
		Long:    "Show the help of a command, like 'daybook COMMAND --help'.\n" + exitCodesHelp,
		Example: "  daybook help run",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usageError(cmd, "there is no command %q", strings.Join(args, " "))
			}
			about.InitDefaultHelpFlag() // cobra adds the flag only to the command that runs
			return about.Help()
		},
	}
}

// noEmptyFlags refuses flags with an empty value. Most come from an unset shell
// variable, and without the flag a command may do far more.
func noEmptyFlags(cmd *cobra.Command) error {
	var empty []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.String() == "" {
			empty = append(empty, "--"+f.Name)
		}
	})
	if len(empty) > 0 {
		return usageError(cmd, "%s: the value is empty; give a value, or leave the flag out (is a shell variable unset?)", strings.Join(empty, ", "))
	}
	return nil
}

// argumentAgo finds a day such as -7d that was given as an argument, by the error about the
// unknown flag that it looks like, and a flag of the command that takes it.
func argumentAgo(cmd *cobra.Command, err error) (day, flag string) {
	_, day, _ = strings.Cut(err.Error(), " in ")
	if _, relative := daysAgo(day); !relative {
		return "", ""
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) { // in order of their names
		if isDayFlag(f) && flag == "" {
			flag = f.Name
		}
	})
	return day, flag
}

// flagError is an error in the flags.
func flagError(cmd *cobra.Command, err error) error {
	if errors.Is(err, errTwice) {
		return usageError(cmd, "%s", err)
	}
	if day, flag := argumentAgo(cmd, err); flag != "" {
		return usageError(cmd, "%s reads as a flag; write --%s %[1]s", day, flag)
	}
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return usageError(cmd, "%s", err)
	}
	name, value := invalid.GetFlag().Name, invalid.GetValue()
	switch invalid.GetFlag().Value.Type() {
	case "int", "int64":
		return usageError(cmd, "--%s %q is not a whole number", name, value)
	case "uint64":
		return usageError(cmd, "--%s %q is not a whole number of 0 or more", name, value)
	case "bool":
		return usageError(cmd, "--%s %q is not true or false", name, value)
	}
	return usageError(cmd, "--%s: %s", name, errors.Unwrap(invalid))
}

// unknownCommand is the error for an unknown command, with a suggestion.
func unknownCommand(cmd *cobra.Command, name string) error {
	meant := ""
	cmd.SuggestionsMinimumDistance = 2 // wrong letters at most
	if similar := cmd.SuggestionsFor(name); len(similar) > 0 {
		meant = "; did you mean " + strings.Join(similar, " or ") + "?"
	}
	return usageError(cmd, "unknown command %q%s", name, meant)
}

// noArgs is for commands with flags or subcommands only.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 && cmd.HasSubCommands() {
		return unknownCommand(cmd, args[0])
	}
	return noMoreArgs(cmd, args, 0)
}

func atMostTwoArgs(cmd *cobra.Command, args []string) error { return noMoreArgs(cmd, args, 2) }

func atMostOneArg(cmd *cobra.Command, args []string) error { return noMoreArgs(cmd, args, 1) }

// exactArgs is for commands with exactly the named arguments.
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

// documentExitCodes adds the exit codes to the help of each command without its
// own list.
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

// defaultConfigFile is read without --config, if it exists.
const defaultConfigFile = "daybook.yml"
