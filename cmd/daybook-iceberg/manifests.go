package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
)

// part is a published file with the rows of a day.
type part struct {
	location    string // its URL
	day         day.Day
	rows, bytes int64
}

// published is the days of a report, as their manifests name them.
type published struct {
	parts   map[string]part   // those with rows, by location
	damaged map[day.Day]error // days whose manifest cannot be read
}

// manifests reads what is published. It keeps what it has read, and reads a
// manifest again when its ETag changes.
type manifests struct {
	sink store.Store
	mu   sync.Mutex
	read map[partition.ID]manifest
}

// manifest is what a manifest says of its day.
type manifest struct {
	etag  string
	parts []part
}

func newManifests(sink store.Store) *manifests {
	return &manifests{sink: sink, read: map[partition.ID]manifest{}}
}

// manifestReads is how many manifests are read at the same time.
const manifestReads = 16

// published reads the days of a report. A missing root directory is an error: an
// unmounted disk must not look like a report without days.
func (m *manifests) published(ctx context.Context, report string) (published, error) {
	all := published{map[string]part{}, map[day.Day]error{}}
	ids, err := m.list(ctx, report)
	if err != nil {
		return all, err
	}
	var mu sync.Mutex
	err = parallel.Each(ctx, len(ids), manifestReads, func(ctx context.Context, i int) error {
		parts, err := m.partsOf(ctx, ids[i].id, ids[i].etag)
		mu.Lock()
		defer mu.Unlock()
		if errors.Is(err, publish.ErrNoManifest) {
			all.damaged[ids[i].id.Day()] = err
			return nil
		}
		for _, p := range parts {
			all.parts[p.location] = p
		}
		return err
	})
	return all, err
}

// listed is a manifest in a listing.
type listed struct {
	id   partition.ID
	etag string
}

// list lists the manifests of a report's days. Version 0.1.0 had them in the days'
// directories, which come first: a manifest that is moved meanwhile is in at least
// one listing.
func (m *manifests) list(ctx context.Context, report string) ([]listed, error) {
	etags := map[partition.ID]string{}
	root := partition.Prefix(report, partition.Day)
	for _, prefix := range []string{root, publish.ManifestRoot + root} {
		for object, err := range m.sink.List(ctx, prefix) {
			if err != nil {
				return nil, err
			}
			name, _, _ := strings.Cut(strings.TrimSuffix(object.Key[len(prefix):], ".json"), "/")
			p, err := partition.ParsePeriod(partition.Day, name)
			if err != nil {
				continue
			}
			id := partition.InReport(report, p)
			if object.Key == id.ManifestKey() || object.Key == publish.OldManifestKey(id.Dir()) {
				etags[id] = object.ETag
			}
		}
	}
	all := make([]listed, 0, len(etags))
	for id, etag := range etags {
		all = append(all, listed{id, etag})
	}
	return all, nil
}

// partsOf reads the manifest of a day, unless it is known by its ETag. A manifest
// that was removed after it was listed names no parts.
func (m *manifests) partsOf(ctx context.Context, id partition.ID, etag string) ([]part, error) {
	m.mu.Lock()
	known, ok := m.read[id]
	m.mu.Unlock()
	if ok && known.etag == etag {
		return known.parts, nil
	}
	base, err := publish.Read(ctx, m.sink, id.Dir())
	if err != nil || base.Manifest == nil {
		return nil, err
	}
	now := manifest{etag: base.ETag}
	for _, p := range base.Manifest.Parts {
		if p.Rows > 0 {
			now.parts = append(now.parts, part{m.sink.URL(p.Key), id.Day(), p.Rows, p.Bytes})
		}
	}
	m.mu.Lock()
	m.read[id] = now
	m.mu.Unlock()
	return now.parts, nil
}

// damage is the error of the days whose manifests cannot be read; nil: there are
// none.
func (p published) damage() error {
	var errs []error
	for _, err := range p.damaged {
		errs = append(errs, err)
	}
	if errs == nil {
		return nil
	}
	return fmt.Errorf("the table keeps the earlier files of days whose manifests cannot be read: %w", errors.Join(errs...))
}
