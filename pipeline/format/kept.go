package format

import (
	"sync"

	"daybook/sources/store"
)

// keptMost is the size of the largest part that is kept: that of a day of some 3,000
// sessions.
const keptMost = 2 << 20

// KeptParts is a sink that keeps small parts in memory, for one run: its days read the
// same digests. The first one reads pieces of a part. When the part is opened again, it
// is read whole, and kept. The name of a part
// holds the hash of its content, so what is kept is never out of date.
type KeptParts struct {
	store.Store
	mu    sync.Mutex
	left  int64                // bytes that may still be kept
	parts map[string]*keptPart // by key
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

// part gives a part that is opened again; nil if it is opened first, is too large, or
// cannot be read: then its pieces are read.
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
	k.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first == nil {
		p.first = o
	}
	if p.whole != nil || p.first == o || !k.take(o.part.Bytes) {
		return p.whole
	}
	whole := make([]byte, o.part.Bytes)
	if _, err := o.read(whole, 0); err != nil {
		k.take(-o.part.Bytes)
		return nil
	}
	p.whole = whole
	return whole
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
