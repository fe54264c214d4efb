package service

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-co-op/gocron/v2"

	"daybook/sinks/lease"
)

// The names of the jobs in logs and metrics.
const (
	lookName = "look"
	workName = "work"
)

// schedulerTimeout is how long the scheduler waits for its jobs at shutdown. They
// have ended by then; the scheduler polls while it waits, so the time is short.
const schedulerTimeout = time.Second

// jobs calls look and work at every interval.
type jobs struct {
	log       *slog.Logger
	scheduler gocron.Scheduler
	defined   []jobDefinition

	mu   sync.Mutex
	jobs map[string]gocron.Job // by name
}

type jobDefinition struct {
	name    string
	task    func() error
	options []gocron.JobOption
}

// newJobs makes the jobs; the scheduler is not started yet. The scheduler's time
// zone does not matter: each report's schedule decides what is due.
func newJobs(log *slog.Logger, l *lease.Lease, m *metrics, interval time.Duration, look, work func() error) (*jobs, error) {
	scheduler, err := gocron.NewScheduler(
		gocron.WithLocation(time.UTC),
		gocron.WithLogger(gocronLog{log}),
		gocron.WithDistributedLocker(locker{l}),
		gocron.WithSchedulerMonitor(&monitor{metrics: m}),
		gocron.WithStopTimeout(schedulerTimeout),
	)
	if err != nil {
		return nil, fmt.Errorf("make the scheduler: %w", err)
	}
	j := &jobs{log: log, scheduler: scheduler, jobs: map[string]gocron.Job{}, defined: []jobDefinition{
		{lookName, guarded(log, lookName, look), []gocron.JobOption{
			gocron.WithName(lookName), gocron.WithSingletonMode(gocron.LimitModeReschedule),
			gocron.WithDisabledDistributedJobLocker(true), gocron.WithStartAt(gocron.WithStartImmediately()),
		}},
		{workName, guarded(log, workName, work), []gocron.JobOption{
			gocron.WithName(workName), gocron.WithSingletonMode(gocron.LimitModeReschedule),
		}},
	}}
	for _, d := range j.defined {
		if j.jobs[d.name], err = scheduler.NewJob(gocron.DurationJob(interval), gocron.NewTask(d.task), d.options...); err != nil {
			return nil, fmt.Errorf("make the job %s: %w", d.name, err)
		}
	}
	return j, nil
}

// setInterval changes the interval of both jobs.
func (j *jobs) setInterval(interval time.Duration) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, d := range j.defined {
		job, err := j.scheduler.Update(j.jobs[d.name].ID(), gocron.DurationJob(interval), gocron.NewTask(d.task), d.options...)
		if err != nil {
			return fmt.Errorf("job %s: %w", d.name, err)
		}
		j.jobs[d.name] = job
	}
	return nil
}

func (j *jobs) job(name string) gocron.Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.jobs[name]
}

// runNow starts a job before its next tick. A job that is running continues.
func (j *jobs) runNow(name string) {
	if err := j.job(name).RunNow(); err != nil {
		j.log.Warn("a job could not be started; it starts at its next tick", "job", name, "error", err)
	}
}

// nextRun is when the scheduler calls a job next; zero if it has lost the job.
func (j *jobs) nextRun(name string) time.Time {
	next, err := j.job(name).NextRun()
	if err != nil {
		return time.Time{}
	}
	return next
}

// guarded returns the job with a panic turned into an error.
func guarded(log *slog.Logger, name string, job func() error) func() error {
	return func() (err error) {
		defer func() {
			if value := recover(); value != nil {
				err = fmt.Errorf("%v; this is a bug of daybook, please report it", value)
				log.Error("a job panicked", "job", name, "error", err, "stack", string(debug.Stack()))
			}
		}()
		return job()
	}
}

// gocronLog is gocron's logger. Its information is of use to developers only, so
// it is logged as debug.
type gocronLog struct{ log *slog.Logger }

func (l gocronLog) Debug(msg string, args ...any) { l.log.Debug(msg, args...) }
func (l gocronLog) Info(msg string, args ...any)  { l.log.Debug(msg, args...) }
func (l gocronLog) Warn(msg string, args ...any)  { l.log.Warn(msg, args...) }
func (l gocronLog) Error(msg string, args ...any) { l.log.Error(msg, args...) }

// monitor implements gocron.SchedulerMonitor: it counts the scheduler's events.
type monitor struct{ metrics *metrics }

// JobCompleted counts jobs that succeeded.
func (m *monitor) JobCompleted(job gocron.Job) {
	m.metrics.jobs.WithLabelValues(job.Name(), outcomeOK).Inc()
}

// JobFailed counts jobs that returned an error.
func (m *monitor) JobFailed(job gocron.Job, _ error) {
	m.metrics.jobs.WithLabelValues(job.Name(), outcomeFailed).Inc()
}

// JobSchedulingDelay records delays. A negative delay is a job started early by
// runNow.
func (m *monitor) JobSchedulingDelay(job gocron.Job, planned, begun time.Time) {
	if delay := begun.Sub(planned); delay >= 0 {
		m.metrics.jobDelay.WithLabelValues(job.Name()).Observe(delay.Seconds())
	}
}

// ConcurrencyLimitReached counts jobs that were still running at their tick.
func (m *monitor) ConcurrencyLimitReached(_ string, job gocron.Job) {
	m.metrics.jobSkipped.WithLabelValues(job.Name()).Inc()
}

// SchedulerStarted does nothing.
func (*monitor) SchedulerStarted() {}

// SchedulerStopped does nothing.
func (*monitor) SchedulerStopped() {}

// SchedulerShutdown does nothing.
func (*monitor) SchedulerShutdown() {}

// JobRegistered does nothing.
func (*monitor) JobRegistered(gocron.Job) {}

// JobUnregistered does nothing.
func (*monitor) JobUnregistered(gocron.Job) {}

// JobStarted does nothing.
func (*monitor) JobStarted(gocron.Job) {}

// JobRunning does nothing.
func (*monitor) JobRunning(gocron.Job) {}

// JobExecutionTime does nothing: evaluator and runner measure their own work.
func (*monitor) JobExecutionTime(gocron.Job, time.Duration) {}
