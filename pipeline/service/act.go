package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/transform/day"
)

// ErrBadAction means that an action is not valid.
var ErrBadAction = errors.New("invalid action")

// ErrBusy means that too many actions wait already.
var ErrBusy = errors.New("too many actions are waiting; try again when one has finished")

// maxActions is how many actions may wait or run on a replica.
const maxActions = 8

// Act starts an action and returns without waiting for its end. The action runs
// on this replica, like a command on the command line. The error is ErrBadAction,
// with the reason, or ErrBusy.
func (s *Service) Act(ctx context.Context, a Action) error {
	c := s.config.Load()
	r, err := a.parse(c)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadAction, err)
	}
	if a.Verb == VerbRetry {
		return s.retry(ctx, r)
	}
	target, ok := r.target()
	if !ok {
		return fmt.Errorf("%w: no day of %s is over; name the days to build them all the same", ErrBadAction, target)
	}
	o := &order{trigger: a.words(), config: c, target: target, reports: r.reports}
	if a.Verb == VerbRebuild {
		o.only = build.OnlyAll
	}
	return s.start(o)
}

// start runs an order in the background.
func (s *Service) start(o *order) error {
	select {
	case s.actions <- struct{}{}:
	default:
		return ErrBusy
	}
	s.log.Info("action accepted", "action", o.trigger)
	go func() {
		defer func() { <-s.actions }()
		if err := guarded(s.log, o.trigger, func() error { return s.runner.run(s.life.ctx, o) })(); err != nil {
			s.log.Warn("action ended", "action", o.trigger, "error", err)
		}
	}()
	return nil
}

// retry removes the retry states of failed steps, so that the next run tries them
// as if they had never failed.
func (s *Service) retry(ctx context.Context, r *request) error {
	_, err := s.controller.edit(ctx, func(cs *controllerState) {
		for id := range cs.Retries {
			if r.covers(id) {
				delete(cs.Retries, id)
			}
		}
	})
	if err != nil {
		return err
	}
	s.lookNeeded.send()
	return nil
}

// request is a parsed action.
type request struct {
	from, to day.Day
	month    bool // from and to are one whole month
	digests  bool // only the digests of these dump days
	reports  []settings.Report
	settings *settings.Pipeline
}

// target is the days to build. A month ends yesterday. ok is false if no day of it is
// over.
func (r *request) target() (_ partition.Target, ok bool) {
	if r.month {
		return partition.WholeMonth(r.from.Month()).Until(r.settings.Yesterday())
	}
	return partition.Days(r.from, r.to), true
}

// covers reports whether the request includes a partition. It includes a digest if
// one of its days needs the digest.
func (r *request) covers(id partition.ID) bool {
	days := partition.Period{From: r.from, To: r.to}
	if r.digests {
		return id.Kind == partition.Digest && days.Contains(id.Day())
	}
	if id.Kind == partition.Digest {
		return r.settings.Needed(days).Contains(id.Day())
	}
	return r.has(id.Report) && id.Period.To >= r.from && id.Period.From <= r.to
}

func (r *request) has(report string) bool {
	for i := range r.reports {
		if r.reports[i].Name == report {
			return true
		}
	}
	return false
}

// parse checks an action against the configuration.
func (a *Action) parse(c *Config) (*request, error) {
	r := &request{settings: c.Pipeline, reports: c.Pipeline.Reports}
	switch a.Verb {
	case VerbRun, VerbRebuild, VerbBackfill, VerbRetry:
	default:
		return nil, fmt.Errorf("there is no action %q; use run, rebuild, backfill or retry", shortened(a.Verb, 32))
	}
	switch r.digests = a.Kind == partition.Digest; {
	case a.Kind != "" && !r.digests:
		return nil, fmt.Errorf("there is no action on the kind %q; use digest, or give a report", shortened(string(a.Kind), 32))
	case r.digests && a.Verb != VerbRetry:
		return nil, fmt.Errorf("%s makes reports; a digest can only be retried", a.Verb)
	case r.digests && a.Report != "":
		return nil, errors.New("a digest belongs to no report; leave the report out")
	}
	if a.Report != "" {
		r.reports = nil
		for i := range c.Pipeline.Reports {
			if c.Pipeline.Reports[i].Name == a.Report {
				r.reports = c.Pipeline.Reports[i : i+1]
			}
		}
		if r.reports == nil {
			return nil, fmt.Errorf("there is no report %q", shortened(a.Report, 64))
		}
	}
	if m, err := day.ParseMonth(a.From); err == nil && a.To == "" {
		r.from, r.to, r.month = m.First(), m.Last(), true
		return r, nil
	}
	var err error
	if r.from, err = day.Parse(a.From); err != nil {
		return nil, err
	}
	r.to = r.from
	if a.To != "" {
		if r.to, err = day.Parse(a.To); err != nil {
			return nil, err
		}
	}
	if r.to < r.from {
		return nil, fmt.Errorf("%s is before %s", r.to, r.from)
	}
	return r, nil
}

// words is the action as the run records show it.
func (a *Action) words() string {
	words := []string{a.Verb}
	if a.Kind != "" {
		words = append(words, string(a.Kind))
	}
	if a.Report != "" {
		words = append(words, a.Report)
	}
	words = append(words, a.From)
	if a.To != "" && a.To != a.From {
		words = append(words, "to", a.To)
	}
	return strings.Join(words, " ")
}
