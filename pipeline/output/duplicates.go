package output

import (
	"cmp"
	"encoding/binary"
	"slices"

	"daybook/pipeline/spillfile"
	"daybook/transform/shuffle"
	"daybook/transform/spill"
)

// rowKey identifies a row of a report.
type rowKey struct{ session, leg int64 }

func (k rowKey) compare(o rowKey) int {
	return cmp.Or(cmp.Compare(k.session, o.session), cmp.Compare(k.leg, o.leg))
}

// duplicateCheck finds keys that occur twice among any number of keys. It deals them
// out to parts by the hash of the session, and sorts one part at a time. A part that
// is too large, for example because ids were chosen for their hashes, is dealt out
// again by the next bits.
type duplicateCheck struct {
	scratch *spill.Scratch
	parts   parts
	keys    []rowKey // memory of the part that is sorted
}

const (
	partBits = 4
	keySize  = 16 // bytes of a key: session and leg
	// keysInMemory is how many bytes of keys stay in memory: those of half a million.
	keysInMemory = 8 << 20
)

// parts are keys by partBits bits of the hash of the session, after the skip highest.
type parts struct {
	logs [1 << partBits]*spill.Log
	skip int
}

func newParts(s *spill.Scratch, skip, keep int) (p parts) {
	p.skip = skip
	for i := range p.logs {
		p.logs[i] = spill.NewLog(s, keySize, keep)
	}
	return p
}

func (p *parts) add(k rowKey) error {
	var record [keySize]byte
	binary.LittleEndian.PutUint64(record[:], uint64(k.session))
	binary.LittleEndian.PutUint64(record[8:], uint64(k.leg))
	return p.logs[shuffle.Hash(k.session)<<p.skip>>(64-partBits)].Append(record[:])
}

func newDuplicateCheck() *duplicateCheck {
	s := spillfile.NewSpill()
	return &duplicateCheck{scratch: s, parts: newParts(s, 0, keysInMemory>>partBits)}
}

// Close removes the temporary files. Their content is not needed any more, so an
// error does not matter.
func (c *duplicateCheck) Close() { _ = c.scratch.Close() }

func (c *duplicateCheck) add(k rowKey) error { return c.parts.add(k) }

// repeated returns the lowest key that was added more than once.
func (c *duplicateCheck) repeated() (rowKey, bool, error) {
	return c.repeatedIn(&c.parts, keysInMemory/keySize)
}

// repeatedIn is repeated for some parts. It sorts at most so many keys at once, unless
// they are of one session.
func (c *duplicateCheck) repeatedIn(p *parts, most int) (lowest rowKey, found bool, err error) {
	for _, log := range p.logs {
		var k rowKey
		var again bool
		if log.Len() > most && p.skip+partBits < 64 {
			k, again, err = c.split(log, p.skip+partBits, most)
		} else {
			k, again, err = c.sorted(log)
		}
		if err != nil {
			return lowest, false, err
		}
		if again && (!found || k.compare(lowest) < 0) {
			lowest, found = k, true
		}
	}
	return lowest, found, nil
}

// split deals out the keys of a part by the bits after the skip highest.
func (c *duplicateCheck) split(log *spill.Log, skip, most int) (rowKey, bool, error) {
	further := newParts(c.scratch, skip, 0)
	var failed error
	err := log.Each(func(b []byte) {
		if failed == nil {
			failed = further.add(keyOf(b))
		}
	})
	if err := cmp.Or(err, failed); err != nil {
		return rowKey{}, false, err
	}
	return c.repeatedIn(&further, most)
}

// sorted is the lowest key of a part that is there more than once.
func (c *duplicateCheck) sorted(log *spill.Log) (lowest rowKey, found bool, err error) {
	c.keys = slices.Grow(c.keys[:0], log.Len())
	if err := log.Each(func(b []byte) { c.keys = append(c.keys, keyOf(b)) }); err != nil {
		return lowest, false, err
	}
	slices.SortFunc(c.keys, rowKey.compare)
	for i := 1; i < len(c.keys); i++ {
		if c.keys[i] == c.keys[i-1] {
			return c.keys[i], true, nil
		}
	}
	return lowest, false, nil
}

func keyOf(b []byte) rowKey {
	return rowKey{int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:]))}
}
