package rowsort

import (
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync"

	"daybook/transform/report"
	"daybook/transform/spill"
)

// batchRows is how many rows are handed on at a time.
const batchRows = 1024

var errDamaged = errors.New("sorted rows in a temporary file are damaged")

// Rows gives the rows in order, in batches that are valid until the next one;
// the texts of a row are its own, and stay. All writers must be done. Rows can
// be read once: memory is let go on the way.
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

// take makes r the first row of all cursors, and goes on from there.
func (s *Sorter) take(open *cursors, r *report.Row) error {
	c := (*open)[0]
	if err := r.DecodeCompact(c.row); err != nil {
		return err
	}
	more, err := c.advance()
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

// cursors sorts what is in memory, and opens it and all runs.
func (s *Sorter) cursors() (cursors, error) {
	var sorting sync.WaitGroup
	for _, w := range s.writers {
		sorting.Go(w.sort)
	}
	sorting.Wait()
	var blocks spill.Reader
	var open cursors
	for _, w := range s.writers {
		sources := []source{&memoryRun{w: w, rest: w.placed}}
		for _, r := range w.runs {
			sources = append(sources, &fileRun{sorter: s, scratch: w.scratch, left: r, blocks: &blocks})
		}
		w.raw = nil
		for _, from := range sources {
			c := &cursor{source: from}
			more, err := c.advance()
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

// A source gives compact rows in order, each valid until the next call; no row
// after the last.
type source interface {
	next() (key, []byte, error)
}

// A cursor is at one row of a source.
type cursor struct {
	source
	key key
	row []byte
}

func (c *cursor) advance() (more bool, err error) {
	c.key, c.row, err = c.next()
	return c.row != nil, err
}

// cursors are a heap by their keys.
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

// memoryRun is what a writer has in memory.
type memoryRun struct {
	w    *Writer
	rest []placed
}

func (m *memoryRun) next() (key, []byte, error) {
	if len(m.rest) == 0 {
		m.w.placed, m.w.chunks = nil, nil
		return key{}, nil, nil
	}
	p := &m.rest[0]
	m.rest = m.rest[1:]
	return p.key, m.w.at(p), nil
}

// fileRun is a run, of which a block is in memory.
type fileRun struct {
	sorter  *Sorter
	scratch *spill.Scratch
	left    run // still to be read
	blocks  *spill.Reader
	raw     []byte // of the block, all of it
	rest    []byte // and what of it is still to come
	row     report.Row
}

func (f *fileRun) next() (key, []byte, error) {
	if len(f.rest) == 0 {
		if len(f.left) == 0 {
			f.raw = nil
			return key{}, nil, nil
		}
		var err error
		if f.raw, err = f.blocks.Append(f.raw[:0], f.scratch, f.left[0]); err != nil {
			return key{}, nil, err
		}
		f.left, f.rest = f.left[1:], f.raw
	}
	n, size := binary.Uvarint(f.rest)
	if size <= 0 || n > uint64(len(f.rest)-size) {
		return key{}, nil, errDamaged
	}
	row := f.rest[size : size+int(n)]
	f.rest = f.rest[size+int(n):]
	k, err := f.keyOf(row)
	return k, row, err
}

// keyOf tells the key of a compact row by decoding it, which costs little next
// to having written and read it.
func (f *fileRun) keyOf(row []byte) (key, error) {
	if err := f.row.DecodeCompact(row); err != nil {
		return key{}, err
	}
	return f.sorter.keyOf(&f.row), nil
}
