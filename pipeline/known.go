package pipeline

import (
	"sync"

	"daybook/sources/store"
)

// Known remembers the manifests and the notes of failures that a [Runner] has
// read, so that looking again costs listings, and only what has changed is read.
// It is for one sink, and for any number of goroutines, plans and runs of one
// process.
type Known struct {
	reports sync.Map // *published, by the manifest's key
	digests sync.Map // *digestRef, likewise
	failed  sync.Map // knownFailure, by the note's key
}

// NewKnown knows nothing yet.
func NewKnown() *Known { return new(Known) }

// report gives what is known of a report's manifest that was listed; nil if it
// has to be read. A manifest of another definition is kept with that
// definition's text only if it was another when it was read.
func (k *Known) report(object store.Object, rep *Report) *published {
	if k == nil {
		return nil
	}
	kept, _ := k.reports.Load(object.Key)
	p, known := kept.(*published)
	if !known || p.etag != object.ETag || p.definition != rep.Hash && p.text == nil {
		return nil
	}
	if !p.modified.Equal(object.Modified) { // who puts it or reads it is told less exactly
		listed := *p
		listed.modified = object.Modified
		p = &listed
		k.keepReport(object.Key, p)
	}
	return p
}

func (k *Known) keepReport(key string, p *published) {
	if k != nil && p.etag != "" {
		k.reports.Store(key, p)
	}
}

// digest gives what is known of a digest's manifest that was listed; nil if it
// has to be read.
func (k *Known) digest(object store.Object) *digestRef {
	if k == nil {
		return nil
	}
	kept, _ := k.digests.Load(object.Key)
	if ref, known := kept.(*digestRef); known && ref.etag == object.ETag {
		return ref
	}
	return nil
}

func (k *Known) keepDigest(key string, ref *digestRef) {
	if k != nil && ref.etag != "" {
		k.digests.Store(key, ref)
	}
}

// knownFailure is what a note says, in the version that was listed.
type knownFailure struct{ etag, text string }

// failure gives what is known of a note that was listed.
func (k *Known) failure(object store.Object) (text string, known bool) {
	if k == nil {
		return "", false
	}
	kept, _ := k.failed.Load(object.Key)
	f, known := kept.(knownFailure)
	return f.text, known && f.etag == object.ETag
}

func (k *Known) keepFailure(object store.Object, text string) {
	if k != nil && object.ETag != "" {
		k.failed.Store(object.Key, knownFailure{object.ETag, text})
	}
}
