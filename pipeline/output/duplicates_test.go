package output

import (
	"math/rand/v2"
	"testing"
)

// Among many keys, most of them in a temporary file, the lowest repeated one is found.
func TestDuplicateCheck(t *testing.T) {
	const keys = 1_000_000
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
