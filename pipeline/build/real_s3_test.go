//go:build s3

package build_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"daybook/pipeline/partition"
	"daybook/sinks/publish"
	"daybook/sources/store/storetest"
)

var realSeed = flag.Uint64("real.seed", 0, "the seed of all faults of real processes (default: another one each time)")

// seeded decides all that a test does to processes, servers and the network between
// them. The timing of the processes is not decided by it.
func seeded(t *testing.T) *rand.Rand {
	seed := *realSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("go test -tags s3 -run '^%s$' ./pipeline/build -real.seed %d", t.Name(), seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// toxicsOf chooses the faults of a network at random: none, or some of all that can
// happen to connections. Each fault happens to a share of the connections.
func toxicsOf(rng *rand.Rand) []string {
	var chosen []string
	for i, toxic := range []string{
		fmt.Sprintf(`"type": "latency", "stream": "downstream", "attributes": {"latency": %d, "jitter": 20}`, 1+rng.IntN(40)),
		fmt.Sprintf(`"type": "bandwidth", "stream": "downstream", "attributes": {"rate": %d}`, 20+rng.IntN(500)), // KB/s
		fmt.Sprintf(`"type": "bandwidth", "stream": "upstream", "attributes": {"rate": %d}`, 20+rng.IntN(500)),
		// The request is applied, and the answer, or the rest of it, is lost.
		fmt.Sprintf(`"type": "limit_data", "stream": "downstream", "attributes": {"bytes": %d}`, rng.IntN(100)),
		fmt.Sprintf(`"type": "limit_data", "stream": "downstream", "attributes": {"bytes": %d}`, rng.IntN(40_000)),
		fmt.Sprintf(`"type": "timeout", "stream": "downstream", "attributes": {"timeout": %d}`, 1+rng.IntN(300)),
		fmt.Sprintf(`"type": "reset_peer", "stream": "downstream", "attributes": {"timeout": %d}`, rng.IntN(50)),
		fmt.Sprintf(`"type": "stall", "stream": "downstream", "attributes": {"bytes": %d}`, rng.IntN(20_000)),
		// The request does not get through, or not all of it.
		fmt.Sprintf(`"type": "limit_data", "stream": "upstream", "attributes": {"bytes": %d}`, rng.IntN(40_000)),
		fmt.Sprintf(`"type": "timeout", "stream": "upstream", "attributes": {"timeout": %d}`, 1+rng.IntN(300)),
		fmt.Sprintf(`"type": "reset_peer", "stream": "upstream", "attributes": {"timeout": %d}`, rng.IntN(50)),
		fmt.Sprintf(`"type": "stall", "stream": "upstream", "attributes": {"bytes": %d}`, rng.IntN(20_000)),
	} {
		if rng.IntN(4) == 0 {
			chosen = append(chosen, fmt.Sprintf(`{"name": "%d", "toxicity": %.2f, %s}`, i, 0.02+0.18*rng.Float64(), toxic))
		}
	}
	return chosen
}

// The program is killed a hundred times behind a network that loses, cuts and stalls
// requests and answers. After each kill, everything that is published is complete. In
// the end it is what one undisturbed run publishes.
func TestKilledHundredTimes(t *testing.T) {
	const (
		kills   = 100
		working = 15              // at least so many of the kills hit a process that had committed something
		longest = 2 * time.Second // that a process lives: the hundred should not take too long
	)
	rng := seeded(t)
	server := storetest.StartMinIO(t)
	want, took := undisturbed(t, server)
	s := newSite(t, server, rng)
	s.arrive(t, len(s.held)/3)
	s.quietDays(t)

	killed, wrote, done, failed := 0, 0, 0, 0
	for killed < kills && !t.Failed() {
		commits := s.oracle.commits
		network := server.Through(t, toxicsOf(rng)...)
		p := s.start(t, network.Addr, busy(t, "--workers", fmt.Sprint(1+rng.IntN(4)))...)
		select {
		case <-p.exited:
		case <-time.After(10*time.Millisecond + time.Duration(rng.Int64N(int64(min(took, longest))))):
			p.kill()
		}
		network.Stop() // what has passed it may still reach the server
		s.oracle.check(t)
		switch code := p.cmd.ProcessState.ExitCode(); {
		case p.killed():
			killed++
			if s.oracle.commits > commits {
				wrote++
			}
		case code == 0: // give the next one something to do
			done++
			s.arrive(t, 1+len(s.held)/20)
		case code == 1 && p.gaveUp():
			failed++
		default:
			t.Errorf("exit code %d:\n%s\n%s", code, &p.stderr, &p.stdout)
		}
	}
	t.Logf("undisturbed: %v; %d kills, %d of them of processes that had committed something; %d runs came to their end, %d gave up; %d dumps had not arrived",
		took, killed, wrote, done, failed, len(s.held))
	if wrote < working {
		t.Errorf("only %d of %d kills hit a process that had committed something", wrote, killed)
	}
	s.arrive(t, len(s.held))
	s.settled(t, want)
}

// Three programs at a time build the same days while dumps arrive. All of them succeed.
// A reader sees only complete partitions, and never an older one after a newer one.
// Each revision is made by one program. In the end there is what one program alone
// publishes, and nothing else.
func TestManyWriters(t *testing.T) {
	for _, kind := range []struct {
		name  string
		start func(testing.TB) *storetest.Server
	}{{"versitygw", storetest.StartVersitygw}, {"minio", storetest.StartMinIO}} {
		t.Run(kind.name, func(t *testing.T) { manyWriters(t, kind.start(t)) })
	}
}

// manyWriters has several processes publish the same days at once, while dumps arrive. A
// reader sees whole partitions only, and no revision is made twice. It has more than 60
// lines because it is one story, round after round.
func manyWriters(t *testing.T, server *storetest.Server) {
	const rounds, writers = 4, 3
	rng := seeded(t)
	want, took := undisturbed(t, server)
	s := newSite(t, server, rng)
	s.arrive(t, len(s.held)/2)
	s.quietDays(t)

	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond): // to leave the writers their time
				s.oracle.check(t)
			}
		}
	})
	makers := map[string]string{}
	contested := 0
	for round := range rounds {
		var running []*realProcess
		for n := range writers {
			running = append(running, s.start(t, server.Addr, busy(t, "--workers", fmt.Sprint(1<<n))...))
		}
		for range 4 { // while they work
			time.Sleep(time.Duration(rng.Int64N(int64(took))))
			s.arrive(t, 1+len(s.held)/(3*(rounds-round)))
		}
		made := map[string]bool{}
		for n, p := range running {
			for _, step := range p.result(t).Steps {
				what := step.ID.String()
				if made[what] {
					contested++
				}
				made[what] = true
				if step.State != publish.Published && step.State != publish.Restated {
					continue
				}
				what = fmt.Sprintf("%s, revision %d", what, step.Revision)
				if who, ok := makers[what]; ok {
					t.Errorf("%s: both %s and %d in round %d say that they made it", what, who, n, round)
				}
				makers[what] = fmt.Sprintf("%d in round %d", n, round)
			}
		}
		s.arrive(t, 1)
	}
	close(stop)
	reader.Wait()
	t.Logf("undisturbed: %v; %d revisions were made; %d times two came to make the same; the reader saw %d commits", took, len(makers), contested, s.oracle.commits)
	if contested == 0 {
		t.Error("no two programs made the same")
	}
	s.arrive(t, len(s.held))
	s.settled(t, want)
	s.onlyLive(t)
}

// onlyLive fails if a file that is not published lies where warehouses read.
func (s *site) onlyLive(t *testing.T) {
	t.Helper()
	named := map[string]bool{}
	for _, base := range s.oracle.manifests {
		for _, part := range base.Manifest.Parts {
			named[part.Key] = true
		}
	}
	for _, root := range []string{partition.ReportRoot, partition.MonthRoot} {
		for object, err := range s.sink.List(t.Context(), root) {
			if err != nil {
				t.Fatal(err)
			}
			if !named[object.Key] {
				t.Errorf("%s lies there, and no manifest names it", object.Key)
			}
		}
	}
}
