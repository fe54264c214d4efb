package digest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"daybook/sinks/internal/zstdcodec"
)

// group is a row group in memory, whose columns are decoded one after the
// other.
//
// Its checksums prove that a [Writer] wrote it. So the decoder knows only what
// a Writer writes: required columns in version 1 pages of plain values. Arrow's
// reader supports all of Parquet and takes as long to set up a column as to
// decode it.
type group struct {
	columns []column // not yet decoded
	rows    int
	rest    []byte // bytes of columns
}

// numbers decodes the next column, into the memory of values if it is large
// enough.
func (g *group) numbers(values []int64) ([]int64, error) {
	values = slices.Grow(values[:0], g.rows)
	err := g.pages(func(page []byte, n int) error {
		if len(page) != n*8 {
			return errors.New("a page of numbers has the wrong size")
		}
		for ; len(page) > 0; page = page[8:] {
			values = append(values, int64(binary.LittleEndian.Uint64(page)))
		}
		return nil
	})
	return values, err
}

// texts decodes the next column. The memory of the texts is immutable.
func (g *group) texts() ([][]byte, error) {
	values := make([][]byte, 0, g.rows)
	err := g.pages(func(page []byte, n int) error {
		for range n {
			if len(page) < 4 {
				return errors.New("a page ends early")
			}
			size := binary.LittleEndian.Uint32(page)
			page = page[4:]
			if uint64(size) > uint64(len(page)) {
				return errors.New("a page ends early")
			}
			values = append(values, page[:size:size])
			page = page[size:]
		}
		if len(page) > 0 {
			return errors.New("a page has bytes after its values")
		}
		return nil
	})
	return values, err
}

// pages calls each for every page of the next column, with the page's bytes and
// its number of values.
func (g *group) pages(each func(page []byte, values int) error) (err error) {
	c := g.columns[0]
	g.columns = g.columns[1:]
	defer func() {
		if err != nil {
			err = corrupt("column %s: %w", c.name, err)
		}
	}()
	for left := g.rows; left > 0; {
		h, rest, err := cutPageHeader(g.rest)
		if err != nil {
			return err
		}
		if h.stored > len(rest) || h.values > left || h.values == 0 {
			return fmt.Errorf("a page has %d values and %d bytes; %d and %d are left", h.values, h.stored, left, len(rest))
		}
		page := rest[:h.stored]
		if !c.random {
			if page, err = zstdcodec.Decompress(page, h.size); err != nil {
				return err
			}
		}
		if len(page) != h.size {
			return fmt.Errorf("a page has %d bytes, and its header says %d", len(page), h.size)
		}
		if err := each(page, h.values); err != nil {
			return err
		}
		left -= h.values
		g.rest = rest[h.stored:]
	}
	return nil
}

// pageHeader has the fields that differ between page headers.
type pageHeader struct {
	size, stored int // bytes before and after compression
	values       int
}

// cutPageHeader reads a page's header and returns the bytes after it. The
// header is a struct in Thrift's compact protocol. A [Writer] always writes the
// same fields.
//
//	1 type, 2 size, 3 stored size, 5 struct: 1 values, 2 encoding, 3 and 4 those of levels, 5 statistics (empty)
func cutPageHeader(b []byte) (h pageHeader, rest []byte, err error) {
	const number, object, end = 5, 12, 0 // types; the high bits have the distance to the next field id
	p := thrift{rest: b}
	p.expect(1<<4 | number)
	p.expect(0) // a data page
	p.expect(1<<4 | number)
	h.size = p.number()
	p.expect(1<<4 | number)
	h.stored = p.number()
	p.expect(2<<4 | object)
	p.expect(1<<4 | number)
	h.values = p.number()
	for _, encoding := range []byte{0, 3, 3} { // plain; run lengths for the (absent) levels
		p.expect(1<<4 | number)
		p.expect(encoding << 1)
	}
	for _, b := range []byte{1<<4 | object, end, end, end} {
		p.expect(b)
	}
	if p.bad {
		return h, nil, errors.New("a page's header is not that of a digest")
	}
	return h, p.rest, nil
}

// thrift reads expected bytes and sets bad at the first other one.
type thrift struct {
	rest []byte
	bad  bool
}

func (t *thrift) expect(b byte) {
	if len(t.rest) == 0 || t.rest[0] != b {
		t.bad, t.rest = true, nil
		return
	}
	t.rest = t.rest[1:]
}

// number reads a size or a count: an i32 that is not negative.
func (t *thrift) number() int {
	n, size := binary.Varint(t.rest)
	if size <= 0 || n < 0 || n > 1<<31-1 {
		t.bad, t.rest = true, nil
		return 0
	}
	t.rest = t.rest[size:]
	return int(n)
}
