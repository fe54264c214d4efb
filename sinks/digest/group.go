package digest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"daybook/sinks/internal/zstdcodec"
)

// group is a row group in memory, whose columns are decoded one after the other.
//
// That its checksums are right says that it is what a [Writer] wrote. So it is
// decoded by what little that is: required columns, each in pages of version 1
// of plain values. Arrow's reader, which knows all of Parquet, takes as long to
// get ready for a column as it takes to decode one.
type group struct {
	columns []column // that are still to come
	rows    int
	rest    []byte // theirs
}

// numbers decodes the next column, into values if they are not too few.
func (g *group) numbers(values []int64) ([]int64, error) {
	values = slices.Grow(values[:0], g.rows)
	err := g.pages(func(page []byte, n int) error {
		if len(page) != n*8 {
			return errors.New("a page of numbers is of another size")
		}
		for ; len(page) > 0; page = page[8:] {
			values = append(values, int64(binary.LittleEndian.Uint64(page)))
		}
		return nil
	})
	return values, err
}

// texts decodes the next column. The texts are parts of memory that nobody
// writes to again.
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
			return errors.New("a page has more than its values")
		}
		return nil
	})
	return values, err
}

// pages takes the next column, and calls each with the bytes of its pages and
// how many values they hold.
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
			return fmt.Errorf("a page of %d values and %d bytes, where %d and %d are left", h.values, h.stored, left, len(rest))
		}
		page := rest[:h.stored]
		if !c.random {
			if page, err = zstdcodec.Decompress(page, h.size); err != nil {
				return err
			}
		}
		if len(page) != h.size {
			return fmt.Errorf("a page of %d bytes, and its header says %d", len(page), h.size)
		}
		if err := each(page, h.values); err != nil {
			return err
		}
		left -= h.values
		g.rest = rest[h.stored:]
	}
	return nil
}

// pageHeader is what differs between the headers of pages.
type pageHeader struct {
	size, stored int // bytes, before and after compression
	values       int
}

// cutPageHeader takes a page's header off b: a struct in the compact protocol
// of Thrift, of which a [Writer] fills the same members each time.
//
//	1 type, 2 size, 3 stored size, 5 struct: 1 values, 2 encoding, 3 and 4 those of levels, 5 statistics: none
func cutPageHeader(b []byte) (h pageHeader, rest []byte, err error) {
	const number, object, end = 5, 12, 0 // types; the next member is 1 or 2 further on, in the higher bits
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
	for _, encoding := range []byte{0, 3, 3} { // plain; levels, of which there are none, as runs
		p.expect(1<<4 | number)
		p.expect(encoding << 1)
	}
	for _, b := range []byte{1<<4 | object, end, end, end} {
		p.expect(b)
	}
	if p.bad {
		return h, nil, errors.New("a page's header is none that a digest has")
	}
	return h, p.rest, nil
}

// thrift reads what is expected, and notes what is not.
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

// number is a size or a count: an i32 that is not negative.
func (t *thrift) number() int {
	n, size := binary.Varint(t.rest)
	if size <= 0 || n < 0 || n > 1<<31-1 {
		t.bad, t.rest = true, nil
		return 0
	}
	t.rest = t.rest[size:]
	return int(n)
}
