package event

import (
	"bytes"
	"unsafe"
)

// Dumps repeat themselves: a few hundred technicians and a few dozen platforms
// fill millions of lines. The tables below keep one copy of each, and start
// over when they are full, which bounds them whatever the input: to some ten
// megabytes a Decoder at the very worst, some hundred kilobytes usually.
const (
	maxInterned    = 8192 // strings
	maxInternedLen = 128  // bytes of one
	maxKnown       = 8192 // technicians
	maxKnownLen    = 512  // bytes of one's object
)

// interned holds strings that are likely to come again.
type interned map[string]string

func (t interned) get(b []byte) string {
	if s, ok := t[string(b)]; ok || len(b) == 0 {
		return s
	}
	s := string(b)
	if len(s) <= maxInternedLen {
		if len(t) == maxInterned {
			clear(t)
		}
		t[s] = s
	}
	return s
}

// known holds technicians by the JSON objects they were decoded from. Only
// objects that are right in every respect are kept.
type known map[string]*Person

// prefix returns the technician whose object b, which begins with a brace,
// begins with, and the object's length; nil if none of the known ones.
func (t known) prefix(b []byte) (*Person, int) {
	if len(b) > maxKnownLen {
		b = b[:maxKnownLen]
	}
	// The first brace closes the object, unless it stands in a string or
	// closes a nested object; but then these bytes are no object that was
	// kept.
	n := bytes.IndexByte(b, '}') + 1
	return t[string(b[:n])], n
}

func (t known) add(object []byte, p Person) {
	if len(object) > maxKnownLen {
		return
	}
	if len(t) == maxKnown {
		clear(t)
	}
	t[string(object)] = &p
}

// arena makes strings that are unlikely to come again, many to an allocation.
// A string keeps its whole chunk alive, so chunks are small.
type arena struct{ free []byte } // of the chunk

const chunkSize = 8 << 10

func (a *arena) get(b []byte) string {
	if len(b) > len(a.free) {
		if len(b) > chunkSize/8 {
			return string(b)
		}
		a.free = make([]byte, chunkSize)
	}
	s := a.free[:copy(a.free, b)]
	a.free = a.free[len(s):]
	return unsafe.String(unsafe.SliceData(s), len(s)) // nobody writes to it again
}

// slab makes Details, many to an allocation. One keeps all of its slab alive.
type slab struct{ free []Details }

const slabSize = 32 // not much more than a chunk

// get returns empty Details, and the same again until keep is called.
func (s *slab) get() *Details {
	if len(s.free) == 0 {
		s.free = make([]Details, slabSize)
	}
	s.free[0] = Details{}
	return &s.free[0]
}

// keep leaves the Details that get returned last to their owner.
func (s *slab) keep() { s.free = s.free[1:] }
