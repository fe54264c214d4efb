//go:build s3

package build_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/pipelinetest"
	"daybook/sources/generate"
	"daybook/sources/store"
	"daybook/sources/store/storetest"
	"daybook/transform/day"
)

// A site is a bucket with dumps and reports, and the program that makes the reports
// from the dumps.
type site struct {
	server  *storetest.Server
	program string
	config  string        // a file
	temp    string        // for temporary files
	source  store.Store   // without faults of the network, and
	sink    store.Store   // so is this one
	held    []heldDump    // the dumps that have not arrived
	oracle  *publishedSet // checks the sink
}

// heldDump is a dump that has not arrived yet.
type heldDump struct {
	key  string
	text string
}

// siteMonth is the month that the processes build. Its last days have dumps. The
// others are empty days, which complete the month.
const (
	siteMonth = "2026-02"
	siteDays  = 8
)

// busyDays are the days that have dumps.
func busyDays(t *testing.T) (from, to day.Day) {
	m, err := day.ParseMonth(siteMonth)
	if err != nil {
		t.Fatal(err)
	}
	return m.Last() - (siteDays - 1), m.Last()
}

// siteConfig is the configuration of all processes of a site.
const siteConfig = `
source:
  store: &store
    url: s3://%[1]s/dumps
    endpoint: ${ENDPOINT}
    region: us-east-1
    tls: false
    addressing: path
    access_key_id: %[2]s
    secret_access_key: %[3]s
    stall_timeout: ${PATIENCE}
    max_attempts: 3
  lookback_days: 3
  max_rejected: 100%%
sink:
  store:
    <<: *store
    url: s3://%[1]s/out
reports:
  - name: sessions
    timezone: Europe/Amsterdam
    sessions_csv: true
  - name: emea
    language: nl
    unit:
      groups: [EMEA]
`

// newSite makes a site with a bucket of its own. Its dumps are held back, in a random
// order.
func newSite(t *testing.T, server *storetest.Server, rng *rand.Rand) *site {
	t.Helper()
	bucket, dir := server.NewBucket(t), t.TempDir()
	s := &site{
		server: server, program: storetest.Daybook(t), config: filepath.Join(dir, "daybook.yml"), temp: filepath.Join(dir, "tmp"),
	}
	open := func(prefix string) store.Store {
		return store.WithRetry(store.WithStallTimeout(server.Open(t, server.Options(bucket, prefix)), 10*time.Second), store.RetryPolicy{})
	}
	s.source, s.sink = open("dumps"), open("out")
	s.oracle = newPublishedSet(s.sink)
	if err := os.WriteFile(s.config, fmt.Appendf(nil, siteConfig, bucket, server.AccessKey, server.SecretKey), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.temp, 0o700); err != nil {
		t.Fatal(err)
	}
	from, _ := busyDays(t)
	dumps := pipelinetest.Dumps(t, generate.Options{Seed: 5, From: from, Days: siteDays, SessionsPerDay: 60})
	for key, text := range dumps {
		s.held = append(s.held, heldDump{key, text})
	}
	slices.SortFunc(s.held, func(a, b heldDump) int { return strings.Compare(a.key, b.key) })
	rng.Shuffle(len(s.held), func(i, j int) { s.held[i], s.held[j] = s.held[j], s.held[i] })
	return s
}

// arrive stores the next n dumps, or those that are left.
func (s *site) arrive(t *testing.T, n int) {
	t.Helper()
	n = min(n, len(s.held))
	for _, d := range s.held[:n] {
		if _, err := s.source.Put(t.Context(), d.key, strings.NewReader(d.text), int64(len(d.text)), store.Condition{}); err != nil {
			t.Error(err)
		}
	}
	s.held = s.held[n:]
}

// undisturbed is what readers see of a site where one process makes the month and all
// dumps are there from the start, and how long it takes to make the busy days.
func undisturbed(t *testing.T, server *storetest.Server) (map[string]string, time.Duration) {
	t.Helper()
	s := newSite(t, server, rand.New(rand.NewPCG(0, 0)))
	s.arrive(t, len(s.held))
	s.quietDays(t)
	start := time.Now()
	s.run(t)
	took := time.Since(start)
	return pipelinetest.View(t, s.sink), took
}

// quietDays makes the days before the busy ones.
func (s *site) quietDays(t *testing.T) {
	t.Helper()
	from, _ := busyDays(t)
	s.start(t, s.server.Addr, "--from", siteMonth+"-01", "--to", (from - 1).String()).result(t)
}

// busy are the program's arguments for the busy days and the month that they
// complete, with more of them.
func busy(t *testing.T, more ...string) []string {
	from, to := busyDays(t)
	return append([]string{"--from", from.String(), "--to", to.String()}, more...)
}

// realProcess is a running program.
type realProcess struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	exited         chan struct{} // closed when it has exited
}

// start starts the program. addr is the server or a network before it. Behind a
// network the program soon gives up: the next process goes on where it stopped.
func (s *site) start(t *testing.T, addr string, args ...string) *realProcess {
	t.Helper()
	p := &realProcess{exited: make(chan struct{})}
	args = append([]string{"run", "--json", "--config", s.config}, args...)
	p.cmd = exec.Command(s.program, args...)
	patience := "1s"
	if addr == s.server.Addr {
		patience = "1m"
	}
	p.cmd.Env = append(os.Environ(), "TMPDIR="+s.temp, "ENDPOINT="+addr, "PATIENCE="+patience)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the process state says how it ended
		close(p.exited)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process at once.
func (p *realProcess) kill() {
	_ = p.cmd.Process.Kill() // it may have exited
	<-p.exited
}

// killed reports whether a process that has exited was killed before its own end.
func (p *realProcess) killed() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// gaveUp reports whether only the network made a process fail: before its first step,
// or in every step that failed by itself.
func (p *realProcess) gaveUp() bool {
	byNetwork := func(err string) bool { return strings.Contains(err, "gave up after") }
	r := new(build.Result)
	if err := json.Unmarshal(p.stdout.Bytes(), r); err != nil {
		return byNetwork(p.stderr.String())
	}
	return !slices.ContainsFunc(r.Steps, func(d build.Done) bool {
		return d.Error != "" && !byNetwork(d.Error) && !strings.HasPrefix(d.Error, "waits for ")
	})
}

// result waits for a process, which has to succeed, and returns its result.
func (p *realProcess) result(t *testing.T) *build.Result {
	t.Helper()
	<-p.exited
	r := new(build.Result)
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("%s exits with %d:\n%s\n%s", p.cmd.Args, code, &p.stderr, &p.stdout)
	} else if err := json.Unmarshal(p.stdout.Bytes(), r); err != nil {
		t.Errorf("%v:\n%s", err, &p.stdout)
	}
	return r
}

// run has one process make the busy days and the month, without faults.
func (s *site) run(t *testing.T) *build.Result {
	t.Helper()
	return s.start(t, s.server.Addr, busy(t)...).result(t)
}

// settled has one process do what is left. Then exactly the wanted content is there,
// complete, and the next process finds nothing to do.
func (s *site) settled(t *testing.T, want map[string]string) {
	t.Helper()
	if len(s.held) > 0 {
		t.Errorf("%d dumps have not arrived", len(s.held))
	}
	s.run(t)
	if again := s.run(t); len(again.Steps) > 0 || again.Fresh == 0 {
		t.Errorf("run again, there still was something to do: %+v", again.Steps)
	}
	s.oracle.check(t)
	pipelinetest.SameContents(t, "in the end", want, pipelinetest.View(t, s.sink))
	left, err := os.ReadDir(s.temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range left {
		t.Errorf("the temporary file %s was left", file.Name())
	}
}
