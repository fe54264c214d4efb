package digests

import (
	"testing"

	"daybook/sources/dump"
	"daybook/transform/shuffle"
)

// The number of hash ranges follows from the sizes and the codecs of the dumps.
func TestRangeBits(t *testing.T) {
	const million = 1 << 20
	for _, c := range []struct {
		plain, zstd int64 // bytes
		events      int64 // of a range
		want        int
	}{
		{0, 0, 0, 0},
		{224 * 16 * million, 0, 0, 0},
		{224 * 16 * million, 32, 0, 1},
		{0, 32 * 16 * million, 0, 0},
		{0, 32 * 32 * million, 0, 1},
		{0, 32*32*million + 32, 0, 2},
		{0, 1 << 62, 0, shuffle.MaxRangeBits},
		{0, 320, 10, 0},
		{0, 352, 10, 1},
	} {
		dumps := []dump.Dump{{Key: "a.ndjson", Size: c.plain}, {Key: "a.ndjson.zst", Size: c.zstd}}
		if got := RangeBits(dumps, c.events); got != c.want {
			t.Errorf("%d plain bytes and %d of zstd, %d events a range: %d bits, want %d", c.plain, c.zstd, c.events, got, c.want)
		}
	}
}
