package service

import (
	"fmt"
	"time"

	"daybook/pipeline/service/states"
)

// Health says whether a replica is ready, and why if it is not.
type Health struct {
	Ready   bool                   `json:"ready"`
	Reasons []string               `json:"reasons"` // one sentence each; empty if ready
	Reports []states.ReportVerdict `json:"reports"` // for people: a restart does not mend a report, so they do not count
}

// A replica without a successful look for staleLooks intervals is not ready. The
// limit is at least minStale, since a look over a long history takes seconds.
const (
	staleLooks = 3
	minStale   = time.Minute
)

// Health checks the looks, the lease and the jobs of this replica, whether or not
// it holds the lease.
func (s *Service) Health() Health {
	h := Health{Reasons: []string{}}
	add := func(format string, args ...any) { h.Reasons = append(h.Reasons, fmt.Sprintf(format, args...)) }
	state, looked, stopping := s.tracker.Snapshot(), s.tracker.LastLook(), s.replica.Life.IsStopping()
	limit := max(minStale, staleLooks*time.Duration(s.replica.Config.Load().Serve.Interval))
	switch {
	case stopping:
		add("the service is stopping")
	case state.Problem != "":
		add("the last look failed: %s", state.Problem)
	case looked.IsZero():
		add("no look has finished yet")
	}
	if since := time.Since(looked); !looked.IsZero() && since > limit {
		add("the last successful look was %s ago", since.Round(time.Second))
	}
	if err := s.replica.Lease.State().Err; err != nil {
		add("the lease cannot be read or written: %s", err)
	}
	next := s.jobs.nextRuns()
	for _, name := range []string{lookName, workName, removeName} {
		if !stopping && next[name].IsZero() {
			add("the scheduler has lost the job %s", name)
		}
	}
	h.Reports = state.Verdicts()
	h.Ready = len(h.Reasons) == 0
	return h
}
