// Package service keeps every report present and up to date for as long as it
// runs.
//
// # Jobs
//
// A replica has three jobs, which gocron calls: look and work every serve.interval,
// remove every hour or more often. Each job starts from what is stored, so a missed
// call loses nothing.
//
//   - look runs on every replica. It makes a plan, asks the schedule what is due,
//     and keeps the result as the snapshot that the console shows. The holder of
//     the lease also updates the alerts.
//   - work runs on the replica that holds the lease (package lease). It runs the
//     pipeline over everything and asks the last look about each step: is it
//     allowed now? Looks continue meanwhile.
//   - remove runs on the replica that holds the lease. It removes the parts of
//     superseded revisions that have stayed for sink.remove_after.
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
//	states      what is shown: partitions, their states, the verdict on a report
//	controller  the stored state: retry states, open alerts, the outbox
//	evaluation  plan, schedules and retry states → states, and the steps to run
//	alerts      opens and closes alerts, delivers events to the hooks
//	courier     brings events of lineage to the outbox
//	tracker     what this replica knows: the last look, the run under way
//	runner      runs, one at a time, and their records
//	actions     parses what a user asks for
//	metrics     counters and gauges for Prometheus
//	replica     what the parts share: configuration, lease, lifecycle
//
// This package connects the parts. It calls the jobs at their ticks, does the looks,
// accepts actions, and says whether the replica is healthy.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"daybook/pipeline/catalog"
	"daybook/pipeline/maintain"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/runs"
	"daybook/pipeline/service/alerts"
	"daybook/pipeline/service/metrics"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/runner"
	"daybook/pipeline/service/states"
	"daybook/pipeline/service/tracker"
	"daybook/pipeline/settings"
)

// Options are the parameters of New.
type Options struct {
	replica.Config
	Replica    string // name of this replica in logs, the lease and run records
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Service is one replica. Its methods are safe for concurrent use.
type Service struct {
	replica *replica.Replica
	tracker *tracker.Tracker
	alerts  *alerts.Alerter
	looker  *looker
	runner  *runner.Runner
	jobs    *jobs

	actions   chan struct{} // holds one element for each action that waits or runs
	reloading sync.Mutex
}

// New makes a service. It does nothing until Serve is called.
func New(o Options) (*Service, error) {
	r := replica.New(o.Replica, o.Log, o.Registerer, &o.Config)
	known := tracker.New(r)
	s := &Service{replica: r, tracker: known, alerts: alerts.New(r, known), actions: make(chan struct{}, maxActions)}
	s.looker = newLooker(r, known, s.alerts)
	s.runner = runner.New(r, known, s.alerts, func() error {
		_, err := s.looker.look()
		return err
	})
	var err error
	s.jobs, err = newJobs(r, s.lookNow, s.workNow, s.removeNow)
	if err != nil {
		return nil, err
	}
	o.Registerer.MustRegister(metrics.Collector(s.reading))
	return s, nil
}

// reading is what the gauges show.
func (s *Service) reading() metrics.Reading {
	r := metrics.Reading{Snapshot: s.tracker.Snapshot(), NextRuns: s.jobs.nextRuns()}
	if ev := s.tracker.Last(); ev != nil {
		r.Looked, r.Queued, r.Lag = ev.Now, ev.Queued, ev.Lag
	}
	return r
}

// Serve does the work until ctx is done. It then starts nothing new and waits up
// to stop_timeout for the running steps. It returns replica.ErrAbandoned if they
// took longer.
func (s *Service) Serve(ctx context.Context) error {
	leaseCtx, release := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { s.replica.Lease.Run(leaseCtx) })
	background.Go(func() { s.alerts.Deliver(ctx) })
	background.Go(func() { s.replica.Lineage.Keep(ctx, s.lineagePosted) })
	s.jobs.scheduler.Start()
	serve := &s.replica.Config.Load().Serve
	s.replica.Log.Info("started", "interval", time.Duration(serve.Interval).String(), "lease", time.Duration(serve.Lease).String())
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-s.replica.LookNeeded:
			s.jobs.runNow(lookName)
		}
	}
	timeout := time.Duration(s.replica.Config.Load().Serve.StopTimeout)
	s.replica.Log.Info("stopping", "timeout", timeout.String())
	err := s.replica.Life.Stop(timeout)
	s.looker.wait()
	if shutdownErr := s.jobs.scheduler.Shutdown(); shutdownErr != nil {
		s.replica.Log.Warn("the scheduler did not stop", "error", shutdownErr)
	}
	release()
	background.Wait()
	s.replica.Log.Info("stopped")
	return err
}

// lineagePosted has events of lineage delivered that are in the outbox now.
func (s *Service) lineagePosted(err error) {
	if err != nil {
		s.replica.Log.Warn("events of lineage could not be stored for delivery; the next attempt follows", "error", err)
	}
	if n := s.replica.Lineage.Dropped(); n > 0 {
		s.replica.Log.Warn("events of lineage were dropped, as too many wait for their delivery", "events", n)
	}
	s.alerts.Posted()
}

// lookNow is the job look. It starts the job work if there are steps to run.
func (s *Service) lookNow() error {
	ev, err := s.looker.look()
	if err != nil || ev == nil {
		return err
	}
	if ev.Queued > 0 && s.replica.Lease.State().Mine {
		s.jobs.runNow(workName)
	}
	return nil
}

// workNow is the job work. It runs the steps that the last look queued, if this
// replica holds the lease.
func (s *Service) workNow() error {
	ev := s.tracker.TakeWork()
	if ev == nil {
		return nil
	}
	ctx, done, err := s.replica.Lease.Work(s.replica.Life.Context())
	if err != nil {
		return nil // the lease was lost after the scheduler's check
	}
	defer done()
	return s.runner.Run(ctx, &runner.Order{
		Trigger: "schedule", Pipeline: ev.Config.Pipeline, Target: partition.Everything(),
		Allow: func(step *plan.Step) bool { return s.tracker.Newest(ev).Allow(step) },
	})
}

// removeNow is the job remove. It removes the superseded parts of reports that have
// stayed for long enough, if this replica holds the lease. After an error, the next
// call removes the rest.
func (s *Service) removeNow() error {
	ctx, done, err := s.replica.Lease.Work(s.replica.Life.Context())
	if err != nil {
		return nil // the lease was lost after the scheduler's check
	}
	defer done()
	removed, err := maintain.RemoveSuperseded(ctx, s.Settings(), nil)
	if removed.Objects > 0 {
		s.replica.Log.Info("superseded files removed", "files", removed.Objects, "bytes", removed.Bytes)
	}
	for _, skipped := range removed.Skipped {
		s.replica.Log.Warn("superseded files are left, because the manifest cannot be read", "directory", skipped.Dir, "error", skipped.Reason)
	}
	if err != nil && ctx.Err() == nil {
		s.replica.Log.Error("superseded files could not be removed; the next attempt follows", "after", removeInterval(s.replica.Config.Load()).String(), "error", err)
	}
	return err
}

// Snapshot is what the replica knows now. The value is immutable, and it is the
// same pointer until something changes.
func (s *Service) Snapshot() *states.Snapshot { return s.tracker.Snapshot() }

// Runs returns up to n past runs of all replicas, newest first.
func (s *Service) Runs(ctx context.Context, n int) ([]runs.Record, error) {
	return runs.List(ctx, s.replica.Config.Sink(), n)
}

// Run returns one past run. The error is store.ErrNotFound if there is no run
// with this id.
func (s *Service) Run(ctx context.Context, id string) (*runs.Record, error) {
	return runs.Read(ctx, s.replica.Config.Sink(), id)
}

// Reader reads catalogs. It shares the service's cache of manifests.
func (s *Service) Reader() *catalog.Reader {
	return &catalog.Reader{Settings: s.Settings(), Cache: s.replica.Cache}
}

// Settings are the stores and reports of the configuration in force.
func (s *Service) Settings() *settings.Pipeline { return s.replica.Config.Load().Pipeline }

// ErrRestart refuses a configuration that changes a setting which is read only at
// the start.
var ErrRestart = errors.New("this needs a restart")

// Reload replaces the configuration. Running work keeps the old one. If a fixed
// setting differs, the error is ErrRestart and the old configuration stays.
func (s *Service) Reload(c replica.Config) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	old := s.replica.Config.Load()
	switch {
	case c.Serve.Lease != old.Serve.Lease:
		return fmt.Errorf("serve.lease is another: %w", ErrRestart)
	case c.Pipeline.Sink.URL("") != old.Pipeline.Sink.URL(""):
		return fmt.Errorf("sink.store.url is another: %w", ErrRestart)
	}
	if err := s.jobs.reschedule(old, &c); err != nil {
		return fmt.Errorf("change the interval: %w", err)
	}
	s.replica.Config.Store(&c)
	s.replica.Metrics.Reloaded(nil)
	s.replica.LookNeeded.Send()
	return nil
}

// ReloadRefused counts a configuration that was refused.
func (s *Service) ReloadRefused(err error) { s.replica.Metrics.Reloaded(err) }
