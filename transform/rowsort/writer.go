package rowsort

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unsafe"

	"daybook/transform/report"
	"daybook/transform/spill"
)

const (
	// chunkSize is the number of bytes that rows are allocated in.
	chunkSize = 256 << 10
	// usualRoom is the number of bytes that a chunk has left when a row is encoded in
	// it without a copy. Nearly all rows are smaller.
	usualRoom = 4 << 10
	// leastSpill is the least number of bytes that a writer spills, which bounds
	// the number of runs to merge.
	leastSpill = 1 << 20
	// blockSize is the approximate number of bytes of rows in a compressed
	// block. Merging holds one block of each run in memory.
	blockSize = 64 << 10
)

// A Writer adds rows to a sorter. It is not safe for concurrent use.
type Writer struct {
	sorter *Sorter
	rows   int64
	chunks [][]byte // compact rows, each after its length and within one chunk
	placed []placed
	holds  int64 // bytes of chunks and placed

	// The spilled rows.
	scratch *spill.Scratch
	runs    []run
	raw     []byte // the block to write next

	compact []byte // the row to add
}

// placed is the position of a row in memory and its sort key.
type placed struct {
	key
	chunk, at uint32
}

const placedSize = int64(unsafe.Sizeof(placed{}))

// A run is a sequence of sorted rows in a writer's file, each after its length.
type run []spill.Block

// Add adds a row. It does not keep r. After an error only [Sorter.Close] may be
// called.
func (w *Writer) Add(r *report.Row) error {
	last := len(w.chunks) - 1
	if last >= 0 && cap(w.chunks[last])-len(w.chunks[last]) >= usualRoom && w.addInPlace(r, last) {
		return nil
	}
	w.compact = r.AppendCompact(w.compact[:0])
	return w.add(w.sorter.keyOf(r), w.compact)
}

// AddCompact adds a row in its compact form (report.Row.AppendCompact). first is its
// first sort key, from Options.Order; its session and leg follow it. It does not keep
// compact.
func (w *Writer) AddCompact(first, session, leg int64, compact []byte) error {
	return w.add(key{first, session, leg}, compact)
}

// add copies a compact row.
func (w *Writer) add(k key, compact []byte) error {
	last, need := len(w.chunks)-1, binary.MaxVarintLen64+len(compact)
	if last < 0 || cap(w.chunks[last])-len(w.chunks[last]) < need {
		if err := w.grow(max(chunkSize, need)); err != nil {
			return fmt.Errorf("spill rows: %w", err)
		}
		last = len(w.chunks) - 1
	}
	c := w.chunks[last]
	w.placed = append(w.placed, placed{k, uint32(last), uint32(len(c))})
	c = binary.AppendUvarint(c, uint64(len(compact)))
	w.chunks[last] = append(c, compact...)
	w.rows++
	return nil
}

// addInPlace encodes a row at the end of the last chunk, if it fits there and its
// length takes two bytes, as that of nearly all rows.
func (w *Writer) addInPlace(r *report.Row, last int) bool {
	c := w.chunks[last]
	start := len(c) + 2
	c = r.AppendCompact(append(c, 0, 0))
	size := len(c) - start
	if size < 1<<7 || size >= 1<<14 || cap(c) != cap(w.chunks[last]) {
		return false
	}
	binary.PutUvarint(c[start-2:start], uint64(size))
	w.placed = append(w.placed, placed{w.sorter.keyOf(r), uint32(last), uint32(start - 2)})
	w.chunks[last] = c
	w.rows++
	return true
}

// grow adds a chunk. If the budget is used up, it spills first.
func (w *Writer) grow(size int) error {
	if budget := w.sorter.options.Budget; budget > 0 && w.holds >= leastSpill && w.sorter.used.Load() >= budget {
		if err := w.spill(); err != nil {
			return err
		}
	}
	w.chunks = append(w.chunks, make([]byte, 0, size))
	// This also counts the entries of placed that were added since the last chunk.
	holds := int64(len(w.placed)) * placedSize
	for _, c := range w.chunks {
		holds += int64(cap(c))
	}
	w.hold(holds)
	return nil
}

func (w *Writer) hold(bytes int64) {
	w.sorter.used.Add(bytes - w.holds)
	w.holds = bytes
}

// sort sorts the rows in memory. After an interruption their order does not matter.
func (w *Writer) sort() (err error) {
	compares := 0
	slices.SortFunc(w.placed, func(a, b placed) int {
		if compares++; err == nil {
			err = w.sorter.interrupted(compares)
		}
		if err != nil {
			return 0
		}
		return a.compare(b.key)
	})
	return err
}

// at returns a compact row in memory.
func (w *Writer) at(p *placed) []byte {
	b := w.chunks[p.chunk][p.at:]
	n, size := binary.Uvarint(b)
	return b[size : size+int(n)]
}

// spill writes all rows in memory to a new run.
func (w *Writer) spill() error {
	if err := w.sort(); err != nil {
		return err
	}
	var r run
	for i := range w.placed {
		if err := w.sorter.interrupted(i); err != nil {
			return err
		}
		row := w.at(&w.placed[i])
		w.raw = binary.AppendUvarint(w.raw, uint64(len(row)))
		if w.raw = append(w.raw, row...); len(w.raw) >= blockSize {
			if err := w.writeBlock(&r); err != nil {
				return err
			}
		}
	}
	if err := w.writeBlock(&r); err != nil {
		return err
	}
	w.runs = append(w.runs, r)
	w.placed = w.placed[:0]
	clear(w.chunks)
	w.chunks = w.chunks[:0]
	w.hold(0)
	return nil
}

// writeBlock writes w.raw to the end of the file and empties it.
func (w *Writer) writeBlock(r *run) error {
	if len(w.raw) == 0 {
		return nil
	}
	b, err := w.scratch.Write(w.raw)
	*r = append(*r, b)
	w.raw = w.raw[:0]
	return err
}
