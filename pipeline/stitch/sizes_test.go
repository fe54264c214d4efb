package stitch

import (
	"slices"
	"testing"

	"daybook/sinks/digest"
)

// A session is oversized by what it takes in all digests together, or by one digest
// that could not hold it.
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
	if o := s.oversized(); o.Sessions != 2 || !slices.Equal(o.IDs, []int64{11, 12}) {
		t.Errorf("oversized %+v", o)
	}
	if s.of[0].digests != 2 || s.of[3].digests != 1 {
		t.Errorf("sizes %+v", s.of)
	}
	without := newSizes(0, 1)
	without.add(0, &digest.Entry{Session: 10, Bytes: 1 << 60})
	if o := without.oversized(); o.Sessions > 0 {
		t.Error("without a limit a session is oversized")
	}
}
