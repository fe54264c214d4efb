package rowsort

import (
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync"

	"daybook/transform/report"
	"daybook/transform/spill"
)

// batchRows is the number of rows in a batch.
const batchRows = 1024

var errDamaged = errors.New("sorted rows in a temporary file are damaged")

// Rows yields the rows in order, in batches. A batch is valid until the next
// one; the texts of its rows stay valid. A text keeps up to 256 KiB of rows in
// memory, so copy those that outlive the rows. Call Rows when all writers are done.
// Rows can be read once, because reading frees their memory.
func (s *Sorter) Rows() iter.Seq2[[]report.Row, error] {
	return func(yield func([]report.Row, error) bool) {
		open, err := s.cursors()
		if err != nil {
			yield(nil, fmt.Errorf("read back sorted rows: %w", err))
			return
		}
		batch := make([]report.Row, 0, batchRows)
		for len(open) > 0 {
			batch = batch[:len(batch)+1]
			if err := s.take(&open, &batch[len(batch)-1]); err != nil {
				yield(nil, fmt.Errorf("read back sorted rows: %w", err))
				return
			}
			if len(batch) == cap(batch) {
				if !yield(batch, nil) {
					return
				}
				batch = batch[:0]
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

// take sets r to the first row of all cursors, and advances that cursor.
func (s *Sorter) take(open *cursors, r *report.Row) error {
	c := (*open)[0]
	*r = c.row
	more, err := s.advance(c)
	switch {
	case err != nil:
		return err
	case !more:
		heap.Pop(open)
	case len(*open) > 1:
		heap.Fix(open, 0)
	}
	return nil
}

// cursors sorts the rows in memory, and returns a cursor for them and for each
// run.
func (s *Sorter) cursors() (cursors, error) {
	var sorting sync.WaitGroup
	failed := make([]error, len(s.writers))
	for i, w := range s.writers {
		sorting.Go(func() { failed[i] = w.sort() })
	}
	sorting.Wait()
	if err := cmp.Or(failed...); err != nil {
		return nil, err
	}
	var blocks spill.Reader
	var open cursors
	for _, w := range s.writers {
		sources := []source{&memoryRun{w: w, rest: w.placed}}
		for _, r := range w.runs {
			sources = append(sources, &fileRun{scratch: w.scratch, left: r, blocks: &blocks})
		}
		w.raw = nil
		for _, from := range sources {
			c := &cursor{source: from}
			more, err := s.advance(c)
			if err != nil {
				return nil, err
			}
			if more {
				open = append(open, c)
			}
		}
	}
	heap.Init(&open)
	return open, nil
}

// A source returns compact rows in order, whose bytes never change, and nil after
// the last.
type source interface {
	next() ([]byte, error)
}

// A cursor is positioned at one row of a source.
type cursor struct {
	source
	key key
	row report.Row
}

// advance moves to the next row. It returns false after the last.
func (s *Sorter) advance(c *cursor) (more bool, err error) {
	compact, err := c.next()
	if err != nil || compact == nil {
		return false, err
	}
	if err := c.row.DecodeCompact(compact); err != nil {
		return false, err
	}
	c.key = s.keyOf(&c.row)
	return true, nil
}

// cursors is a heap ordered by key.
type cursors []*cursor

func (c cursors) Len() int           { return len(c) }
func (c cursors) Less(i, j int) bool { return c[i].key.compare(c[j].key) < 0 }
func (c cursors) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *cursors) Push(x any)        { *c = append(*c, x.(*cursor)) }
func (c *cursors) Pop() any {
	last := len(*c) - 1
	x := (*c)[last]
	*c = (*c)[:last]
	return x
}

// memoryRun is the source of a writer's rows in memory.
type memoryRun struct {
	w    *Writer
	rest []placed
}

func (m *memoryRun) next() ([]byte, error) {
	if len(m.rest) == 0 {
		m.w.placed, m.w.chunks = nil, nil
		return nil, nil
	}
	p := &m.rest[0]
	m.rest = m.rest[1:]
	return m.w.at(p), nil
}

// fileRun is the source of a run in a file. It holds one block in memory.
type fileRun struct {
	scratch *spill.Scratch
	left    run // blocks not read yet
	blocks  *spill.Reader
	rest    []byte // the unread part of the current block
}

func (f *fileRun) next() ([]byte, error) {
	if len(f.rest) == 0 {
		if len(f.left) == 0 {
			return nil, nil
		}
		var err error
		// Each block is in memory of its own, because the texts of rows share it.
		if f.rest, err = f.blocks.Append(nil, f.scratch, f.left[0]); err != nil {
			return nil, err
		}
		f.left = f.left[1:]
	}
	n, size := binary.Uvarint(f.rest)
	if size <= 0 || n > uint64(len(f.rest)-size) {
		return nil, errDamaged
	}
	row := f.rest[size : size+int(n)]
	f.rest = f.rest[size+int(n):]
	return row, nil
}
