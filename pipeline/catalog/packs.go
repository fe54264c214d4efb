package catalog

import (
	"bytes"
	"context"
	"io"
	"sync"

	"daybook/pipeline/partition"
	"daybook/sinks/pack"
	"daybook/sinks/publish"
	"daybook/sources/store"
)

// Copies of manifests lie in packs in the sink, so that a run need not read each
// manifest: it lists them, and takes those whose ETag is that of a copy. Packs are a
// cache. What is missing there, or is another version, is read; a pack that is damaged
// or of another format counts as empty.
//
// Runs write packs, other commands only read them. A run that has read or written
// manifests without a copy stores the recent pack again. When that has grown to a
// quarter of the main pack, the main pack takes its entries. So a run that changed a
// day writes little, and two requests read the copies of ten years. If several runs
// write at once, the last one wins, and a copy that is lost is made again.

// packName is one of the two packs.
type packName string

const (
	recentPack packName = partition.PackRoot + "recent.pack"
	mainPack   packName = partition.PackRoot + "main.pack"
)

// minMain is the size up to which the recent pack has all copies, in bytes. Tests have
// a smaller one.
var minMain = 256 << 10

// mainShare is the part of the main pack up to which the recent pack grows.
const mainShare = 4

// packReader reads each pack when it is first needed.
type packReader struct {
	mu       sync.Mutex
	loaded   map[packName]*pack.Pack
	unneeded bool // by readings: the cache knew almost everything before
}

// pack gives a pack; nil if it cannot be read.
func (r *Reader) pack(ctx context.Context, name packName) *pack.Pack {
	r.packs.mu.Lock()
	defer r.packs.mu.Unlock()
	p, loaded := r.packs.loaded[name]
	if !loaded {
		p = loadPack(ctx, r.Settings.Sink, name)
		if r.packs.loaded == nil {
			r.packs.loaded = map[packName]*pack.Pack{}
		}
		r.packs.loaded[name] = p
	}
	return p
}

// loadPack reads a pack. Everything in it can be had elsewhere, so it returns nil after
// an error.
func loadPack(ctx context.Context, sink store.Store, name packName) *pack.Pack {
	body, object, err := sink.Open(ctx, string(name), 0, store.ToEnd, "")
	if err != nil {
		return nil
	}
	defer body.Close()
	if object.Size > pack.MaxSize {
		return nil
	}
	var b bytes.Buffer
	b.Grow(int(object.Size) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(body, pack.MaxSize+1)); err != nil {
		return nil
	}
	p, err := pack.Parse(b.Bytes())
	if err != nil {
		return nil
	}
	return p
}

// copyOf gives the copy of a manifest, in the version of object.
func (r *Reader) copyOf(ctx context.Context, object store.Object) (base publish.Base, ok bool) {
	text := r.Cache.unpackedText(object)
	for _, name := range []packName{recentPack, mainPack} {
		if text == nil {
			text = r.pack(ctx, name).Get(object.Key, object.ETag)
		}
	}
	if text == nil {
		return base, false
	}
	base, err := publish.Parse(object, text)
	return base, err == nil
}

// Base gives what is published of a partition in the version with an ETag, for a
// commit in its place. It may also give a later version. Without an ETag the catalog
// knows of none.
func (r *Reader) Base(ctx context.Context, c *Catalog, id partition.ID, etag string) (publish.Base, error) {
	if etag == "" && c.Damage(id) == "" {
		return publish.Base{}, nil
	}
	if base, ok := r.copyOf(ctx, store.Object{Key: id.ManifestKey(), ETag: etag}); ok {
		return base, nil
	}
	return publish.Read(ctx, r.Settings.Sink, id.Dir())
}

// StorePacks stores copies of the manifests that have none. Nothing depends on it.
func (r *Reader) StorePacks(ctx context.Context) error {
	fresh := r.Cache.takeUnpacked()
	if fresh.Size() == 0 {
		return nil
	}
	name, next := recentPack, r.merge(fresh, r.pack(ctx, recentPack))
	if next.Size() > minMain {
		if main := r.pack(ctx, mainPack); next.Size() > main.Size()/mainShare {
			name, next = mainPack, r.merge(next, main)
		}
	}
	err := r.storePack(ctx, name, next)
	if err == nil && name == mainPack {
		err = r.storePack(ctx, recentPack, pack.New())
	}
	if err != nil {
		r.Cache.addUnpacked(fresh)
	}
	return err
}

func (r *Reader) storePack(ctx context.Context, name packName, p *pack.Pack) error {
	body := p.Encode()
	_, err := r.Settings.Sink.Put(ctx, string(name), bytes.NewReader(body), int64(len(body)), store.Condition{})
	if err != nil {
		return err
	}
	r.packs.mu.Lock()
	defer r.packs.mu.Unlock()
	r.packs.loaded[name] = p
	return nil
}

// merge makes a pack of the entries of two, by key. Of a key that both have, it takes
// the newer one's. It leaves out old versions, as far as the cache knows the current
// ones.
func (r *Reader) merge(newer, older *pack.Pack) *pack.Pack {
	merged := pack.New()
	add := func(p *pack.Pack, key string) {
		etag := p.ETag(key)
		if text := p.Get(key, etag); text != nil && !r.Cache.hasOther(key, etag) {
			merged.Add(key, etag, text)
		}
	}
	newKeys, oldKeys := newer.Keys(), older.Keys()
	for len(newKeys)+len(oldKeys) > 0 {
		switch {
		case len(oldKeys) == 0 || len(newKeys) > 0 && newKeys[0] < oldKeys[0]:
			add(newer, newKeys[0])
			newKeys = newKeys[1:]
		case len(newKeys) == 0 || oldKeys[0] < newKeys[0]:
			add(older, oldKeys[0])
			oldKeys = oldKeys[1:]
		default:
			oldKeys = oldKeys[1:]
		}
	}
	return merged
}
