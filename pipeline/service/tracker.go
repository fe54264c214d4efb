package service

import (
	"slices"
	"sync"
	"time"

	"daybook/pipeline/partition"
	"daybook/sinks/lease"
)

// tracker holds what this replica knows: the last evaluation, the state that is
// shown, and the run under way.
type tracker struct {
	lease *lease.Lease

	mu         sync.Mutex
	evaluation *evaluation // of the last successful look; nil before the first
	taken      *evaluation // the one that the last scheduled run started from
	state      *State      // for users, without the lease and the running steps
	shown      *State      // the last snapshot, if it is still current; else nil
	run        *activeRun  // nil if no run is under way
	running    map[partition.ID]*Running
}

func newTracker(l *lease.Lease, c *Config) *tracker {
	return &tracker{lease: l, state: emptyState(c), running: map[partition.ID]*Running{}}
}

// snapshot is the state now. It is immutable.
func (t *tracker) snapshot() *State {
	l := t.lease.State()
	now := Lease{Holder: l.Holder, Mine: l.Mine, Generation: l.Generation, Since: l.Since}
	if l.Free {
		now.Holder = ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	idle := len(t.running) == 0 && t.run == nil
	if idle && t.shown != nil && t.shown.Lease == now {
		return t.shown
	}
	state := *t.state
	state.Lease = now
	state.Running = make([]Running, 0, len(t.running))
	for _, r := range t.running {
		state.Running = append(state.Running, *r)
	}
	slices.SortFunc(state.Running, func(a, b Running) int { return a.Begun.Compare(b.Begun) })
	if t.run != nil {
		state.Progress = t.run.progress()
	}
	state.markRunning()
	if idle {
		t.shown = &state
	}
	return &state
}

// replace replaces the state. The caller holds t.mu.
func (t *tracker) replace(state *State) { t.state, t.shown = state, nil }

// lookSucceeded keeps the result of a look.
func (t *tracker) lookSucceeded(ev *evaluation) {
	state := ev.state()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.evaluation = ev
	t.replace(state)
}

// lookFailed keeps the older state and adds the error.
func (t *tracker) lookFailed(at time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	state := *t.state
	state.Time, state.Problem = at, err.Error()
	t.replace(&state)
}

// setAlerts shows the open alerts, unless a later look has been kept meanwhile.
func (t *tracker) setAlerts(ev *evaluation, alerts []Alert) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.evaluation != ev {
		return
	}
	state := *t.state
	state.Alerts = alerts
	t.replace(&state)
}

// lastEvaluation is that of the last successful look; nil before the first.
func (t *tracker) lastEvaluation() *evaluation {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.evaluation
}

// lastLook is when the last successful look began; zero before the first.
func (t *tracker) lastLook() time.Time {
	if ev := t.lastEvaluation(); ev != nil {
		return ev.now
	}
	return time.Time{}
}

// newest is the last evaluation, for a run that started from began. A run keeps
// its configuration, so an evaluation of another configuration, which may lack
// the report, is not used.
func (t *tracker) newest(began *evaluation) *evaluation {
	if last := t.lastEvaluation(); last.config == began.config {
		return last
	}
	return began
}

// takeWork returns the last evaluation if it has queued steps and no run has
// started from it; else nil.
func (t *tracker) takeWork() *evaluation {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.evaluation == nil || t.evaluation == t.taken || t.evaluation.queued == 0 {
		return nil
	}
	t.taken = t.evaluation
	return t.taken
}

func (t *tracker) runStarted(run *activeRun) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.run = run
}

func (t *tracker) runEnded() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.run = nil
	clear(t.running)
}

func (t *tracker) stepStarted(step *Running) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running[step.ID] = step
}

// stepEnded returns how long the step took; 0 if it never started.
func (t *tracker) stepEnded(id partition.ID) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	step := t.running[id]
	delete(t.running, id)
	if step == nil {
		return 0
	}
	return time.Since(step.Begun)
}
