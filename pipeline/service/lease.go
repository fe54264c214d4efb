package service

import (
	"context"
	"io"
	"time"

	"github.com/go-co-op/gocron/v2"

	"daybook/config"
	"daybook/pipeline/schedule"
	"daybook/sinks/lease"
	"daybook/sources/store"
)

// locker lets the scheduler start the job work only on the holder of the lease.
// The lease belongs to the replica, not to one job, so Unlock keeps it; Serve
// releases it at the end.
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

// leaseStore is the sink of the configuration in force, as Reload may bring new
// credentials.
type leaseStore struct{ config *activeConfig }

func (l leaseStore) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	return l.config.sink().Open(ctx, key, offset, length, ifMatch)
}

func (l leaseStore) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	return l.config.sink().Put(ctx, key, body, size, cond)
}

func (l leaseStore) URL(key string) string { return l.config.sink().URL(key) }

func (s *Service) since(since, last, now time.Time) time.Time {
	return unbrokenSince(&s.config.Load().Serve, since, last, now)
}

// unbrokenSince is the start of the time in which some replica was alive without a
// break. A gap of up to two lease times or two intervals is not a break: a takeover
// or a restart takes that long.
func unbrokenSince(serve *config.Serve, since, last, now time.Time) time.Time {
	return schedule.Since(since, last, now, 2*time.Duration(max(serve.Lease, serve.Interval)))
}

// leaseChanged starts a look as soon as this replica has got the lease.
func (s *Service) leaseChanged(state lease.State) {
	if state.Mine {
		s.log.Info("got the lease", "generation", state.Generation, "since", state.Since)
		s.lookNeeded.send()
		return
	}
	s.log.Info("lost or released the lease", "generation", state.Generation)
}
