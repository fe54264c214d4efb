// Package shuffle brings the events of each session together, inside a memory
// budget.
//
// Workers that decode dumps each write to a [Writer] of their own. It turns an
// event into a compact record, and puts that into one of [Shards] shards by the
// session's [Hash]. Records lie in chunks of bytes, in which the garbage
// collector has nothing to look for. When the chunks of all writers together
// reach the budget, the writer that wants one more compresses its records, a
// block for each shard, into a temporary file of its own, and goes on with the
// chunks that this frees.
//
// Afterwards [Shuffle.Sessions] reads the sessions back shard by shard. A
// session is whole in one shard, and in a shard sessions come by ascending hash:
// shards in order give all sessions in the order of their hash.
//
// Memory is the budget, and beside it 2 to 4 MiB a writer, and for every
// goroutine that reads the shard that it reads: its records, and 24 bytes for
// each. Hashing makes shards equal, so of 80 million events of 70 bytes a shard
// takes 120 MB. The events of a session are decoded together, some 300 bytes
// each.
//
// The package does no I/O of its own: its files come from [Options].
package shuffle

import (
	"errors"
	"fmt"
	"sync"

	"daybook/transform/spill"
)

// Shards is how many parts the sessions are divided into: enough to keep
// every worker busy, and to hold but a small part of the sessions twice.
const Shards = 64

// shardBits is how many of a hash's highest bits say its shard.
const shardBits = 6

// golden is 2^64 over the golden ratio, made odd.
const golden = 0x9E3779B97F4A7C15

// Hash is Fibonacci hashing, which spreads consecutive ids evenly by the high
// bits. No two sessions have the same hash.
func Hash(session int64) uint64 { return uint64(session) * golden }

func shardOf(hash uint64) int { return int(hash >> (64 - shardBits)) }

// Options say how much is held in memory, and where the rest goes.
type Options struct {
	// Budget is how many bytes of records all writers together hold in memory
	// before they spill. Each may hold a MiB nevertheless. 0: no bound.
	Budget int64
	// Spill makes an empty temporary file; several writers may call it at the
	// same time, each once. The shuffle closes what it made. It may be nil
	// without a budget.
	Spill func() (File, error)
}

// A File holds what does not fit in memory. It is written from its start to
// its end, and then read, by several readers at the same time.
type File = spill.File

// A Shuffle holds events by shard. [New] makes one; [Shuffle.Close] must be
// called at the end.
type Shuffle struct {
	options Options

	mu      sync.Mutex
	writers []*Writer
	used    int64     // bytes of the chunks that writers have
	free    [][]byte  // chunks of chunkSize that they gave back, empty
	idle    []*reader // readers that are done with a shard
}

// New returns an empty shuffle.
func New(o Options) *Shuffle { return &Shuffle{options: o} }

// Writer returns a new writer to the shuffle.
func (s *Shuffle) Writer() *Writer {
	w := &Writer{shuffle: s, scratch: spill.NewScratch(s.options.Spill)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writers = append(s.writers, w)
	return w
}

// Close closes the temporary files, and lets go of all that is held. Nothing
// may use the shuffle or its writers at the time or later.
func (s *Shuffle) Close() error {
	var errs []error
	for _, w := range s.writers {
		errs = append(errs, w.scratch.Close())
	}
	s.writers, s.free, s.idle = nil, nil, nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close the temporary files of the shuffle: %w", err)
	}
	return nil
}
