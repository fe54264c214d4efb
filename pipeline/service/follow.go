package service

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/go-co-op/gocron/v2"

	"daybook/pipeline/schedule"
	"daybook/sinks/lease"
	"daybook/sources/store"
)

// locker lets only the holder of the lease work. The lease is not given back
// after each job: it is kept as long as the replica lives, and let go when it
// stops, by a call that does not depend on the scheduler's context, which is
// cancelled by then.
type locker struct{ lease *lease.Lease }

// Lock implements gocron.Locker.
func (l locker) Lock(context.Context, string) (gocron.Lock, error) {
	if !l.lease.State().Mine {
		return nil, lease.ErrNotHeld
	}
	return l, nil
}

// Unlock implements gocron.Lock.
func (locker) Unlock(context.Context) error { return nil }

// leaseStore is the sink as it is configured now: credentials may change.
type leaseStore struct{ s *Service }

func (l leaseStore) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	return l.s.current().Pipeline.Sink.Open(ctx, key, offset, length, ifMatch)
}

func (l leaseStore) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	return l.s.current().Pipeline.Sink.Put(ctx, key, body, size, cond)
}

func (l leaseStore) URL(key string) string { return l.s.current().Pipeline.Sink.URL(key) }

// since says since when the service has been alive without a break. One of two
// lease times, or of two intervals, is none: so long another replica may take
// to go on, and so long a restart.
func (s *Service) since(since, last, now time.Time) time.Time {
	serve := &s.current().Serve
	return schedule.Since(since, last, now, 2*time.Duration(max(serve.Lease, serve.Interval)))
}

// leaseChanged has a replica that has got the lease begin to work.
func (s *Service) leaseChanged(state lease.State) {
	if state.Mine {
		s.log.Info("got the lease", "generation", state.Generation, "since", state.Since)
		s.triggerLook()
		return
	}
	s.log.Info("the lease is not held any more", "generation", state.Generation)
}

// gocronLog is a logger for gocron, whose own words are of little use to those
// who run daybook.
type gocronLog struct{ log *slog.Logger }

func (l gocronLog) Debug(msg string, args ...any) { l.log.Debug(msg, args...) }
func (l gocronLog) Info(msg string, args ...any)  { l.log.Debug(msg, args...) }
func (l gocronLog) Warn(msg string, args ...any)  { l.log.Warn(msg, args...) }
func (l gocronLog) Error(msg string, args ...any) { l.log.Error(msg, args...) }
