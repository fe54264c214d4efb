package service

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrAbandoned is returned by Serve if running work did not finish in time.
var ErrAbandoned = errors.New("the running work took longer than stop_timeout and was abandoned; the next run repeats it")

// abandonTimeout is how long abandoned work gets to notice that its context has
// ended. It is safe to leave it running after that.
const abandonTimeout = 10 * time.Second

// lifecycle counts the runs under way, and ends them when the service stops.
type lifecycle struct {
	ctx      context.Context // all work; ends when the work is abandoned
	abandon  context.CancelCauseFunc
	stopping chan struct{} // closed when no further step may start

	mu   sync.Mutex // makes beginRun and stop exclude each other
	runs sync.WaitGroup
}

func newLifecycle() *lifecycle {
	l := &lifecycle{stopping: make(chan struct{})}
	l.ctx, l.abandon = context.WithCancelCause(context.Background())
	return l
}

func (l *lifecycle) isStopping() bool {
	select {
	case <-l.stopping:
		return true
	default:
		return false
	}
}

// beginRun counts a run, to be ended by runs.Done. It returns false if the
// service is stopping.
func (l *lifecycle) beginRun() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isStopping() {
		return false
	}
	l.runs.Add(1)
	return true
}

// stop lets no further run or step start, and waits for the running ones. It
// abandons them after the timeout.
func (l *lifecycle) stop(timeout time.Duration) error {
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
	waited(idle, abandonTimeout)
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
