package output

import (
	"math/rand/v2"
	"testing"

	"daybook/transform/shuffle"
)

// Among many keys, most of them in a temporary file, the lowest repeated one is found.
func TestDuplicateCheck(t *testing.T) {
	const keys = keysInMemory/keySize + 50_000 // some are spilled
	for _, c := range []struct {
		name     string
		repeated []rowKey
		want     rowKey
		found    bool
	}{
		{"all are different", nil, rowKey{}, false},
		{"one key twice", []rowKey{{5000, 1}}, rowKey{5000, 1}, true},
		{"the lowest of several", []rowKey{{999, 0}, {333, 2}, {77_777, 1}, {333, 1}}, rowKey{333, 1}, true},
		{"the very first and the last", []rowKey{{keys/3 - 1, 2}, {0, 0}}, rowKey{0, 0}, true},
	} {
		s := newDuplicateCheck()
		all := make([]rowKey, 0, keys+len(c.repeated))
		for i := range int64(keys) / 3 * 3 {
			all = append(all, rowKey{i / 3, i % 3})
		}
		all = append(all, c.repeated...)
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, k := range all {
			if err := s.add(k); err != nil {
				t.Fatal(err)
			}
		}
		got, found, err := s.repeated()
		if err != nil || found != c.found || got != c.want {
			t.Errorf("%s: %v, %t, %v; want %v, %t", c.name, got, found, err, c.want, c.found)
		}
		s.Close()
	}
}

// Ids that were chosen for their hashes are dealt out until few are sorted at once:
// the memory does not depend on the choice. The hashes of these differ in bits that
// the first parts do not tell apart. Only the keys of one session stay together.
func TestDuplicateCheckOfChosenIDs(t *testing.T) {
	// idOf is the session of a hash: shuffle.Hash multiplies by an odd number, whose
	// inverse is found by Newton's method.
	golden := shuffle.Hash(1)
	inverse := golden
	for range 6 {
		inverse *= 2 - golden*inverse
	}
	idOf := func(hash uint64) int64 { return int64(hash * inverse) }
	const most = 1000
	for _, shift := range []int{0, 20, 44} {
		c := newDuplicateCheck()
		add := func(k rowKey) {
			if err := c.add(k); err != nil {
				t.Fatal(err)
			}
		}
		for i := range uint64(100_000) {
			add(rowKey{idOf(i << shift), 1})
		}
		for leg := range int64(3 * most) {
			add(rowKey{idOf(7 << shift), 10 + leg})
		}
		if k, found, err := c.repeatedIn(&c.parts, most); found || err != nil {
			t.Errorf("shift %d: %v is found twice (%v)", shift, k, err)
		}
		if n := cap(c.keys); n > 8*most {
			t.Errorf("shift %d: %d keys are sorted at once", shift, n)
		}
		twice := rowKey{idOf(77_777 << shift), 1}
		add(twice)
		if k, found, err := c.repeatedIn(&c.parts, most); k != twice || !found || err != nil {
			t.Errorf("shift %d: %v, %t, %v; want %v", shift, k, found, err, twice)
		}
		c.Close()
	}
}
