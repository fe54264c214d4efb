package shuffle

import (
	"encoding/binary"
	"fmt"

	"daybook/transform/event"
	"daybook/transform/spill"
)

const (
	// chunkSize is how many bytes a shard of a writer gets at a time: a few
	// hundred records, so that handing chunks out costs nothing, and little is
	// lost where a shard's last one stays half empty.
	chunkSize = 16 << 10
	// leastSpill is how much a writer holds before it spills: a chunk for each
	// shard on average. With less, blocks would be too small to compress when
	// the other writers hold all of the budget.
	leastSpill = Shards * chunkSize
	// blockSize is about how many bytes of records are compressed together:
	// more would hardly make them smaller, and take more memory.
	blockSize = 1 << 20
)

// A Writer takes events; it is not safe for concurrent use.
type Writer struct {
	shuffle *Shuffle
	shards  [Shards]shard
	holds   int // bytes of its chunks
	record  []byte

	// Of what was spilled; made when something is.
	scratch *spill.Scratch
	raw     []byte // a block before it is written
}

// A shard is what a writer has of it. Records lie in the blocks first; none
// lies in two chunks.
type shard struct {
	blocks []spill.Block
	chunks [][]byte // only the last has room
}

// Add puts an event in. It keeps nothing of e. After an error the shuffle is
// good for nothing but [Shuffle.Close].
func (w *Writer) Add(e *event.Event) error {
	w.record = appendRecord(w.record[:0], e)
	need := binary.MaxVarintLen64 + len(w.record)
	sh := &w.shards[shardOf(Hash(e.SessionID))]
	last := len(sh.chunks) - 1
	if last < 0 || cap(sh.chunks[last])-len(sh.chunks[last]) < need {
		c, err := w.chunk(need)
		if err != nil {
			return err
		}
		sh.chunks = append(sh.chunks, c)
		last = len(sh.chunks) - 1 // spilling empties the shard
	}
	c := binary.AppendUvarint(sh.chunks[last], uint64(len(w.record)))
	sh.chunks[last] = append(c, w.record...)
	return nil
}

// chunk returns an empty chunk with room for need bytes; it spills if there is
// no memory for it.
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

// take hands out a chunk of that size, a free one or a new one; nil if that
// would pass the budget, and it must not.
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

// give takes chunks back. Those of extraordinary records are let go.
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

// spill moves all that w holds to its file.
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

// writeBlock moves w.raw to the end of the file.
func (w *Writer) writeBlock(sh *shard) error {
	if len(w.raw) == 0 {
		return nil
	}
	b, err := w.scratch.Write(w.raw)
	sh.blocks = append(sh.blocks, b)
	w.raw = w.raw[:0]
	return err
}
