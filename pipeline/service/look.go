package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/sinks/lease"
	"daybook/sources/store"
)

// lookIntervals is how many intervals a look may take before it is given up.
const lookIntervals = 10

// minLook is what a look may take however short the interval is.
const minLook = time.Minute

// lookNow compares what should exist with what does, and has what is to be done
// about it done.
func (s *Service) lookNow() error {
	j, err := s.refresh()
	if err != nil || j == nil {
		return err
	}
	if j.queued > 0 && s.lease.State().Mine {
		s.runNow(workName, s.workJob())
	}
	return nil
}

// refresh compares what should exist with what does, and keeps what it finds.
// Once the service is stopping it does nothing, and finds nil.
func (s *Service) refresh() (*evaluation, error) {
	select {
	case s.looking <- struct{}{}:
	case <-s.life.Done():
		return nil, nil
	}
	defer func() { <-s.looking }()
	if s.isStopping() {
		return nil, nil
	}
	c := s.current()
	ctx, cancel := context.WithTimeout(s.life, max(minLook, lookIntervals*time.Duration(c.Serve.Interval)))
	defer cancel()
	select {
	case <-s.lease.Known(): // or else nobody would know since when the service has been alive
	case <-ctx.Done():
	}
	s.sayLease()
	began := time.Now()
	j, err := s.compare(ctx, c)
	if err != nil && s.isStopping() {
		return nil, nil // it was ended
	}
	s.metrics.looked(time.Since(began), err)
	if err != nil {
		s.log.Error("the look failed; what is shown is older", "error", err)
		s.lookFailed(began, err)
		return nil, err
	}
	s.found(j)
	if !s.lease.State().Mine {
		return j, nil
	}
	if err := s.updateAlerts(ctx, j); err != nil {
		s.log.Error("alerts could not be kept; the next look tries again", "error", err)
	}
	return j, nil
}

// sayLease says in the log that the lease cannot be taken, as nothing is built
// here then: once, and again when the reason is another.
func (s *Service) sayLease() {
	l := s.lease.State()
	why := ""
	if l.Err != nil && !l.Mine && !errors.Is(l.Err, lease.ErrNotHeld) {
		why = kindOf(l.Err)
	}
	if why == s.noLease {
		return
	}
	s.noLease = why
	if why == "" {
		s.log.Info("the lease can be taken again")
		return
	}
	s.log.Error("nothing is built here until the sink lets this replica read and write "+lease.Key+"; it is tried again and again", "error", l.Err)
}

// kindOf is what two errors have in common that have one reason: their texts may
// differ by names and numbers that mean nothing.
func kindOf(err error) string {
	var e *store.Error
	if !errors.As(err, &e) {
		return "another"
	}
	return fmt.Sprint(e.Op, " ", e.Kind)
}

// found keeps what a look has found.
func (s *Service) found(j *evaluation) {
	state := j.state()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.evaluation, s.looked = j, j.now
	s.keep(state)
}

// compare looks at source and sink.
func (s *Service) compare(ctx context.Context, c *Config) (*evaluation, error) {
	now := time.Now()
	p, err := plan.Make(ctx, &catalog.Reader{Settings: c.Pipeline, Cache: s.cache}, partition.Everything())
	if err != nil {
		return nil, err
	}
	if err := s.writeNotes(ctx); err != nil {
		s.log.Error("what failed could not be counted; the next look tries again", "error", err)
	}
	b, _, err := readControllerState(ctx, c.Pipeline.Sink)
	if err != nil {
		return nil, fmt.Errorf("read what failed before: %w", err)
	}
	since := s.lease.State().Since
	if since.IsZero() {
		since = now
	}
	return newEvaluation(c, b, p, now, since), nil
}

// lookFailed keeps what the last look has found, with the reason why there is
// nothing newer.
func (s *Service) lookFailed(at time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := *s.state
	state.Time, state.Problem = at, err.Error()
	s.keep(&state)
}

// blank is what is known before the first look.
func (s *Service) blank() *State {
	state := &State{Reports: []Report{}, Digests: []Partition{}, Running: []Running{}, Alerts: []Alert{}, TooLate: []catalog.Late{}, Unknown: []string{}}
	for i := range s.config.Pipeline.Reports {
		rep := &s.config.Pipeline.Reports[i]
		state.Reports = append(state.Reports, Report{Name: rep.Name, Timezone: rep.Zone.String(), Settings: rep.Text, Days: []Partition{}, Months: []Partition{}})
	}
	return state
}

// State is what is known at the moment. It does not change any more, and as long
// as nothing has changed it is the same one.
func (s *Service) State() *State {
	l := s.lease.State()
	now := Lease{Holder: l.Holder, Mine: l.Mine, Generation: l.Generation, Since: l.Since}
	if l.Free {
		now.Holder = ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	idle := len(s.running) == 0 && s.run == nil
	if idle && s.shown != nil && s.shown.Lease == now {
		return s.shown
	}
	state := *s.state
	state.Lease = now
	state.Running = make([]Running, 0, len(s.running))
	for _, r := range s.running {
		state.Running = append(state.Running, *r)
	}
	slices.SortFunc(state.Running, func(a, b Running) int { return a.Begun.Compare(b.Begun) })
	if s.run != nil {
		state.Progress = s.run.progress()
	}
	state.building()
	if idle {
		s.shown = &state
	}
	return &state
}

// keep makes a state the one that is known. The caller has s.mu.
func (s *Service) keep(state *State) { s.state, s.shown = state, nil }

// building marks the partitions that are being made, in copies of what other
// states share.
func (s *State) building() {
	if len(s.Running) == 0 {
		return
	}
	s.Reports, s.Digests = slices.Clone(s.Reports), slices.Clone(s.Digests)
	for i := range s.Reports {
		s.Reports[i].Days, s.Reports[i].Months = slices.Clone(s.Reports[i].Days), slices.Clone(s.Reports[i].Months)
	}
	for i := range s.Running {
		if p := s.find(s.Running[i].ID); p != nil {
			p.State = Building
		}
	}
}

// find is a partition; nil if the state does not have it.
func (s *State) find(id partition.ID) *Partition {
	partitions := s.Digests
	if id.Kind != partition.Digest {
		i := slices.IndexFunc(s.Reports, func(rep Report) bool { return rep.Name == id.Report })
		if i < 0 {
			return nil
		}
		if partitions = s.Reports[i].Days; id.Kind == partition.Month {
			partitions = s.Reports[i].Months
		}
	}
	i := slices.IndexFunc(partitions, func(p Partition) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return &partitions[i]
}
