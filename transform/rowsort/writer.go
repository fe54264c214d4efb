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
	// chunkSize is how many bytes of rows lie together.
	chunkSize = 256 << 10
	// leastSpill is how much a writer holds before it spills, so that runs are
	// not too many to be merged.
	leastSpill = 1 << 20
	// blockSize is about how many bytes of rows are compressed together: each
	// run that is merged has one in memory.
	blockSize = 64 << 10
)

// A Writer takes rows; it is not safe for concurrent use.
type Writer struct {
	sorter *Sorter
	rows   int64
	chunks [][]byte // of compact rows, each behind its length; none lies in two
	placed []placed
	holds  int64 // bytes of both

	// Of what was spilled; made when something is.
	scratch *spill.Scratch
	runs    []run
	raw     []byte // a block before it is written

	compact []byte // a row
}

// placed is where a row in memory is, and what decides its place among the
// others.
type placed struct {
	key
	chunk, at uint32
}

const placedSize = int64(unsafe.Sizeof(placed{}))

// A run is sorted rows in a writer's file, each behind its length.
type run []spill.Block

// Add puts a row in. It keeps nothing of r. After an error the sorter is good
// for nothing but [Sorter.Close].
func (w *Writer) Add(r *report.Row) error {
	w.compact = r.AppendCompact(w.compact[:0])
	need := binary.MaxVarintLen64 + len(w.compact)
	last := len(w.chunks) - 1
	if last < 0 || cap(w.chunks[last])-len(w.chunks[last]) < need {
		if err := w.grow(max(chunkSize, need)); err != nil {
			return fmt.Errorf("spill rows: %w", err)
		}
		last = len(w.chunks) - 1
	}
	c := w.chunks[last]
	w.placed = append(w.placed, placed{w.sorter.keyOf(r), uint32(last), uint32(len(c))})
	c = binary.AppendUvarint(c, uint64(len(w.compact)))
	w.chunks[last] = append(c, w.compact...)
	w.rows++
	return nil
}

// grow adds a chunk; it spills first if there is no memory for it.
func (w *Writer) grow(size int) error {
	if budget := w.sorter.options.Budget; budget > 0 && w.holds >= leastSpill && w.sorter.used.Load() >= budget {
		if err := w.spill(); err != nil {
			return err
		}
	}
	w.chunks = append(w.chunks, make([]byte, 0, size))
	// The rows that were placed since the last chunk are counted with this one.
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

// sort brings what is in memory into order.
func (w *Writer) sort() {
	slices.SortFunc(w.placed, func(a, b placed) int { return a.compare(b.key) })
}

// at returns a compact row in memory.
func (w *Writer) at(p *placed) []byte {
	b := w.chunks[p.chunk][p.at:]
	n, size := binary.Uvarint(b)
	return b[size : size+int(n)]
}

// spill moves all that is in memory to a new run.
func (w *Writer) spill() error {
	w.sort()
	var r run
	for i := range w.placed {
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

// writeBlock moves w.raw to the end of the file.
func (w *Writer) writeBlock(r *run) error {
	if len(w.raw) == 0 {
		return nil
	}
	b, err := w.scratch.Write(w.raw)
	*r = append(*r, b)
	w.raw = w.raw[:0]
	return err
}
