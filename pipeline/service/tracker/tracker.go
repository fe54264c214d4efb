// Package tracker holds what one replica knows: the result of the last look, and the run
// under way. What it returns is immutable. It does no I/O.
package tracker

import (
	"slices"
	"sync"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/service/evaluation"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/states"
	"daybook/sinks/lease"
)

// Tracker holds what this replica knows: the last evaluation, the snapshot that is shown,
// and the run under way. It is safe for concurrent use.
type Tracker struct {
	lease *lease.Lease

	mu         sync.Mutex
	evaluation *evaluation.Evaluation // of the last successful look; nil before the first
	taken      *evaluation.Evaluation // the one that the last scheduled run started from
	looked     *states.Snapshot       // by the last look, without the lease and the running steps
	shown      *states.Snapshot       // the last snapshot, if it is still current; else nil
	progress   func() states.Progress // of the run under way; nil between runs
	running    map[partition.ID]*states.Running
}

// New makes a tracker of a replica before its first look.
func New(r *replica.Replica) *Tracker {
	return &Tracker{lease: r.Lease, looked: states.NewSnapshot(r.Config.Load().Pipeline.Reports), running: map[partition.ID]*states.Running{}}
}

// Snapshot is what the replica knows now. It is the same pointer until something changes.
func (t *Tracker) Snapshot() *states.Snapshot {
	l := t.lease.State()
	now := states.Lease{Holder: l.Holder, Mine: l.Mine, Generation: l.Generation, Since: l.Since}
	if l.Free {
		now.Holder = ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	idle := len(t.running) == 0 && t.progress == nil
	if idle && t.shown != nil && t.shown.Lease == now {
		return t.shown
	}
	snapshot := *t.looked
	snapshot.Lease = now
	snapshot.Running = make([]states.Running, 0, len(t.running))
	for _, r := range t.running {
		snapshot.Running = append(snapshot.Running, *r)
	}
	slices.SortFunc(snapshot.Running, func(a, b states.Running) int { return a.Begun.Compare(b.Begun) })
	if t.progress != nil {
		snapshot.Progress = t.progress()
	}
	snapshot.MarkRunning()
	if idle {
		t.shown = &snapshot
	}
	return &snapshot
}

// replace replaces the snapshot of the look. The caller holds t.mu.
func (t *Tracker) replace(looked *states.Snapshot) { t.looked, t.shown = looked, nil }

// LookSucceeded keeps the result of a look.
func (t *Tracker) LookSucceeded(ev *evaluation.Evaluation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.evaluation = ev
	t.replace(ev.Snapshot)
}

// LookFailed keeps the older result and adds the error.
func (t *Tracker) LookFailed(at time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	looked := *t.looked
	looked.Time, looked.Problem = at, err.Error()
	t.replace(&looked)
}

// SetAlerts shows the open alerts, unless a later look has been kept meanwhile.
func (t *Tracker) SetAlerts(ev *evaluation.Evaluation, alerts []states.Alert) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.evaluation != ev {
		return
	}
	looked := *t.looked
	looked.Alerts = alerts
	t.replace(&looked)
}

// Last is the evaluation of the last successful look; nil before the first.
func (t *Tracker) Last() *evaluation.Evaluation {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.evaluation
}

// LastLook is when the last successful look began; zero before the first.
func (t *Tracker) LastLook() time.Time {
	if ev := t.Last(); ev != nil {
		return ev.Now
	}
	return time.Time{}
}

// Newest is the last evaluation, for a run that started from began. A run keeps
// its configuration, so an evaluation of another configuration, which may lack
// the report, is not used.
func (t *Tracker) Newest(began *evaluation.Evaluation) *evaluation.Evaluation {
	if last := t.Last(); last.Config == began.Config {
		return last
	}
	return began
}

// TakeWork returns the last evaluation if it has queued steps and no run has
// started from it; else nil.
func (t *Tracker) TakeWork() *evaluation.Evaluation {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.evaluation == nil || t.evaluation == t.taken || t.evaluation.Queued == 0 {
		return nil
	}
	t.taken = t.evaluation
	return t.taken
}

// RunStarted notes the run under way.
func (t *Tracker) RunStarted(progress func() states.Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress = progress
}

// RunEnded notes that no run is under way.
func (t *Tracker) RunEnded() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress = nil
	clear(t.running)
}

// StepStarted notes a step under way.
func (t *Tracker) StepStarted(step *states.Running) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running[step.ID] = step
}

// StepEnded ends a step. It returns how long the step took; 0 if it never started.
func (t *Tracker) StepEnded(id partition.ID) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	step := t.running[id]
	delete(t.running, id)
	if step == nil {
		return 0
	}
	return time.Since(step.Begun)
}
