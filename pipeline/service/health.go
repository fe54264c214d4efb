package service

import (
	"fmt"
	"time"

	"github.com/go-co-op/gocron/v2"
)

// Health says why a replica is not ready; nothing if it is.
type Health struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons"` // in words
}

// staleLooks is how many intervals may pass without a look that succeeds, but
// it may always be as long as minStale: looks of long histories take seconds.
const (
	staleLooks = 3
	minStale   = time.Minute
)

// Health says whether the replica does what it should: look often enough,
// whether or not it is the one that works.
func (s *Service) Health() Health {
	h := Health{Reasons: []string{}}
	add := func(format string, args ...any) { h.Reasons = append(h.Reasons, fmt.Sprintf(format, args...)) }
	state, looked := s.State(), s.lastLook()
	most := max(minStale, staleLooks*time.Duration(s.current().Serve.Interval))
	switch {
	case s.isStopping():
		add("it is stopping")
	case state.Problem != "":
		add("the last look failed: %s", state.Problem)
	case looked.IsZero():
		add("it has not looked at the dumps and the reports yet")
	}
	if since := time.Since(looked); !looked.IsZero() && since > most {
		add("the last look that succeeded was %s ago", since.Round(time.Second))
	}
	if err := s.lease.State().Err; err != nil {
		add("the lease cannot be looked at: %s", err)
	}
	for _, job := range []gocron.Job{s.lookJob(), s.workJob()} {
		if next, err := job.NextRun(); !s.isStopping() && (err != nil || next.IsZero()) {
			add("the scheduler has forgotten the job %s", job.Name())
		}
	}
	h.Ready = len(h.Reasons) == 0
	return h
}

// lastLook is when the last look began that succeeded; zero before the first.
func (s *Service) lastLook() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looked
}
