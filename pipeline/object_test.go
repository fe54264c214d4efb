package pipeline

import (
	"slices"
	"testing"

	"daybook/sinks/digest"
	"daybook/transform/day"
)

// What is kept of indexes is nearest to the day at hand, and no more than fits.
func TestIndexesForget(t *testing.T) {
	one, err := digest.NewIndex([]digest.Entry{{Session: 1, Events: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fit  int64
		of   day.Day
		want []day.Day
	}{
		{9, 14, []day.Day{11, 12, 13, 14, 15, 16, 17}},
		{3, 14, []day.Day{13, 14, 15}},
		{3, 11, []day.Day{11, 12, 13}},
		{3, 17, []day.Day{15, 16, 17}},
		{1, 20, []day.Day{17}},
		{0, 14, nil},
	} {
		x := newIndexes(nil, c.fit*one.Size())
		for d := day.Day(11); d <= 17; d++ {
			x.kept[d.String()] = &keptIndex{day: d, index: one}
			x.size += one.Size()
		}
		x.kept["being read"] = &keptIndex{day: 1}
		x.forget(c.of)
		var kept []day.Day
		for _, k := range x.kept {
			if k.index != nil {
				kept = append(kept, k.day)
			}
		}
		slices.Sort(kept)
		if !slices.Equal(kept, c.want) || x.size != int64(len(kept))*one.Size() || x.kept["being read"] == nil {
			t.Errorf("%d fit, and the day is %d: %d bytes of %v, want %v", c.fit, c.of, x.size, kept, c.want)
		}
	}
}
