package shuffle

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"
	"unsafe"

	"daybook/transform/event"
	"daybook/transform/session"
	"daybook/transform/spill"
)

// A Session is what was put in of one session.
type Session struct {
	// Events are ordered by time, sequence number and id. Of copies that agree in
	// these, there is one: the first in the order of session.Compare. The slice is
	// the callee's. It and the texts are valid until fold returns.
	Events []event.Event
	Copies int64 // the other copies
	Bytes  int64 // of its records
	// Oversized is set instead of Events if these exceed Options.MaxSession.
	Oversized *event.Extent
}

// Hash is the hash of the session.
func (s *Session) Hash() uint64 {
	if s.Oversized != nil {
		return Hash(s.Oversized.Session)
	}
	return Hash(s.Events[0].SessionID)
}

// Sessions calls fold with each session of a shard, in ascending order of [Hash].
//
// memory is how many bytes of records are held, at least; a larger shard is split or
// sorted in temporary files, with the same result. 0: no bound.
//
// Call Sessions when all writers are done, and once for each shard, because reading
// frees its memory. Different shards may be read at the same time. Sessions returns
// an error of fold unchanged, and that of ctx.
func (s *Shuffle) Sessions(ctx context.Context, shard int, memory int64, fold func(*Session) error) error {
	var failed error // of fold
	r := s.reader()
	err := r.sessions(ctx, s, shard, memory, func(session *Session) error {
		failed = fold(session)
		return failed
	})
	switch {
	case err == nil:
		s.putBack(r)
		return nil
	case failed != nil:
		return failed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("read back shard %d of the events: %w", shard, err)
}

// Largest is the number of bytes of the largest shard in memory. Call it when all
// writers are done.
func (s *Shuffle) Largest() (most int64) {
	for shard := range Shards {
		most = max(most, memoryOf(sizeOf(s.writers, shard)))
	}
	return most
}

// sizeOf is the number of bytes of a shard's records, and their number.
func sizeOf(writers []*Writer, shard int) (size, records int) {
	for _, w := range writers {
		sh := &w.shards[shard]
		records += sh.records
		for _, b := range sh.blocks {
			size += b.Len()
		}
		for _, c := range sh.chunks {
			size += len(c)
		}
	}
	return size, records
}

// memoryOf is the number of bytes of so many records of that size, and their keys.
func memoryOf(size, records int) int64 { return int64(size) + int64(records)*keySize }

const keySize = int64(unsafe.Sizeof(key{}))

// eachBlock calls f for each block and chunk of a shard's records, with a function
// that appends its bytes. It frees the chunks.
func eachBlock(ctx context.Context, writers []*Writer, number int, blocks *spill.Reader, f func(read func(to []byte) ([]byte, error)) error) error {
	for _, w := range writers {
		sh := &w.shards[number]
		for _, b := range sh.blocks {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := f(func(to []byte) ([]byte, error) { return blocks.Append(to, w.scratch, b) }); err != nil {
				return err
			}
		}
		for i, c := range sh.chunks {
			if err := f(func(to []byte) ([]byte, error) { return append(to, c...), nil }); err != nil {
				return err
			}
			sh.chunks[i] = nil
		}
		*sh = shard{}
	}
	return nil
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

// putBack keeps a reader for the next shard, without the memory of a large session.
func (s *Shuffle) putBack(r *reader) {
	const most = 1 << 14 // events: some MB
	if cap(r.events) > most {
		r.events = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, r)
}

// A reader reads one shard after another.
type reader struct {
	blocks  spill.Reader
	records []byte        // all records of the shard; of a shard that is split, some of them
	keys    []key         // one for each record
	rest    []key         // keys of the sessions not returned yet
	buckets []int         // used by sort
	longest int           // bytes of the longest record
	events  []event.Event // of the current session
	pool    event.Pool    // of their details

	reckoned reckoning // of the current session
	current  Session
}

// A key is the position of a record and the first parts of its sort key.
type key struct {
	hash uint64
	ts   int64
	at   int // index in records of the record's length
}

// interruptEvery is the number of records after which the context is asked: a few
// milliseconds of work.
const interruptEvery = 1 << 14

// interrupted is the error of ctx, which it asks for some i only.
func interrupted(ctx context.Context, i int) error {
	if i%interruptEvery != interruptEvery-1 {
		return nil
	}
	return ctx.Err()
}

func (r *reader) sessions(ctx context.Context, s *Shuffle, shard int, memory int64, fold func(*Session) error) (err error) {
	size, records := sizeOf(s.writers, shard)
	if memory == 0 || memoryOf(size, records) <= memory {
		if err := r.gather(ctx, s.writers, shard, size); err != nil {
			return err
		}
		return r.inMemory(ctx, s.skip+shardBits, s.options.MaxSession, fold)
	}
	if skip := prefixOf(s.writers, shard); skip < 64 && s.splits < mostSplits {
		return r.split(ctx, s, shard, skip, memory, fold)
	}
	return r.inRuns(ctx, s, shard, memory, fold)
}

// gather fills r.records with all records of a shard, of that size.
func (r *reader) gather(ctx context.Context, writers []*Writer, number, size int) error {
	r.records = slices.Grow(r.records[:0], size)
	return eachBlock(ctx, writers, number, &r.blocks, func(read func([]byte) ([]byte, error)) (err error) {
		r.records, err = read(r.records)
		return err
	})
}

// inMemory calls fold with the sessions of the records that were gathered, whose
// hashes have the highest skip bits in common.
func (r *reader) inMemory(ctx context.Context, skip int, most int64, fold func(*Session) error) error {
	if err := r.sort(ctx, skip); err != nil {
		return err
	}
	r.rest = r.keys
	for len(r.rest) > 0 {
		if err := r.session(ctx, most); err != nil {
			return err
		}
		if err := fold(&r.current); err != nil {
			return err
		}
	}
	return nil
}

// bucketSize is the approximate number of bytes of records in a bucket: about
// one session. Smaller buckets need a larger table, larger ones more sorting.
const bucketSize = 1 << 10

// sort fills r.keys with the sorted keys of the records. It first distributes
// them to buckets by the bits of the hash after the highest skip bits. Hashes are
// spread evenly, so a bucket has one or two sessions, whose events are mostly in
// order. Sorting each bucket is then cheap.
func (r *reader) sort(ctx context.Context, skip int) error {
	width := bits.Len(uint(len(r.records) / bucketSize))
	bucketOf := func(hash uint64) int { return int(hash << skip >> (64 - width)) }

	// The number of records in each bucket gives the begin of the next.
	r.buckets = slices.Grow(r.buckets[:0], 1<<width)[:1<<width]
	clear(r.buckets)
	n := 0
	for rest := r.records; len(rest) > 0; n++ {
		if err := interrupted(ctx, n); err != nil {
			return err
		}
		record, after, err := cutRecord(rest)
		if err != nil {
			return err
		}
		r.buckets[bucketOf(Hash(sessionOf(record)))]++
		rest = after
	}
	n = 0
	for i, size := range r.buckets {
		r.buckets[i] = n
		n += size
	}

	// Filling a bucket moves its entry from its begin to its end.
	r.keys = slices.Grow(r.keys[:0], n)[:n]
	n, r.longest = 0, 0
	for rest := r.records; len(rest) > 0; n++ {
		if err := interrupted(ctx, n); err != nil {
			return err
		}
		record, after, err := cutRecord(rest)
		if err != nil {
			return err
		}
		r.longest = max(r.longest, len(record))
		hash := Hash(sessionOf(record))
		place := &r.buckets[bucketOf(hash)]
		r.keys[*place] = key{hash, tsOf(record), len(r.records) - len(rest)}
		*place++
		rest = after
	}
	begin := 0
	for _, end := range r.buckets {
		if err := r.sortBucket(ctx, r.keys[begin:end]); err != nil {
			return err
		}
		begin = end
	}
	return ctx.Err()
}

// sortBucket sorts the keys of a bucket. Chosen ids can put a whole shard into one,
// so a large one asks the context; from its end on the order does not matter.
func (r *reader) sortBucket(ctx context.Context, keys []key) error {
	if len(keys) < interruptEvery {
		slices.SortFunc(keys, r.compare)
		return nil
	}
	compares := 0
	var err error
	slices.SortFunc(keys, func(a, b key) int {
		if compares++; err == nil {
			err = interrupted(ctx, compares)
		}
		if err != nil {
			return 0
		}
		return r.compare(a, b)
	})
	return err
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

// session sets r.current to the next session.
func (r *reader) session(ctx context.Context, most int64) (err error) {
	n := 1
	for n < len(r.rest) && r.rest[n].hash == r.rest[0].hash {
		n++
	}
	keys := r.rest[:n]
	r.rest = r.rest[n:]
	fits, err := r.decode(ctx, keys, n, most)
	if err != nil || fits {
		return err
	}
	if err := r.reckon(ctx, keys); err != nil {
		return err
	}
	if r.reckoned.extent.Bytes > most {
		r.current = Session{Oversized: &r.reckoned.extent, Copies: r.reckoned.copies}
		return nil
	}
	_, err = r.decode(ctx, keys, int(r.reckoned.extent.Events), 0)
	return err
}

// decode sets r.current to the session of records, which are about so many without
// copies. fits is false if their size may exceed most. 0: no bound.
func (r *reader) decode(ctx context.Context, keys []key, about int, most int64) (fits bool, err error) {
	switch {
	case event.MostSize(len(keys), len(keys)*r.longest) <= most:
		most = 0 // no need to count
	case most > 0 && event.MostSize(len(keys), 0) > most:
		return false, nil
	}
	room := min(about+1, len(keys)) // one for the copy at hand
	r.events = slices.Grow(r.events[:0], room)[:room]
	r.pool.Reset()
	n, size := 0, 0
	for i, k := range keys {
		if err := interrupted(ctx, i); err != nil {
			return false, err
		}
		record := r.record(k)
		if size += len(record); most > 0 && event.MostSize(i+1, size) > most {
			return false, nil
		}
		e := &r.events[n]
		if err := decodeRecord(record, e, &r.pool); err != nil {
			return false, err
		}
		if n == 0 || !isCopy(&r.events[n-1], e) {
			n++
		} else if session.Compare(*e, r.events[n-1]) < 0 {
			r.events[n-1] = *e
		}
	}
	r.current = Session{Events: r.events[:n], Copies: int64(len(keys) - n), Bytes: int64(size)}
	return true, nil
}

// isCopy reports whether two events of a session are one, delivered twice, at the
// same place in the order.
func isCopy(a, b *event.Event) bool { return a.TS == b.TS && a.Seq == b.Seq && a.ID == b.ID }

// comesFirst reports whether a record comes before another one of the same event.
func comesFirst(a, b []byte) (bool, error) {
	var x, y event.Event
	if err := cmp.Or(decodeRecord(a, &x, nil), decodeRecord(b, &y, nil)); err != nil {
		return false, err
	}
	return session.Compare(x, y) < 0, nil
}

// reckon counts a session's records.
func (r *reader) reckon(ctx context.Context, keys []key) error {
	r.reckoned.begin()
	for i, k := range keys {
		if err := interrupted(ctx, i); err != nil {
			return err
		}
		if _, err := r.reckoned.add(r.record(k)); err != nil {
			return err
		}
	}
	return nil
}

// view is b as a string without a copy. It changes with b. The bytes of a reader
// change with the next shard, so texts are valid only during the call of fold.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
