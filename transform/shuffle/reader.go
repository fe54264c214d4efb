package shuffle

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"unsafe"

	"daybook/transform/event"
	"daybook/transform/spill"
)

// Sessions calls fold with the events of each session of a shard, by ascending
// [Hash], a session's events by time, sequence number and id, and copies of one
// event in an order that depends only on them. The events are fold's until it
// returns; their texts are valid only until then, and change afterwards: clone
// what is kept.
//
// All writers must be done. A shard can be read once: its memory is let go.
// Different shards may be read at the same time; each takes the memory of its
// records meanwhile. An error of fold is returned as it is.
func (s *Shuffle) Sessions(shard int, fold func(events []event.Event) error) error {
	failed := func(err error) error { return fmt.Errorf("read back shard %d of the events: %w", shard, err) }
	r := s.reader()
	if err := r.gather(s.writers, shard); err != nil {
		return failed(err)
	}
	if err := r.sort(); err != nil {
		return failed(err)
	}
	for len(r.rest) > 0 {
		events, err := r.session()
		if err != nil {
			return failed(err)
		}
		if err := fold(events); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, r)
	return nil
}

// Largest is the size of the records of the shard that has most. All writers
// must be done.
func (s *Shuffle) Largest() int64 {
	most := 0
	for shard := range Shards {
		most = max(most, sizeOf(s.writers, shard))
	}
	return int64(most)
}

// sizeOf is the size of a shard's records.
func sizeOf(writers []*Writer, shard int) (size int) {
	for _, w := range writers {
		sh := &w.shards[shard]
		for _, b := range sh.blocks {
			size += b.Len()
		}
		for _, c := range sh.chunks {
			size += len(c)
		}
	}
	return size
}

// reader returns a reader, with the memory of one that is idle.
func (s *Shuffle) reader() *reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = nil // nobody writes any more
	if last := len(s.idle) - 1; last >= 0 {
		r := s.idle[last]
		s.idle = s.idle[:last]
		return r
	}
	return new(reader)
}

// A reader reads one shard after another.
type reader struct {
	blocks  spill.Reader
	records []byte        // of the shard
	keys    []key         // of the records
	rest    []key         // of the sessions that were not returned yet
	buckets []int         // used by sort
	events  []event.Event // of a session
}

// A key is where a record is, and what mostly decides its place.
type key struct {
	hash uint64
	ts   int64
	at   int // of the record, with its length, in records
}

// gather fills r.records with all of a shard.
func (r *reader) gather(writers []*Writer, number int) error {
	r.records = slices.Grow(r.records[:0], sizeOf(writers, number))
	for _, w := range writers {
		sh := &w.shards[number]
		for _, b := range sh.blocks {
			var err error
			if r.records, err = r.blocks.Append(r.records, w.scratch, b); err != nil {
				return err
			}
		}
		for i, c := range sh.chunks {
			r.records = append(r.records, c...)
			sh.chunks[i] = nil
		}
		*sh = shard{}
	}
	return nil
}

// bucketSize is about how many bytes of records go to one bucket: a session's
// worth. With fewer the table of buckets would grow large, with more there
// would be more left to sort in each.
const bucketSize = 1 << 10

// sort fills r.keys with the keys of the records, in order. It deals them out
// to buckets by the bits of the hash below the shard's, straight into place:
// hashes are spread evenly, so a bucket gets a session or two, whose events
// mostly come in their order. What is left to sort is little, and lies close
// together.
func (r *reader) sort() error {
	width := bits.Len(uint(len(r.records) / bucketSize))
	bucketOf := func(hash uint64) int { return int(hash << shardBits >> (64 - width)) }

	// How many records each bucket gets says where it begins.
	r.buckets = slices.Grow(r.buckets[:0], 1<<width)[:1<<width]
	clear(r.buckets)
	for rest := r.records; len(rest) > 0; {
		record, after, err := cutRecord(rest)
		if err != nil {
			return err
		}
		r.buckets[bucketOf(Hash(sessionOf(record)))]++
		rest = after
	}
	n := 0
	for i, size := range r.buckets {
		r.buckets[i] = n
		n += size
	}

	// Filling a bucket moves its number from its begin to its end.
	r.keys = slices.Grow(r.keys[:0], n)[:n]
	for rest := r.records; len(rest) > 0; {
		record, after, err := cutRecord(rest)
		if err != nil {
			return err
		}
		hash := Hash(sessionOf(record))
		place := &r.buckets[bucketOf(hash)]
		r.keys[*place] = key{hash, tsOf(record), len(r.records) - len(rest)}
		*place++
		rest = after
	}
	begin := 0
	for _, end := range r.buckets {
		slices.SortFunc(r.keys[begin:end], r.compare)
		begin = end
	}
	r.rest = r.keys
	return nil
}

func (r *reader) compare(a, b key) int {
	switch {
	case a.hash != b.hash:
		return cmp.Compare(a.hash, b.hash)
	case a.ts != b.ts:
		return cmp.Compare(a.ts, b.ts)
	}
	return compareRecords(r.record(a), r.record(b))
}

// record returns the record of a key, which sort found to be whole.
func (r *reader) record(k key) []byte {
	record, _, _ := cutRecord(r.records[k.at:])
	return record
}

// session returns the events of the next session. They are valid until the
// next call.
func (r *reader) session() ([]event.Event, error) {
	n := 1
	for n < len(r.rest) && r.rest[n].hash == r.rest[0].hash {
		n++
	}
	r.events = slices.Grow(r.events[:0], n)[:n]
	for i, k := range r.rest[:n] {
		if err := decodeRecord(r.record(k), &r.events[i]); err != nil {
			return nil, err
		}
	}
	r.rest = r.rest[n:]
	return r.events, nil
}

// view is b as a string, without a copy. It changes when b does, and the bytes
// of a reader do with the next shard: that is why Sessions lends its texts, and
// does not give them away.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
