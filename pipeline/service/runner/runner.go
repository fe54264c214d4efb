// Package runner carries out runs: those of the schedule, and those that a user asks for.
// It stores their records in the sink, counts the failures of their steps, and reports
// restatements. A failed step fails its run, and is no error here.
package runner

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/extract"
	"daybook/pipeline/inspect"
	"daybook/pipeline/lineage"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/runs"
	"daybook/pipeline/service/alerts"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/states"
	"daybook/pipeline/service/tracker"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
)

// Runner carries out orders, one at a time: the memory budget is for one run.
type Runner struct {
	replica *replica.Replica
	tracker *tracker.Tracker
	alerts  *alerts.Alerter
	look    func() error  // after a run that published nothing
	slot    chan struct{} // holds one element while a run is under way
}

// New makes the runner of a replica. After a run that published nothing, it calls look;
// after another one, it signals that a look is needed.
func New(r *replica.Replica, t *tracker.Tracker, a *alerts.Alerter, look func() error) *Runner {
	return &Runner{replica: r, tracker: t, alerts: a, look: look, slot: make(chan struct{}, 1)}
}

// Order says what a run builds.
type Order struct {
	Trigger  string             // for users: schedule, or the action
	Pipeline *settings.Pipeline // with the reports to build
	Target   partition.Target
	Only     build.Only
	Allow    func(*plan.Step) bool // nil: every step
	OnEnd    func(*runs.Record)    // gets the outcome; nil: nothing does
}

// activeRun is the run under way.
type activeRun struct {
	runs.Record
	log      *slog.Logger
	ctx      context.Context
	counts   *extract.Progress
	advanced atomic.Bool // something was published

	published controller.Pending[inspect.Change] // the days and months with a new revision
	lineage   *lineage.Run
}

func (r *activeRun) progress() states.Progress {
	c := r.counts
	return states.Progress{
		Run: r.ID, Steps: c.Steps.Load(), StepsDone: c.StepsDone.Load(),
		Bytes: c.Bytes.Load(), BytesRead: c.BytesRead.Load(), Lines: c.Lines.Load(),
	}
}

// Run waits for the slot and carries out an order. Failed steps are recorded and
// are no error. It does nothing if the service is stopping.
func (r *Runner) Run(ctx context.Context, o *Order) error {
	if !r.replica.Life.BeginRun() {
		return nil
	}
	defer r.replica.Life.EndRun()
	select {
	case r.slot <- struct{}{}:
	case <-r.replica.Life.Stopping():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-r.slot }()
	run := r.begin(ctx, o)
	run.log.Info("run begun", "trigger", o.Trigger)
	var result *build.Result
	err := r.replica.Guarded("run", func() (err error) { // end must follow even after a panic
		result, err = r.builder(run, o).Run(ctx, o.Target, o.Only)
		return err
	})()
	r.end(run, result, err)
	if o.OnEnd != nil {
		o.OnEnd(&run.Record)
	}
	if run.advanced.Load() {
		r.replica.LookNeeded.Send() // the look may find steps that can run now
		return nil
	}
	return r.look()
}

func (r *Runner) begin(ctx context.Context, o *Order) *activeRun {
	record := runs.Begin(r.replica.Name, o.Trigger, time.Now())
	run := &activeRun{Record: record, log: r.replica.Log.With("run", record.ID), ctx: ctx, counts: new(extract.Progress)}
	run.lineage = r.replica.Config.Load().Lineage.Begin(&run.Record, r.replica.Lineage.Add)
	r.tracker.RunStarted(run.progress)
	return run
}

// builder builds what is ordered, and reports each step to the runner.
func (r *Runner) builder(run *activeRun, o *Order) *build.Builder {
	return &build.Builder{Settings: o.Pipeline, Cache: r.replica.Cache, Hooks: build.Hooks{
		Progress: run.counts, Allow: o.Allow, Enough: r.replica.Life.Stopping(),
		OnStep: func(step *plan.Step, done *build.Done) {
			run.lineage.Step(step, done)
			if done == nil {
				r.tracker.StepStarted(&states.Running{Run: run.ID, ID: step.ID, Reason: step.Cause(), Begun: time.Now().UTC()})
				return
			}
			r.stepEnded(run, step, done)
		},
	}}
}

// stepEnded logs, measures and records the outcome of a step.
func (r *Runner) stepEnded(run *activeRun, step *plan.Step, done *build.Done) {
	took := r.tracker.StepEnded(step.ID)
	interrupted := run.ctx.Err() != nil && done.Err != nil
	r.replica.Metrics.StepEnded(done, took, interrupted)
	log := run.log.With("kind", step.ID.Kind, "report", step.ID.Report, "partition", step.ID.Name(), "took", took.Round(time.Millisecond).String())
	var blocked *build.Blocked
	switch err := done.Err; {
	case interrupted:
		log.Warn("step interrupted", "error", context.Cause(run.ctx))
	case errors.As(err, &blocked):
		log.Warn("step not tried", "error", err)
	case err != nil:
		log.Error("step failed", "error", err)
		now, p := time.Now().UTC(), controller.NewPolicy(&r.replica.Config.Load().Serve)
		r.replica.Controller.Queue(func(cs *controller.State) { cs.Fail(step, run.ID, now, p) })
	default:
		log.Info("step done", "state", done.State, "revision", done.Revision, "rows", done.Rows, "bytes", done.Bytes, "reason", done.Reason)
		r.succeeded(run, step.ID, done)
	}
}

// succeeded removes the retry state of a step, notes what it published, and reports a
// restatement.
func (r *Runner) succeeded(run *activeRun, id partition.ID, done *build.Done) {
	if done.State != publish.Unchanged {
		run.advanced.Store(true)
	}
	if (done.State == publish.Published || done.State == publish.Restated) && id.Kind != partition.Digest {
		run.published.Add(inspect.ChangeOf(r.replica.Config.Load().Pipeline, id, done.Manifest))
	}
	if done.State == publish.Restated && id.Kind != partition.Digest {
		r.alerts.Restated(done)
	}
	if ev := r.tracker.Last(); ev == nil || ev.Controller.Retries[id] == nil {
		return
	}
	r.replica.Controller.Queue(func(cs *controller.State) { delete(cs.Retries, id) })
}

// end records the outcome of a run, unless the run had no steps.
func (r *Runner) end(run *activeRun, result *build.Result, err error) {
	r.tracker.RunEnded()
	run.finish(result, err)
	run.lineage.End(&run.Record)
	r.replica.Metrics.RunEnded(&run.Record, result)
	took := run.Ended.Sub(run.Begun)
	run.log.Info("run ended", "outcome", run.Outcome, "error", run.Error, "steps", len(run.Steps), "took", took.Round(time.Millisecond).String())
	if result != nil && result.Unpacked != nil {
		run.log.Warn("the copies of manifests could not be stored; the next first look reads more manifests one by one", "error", result.Unpacked)
	}
	if run.Empty() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(run.ctx), runs.WriteTimeout)
	defer cancel()
	if err := r.replica.Controller.Flush(ctx); err != nil {
		run.log.Error("failures could not be stored; the next look tries again", "error", err)
	}
	if err := runs.Write(ctx, r.replica.Config.Sink(), &run.Record); err != nil {
		run.log.Warn("the run record could not be stored", "error", err)
	}
	_, _ = run.published.Flush(func(changes []inspect.Change) error { // it never fails
		r.alerts.Published(run.ID, changes)
		return nil
	})
	r.postLineage(ctx, run)
	if err := r.alerts.Post(ctx); err != nil {
		run.log.Warn("events could not be stored for delivery; the next look tries again", "error", err)
	}
}

// postLineage puts the run's events of lineage into the outbox.
func (r *Runner) postLineage(ctx context.Context, run *activeRun) {
	if r.replica.Lineage.Waiting() == 0 {
		return
	}
	if err := r.replica.Lineage.Post(ctx); err != nil {
		run.log.Warn("events of lineage could not be stored for delivery; the next attempt follows", "error", err)
	}
	r.alerts.Posted()
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
