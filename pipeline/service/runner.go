package service

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/catalog"
	"daybook/pipeline/extract"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/runs"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
)

// runner carries out orders, one at a time: the memory budget is for one run.
type runner struct {
	replica    string
	log        *slog.Logger
	config     *activeConfig
	cache      *catalog.Cache
	metrics    *metrics
	life       *lifecycle
	tracker    *tracker
	controller *controllerStore
	alerts     *alerter
	evaluator  *evaluator

	lookNeeded signal
	slot       chan struct{} // holds one element while a run is under way
}

// order says what a run builds.
type order struct {
	trigger string // for users: schedule, or the action
	config  *Config
	reports []settings.Report // nil: all
	target  partition.Target
	only    build.Only
	allow   func(*plan.Step) bool // nil: every step
}

// activeRun is the run under way.
type activeRun struct {
	Run
	log      *slog.Logger
	ctx      context.Context
	counts   *extract.Progress
	advanced atomic.Bool // something was published
}

func (r *activeRun) progress() Progress {
	c := r.counts
	return Progress{
		Run: r.ID, Steps: c.Steps.Load(), StepsDone: c.StepsDone.Load(),
		Bytes: c.Bytes.Load(), BytesRead: c.BytesRead.Load(), Lines: c.Lines.Load(),
	}
}

// run waits for the slot and carries out an order. Failed steps are recorded and
// are no error. It does nothing if the service is stopping.
func (r *runner) run(ctx context.Context, o *order) error {
	if !r.life.beginRun() {
		return nil
	}
	defer r.life.runs.Done()
	select {
	case r.slot <- struct{}{}:
	case <-r.life.stopping:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-r.slot }()
	run := r.begin(ctx, o)
	run.log.Info("run begun", "trigger", o.trigger)
	var result *build.Result
	err := guarded(r.log, "run", func() (err error) { // end must follow even after a panic
		result, err = r.builder(run, o).Run(ctx, o.target, o.only)
		return err
	})()
	r.end(run, result, err)
	if run.advanced.Load() {
		r.lookNeeded.send() // the look may find steps that can run now
		return nil
	}
	_, err = r.evaluator.look()
	return err
}

func (r *runner) begin(ctx context.Context, o *order) *activeRun {
	record := runs.Begin(r.replica, o.trigger, time.Now())
	run := &activeRun{Run: record, log: r.log.With("run", record.ID), ctx: ctx, counts: new(extract.Progress)}
	r.tracker.runStarted(run)
	return run
}

// builder builds the order's reports and reports each step to the runner.
func (r *runner) builder(run *activeRun, o *order) *build.Builder {
	p := *o.config.Pipeline
	if o.reports != nil {
		p.Reports = o.reports
	}
	return &build.Builder{Settings: &p, Cache: r.cache, Hooks: build.Hooks{
		Progress: run.counts, Allow: o.allow, Enough: r.life.stopping,
		OnStep: func(step *plan.Step, done *build.Done) {
			if done == nil {
				r.tracker.stepStarted(&Running{Run: run.ID, ID: step.ID, Reason: step.Cause(), Begun: time.Now().UTC()})
				return
			}
			r.stepEnded(run, step, done)
		},
	}}
}

// stepEnded logs, measures and records the outcome of a step.
func (r *runner) stepEnded(run *activeRun, step *plan.Step, done *build.Done) {
	took := r.tracker.stepEnded(step.ID)
	interrupted := run.ctx.Err() != nil && done.Err != nil
	r.metrics.stepEnded(done, took, interrupted)
	log := run.log.With("kind", step.ID.Kind, "report", step.ID.Report, "partition", step.ID.Name(), "took", took.Round(time.Millisecond).String())
	var blocked *build.Blocked
	switch err := done.Err; {
	case interrupted:
		log.Warn("step interrupted", "error", context.Cause(run.ctx))
	case errors.As(err, &blocked):
		log.Warn("step not tried", "error", err)
	case err != nil:
		log.Error("step failed", "error", err)
		now, p := time.Now().UTC(), newRetryPolicy(r.config.Load())
		r.controller.queue(func(cs *controllerState) { cs.fail(step, run.ID, now, p) })
	default:
		log.Info("step done", "state", done.State, "revision", done.Revision, "rows", done.Rows, "bytes", done.Bytes, "reason", done.Reason)
		r.succeeded(run, step.ID, done)
	}
}

// succeeded removes the retry state of a step, and reports a restatement.
func (r *runner) succeeded(run *activeRun, id partition.ID, done *build.Done) {
	if done.State != publish.Unchanged {
		run.advanced.Store(true)
	}
	if done.State == publish.Restated && id.Kind != partition.Digest {
		r.alerts.restated(done)
	}
	if ev := r.tracker.lastEvaluation(); ev == nil || ev.controller.Retries[id] == nil {
		return
	}
	r.controller.queue(func(cs *controllerState) { delete(cs.Retries, id) })
}

// end records the outcome of a run, unless the run had no steps.
func (r *runner) end(run *activeRun, result *build.Result, err error) {
	r.tracker.runEnded()
	run.finish(result, err)
	r.metrics.runEnded(&run.Run, result)
	took := run.Ended.Sub(run.Begun)
	run.log.Info("run ended", "outcome", run.Outcome, "error", run.Error, "steps", len(run.Steps), "took", took.Round(time.Millisecond).String())
	if run.Empty() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(run.ctx), runs.WriteTimeout)
	defer cancel()
	if err := r.controller.flush(ctx); err != nil {
		run.log.Error("failures could not be stored; the next look tries again", "error", err)
	}
	if err := runs.Write(ctx, r.config.sink(), &run.Run); err != nil {
		run.log.Warn("the run record could not be stored", "error", err)
	}
	if err := r.alerts.postRestatements(ctx); err != nil {
		run.log.Warn("restatements could not be stored for delivery; the next look tries again", "error", err)
	}
}

// finish sets the outcome of the run.
func (r *activeRun) finish(result *build.Result, err error) {
	interruption := ""
	switch {
	case errors.Is(err, build.ErrEnough):
		interruption = "the service was stopped"
	case err != nil && r.ctx.Err() != nil:
		interruption = context.Cause(r.ctx).Error()
	}
	r.End(time.Now(), result, err, interruption)
}
