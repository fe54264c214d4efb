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
	lookName   = "look"
	workName   = "work"
	removeName = "remove"
)

// schedulerTimeout is how long the scheduler waits for its jobs at shutdown. They
// have ended by then; the scheduler polls while it waits, so the time is short.
const schedulerTimeout = time.Second

// jobs calls look and work at every interval, and remove about every hour.
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
	every   func(*replica.Config) time.Duration
	options []gocron.JobOption
}

// interval is the time between looks.
func interval(c *replica.Config) time.Duration { return time.Duration(c.Serve.Interval) }

// removeInterval is the time between removals of superseded parts: an hour, or a quarter
// of the time for which these stay. A removal lists all parts, so it is not more frequent
// than a look.
func removeInterval(c *replica.Config) time.Duration {
	every := time.Hour
	if after := c.Pipeline.RemoveAfter; after > 0 {
		every = min(every, after/4)
	}
	return max(every, interval(c))
}

// newJobs makes the jobs; the scheduler is not started yet. The scheduler's time
// zone does not matter: each report's schedule decides what is due.
func newJobs(r *replica.Replica, look, work, remove func() error) (*jobs, error) {
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
		{lookName, r.Guarded(lookName, look), interval, []gocron.JobOption{
			gocron.WithName(lookName), gocron.WithSingletonMode(gocron.LimitModeReschedule),
			gocron.WithDisabledDistributedJobLocker(true), gocron.WithStartAt(gocron.WithStartImmediately()),
		}},
		{workName, r.Guarded(workName, work), interval, []gocron.JobOption{
			gocron.WithName(workName), gocron.WithSingletonMode(gocron.LimitModeReschedule),
		}},
		{removeName, r.Guarded(removeName, remove), removeInterval, []gocron.JobOption{
			gocron.WithName(removeName), gocron.WithSingletonMode(gocron.LimitModeReschedule),
		}},
	}}
	for _, d := range j.defined {
		if j.jobs[d.name], err = scheduler.NewJob(gocron.DurationJob(d.every(r.Config.Load())), gocron.NewTask(d.task), d.options...); err != nil {
			return nil, fmt.Errorf("make the job %s: %w", d.name, err)
		}
	}
	return j, nil
}

// reschedule changes the intervals of the jobs that have another one in next than in old.
func (j *jobs) reschedule(old, next *replica.Config) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, d := range j.defined {
		if d.every(next) == d.every(old) {
			continue
		}
		job, err := j.scheduler.Update(j.jobs[d.name].ID(), gocron.DurationJob(d.every(next)), gocron.NewTask(d.task), d.options...)
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

// locker lets the scheduler start the jobs work and remove only on the holder of the lease.
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
