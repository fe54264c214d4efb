package service

import (
	"context"

	"daybook/pipeline/build"
	"daybook/pipeline/service/actions"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/runner"
)

// maxActions is how many actions may wait or run on a replica.
const maxActions = 8

// Act starts an action and returns without waiting for its end. The action runs
// on this replica, like a command on the command line. The error is
// actions.ErrInvalid, with the reason, or actions.ErrBusy.
func (s *Service) Act(ctx context.Context, a actions.Action) error {
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
	o := &runner.Order{Trigger: a.String(), Pipeline: request.Pipeline(), Target: target}
	if a.Verb == actions.Rebuild {
		o.Only = build.OnlyAll
	}
	return s.start(o)
}

// start runs an order in the background.
func (s *Service) start(o *runner.Order) error {
	select {
	case s.actions <- struct{}{}:
	default:
		return actions.ErrBusy
	}
	log, ctx := s.replica.Log, s.replica.Life.Context()
	log.Info("action accepted", "action", o.Trigger)
	run := s.replica.Guarded(o.Trigger, func() error { return s.runner.Run(ctx, o) })
	go func() {
		defer func() { <-s.actions }()
		if err := run(); err != nil {
			log.Warn("action ended", "action", o.Trigger, "error", err)
		}
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
