package build

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"daybook/pipeline/failures"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/sinks/publish"
	"daybook/sources/store"
)

// allowed asks the hooks whether a selected step may be done.
func (r *run) allowed(s *plan.Step) bool {
	if r.hooks.Allow == nil {
		return true
	}
	s.Inputs = r.planner.HashInputs(s)
	return r.hooks.Allow(s)
}

// attempt does steps that belong together, within the time limit. do finishes each
// of them, unless there was nothing left to do or its context ended.
func (r *run) attempt(ctx context.Context, steps []*plan.Step, do func(context.Context)) {
	for _, s := range steps {
		r.begin(s)
	}
	limited, stop := limit(ctx, r.settings.StepTimeout)
	defer stop()
	err := parallel.Catch(func() { do(limited) })
	if err == nil && isTooSlow(limited) {
		err = context.Cause(limited)
	}
	for _, s := range steps {
		if err != nil && r.isUnderWay(s.ID) {
			r.finish(limited, s, Done{Err: fmt.Errorf("%s: %w", s.ID, err)})
		}
		if !r.isUnderWay(s.ID) {
			continue
		}
		if ctx.Err() != nil {
			r.end(s, Done{Err: ctx.Err()})
		} else {
			r.end(s, Done{State: publish.Unchanged, Reason: "another run has done it meanwhile"})
		}
	}
}

// TooSlow says that a step took longer than the settings allow.
type TooSlow struct{ Allowed time.Duration }

func (e *TooSlow) Error() string {
	allowed := e.Allowed.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(allowed, zero) {
			allowed = allowed[:len(allowed)-2]
		}
	}
	return fmt.Sprintf("it took longer than step_timeout, %s: look for what makes its input slow, or raise step_timeout", allowed)
}

// limit is ctx with a time limit, whose cause is a *TooSlow. 0: none.
func limit(ctx context.Context, allowed time.Duration) (context.Context, context.CancelFunc) {
	if allowed == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, allowed, &TooSlow{allowed})
}

// isTooSlow reports whether a context ended because of its time limit.
func isTooSlow(ctx context.Context) bool {
	return ctx.Err() != nil && errors.As(context.Cause(ctx), new(*TooSlow))
}

// begin notes that a step is under way. The hooks are not told of a change to a
// manifest alone, which users do not notice.
func (r *run) begin(s *plan.Step) {
	r.mu.Lock()
	r.underWay[s.ID] = true
	r.mu.Unlock()
	if r.hooks.OnStep != nil && s.Action != plan.Amend {
		s.Inputs = r.planner.HashInputs(s)
		r.hooks.OnStep(s, nil)
	}
}

func (r *run) isUnderWay(id partition.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.underWay[id]
}

// end notes that a step is no longer under way.
func (r *run) end(s *plan.Step, d Done) {
	r.mu.Lock()
	delete(r.underWay, s.ID)
	r.mu.Unlock()
	if r.hooks.OnStep == nil || s.Action == plan.Amend && d.Err == nil {
		return
	}
	s.Inputs = r.planner.HashInputs(s)
	if s.Action == plan.Amend {
		r.hooks.OnStep(s, nil)
	}
	d.describe(s)
	r.hooks.OnStep(s, &d)
}

// finish adds the outcome of a step to the result, and keeps the note of a failure
// for later plans. An interruption is no failure, and the end of its time is one.
func (r *run) finish(ctx context.Context, s *plan.Step, d Done) {
	if d.Err != nil && ctx.Err() != nil {
		if !isTooSlow(ctx) {
			return
		}
		d.Err = fmt.Errorf("%s: %w", s.ID, context.Cause(ctx))
		ctx = context.WithoutCancel(ctx) // to keep the note
	}
	d.describe(s)
	if s.Action == plan.Restore && d.State == publish.Unchanged {
		d.State = Mended
	}
	if s.ID.Kind == partition.Digest && d.Err != nil {
		r.setBroken(s, d.Err)
	}
	// The note is for people. If it cannot be written, the error is in the result.
	_ = r.noteFailure(ctx, s.ID, d.Error)
	r.mu.Lock()
	r.result.add(d)
	r.mu.Unlock()
	r.end(s, d)
}

func (r *run) setBroken(s *plan.Step, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken[s.ID.Day()] = err
}

// countFresh counts a step that is fresh. A note of its failure is out of date:
// another process has done it since.
func (r *run) countFresh(ctx context.Context, s *plan.Step) {
	r.result.Fresh++
	_ = r.noteFailure(ctx, s.ID, "") // the note is for people
}

// noteFailure keeps the note of a failed step, or removes that of one that
// succeeded.
func (r *run) noteFailure(ctx context.Context, id partition.ID, text string) error {
	if text != "" {
		return failures.Write(ctx, r.settings.Sink, id, failures.Note{Error: text, Time: r.settings.Now()})
	}
	if r.catalog.Failure(id) == "" {
		return nil
	}
	return failures.Remove(ctx, r.settings.Sink, id)
}

// isConflict reports whether another process was faster: it has replaced what this
// step was to replace, or removed a superseded part that was to be read.
func isConflict(err error) bool {
	return errors.Is(err, publish.ErrRaced) || errors.Is(err, store.ErrNotFound)
}
