package pipeline

import (
	"cmp"
	"flag"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"
)

var (
	simSeed  = flag.Uint64("sim.seed", 0, "simulate only this seed, and print its whole schedule")
	simSeeds = flag.Int("sim.seeds", 10_000, "how many seeds to simulate")
)

// TestSimulation runs whole histories of a small world. Two engines, the
// garbage collection and readers work on one store at the same time, while
// dumps arrive; every remote call may be lost, be applied and its answer lost,
// be applied twice, or be applied much later; processes stop for a while, or
// die and are started again; the clock jumps. All of it is decided by a seed,
// and one thing happens at a time, so that a seed always makes the same
// history. After every step an oracle looks at all that has changed.
//
// Then the faults end. What is left undone has to be done after a few runs, and
// all has to be as if nothing had ever gone wrong.
func TestSimulation(t *testing.T) {
	// Ten thousand small worlds make a lot of garbage, and never much at a time.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	inMemory(t)
	image := newImage(t)
	if *simSeed != 0 {
		s := newSimulation(*simSeed, image)
		err := s.run()
		t.Logf("the world of seed %d:\n%s\nits schedule:\n%s", *simSeed, s.world, s.schedule(len(s.trace)))
		if err != nil {
			t.Error(err)
		}
		return
	}
	seeds := *simSeeds
	if testing.Short() {
		seeds = shortSeeds
	}
	total := counts{}
	var mu sync.Mutex
	var group sync.WaitGroup
	next := make(chan uint64)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for seed := range next {
				s := newSimulation(seed, image)
				err := s.run()
				mu.Lock()
				total.add(s.counts)
				if err != nil {
					t.Errorf("seed %d: %v\nto see all of it: go test ./pipeline -run '^TestSimulation$' -v -sim.seed %d\nits schedule ended so:\n%s",
						seed, err, seed, s.schedule(scheduleTail))
				}
				mu.Unlock()
			}
		})
	}
	for seed := range seeds {
		mu.Lock()
		failed := t.Failed()
		mu.Unlock()
		if failed {
			break // what they have in common one of them shows best
		}
		next <- uint64(seed + 1)
	}
	close(next)
	group.Wait()
	for _, what := range slices.Sorted(maps.Keys(total)) {
		t.Logf("%9d %s", total[what], what)
	}
	for _, what := range allCounts {
		if total[what] == 0 && seeds >= shortSeeds {
			t.Errorf("in %d seeds it has never come to %q", seeds, what)
		}
	}
}

// A seed makes one history, or it would be of no use.
func TestSimulationRepeats(t *testing.T) {
	inMemory(t)
	image := newImage(t)
	for seed := range uint64(40) {
		one, other := newSimulation(seed, image), newSimulation(seed, image)
		if err := cmp.Or(one.run(), other.run()); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if !slices.Equal(one.trace, other.trace) {
			for i := range min(len(one.trace), len(other.trace)) {
				if one.trace[i] != other.trace[i] {
					t.Fatalf("seed %d goes on with %s, or with %s", seed, one.trace[i], other.trace[i])
				}
			}
			t.Fatalf("seed %d ends after %d or %d steps", seed, len(one.trace), len(other.trace))
		}
	}
}

// inMemory has temporary files written to memory, where there is a file system
// for that: a fifth of the time would go there.
func inMemory(t *testing.T) {
	const dir = "/dev/shm"
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		t.Setenv("TMPDIR", dir)
	}
}

const (
	// simGrace is longer than anything in a simulation takes but a night: a
	// writer from its first part to its commit, a call until it is delivered,
	// a reader from a manifest to the last part.
	simGrace = 24 * time.Hour
	// simKeep is, too, as a revision is kept for those who still read it.
	simKeep = 48 * time.Hour
	// aNight is longer than both. Nothing goes on over night.
	aNight = 4 * 24 * time.Hour
	// maxJump is how far the clock jumps, and maxJumps how often between two
	// nights: together less than the grace.
	maxJump  = 3 * time.Hour
	maxJumps = 6

	// maxRounds is how many runs it may take until one finds nothing to do, once
	// nothing disturbs them.
	maxRounds = 4

	shortSeeds   = 500 // enough for everything to happen now and then
	scheduleTail = 60  // steps of a schedule that are printed
)

// counts are how often what happened.
type counts map[string]int

func (c counts) add(o counts) {
	for what, n := range o {
		c[what] += n
	}
}

// allCounts are what has to happen, or the simulation tries less than it says.
var allCounts = []string{
	"read lost", "read cut", "write lost", "write applied, answer lost", "write applied twice", "write delayed", "delivered late", "delivered after its sender's death",
	"process killed", "process frozen", "clock jumped", "night", "dump arrived", "engine started", "collector started", "reader started",
	"published: days", "published: months", "restated", "converged",
}
