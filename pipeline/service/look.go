package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/schedule"
	"daybook/pipeline/service/alerts"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/evaluation"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/tracker"
	"daybook/sinks/lease"
	"daybook/sources/store"
)

// A look times out after lookIntervals intervals, or after minLook if that is
// longer.
const (
	lookIntervals = 10
	minLook       = time.Minute
)

// looker does the looks: it compares what should exist with what exists.
type looker struct {
	*replica.Replica
	tracker *tracker.Tracker
	alerts  *alerts.Alerter

	looking    chan struct{} // holds one element while a look is under way
	leaseError string        // the kind of lease error logged last; guarded by looking
}

func newLooker(r *replica.Replica, t *tracker.Tracker, a *alerts.Alerter) *looker {
	return &looker{Replica: r, tracker: t, alerts: a, looking: make(chan struct{}, 1)}
}

// look evaluates the reports and keeps the result in the tracker. On the holder
// of the lease it also updates the alerts. It returns nil, nil if the service is
// stopping.
func (l *looker) look() (*evaluation.Evaluation, error) {
	select {
	case l.looking <- struct{}{}:
	case <-l.Life.Context().Done():
		return nil, nil
	}
	defer func() { <-l.looking }()
	if l.Life.IsStopping() {
		return nil, nil
	}
	c := l.Config.Load()
	ctx, cancel := context.WithTimeout(l.Life.Context(), max(minLook, lookIntervals*time.Duration(c.Serve.Interval)))
	defer cancel()
	select {
	case <-l.Lease.Known(): // the lease says since when the service has been alive
	case <-ctx.Done():
	}
	l.logLease()
	began := time.Now()
	ev, err := l.evaluate(ctx, c)
	if err != nil && l.Life.IsStopping() {
		return nil, nil
	}
	l.Metrics.Looked(time.Since(began), err)
	if err != nil {
		l.Log.Error("the look failed; the console shows the result of an earlier look", "error", err)
		l.tracker.LookFailed(began, err)
		return nil, err
	}
	l.tracker.LookSucceeded(ev)
	if unread := ev.Snapshot.Unread; unread.Objects > 0 {
		l.Log.Warn(unread.String(), "objects", unread.Objects)
	}
	if !l.Lease.State().Mine {
		return ev, nil
	}
	if err := l.alerts.Update(ctx, ev); err != nil {
		l.Log.Error("alerts could not be stored; the next look tries again", "error", err)
	}
	return ev, nil
}

// evaluate reads the source, the sink and the controller state.
func (l *looker) evaluate(ctx context.Context, c *replica.Config) (*evaluation.Evaluation, error) {
	now := time.Now()
	p, err := plan.Make(ctx, &catalog.Reader{Settings: c.Pipeline, Cache: l.Cache}, partition.Everything())
	if err != nil {
		return nil, err
	}
	if err := l.Controller.Flush(ctx); err != nil {
		l.Log.Error("failures could not be stored; the next look tries again", "error", err)
	}
	cs, _, err := controller.Read(ctx, c.Pipeline.Sink)
	if err != nil {
		return nil, fmt.Errorf("read the controller state: %w", err)
	}
	since := l.Lease.State().Since
	if since.IsZero() {
		since = now
	}
	return evaluation.New(c, cs, p, schedule.Moment{Now: now, Since: since}), nil
}

// logLease logs that the lease cannot be taken, since this replica builds nothing
// then. Each kind of error is logged once.
func (l *looker) logLease() {
	state := l.Lease.State()
	kind := ""
	if state.Err != nil && !state.Mine && !errors.Is(state.Err, lease.ErrNotHeld) {
		kind = errorKind(state.Err)
	}
	if kind == l.leaseError {
		return
	}
	l.leaseError = kind
	if kind == "" {
		l.Log.Info("the lease can be taken again")
		return
	}
	l.Log.Error("this replica builds nothing until it can read and write "+lease.Key+" in the sink; it keeps trying", "error", state.Err)
}

// errorKind is equal for errors with the same cause. Their texts may differ by
// random names.
func errorKind(err error) string {
	var e *store.Error
	if !errors.As(err, &e) {
		return "other"
	}
	return fmt.Sprint(e.Op, " ", e.Kind)
}

// wait waits for the look under way, whose context has ended. The scheduler would
// poll for it.
func (l *looker) wait() {
	timer := time.NewTimer(replica.AbandonTimeout)
	defer timer.Stop()
	select {
	case l.looking <- struct{}{}: // never freed again: this was the last look
	case <-timer.C:
	}
}
