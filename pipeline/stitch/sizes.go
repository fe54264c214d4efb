package stitch

import (
	"daybook/sinks/digest"
	"daybook/transform/event"
)

// sizes add up what sessions take in all digests of a window, by their indexes. A
// session that takes more than the limit is oversized: it is not folded (EVENTS.md,
// "How far a session reaches").
type sizes struct {
	limit int64 // bytes; 0: none
	of    []size
}

// size is that of one session.
type size struct {
	session   int64
	bytes     int64
	digests   uint8 // that have events of it, up to 2
	oversized bool
}

func newSizes(limit int64, sessions int) *sizes { return &sizes{limit, make([]size, sessions)} }

// add adds an entry of session i.
func (s *sizes) add(i int, e *digest.Entry) {
	one := &s.of[i]
	one.session = e.Session
	one.bytes += e.Bytes
	one.digests = min(one.digests, 1) + 1
	one.oversized = one.oversized || e.Oversized || s.limit > 0 && one.bytes > s.limit
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
