package summary

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Durations that count come sorted, be they few and long or many and short.
func TestSorted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		longest := rapid.SampledFrom([]uint32{0, 3, 50, 1000, none - 1}).Draw(t, "longest")
		durations := rapid.SliceOfN(rapid.OneOf(rapid.Uint32Range(0, longest), rapid.Just[uint32](none)), 0, 200).Draw(t, "durations")
		var want []uint32
		for _, d := range durations {
			if d != none {
				want = append(want, d)
			}
		}
		slices.Sort(want)
		if got := sorted(slices.Clone(durations)); !slices.Equal(got, want) {
			t.Fatalf("%v sorted: %v, want %v", durations, got, want)
		}
	})
}

func TestDistinct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(-20, 20), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, 5000})), 0, 100).Draw(t, "values")
		want := map[int64]bool{}
		for _, v := range values {
			want[v] = true
		}
		if got := distinct(slices.Clone(values)); got != int64(len(want)) {
			t.Fatalf("%v: %d distinct, want %d", values, got, len(want))
		}
	})
}
