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

// ErrBadAction: an action asks for what is not there.
var ErrBadAction = errors.New("this cannot be done")

// ErrBusy: there are too many actions already.
var ErrBusy = errors.New("too many actions are waiting; try again when one of them is done")

// maxActions is how many actions may wait or run on a replica.
const maxActions = 8

// Act does what people ask for, or begins to: it does not wait for the end. An
// action runs on the replica that was asked, as it would from the command line.
// If it makes no sense, the error is ErrBadAction with the reason.
func (s *Service) Act(ctx context.Context, a Action) error {
	c := s.current()
	r, err := a.parse(c)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadAction, err)
	}
	if a.Verb == VerbRetry {
		return s.retry(ctx, r)
	}
	o := &order{trigger: a.words(), config: c, target: r.target(), reports: r.reports}
	if a.Verb == VerbRebuild {
		o.only = build.OnlyAll
	}
	return s.start(o)
}

// start carries out an order beside everything else.
func (s *Service) start(o *order) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked >= maxActions {
		return ErrBusy
	}
	s.asked++
	s.log.Info("action accepted", "action", o.trigger)
	go func() {
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.asked--
		}()
		if err := s.guarded(o.trigger, func() error { return s.do(s.life, o) })(); err != nil {
			s.log.Warn("action ended", "action", o.trigger, "error", err)
		}
	}()
	return nil
}

// retry has what failed tried at once, as if it had never failed before.
func (s *Service) retry(ctx context.Context, r *request) error {
	_, err := s.edit(ctx, func(b *controllerState) {
		for k := range b.Retries {
			if r.covers(k) {
				delete(b.Retries, k)
			}
		}
	})
	if err != nil {
		return err
	}
	s.triggerLook()
	return nil
}

// request is an action that makes sense.
type request struct {
	from, to day.Day
	month    bool // it is one whole month
	reports  []settings.Report
	settings *settings.Pipeline
}

func (r *request) target() partition.Target {
	if r.month {
		return partition.WholeMonth(r.from.Month())
	}
	return partition.Days(r.from, r.to)
}

// covers says whether a partition, or a digest that one of the days needs, is
// among those asked for.
func (r *request) covers(id partition.ID) bool {
	days := partition.Period{From: r.from, To: r.to}
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
		return nil, fmt.Errorf("there is no action %q; there are run, rebuild, backfill and retry", shortened(a.Verb, 32))
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

// words are the action as the history of runs shows it.
func (a *Action) words() string {
	words := []string{a.Verb}
	if a.Report != "" {
		words = append(words, a.Report)
	}
	words = append(words, a.From)
	if a.To != "" && a.To != a.From {
		words = append(words, "to", a.To)
	}
	return strings.Join(words, " ")
}
