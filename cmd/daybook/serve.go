package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"daybook/config"
	"daybook/pipeline/deliver"
	"daybook/pipeline/maintain"
	"daybook/pipeline/schedule"
	"daybook/pipeline/service"
	"daybook/pipeline/service/metrics"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/settings"
	"daybook/sinks/webhook"
)

type serveOptions struct {
	listen       string
	replica      string
	logFormat    string
	allowActions bool
	tokenFile    string
	debug        bool

	token string // for actions
}

// The environment variable with the token for actions, and the token's least
// length in characters.
const (
	tokenVariable = "DAYBOOK_ACTIONS_TOKEN"
	minToken      = 16
)

func newServeCommand(a *app) *cobra.Command {
	var opts serveOptions
	cmd := &cobra.Command{
		Use:   "serve [--listen HOST:PORT]",
		Short: "Keep every report present and fresh, with a console",
		Long: `Compare the dumps with the published partitions every serve.interval. Publish each
day and month on its report's schedule, and restate partitions whose inputs
change. Serve the console and the metrics over HTTP, by default to this machine
only.

Any number of replicas may share a sink. The holder of the lease works; when it
dies, another takes over within two lease times. A failed step is tried again
with growing pauses, and set aside after serve.attempts.

SIGHUP reads the configuration again; a wrong one is refused, and the old one
stays. SIGTERM and SIGINT start no more steps and wait for running ones, for
serve.stop_timeout at most. A second signal stops at once.

  /            the console             /metrics   metrics for Prometheus
  /healthz     the process answers     /readyz    the service works, or why not

Exit codes:
  0    stopped, after all running steps were finished
  1    the start failed, or running steps had to be abandoned
  2    wrong arguments or configuration
  130  stopped at once, by the second signal`,
		Example: `  daybook serve
  daybook serve --listen :8080 --log-format json
  DAYBOOK_ACTIONS_TOKEN=… daybook serve --allow-actions`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.validate(cmd, a); err != nil {
				return err
			}
			return runServe(cmd.Context(), a, &opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.listen, "listen", "", "host and port of the console and the metrics (default: as configured)")
	flags.StringVar(&opts.replica, "replica", "", "name of this replica (default: the host's name and a random suffix)")
	flags.StringVar(&opts.logFormat, "log-format", "text", "text or json")
	flags.BoolVar(&opts.allowActions, "allow-actions", false, "run, rebuild, backfill and retry from the console, after a login with the token in "+tokenVariable+" or --token-file")
	flags.StringVar(&opts.tokenFile, "token-file", "", "file with the token for actions")
	flags.BoolVar(&opts.debug, "debug", false, "also serve /debug/pprof")
	return cmd
}

func (o *serveOptions) validate(cmd *cobra.Command, a *app) error {
	if a.json {
		return usageError(cmd, "serve writes no results, so --json has no effect; --log-format json writes the log as JSON")
	}
	if o.logFormat != "text" && o.logFormat != "json" {
		return usageError(cmd, "--log-format %q is not text or json", o.logFormat)
	}
	if o.listen != "" {
		if err := config.CheckListen(o.listen); err != nil {
			return usageError(cmd, "--listen: %s", err)
		}
	}
	if o.replica == "" {
		o.replica = hostName() + "-" + strings.ToLower(rand.Text()[:4])
	}
	if !o.allowActions {
		if o.tokenFile != "" {
			return usageError(cmd, "--token-file needs --allow-actions")
		}
		return nil
	}
	o.token, _ = a.env(tokenVariable)
	if o.tokenFile != "" {
		text, err := a.readFile(o.tokenFile)
		if err != nil {
			return usageError(cmd, "--token-file: %s", err)
		}
		o.token = strings.TrimSpace(string(text))
	}
	if len(o.token) < minToken {
		return usageError(cmd, "--allow-actions needs a token of %d characters or more in %s or --token-file; 'openssl rand -hex 16' makes one", minToken, tokenVariable)
	}
	return nil
}

// hostName is the name of this machine in run records and the lease.
func hostName() string {
	if host, err := os.Hostname(); err == nil {
		return host
	}
	return "daybook"
}

// logger writes to standard error; with --quiet only warnings and errors.
func (o *serveOptions) logger(a *app) *slog.Logger {
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	if a.quiet {
		options.Level = slog.LevelWarn
	}
	var handler slog.Handler = slog.NewTextHandler(a.stderr, options)
	if o.logFormat == "json" {
		handler = slog.NewJSONHandler(a.stderr, options)
	}
	return slog.New(handler).With("replica", o.replica)
}

// server is a running daybook serve.
type server struct {
	app      *app
	opts     *serveOptions
	log      *slog.Logger
	registry *prometheus.Registry
	service  *service.Service
	config   configuration
}

func runServe(ctx context.Context, a *app, opts *serveOptions) error {
	s := &server{app: a, opts: opts, log: opts.logger(a), registry: a.newRegistry()}
	a.log = s.log
	a.noNotice() // the log has the message
	a.pinConfig()
	c, err := s.load()
	if err != nil {
		return err
	}
	if opts.allowActions && s.config.policy() != nil {
		return codedError{errors.New("--allow-actions is for consoles without serve.access; with it, operators may act: remove the flag"), exitUsage}
	}
	if err := refuseUnconditional(ctx, s.log, c.Pipeline); err != nil {
		return err
	}
	if s.service, err = service.New(service.Options{Config: *c, Replica: opts.replica, Log: s.log, Registerer: s.registry}); err != nil {
		return err
	}
	listen := opts.listen
	if listen == "" {
		listen = c.Serve.Listen
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("listen for the console: %w; choose another address with --listen or serve.listen", err)
	}
	hosts := s.hosts(listener.Addr())
	pages := s.console(hosts)
	abort, stopSignals := s.watchSignals(ctx)
	defer stopSignals()
	stopHTTP := s.serveHTTP(listener, s.handler(hosts, pages))
	defer func() { stopHTTP(abort) }()
	go pages.Warm(ctx)
	s.log.Info("listening", "url", "http://"+listener.Addr().String()+s.config.get().Serve.BasePath+"/")
	return s.work(ctx, abort)
}

// errStoppedAtOnce ends the program at the second signal. It is safe to leave
// the running work where it is: another run finishes it.
var errStoppedAtOnce = codedError{errors.New("stopped at once; running work was left as it was, and the next run finishes it"), exitInterrupted}

// work runs the service until it has stopped, or until abort ends.
func (s *server) work(ctx, abort context.Context) error {
	done := make(chan error, 1)
	go func() { done <- s.service.Serve(ctx) }()
	select {
	case <-abort.Done():
		return errStoppedAtOnce
	case err := <-done:
		if errors.Is(err, replica.ErrAbandoned) {
			return codedError{err, exitFailed}
		}
		return err
	}
}

func (a *app) newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "daybook_build_info", Help: "Always 1; the label is daybook's version.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	registry.MustRegister(metrics.Requests{Source: a.sourceRequests, Sink: a.sinkRequests})
	registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// pinConfig names the default configuration file if it exists, so that its
// later absence is an error.
func (a *app) pinConfig() {
	if _, err := os.Stat(defaultConfigFile); a.configFile == "" && err == nil {
		a.configFile = defaultConfigFile
	}
}

// load reads the configuration and opens its stores.
func (s *server) load() (*replica.Config, error) {
	c, serviceConfig, err := s.app.configuredService()
	if err != nil {
		return nil, err
	}
	if err := s.config.set(c); err != nil {
		return nil, codedError{err, exitUsage}
	}
	return serviceConfig, nil
}

// configuredService returns the configuration and its service.
func (a *app) configuredService() (*config.Config, *replica.Config, error) {
	c, err := a.loadConfig()
	if err != nil {
		return nil, nil, err
	}
	served, err := a.serviceConfig(c)
	if err == nil {
		a.limitMemory(serviceMemory(c))
	}
	return c, served, err
}

// serviceMemory is the memory that a service may take, in bytes.
func serviceMemory(c *config.Config) int64 { return int64(c.MemoryBudget + c.Serve.ExploreMemory) }

// serviceConfig makes the service of a configuration. It changes nothing of the process.
func (a *app) serviceConfig(c *config.Config) (*replica.Config, error) {
	p, err := a.pipelineOf(c)
	if err != nil {
		return nil, err
	}
	sc := &replica.Config{Pipeline: p, Schedules: map[string]*schedule.Schedule{}, Serve: c.Serve}
	for i := range c.Reports {
		sc.Schedules[c.Reports[i].Name] = schedule.New(c.Reports[i].Schedule, p.Reports[i].Zone)
	}
	if sc.Hooks, err = hooksOf(c.Serve.Webhooks); err != nil {
		return nil, err
	}
	if hook, err := lineageHook(c); err != nil {
		return nil, err
	} else if hook != nil {
		sc.Lineage = producerOf(c, p)
		sc.Hooks = append(sc.Hooks, replica.NewLineageHook(hook, p.Sink))
	}
	deliveries, err := deliver.New(c)
	if err != nil {
		return nil, codedError{err, exitUsage}
	}
	for _, d := range deliveries {
		sc.Hooks = append(sc.Hooks, replica.NewHook(d, p))
	}
	return sc, nil
}

// hooksOf are the configured webhooks, named by host: the second one of a host
// has "#2" in its name.
func hooksOf(webhooks []config.Webhook) ([]replica.Hook, error) {
	var hooks []replica.Hook
	seen := map[string]int{}
	for i := range webhooks {
		hook, err := webhook.New(&webhooks[i], nil)
		if err != nil {
			return nil, codedError{err, exitUsage}
		}
		name := hook.Host()
		if seen[name]++; seen[name] > 1 {
			name += fmt.Sprintf(" #%d", seen[name])
		}
		hooks = append(hooks, replica.Hook{Name: name, Events: webhooks[i].Events, Deliver: hook.Deliver})
	}
	return hooks, nil
}

// probeTimeout bounds the trial of conditional writes at the start.
const probeTimeout = 30 * time.Second

// refuseUnconditional refuses a sink that ignores the conditions of writes, on
// which two replicas would overwrite each other's work. An unreachable sink is
// accepted: it may come back.
func refuseUnconditional(ctx context.Context, log *slog.Logger, r *settings.Pipeline) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	for _, p := range maintain.ProbeSink(ctx, r.Sink, strings.ToLower(rand.Text())) {
		switch {
		case errors.Is(p.Err, maintain.ErrUnconditional):
			return fmt.Errorf("%s: %w; choose a sink that honours conditional writes", r.Sink.URL(""), p.Err)
		case p.Err != nil:
			log.Warn("the trial of the sink failed", "operation", p.Operation, "error", p.Err)
		}
	}
	return nil
}

// watchSignals reads the configuration again on SIGHUP. abort ends at the second
// signal that stops the program; main ends its context at the first.
func (s *server) watchSignals(ctx context.Context) (abort context.Context, stop func()) {
	hangups, stops := make(chan os.Signal, 1), make(chan os.Signal, 2)
	signal.Notify(hangups, syscall.SIGHUP)
	signal.Notify(stops, os.Interrupt, syscall.SIGTERM)
	abort, end := context.WithCancel(context.WithoutCancel(ctx))
	over := make(chan struct{})
	go func() {
		for n := 0; ; {
			select {
			case <-hangups:
				s.reload()
			case <-stops:
				if n++; n == 2 {
					end()
				}
			case <-over:
				return
			}
		}
	}()
	return abort, func() {
		signal.Stop(hangups)
		signal.Stop(stops)
		close(over)
		end()
	}
}

// reload reads the configuration again. It keeps the old one if the new one has a problem
// or changes a setting that needs a restart.
func (s *server) reload() {
	if err := s.replaceConfig(); err != nil {
		s.service.ReloadRefused(err)
		s.log.Error("the new configuration is refused; the old one stays in force", "error", err)
		return
	}
	s.log.Info("the new configuration is in force")
}

// replaceConfig puts the configuration of the file into force. Everything that can fail
// comes first, so that a refused one is never in force, in no part and for no moment.
func (s *server) replaceConfig() error {
	next, err := s.app.loadConfig()
	if err != nil {
		return err
	}
	served, err := s.app.serviceConfig(next)
	if err != nil {
		return err
	}
	policy, err := policyOf(next)
	if err != nil {
		return err
	}
	for _, fixed := range s.fixedSettings(next) {
		if fixed.changed {
			return fmt.Errorf("%s: %w", fixed.what, service.ErrRestart)
		}
	}
	if err := s.service.Reload(*served); err != nil {
		return err
	}
	s.config.put(next, policy)
	s.app.limitMemory(serviceMemory(next))
	return nil
}

// fixedSetting is a setting that is read only at the start.
type fixedSetting struct {
	changed bool
	what    string // in words
}

// fixedSettings compares the settings in force that are read only at the start with those
// of another configuration.
func (s *server) fixedSettings(next *config.Config) []fixedSetting {
	was, is := &s.config.get().Serve, &next.Serve
	return []fixedSetting{
		{s.opts.listen == "" && is.Listen != was.Listen, "serve.listen has changed"},
		{!slices.Equal(is.Hosts, was.Hosts), "serve.hosts has changed"},
		{is.BasePath != was.BasePath, "serve.base_path has changed"},
		{(is.Access == nil) != (was.Access == nil), "serve.access is new or gone"},
	}
}
