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

// Sessions calls fold with the events of each session of a shard, in ascending
// order of [Hash]. The events of a session are ordered by time, sequence number
// and id, and copies of one event by their contents. fold may change the events.
// The events and their texts are valid until fold returns: clone what you keep.
//
// Call Sessions when all writers are done, and once for each shard, because
// reading frees its memory. Different shards may be read at the same time; each
// takes the memory of its records. Sessions returns an error of fold unchanged.
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

// Largest is the number of bytes of the largest shard's records. Call it when
// all writers are done.
func (s *Shuffle) Largest() int64 {
	most := 0
	for shard := range Shards {
		most = max(most, sizeOf(s.writers, shard))
	}
	return int64(most)
}

// sizeOf is the number of bytes of a shard's records.
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

// reader returns an idle reader with its memory, or a new one.
func (s *Shuffle) reader() *reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = nil // all writers are done
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
	records []byte        // all records of the shard
	keys    []key         // one for each record
	rest    []key         // keys of the sessions not returned yet
	buckets []int         // used by sort
	events  []event.Event // of the current session
}

// A key is the position of a record and the first parts of its sort key.
type key struct {
	hash uint64
	ts   int64
	at   int // index in records of the record's length
}

// gather fills r.records with all records of a shard.
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

// bucketSize is the approximate number of bytes of records in a bucket: about
// one session. Smaller buckets need a larger table, larger ones more sorting.
const bucketSize = 1 << 10

// sort fills r.keys with the sorted keys of the records. It first distributes
// them to buckets by the bits of the hash below the shard's. Hashes are spread
// evenly, so a bucket has one or two sessions, whose events are mostly in order.
// Sorting each bucket is then cheap.
func (r *reader) sort() error {
	width := bits.Len(uint(len(r.records) / bucketSize))
	bucketOf := func(hash uint64) int { return int(hash << shardBits >> (64 - width)) }

	// The number of records in each bucket gives the begin of the next.
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

	// Filling a bucket moves its entry from its begin to its end.
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

// record returns the record of a key. sort has checked that it is whole.
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

// view is b as a string without a copy. It changes with b. The bytes of a reader
// change with the next shard, so texts are valid only during the call of fold.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
