package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"daybook/pipeline/audit"
	"daybook/pipeline/build"
	"daybook/pipeline/runs"
	"daybook/pipeline/service/actions"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/runner"
)

// maxActions is how many actions may wait or run on a replica.
const maxActions = 8

// Act records an action in the audit log, starts it, and returns without waiting for its
// end. The action runs on this replica, like a command on the command line. The error is
// actions.ErrInvalid, with the reason, actions.ErrBusy, or actions.ErrUnrecorded.
func (s *Service) Act(ctx context.Context, a actions.Action) error {
	record := audit.Begin(s.replica.Name, a, time.Now())
	if err := audit.Write(ctx, s.replica.Config.Sink(), record); err != nil {
		s.replica.Log.Error("action refused: the audit log cannot be written", "action", a.String(), "user", a.By.User, "error", err)
		return fmt.Errorf("%w: %w", actions.ErrUnrecorded, err)
	}
	s.replica.Log.Info("action asked for", "action", a.String(), "user", a.By.User, "role", a.By.Role, "address", a.By.Address, "audit", record.ID)
	err := s.act(ctx, a, record)
	switch {
	case errors.Is(err, actions.ErrInvalid), errors.Is(err, actions.ErrBusy):
		s.ended(ctx, record, audit.Refused, err.Error())
	case err != nil:
		s.ended(ctx, record, runs.Failed, err.Error())
	case a.Verb == actions.Retry:
		s.ended(ctx, record, runs.Done, "")
	}
	return err
}

// ended records the outcome of an action. The action is over, so an error is only logged;
// the log has the outcome, too.
func (s *Service) ended(ctx context.Context, record *audit.Record, outcome, why string) {
	record.End(time.Now(), outcome, why)
	s.replica.Log.Info("action ended", "action", record.Action.String(), "user", record.User, "outcome", outcome, "run", record.Run, "error", why, "audit", record.ID)
	if err := audit.Write(context.WithoutCancel(ctx), s.replica.Config.Sink(), record); err != nil {
		s.replica.Log.Warn("the outcome of an action could not be recorded in the audit log", "audit", record.ID, "error", err)
	}
}

func (s *Service) act(ctx context.Context, a actions.Action, record *audit.Record) error {
	request, err := a.Parse(s.Settings())
	if err != nil {
		return err
	}
	if a.Verb == actions.Retry {
		return s.retry(ctx, request)
	}
	target, err := request.Target()
	if err != nil {
		return err
	}
	o := &runner.Order{Trigger: a.Trigger(), Pipeline: request.Pipeline(), Target: target}
	if a.Verb == actions.Rebuild {
		o.Only = build.OnlyAll
	}
	return s.start(o, record)
}

// start runs an order in the background, and records its end.
func (s *Service) start(o *runner.Order, record *audit.Record) error {
	select {
	case s.actions <- struct{}{}:
	default:
		return actions.ErrBusy
	}
	ctx := s.replica.Life.Context()
	outcome, why := runs.Interrupted, "the service was stopped"
	o.OnEnd = func(r *runs.Record) { record.Run, outcome, why = r.ID, r.Outcome, r.Error }
	run := s.replica.Guarded(o.Trigger, func() error { return s.runner.Run(ctx, o) })
	go func() {
		defer func() { <-s.actions }()
		if err := run(); err != nil && record.Run == "" {
			outcome, why = runs.Failed, err.Error()
		}
		s.ended(ctx, record, outcome, why)
	}()
	return nil
}

// retry removes the retry states of failed steps, so that the next run tries them
// as if they had never failed.
func (s *Service) retry(ctx context.Context, r *actions.Request) error {
	_, err := s.replica.Controller.Edit(ctx, func(cs *controller.State) {
		for id := range cs.Retries {
			if r.Covers(id) {
				delete(cs.Retries, id)
			}
		}
	})
	if err != nil {
		return err
	}
	s.replica.LookNeeded.Send()
	return nil
}
