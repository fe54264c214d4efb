package simtest

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
	oneSeed  = flag.Uint64("seed", 0, "simulate only this seed, and print its whole schedule")
	numSeeds = flag.Int("seeds", 1000, "how many seeds to simulate")
)

// TestSimulation runs one history for each seed, and checks that everything that should
// happen in a history has happened in some of them.
func TestSimulation(t *testing.T) {
	// A thousand small worlds make a lot of garbage, and never much at a time.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	inMemory(t)
	image := newImage(t)
	if *oneSeed != 0 {
		s := newSimulation(*oneSeed, image)
		err := s.run()
		t.Logf("the world of seed %d:\n%s\nits schedule:\n%s", *oneSeed, s.world, s.schedule(len(s.trace)))
		if err != nil {
			t.Error(err)
		}
		return
	}
	seeds := *numSeeds
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
					t.Errorf("seed %d: %v\nto see all of it: go test ./pipeline/simtest -run '^TestSimulation$' -v -seed %d\nits schedule ended so:\n%s",
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
			break // one failure is enough to read
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
			t.Errorf("%d seeds have had no %q", seeds, what)
		}
	}
}

// A seed always makes the same history.
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

// inMemory puts temporary files into a file system in memory, if there is one: a fifth
// of the time would be spent on them.
func inMemory(t *testing.T) {
	const dir = "/dev/shm"
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		t.Setenv("TMPDIR", dir)
	}
}

const (
	// grace is longer than everything in a simulation but a night: a writer from its
	// first part to its commit, a call until it is delivered, a reader from a manifest
	// to the last part.
	grace = 24 * time.Hour
	// keep is longer than that, too: a revision is kept for its readers.
	keep = 48 * time.Hour
	// nightTime is longer than both. Everything under way ends before a night.
	nightTime = 4 * 24 * time.Hour
	// maxJump is how far the clock jumps, and maxJumps how often between two nights:
	// together less than the grace.
	maxJump  = 3 * time.Hour
	maxJumps = 6

	// maxRounds is how many undisturbed runs it may take until one finds nothing to do.
	maxRounds = 4

	shortSeeds   = 500 // enough for everything to happen in some of them
	scheduleTail = 60  // steps of a schedule that are printed
)

// counts say how often each thing has happened.
type counts map[string]int

func (c counts) add(o counts) {
	for what, n := range o {
		c[what] += n
	}
}

// allCounts have to happen: otherwise the simulation tries less than it says.
var allCounts = []string{
	"read lost", "read cut", "write lost", "write applied, answer lost", "write applied twice", "write delayed", "delivered late", "delivered after its sender's death",
	"process killed", "process frozen", "clock jumped", "night", "dump arrived", "engine started", "collector started", "reader started",
	"published: days", "published: months", "restated", "converged", "long world", "old layout", "moved: days", "moved: months", "row of all deliveries",
	"pack damaged", "pack cut", "pack lost", "pack old", "pack of another sink", "pack of another format",
}
