// Package service keeps every report present and up to date for as long as it
// runs.
//
// # Jobs
//
// A replica has two jobs, which gocron calls every serve.interval. Each job
// starts from what is stored, so a missed call loses nothing.
//
//   - look runs on every replica. It makes a plan, asks the schedule what is due,
//     and keeps the result as the [State] that the console shows. The holder of
//     the lease also updates the alerts.
//   - work runs on the replica that holds the lease (package lease). It runs the
//     pipeline over everything and asks the last look about each step: is it
//     allowed now? Looks continue meanwhile.
//
// A published partition is restated as soon as its inputs change. A new one is
// published when its schedule says so (package schedule). A digest is made as
// soon as a look finds its dumps, if a published or due day needs it.
//
// # Failures
//
// A failed step is retried after a pause that doubles with each failure. After
// serve.attempts failures in a row it is set aside until its inputs change or a
// user retries it. A failed digest blocks the days that need it; no other
// failure blocks anything. The controller state, one object in the sink, holds
// the failures, the open alerts and the undelivered messages, so another replica
// can continue with them.
//
// # Safety
//
// The lease only avoids duplicate work. Published data is safe without it:
// manifests are committed by compare-and-swap. An action therefore runs on the
// replica that receives it, like a command on the command line, whichever
// replica holds the lease. A run may be interrupted at any point.
//
// # Parts
//
//	jobs             calls look and work at their ticks
//	evaluator        look: plan and schedule → evaluation → State
//	runner           work and actions: one run at a time, and its record
//	controllerStore  reads and changes the controller state
//	alerter          opens and closes alerts, reports restatements
//	notifier         delivers messages to the hooks
//	tracker          holds what this replica knows, for State and metrics
//	lifecycle        stops runs when the service stops
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"daybook/config"
	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/runs"
	"daybook/pipeline/schedule"
	"daybook/pipeline/settings"
	"daybook/sinks/lease"
	"daybook/sources/store"
)

// Options are the parameters of New.
type Options struct {
	Config
	Replica    string // name of this replica in logs, the lease and run records
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Config is the configuration that Reload can replace.
type Config struct {
	Pipeline  *settings.Pipeline
	Schedules map[string]*schedule.Schedule // by report
	Serve     config.Serve
	Hooks     []Hook
}

// activeConfig is the configuration in force. Reload replaces it; a run keeps the
// one that it started with.
type activeConfig struct{ atomic.Pointer[Config] }

func newActiveConfig(c *Config) *activeConfig {
	a := new(activeConfig)
	a.Store(c)
	return a
}

func (a *activeConfig) sink() store.Store { return a.Load().Pipeline.Sink }

// signal wakes a goroutine. Signals sent before it wakes up count as one.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

func (s signal) send() {
	select {
	case s <- struct{}{}:
	default: // one is pending already
	}
}

// Service is one replica. Its methods are safe for concurrent use.
type Service struct {
	log        *slog.Logger
	config     *activeConfig
	cache      *catalog.Cache
	metrics    *metrics
	lease      *lease.Lease
	life       *lifecycle
	tracker    *tracker
	controller *controllerStore
	notifier   *notifier
	evaluator  *evaluator
	runner     *runner
	jobs       *jobs

	lookNeeded signal        // a look should start before its next tick
	actions    chan struct{} // holds one element for each action that waits or runs
	reloading  sync.Mutex
}

// New makes a service. It does nothing until Serve is called.
func New(o Options) (*Service, error) {
	s := &Service{
		log: o.Log, config: newActiveConfig(&o.Config), cache: catalog.NewCache(), metrics: newMetrics(o.Registerer),
		life: newLifecycle(), lookNeeded: newSignal(), actions: make(chan struct{}, maxActions),
	}
	s.lease = lease.New(leaseStore{s.config}, lease.Options{Holder: o.Replica, TTL: time.Duration(o.Serve.Lease), Since: s.since, OnChange: s.leaseChanged})
	s.tracker = newTracker(s.lease, &o.Config)
	s.controller = newControllerStore(s.config)
	s.notifier = &notifier{log: o.Log, config: s.config, metrics: s.metrics, lease: s.lease, controller: s.controller, pending: newSignal()}
	alerts := &alerter{config: s.config, controller: s.controller, tracker: s.tracker, posted: s.notifier.pending}
	s.evaluator = &evaluator{
		log: o.Log, config: s.config, cache: s.cache, metrics: s.metrics, lease: s.lease, life: s.life,
		tracker: s.tracker, controller: s.controller, alerts: alerts, looking: make(chan struct{}, 1),
	}
	s.runner = &runner{
		replica: o.Replica, log: o.Log, config: s.config, cache: s.cache, metrics: s.metrics, life: s.life,
		tracker: s.tracker, controller: s.controller, alerts: alerts, evaluator: s.evaluator,
		lookNeeded: s.lookNeeded, slot: make(chan struct{}, 1),
	}
	var err error
	s.jobs, err = newJobs(o.Log, s.lease, s.metrics, time.Duration(o.Serve.Interval), s.lookNow, s.workNow)
	if err != nil {
		return nil, err
	}
	o.Registerer.MustRegister(&collector{s.tracker, s.jobs})
	return s, nil
}

// Serve does the work until ctx is done. It then starts nothing new and waits up
// to stop_timeout for the running steps. It returns ErrAbandoned if they took
// longer.
func (s *Service) Serve(ctx context.Context) error {
	leaseCtx, release := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { s.lease.Run(leaseCtx) })
	background.Go(func() { s.notifier.run(ctx) })
	s.jobs.scheduler.Start()
	serve := &s.config.Load().Serve
	s.log.Info("started", "interval", time.Duration(serve.Interval).String(), "lease", time.Duration(serve.Lease).String())
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-s.lookNeeded:
			s.jobs.runNow(lookName)
		}
	}
	timeout := time.Duration(s.config.Load().Serve.StopTimeout)
	s.log.Info("stopping", "timeout", timeout.String())
	err := s.life.stop(timeout)
	s.evaluator.wait()
	if shutdownErr := s.jobs.scheduler.Shutdown(); shutdownErr != nil {
		s.log.Warn("the scheduler did not stop", "error", shutdownErr)
	}
	release()
	background.Wait()
	s.log.Info("stopped")
	return err
}

// lookNow is the job look. It starts the job work if there are steps to run.
func (s *Service) lookNow() error {
	ev, err := s.evaluator.look()
	if err != nil || ev == nil {
		return err
	}
	if ev.queued > 0 && s.lease.State().Mine {
		s.jobs.runNow(workName)
	}
	return nil
}

// workNow is the job work. It runs the steps that the last look queued, if this
// replica holds the lease.
func (s *Service) workNow() error {
	ev := s.tracker.takeWork()
	if ev == nil {
		return nil
	}
	ctx, done, err := s.lease.Work(s.life.ctx)
	if err != nil {
		return nil // the lease was lost after the scheduler's check
	}
	defer done()
	return s.runner.run(ctx, &order{
		trigger: "schedule", config: ev.config, target: partition.Everything(),
		allow: func(step *plan.Step) bool { return s.tracker.newest(ev).allow(step) },
	})
}

// State is what the replica knows now. The value is immutable, and it is the
// same pointer until something changes.
func (s *Service) State() *State { return s.tracker.snapshot() }

// Runs returns up to n past runs of all replicas, newest first.
func (s *Service) Runs(ctx context.Context, n int) ([]Run, error) {
	return runs.List(ctx, s.config.sink(), n)
}

// Run returns one past run. The error is store.ErrNotFound if there is no run
// with this id.
func (s *Service) Run(ctx context.Context, id string) (*Run, error) {
	return runs.Read(ctx, s.config.sink(), id)
}

// Reader reads catalogs. It shares the service's cache of manifests.
func (s *Service) Reader() *catalog.Reader {
	return &catalog.Reader{Settings: s.Settings(), Cache: s.cache}
}

// Settings are the stores and reports of the configuration in force.
func (s *Service) Settings() *settings.Pipeline { return s.config.Load().Pipeline }

// ErrRestart refuses a configuration that changes a setting which is read only at
// the start.
var ErrRestart = errors.New("this needs a restart")

// Reload replaces the configuration. Running work keeps the old one. If a fixed
// setting differs, the error is ErrRestart and the old configuration stays.
func (s *Service) Reload(c Config) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	old := s.config.Load()
	switch {
	case c.Serve.Lease != old.Serve.Lease:
		return fmt.Errorf("serve.lease is another: %w", ErrRestart)
	case c.Pipeline.Sink.URL("") != old.Pipeline.Sink.URL(""):
		return fmt.Errorf("sink.store.url is another: %w", ErrRestart)
	}
	if c.Serve.Interval != old.Serve.Interval {
		if err := s.jobs.setInterval(time.Duration(c.Serve.Interval)); err != nil {
			return fmt.Errorf("change the interval: %w", err)
		}
	}
	s.config.Store(&c)
	s.metrics.reloaded(nil)
	s.lookNeeded.send()
	return nil
}

// ReloadRefused counts a configuration that was refused.
func (s *Service) ReloadRefused(err error) { s.metrics.reloaded(err) }
