package stitch

import (
	"slices"
	"testing"

	"daybook/sinks/digest"
)

// A session is oversized by what it takes in all digests together, or by one that
// could not hold it. The others are folded.
func TestSizes(t *testing.T) {
	s := newSizes(100, 4)
	for _, e := range []struct {
		i int
		digest.Entry
	}{
		{0, digest.Entry{Session: 10, Bytes: 60}}, {1, digest.Entry{Session: 11, Bytes: 60}}, {2, digest.Entry{Session: 12, Oversized: true, Bytes: 1}},
		{0, digest.Entry{Session: 10, Bytes: 40}}, {1, digest.Entry{Session: 11, Bytes: 41}}, {3, digest.Entry{Session: 13, Bytes: 100}},
	} {
		s.add(e.i, &e.Entry)
	}
	folded, oversized := s.split([]uint64{100, 110, 120, 130})
	if !slices.Equal(folded, []uint64{100, 130}) || oversized.Sessions != 2 || !slices.Equal(oversized.IDs, []int64{11, 12}) {
		t.Errorf("folded %v, oversized %+v", folded, oversized)
	}
	if s.of[0].digests != 2 || s.of[3].digests != 1 {
		t.Errorf("sizes %+v", s.of)
	}
	without := newSizes(0, 1)
	without.add(0, &digest.Entry{Session: 10, Bytes: 1 << 60})
	if folded, _ := without.split([]uint64{100}); len(folded) != 1 {
		t.Error("without a limit a session is oversized")
	}
}
