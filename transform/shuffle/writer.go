package shuffle

import (
	"encoding/binary"
	"fmt"

	"daybook/transform/event"
	"daybook/transform/spill"
)

const (
	// chunkSize is the number of bytes that a writer's shard gets at a time. It
	// holds a few hundred records, so that handing out chunks is cheap, and a
	// half empty last chunk wastes little.
	chunkSize = 16 << 10
	// usualRoom is the number of bytes that a chunk has left when a record is written
	// to it without a copy. Nearly all records are smaller.
	usualRoom = 1 << 10
	// leastSpill is the least number of bytes that a writer spills: on average a
	// chunk for each shard. With less, blocks would be too small to compress
	// while the other writers hold all of the budget.
	leastSpill = Shards * chunkSize
	// blockSize is the approximate number of bytes of records in a compressed
	// block. Larger blocks compress hardly better, and take more memory.
	blockSize = 1 << 20
)

// A Writer adds events to a shuffle. It is not safe for concurrent use.
type Writer struct {
	shuffle *Shuffle
	shards  [Shards]shard
	holds   int // bytes of the writer's chunks
	record  []byte

	// The spilled records.
	scratch *spill.Scratch
	raw     []byte // the block to write next
}

// A shard holds a writer's records of one shard: first those in blocks, then
// those in chunks. Each record lies in one chunk.
type shard struct {
	blocks  []spill.Block
	chunks  [][]byte // only the last has room
	records int
	first   uint64 // the hash of the first record
	differ  uint64 // the bits in which other hashes differ from it
}

// count counts a record that was added.
func (s *shard) count(hash uint64) {
	if s.records == 0 {
		s.first = hash
	}
	s.differ |= s.first ^ hash
	s.records++
}

// Add adds an event. It does not keep e. After an error only [Shuffle.Close] may
// be called.
func (w *Writer) Add(e *event.Event) error {
	hash := Hash(e.SessionID)
	sh := &w.shards[shardOf(hash, w.shuffle.skip)]
	last := len(sh.chunks) - 1
	if last >= 0 && cap(sh.chunks[last])-len(sh.chunks[last]) >= usualRoom {
		c := append(sh.chunks[last], 0)
		start := len(c)
		c = appendRecord(c, e)
		if size := len(c) - start; size < 0x80 && cap(c) == cap(sh.chunks[last]) {
			c[start-1] = byte(size)
			sh.chunks[last] = c
			sh.count(hash)
			return nil
		}
	}
	w.record = appendRecord(w.record[:0], e)
	return w.add(sh, hash, w.record)
}

// AddRecords adds the records in b, which [AppendRecord] made, and returns their number.
// It does not keep b. The error says that b is damaged, or has sessions of another
// range.
func (w *Writer) AddRecords(b []byte) (n int64, err error) {
	for ; len(b) > 0; n++ {
		record, rest, err := cutRecord(b)
		if err != nil {
			return n, err
		}
		hash := Hash(sessionOf(record))
		if !w.shuffle.options.Range.Contains(hash) {
			return n, fmt.Errorf("%w: session %d lies in another hash range", errDamaged, sessionOf(record))
		}
		if err := w.add(&w.shards[shardOf(hash, w.shuffle.skip)], hash, record); err != nil {
			return n, err
		}
		b = rest
	}
	return n, nil
}

// add adds a record to its shard.
func (w *Writer) add(sh *shard, hash uint64, record []byte) error {
	last := len(sh.chunks) - 1
	need := binary.MaxVarintLen64 + len(record)
	if last < 0 || cap(sh.chunks[last])-len(sh.chunks[last]) < need {
		c, err := w.chunk(need)
		if err != nil {
			return err
		}
		sh.chunks = append(sh.chunks, c)
		last = len(sh.chunks) - 1 // spilling empties the shard
	}
	c := binary.AppendUvarint(sh.chunks[last], uint64(len(record)))
	sh.chunks[last] = append(c, record...)
	sh.count(hash)
	return nil
}

// chunk returns an empty chunk with room for need bytes. If the budget is used
// up, it spills first.
func (w *Writer) chunk(need int) ([]byte, error) {
	size := max(chunkSize, need)
	c := w.shuffle.take(size, w.holds < leastSpill)
	if c == nil {
		if err := w.spill(); err != nil {
			return nil, fmt.Errorf("spill events: %w", err)
		}
		c = w.shuffle.take(size, true)
	}
	w.holds += size
	return c, nil
}

// take returns an empty chunk of that size. Unless must is set, it returns nil
// where the chunk would exceed the budget.
func (s *Shuffle) take(size int, must bool) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.options.Budget > 0 && s.used+int64(size) > s.options.Budget && !must {
		return nil
	}
	s.used += int64(size)
	if last := len(s.free) - 1; last >= 0 && size == chunkSize {
		c := s.free[last]
		s.free = s.free[:last]
		return c
	}
	return make([]byte, 0, size)
}

// give returns chunks for reuse. It drops those of an unusual size.
func (s *Shuffle) give(chunks [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range chunks {
		s.used -= int64(cap(c))
		if cap(c) == chunkSize {
			s.free = append(s.free, c[:0])
		}
	}
}

// spill writes all records of w to its file.
func (w *Writer) spill() error {
	for i := range w.shards {
		sh := &w.shards[i]
		w.raw = w.raw[:0]
		for _, c := range sh.chunks {
			if len(w.raw) > 0 && len(w.raw)+len(c) > blockSize {
				if err := w.writeBlock(sh); err != nil {
					return err
				}
			}
			w.raw = append(w.raw, c...)
		}
		if err := w.writeBlock(sh); err != nil {
			return err
		}
		w.shuffle.give(sh.chunks)
		clear(sh.chunks)
		sh.chunks = sh.chunks[:0]
	}
	w.holds = 0
	return nil
}

// writeBlock writes w.raw to the end of the file and empties it.
func (w *Writer) writeBlock(sh *shard) error {
	if len(w.raw) == 0 {
		return nil
	}
	b, err := w.scratch.Write(w.raw)
	sh.blocks = append(sh.blocks, b)
	w.raw = w.raw[:0]
	return err
}
