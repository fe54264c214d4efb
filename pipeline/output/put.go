package output

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/sinks/loads"
	"daybook/sinks/publish"
	"daybook/sources/store"
)

// putSummaries writes the summaries of the partition whose manifest is base, and then
// notes them in the manifest. Until then they count as missing, and the next run writes
// them.
//
// The names of the files are fixed. So that a slow run cannot replace the summaries
// of a newer revision, a file replaces only what is there: what was listed before base
// was committed or read. The manifest keeps the ETag of every file: a plan notices one
// that differs.
func (o *Publisher) putSummaries(ctx context.Context, p *Partition, s *summaries, there []publish.SummaryFile, base publish.Base) (publish.Base, error) {
	files, err := s.files()
	if err != nil {
		return base, err
	}
	sink := o.Settings.Sink
	loadKeys := o.Settings.LoadKeys(p.ID)
	if base.Manifest.Summaries.Difference(p.Report.Hash, loadKeys, there) == "" {
		return base, nil // the same rows had been published before
	}
	if old := base.Manifest.Summaries; old != nil { // loader manifests that are no longer configured
		there = append(there, slices.DeleteFunc(slices.Clone(old.Loads), func(f publish.SummaryFile) bool {
			return slices.Contains(loadKeys, f.Name)
		})...)
	}
	files = append(files, o.loaderManifests(p.ID, base.Manifest)...)
	conditions := make([]store.Condition, len(files))
	for i, f := range files {
		conditions[i].IfAbsent = true
		if old := publish.IndexSummary(there, f.name); old >= 0 {
			conditions[i] = store.Condition{IfMatch: there[old].ETag}
			there = slices.Delete(there, old, old+1)
		}
		if f.size > store.MaxConditionalSize {
			conditions[i] = store.Condition{}
		}
	}
	objects := make([]store.Object, len(files))
	err = parallel.Each(ctx, len(files), o.Budget.Requests(), func(ctx context.Context, i int) (err error) {
		objects[i], err = putSummary(ctx, sink, summaryKey(p.ID, files[i].name), &files[i], conditions[i])
		return err
	})
	if err != nil {
		return base, err
	}
	written := &publish.Summaries{Definition: p.Report.Hash}
	for i, f := range files {
		list := &written.Files
		if isLoaderManifest(f.name) {
			list = &written.Loads
		}
		*list = append(*list, publish.SummaryFile{Name: f.name, Bytes: f.size, ETag: objects[i].ETag})
	}
	for _, f := range there { // files of an earlier definition
		if err := sink.Delete(ctx, summaryKey(p.ID, f.Name)); err != nil {
			return base, err
		}
	}
	next := *base.Manifest
	next.Summaries = written
	return publish.Amend(ctx, sink, p.ID.Dir(), base, next)
}

// summaryKey is the key of a summary or a loader manifest.
func summaryKey(id partition.ID, name string) string {
	if isLoaderManifest(name) {
		return name
	}
	return id.SummaryDir() + name
}

// isLoaderManifest reports whether a file is a loader manifest: its name is its key.
func isLoaderManifest(name string) bool { return strings.HasPrefix(name, loads.Root) }

// loaderManifests are the lists of the partition's files for loaders. Their names are
// their keys.
func (o *Publisher) loaderManifests(id partition.ID, m *publish.Manifest) []summaryFile {
	files := make([]loads.File, len(m.Parts))
	for i, part := range m.Parts {
		files[i] = loads.File{URL: o.Settings.LoaderURL(part.Key), Bytes: part.Bytes}
	}
	manifests := make([]summaryFile, len(o.Settings.Loads))
	for i, format := range o.Settings.Loads {
		manifests[i] = inMemory(format.Key(id.Dir()), format.Encode(files))
	}
	return manifests
}

// maxPuts is how often a summary is written whose answer gets lost.
const maxPuts = 3

// putSummary writes one file. If the same content is there already, that is success,
// whichever run wrote it: otherwise runs that write the summaries of one manifest at
// the same time could stop each other. For the same reason it may repeat a request
// without an answer, which the store does not repeat by itself.
func putSummary(ctx context.Context, sink store.Store, key string, f *summaryFile, condition store.Condition) (store.Object, error) {
	for attempt := 1; ; attempt++ {
		object, err := sink.Put(ctx, key, f.body, f.size, condition)
		if err == nil {
			return object, nil
		}
		object, same, readErr := holds(ctx, sink, key, f)
		switch {
		case same:
			return object, nil
		case errors.Is(err, store.ErrPrecondition):
			return object, cmp.Or(readErr, publish.ErrRaced)
		case readErr != nil || !condition.Conditional() || !store.Unanswered(err):
			return object, err
		case attempt == maxPuts:
			return object, fmt.Errorf("%w (gave up after %d attempts)", err, attempt)
		}
	}
}

// holds reports whether the object under a key has the content of the file.
func holds(ctx context.Context, sink store.Store, key string, f *summaryFile) (_ store.Object, same bool, err error) {
	body, object, err := sink.Open(ctx, key, 0, store.ToEnd, "")
	if errors.Is(err, store.ErrNotFound) {
		return object, false, nil
	}
	if err != nil {
		return object, false, err
	}
	defer body.Close()
	same, err = sameBytes(body, io.NewSectionReader(f.body, 0, f.size))
	return object, same, err
}

// sameBytes reports whether two readers have the same content.
func sameBytes(a, b io.Reader) (bool, error) {
	var sums [2][sha256.Size]byte
	for i, r := range []io.Reader{a, b} {
		h := sha256.New()
		if _, err := io.Copy(h, r); err != nil {
			return false, err
		}
		h.Sum(sums[i][:0])
	}
	return sums[0] == sums[1], nil
}

// summariesThere are the summaries of a partition, as they were listed.
func (o *Publisher) summariesThere(ctx context.Context, p *Partition) ([]publish.SummaryFile, error) {
	switch {
	case !p.Intact:
		return o.listSummaries(ctx, p.ID)
	case p.Base.Manifest == nil:
		return nil, nil
	}
	return p.Base.Manifest.Summaries.All(), nil
}

// listSummaries lists the summaries of a partition, and its loader manifests, whose
// names are their keys.
func (o *Publisher) listSummaries(ctx context.Context, id partition.ID) (there []publish.SummaryFile, err error) {
	dir := id.SummaryDir()
	for object, err := range o.Settings.Sink.List(ctx, dir) {
		if err != nil {
			return nil, err
		}
		if name := object.Key[len(dir):]; !strings.Contains(name, "/") {
			there = append(there, publish.SummaryFile{Name: name, Bytes: object.Size, ETag: object.ETag})
		}
	}
	for _, key := range o.Settings.LoadKeys(id) {
		for object, err := range o.Settings.Sink.List(ctx, key) {
			if err != nil {
				return nil, err
			}
			if object.Key == key {
				there = append(there, publish.SummaryFile{Name: key, Bytes: object.Size, ETag: object.ETag})
			}
		}
	}
	return there, nil
}
