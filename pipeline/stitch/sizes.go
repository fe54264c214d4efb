package stitch

import (
	"daybook/sinks/digest"
	"daybook/transform/event"
)

// sizes add up what sessions take in all digests of a window, by their indexes. A
// session that takes more than the limit is oversized: it is not folded (EVENTS.md,
// "How far a session reaches"). Indexes do not tell small sizes, so a few sessions
// near the limit are reckoned again from their events.
type sizes struct {
	limit int64 // bytes; 0: none
	of    []size
}

// size is that of one session.
type size struct {
	session   int64
	told      int64 // bytes, of the digests that tell them
	small     int64 // digests that do not: each has up to digest.SmallSession bytes
	digests   uint8 // that have events of it, up to 2
	oversized bool
}

func newSizes(limit int64, sessions int) *sizes { return &sizes{limit, make([]size, sessions)} }

// add adds an entry of session i.
func (s *sizes) add(i int, e *digest.Entry) {
	one := &s.of[i]
	one.session = e.Session
	one.told += e.Bytes
	if e.Bytes == 0 {
		one.small++
	}
	one.digests = min(one.digests, 1) + 1
	one.oversized = one.oversized || e.Oversized || s.exceeds(one.told)
}

func (s *sizes) exceeds(bytes int64) bool { return s.limit > 0 && bytes > s.limit }

// most is an upper bound of the size, in bytes.
func (s *size) most() int64 { return s.told + s.small*digest.SmallSession }

// unsure reports whether the indexes leave open if session i is oversized.
func (s *sizes) unsure(i int) bool { return !s.of[i].oversized && s.exceeds(s.of[i].most()) }

// settle takes what was read of the small sizes of sessions that were unsure.
func (s *sizes) settle(read []int64) {
	for i := range s.of {
		if one := &s.of[i]; s.unsure(i) {
			one.told, one.small = one.told+read[i], 0
			one.oversized = s.exceeds(one.told)
		}
	}
}

// oversized are the sessions that are not folded.
func (s *sizes) oversized() (o event.Oversized) {
	for i := range s.of {
		if s.of[i].oversized {
			o.Add(s.of[i].session)
		}
	}
	return o
}

// sizeOf is the size of events.
func sizeOf(events []event.Event) (bytes int64) {
	for i := range events {
		bytes += events[i].Size()
	}
	return bytes
}
