//go:build s3

package build_test

import (
	"strings"
	"testing"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/pipelinetest"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/sources/store/storetest"
)

// With the tag s3, the tests over the kinds of store run on real servers, too.
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

// A run gives up on a store that stops answering after the allowed attempts. The error
// names the store.
func TestServerGoes(t *testing.T) {
	server := storetest.StartVersitygw(t)
	source := onServer(t, server, store.RetryPolicy{Attempts: 2, Base: time.Millisecond})
	pipelinetest.Generate(t, source, dump.Gzip)
	b := &build.Builder{Settings: pipelinetest.Settings(t, source, store.NewMemory(nil))}
	server.Kill()
	_, err := b.Run(t.Context(), pipelinetest.TheDay, build.OnlyDue)
	if err == nil || !strings.Contains(err.Error(), "s3://") || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v, want the store's name and that it refuses connections", err)
	}
}
