//go:build s3

package store_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/rs/zerolog"

	"daybook/sources/store"
	"daybook/sources/store/storetest"
)

var servers = map[string]func(testing.TB) *storetest.Server{
	"versitygw": storetest.StartVersitygw,
	"minio":     storetest.StartMinIO,
}

// onServers runs a test on each of the real servers.
func onServers(t *testing.T, test func(t *testing.T, server *storetest.Server)) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) { test(t, start(t)) })
	}
}

func TestS3Conformance(t *testing.T) {
	onServers(t, func(t *testing.T, server *storetest.Server) {
		for _, prefix := range []string{"", "some/prefix"} {
			t.Run("prefix="+prefix, func(t *testing.T) {
				storetest.Run(t, storetest.Backend{
					// versitygw answers one request with what it thinks of another's
					// body now and then.
					New:     func(t *testing.T) store.Store { return store.WithRetry(server.Store(t, prefix), store.RetryPolicy{}) },
					Missing: func(t *testing.T) store.Store { return server.Open(t, server.Options("no-such-bucket", prefix)) },
				})
			})
		}
	})
}

// Two stores below neighbouring prefixes of one bucket do not see each other.
func TestS3Prefixes(t *testing.T) {
	onServers(t, func(t *testing.T, server *storetest.Server) {
		bucket := server.NewBucket(t)
		a, ab := server.Open(t, server.Options(bucket, "a")), server.Open(t, server.Options(bucket, "ab/"))
		put(t, a, "k", "in a")
		put(t, ab, "k", "in ab")
		for s, want := range map[*store.S3]string{a: "in a", ab: "in ab"} {
			keys, err := listKeys(s, t, "")
			if err != nil || strings.Join(keys, " ") != "k" {
				t.Errorf("%s lists %q, %v", s.URL(""), keys, err)
			}
			if got, err := readAll(t, s, "k", 0, ""); got != want || err != nil {
				t.Errorf("%s: read %q, %v", s.URL("k"), got, err)
			}
		}
	})
}

func TestS3Denied(t *testing.T) {
	onServers(t, func(t *testing.T, server *storetest.Server) {
		bucket := server.NewBucket(t)
		wrongSecret, unknownKey := server.Options(bucket, ""), server.Options(bucket, "")
		wrongSecret.SecretKey = "wrong-secret"
		unknownKey.AccessKey = "nobody"
		for _, o := range []store.S3Options{wrongSecret, unknownKey} {
			s := store.WithRetry(server.Open(t, o), store.RetryPolicy{Notify: func(err error, _ int, _ time.Duration) {
				t.Errorf("retried: %v", err)
			}})
			for name, call := range calls(s) {
				if err := call(t.Context()); !errors.Is(err, store.ErrDenied) {
					t.Errorf("%s: %v; want %v", name, err, store.ErrDenied)
				}
			}
		}
	})
}

func TestS3ServerGone(t *testing.T) {
	onServers(t, func(t *testing.T, server *storetest.Server) {
		s := store.WithRetry(server.Store(t, ""), noWait(3, nil))
		server.Kill()
		for name, call := range calls(s) {
			err := call(t.Context())
			want := "at " + server.Addr + ": dial tcp " + server.Addr + ": connect: connection refused (gave up after 3 attempts); check the endpoint, and that its server runs"
			if !errors.Is(err, syscall.ECONNREFUSED) || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%s: %v; want …%s", name, err, want)
			}
		}
		// Not a byte was sent, so that a conditional put may be repeated, too.
		_, err := s.Put(t.Context(), "k", strings.NewReader("v"), 1, store.Condition{IfAbsent: true})
		if err == nil || !strings.Contains(err.Error(), "after 3 attempts") {
			t.Errorf("a conditional put: %v; want three attempts", err)
		}
	})
}

// network is a link to a server that a test can disturb.
type network struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

// disturb puts a network between a server and a store in a new bucket.
func disturb(t *testing.T, server *storetest.Server) (*network, *store.S3) {
	t.Helper()
	control := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(control, "s3", "127.0.0.1:0", server.Addr)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	o := server.Options(server.NewBucket(t), "")
	o.Endpoint = "http://" + proxy.Listen
	return &network{t, proxy}, server.Open(t, o)
}

// replace ends the connections there are, and gives new ones the toxic (in
// toxiproxy's JSON) in place of those before; none if it is empty.
func (n *network) replace(toxic string) {
	n.t.Helper()
	n.proxy.Stop()
	n.proxy.Toxics.ResetToxics(n.t.Context())
	if toxic != "" {
		if _, err := n.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			n.t.Fatal(err)
		}
	}
	if err := n.proxy.Start(); err != nil {
		n.t.Fatal(err)
	}
}

func randomBytes(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{2}).Read(data)
	return data
}

// The connection breaks after every 3 MB; the body arrives whole.
func TestS3BodyCut(t *testing.T) {
	onServers(t, func(t *testing.T, server *storetest.Server) {
		network, s3 := disturb(t, server)
		data := randomBytes(10 << 20)
		if _, err := s3.Put(t.Context(), "k", bytes.NewReader(data), int64(len(data)), store.Condition{}); err != nil {
			t.Fatal(err)
		}
		network.replace(`{"type": "limit_data", "attributes": {"bytes": 3000000}}`)
		policy, cuts := noWait(3, nil), 0
		policy.Notify = func(error, int, time.Duration) { cuts++ }
		rc, _, err := store.WithRetry(s3, policy).Open(t.Context(), "k", 0, store.ToEnd, "")
		if err != nil {
			t.Fatal(err)
		}
		defer rc.Close()
		got, err := io.ReadAll(rc)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("read %d of %d bytes, error %v", len(got), len(data), err)
		}
		if cuts < 3 {
			t.Errorf("%d cuts; want 3 or more", cuts)
		}
	})
}

// The connection stays, but after 4 MB nothing comes any more: the read is
// cancelled, and goes on over a new connection.
func TestS3BodyStalled(t *testing.T) {
	toxics.Register("stall", new(storetest.Stall))
	onServers(t, func(t *testing.T, server *storetest.Server) {
		network, s3 := disturb(t, server)
		data := randomBytes(10 << 20)
		if _, err := s3.Put(t.Context(), "k", bytes.NewReader(data), int64(len(data)), store.Condition{}); err != nil {
			t.Fatal(err)
		}
		network.replace(`{"type": "stall", "attributes": {"bytes": 4000000}}`)
		policy, stalls := noWait(3, nil), 0
		policy.Notify = func(err error, _ int, _ time.Duration) {
			stalls++
			if !errors.Is(err, store.ErrStalled) {
				t.Errorf("retried: %v; want %v", err, store.ErrStalled)
			}
		}
		got, err := readAll(t, store.WithRetry(store.WithStallTimeout(s3, 500*time.Millisecond), policy), "k", 0, "")
		if err != nil || got != string(data) {
			t.Errorf("read %d of %d bytes, error %v", len(got), len(data), err)
		}
		if stalls < 2 {
			t.Errorf("%d stalls; want 2 or more", stalls)
		}
	})
}

// A server that takes the request and never answers.
func TestS3AnswerStalled(t *testing.T) {
	onServers(t, func(t *testing.T, server *storetest.Server) {
		network, s3 := disturb(t, server)
		network.replace(`{"type": "timeout", "attributes": {"timeout": 0}}`)
		for name, call := range calls(store.WithStallTimeout(s3, 300*time.Millisecond)) {
			if err := call(t.Context()); !errors.Is(err, store.ErrStalled) {
				t.Errorf("%s: %v; want %v", name, err, store.ErrStalled)
			}
		}
	})
}

// An upload that the network stops taking.
func TestS3UploadStalled(t *testing.T) {
	onServers(t, func(t *testing.T, server *storetest.Server) {
		network, s3 := disturb(t, server)
		network.replace(`{"type": "bandwidth", "stream": "upstream", "attributes": {"rate": 0}}`)
		data := randomBytes(40 << 20)
		_, err := store.WithStallTimeout(s3, 500*time.Millisecond).Put(t.Context(), "k", bytes.NewReader(data), int64(len(data)), store.Condition{})
		if !errors.Is(err, store.ErrStalled) {
			t.Errorf("%v; want %v", err, store.ErrStalled)
		}
	})
}

// The answer to a conditional put is lost. Its writer must learn that, and
// not, from a repeat, that somebody else was faster.
func TestS3AnswerLost(t *testing.T) {
	onServers(t, func(t *testing.T, server *storetest.Server) {
		network, s3 := disturb(t, server)
		network.replace(`{"type": "limit_data", "attributes": {"bytes": 10}}`)
		policy := noWait(3, nil)
		policy.Notify = func(err error, _ int, _ time.Duration) { t.Errorf("retried: %v", err) }
		_, err := store.WithRetry(s3, policy).Put(t.Context(), "k", strings.NewReader("mine"), 4, store.Condition{IfAbsent: true})
		if err == nil || errors.Is(err, store.ErrPrecondition) {
			t.Errorf("%v; want an error that leaves it open", err)
		}
		network.replace("")
		if got, err := readAll(t, s3, "k", 0, ""); got != "mine" || err != nil {
			t.Errorf("stored %q, %v; want what was put", got, err)
		}
	})
}

// A refused connection names the address and what to check.
func TestS3NobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	s, err := store.NewS3(store.S3Options{Bucket: "bucket", Endpoint: "http://" + addr, Region: "us-east-1", AccessKey: "a", SecretKey: "s"})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Delete(t.Context(), "k")
	want := "delete s3://bucket/k: at " + addr + ": dial tcp " + addr + ": connect: connection refused; check the endpoint, and that its server runs"
	if err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

// Objects have the content types of their keys' extensions, also if a server puts them
// together from parts.
func TestS3ContentTypes(t *testing.T) {
	onServers(t, func(t *testing.T, server *storetest.Server) {
		bucket := server.NewBucket(t)
		s := server.Open(t, server.Options(bucket, "p"))
		client, err := minio.New(server.Addr, &minio.Options{Creds: credentials.NewStaticV4(server.AccessKey, server.SecretKey, "")})
		if err != nil {
			t.Fatal(err)
		}
		large := strings.Repeat("x", 20<<20) // a multipart upload
		for _, c := range []struct{ key, body, want string }{
			{"reports/sessions/dt=2026-11-20/part-0-r1-0123456789abcdef.parquet", "PAR1", "application/vnd.apache.parquet"},
			{"reports/sessions/dt=2026-11-20/part-1-r1-0123456789abcdef.parquet", large, "application/vnd.apache.parquet"},
			{"_manifests/reports/sessions/dt=2026-11-20.json", "{}", "application/json"},
			{"summaries/sessions/day/2026-11-20/total.csv", "a,b\n", "text/csv; charset=utf-8"},
			{"_quarantine/dt=2026-11-20/rejects-r1-0123456789abcdef.ndjson", "{}\n", "application/x-ndjson"},
			{"loads/hive/reports/sessions/dt=2026-11-20/symlink.txt", "s3://b/k\n", "text/plain; charset=utf-8"},
			{"dumps/a.ndjson.gz", "x", "application/octet-stream"},
		} {
			put(t, s, c.key, c.body)
			info, err := client.StatObject(t.Context(), bucket, "p/"+c.key, minio.StatObjectOptions{})
			if err != nil || info.ContentType != c.want {
				t.Errorf("%s is %q, %v; want %q", c.key, info.ContentType, err, c.want)
			}
		}
	})
}
