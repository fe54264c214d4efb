package build

import (
	"context"
	"errors"
	"fmt"

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

// attempt does steps that belong together. do finishes each of them, unless there
// was nothing left to do or the run was interrupted.
func (r *run) attempt(ctx context.Context, steps []*plan.Step, do func()) {
	for _, s := range steps {
		r.begin(s)
	}
	err := parallel.Catch(do)
	for _, s := range steps {
		if err != nil && r.isUnderWay(s.ID) {
			r.finish(ctx, s, Done{Err: fmt.Errorf("%s: %w", s.ID, err)})
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

// begin notes that a step is under way. The hooks are not told of a change to a
// manifest alone, which users do not notice.
func (r *run) begin(s *plan.Step) {
	r.mu.Lock()
	r.underWay[s.ID] = true
	r.mu.Unlock()
	if r.hooks.OnStep != nil && s.Action != plan.Amend {
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
	if s.Action == plan.Amend {
		r.hooks.OnStep(s, nil)
	}
	s.Inputs = r.planner.HashInputs(s)
	d.describe(s)
	r.hooks.OnStep(s, &d)
}

// finish adds the outcome of a step to the result, and keeps the note of a failure
// for later plans. An interruption is no failure.
func (r *run) finish(ctx context.Context, s *plan.Step, d Done) {
	if d.Err != nil && ctx.Err() != nil {
		return
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
	r.result.Steps = append(r.result.Steps, d)
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
