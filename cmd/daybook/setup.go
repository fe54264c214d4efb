package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"daybook/config"
	"daybook/pipeline/format"
	"daybook/pipeline/parallel"
	"daybook/pipeline/settings"
	"daybook/sinks/csv"
	"daybook/sinks/loads"
	"daybook/sinks/parquet"
	"daybook/sources/store"
	"daybook/transform/report"
)

// loadConfig reads the configuration file of --config, or the default one if it
// exists, or returns the defaults.
func (a *app) loadConfig() (*config.Config, error) { return a.readConfig(a.readFile) }

// readConfig reads the files with secrets by readSecret.
func (a *app) readConfig(readSecret func(string) ([]byte, error)) (*config.Config, error) {
	name := a.configFile
	if name == "" {
		if _, err := os.Stat(defaultConfigFile); errors.Is(err, fs.ErrNotExist) {
			return config.Default(), nil
		}
		name = defaultConfigFile
	}
	data, err := a.readFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, codedError{fmt.Errorf("there is no configuration file %s; correct the path, or begin with the defaults: daybook config show > %[1]s", name), exitUsage}
	}
	if err != nil {
		return nil, codedError{fmt.Errorf("read the configuration: %w", err), exitUsage}
	}
	c, err := config.Load(name, data, a.env, readSecret, checkDumps)
	if err != nil {
		return nil, codedError{err, exitUsage}
	}
	return c, nil
}

// clock is the clock of all pipelines; nil: time.Now. Tests replace it.
var clock func() time.Time

// newPipeline returns the pipeline as configured.
func (a *app) newPipeline() (*settings.Pipeline, error) {
	_, p, err := a.configured()
	return p, err
}

// configured returns the configuration and its pipeline.
func (a *app) configured() (*config.Config, *settings.Pipeline, error) {
	c, err := a.loadConfig()
	if err != nil {
		return nil, nil, err
	}
	p, err := a.pipelineOf(c)
	if err == nil {
		a.limitMemory(int64(c.MemoryBudget))
	}
	return c, p, err
}

// pipelineOf makes the pipeline of a configuration. It changes nothing of the process.
func (a *app) pipelineOf(c *config.Config) (*settings.Pipeline, error) {
	dumps, err := newSources(c)
	if err != nil {
		return nil, codedError{err, exitUsage}
	}
	source, err := a.openStore(&c.Source.Store, false)
	if err != nil {
		return nil, err
	}
	sink, err := a.openStore(&c.Sink.Store, true)
	if err != nil {
		return nil, err
	}
	profile, err := parquet.ParseProfile(c.Sink.Parquet)
	if err != nil {
		return nil, codedError{err, exitUsage}
	}
	p := &settings.Pipeline{
		Format: format.Parquet{Profile: profile},
		Source: source, Dumps: dumps, Lookback: c.Source.LookbackDays, MaxRejected: float64(c.Source.MaxRejected),
		Sink: sink, SinkAt: sinkAt(&c.Sink.Store, sink.URL("")), RemoveAfter: time.Duration(c.Sink.RemoveAfter), Clock: clock,
		Budget:         parallel.NewBudget(c.Workers, int64(c.MemoryBudget)),
		MaxSessionSize: int64(c.Source.MaxSessionSize), StepTimeout: time.Duration(c.StepTimeout),
	}
	for _, format := range c.Sink.LoaderManifests {
		p.Loads = append(p.Loads, loads.Format(format))
	}
	for i := range c.Reports {
		rep, err := newReport(&c.Reports[i])
		if err != nil {
			return nil, codedError{err, exitUsage}
		}
		p.Reports = append(p.Reports, rep)
	}
	return p, nil
}

// limitMemory sets the garbage collector's limit to the budget and a quarter
// more, for memory that the budget does not count, such as buffers and stacks. A
// GOMEMLIMIT in the environment takes precedence.
func (a *app) limitMemory(budget int64) {
	if _, set := a.env("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(budget + budget/4)
	}
}

// useMemory collects garbage less often during work with a budget, which saves a
// twelfth of the time. A GOGC in the environment takes precedence.
func (a *app) useMemory() {
	const percent = 200 // of the live heap; Go's default is 100
	if _, set := a.env("GOGC"); !set {
		debug.SetGCPercent(percent)
	}
}

// openStore opens a store. With create, the first write makes a missing
// directory. Without it, a missing directory is an error, so that a misspelt
// source does not look like an empty one.
func (a *app) openStore(c *config.Store, create bool) (store.Store, error) {
	options := store.Configured(c)
	options.S3.Version, options.S3.ReadFile, options.Create = version, a.readFile, create
	options.S3.Requests = a.sourceRequests
	if create {
		options.S3.Requests = a.sinkRequests
	}
	options.Retry.Notify = func(err error, attempt int, wait time.Duration) {
		switch {
		case a.log != nil:
			a.log.Warn("a request failed and is tried again", "attempt", attempt, "wait", wait.Round(time.Millisecond).String(), "error", err)
		case !a.quiet:
			fmt.Fprintf(a.stderr, "attempt %d failed, trying again in %s: %s\n", attempt, wait.Round(time.Millisecond), err)
		}
	}
	return store.OpenURL(c.URL, options)
}

// newReport turns a report's configuration into its definition.
func newReport(c *config.Report) (settings.Report, error) {
	zone, err := time.LoadLocation(c.Timezone)
	if err != nil {
		return settings.Report{}, fmt.Errorf("report %s: %w", c.Name, err)
	}
	language, ok := report.ParseLanguage(c.Language)
	if !ok {
		return settings.Report{}, fmt.Errorf("report %s: unknown language %q", c.Name, c.Language)
	}
	def := report.Definition{
		Name: c.Name, Zone: zone, Language: language,
		Unit:   report.Unit{Technicians: c.Unit.Technicians, Groups: c.Unit.Groups, Channels: c.Unit.Channels},
		Labels: report.Labels{Name: c.Labels.Name},
	}
	copy(def.Labels.CustomFields[:], c.Labels.CustomFields)
	if h := c.DailyHours; h != nil {
		def.Hours = &report.Hours{From: time.Duration(h.From), To: time.Duration(h.To)}
	}
	return settings.Report{
		Definition: def, Hash: c.Hash(), Text: c.Text(), SessionsCSV: c.SessionsCSV, XLSX: c.XLSX,
		CSV: csvFormat(&c.CSV, language), PickUp: time.Duration(c.Targets.PickUp), Tools: toolNames(c.Tools),
	}, def.Validate()
}

// toolNames are the names of tools by their codes. Each is configured as code=name.
func toolNames(configured []string) map[string]string {
	names := map[string]string{}
	for _, text := range configured {
		code, name, _ := strings.Cut(text, "=")
		names[code] = name
	}
	return names
}

// csvFormat is the format of a report's CSV files. Dutch spreadsheets read decimal
// numbers with a comma.
func csvFormat(c *config.CSV, language report.Language) csv.Format {
	return csv.Format{
		Delimiter: rune(c.Delimiter), BOM: c.BOM, DecimalComma: language == report.Dutch,
		Durations: csv.Durations(c.Durations), Times: csv.Times(c.Times),
	}
}
