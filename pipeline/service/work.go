package service

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/extract"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
)

// workNow does what the last look found to be done, if this replica holds the
// lease.
func (s *Service) workNow() error {
	j := s.toDo()
	if j == nil {
		return nil
	}
	ctx, done, err := s.lease.Work(s.life)
	if err != nil {
		return nil // it was lost since the scheduler asked
	}
	defer done()
	return s.do(ctx, &order{
		trigger: "schedule", config: j.config, target: partition.Everything(),
		allow: func(step *plan.Step) bool { return s.latest(j).allow(step) },
	})
}

// latest is the last look, for a run that was begun by j: much may have happened
// since. If that look is of another configuration, which may not even have the
// report, it is j: what is running goes on with the old one.
func (s *Service) latest(j *evaluation) *evaluation {
	if last := s.lastEvaluation(); last.config == j.config {
		return last
	}
	return j
}

// toDo is what a look has found to be done that no run was begun for; nil if
// there is nothing.
func (s *Service) toDo() *evaluation {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.evaluation == nil || s.evaluation == s.used || s.evaluation.queued == 0 {
		return nil
	}
	s.used = s.evaluation
	return s.used
}

// lastEvaluation is what the last look that succeeded has found; nil before it.
func (s *Service) lastEvaluation() *evaluation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.evaluation
}

// order is what a run is to do.
type order struct {
	trigger string // in words
	config  *Config
	reports []settings.Report // nil: all
	target  partition.Target
	only    build.Only
	allow   func(*plan.Step) bool // nil: everything
}

// underWay is a run that has begun.
type underWay struct {
	Run
	log      *slog.Logger
	ctx      context.Context
	counts   *extract.Progress
	advanced atomic.Bool // something was published
}

func (u *underWay) progress() Progress {
	c := u.counts
	return Progress{
		Run: u.ID, Steps: c.Steps.Load(), StepsDone: c.StepsDone.Load(),
		Bytes: c.Bytes.Load(), BytesRead: c.BytesRead.Load(), Lines: c.Lines.Load(),
	}
}

// do carries out an order when no other one is under way here: there is memory
// for one. Failed steps are no error of it.
func (s *Service) do(ctx context.Context, o *order) error {
	if !s.begin() {
		return nil
	}
	defer s.runs.Done()
	select {
	case s.runSlot <- struct{}{}:
	case <-s.stopping:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-s.runSlot }()
	u := s.newRun(ctx, o)
	u.log.Info("run begun", "trigger", o.trigger)
	var result *build.Result
	err := s.guarded("run", func() (err error) { // so that it ends, whatever happens
		result, err = s.builder(u, o).Run(ctx, o.target, o.only)
		return err
	})()
	s.end(u, result, err)
	if u.advanced.Load() {
		s.triggerLook() // there may be more to do now
		return nil
	}
	_, err = s.refresh()
	return err
}

// begin counts a run that is about to begin, unless the service is stopping.
func (s *Service) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isStopping() {
		return false
	}
	s.runs.Add(1)
	return true
}

func (s *Service) newRun(ctx context.Context, o *order) *underWay {
	now := time.Now().UTC()
	id := now.Format(runTime) + "-" + strings.ToLower(rand.Text()[:runRandom])
	u := &underWay{
		Run: Run{ID: id, Replica: s.replica, Trigger: o.trigger, Begun: now},
		log: s.log.With("run", id), ctx: ctx, counts: new(extract.Progress),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = u
	return u
}

// builder builds what an order is about.
func (s *Service) builder(u *underWay, o *order) *build.Builder {
	p := *o.config.Pipeline
	if o.reports != nil {
		p.Reports = o.reports
	}
	return &build.Builder{Settings: &p, Cache: s.cache, Hooks: build.Hooks{
		Progress: u.counts, Allow: o.allow, Enough: s.stopping,
		OnStep: func(step *plan.Step, done *build.Done) {
			if done == nil {
				s.stepBegun(u, step)
			} else {
				s.stepOver(u, step, done)
			}
		},
	}}
}

func (s *Service) stepBegun(u *underWay, step *plan.Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[step.ID] = &Running{
		Run: u.ID, ID: step.ID, Reason: strings.Join(step.Reasons, "; "), Begun: time.Now().UTC(),
	}
}

func (s *Service) stepOver(u *underWay, step *plan.Step, done *build.Done) {
	s.mu.Lock()
	k := step.ID
	running := s.running[k]
	delete(s.running, k)
	s.mu.Unlock()
	var took time.Duration
	if running != nil {
		took = time.Since(running.Begun)
	}
	interrupted := u.ctx.Err() != nil && done.Err != nil
	s.metrics.stepOver(done, took, interrupted)
	log := u.log.With("kind", step.ID.Kind, "report", step.ID.Report, "partition", step.ID.Name(), "took", took.Round(time.Millisecond).String())
	var blocked *build.Blocked
	switch err := done.Err; {
	case interrupted:
		log.Warn("step interrupted", "error", context.Cause(u.ctx))
	case errors.As(err, &blocked):
		log.Warn("step not tried", "error", err)
	case err != nil:
		log.Error("step failed", "error", err)
		s.noteFailure(u, step)
	default:
		log.Info("step done", "state", done.State, "revision", done.Revision, "rows", done.Rows, "bytes", done.Bytes, "reason", done.Reason)
		s.noteSuccess(u, step, done)
	}
}

// noteFailure counts a failure.
func (s *Service) noteFailure(u *underWay, step *plan.Step) {
	now := time.Now().UTC()
	s.note(func(b *controllerState) { b.fail(step, u.ID, now, s.policy()) })
}

func (s *Service) policy() *policy {
	serve := &s.current().Serve
	return &policy{serve.Attempts, time.Duration(serve.RetryPause), time.Duration(serve.MaxRetryPause)}
}

// noteSuccess ends the retryState that there was, and has people told of what was
// restated.
func (s *Service) noteSuccess(u *underWay, step *plan.Step, done *build.Done) {
	if done.State != publish.Unchanged {
		u.advanced.Store(true)
	}
	if done.State == publish.Restated && step.ID.Kind != partition.Digest {
		s.restated(u, done)
	}
	k := step.ID
	if j := s.lastEvaluation(); j == nil || j.controller.Retries[k] == nil {
		return
	}
	s.note(func(b *controllerState) { delete(b.Retries, k) })
}

// note has the book changed by the next look, or at the end of the run: at once
// for all that happens until then, as thousands of steps may fail in a row. If
// the process dies before, what failed is tried again as if it were for the
// first time.
func (s *Service) note(change func(*controllerState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, change)
}

// writeNotes puts into the book what came of steps. If it cannot be written, the
// next time has it, too.
func (s *Service) writeNotes(ctx context.Context) error {
	s.mu.Lock()
	notes := s.notes
	s.notes = nil
	s.mu.Unlock()
	if len(notes) == 0 {
		return nil
	}
	_, err := s.edit(ctx, func(b *controllerState) {
		for _, change := range notes {
			change(b)
		}
	})
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.notes = append(notes, s.notes...)
	}
	return err
}

// end records what came of a run.
func (s *Service) end(u *underWay, result *build.Result, err error) {
	s.mu.Lock()
	s.run = nil
	clear(s.running)
	s.mu.Unlock()
	u.Ended, u.Outcome, u.Steps = time.Now().UTC(), "done", []build.Done{}
	if result != nil {
		u.Steps, u.Accounting = result.Steps, result.Accounting
	}
	switch {
	case errors.Is(err, build.ErrEnough):
		u.Outcome, u.Error = "interrupted", "the service was stopped"
	case err != nil && u.ctx.Err() != nil:
		u.Outcome, u.Error = "interrupted", context.Cause(u.ctx).Error()
	case err != nil:
		u.Outcome, u.Error = "failed", err.Error()
	case result.Failed():
		u.Outcome, u.Error = "failed", fmt.Sprintf("%d of %d steps failed", failures(result), len(result.Steps))
	}
	s.metrics.runOver(&u.Run, result)
	took := u.Ended.Sub(u.Begun)
	u.log.Info("run ended", "outcome", u.Outcome, "error", u.Error, "steps", len(u.Steps), "took", took.Round(time.Millisecond).String())
	if len(u.Steps) == 0 && err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), recordTimeout)
	defer cancel()
	if err := s.writeNotes(ctx); err != nil {
		u.log.Error("what failed could not be counted; the next look tries again", "error", err)
	}
	if err := s.keepRun(ctx, u); err != nil {
		u.log.Warn("the record of the run could not be kept", "error", err)
	}
	if err := s.postNews(ctx); err != nil {
		u.log.Warn("people could not be told of what was restated; the next look tries again", "error", err)
	}
}

func failures(r *build.Result) (n int) {
	for i := range r.Steps {
		if r.Steps[i].Err != nil {
			n++
		}
	}
	return n
}
