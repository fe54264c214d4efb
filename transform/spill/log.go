package spill

import "slices"

// logBlock is how many bytes of records are written at a time.
const logBlock = 64 << 10

// A Log is records of one size, in the order in which they came. The first ones
// stay in memory, up to a bound, and the others go to a scratch.
type Log struct {
	scratch *Scratch
	size    int      // of a record, in bytes
	keep    int      // bytes that stay in memory
	kept    [][]byte // full blocks, in order
	blocks  []Block  // and those that follow them
	last    []byte   // the block that is being filled
	records int
}

// NewLog begins a log of records of that size, in bytes. It keeps about so many
// bytes in memory, and beside them a block of 64 KiB.
func NewLog(s *Scratch, size, keep int) *Log { return &Log{scratch: s, size: size, keep: keep} }

// Len is the number of records.
func (l *Log) Len() int { return l.records }

// Append adds a record, and keeps nothing of it.
func (l *Log) Append(record []byte) error {
	if len(l.last)+l.size > logBlock {
		if err := l.end(); err != nil {
			return err
		}
	}
	l.last = append(l.last, record...)
	l.records++
	return nil
}

// end makes room for another block.
func (l *Log) end() error {
	if (len(l.kept)+1)*logBlock <= l.keep {
		l.kept = append(l.kept, slices.Clip(l.last))
		l.last = make([]byte, 0, logBlock)
		return nil
	}
	b, err := l.scratch.Write(l.last)
	if err != nil {
		return err
	}
	l.blocks = append(l.blocks, b)
	l.last = l.last[:0]
	return nil
}

// Each calls f with every record, in order. A record is valid only during the
// call.
func (l *Log) Each(f func(record []byte)) error {
	c := l.Cursor()
	for {
		record, err := c.Next()
		if record == nil {
			return err
		}
		f(record)
	}
}

// Cursor begins to read the log, which does not grow any more. There may be any
// number of them.
func (l *Log) Cursor() *Cursor { return &Cursor{log: l} }

// A Cursor reads the records of a log, in order. It has a block in memory.
type Cursor struct {
	log    *Log
	reader Reader
	begun  int    // blocks, of those in memory first, then those of the scratch, and the last
	rest   []byte // of the block that is being read
	block  []byte // one of the scratch
}

// Next gives the next record, which is valid until the next call; nil: there is
// none left, or an error.
func (c *Cursor) Next() (record []byte, err error) {
	for len(c.rest) == 0 {
		if c.begun > len(c.log.kept)+len(c.log.blocks) {
			return nil, nil
		}
		if err := c.begin(); err != nil {
			return nil, err
		}
	}
	record, c.rest = c.rest[:c.log.size], c.rest[c.log.size:]
	return record, nil
}

// begin begins the next block.
func (c *Cursor) begin() (err error) {
	i := c.begun
	c.begun++
	if i < len(c.log.kept) {
		c.rest = c.log.kept[i]
		return nil
	}
	if i -= len(c.log.kept); i == len(c.log.blocks) {
		c.rest = c.log.last
		return nil
	}
	c.block, err = c.reader.Append(c.block[:0], c.log.scratch, c.log.blocks[i])
	c.rest = c.block
	return err
}
