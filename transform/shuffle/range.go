package shuffle

import "math"

// Range is one of the 2^Bits equal ranges of hashes: it has those whose highest Bits
// bits are Number. The zero Range has all hashes. Ranges nest: of two that share a
// hash, one includes the other.
type Range struct {
	Bits   int
	Number int
}

// MaxRangeBits is the largest number of bits of a range.
const MaxRangeBits = 10

// Ranges are all ranges of so many bits, in order.
func Ranges(bits int) []Range {
	all := make([]Range, 1<<bits)
	for i := range all {
		all[i] = Range{bits, i}
	}
	return all
}

// RangeNumber is the number of the range of so many bits that has a hash.
func RangeNumber(hash uint64, bits int) int { return int(hash >> (64 - bits)) }

// First is the lowest hash of the range.
func (r Range) First() uint64 { return uint64(r.Number) << (64 - r.Bits) }

// Last is the highest hash of the range.
func (r Range) Last() uint64 { return r.First() | math.MaxUint64>>r.Bits }

// Contains reports whether a hash lies in the range.
func (r Range) Contains(hash uint64) bool { return RangeNumber(hash, r.Bits) == r.Number }

// Overlaps reports whether two ranges share hashes.
func (r Range) Overlaps(o Range) bool { return r.First() <= o.Last() && o.First() <= r.Last() }
