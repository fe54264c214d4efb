package spill

import "slices"

// logBlock is the number of bytes of records in a block.
const logBlock = 64 << 10

// A Log holds records of one size in the order in which they are appended. The
// first records stay in memory, up to a bound. The others go to a scratch.
type Log struct {
	scratch *Scratch
	size    int      // bytes of a record
	keep    int      // bytes to keep in memory
	kept    [][]byte // full blocks, in order
	blocks  []Block  // the blocks after those, in the scratch
	last    []byte   // the block to fill
	records int
}

// NewLog returns an empty log. Size is the number of bytes of a record, keep the
// approximate number of bytes to keep in memory, besides one block of 64 KiB.
func NewLog(s *Scratch, size, keep int) *Log { return &Log{scratch: s, size: size, keep: keep} }

// Len is the number of records.
func (l *Log) Len() int { return l.records }

// Append adds a copy of a record.
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

// end finishes the last block and begins the next.
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

// Cursor returns a cursor at the first record. Call it when the log is complete.
// Several cursors may read at the same time.
func (l *Log) Cursor() *Cursor { return &Cursor{log: l} }

// A Cursor reads the records of a log in order. It holds one block in memory.
type Cursor struct {
	log    *Log
	reader Reader
	begun  int    // number of blocks begun: first those in memory, then those of the scratch, then the last
	rest   []byte // unread part of the current block
	block  []byte // a block of the scratch
}

// Next returns the next record, valid until the next call. It returns nil after
// the last record and with an error.
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

// begin reads the next block.
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
