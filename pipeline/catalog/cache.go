package catalog

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"daybook/pipeline/settings"
	"daybook/sinks/pack"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/store"
)

// Cache remembers the manifests and the notes of failures that have been read, by
// their ETags: reading a catalog again costs listings, and only what has changed
// is read. It is for one sink, and for any number of goroutines. A nil Cache
// remembers nothing.
type Cache struct {
	published sync.Map // *Published, by the manifest's key
	digests   sync.Map // *DigestState, likewise
	failures  sync.Map // FailureNote, by the note's key

	used atomic.Bool // a catalog has been read with it

	mu       sync.Mutex
	unpacked *pack.Pack  // copies of manifests that no pack in the sink has; may be nil
	unread   dump.Unread // of the last listing of the whole source
	whole    time.Time   // when that was
}

// wholeInterval is the least time between two listings of the whole source, if its
// dumps have a prefix of their own.
const wholeInterval = time.Hour

// wholeDue reports whether the whole source has to be listed.
func (k *Cache) wholeDue(now time.Time) bool {
	if k == nil {
		return true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.whole.IsZero() || now.Sub(k.whole) >= wholeInterval
}

// keepUnread remembers what a listing of the whole source found. Without one, nil, it
// gives what is remembered.
func (k *Cache) keepUnread(unread *dump.Unread, now time.Time) dump.Unread {
	if k == nil {
		return *unread
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if unread != nil {
		k.unread, k.whole = *unread, now
	}
	return k.unread
}

// NewCache makes an empty cache.
func NewCache() *Cache { return new(Cache) }

// getPublished gives the state of a manifest that was listed; nil if it has to be
// read. The text of another definition than the report's is in the cache only if
// it was another when the manifest was read.
func (k *Cache) getPublished(object store.Object, rep *settings.Report) *Published {
	if k == nil {
		return nil
	}
	kept, _ := k.published.Load(object.Key)
	p, known := kept.(*Published)
	if !known || p.ETag != object.ETag || p.Definition != rep.Hash && p.Text == nil {
		return nil
	}
	if !p.Modified.Equal(object.Modified) { // a listing has the exact time, a read or a write has not
		listed := *p
		listed.Modified = object.Modified
		p = &listed
		k.putPublished(object.Key, p)
	}
	return p
}

func (k *Cache) putPublished(key string, p *Published) {
	if k != nil && p.ETag != "" {
		k.published.Store(key, p)
	}
}

// getDigest gives the state of a digest whose manifest was listed; nil if it has
// to be read.
func (k *Cache) getDigest(object store.Object) *DigestState {
	if k == nil {
		return nil
	}
	kept, _ := k.digests.Load(object.Key)
	state, known := kept.(*DigestState)
	if !known || state.ETag != object.ETag {
		return nil
	}
	if !state.Modified.Equal(object.Modified) {
		listed := *state
		listed.Modified = object.Modified
		state = &listed
		k.putDigest(object.Key, state)
	}
	return state
}

func (k *Cache) putDigest(key string, state *DigestState) {
	if k != nil && state.ETag != "" {
		k.digests.Store(key, state)
	}
}

// wasUsed reports whether a catalog has been read with it.
func (k *Cache) wasUsed() bool { return k != nil && k.used.Load() }

func (k *Cache) setUsed() {
	if k != nil {
		k.used.Store(true)
	}
}

// etagOf is the ETag of the manifest that is remembered; empty if none is.
func (k *Cache) etagOf(key string) string {
	if p, known := k.published.Load(key); known {
		return p.(*Published).ETag
	}
	if state, known := k.digests.Load(key); known {
		return state.(*DigestState).ETag
	}
	return ""
}

// hasOther reports whether another version of a manifest is remembered.
func (k *Cache) hasOther(key, etag string) bool {
	known := k.etagOf(key)
	return known != "" && known != etag
}

// note keeps the text of a manifest that was read or written just now, until it is
// stored in a pack. Call it before the manifest is remembered.
func (k *Cache) note(base *publish.Base) {
	if k == nil || base.ETag == "" || len(base.Text) == 0 || k.etagOf(base.Key) == base.ETag {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.unpacked == nil {
		k.unpacked = pack.New()
	}
	k.unpacked.Add(base.Key, base.ETag, base.Text)
}

// unpackedText gives the text of a manifest that has been noted; nil if it has not.
func (k *Cache) unpackedText(object store.Object) []byte {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.unpacked.Get(object.Key, object.ETag)
}

// takeUnpacked gives what has been noted, and forgets it.
func (k *Cache) takeUnpacked() *pack.Pack {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	taken := k.unpacked
	k.unpacked = nil
	return taken
}

// addUnpacked gives back what was taken. What was noted since is newer.
func (k *Cache) addUnpacked(taken *pack.Pack) {
	k.mu.Lock()
	defer k.mu.Unlock()
	since := k.unpacked
	k.unpacked = taken
	for _, key := range since.Keys() {
		etag := since.ETag(key)
		taken.Add(key, etag, since.Get(key, etag))
	}
}

// getFailure gives a note that was listed.
func (k *Cache) getFailure(object store.Object) (n FailureNote, known bool) {
	if k == nil {
		return n, false
	}
	kept, _ := k.failures.Load(object.Key)
	n, known = kept.(FailureNote)
	return n, known && n.ETag == object.ETag
}

func (k *Cache) putFailure(key string, n FailureNote) {
	if k != nil && n.ETag != "" {
		k.failures.Store(key, n)
	}
}

// interner keeps one copy of what many manifests have in common: a digest is an
// input of dozens of days, and summaries have few names.
type interner struct {
	mu        sync.Mutex
	allInputs map[publish.Input]*publish.Input
	texts     map[string]string
}

func newInterner() *interner {
	return &interner{allInputs: map[publish.Input]*publish.Input{}, texts: map[string]string{}}
}

func (k *interner) inputs(m *publish.Manifest) []*publish.Input {
	k.mu.Lock()
	defer k.mu.Unlock()
	kept := make([]*publish.Input, len(m.Inputs))
	for i, in := range m.Inputs {
		one := k.allInputs[in]
		if one == nil {
			one = &in
			k.allInputs[in] = one
		}
		kept[i] = one
	}
	return kept
}

func (k *interner) text(s string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if kept, ok := k.texts[s]; ok {
		return kept
	}
	s = strings.Clone(s) // it may be part of a longer text
	k.texts[s] = s
	return s
}

func (k *interner) summaries(m *publish.Manifest) *publish.Summaries {
	if m.Summaries == nil {
		return nil
	}
	s := &publish.Summaries{Definition: k.text(m.Summaries.Definition), Files: slices.Clone(m.Summaries.Files), Loads: slices.Clone(m.Summaries.Loads)} // decoding leaves room for more
	for i := range s.Files {
		s.Files[i].Name = k.text(s.Files[i].Name)
	}
	return s
}
