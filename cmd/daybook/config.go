package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"daybook/config"
	"daybook/pipeline/maintain"
	"daybook/sources/dump"
	"daybook/sources/store"
)

func newConfigCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check or show the configuration, or print its JSON schema",
		Example: `  daybook config check --online
  daybook config show`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigCheckCommand(a), newConfigShowCommand(a), newConfigSchemaCommand(a))
	return cmd
}

func newConfigCheckCommand(a *app) *cobra.Command {
	online := false
	cmd := &cobra.Command{
		Use:   "check [--online] [FILE]",
		Short: "Check a configuration file, and with --online its stores",
		Long: `Check a configuration file and report every problem, with its line and column.

With --online, also try the operations that a run needs. In the source: list and
read, and find an object whose key matches source.key and is named like a dump.
In the sink: write, read, list, write conditionally and delete, under scratch
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
	_, err := dump.ParseTemplate(c.Source.Key)
	errs := []error{err}
	for i := range c.Reports {
		_, err := newReport(&c.Reports[i])
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// probe tries both stores. A store that cannot be opened is a failed result.
func (a *app) probe(ctx context.Context, c *config.Config) ([]probed, error) {
	var results []probed
	for _, side := range []struct {
		name   string
		config config.Store
		create bool
		probe  func(store.Store) []maintain.ProbeResult
	}{
		{"source", c.Source.Store, false, func(st store.Store) []maintain.ProbeResult {
			return probeSource(ctx, st, dump.Template(c.Source.Key))
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
			if side.name == "source" && len(found) == 1 && r.Err == nil {
				result.Note = "the store is empty: it has no dumps yet, or source.store.url is wrong"
			}
			results = append(results, result)
		}
	}
	return results, nil
}

// probeSource tries the operations on a source. If it can be listed and holds
// anything, it also looks for a dump.
func probeSource(ctx context.Context, st store.Store, template dump.Template) []maintain.ProbeResult {
	results := maintain.ProbeSource(ctx, st)
	if isEmpty := len(results) == 1; isEmpty {
		return results
	}
	return append(results, maintain.ProbeResult{Operation: "find dumps", Err: findDump(ctx, st, template)})
}

// maxListed bounds the keys that a check lists: ten requests to S3.
const maxListed = 10_000

// findDump looks for an object whose key matches the template and is named like
// a dump. Its error shows keys that it found instead.
func findDump(ctx context.Context, l dump.Lister, template dump.Template) error {
	var others []string
	listed, unnamed := 0, ""
	for object, err := range l.List(ctx, template.Root()) {
		if err != nil {
			return err
		}
		if listed++; listed > maxListed {
			break
		}
		name := object.Key[strings.LastIndexByte(object.Key, '/')+1:]
		if name == "" || name[0] == '_' || name[0] == '.' { // a directory, or a control file
			continue
		}
		_, ofDay := template.Day(object.Key)
		switch isDump := dump.IsName(name); {
		case ofDay && isDump:
			return nil
		case ofDay && unnamed == "":
			unnamed = object.Key
		case isDump && len(others) < shownKeys:
			others = append(others, object.Key)
		}
	}
	if unnamed != "" {
		return fmt.Errorf("keys match source.key %q, such as %q, but none of the first %d is named like a dump: %s", template, unnamed, min(listed, maxListed), dump.Names)
	}
	return noMatch(ctx, l, template, others, listed)
}

// shownKeys is the number of keys that an error shows.
const shownKeys = 3

// noMatch is the error that no key matches the template. It shows real keys:
// those given, or else the first of the store.
func noMatch(ctx context.Context, l dump.Lister, template dump.Template, keys []string, listed int) error {
	if len(keys) == 0 {
		for object, err := range l.List(ctx, "") {
			if err != nil {
				return err
			}
			if keys = append(keys, object.Key); len(keys) == shownKeys {
				break
			}
		}
	}
	of := "no key matches"
	if listed > maxListed {
		of = fmt.Sprintf("none of the first %d keys matches", maxListed)
	}
	return fmt.Errorf("%s source.key %q; the store has keys such as %q; change source.key, or source.store.url", of, template, keys)
}

func (a *app) writeCheck(c *config.Config, results []probed) error {
	if a.json {
		return json.NewEncoder(a.stdout).Encode(struct {
			Reports int      `json:"reports"`
			Probes  []probed `json:"probes,omitempty"`
		}{len(c.Reports), results})
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
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
	return w.Flush()
}
