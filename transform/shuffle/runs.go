package shuffle

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"encoding/binary"

	"daybook/transform/spill"
)

// A shard that no split makes small is sorted outside of memory. Its records are read
// piece by piece; each piece is sorted and written to a temporary file, as a run.
// The runs are merged. The work and the memory do not depend on how the sessions'
// hashes are distributed: it makes no difference whether the shard has a million
// sessions or one.

// inRuns calls fold with the sessions of a shard, which are sorted outside of memory.
func (r *reader) inRuns(ctx context.Context, s *Shuffle, shard int, memory int64, fold func(*Session) error) (err error) {
	sorted := &runs{scratch: spill.NewScratch(s.options.Spill)}
	defer func() { err = cmp.Or(err, sorted.scratch.Close()) }()
	if err := r.writeRuns(ctx, s, shard, memory, sorted); err != nil {
		return err
	}
	r.records, r.keys = nil, nil // as large as a piece: merging needs that of a session
	if err := sorted.reduce(ctx, &r.blocks, memory); err != nil {
		return err
	}
	m, err := sorted.merge(ctx, &r.blocks, sorted.list)
	if err != nil {
		return err
	}
	return r.merged(m, s.options.MaxSession, fold)
}

// runBlock is the approximate number of bytes of records in a block of a run.
// Merging holds one block of each run in memory.
const runBlock = 64 << 10

// A run is a sequence of sorted records in a file, each after its length.
type run []spill.Block

// runs holds the runs of a shard.
type runs struct {
	scratch *spill.Scratch
	list    []run
	largest int    // bytes of the largest block
	raw     []byte // the block to write next
}

// add appends a record to a run.
func (s *runs) add(to *run, record []byte) error {
	if len(s.raw) > 0 && len(s.raw)+len(record) > runBlock {
		if err := s.flush(to); err != nil {
			return err
		}
	}
	s.raw = append(binary.AppendUvarint(s.raw, uint64(len(record))), record...)
	return nil
}

// flush writes the block of a run, if there is one.
func (s *runs) flush(to *run) error {
	if len(s.raw) == 0 {
		return nil
	}
	s.largest = max(s.largest, len(s.raw))
	b, err := s.scratch.Write(s.raw)
	*to = append(*to, b)
	s.raw = s.raw[:0]
	return err
}

// writeRuns sorts the records of a shard in pieces that fit in memory.
func (r *reader) writeRuns(ctx context.Context, s *Shuffle, shard int, memory int64, to *runs) error {
	skip := s.skip + shardBits
	r.records = r.records[:0]
	records := 0
	err := eachBlock(ctx, s.writers, shard, &r.blocks, func(read func([]byte) ([]byte, error)) (err error) {
		before := len(r.records)
		if r.records, err = read(r.records); err != nil {
			return err
		}
		n, err := countRecords(r.records[before:])
		if err != nil {
			return err
		}
		if records += n; memoryOf(len(r.records), records) < memory {
			return nil
		}
		records = 0
		return r.writeRun(ctx, skip, to)
	})
	if err != nil {
		return err
	}
	return r.writeRun(ctx, skip, to)
}

// writeRun writes r.records, sorted, as a run, and empties them.
func (r *reader) writeRun(ctx context.Context, skip int, to *runs) error {
	if len(r.records) == 0 {
		return nil
	}
	if err := r.sort(ctx, skip); err != nil {
		return err
	}
	var one run
	for i, k := range r.keys {
		if err := interrupted(ctx, i); err != nil {
			return err
		}
		if err := to.add(&one, r.record(k)); err != nil {
			return err
		}
	}
	if err := to.flush(&one); err != nil {
		return err
	}
	to.list = append(to.list, one)
	r.records = r.records[:0]
	return nil
}

// reduce merges runs until the blocks of all that are left fit in memory.
func (s *runs) reduce(ctx context.Context, blocks *spill.Reader, memory int64) error {
	most := max(2, int(memory)/max(s.largest, runBlock)-1)
	for len(s.list) > most {
		m, err := s.merge(ctx, blocks, s.list[:most])
		if err != nil {
			return err
		}
		var one run
		for m.more() {
			if err := s.add(&one, m.first().record); err != nil {
				return err
			}
			if err := m.advance(); err != nil {
				return err
			}
		}
		if err := s.flush(&one); err != nil {
			return err
		}
		s.list = append(s.list[most:], one)
	}
	return nil
}

// A merger reads the records of several runs in order.
type merger struct {
	ctx     context.Context // of the call that merges
	scratch *spill.Scratch
	blocks  *spill.Reader
	cursors cursors
}

// merge begins to read runs.
func (s *runs) merge(ctx context.Context, blocks *spill.Reader, of []run) (*merger, error) {
	m := &merger{ctx: ctx, scratch: s.scratch, blocks: blocks}
	for _, one := range of {
		c := &cursor{left: one}
		if more, err := m.next(c); err != nil {
			return nil, err
		} else if more {
			m.cursors = append(m.cursors, c)
		}
	}
	heap.Init(&m.cursors)
	return m, nil
}

func (m *merger) more() bool { return len(m.cursors) > 0 }

// first is the cursor at the first of the records that are left.
func (m *merger) first() *cursor { return m.cursors[0] }

// advance goes to the next record.
func (m *merger) advance() error {
	more, err := m.next(m.cursors[0])
	switch {
	case err != nil:
		return err
	case !more:
		heap.Pop(&m.cursors)
	case len(m.cursors) > 1:
		heap.Fix(&m.cursors, 0)
	}
	return nil
}

// A cursor is at one record of a run.
type cursor struct {
	left []spill.Block // not read yet
	raw  []byte        // the current block
	rest []byte        // the part of it after the record

	record []byte // valid until the next one
	hash   uint64
}

// next moves a cursor to its next record. It returns false after the last.
func (m *merger) next(c *cursor) (more bool, err error) {
	if len(c.rest) == 0 {
		if len(c.left) == 0 {
			*c = cursor{}
			return false, nil
		}
		if err := m.ctx.Err(); err != nil {
			return false, err
		}
		if c.raw, err = m.blocks.Append(c.raw[:0], m.scratch, c.left[0]); err != nil {
			return false, err
		}
		c.left, c.rest = c.left[1:], c.raw
	}
	if c.record, c.rest, err = cutRecord(c.rest); err != nil {
		return false, err
	}
	c.hash = Hash(sessionOf(c.record))
	return true, nil
}

// cursors is a heap in the order of records.
type cursors []*cursor

func (c cursors) Len() int { return len(c) }
func (c cursors) Less(i, j int) bool {
	a, b := c[i], c[j]
	if a.hash != b.hash {
		return a.hash < b.hash
	}
	if order := cmp.Compare(tsOf(a.record), tsOf(b.record)); order != 0 {
		return order < 0
	}
	return compareRecords(a.record, b.record) < 0
}
func (c cursors) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *cursors) Push(x any)   { *c = append(*c, x.(*cursor)) }
func (c *cursors) Pop() any {
	last := len(*c) - 1
	x := (*c)[last]
	*c = (*c)[:last]
	return x
}

// merged calls fold with the sessions of merged runs. It holds the records of one
// session at a time, and none of an oversized one.
func (r *reader) merged(m *merger, most int64, fold func(*Session) error) error {
	for m.more() {
		r.reckoned.begin()
		r.records, r.keys = r.records[:0], r.keys[:0]
		oversized := false
		for hash := m.first().hash; m.more() && m.first().hash == hash; {
			if err := r.collect(m.first(), oversized); err != nil {
				return err
			}
			if most > 0 && r.reckoned.extent.Bytes > most && !oversized {
				oversized = true
				r.records, r.keys = nil, r.keys[:0]
			}
			if err := m.advance(); err != nil {
				return err
			}
		}
		if err := r.foldCollected(m.ctx, oversized, fold); err != nil {
			return err
		}
	}
	return nil
}

// collect counts the record of a cursor, and keeps a copy of it. Copies of an event
// that differ are kept as the one that counts.
func (r *reader) collect(c *cursor, oversized bool) error {
	isCopy, err := r.reckoned.add(c.record)
	if err != nil || oversized {
		return err
	}
	if isCopy {
		last := r.keys[len(r.keys)-1]
		before := r.record(last)
		if bytes.Equal(before, c.record) {
			return nil
		}
		if counts, err := comesFirst(c.record, before); err != nil || !counts {
			return err
		}
		r.records, r.keys = r.records[:last.at], r.keys[:len(r.keys)-1]
	}
	r.keys = append(r.keys, key{c.hash, tsOf(c.record), len(r.records)})
	r.records = append(binary.AppendUvarint(r.records, uint64(len(c.record))), c.record...)
	return nil
}

// foldCollected calls fold with the session that was collected.
func (r *reader) foldCollected(ctx context.Context, oversized bool, fold func(*Session) error) error {
	if oversized {
		r.current = Session{Oversized: &r.reckoned.extent, Copies: r.reckoned.copies}
		return fold(&r.current)
	}
	if _, err := r.decode(ctx, r.keys, len(r.keys), 0); err != nil {
		return err
	}
	r.current.Copies = r.reckoned.copies
	return fold(&r.current)
}
