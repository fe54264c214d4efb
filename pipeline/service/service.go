// Package service keeps every report present and fresh, for as long as it runs.
//
// # How it works
//
// gocron ticks, the calendar of package schedule decides, and the pipeline's
// plan says what is missing or stale. There are two jobs, and each does the same
// whenever it is called, so that nothing is lost if it is not:
//
//   - look, on every replica: compare what should exist with what does, and keep
//     what was found as the [State] that people see. Whoever holds the lease also
//     notes what people are to be told.
//   - work, only on the replica that holds the lease (package lease): one run of
//     the pipeline over everything, in which each step is asked whether it may be
//     done now. It takes as long as it takes, while looks go on.
//
// What is published is restated as soon as its inputs change. What is not is
// published when its schedule says so. A digest is made as soon as its dumps are
// noticed, if a day needs it that is published or due.
//
// # What fails
//
// A step that fails waits for longer and longer pauses; after so many failures
// in a row it is set aside, until its inputs change or people retry it. It holds
// nothing else back, but for the days that need a digest. That is in the book,
// an object beside the digests, and so are open alerts and messages that are not
// delivered yet: another replica goes on with them.
//
// # What is safe
//
// The lease saves work that would be done twice. What is published is safe
// without it, by the compare-and-swap of the manifests; so an action that people
// ask for runs on the replica that they asked, whoever holds the lease, just as
// the command line would run it. A run may be abandoned anywhere.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/prometheus/client_golang/prometheus"

	"daybook/config"
	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/schedule"
	"daybook/pipeline/settings"
	"daybook/sinks/lease"
)

// Options are what a service is made of.
type Options struct {
	Config
	Replica    string // its name, for people
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Config is what of a service may change while it runs.
type Config struct {
	Pipeline  *settings.Pipeline
	Schedules map[string]*schedule.Schedule // by report
	Serve     config.Serve
	Hooks     []Hook
}

// Service is a replica. All its methods may be called at the same time.
type Service struct {
	replica string
	log     *slog.Logger
	metrics *metrics
	lease   *lease.Lease

	scheduler  gocron.Scheduler
	look, work gocron.Job
	triggered  chan struct{} // look, and work if there is something to do

	looking   chan struct{} // has one element while a look is under way
	noLease   string        // what keeps the lease from being taken, as the log says; whoever looks has it
	editing   chan struct{} // and while the book is changed
	runSlot   chan struct{} // has one element while a run is under way: there is memory for one
	runs      sync.WaitGroup
	stopping  chan struct{} // closed when no further step may begin
	life      context.Context
	abandon   context.CancelCauseFunc // ends life, and with it what is running
	delivered chan struct{}           // there may be something to deliver

	mu         sync.Mutex
	config     *Config
	cache      *catalog.Cache
	evaluation *evaluation // by the last look that succeeded; nil before
	used       *evaluation // the one that a run was begun by: it does not know what came of that
	state      *State      // the same in words
	shown      *State      // as State returned it, if it may again; nil if something has changed
	looked     time.Time   // when that was
	running    map[partition.ID]*Running
	run        *underWay                // nil: there is none
	asked      int                      // actions that wait or run
	news       []Event                  // restatements that nobody has been told of
	notes      []func(*controllerState) // of what came of steps, that are not in the book yet
}

// New makes a service. Nothing is done until Serve is called.
func New(o Options) (*Service, error) {
	s := &Service{
		replica: o.Replica, log: o.Log,
		triggered: make(chan struct{}, 1), delivered: make(chan struct{}, 1), stopping: make(chan struct{}),
		looking: make(chan struct{}, 1), editing: make(chan struct{}, 1), runSlot: make(chan struct{}, 1),
		running: map[partition.ID]*Running{}, cache: catalog.NewCache(), config: &o.Config,
	}
	s.life, s.abandon = context.WithCancelCause(context.Background())
	s.state = s.blank()
	s.lease = lease.New(leaseStore{s}, lease.Options{Holder: o.Replica, TTL: time.Duration(o.Serve.Lease), Since: s.since, OnChange: s.leaseChanged})
	s.metrics = newMetrics(s, o.Registerer)
	return s, s.newScheduler()
}

// The names of the jobs, as logs and metrics show them.
const (
	lookName = "look"
	workName = "work"
)

// newScheduler has the two jobs called. Its times are UTC, and mean nothing:
// what is due is decided by the reports' own calendars.
func (s *Service) newScheduler() error {
	var err error
	s.scheduler, err = gocron.NewScheduler(
		gocron.WithLocation(time.UTC),
		gocron.WithLogger(gocronLog{s.log}),
		gocron.WithDistributedLocker(locker{s.lease}),
		gocron.WithSchedulerMonitor(&monitor{metrics: s.metrics}),
		gocron.WithStopTimeout(schedulerTimeout),
	)
	if err != nil {
		return fmt.Errorf("make the scheduler: %w", err)
	}
	every := gocron.DurationJob(time.Duration(s.config.Serve.Interval))
	if s.look, err = s.scheduler.NewJob(every, gocron.NewTask(s.guarded(lookName, s.lookNow)), lookOptions()...); err != nil {
		return fmt.Errorf("make the job %s: %w", lookName, err)
	}
	if s.work, err = s.scheduler.NewJob(every, gocron.NewTask(s.guarded(workName, s.workNow)), workOptions()...); err != nil {
		return fmt.Errorf("make the job %s: %w", workName, err)
	}
	return nil
}

// schedulerTimeout is how long the scheduler waits for its jobs when it is shut
// down. By then they have ended, or been told to: it spins while it waits.
const schedulerTimeout = time.Second

func workOptions() []gocron.JobOption {
	return []gocron.JobOption{gocron.WithName(workName), gocron.WithSingletonMode(gocron.LimitModeReschedule)}
}

func lookOptions() []gocron.JobOption {
	return []gocron.JobOption{
		gocron.WithName(lookName), gocron.WithSingletonMode(gocron.LimitModeReschedule),
		gocron.WithDisabledDistributedJobLocker(true), gocron.WithStartAt(gocron.WithStartImmediately()),
	}
}

// guarded is a job that fails instead of ending the process when it panics.
func (s *Service) guarded(name string, job func() error) func() error {
	return func() (err error) {
		defer func() {
			if value := recover(); value != nil {
				err = fmt.Errorf("%v; this is a bug of daybook, please report it", value)
				s.log.Error("a job panicked", "job", name, "error", err, "stack", string(debug.Stack()))
			}
		}()
		return job()
	}
}

// ErrAbandoned is why what was running was ended when the service stopped.
var ErrAbandoned = errors.New("it took longer than stop_timeout, and was abandoned; another run does it again")

// Serve does the work until ctx is done. Then it begins nothing any more, and
// waits for what is running, but not for longer than stop_timeout. It returns
// ErrAbandoned if that was too short.
func (s *Service) Serve(ctx context.Context) error {
	leaseCtx, letGo := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { s.lease.Run(leaseCtx) })
	background.Go(func() { s.deliver(ctx) })
	s.scheduler.Start()
	s.log.Info("started", "interval", time.Duration(s.current().Serve.Interval).String(), "lease", time.Duration(s.current().Serve.Lease).String())
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-s.triggered:
			s.runNow(lookName, s.lookJob())
		}
	}
	s.log.Info("stopping", "timeout", time.Duration(s.current().Serve.StopTimeout).String())
	s.mu.Lock() // so that no run begins that nobody waits for
	close(s.stopping)
	s.mu.Unlock()
	err := s.finish(time.Duration(s.current().Serve.StopTimeout))
	s.abandon(context.Canceled)
	s.lookOver()
	if shutdownErr := s.scheduler.Shutdown(); shutdownErr != nil {
		s.log.Warn("the scheduler did not stop", "error", shutdownErr)
	}
	letGo()
	background.Wait()
	s.log.Info("stopped")
	return err
}

// abandonTimeout bounds the time that what is running takes to notice that it
// is abandoned. It is safe to leave it running.
const abandonTimeout = 10 * time.Second

// finish waits for what is running, and abandons it if that takes too long.
func (s *Service) finish(timeout time.Duration) error {
	idle := make(chan struct{})
	go func() { s.runs.Wait(); close(idle) }()
	if waited(idle, timeout) {
		return nil
	}
	s.abandon(ErrAbandoned)
	waited(idle, abandonTimeout)
	return ErrAbandoned
}

// lookOver waits for a look that is under way, which has been told to end: the
// scheduler would spin while it waits.
func (s *Service) lookOver() {
	timer := time.NewTimer(abandonTimeout)
	defer timer.Stop()
	select {
	case s.looking <- struct{}{}: // there are no more looks
	case <-timer.C:
	}
}

// waited waits for done, but not for longer than the time-out.
func waited(done <-chan struct{}, timeout time.Duration) bool {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

func (s *Service) isStopping() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// triggerLook has a look begin soon.
func (s *Service) triggerLook() {
	select {
	case s.triggered <- struct{}{}:
	default: // it will
	}
}

// runNow begins a job; if it is running already, it goes on.
func (s *Service) runNow(name string, job gocron.Job) {
	if err := job.RunNow(); err != nil {
		s.log.Warn("a job could not be begun; it will be at its next tick", "job", name, "error", err)
	}
}

// current is the configuration.
func (s *Service) current() *Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}

func (s *Service) lookJob() gocron.Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.look
}

func (s *Service) workJob() gocron.Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.work
}

// Reader reads catalogs with the manifests that the service remembers.
func (s *Service) Reader() *catalog.Reader {
	return &catalog.Reader{Settings: s.Settings(), Cache: s.cache}
}

// Settings are the stores and the reports, as they are configured now.
func (s *Service) Settings() *settings.Pipeline { return s.current().Pipeline }

// ErrRestart is why a configuration is not taken: it changes what only a
// restart can.
var ErrRestart = errors.New("this needs a restart")

// Reload puts a configuration in place of the one there is. What is running goes
// on with the old one. Whatever cannot change is refused with ErrRestart, and
// all of the old one stays.
func (s *Service) Reload(c Config) error {
	old := s.current()
	switch {
	case c.Serve.Lease != old.Serve.Lease:
		return fmt.Errorf("serve.lease is another: %w", ErrRestart)
	case c.Pipeline.Sink.URL("") != old.Pipeline.Sink.URL(""):
		return fmt.Errorf("sink.store.url is another: %w", ErrRestart)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Serve.Interval != old.Serve.Interval {
		every := gocron.DurationJob(time.Duration(c.Serve.Interval))
		look, err := s.scheduler.Update(s.look.ID(), every, gocron.NewTask(s.guarded(lookName, s.lookNow)), lookOptions()...)
		if err != nil {
			return fmt.Errorf("change the interval: %w", err)
		}
		work, err := s.scheduler.Update(s.work.ID(), every, gocron.NewTask(s.guarded(workName, s.workNow)), workOptions()...)
		if err != nil {
			return fmt.Errorf("change the interval: %w", err)
		}
		s.look, s.work = look, work
	}
	s.config = &c
	s.metrics.reloaded(nil)
	s.triggerLook()
	return nil
}

// ReloadRefused counts a configuration that was not taken.
func (s *Service) ReloadRefused(err error) { s.metrics.reloaded(err) }
