package format

import (
	"sync"

	"daybook/sources/store"
)

// keptMost is the size of the largest part that is kept: that of a day of some 3,000
// sessions.
const keptMost = 2 << 20

// KeptParts is a sink that keeps small parts in memory, for one run: its days read the
// same digests. A part is read whole, and kept, if most of it is needed, if several days
// are made, or when it is opened again. Otherwise pieces of it are read. The name of a
// part holds the hash of its content, so what is kept is never out of date.
type KeptParts struct {
	store.Store
	mu      sync.Mutex
	left    int64                // bytes that may still be kept
	parts   map[string]*keptPart // by key
	several bool                 // days are made
}

type keptPart struct {
	mu    sync.Mutex
	first *object // the one that reads pieces
	whole []byte
}

// KeepParts keeps parts of a sink in at most so many bytes.
func KeepParts(sink store.Store, most int64) *KeptParts {
	return &KeptParts{Store: sink, left: most, parts: map[string]*keptPart{}}
}

// ExpectDays says how many days are made: with several, other days probably open each
// part again.
func (k *KeptParts) ExpectDays(n int) {
	const several = 4
	k.mu.Lock()
	defer k.mu.Unlock()
	k.several = n >= several
}

// part gives a part that is kept; nil if pieces of it are to be read, or if it is too
// large or cannot be read.
func (k *KeptParts) part(o *object) []byte {
	if k == nil || o.part.Bytes > keptMost {
		return nil
	}
	k.mu.Lock()
	p := k.parts[o.part.Key]
	if p == nil {
		p = new(keptPart)
		k.parts[o.part.Key] = p
	}
	whole := o.all || k.several
	k.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first == nil {
		p.first = o
	}
	if p.whole != nil || p.first == o && !whole || !k.take(o.part.Bytes) {
		return p.whole
	}
	all := make([]byte, o.part.Bytes)
	if _, err := o.read(all, 0); err != nil {
		k.take(-o.part.Bytes)
		return nil
	}
	p.whole = all
	return all
}

// take reserves bytes, if there are so many left.
func (k *KeptParts) take(bytes int64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if bytes > k.left {
		return false
	}
	k.left -= bytes
	return true
}
