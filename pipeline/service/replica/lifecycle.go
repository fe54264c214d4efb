package replica

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrAbandoned is the error of a stop if running work did not finish in time.
var ErrAbandoned = errors.New("the running work took longer than stop_timeout and was abandoned; the next run repeats it")

// AbandonTimeout is how long abandoned work gets to notice that its context has
// ended. It is safe to leave it running after that.
const AbandonTimeout = 10 * time.Second

// Lifecycle counts the runs under way, and ends them when the service stops.
type Lifecycle struct {
	ctx      context.Context
	abandon  context.CancelCauseFunc
	stopping chan struct{}

	mu   sync.Mutex // makes BeginRun and Stop exclude each other
	runs sync.WaitGroup
}

func newLifecycle() *Lifecycle {
	l := &Lifecycle{stopping: make(chan struct{})}
	l.ctx, l.abandon = context.WithCancelCause(context.Background())
	return l
}

// Context is the context of all work. It ends when the work is abandoned.
func (l *Lifecycle) Context() context.Context { return l.ctx }

// Stopping is closed when no further step may start.
func (l *Lifecycle) Stopping() <-chan struct{} { return l.stopping }

// IsStopping reports whether Stopping is closed.
func (l *Lifecycle) IsStopping() bool {
	select {
	case <-l.stopping:
		return true
	default:
		return false
	}
}

// BeginRun counts a run, until EndRun. It returns false if the service is stopping.
func (l *Lifecycle) BeginRun() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.IsStopping() {
		return false
	}
	l.runs.Add(1)
	return true
}

// EndRun ends a run that BeginRun has counted.
func (l *Lifecycle) EndRun() { l.runs.Done() }

// Stop lets no further run or step start, and waits for the running ones. It
// abandons them after the timeout.
func (l *Lifecycle) Stop(timeout time.Duration) error {
	l.mu.Lock()
	close(l.stopping)
	l.mu.Unlock()
	defer l.abandon(context.Canceled)
	idle := make(chan struct{})
	go func() { l.runs.Wait(); close(idle) }()
	if waited(idle, timeout) {
		return nil
	}
	l.abandon(ErrAbandoned)
	waited(idle, AbandonTimeout)
	return ErrAbandoned
}

// waited waits for done and returns true, or false after the timeout.
func waited(done <-chan struct{}, timeout time.Duration) bool {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
