package metrics

import (
	"time"

	"github.com/go-co-op/gocron/v2"
)

// Monitor implements gocron.SchedulerMonitor: it counts the events of the scheduler of the
// jobs.
type Monitor struct{ metrics *Metrics }

// Monitor is a monitor that counts here.
func (m *Metrics) Monitor() *Monitor { return &Monitor{m} }

// JobCompleted counts jobs that succeeded.
func (m *Monitor) JobCompleted(job gocron.Job) {
	m.metrics.jobs.WithLabelValues(job.Name(), outcomeOK).Inc()
}

// JobFailed counts jobs that returned an error.
func (m *Monitor) JobFailed(job gocron.Job, _ error) {
	m.metrics.jobs.WithLabelValues(job.Name(), outcomeFailed).Inc()
}

// JobSchedulingDelay records delays. A job that is started before its tick
// has a negative one, which does not count.
func (m *Monitor) JobSchedulingDelay(job gocron.Job, planned, begun time.Time) {
	if delay := begun.Sub(planned); delay >= 0 {
		m.metrics.jobDelay.WithLabelValues(job.Name()).Observe(delay.Seconds())
	}
}

// ConcurrencyLimitReached counts jobs that were still running at their tick.
func (m *Monitor) ConcurrencyLimitReached(_ string, job gocron.Job) {
	m.metrics.jobSkipped.WithLabelValues(job.Name()).Inc()
}

// SchedulerStarted does nothing.
func (*Monitor) SchedulerStarted() {}

// SchedulerStopped does nothing.
func (*Monitor) SchedulerStopped() {}

// SchedulerShutdown does nothing.
func (*Monitor) SchedulerShutdown() {}

// JobRegistered does nothing.
func (*Monitor) JobRegistered(gocron.Job) {}

// JobUnregistered does nothing.
func (*Monitor) JobUnregistered(gocron.Job) {}

// JobStarted does nothing.
func (*Monitor) JobStarted(gocron.Job) {}

// JobRunning does nothing.
func (*Monitor) JobRunning(gocron.Job) {}

// JobExecutionTime does nothing: looks and runs are measured themselves.
func (*Monitor) JobExecutionTime(gocron.Job, time.Duration) {}
