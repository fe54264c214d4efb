package shuffle

import (
	"cmp"
	"context"
	"math/bits"
)

// A shard that does not fit in memory is split again, by the next bits of the hash, in
// which its sessions differ. Two sessions have different hashes, so ids that were
// chosen to be in one shard differ further down. The parts of a shard, one after the
// other, have its sessions in the order of their hash, as the shards have them.

// mostSplits is how often a shard is split: into 64, 4,096, 262,144 parts. Each time
// its records are written once more. A few sessions between chosen ids make a split
// useless; after the last one the sessions are sorted in runs.
const mostSplits = 3

// prefixOf is the number of the highest bits that all hashes of a shard have in
// common. It is 64 for a single session.
func prefixOf(writers []*Writer, number int) int {
	var all shard
	for _, w := range writers {
		if sh := &w.shards[number]; sh.records > 0 {
			all.count(sh.first)
			all.differ |= sh.differ
		}
	}
	return bits.LeadingZeros64(all.differ)
}

// split calls fold with the sessions of a shard, whose hashes have the highest skip
// bits in common.
func (r *reader) split(ctx context.Context, s *Shuffle, shard, skip int, memory int64, fold func(*Session) error) (err error) {
	parts := New(s.options)
	parts.options.Budget, parts.skip, parts.splits = memory, skip, s.splits+1
	defer func() { err = cmp.Or(err, parts.Close()) }()
	if err := r.deal(ctx, s.writers, shard, parts); err != nil {
		return err
	}
	for part := range Shards {
		if err := r.sessions(ctx, parts, part, memory, fold); err != nil {
			return err
		}
	}
	return nil
}

// deal deals the records of a shard out to the shards of another shuffle, all of them
// in its temporary file: reading takes the memory.
func (r *reader) deal(ctx context.Context, writers []*Writer, shard int, to *Shuffle) error {
	w := to.Writer()
	n := 0
	err := eachBlock(ctx, writers, shard, &r.blocks, func(read func([]byte) ([]byte, error)) (err error) {
		if r.records, err = read(r.records[:0]); err != nil {
			return err
		}
		for rest := r.records; len(rest) > 0; n++ {
			if err := interrupted(ctx, n); err != nil {
				return err
			}
			var record []byte
			if record, rest, err = cutRecord(rest); err != nil {
				return err
			}
			hash := Hash(sessionOf(record))
			if err := w.add(&w.shards[shardOf(hash, to.skip)], hash, record); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = w.spill()
	}
	w.raw, to.free = nil, nil
	return err
}
