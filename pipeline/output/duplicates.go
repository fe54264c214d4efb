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
// out to parts by the hash of the session, and sorts one part at a time.
type duplicateCheck struct {
	scratch *spill.Scratch
	parts   [1 << partBits]*spill.Log
	record  [keySize]byte
}

const (
	partBits = 4
	keySize  = 16 // bytes of a key: session and leg
	// keysInMemory is how many bytes of keys stay in memory: those of half a million.
	keysInMemory = 8 << 20
)

func newDuplicateCheck() *duplicateCheck {
	c := &duplicateCheck{scratch: spillfile.NewSpill()}
	for i := range c.parts {
		c.parts[i] = spill.NewLog(c.scratch, keySize, keysInMemory>>partBits)
	}
	return c
}

// Close removes the temporary files. Their content is not needed any more, so an
// error does not matter.
func (c *duplicateCheck) Close() { _ = c.scratch.Close() }

func (c *duplicateCheck) add(k rowKey) error {
	binary.LittleEndian.PutUint64(c.record[:], uint64(k.session))
	binary.LittleEndian.PutUint64(c.record[8:], uint64(k.leg))
	return c.parts[shuffle.Hash(k.session)>>(64-partBits)].Append(c.record[:])
}

// repeated returns the lowest key that was added more than once.
func (c *duplicateCheck) repeated() (lowest rowKey, found bool, err error) {
	var keys []rowKey
	for _, part := range c.parts {
		keys = slices.Grow(keys[:0], part.Len())
		err := part.Each(func(b []byte) {
			keys = append(keys, rowKey{int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:]))})
		})
		if err != nil {
			return lowest, false, err
		}
		slices.SortFunc(keys, rowKey.compare)
		for i := 1; i < len(keys); i++ {
			if keys[i] == keys[i-1] && (!found || keys[i].compare(lowest) < 0) {
				lowest, found = keys[i], true
			}
		}
	}
	return lowest, found, nil
}
