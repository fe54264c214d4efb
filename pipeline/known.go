package pipeline

import (
	"sync"

	"daybook/sources/store"
)

// Known remembers the manifests that a [Runner] has read, so that looking again
// costs listings, and only what has changed is read. It is for one sink, and
// for any number of goroutines, plans and runs of one process.
type Known struct {
	mu      sync.Mutex
	reports map[string]*published // by the manifest's key
	digests map[string]*digestRef
}

// NewKnown knows nothing yet.
func NewKnown() *Known {
	return &Known{reports: map[string]*published{}, digests: map[string]*digestRef{}}
}

// report gives what is known of a report's manifest that was listed; nil if it
// has to be read. A manifest of another definition is kept with that
// definition's text only if it was another when it was read.
func (k *Known) report(object store.Object, rep *Report) *published {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.reports[object.Key]
	if p == nil || p.etag != object.ETag || p.definition != rep.Hash && p.text == nil {
		return nil
	}
	if !p.modified.Equal(object.Modified) { // who puts it or reads it is told less exactly
		listed := *p
		listed.modified = object.Modified
		p = &listed
		k.reports[object.Key] = p
	}
	return p
}

func (k *Known) keepReport(key string, p *published) {
	if k == nil || p.etag == "" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reports[key] = p
}

// digest gives what is known of a digest's manifest that was listed; nil if it
// has to be read.
func (k *Known) digest(object store.Object) *digestRef {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	ref := k.digests[object.Key]
	if ref == nil || ref.etag != object.ETag {
		return nil
	}
	return ref
}

func (k *Known) keepDigest(key string, ref *digestRef) {
	if k == nil || ref.etag == "" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.digests[key] = ref
}
