package catalog

import (
	"context"
	"errors"
	"slices"
	"strings"

	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/words"
	"daybook/sinks/publish"
	"daybook/sources/store"
)

// listed is a manifest as it was listed, with the files beside it.
type listed struct {
	root, name string // of the partition's directory
	object     store.Object
	files      []filePrint
}

// readListed lists the manifests of the partitions whose names follow one of roots
// and begin with one of prefixes, and then calls read for each of them. A manifest
// that is read may be newer than it was listed, but never older.
func (r *Reader) readListed(ctx context.Context, roots, prefixes []string, read func(ctx context.Context, root int, l listed) error) error {
	lists := make([][]listed, len(roots)*len(prefixes))
	err := parallel.Each(ctx, len(lists), r.requests(), func(ctx context.Context, i int) (err error) {
		lists[i], err = r.listManifests(ctx, roots[i/len(prefixes)], prefixes[i%len(prefixes)])
		return err
	})
	if err != nil {
		return err
	}
	type manifest struct {
		listed
		root int
	}
	var all []manifest
	for i, list := range lists {
		for _, l := range list {
			all = append(all, manifest{l, i / len(prefixes)})
		}
	}
	return parallel.Each(ctx, len(all), r.requests(), func(ctx context.Context, i int) error {
		return read(ctx, all[i].root, all[i].listed)
	})
}

// listManifests lists the manifests of the partitions whose names follow root and
// begin with prefix.
func (r *Reader) listManifests(ctx context.Context, root, prefix string) ([]listed, error) {
	var all []listed
	for object, err := range r.Settings.Sink.List(ctx, root+prefix) {
		if errors.Is(err, store.ErrNoBucket) {
			return nil, nil // the directory does not exist yet
		}
		if err != nil {
			return nil, err
		}
		name, file, _ := strings.Cut(object.Key[len(root):], "/")
		if file == publish.ManifestName {
			all = append(all, listed{root: root, name: name, object: object})
		} else if last := len(all) - 1; last >= 0 && all[last].name == name && file != "" {
			// Parts are listed after their manifest: an underscore sorts before letters.
			all[last].files = append(all[last].files, printOf(object.Key, object.Size))
		}
	}
	return all, nil
}

// readManifest reads a manifest that was listed. Unless it has been replaced since,
// its time is that of the listing, which is more exact.
func (r *Reader) readManifest(ctx context.Context, object store.Object) (publish.Base, error) {
	base, err := publish.Read(ctx, r.Settings.Sink, strings.TrimSuffix(object.Key, publish.ManifestName))
	if err != nil || base.Manifest == nil {
		return base, err
	}
	if base.ETag == object.ETag {
		base.Modified = object.Modified
	}
	return base, nil
}

// checkFiles notes a damage if a file of the manifest is missing or has another
// length.
func (r *Reader) checkFiles(ctx context.Context, c *Catalog, id partition.ID, l listed, etag string, files []filePrint) error {
	if countMissing(files, l.files) == 0 {
		return nil
	}
	// The manifest may have been replaced during the listing, with its files. If the
	// manifest is the same after a second listing, its files should be in that.
	again, err := r.listManifests(ctx, l.root, l.name+"/")
	if err != nil || len(again) == 0 {
		return err
	}
	missing := countMissing(files, again[0].files)
	if missing == 0 {
		return nil
	}
	base, err := publish.Read(ctx, r.Settings.Sink, id.Dir())
	if err != nil || base.ETag != etag {
		return err
	}
	c.setDamage(id, words.Count(missing, "file is", "files are")+" missing, or not as long as the manifest says")
	return nil
}

// countMissing counts the files that are not there.
func countMissing(files, there []filePrint) (n int) {
	for _, f := range files {
		if !slices.Contains(there, f) {
			n++
		}
	}
	return n
}

// listSummaries lists the summaries of a period's days and months, and compares
// them with the manifests, which have been read. Ten years have some hundred
// thousand summaries: only the differences are kept.
func (r *Reader) listSummaries(ctx context.Context, c *Catalog, p partition.Period) error {
	type listing struct {
		rep    *settings.Report
		kind   partition.Kind
		prefix string
	}
	var lists []listing
	for i := range r.Settings.Reports {
		rep := &r.Settings.Reports[i]
		for _, prefix := range dayPrefixes(p) {
			lists = append(lists, listing{rep, partition.Day, prefix})
		}
		for _, prefix := range monthPrefixes(p) {
			lists = append(lists, listing{rep, partition.Month, prefix})
		}
	}
	return parallel.Each(ctx, len(lists), r.requests(), func(ctx context.Context, i int) error {
		l := &lists[i]
		root := partition.SummaryPrefix(l.rep.Name, l.kind)
		check := func(name string, there []publish.SummaryFile) {
			if period, err := partition.ParsePeriod(l.kind, name); err == nil {
				c.checkSummaries(partition.ID{Report: l.rep.Name, Kind: l.kind, Period: period}, l.rep, there)
			}
		}
		name, there := "", []publish.SummaryFile(nil) // of the partition that is being listed
		for object, err := range r.Settings.Sink.List(ctx, root+l.prefix) {
			if errors.Is(err, store.ErrNoBucket) {
				return nil // the directory does not exist yet
			}
			if err != nil {
				return err
			}
			of, file, _ := strings.Cut(object.Key[len(root):], "/")
			if strings.Contains(file, "/") {
				continue
			}
			if of != name {
				check(name, there)
				name, there = of, there[:0]
			}
			there = append(there, publish.SummaryFile{Name: file, Bytes: object.Size, ETag: object.ETag})
		}
		check(name, there)
		return nil
	})
}
