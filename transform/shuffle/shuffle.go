// Package shuffle groups events by session within a memory budget.
//
// Each worker that decodes dumps writes to a [Writer] of its own. The writer
// encodes an event as a compact record and appends it to one of [Shards] shards,
// chosen by the session's [Hash]. Records are in chunks of bytes without
// pointers for the garbage collector. When the chunks of all writers together
// reach the budget, the next writer that needs a chunk compresses its records, a
// block for each shard, writes them to its temporary file, and reuses the
// chunks.
//
// [Shuffle.Sessions] then reads the sessions back, shard by shard. All events of
// a session are in one shard. Within a shard, sessions come in ascending order of
// their hash, so all shards in order give all sessions in that order.
//
// Memory use is the budget, 2 to 4 MiB for each writer, and for each reading
// goroutine the memory that the caller gives it and the events of one session. A
// shard's records take 24 bytes each beside their own. Hashing makes shards equally
// large: for 80 million events of 70 bytes a shard takes 120 MB. A shard that does
// not fit, because the budget is small or ids were chosen for their hashes, is split
// again by the bits in which its hashes differ (split.go). A shard that no split makes
// small, such as one large session, is sorted in temporary files (runs.go). The events
// of a session are decoded together, about 300 bytes each. Options.MaxSession bounds
// them.
//
// The package opens no files: [Options] provides them.
package shuffle

import (
	"errors"
	"fmt"
	"sync"

	"daybook/transform/spill"
)

// Shards is the number of shards: enough to keep every worker busy, and to keep
// the memory for reading one small.
const Shards = 64

// shardBits is the number of bits of a hash that give the shard.
const shardBits = 6

// golden is 2^64 divided by the golden ratio, made odd.
const golden = 0x9E3779B97F4A7C15

// Hash is Fibonacci hashing. It spreads consecutive ids evenly over the high
// bits. Different sessions have different hashes.
func Hash(session int64) uint64 { return uint64(session) * golden }

// shardOf is the shard of a hash by the bits after the highest skip bits.
func shardOf(hash uint64, skip int) int { return int(hash << skip >> (64 - shardBits)) }

// Options configure a Shuffle.
type Options struct {
	// Budget is the number of bytes of records that all writers together hold in
	// memory before they spill. Each writer may always hold 1 MiB. 0: no bound.
	Budget int64
	// MaxSession is the size of the largest session whose events are passed on, as
	// event.Event.Size reckons it. Larger ones are told by their extent. 0: no bound.
	MaxSession int64
	// Range has the hashes of all events that are added: the shards divide it.
	Range Range
	// Spill creates an empty temporary file. It is called concurrently: once for each
	// writer, and for each shard that is split or sorted outside of memory. The shuffle
	// closes the files. It may be nil without a budget and bounds of reading.
	Spill func() (File, error)
}

// A File holds the records that do not fit in memory. It is written
// sequentially and then read by several readers at the same time.
type File = spill.File

// A Shuffle holds events by shard. The caller must call [Shuffle.Close] at the
// end.
type Shuffle struct {
	options Options
	skip    int // the highest bits of a hash, which all its sessions have in common
	splits  int // how often its sessions were split before

	mu      sync.Mutex
	writers []*Writer
	used    int64     // bytes of the chunks that the writers hold
	free    [][]byte  // returned chunks of chunkSize, empty
	idle    []*reader // readers to reuse
}

// New returns an empty shuffle.
func New(o Options) *Shuffle { return &Shuffle{options: o, skip: o.Range.Bits} }

// Writer adds a writer to the shuffle. It is safe for concurrent use.
func (s *Shuffle) Writer() *Writer {
	w := &Writer{shuffle: s, scratch: spill.NewScratch(s.options.Spill)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writers = append(s.writers, w)
	return w
}

// Close closes the temporary files and frees the memory. The shuffle and its
// writers must not be used during or after the call.
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
