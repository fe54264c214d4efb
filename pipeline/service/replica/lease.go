package replica

import (
	"context"
	"io"
	"time"

	"daybook/sinks/lease"
	"daybook/sources/store"
)

// newLease makes the lease of a replica. changed is called when the replica gets or
// loses it.
func newLease(name string, c *ActiveConfig, changed func(lease.State)) *lease.Lease {
	return lease.New(leaseStore{c}, lease.Options{
		Holder: name, TTL: time.Duration(c.Load().Serve.Lease), OnChange: changed,
		Since: func(since, last, now time.Time) time.Time { return c.Load().UnbrokenSince(since, last, now) },
	})
}

// leaseStore is the sink of the configuration in force, as a reload may bring new
// credentials.
type leaseStore struct{ config *ActiveConfig }

func (l leaseStore) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	return l.config.Sink().Open(ctx, key, offset, length, ifMatch)
}

func (l leaseStore) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	return l.config.Sink().Put(ctx, key, body, size, cond)
}

func (l leaseStore) URL(key string) string { return l.config.Sink().URL(key) }
