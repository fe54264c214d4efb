package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"daybook/config"
	"daybook/pipeline/catalog"
	"daybook/pipeline/deliver"
	"daybook/pipeline/maintain"
	"daybook/pipeline/words"
	"daybook/sources/dump"
	"daybook/sources/store"
)

func newConfigCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Write, check, try or show the configuration, or print its JSON schema",
		Example: `  daybook config init --from s3://acme-dumps/support
  daybook config check --online
  daybook config try events.json.gz`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigInitCommand(a), newConfigCheckCommand(a), newConfigTryCommand(a), newConfigShowCommand(a), newConfigSchemaCommand(a))
	return cmd
}

func newConfigCheckCommand(a *app) *cobra.Command {
	online := false
	cmd := &cobra.Command{
		Use:   "check [--online] [FILE]",
		Short: "Check a configuration file, and with --online its stores",
		Long: `Check a configuration file and report every problem, with its line and column.

With --online, also try the operations that a run needs. In the source: list and
read; say how many objects match source.key, and how one of them is read; and say
which other objects look like dumps. In the sink: write, read, list, write conditionally and delete, under scratch
keys that begin with _daybook-probe-, which are removed afterwards.

Exit codes:
  0    the configuration is right, and with --online the stores work
  1    an operation on a store failed
  2    wrong arguments or configuration
  130  interrupted`,
		Example: `  daybook config check
  daybook config check --online daybook.yml`,
		Args: atMostOneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.loadNamedConfig(args)
			if err != nil {
				return err
			}
			return runConfigCheck(cmd.Context(), a, c, online)
		},
	}
	cmd.Flags().BoolVar(&online, "online", false, "also try operations on the stores")
	return cmd
}

func newConfigShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show [FILE]",
		Short: "Print the effective configuration, with defaults, expanded variables and redacted secrets",
		Example: `  daybook config show
  daybook config show --json daybook.yml`,
		Args: atMostOneArg,
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := a.loadNamedConfig(args)
			if err != nil {
				return err
			}
			text := c.Redacted()
			if a.json {
				if text, err = yaml.YAMLToJSON(text); err != nil {
					return err
				}
			}
			_, err = a.stdout.Write(text)
			return err
		},
	}
}

func newConfigSchemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the configuration's JSON schema, for editors",
		Long: `Print the configuration's JSON schema. With it, editors complete and check a file
that begins with

  # yaml-language-server: $schema=daybook.schema.json`,
		Example: `  daybook config schema > daybook.schema.json`,
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.stdout.Write(config.Schema())
			return err
		},
	}
}

// loadNamedConfig reads the configuration file of the argument, or without one
// that of the options.
func (a *app) loadNamedConfig(args []string) (*config.Config, error) {
	named := *a
	if len(args) > 0 {
		named.configFile = args[0]
	}
	return named.loadConfig()
}

// probeAttempts is the number of attempts at a request, low because somebody
// waits for the answer.
const probeAttempts = 2

// probed is a result of config check --online.
type probed struct {
	Store     string `json:"store"` // source or sink
	URL       string `json:"url"`
	Operation string `json:"operation"`
	OK        bool   `json:"ok"`
	Error     string `json:"error,omitempty"`
	Note      string `json:"note,omitempty"`
}

func runConfigCheck(ctx context.Context, a *app, c *config.Config, online bool) error {
	if err := checkWiring(c); err != nil {
		return codedError{err, exitUsage}
	}
	var results []probed
	if online {
		var err error
		if results, err = a.probe(ctx, c); err != nil {
			return err
		}
	}
	if err := a.writeCheck(c, results); err != nil {
		return err
	}
	failed := 0
	for _, r := range results {
		if !r.OK {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d operations on the stores failed", failed, len(results))
	}
	return nil
}

// checkWiring checks the rules of the configured packages, which config cannot
// import.
func checkWiring(c *config.Config) error {
	_, err := newSources(c)
	errs := []error{err}
	for i := range c.Reports {
		_, err := newReport(&c.Reports[i])
		errs = append(errs, err)
	}
	_, err = deliver.New(c)
	return errors.Join(append(errs, err)...)
}

// probe tries both stores. A store that cannot be opened is a failed result.
func (a *app) probe(ctx context.Context, c *config.Config) ([]probed, error) {
	dumps, err := newSources(c)
	if err != nil {
		return nil, err
	}
	isOutput := func(string) bool { return false }
	if sink, err := a.openStore(&c.Sink.Store, true); err == nil {
		if source, err := a.openStore(&c.Source.Store, false); err == nil {
			isOutput = dump.Under(source.URL(""), sink.URL(""))
		}
	}
	var results []probed
	for _, side := range []struct {
		name   string
		config config.Store
		create bool
		probe  func(store.Store) []maintain.ProbeResult
	}{
		{"source", c.Source.Store, false, func(st store.Store) []maintain.ProbeResult {
			return probeSource(ctx, st, dumps, isOutput)
		}},
		{"sink", c.Sink.Store, true, func(st store.Store) []maintain.ProbeResult {
			return maintain.ProbeSink(ctx, st, rand.Text())
		}},
	} {
		side.config.MaxAttempts = min(side.config.MaxAttempts, probeAttempts)
		var found []maintain.ProbeResult
		st, err := a.openStore(&side.config, side.create)
		if err != nil {
			found = []maintain.ProbeResult{{Operation: "open", Err: err}}
		} else {
			found = side.probe(st)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for _, r := range found {
			result := probed{Store: side.name, URL: side.config.URL, Operation: r.Operation, OK: r.Err == nil}
			if r.Err != nil {
				result.Error = r.Err.Error()
			}
			result.Note = r.Note
			if side.name == "source" && len(found) == 1 && r.Err == nil {
				result.Note = "the store is empty: it has no dumps yet, or source.store.url is wrong"
			}
			results = append(results, result)
		}
	}
	return results, nil
}

// probeSource tries the operations on a source. If it can be listed and holds
// anything, it also looks for dumps.
func probeSource(ctx context.Context, st store.Store, dumps dump.Sources, ignore func(string) bool) []maintain.ProbeResult {
	results := maintain.ProbeSource(ctx, st)
	if isEmpty := len(results) == 1; isEmpty {
		return results
	}
	return append(results, findDumps(ctx, st, dumps, ignore)...)
}

// findDumps lists the whole source. For each kind of dumps it says how many there
// are, and how the first one is read. It also tells which objects are read for no
// day.
func findDumps(ctx context.Context, st store.Store, dumps dump.Sources, ignore func(string) bool) []maintain.ProbeResult {
	all, err := dump.ListAll(ctx, st, dumps, true, ignore)
	if err != nil {
		return []maintain.ProbeResult{{Operation: "find dumps", Err: err}}
	}
	var results []maintain.ProbeResult
	for i, match := range all.Matches {
		result := maintain.ProbeResult{Operation: "find dumps"}
		if match.Dumps == 0 {
			result.Err = noMatch(all, dumps[i].Template)
		} else {
			result.Note = fmt.Sprintf("%s %s, such as %s", words.Count(match.Dumps, "object matches", "objects match"), strconv.Quote(string(dumps[i].Template)), match.First.Key)
			var how string
			how, result.Err = howRead(ctx, st, match.First)
			result.Note += how
		}
		results = append(results, result)
	}
	if all.Unread.Objects > 0 {
		results = append(results, maintain.ProbeResult{Operation: "find other dumps", Note: all.Unread.String()})
	}
	return results
}

// howRead says how a dump is read, by its first bytes.
func howRead(ctx context.Context, st store.Store, d dump.Dump) (string, error) {
	reader, err := dump.Open(ctx, st, d)
	if errors.Is(err, dump.ErrForeign) {
		return ", which is not read: its content is not JSON", nil
	}
	if err != nil {
		return "", err
	}
	defer reader.Close()
	return fmt.Sprintf(" (%s, %s)", reader.Codec(), reader.Form()), nil
}

// noMatch is the error that no key matches a template. It shows real keys.
func noMatch(all *dump.All, template dump.Template) error {
	text := fmt.Sprintf("no dump matches source.key %q", template)
	if all.Unread.Objects > 0 {
		return fmt.Errorf("%s; %s", text, all.Unread)
	}
	for _, listing := range all.Days {
		if len(listing.Unknown) > 0 {
			return fmt.Errorf("%s; keys such as %q match it, but %s", text, listing.Unknown[0], catalog.WhyUnread(listing.Unknown[0]))
		}
	}
	return fmt.Errorf("%s, and no object of the store looks like a dump: %s; change source.names, or source.store.url", text, dump.TakenNames)
}

func (a *app) writeCheck(c *config.Config, results []probed) error {
	if a.json {
		return json.NewEncoder(a.stdout).Encode(struct {
			Reports int      `json:"reports"`
			Probes  []probed `json:"probes,omitempty"`
		}{len(c.Reports), results})
	}
	return writeTable(a.stdout, func(w io.Writer) {
		fmt.Fprintf(w, "the configuration is good\n")
		for _, r := range results {
			outcome := "works"
			switch {
			case !r.OK:
				outcome = r.Error
			case r.Note != "":
				outcome += "; " + r.Note
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Store, r.URL, r.Operation, outcome)
		}
	})
}
