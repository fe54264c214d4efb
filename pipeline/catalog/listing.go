package catalog

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/words"
	"daybook/sinks/publish"
	"daybook/sources/store"
)

// listed is a manifest as it was listed, with the files in its partition's directory.
type listed struct {
	root, name string       // of the directory
	object     store.Object // the manifest
	replaced   bool         // there is also the manifest of an earlier version
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
// begin with prefix, and the files in their directories.
//
// The directories come first. They may have manifests of an earlier version, and one
// that is replaced meanwhile by a new manifest is then listed in at least one place.
func (r *Reader) listManifests(ctx context.Context, root, prefix string) ([]listed, error) {
	files, old := map[string][]filePrint{}, map[string]store.Object{} // by name
	for _, dirs := range slices.Compact([]string{root, publish.OldDir(root)}) {
		err := r.list(ctx, dirs+prefix, func(object store.Object) {
			name, _, _ := strings.Cut(object.Key[len(dirs):], "/")
			if object.Key == publish.OldManifestKey(root+name+"/") {
				old[name] = object
			} else {
				files[name] = append(files[name], printOf(object.Key, object.Size))
			}
		})
		if err != nil {
			return nil, err
		}
	}
	var all []listed
	err := r.list(ctx, publish.ManifestRoot+root+strings.TrimSuffix(prefix, "/"), func(object store.Object) {
		dir, ok := publish.ManifestDir(object.Key)
		if !ok {
			return
		}
		name := strings.TrimSuffix(dir[len(root):], "/")
		_, replaced := old[name]
		delete(old, name)
		all = append(all, listed{root: root, name: name, object: object, replaced: replaced, files: files[name]})
	})
	for _, name := range slices.Sorted(maps.Keys(old)) {
		all = append(all, listed{root: root, name: name, object: old[name], files: files[name]})
	}
	return all, err
}

// list calls f with the objects under a prefix of the sink. A sink that does not exist
// yet has none.
func (r *Reader) list(ctx context.Context, prefix string, f func(store.Object)) error {
	for object, err := range r.Settings.Sink.List(ctx, prefix) {
		if errors.Is(err, store.ErrNoBucket) {
			return nil
		}
		if err != nil {
			return err
		}
		f(object)
	}
	return nil
}

// readManifest reads a manifest that was listed, or takes its copy in a pack. Unless it
// has been replaced since, its time is that of the listing, which is more exact.
func (r *Reader) readManifest(ctx context.Context, id partition.ID, object store.Object) (publish.Base, error) {
	if !r.packs.unneeded {
		if base, ok := r.copyOf(ctx, object); ok {
			return base, nil
		}
	}
	base, err := publish.Read(ctx, r.Settings.Sink, id.Dir())
	if err != nil || base.Manifest == nil {
		return base, err
	}
	if base.Key == object.Key && base.ETag == object.ETag {
		base.Modified = object.Modified
	}
	r.Cache.note(&base)
	return base, nil
}

// checkFiles notes a damage if a file of the manifest is missing or has another
// length, or if the manifest of an earlier version is left over: engines that read
// the directory stumble over it. Digests have no such readers.
func (r *Reader) checkFiles(ctx context.Context, c *Catalog, id partition.ID, l listed, etag string, files []filePrint) error {
	if countMissing(files, l.files) == 0 && (!l.replaced || id.Kind == partition.Digest) {
		return nil
	}
	// The manifest may have been replaced during the listing, with its files. If the
	// manifest is the same after a second listing, its files should be in that.
	again, err := r.listManifests(ctx, l.root, l.name+"/")
	if err != nil || len(again) == 0 {
		return err
	}
	var damage string
	if missing := countMissing(files, again[0].files); missing > 0 {
		damage = words.Count(missing, "file is", "files are") + " missing, or not as long as the manifest says"
	} else if again[0].replaced {
		damage = "the manifest of an earlier version is left over"
	} else {
		return nil
	}
	base, err := publish.Read(ctx, r.Settings.Sink, id.Dir())
	if err != nil || base.ETag != etag {
		return err
	}
	c.setDamage(id, damage)
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
	err := parallel.Each(ctx, len(lists), r.requests(), func(ctx context.Context, i int) error {
		l := &lists[i]
		loaders, err := r.listLoads(ctx, l.rep.Name, l.kind, l.prefix)
		if err != nil {
			return err
		}
		check := func(name string, there []publish.SummaryFile) {
			if period, err := partition.ParsePeriod(l.kind, name); err == nil {
				c.checkSummaries(partition.ID{Report: l.rep.Name, Kind: l.kind, Period: period}, l.rep, append(there, loaders[name]...))
			}
		}
		root := partition.SummaryPrefix(l.rep.Name, l.kind)
		name, there := "", []publish.SummaryFile(nil) // of the partition that is being listed
		err = r.list(ctx, root+l.prefix, func(object store.Object) {
			of, file, _ := strings.Cut(object.Key[len(root):], "/")
			if strings.Contains(file, "/") {
				return
			}
			if of != name {
				check(name, there)
				name, there = of, there[:0]
			}
			there = append(there, publish.SummaryFile{Name: file, Bytes: object.Size, ETag: object.ETag})
		})
		check(name, there)
		for name := range loaders {
			if period, err := partition.ParsePeriod(l.kind, name); err == nil {
				c.noteStray(partition.ID{Report: l.rep.Name, Kind: l.kind, Period: period})
			}
		}
		return err
	})
	if err == nil {
		c.listed = p
	}
	return err
}

// listLoads lists the loader manifests of a report's days or months that begin with
// prefix, by the name of the partition.
func (r *Reader) listLoads(ctx context.Context, report string, kind partition.Kind, prefix string) (map[string][]publish.SummaryFile, error) {
	byName := map[string][]publish.SummaryFile{}
	for _, format := range r.Settings.Loads {
		root := format.Prefix(partition.Prefix(report, kind))
		err := r.list(ctx, root+strings.TrimSuffix(prefix, "/"), func(object store.Object) {
			name, _, _ := strings.Cut(object.Key[len(root):], "/")
			name = strings.TrimSuffix(name, path.Ext(name))
			byName[name] = append(byName[name], publish.SummaryFile{Name: object.Key, Bytes: object.Size, ETag: object.ETag})
		})
		if err != nil {
			return nil, err
		}
	}
	return byName, nil
}
