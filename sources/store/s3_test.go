//go:build s3

package store_test

import (
	"testing"

	"daybook/sources/store"
	"daybook/sources/store/storetest"
)

var servers = map[string]func(testing.TB) *storetest.Server{
	"versitygw": storetest.StartVersitygw,
	"minio":     storetest.StartMinIO,
}

func TestS3Conformance(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			server := start(t)
			for _, prefix := range []string{"", "some/prefix"} {
				t.Run("prefix="+prefix, func(t *testing.T) {
					storetest.Run(t, storetest.Backend{
						New:     func(t *testing.T) store.Store { return server.Store(t, prefix) },
						Missing: func(t *testing.T) store.Store { return server.Open(t, server.Options("no-such-bucket", prefix)) },
					})
				})
			}
		})
	}
}
