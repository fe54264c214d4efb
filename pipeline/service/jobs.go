package service

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-co-op/gocron/v2"

	"daybook/pipeline/service/replica"
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
func newJobs(r *replica.Replica, look, work func() error) (*jobs, error) {
	scheduler, err := gocron.NewScheduler(
		gocron.WithLocation(time.UTC),
		gocron.WithLogger(gocronLog{r.Log}),
		gocron.WithDistributedLocker(locker{r.Lease}),
		gocron.WithSchedulerMonitor(r.Metrics.Monitor()),
		gocron.WithStopTimeout(schedulerTimeout),
	)
	if err != nil {
		return nil, fmt.Errorf("make the scheduler: %w", err)
	}
	j := &jobs{log: r.Log, scheduler: scheduler, jobs: map[string]gocron.Job{}, defined: []jobDefinition{
		{lookName, r.Guarded(lookName, look), []gocron.JobOption{
			gocron.WithName(lookName), gocron.WithSingletonMode(gocron.LimitModeReschedule),
			gocron.WithDisabledDistributedJobLocker(true), gocron.WithStartAt(gocron.WithStartImmediately()),
		}},
		{workName, r.Guarded(workName, work), []gocron.JobOption{
			gocron.WithName(workName), gocron.WithSingletonMode(gocron.LimitModeReschedule),
		}},
	}}
	interval := time.Duration(r.Config.Load().Serve.Interval)
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

// nextRuns is when the scheduler calls each job next; zero if it has lost the job.
func (j *jobs) nextRuns() map[string]time.Time {
	all := map[string]time.Time{}
	for _, d := range j.defined {
		next, err := j.job(d.name).NextRun()
		if err != nil {
			next = time.Time{}
		}
		all[d.name] = next
	}
	return all
}

// gocronLog is gocron's logger. Its information is of use to developers only, so
// it is logged as debug.
type gocronLog struct{ log *slog.Logger }

func (l gocronLog) Debug(msg string, args ...any) { l.log.Debug(msg, args...) }
func (l gocronLog) Info(msg string, args ...any)  { l.log.Debug(msg, args...) }
func (l gocronLog) Warn(msg string, args ...any)  { l.log.Warn(msg, args...) }
func (l gocronLog) Error(msg string, args ...any) { l.log.Error(msg, args...) }

// locker lets the scheduler start the job work only on the holder of the lease.
// The lease belongs to the replica, not to one job, so Unlock keeps it; Serve
// releases it at the end.
type locker struct{ lease *lease.Lease }

// Lock implements gocron.Locker.
func (l locker) Lock(context.Context, string) (gocron.Lock, error) {
	if !l.lease.State().Mine {
		return nil, lease.ErrNotHeld
	}
	return l, nil
}

// Unlock implements gocron.Lock.
func (locker) Unlock(context.Context) error { return nil }
