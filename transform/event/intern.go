package event

import (
	"bytes"
	"unsafe"
)

// Dumps repeat the same strings: a few hundred technicians and a few dozen
// platforms fill millions of lines. The tables below keep one copy of each. A
// full table is cleared, which bounds a Decoder to about ten megabytes for any
// input; some hundred kilobytes are usual.
const (
	maxInterned    = 8192 // strings
	maxInternedLen = 128  // bytes of one string
	maxKnown       = 8192 // technicians
	maxKnownLen    = 512  // bytes of a technician's object
)

// interned holds strings that are likely to repeat.
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

// known holds technicians by the JSON objects they were decoded from. It keeps
// only objects without faults.
type known map[string]*Person

// prefix returns the known technician whose object is at the start of b, and
// the object's length, or nil. b begins with a brace.
func (t known) prefix(b []byte) (*Person, int) {
	if len(b) > maxKnownLen {
		b = b[:maxKnownLen]
	}
	// The first closing brace ends the object, unless it is in a string or
	// closes a nested object. Then the bytes up to it are not a whole object,
	// and so are not in the table.
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

// arena makes strings that are unlikely to repeat, many in one allocation. A
// string keeps its whole chunk alive, so chunks are small.
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
	return view(s) // these bytes are never written again
}

// view is b as a string without a copy. It changes with b.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// slab makes Details, many in one allocation. One of them keeps the whole slab
// alive.
type slab struct{ free []Details }

const slabSize = 32 // about the size of a chunk

// get returns empty Details. It returns the same ones until keep is called.
func (s *slab) get() *Details {
	if len(s.free) == 0 {
		s.free = make([]Details, slabSize)
	}
	s.free[0] = Details{}
	return &s.free[0]
}

// keep gives the Details that get returned to the caller for good.
func (s *slab) keep() { s.free = s.free[1:] }
