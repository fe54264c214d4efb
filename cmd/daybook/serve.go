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
	"daybook/pipeline/maintain"
	"daybook/pipeline/schedule"
	"daybook/pipeline/service"
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

// The environment variable that holds the token for actions, and how short it
// may be: nobody types it, and everybody may try.
const (
	tokenVariable = "DAYBOOK_ACTIONS_TOKEN"
	minToken      = 16
)

func newServeCommand(a *app) *cobra.Command {
	var opts serveOptions
	cmd := &cobra.Command{
		Use:   "serve [--listen HOST:PORT]",
		Short: "Keep every report present and fresh, and show it",
		Long: `Look at the dumps and at what is published every serve.interval; publish each day
and month as its report's schedule says, and restate what is published as soon
as its inputs change. Console and metrics are served over HTTP, to this machine
only unless serve.listen says otherwise.

Any number of replicas may run on one sink: the one that holds the lease works,
and another takes over within two lease times when it dies. What fails is tried
again with growing pauses, and set aside after serve.attempts.

SIGHUP reads the configuration again; a bad one is refused, and the old one stays.
SIGTERM and SIGINT begin nothing any more, and wait for what is running, for
serve.stop_timeout at most; a second one stops at once.

  /            the console            /metrics   for Prometheus
  /healthz     the process lives      /readyz    it does what it should, or why not

Exit codes:
  0    stopped, and nothing was left half done
  1    it could not start, or what was running had to be abandoned
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
	flags.BoolVar(&opts.allowActions, "allow-actions", false, "let who has the token of "+tokenVariable+" or --token-file run, rebuild, backfill and retry from the console")
	flags.StringVar(&opts.tokenFile, "token-file", "", "file that holds the token for actions")
	flags.BoolVar(&opts.debug, "debug", false, "serve /debug/pprof, too")
	return cmd
}

func (o *serveOptions) validate(cmd *cobra.Command, a *app) error {
	if a.json {
		return usageError(cmd, "there are no results to write as JSON; --log-format json is that of the log")
	}
	if o.logFormat != "text" && o.logFormat != "json" {
		return usageError(cmd, "--log-format %q: it is text or json", o.logFormat)
	}
	if o.listen != "" {
		if err := config.CheckListen(o.listen); err != nil {
			return usageError(cmd, "--listen: %s", err)
		}
	}
	if o.replica == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "daybook"
		}
		o.replica = host + "-" + strings.ToLower(rand.Text()[:4])
	}
	if !o.allowActions {
		if o.tokenFile != "" {
			return usageError(cmd, "--token-file goes with --allow-actions")
		}
		return nil
	}
	o.token, _ = a.env(tokenVariable)
	if o.tokenFile != "" {
		text, err := os.ReadFile(o.tokenFile)
		if err != nil {
			return usageError(cmd, "--token-file: %s", err)
		}
		o.token = strings.TrimSpace(string(text))
	}
	if len(o.token) < minToken {
		return usageError(cmd, "--allow-actions needs a token of %d characters or more in %s or --token-file, such as that of 'openssl rand -hex 16'", minToken, tokenVariable)
	}
	return nil
}

// logger writes to standard error; with --quiet only what people should know.
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

// server is `daybook serve` under way.
type server struct {
	app      *app
	opts     *serveOptions
	log      *slog.Logger
	registry *prometheus.Registry
	service  *service.Service
	config   configuration
}

func runServe(ctx context.Context, a *app, opts *serveOptions) error {
	s := &server{app: a, opts: opts, log: opts.logger(a), registry: newRegistry()}
	a.log = s.log
	a.noNotice() // the log says it
	a.pinConfig()
	c, err := s.load()
	if err != nil {
		return err
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
		return fmt.Errorf("listen for the console: %w; choose another address by --listen or serve.listen", err)
	}
	pages := s.console(listener.Addr())
	abort, stopSignals := s.watchSignals(ctx)
	defer stopSignals()
	stopHTTP := s.serveHTTP(listener, pages)
	defer func() { stopHTTP(abort) }()
	go pages.Warm(ctx)
	s.log.Info("listening", "url", "http://"+listener.Addr().String()+"/")
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
		if errors.Is(err, service.ErrAbandoned) {
			return codedError{err, exitFailed}
		}
		return err
	}
}

func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "daybook_build_info", Help: "1, with the version of daybook.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// pinConfig makes a configuration file that is there by chance the one that is
// read again: its absence then is an error.
func (a *app) pinConfig() {
	if _, err := os.Stat(defaultConfigFile); a.configFile == "" && err == nil {
		a.configFile = defaultConfigFile
	}
}

// load reads the configuration, and opens what it names.
func (s *server) load() (*service.Config, error) {
	c, err := s.app.loadConfig()
	if err != nil {
		return nil, err
	}
	serviceConfig, err := s.app.serviceConfig(c)
	if err != nil {
		return nil, err
	}
	s.config.set(c)
	return serviceConfig, nil
}

func (a *app) serviceConfig(c *config.Config) (*service.Config, error) {
	p, err := a.pipelineOf(c)
	if err != nil {
		return nil, err
	}
	sc := &service.Config{Pipeline: p, Schedules: map[string]*schedule.Schedule{}, Serve: c.Serve}
	for i := range c.Reports {
		sc.Schedules[c.Reports[i].Name] = schedule.New(c.Reports[i].Schedule, p.Reports[i].Zone)
	}
	sc.Hooks, err = hooksOf(c.Serve.Webhooks)
	return sc, err
}

// hooksOf are the configured webhooks. Each is known by its host; of those on
// the same one, by its number, too.
func hooksOf(webhooks []config.Webhook) ([]service.Hook, error) {
	var hooks []service.Hook
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
		hooks = append(hooks, service.Hook{Name: name, Events: webhooks[i].Events, Deliver: hook.Deliver})
	}
	return hooks, nil
}

// probeTimeout bounds the attempt at start to find out whether the sink honours
// conditions.
const probeTimeout = 30 * time.Second

// refuseUnconditional refuses a sink that ignores the conditions of conditional
// writes: two replicas would overwrite each other's work. A sink that cannot be
// reached now may be later.
func refuseUnconditional(ctx context.Context, log *slog.Logger, r *settings.Pipeline) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	for _, p := range maintain.ProbeSink(ctx, r.Sink, strings.ToLower(rand.Text())) {
		switch {
		case errors.Is(p.Err, maintain.ErrUnconditional):
			return fmt.Errorf("%s: %w; daybook serve needs a sink that honours them", r.Sink.URL(""), p.Err)
		case p.Err != nil:
			log.Warn("the sink could not be tried", "operation", p.Operation, "error", p.Err)
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
				s.reload(ctx)
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

// reload reads the configuration again. If anything is wrong with it, the old
// one goes on.
func (s *server) reload(ctx context.Context) {
	old := s.config.get()
	c, err := s.load()
	if err == nil && s.opts.listen == "" && s.config.get().Serve.Listen != old.Serve.Listen {
		err = fmt.Errorf("serve.listen is another: %w", service.ErrRestart)
	}
	if err == nil && !slices.Equal(s.config.get().Serve.Hosts, old.Serve.Hosts) {
		err = fmt.Errorf("serve.hosts are others: %w", service.ErrRestart)
	}
	if err == nil {
		err = s.service.Reload(*c)
	}
	if err != nil {
		s.config.set(old)
		s.service.ReloadRefused(err)
		s.log.Error("the configuration is refused; the old one goes on", "error", err)
		return
	}
	s.log.Info("the configuration was read again")
}
