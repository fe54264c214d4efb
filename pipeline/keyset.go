package pipeline

import (
	"cmp"
	"encoding/binary"
	"slices"

	"daybook/transform/shuffle"
	"daybook/transform/spill"
)

// rowKey is what no two rows of a report have in common.
type rowKey struct{ session, leg int64 }

func (k rowKey) compare(o rowKey) int {
	return cmp.Or(cmp.Compare(k.session, o.session), cmp.Compare(k.leg, o.leg))
}

// keySet finds out whether keys are all different, however many there are: they
// are dealt out by session, and looked at a part at a time.
type keySet struct {
	scratch *spill.Scratch
	parts   [1 << keyBits]*spill.Log
	record  [keySize]byte
}

const (
	keyBits = 4
	keySize = 16 // bytes of a key: session and leg
	// keysKept is how many bytes of keys stay in memory: those of half a million.
	keysKept = 8 << 20
)

func newKeySet() *keySet {
	s := &keySet{scratch: newScratch()}
	for i := range s.parts {
		s.parts[i] = spill.NewLog(s.scratch, keySize, keysKept>>keyBits)
	}
	return s
}

func (s *keySet) Close() { _ = s.scratch.Close() } // nobody needs it any more

func (s *keySet) add(k rowKey) error {
	binary.LittleEndian.PutUint64(s.record[:], uint64(k.session))
	binary.LittleEndian.PutUint64(s.record[8:], uint64(k.leg))
	return s.parts[shuffle.Hash(k.session)>>(64-keyBits)].Append(s.record[:])
}

// repeated gives the least key that was added twice.
func (s *keySet) repeated() (least rowKey, found bool, err error) {
	var keys []rowKey
	for _, part := range s.parts {
		keys = slices.Grow(keys[:0], part.Len())
		err := part.Each(func(b []byte) {
			keys = append(keys, rowKey{int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:]))})
		})
		if err != nil {
			return least, false, err
		}
		slices.SortFunc(keys, rowKey.compare)
		for i := 1; i < len(keys); i++ {
			if keys[i] == keys[i-1] && (!found || keys[i].compare(least) < 0) {
				least, found = keys[i], true
			}
		}
	}
	return least, found, nil
}
