package controller

import (
	"cmp"
	"time"

	"daybook/config"
	"daybook/pipeline/plan"
	"daybook/pipeline/words"
)

// Retry says when a failed step is retried. It is removed when the step succeeds or a
// user retries it.
type Retry struct {
	Failures int       `json:"failures"` // in a row
	Since    time.Time `json:"since"`    // of the first failure
	Again    time.Time `json:"again"`    // of the next attempt
	SetAside bool      `json:"set_aside,omitempty"`
	Inputs   string    `json:"inputs"` // of the failed attempts; other inputs are tried at once
	Run      string    `json:"run"`    // of the last failure; a run counts once
}

// Waits reports whether the step may not be tried yet. r may be nil.
func (r *Retry) Waits(now time.Time) bool {
	return r != nil && (r.SetAside || now.Before(r.Again))
}

// maxRetries is how many failed steps are recorded: several times all days of
// three reports in twenty years. Steps beyond it are tried by each run.
const maxRetries = 100_000

// maxErrorText is how many bytes of an error are shown and sent. The log and the
// stored note of the failure have the whole text.
const maxErrorText = 1000

// FailureText is why the last attempt at a step failed.
func FailureText(s *plan.Step) string {
	return words.Shortened(cmp.Or(s.Failed, "no reason was recorded; see the log"), maxErrorText)
}

// RetryOf is the retry state of a step; nil if the step has not failed with its
// current inputs.
func (s *State) RetryOf(step *plan.Step) *Retry {
	r := s.Retries[step.ID]
	if r == nil || r.Inputs != step.Inputs {
		return nil
	}
	return r
}

// Fail records that a step failed in a run.
func (s *State) Fail(step *plan.Step, run string, now time.Time, p Policy) {
	r := s.Retries[step.ID]
	switch {
	case r != nil && r.Run == run:
		return
	case r == nil && len(s.Retries) >= maxRetries:
		return
	case r == nil || r.Inputs != step.Inputs:
		r = &Retry{Since: now, Inputs: step.Inputs}
		s.Retries[step.ID] = r
	}
	r.Failures++
	r.Run = run
	r.Again, r.SetAside = now.Add(p.pause.after(r.Failures)), r.Failures >= p.attempts
}

// Policy says how failed steps are retried.
type Policy struct {
	attempts int // before a step is set aside
	pause    pause
}

// NewPolicy is the configured policy.
func NewPolicy(c *config.Serve) Policy {
	return Policy{c.Attempts, pause{time.Duration(c.RetryPause), time.Duration(c.MaxRetryPause)}}
}

// pause is the time between two attempts. It doubles with each failure.
type pause struct{ first, longest time.Duration }

// after is the pause after a number of failures in a row.
func (p pause) after(failures int) time.Duration {
	d := p.first
	for i := 1; i < failures && d < p.longest; i++ {
		d *= 2
	}
	return min(d, p.longest)
}
