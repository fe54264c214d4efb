package service

// MaxActions is how many actions may wait or run on a replica.
const MaxActions = maxActions

// ShutdownScheduler stops the scheduler of a service that was never started.
func (s *Service) ShutdownScheduler() error { return s.jobs.scheduler.Shutdown() }

// RemoveJob makes the scheduler lose a job.
func (s *Service) RemoveJob(name string) error {
	return s.jobs.scheduler.RemoveJob(s.jobs.job(name).ID())
}
