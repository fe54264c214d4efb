package shuffle

import (
	"math"
	"testing"
)

// The ranges of each number of bits share all hashes out, and ranges nest.
func TestRanges(t *testing.T) {
	for bits := range MaxRangeBits + 1 {
		next := uint64(0)
		for i, r := range Ranges(bits) {
			if r.First() != next || r.Last() < r.First() {
				t.Fatalf("range %d of %d bits is from %x to %x, want from %x", i, bits, r.First(), r.Last(), next)
			}
			for _, hash := range []uint64{r.First(), r.First() + (r.Last()-r.First())/2, r.Last()} {
				if !r.Contains(hash) || RangeNumber(hash, bits) != i {
					t.Errorf("range %d of %d bits lacks %x", i, bits, hash)
				}
			}
			if outside := r.Last() + 1; bits > 0 && r.Contains(outside) {
				t.Errorf("range %d of %d bits has %x", i, bits, outside)
			}
			next = r.Last() + 1
		}
		if next != 0 {
			t.Errorf("the last range of %d bits ends at %x", bits, next-1)
		}
	}
	for _, c := range []struct {
		a, b Range
		want bool
	}{
		{Range{}, Range{}, true},
		{Range{}, Range{5, 31}, true},
		{Range{1, 1}, Range{3, 4}, true},
		{Range{1, 1}, Range{3, 7}, true},
		{Range{1, 1}, Range{3, 3}, false},
		{Range{2, 0}, Range{2, 1}, false},
	} {
		if c.a.Overlaps(c.b) != c.want || c.b.Overlaps(c.a) != c.want {
			t.Errorf("%v overlaps %v: want %v", c.a, c.b, c.want)
		}
	}
	if whole := (Range{}); whole.First() != 0 || whole.Last() != math.MaxUint64 {
		t.Errorf("the zero range is from %x to %x", whole.First(), whole.Last())
	}
}
