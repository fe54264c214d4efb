package storetest

import (
	"context"
	"crypto/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"daybook/sources/store"
)

// Server is an S3 server in its own process, on a free port of the loopback
// interface, with its own directory and credentials. It ends with the test.
type Server struct {
	Addr      string // host:port
	AccessKey string
	SecretKey string

	client *minio.Client
	kill   func()
}

// Environment variables with the paths of the servers' binaries. By default,
// tests use the binaries that `make s3` builds in .bin/ beside go.mod, from the
// versions pinned in testdata/tools.
const (
	EnvVersitygw = "DAYBOOK_VERSITYGW"
	EnvMinIO     = "DAYBOOK_MINIO"
)

// readyTimeout limits the start of a server. Both servers take about a second.
const readyTimeout = 30 * time.Second

// StartVersitygw starts a versitygw that stores objects in a directory.
func StartVersitygw(t testing.TB) *Server {
	t.Helper()
	bin := binary(t, EnvVersitygw, "versitygw")
	return start(t, func(addr, access, secret, dir string) *exec.Cmd {
		cmd := exec.Command(bin, "--quiet", "--keep-alive", "--port", addr, "posix", dir)
		cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+access, "ROOT_SECRET_ACCESS_KEY="+secret)
		return cmd
	})
}

// StartMinIO starts a MinIO server with one drive.
func StartMinIO(t testing.TB) *Server {
	t.Helper()
	bin := binary(t, EnvMinIO, "minio")
	return start(t, func(addr, access, secret, dir string) *exec.Cmd {
		cmd := exec.Command(bin, "server", "--quiet", "--address", addr, "--console-address", "127.0.0.1:0", "--certs-dir", filepath.Join(dir, ".certs"), filepath.Join(dir, "drive"))
		cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+access, "MINIO_ROOT_PASSWORD="+secret, "MINIO_UPDATE=off", "MINIO_BROWSER=off")
		return cmd
	})
}

// binary finds a server's binary. A missing one fails the test: skipped tests
// would pass without a server.
func binary(t testing.TB, env, name string) string {
	t.Helper()
	path := os.Getenv(env)
	if path == "" {
		path = filepath.Join(moduleRoot(t), ".bin", name)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; run `make s3`, or set %s to the path of a %s", err, env, name)
	}
	return path
}

func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's directory")
		}
		dir = parent
	}
}

func start(t testing.TB, command func(addr, access, secret, dir string) *exec.Cmd) *Server {
	t.Helper()
	// Another process may take the port between its choice and its use.
	for attempt := 1; ; attempt++ {
		s := &Server{Addr: freeAddr(t), AccessKey: "test" + rand.Text()[:12], SecretKey: rand.Text()}
		client, err := minio.New(s.Addr, &minio.Options{
			Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""), Region: "us-east-1", BucketLookup: minio.BucketLookupPath,
		})
		if err != nil {
			t.Fatal(err)
		}
		s.client = client
		cmd := command(s.Addr, s.AccessKey, s.SecretKey, t.TempDir())
		output := &Output{}
		cmd.Stdout, cmd.Stderr = output, output
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		exited := make(chan struct{})
		go func() {
			_ = cmd.Wait() // it is killed
			close(exited)
		}()
		s.kill = sync.OnceFunc(func() {
			_ = cmd.Process.Kill() // it may have exited
			<-exited
		})
		t.Cleanup(s.kill)
		if s.waitReady(t, exited) {
			return s
		}
		s.kill()
		if attempt == 3 {
			t.Fatalf("%s did not start: %s", cmd.Path, output)
		}
	}
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// waitReady polls the server with a real, authenticated request.
func (s *Server) waitReady(t testing.TB, exited <-chan struct{}) bool {
	ctx, cancel := context.WithTimeout(t.Context(), readyTimeout)
	defer cancel()
	for {
		if _, err := s.client.ListBuckets(ctx); err == nil {
			return true
		}
		select {
		case <-exited:
			return false
		case <-ctx.Done():
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Kill ends the server at once. Later connections are refused.
func (s *Server) Kill() { s.kill() }

// NewBucket creates a bucket with a random name.
func (s *Server) NewBucket(t testing.TB) string {
	t.Helper()
	name := "bucket-" + strings.ToLower(rand.Text()[:12])
	if err := s.client.MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	return name
}

// Options are the options of a store in a bucket of the server.
func (s *Server) Options(bucket, prefix string) store.S3Options {
	return store.S3Options{
		Bucket: bucket, Prefix: prefix, Endpoint: "http://" + s.Addr, Region: "us-east-1", Lookup: store.LookupPath,
		AccessKey: s.AccessKey, SecretKey: s.SecretKey,
	}
}

// Store returns a store in a new bucket of the server.
func (s *Server) Store(t testing.TB, prefix string) *store.S3 {
	t.Helper()
	return s.Open(t, s.Options(s.NewBucket(t), prefix))
}

// Open returns the store with the options o.
func (s *Server) Open(t testing.TB, o store.S3Options) *store.S3 {
	t.Helper()
	st, err := store.NewS3(o)
	if err != nil {
		t.Fatal(err)
	}
	return st
}
