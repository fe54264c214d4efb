package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/sinks/lease"
	"daybook/sources/store"
)

// A look times out after lookIntervals intervals, or after minLook if that is
// longer.
const (
	lookIntervals = 10
	minLook       = time.Minute
)

// evaluator does the looks: it compares what should exist with what exists.
type evaluator struct {
	log        *slog.Logger
	config     *activeConfig
	cache      *catalog.Cache
	metrics    *metrics
	lease      *lease.Lease
	life       *lifecycle
	tracker    *tracker
	controller *controllerStore
	alerts     *alerter

	looking    chan struct{} // holds one element while a look is under way
	leaseError string        // the kind of lease error logged last; guarded by looking
}

// look evaluates the reports and keeps the result in the tracker. On the holder
// of the lease it also updates the alerts. It returns nil, nil if the service is
// stopping.
func (e *evaluator) look() (*evaluation, error) {
	select {
	case e.looking <- struct{}{}:
	case <-e.life.ctx.Done():
		return nil, nil
	}
	defer func() { <-e.looking }()
	if e.life.isStopping() {
		return nil, nil
	}
	c := e.config.Load()
	ctx, cancel := context.WithTimeout(e.life.ctx, max(minLook, lookIntervals*time.Duration(c.Serve.Interval)))
	defer cancel()
	select {
	case <-e.lease.Known(): // the lease says since when the service has been alive
	case <-ctx.Done():
	}
	e.logLease()
	began := time.Now()
	ev, err := e.evaluate(ctx, c)
	if err != nil && e.life.isStopping() {
		return nil, nil
	}
	e.metrics.looked(time.Since(began), err)
	if err != nil {
		e.log.Error("the look failed; the console shows the result of an earlier look", "error", err)
		e.tracker.lookFailed(began, err)
		return nil, err
	}
	e.tracker.lookSucceeded(ev)
	if !e.lease.State().Mine {
		return ev, nil
	}
	if err := e.alerts.update(ctx, ev); err != nil {
		e.log.Error("alerts could not be stored; the next look tries again", "error", err)
	}
	return ev, nil
}

// evaluate reads the source, the sink and the controller state.
func (e *evaluator) evaluate(ctx context.Context, c *Config) (*evaluation, error) {
	now := time.Now()
	p, err := plan.Make(ctx, &catalog.Reader{Settings: c.Pipeline, Cache: e.cache}, partition.Everything())
	if err != nil {
		return nil, err
	}
	if err := e.controller.flush(ctx); err != nil {
		e.log.Error("failures could not be stored; the next look tries again", "error", err)
	}
	cs, _, err := readControllerState(ctx, c.Pipeline.Sink)
	if err != nil {
		return nil, fmt.Errorf("read the controller state: %w", err)
	}
	since := e.lease.State().Since
	if since.IsZero() {
		since = now
	}
	return newEvaluation(c, cs, p, now, since), nil
}

// Assess is the state of the reports according to a plan of everything, as a replica
// that starts now would see it. It reads the controller state and the lease, and
// writes nothing.
func Assess(ctx context.Context, c *Config, p *plan.Plan) (*State, error) {
	cs, _, err := readControllerState(ctx, c.Pipeline.Sink)
	if err != nil {
		return nil, fmt.Errorf("read the controller state: %w", err)
	}
	last, err := lease.Read(ctx, c.Pipeline.Sink)
	if err != nil {
		return nil, fmt.Errorf("read the lease: %w", err)
	}
	now := c.Pipeline.Now()
	ev := newEvaluation(c, cs, p, now, unbrokenSince(&c.Serve, last.Since, last.Renewed, now))
	ev.neverServed = last.Holder == "" && last.Renewed.IsZero()
	return ev.state(), nil
}

// logLease logs that the lease cannot be taken, since this replica builds nothing
// then. Each kind of error is logged once.
func (e *evaluator) logLease() {
	l := e.lease.State()
	kind := ""
	if l.Err != nil && !l.Mine && !errors.Is(l.Err, lease.ErrNotHeld) {
		kind = errorKind(l.Err)
	}
	if kind == e.leaseError {
		return
	}
	e.leaseError = kind
	if kind == "" {
		e.log.Info("the lease can be taken again")
		return
	}
	e.log.Error("this replica builds nothing until it can read and write "+lease.Key+" in the sink; it keeps trying", "error", l.Err)
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
func (e *evaluator) wait() {
	timer := time.NewTimer(abandonTimeout)
	defer timer.Stop()
	select {
	case e.looking <- struct{}{}: // never freed again: this was the last look
	case <-timer.C:
	}
}
