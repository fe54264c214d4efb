package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	s3Day      = "2026-10-01"
	s3Sessions = 80_000 // a day that takes long enough to be measured

	// leastOfDirectory is what a run on S3 has to keep of the speed of one on a
	// directory.
	leastOfDirectory = 0.8
)

// s3 runs a day on an S3 server of this machine, against one on a directory,
// and counts the requests that the day takes.
func (b *bench) s3(ctx context.Context) error {
	sessions := b.data.scaled(s3Sessions)
	dumps, _, err := b.data.generated(ctx, s3Day, 1, sessions, "zstd")
	if err != nil {
		return err
	}
	server, err := b.startServer(ctx)
	if err != nil {
		return err
	}
	defer server.stop()
	upload := command{name: b.data.binary, env: server.environment(), args: []string{"generate", "--quiet", "--out", "s3://" + bucket + "/dumps",
		"--endpoint", "http://" + server.addr, "--from", s3Day, "--days", "1", "--sessions-per-day", strconv.Itoa(sessions), "--codec", "zstd"}}
	if _, err := upload.run(ctx); err != nil {
		return err
	}

	sink := b.scratch("sink")
	onDirectory, err := b.command("directory", pipeline{source: directory(dumps), sink: directory(sink)}, runDay()...)
	if err != nil {
		return err
	}
	prefixes := 0
	anew := func(addr string) (command, error) { // each run publishes under a prefix of its own
		prefixes++
		p := pipeline{source: server.store(addr, "dumps"), sink: server.store(addr, fmt.Sprintf("out-%d", prefixes))}
		return b.command("server", p, runDay()...)
	}
	onServer, err := anew(server.addr)
	if err != nil {
		return err
	}
	took, err := interleave(ctx, b.rounds,
		contender{name: "directory", command: onDirectory, before: emptied(sink)},
		contender{name: "server", command: onServer, before: func() error { _, err := anew(server.addr); return err }})
	if err != nil {
		return err
	}
	b.took(took["directory"], "a day of %d sessions: run on a directory", sessions)
	b.took(took["server"], "a day of %d sessions: run on versitygw", sessions)
	b.add("times as fast", ratio(took["directory"], took["server"], usage.seconds), "run on versitygw against a directory")
	b.atLeast(leastOfDirectory)

	counter := newCounter(server.addr)
	defer counter.Close()
	if onServer, err = anew(counter.Listener.Addr().String()); err != nil {
		return err
	}
	if _, err := onServer.run(ctx); err != nil {
		return err
	}
	total := 0
	for _, kind := range counter.kinds() {
		b.add("requests", float64(counter.requests[kind]), "a published day: %s", kind)
		total += counter.requests[kind]
	}
	b.add("requests", float64(total), "a published day")
	return nil
}

func runDay() []string { return []string{"run", "--workers", strconv.Itoa(workers), "--date", s3Day} }

// bucket is the one that everything is in.
const bucket = "bench"

// server is a versitygw of this machine.
type server struct {
	addr, access, secret string
	stop                 func()
}

// startServer starts the program on an empty directory, with a bucket.
func (b *bench) startServer(ctx context.Context) (*server, error) {
	program, dir := filepath.Join(filepath.Dir(b.data.binary), "versitygw"), b.serverDir()
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	s := &server{addr: addr, access: "bench", secret: rand.Text()}
	cmd := exec.CommandContext(ctx, program, "--quiet", "--keep-alive", "--port", addr, "posix", dir)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+s.access, "ROOT_SECRET_ACCESS_KEY="+s.secret)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; run `make bench`, which builds it", err)
	}
	s.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill() // it may have exited
		_ = cmd.Wait()         // it was killed
	})
	if err := s.makeBucket(ctx); err != nil {
		s.stop()
		return nil, fmt.Errorf("%w\n%s", err, lastLines(output.String()))
	}
	return s, nil
}

// serverDir is where a server has its buckets, as directories.
func (b *bench) serverDir() string { return b.scratch("versitygw") }

// makeBucket makes the bucket as soon as the server answers.
func (s *server) makeBucket(ctx context.Context) error {
	client, err := minio.New(s.addr, &minio.Options{
		Creds: credentials.NewStaticV4(s.access, s.secret, ""), Region: "us-east-1", BucketLookup: minio.BucketLookupPath,
	})
	if err != nil {
		return err
	}
	const within, every = 30 * time.Second, 50 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		err := client.MakeBucket(ctx, bucket, minio.MakeBucketOptions{})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(every):
		}
	}
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (s *server) environment() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + s.access, "AWS_SECRET_ACCESS_KEY=" + s.secret, "AWS_REGION=us-east-1"}
}

// store is the configuration of a prefix of the bucket, reached at addr.
func (s *server) store(addr, prefix string) string {
	return fmt.Sprintf("{url: %q, endpoint: %q, region: us-east-1, tls: false, addressing: path, access_key_id: %q, secret_access_key: %q}",
		"s3://"+bucket+"/"+prefix, addr, s.access, s.secret)
}

// counter passes requests on, and counts them by method and kind of key.
type counter struct {
	*httptest.Server
	mu       sync.Mutex
	requests map[string]int
}

func newCounter(addr string) *counter {
	c := &counter{requests: make(map[string]int)}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: addr})
		r.Out.Host = r.In.Host // it is signed
	}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.requests[kindOf(r)]++
		c.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	return c
}

// kinds are the kinds that were counted, in order.
func (c *counter) kinds() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var kinds []string
	for kind := range c.requests {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// kindOf tells a request's method, and what its key is one of: of the key
// bench/out-3/_manifests/state/digests/dt=2026-10-01.json it is "_manifests, state".
func kindOf(r *http.Request) string {
	query := r.URL.Query()
	if r.Method == http.MethodGet && query.Has("list-type") {
		prefix := strings.Split(query.Get("prefix")+"//", "/")
		return "LIST " + roomOf(prefix)
	}
	return r.Method + " " + roomOf(strings.Split(strings.TrimPrefix(r.URL.Path, "/"+bucket+"/")+"//", "/"))
}

// roomOf gives the first element of a key below the prefix of its store.
func roomOf(elements []string) string {
	if elements[0] == "dumps" || elements[1] == "" {
		return elements[0]
	}
	if elements[1] == "_manifests" {
		return "_manifests, " + elements[2]
	}
	return elements[1]
}
