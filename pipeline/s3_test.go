//go:build s3

package pipeline

import (
	"strings"
	"testing"
	"time"

	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/sources/store/storetest"
)

// With the tag s3, every test over the kinds of store runs on real servers,
// too.
func init() {
	for name, start := range map[string]func(testing.TB) *storetest.Server{
		"versitygw": storetest.StartVersitygw, "minio": storetest.StartMinIO,
	} {
		stores[name] = func(t *testing.T) store.Store { return onServer(t, start(t), store.RetryPolicy{}) }
	}
}

func onServer(t *testing.T, s *storetest.Server, retry store.RetryPolicy) store.Store {
	return store.WithRetry(store.WithStallTimeout(s.Store(t, "daybook"), 10*time.Second), retry)
}

// A store that stops answering in the middle of a run is given up after the
// attempts that it is allowed, and named.
func TestServerGoes(t *testing.T) {
	server := storetest.StartVersitygw(t)
	source := onServer(t, server, store.RetryPolicy{Attempts: 2, Base: time.Millisecond})
	generated(t, source, dump.Gzip)
	r := newRunner(t, source, store.NewMemory(nil))
	server.Kill()
	_, err := r.Run(t.Context(), theDay(t), OnlyDue)
	if err == nil || !strings.Contains(err.Error(), "s3://") || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v, want the store's name and that it refuses connections", err)
	}
}
