package stitch

import (
	"slices"
	"testing"

	"daybook/sinks/digest"
)

// A session is oversized by what it takes in all digests together, or by one digest
// that could not hold it.
func TestSizes(t *testing.T) {
	const limit = 1 << 20
	s := newSizes(limit, 5)
	for _, e := range []struct {
		i int
		digest.Entry
	}{
		{0, digest.Entry{Session: 10, Bytes: limit - 100_000}}, {1, digest.Entry{Session: 11, Bytes: limit - 100_000}}, {2, digest.Entry{Session: 12, Oversized: true}},
		{0, digest.Entry{Session: 10, Bytes: 100_000}}, {1, digest.Entry{Session: 11, Bytes: 100_001}}, {3, digest.Entry{Session: 13, Bytes: limit}}, {4, digest.Entry{Session: 14}},
	} {
		s.add(e.i, &e.Entry)
	}
	if o := s.oversized(); o.Sessions != 2 || !slices.Equal(o.IDs, []int64{11, 12}) {
		t.Errorf("oversized %+v", o)
	}
	if s.of[0].digests != 2 || s.of[3].digests != 1 {
		t.Errorf("sizes %+v", s.of)
	}
	for i := range s.of {
		if s.unsure(i) {
			t.Errorf("session %d is unsure", s.of[i].session)
		}
	}
	without := newSizes(0, 1)
	without.add(0, &digest.Entry{Session: 10, Bytes: 1 << 60})
	if o := without.oversized(); o.Sessions > 0 || without.unsure(0) {
		t.Error("without a limit a session is oversized")
	}
}

// Where small sizes, which indexes do not tell, decide, they are read.
func TestSmallSizes(t *testing.T) {
	const limit = 1 << 20
	s := newSizes(limit, 3)
	small := []digest.Entry{{Session: 10}, {Session: 11}, {Session: 12}}
	for i := range small {
		for range 2 {
			s.add(i, &small[i])
		}
	}
	s.add(0, &digest.Entry{Session: 10, Bytes: limit - 2*digest.SmallSession})
	s.add(1, &digest.Entry{Session: 11, Bytes: limit - 2*digest.SmallSession + 1})
	s.add(2, &digest.Entry{Session: 12, Bytes: limit - 2*digest.SmallSession + 1})
	if s.unsure(0) || !s.unsure(1) || !s.unsure(2) {
		t.Fatalf("unsure %v, %v, %v; want only the last two", s.unsure(0), s.unsure(1), s.unsure(2))
	}
	s.settle([]int64{0, 2*digest.SmallSession - 1, 2 * digest.SmallSession})
	if o := s.oversized(); o.Sessions != 1 || o.IDs[0] != 12 {
		t.Errorf("oversized %+v, want session 12", o)
	}
}
