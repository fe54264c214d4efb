package service

import (
	"time"

	"github.com/go-co-op/gocron/v2"
)

// monitor has the scheduler's own doings counted.
type monitor struct{ metrics *metrics }

// JobCompleted implements gocron.SchedulerMonitor, and so do the others.
func (m *monitor) JobCompleted(job gocron.Job) {
	m.metrics.jobs.WithLabelValues(job.Name(), outcomeOK).Inc()
}

// JobFailed counts jobs that returned an error.
func (m *monitor) JobFailed(job gocron.Job, _ error) {
	m.metrics.jobs.WithLabelValues(job.Name(), outcomeFailed).Inc()
}

// JobSchedulingDelay is told of jobs that are begun before their time, too: they
// are no delay.
func (m *monitor) JobSchedulingDelay(job gocron.Job, planned, begun time.Time) {
	if delay := begun.Sub(planned); delay >= 0 {
		m.metrics.jobDelay.WithLabelValues(job.Name()).Observe(delay.Seconds())
	}
}

// ConcurrencyLimitReached counts jobs that were still running at their tick.
func (m *monitor) ConcurrencyLimitReached(_ string, job gocron.Job) {
	m.metrics.jobSkipped.WithLabelValues(job.Name()).Inc()
}

// The rest is of no interest.

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

// JobExecutionTime does nothing: looks and runs are measured where they are done.
func (*monitor) JobExecutionTime(gocron.Job, time.Duration) {}
