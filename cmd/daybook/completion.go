package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"daybook/config"
	"daybook/pipeline/inspect"
	"daybook/pipeline/warehouse"
	"daybook/transform/day"
	"daybook/transform/event"
)

func newCompletionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Write the completion script of a shell",
		Long: `Write the script with which a shell completes commands, flags, reports, published
days and months, and the values of flags. Reports, days and months are those of
the configuration that the command line names. The script of bash needs the
package bash-completion.`,
		Example: `  daybook completion bash > ~/.local/share/bash-completion/completions/daybook
  daybook completion zsh > ~/.zfunc/_daybook # a directory in fpath
  daybook completion fish > ~/.config/fish/completions/daybook.fish
  daybook completion powershell >> $PROFILE`,
		Args:      exactArgs("the name of the shell"),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.stdout)
			}
			return usageError(cmd, "unknown shell %q; there are bash, zsh, fish and powershell", args[0])
		},
	}
}

// completer returns what may follow on a command line after the arguments.
type completer func(cmd *cobra.Command, args []string) []string

// complete tells the shell how to complete arguments and flags.
func (a *app) complete(root *cobra.Command) {
	reports := func(*cobra.Command, []string) []string { return a.reportNames() }
	reportArgs := a.inOrder(reports, a.periodsOf)
	args := map[string]completer{
		"daybook run":          reportArgs,
		"daybook plan":         reportArgs,
		"daybook show":         a.inOrder(func(*cobra.Command, []string) []string { return append(a.reportNames(), digestName) }, a.periodsOf),
		"daybook diff":         reportArgs,
		"daybook backfill":     a.inOrder(reports),
		"daybook rejects show": a.inOrder(a.daysOf),
		"daybook rejects list": a.inOrder(a.periodsOf),
		"daybook sql":          a.inOrder(values(engineNames()...), values("ddl", "load", "view", "merge")),
	}
	flags := map[string]completer{
		"report": reports, "month": a.monthsOf,
		"reason": values(reasonNames()...),
		"every":  values("day", "week", "month"),
		"kind":   values(config.KindEvents, config.KindReport),
		"only":   values("missing", "stale", "failed", "all"),
		"codec":  values("none", "gzip", "zstd"),
		"wide":   values("auto", "always", "never"),
		"stage":  values("digest", "day", "month"),

		"log-format": values("text", "json"),
	}
	formats := map[string]completer{
		"daybook fold":   values("ndjson", "csv", "parquet"),
		"daybook schema": values(schemaFormats...),
	}
	var all func(cmd *cobra.Command)
	all = func(cmd *cobra.Command) {
		if next, ok := args[cmd.CommandPath()]; ok {
			cmd.ValidArgsFunction = next.shell()
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			next, ok := flags[f.Name]
			if isDayFlag(f) {
				next, ok = a.daysOf, true
			}
			if ok {
				_ = cmd.RegisterFlagCompletionFunc(f.Name, next.shell()) // fails only for unknown and repeated flags
			}
		})
		if next, ok := formats[cmd.CommandPath()]; ok {
			_ = cmd.RegisterFlagCompletionFunc("format", next.shell())
		}
		for _, sub := range cmd.Commands() {
			all(sub)
		}
	}
	all(root)
}

// shell is a completer in the form that cobra calls. The order is kept.
func (c completer) shell() cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return c(cmd, args), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// inOrder completes each argument in its own way.
func (a *app) inOrder(each ...completer) completer {
	return func(cmd *cobra.Command, args []string) []string {
		if len(args) >= len(each) {
			return nil
		}
		return each[len(args)](cmd, args)
	}
}

func values(all ...string) completer {
	return func(*cobra.Command, []string) []string { return all }
}

func engineNames() (names []string) {
	for i := range warehouse.Engines {
		names = append(names, warehouse.Engines[i].Name)
	}
	return names
}

func reasonNames() (names []string) {
	for _, reason := range event.Reasons() {
		names = append(names, reason.String())
	}
	return names
}

// reportNames are the configured reports.
func (a *app) reportNames() (names []string) {
	c, err := a.loadConfig()
	if err != nil {
		return nil // the command itself will say it
	}
	for i := range c.Reports {
		names = append(names, c.Reports[i].Name)
	}
	return names
}

// periodsOf are relative days and the published days and months, newest first: those of
// the report that an argument or flag names, or else of all.
func (a *app) periodsOf(cmd *cobra.Command, args []string) []string {
	periods := []string{"yesterday", "today"}
	reports := a.reportNames()
	named, _ := cmd.Flags().GetStringArray("report")
	for _, name := range append(named, args...) {
		if slices.Contains(reports, name) {
			reports = []string{name}
		}
	}
	var published []string
	for _, report := range reports {
		published = append(published, a.publishedPeriods(cmd.Context(), report)...)
	}
	slices.Sort(published)
	slices.Reverse(published)
	return append(periods, slices.Compact(published)...)
}

// daysOf are the days of periodsOf, and monthsOf the months.
func (a *app) daysOf(cmd *cobra.Command, args []string) []string {
	return slices.DeleteFunc(a.periodsOf(cmd, args), isMonth)
}

func (a *app) monthsOf(cmd *cobra.Command, args []string) []string {
	return slices.DeleteFunc(a.periodsOf(cmd, args), func(period string) bool { return !isMonth(period) })
}

// isMonth says whether a text is a month.
func isMonth(text string) bool {
	_, err := day.ParseMonth(text)
	return err == nil
}

// publishedPeriods lists the days and months of a report. A shell does not wait longer
// for a store that answers slowly.
func (a *app) publishedPeriods(ctx context.Context, report string) (names []string) {
	const patience = 2 * time.Second
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a.quiet = true // notes would stand among the words
	p, err := a.newPipeline()
	if err != nil {
		return nil
	}
	listing, err := (&inspect.Inspector{Settings: p}).List(ctx, report)
	if err != nil {
		return nil
	}
	for _, d := range listing.Days {
		names = append(names, d.String())
	}
	for _, m := range listing.Months {
		names = append(names, m.Name())
	}
	return names
}
