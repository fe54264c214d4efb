//go:build s3

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"daybook/pipeline/partition"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/generate"
	"daybook/sources/store"
	"daybook/sources/store/storetest"
	"daybook/transform/day"
)

// replicasLease is the lease time of the replicas. Within two of them another
// one has to have taken over, and done the rest, which takes some seconds.
const replicasLease = 10 * time.Second

const replicasConfig = `
source:
  store: &store
    url: s3://%[1]s/dumps
    endpoint: %[2]s
    region: us-east-1
    tls: false
    addressing: path
    access_key_id: %[3]s
    secret_access_key: %[4]s
  max_rejected: 100%%
  lookback_days: 3
sink:
  store:
    <<: *store
    url: s3://%[1]s/out
serve:
  listen: 127.0.0.1:0
  interval: 1s
  lease: %[5]s
memory_budget: 256MiB
workers: 1
`

// replicaSite is a bucket with dumps and reports, and what replicas of daybook serve
// are started with.
type replicaSite struct {
	program, config string
	source, sink    store.Store
}

func newReplicaSite(t *testing.T) *replicaSite {
	t.Helper()
	server := storetest.StartVersitygw(t)
	bucket := server.NewBucket(t)
	s := &replicaSite{program: storetest.Daybook(t), config: filepath.Join(t.TempDir(), "daybook.yml")}
	s.source, s.sink = server.Open(t, server.Options(bucket, "dumps")), server.Open(t, server.Options(bucket, "out"))
	text := fmt.Sprintf(replicasConfig, bucket, server.Addr, server.AccessKey, server.SecretKey, replicasLease)
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// arrive puts the dumps of days, given as how many days ago they were.
func (s *replicaSite) arrive(t *testing.T, from, to, sessions int) {
	t.Helper()
	template, err := dump.ParseTemplate("{yyyy}/{mm}/{dd}/")
	if err != nil {
		t.Fatal(err)
	}
	today := day.Of(time.Now().UnixMilli(), time.UTC)
	o := generate.Options{Seed: 3, From: today - day.Day(from), Days: from - to + 1, SessionsPerDay: sessions, Template: template, Codec: dump.Gzip}
	_, err = generate.Write(t.Context(), o, func(ctx context.Context, key string, write func(io.Writer) error) error {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return err
		}
		_, err := s.source.Put(ctx, key, bytes.NewReader(b.Bytes()), int64(b.Len()), store.Condition{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// process is a replica at work, in a process of its own.
type process struct {
	name   string
	cmd    *exec.Cmd
	log    *storetest.Output
	url    string
	exited chan struct{} // closed once it is over
}

func (s *replicaSite) start(t *testing.T, name string) *process {
	t.Helper()
	p := &process{name: name, log: &storetest.Output{}, exited: make(chan struct{})}
	p.cmd = exec.Command(s.program, "serve", "--config", s.config, "--replica", name, "--log-format", "json")
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.exited) }() // how it ended is in the process state
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.exited })
	listening := regexp.MustCompile(`"url":"(http://[^"]*)"`)
	p.until(t, "it listens", func() bool {
		if m := listening.FindStringSubmatch(p.log.String()); m != nil {
			p.url = m[1]
		}
		return p.url != ""
	})
	return p
}

// until waits for something to become true, and returns when it did.
func (p *process) until(t *testing.T, what string, true func() bool) time.Time {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !true(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s: not within two minutes; the log:\n%s", p.name, what, p.log)
		}
	}
	return time.Now()
}

// says is whether the replica has logged something so many times.
func (p *process) says(text string, times int) bool {
	return strings.Count(p.log.String(), text) >= times
}

// terminate sends a SIGTERM.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// exitCode waits for the end.
func (p *process) exitCode() int {
	<-p.exited
	return p.cmd.ProcessState.ExitCode()
}

// works is whether the replica holds the lease.
func (p *process) works(t *testing.T) bool {
	t.Helper()
	r, err := http.Get(p.url + "metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(text, []byte("\ndaybook_lease_held 1"))
}

// revisions are those of the days that are published.
func (s *replicaSite) revisions(t *testing.T) map[string]int {
	t.Helper()
	revisions := map[string]int{}
	for object, err := range s.sink.List(t.Context(), publish.ManifestRoot+"reports/sessions/") {
		if err != nil {
			t.Fatal(err)
		}
		if dir, ok := publish.ManifestDir(object.Key); ok {
			base, err := publish.Read(t.Context(), s.sink, dir)
			if err != nil {
				t.Fatal(err)
			}
			revisions[base.Manifest.Partition] = base.Manifest.Revision
		}
	}
	return revisions
}

// published is whether so many days are.
func (s *replicaSite) published(t *testing.T, days int) func() bool {
	return func() bool { return len(s.revisions(t)) >= days }
}

// once holds against the logs of all replicas that each revision of each day
// was published once, by one of them. A day may have several: its sessions go on
// in dumps that come when it is published.
func (s *replicaSite) once(t *testing.T, replicas ...*process) {
	t.Helper()
	made := map[string]int{}
	for _, p := range replicas {
		for line := range strings.Lines(p.log.String()) {
			var entry struct {
				Msg, Kind, Partition, State string
				Revision                    int
			}
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				continue // it was killed in the midst of a line
			}
			if entry.Msg == "step failed" {
				t.Errorf("%s: %s", p.name, line)
			}
			if entry.Msg == "step done" && entry.Kind == string(partition.Day) && (entry.State == string(publish.Published) || entry.State == string(publish.Restated)) {
				made[fmt.Sprintf("%s revision %d", entry.Partition, entry.Revision)]++
			}
		}
	}
	for what, n := range made {
		if n != 1 {
			t.Errorf("%s was published %d times", what, n)
		}
	}
}

func TestTwoReplicasPublishEachDropOnce(t *testing.T) {
	s := newReplicaSite(t)
	s.arrive(t, 7, 5, 60)
	replicas := []*process{s.start(t, "one"), s.start(t, "two")}
	replicas[0].until(t, "the first days are published", s.published(t, 3))
	s.arrive(t, 4, 2, 60)
	replicas[0].until(t, "all days are published", s.published(t, 6))
	time.Sleep(3 * time.Second) // time for the other one to act
	working := 0
	for _, p := range replicas {
		if p.works(t) {
			working++
		}
	}
	if working != 1 {
		t.Errorf("%d replicas hold the lease", working)
	}
	s.once(t, replicas...)
}

func TestKilledReplicaIsReplacedWithinTwoLeases(t *testing.T) {
	s := newReplicaSite(t)
	s.arrive(t, 12, 12, 60) // so that there is something, and the lease is given
	first := s.start(t, "first")
	first.until(t, "it works", s.published(t, 1))
	second := s.start(t, "second")
	second.until(t, "it looks", func() bool {
		r, err := http.Get(second.url + "readyz")
		if err != nil {
			return false
		}
		_ = r.Body.Close() // the status is enough
		return r.StatusCode == http.StatusOK
	})
	s.arrive(t, 11, 2, 2000)
	first.until(t, "a run is under way", func() bool { return first.says(`"kind":"digest"`, 3) })
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	before := len(s.revisions(t))
	took := second.until(t, "it has the lease", func() bool { return second.says("got the lease", 1) }).Sub(killed)
	done := second.until(t, "the rest is done", s.published(t, 11)).Sub(killed)
	t.Logf("killed when %d of 11 days were published; taken over after %s, all done after %s; the lease is %s",
		before, took.Round(time.Millisecond), done.Round(time.Millisecond), replicasLease)
	if before >= 11 {
		t.Errorf("all was done when it was killed")
	}
	if done > 2*replicasLease {
		t.Errorf("all was done after %s, which is more than two lease times", done)
	}
	s.once(t, first, second)
}

// The first signal lets what is running come to its end, the second one does
// not; neither loses anything.
func TestSignals(t *testing.T) {
	s := newReplicaSite(t)
	s.arrive(t, 6, 2, 2000)
	p := s.start(t, "stopped at once")
	p.until(t, "a run is under way", func() bool { return p.says(`"kind":"digest"`, 1) })
	p.terminate(t)
	p.until(t, "it stops", func() bool { return p.says(`"msg":"stopping"`, 1) })
	p.terminate(t)
	if code := p.exitCode(); code != exitInterrupted {
		t.Errorf("after the second signal the exit code is %d:\n%s", code, p.log)
	}
	p = s.start(t, "stopped")
	p.until(t, "a run is under way", func() bool { return p.says(`"kind":"digest"`, 1) })
	p.terminate(t)
	if code := p.exitCode(); code != exitDone || p.says("step interrupted", 1) {
		t.Errorf("after one signal the exit code is %d:\n%s", code, p.log)
	}
	p = s.start(t, "to the end")
	p.until(t, "all days are published", s.published(t, 5))
	p.terminate(t)
	if code := p.exitCode(); code != exitDone {
		t.Errorf("in the end the exit code is %d:\n%s", code, p.log)
	}
}
