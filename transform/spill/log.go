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
	for _, block := range l.kept {
		l.cut(block, f)
	}
	var r Reader
	var block []byte
	for _, b := range l.blocks {
		var err error
		if block, err = r.Append(block[:0], l.scratch, b); err != nil {
			return err
		}
		l.cut(block, f)
	}
	l.cut(l.last, f)
	return nil
}

func (l *Log) cut(block []byte, f func(record []byte)) {
	for ; len(block) > 0; block = block[l.size:] {
		f(block[:l.size])
	}
}
