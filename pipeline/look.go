package pipeline

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	"daybook/pipeline/words"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
)

// span is the days that are looked at, or the months that they are of.
type span struct{ from, to day.Day }

// always is every day that a name can have.
func always() span { return span{day.Date(0, time.January, 1), day.Date(9999, time.December, 31)} }

func spanOf(from, to day.Day) span { return span{from, to} }

func (s span) holds(d day.Day) bool { return s.from <= d && d <= s.to }

// dayPrefixes are what the names of the span's days begin with: few, and of few
// other days. There is one for each whole year, and for each other month.
func (s span) dayPrefixes() []string {
	switch {
	case s == always():
		return []string{""}
	case s.from == s.to:
		return []string{s.from.String() + "/"}
	}
	var prefixes []string
	for m := s.from.Month(); m <= s.to.Month(); {
		year, january := m.First().UTC().Year(), m.First().UTC().Month() == time.January
		if january && s.holds(m.First()) && s.holds((m + 11).Last()) {
			prefixes = append(prefixes, day.Date(year, time.January, 1).String()[:len("2026-")])
			m += 12
			continue
		}
		prefixes = append(prefixes, m.String()+"-")
		m++
	}
	return prefixes
}

// monthPrefixes are what the names of the span's months begin with. There are
// so few in a year that all of it may be listed.
func (s span) monthPrefixes() []string {
	from, to := s.from.Month(), s.to.Month()
	switch {
	case s == always():
		return []string{""}
	case from == to:
		return []string{from.String() + "/"}
	}
	var prefixes []string
	for year := s.from.UTC().Year(); year <= s.to.UTC().Year(); year++ {
		prefixes = append(prefixes, day.Date(year, time.January, 1).String()[:len("2026-")])
	}
	return prefixes
}

// readMonths reads the manifests of every report's months of a span.
func (o *observation) readMonths(ctx context.Context, s span) error {
	whole := span{s.from.Month().First(), s.to.Month().Last()}
	return o.readPartitions(ctx, Month, s.monthPrefixes(), func(_ *Report, first day.Day) bool { return whole.holds(first) })
}

// readDays reads the manifests of those days of a span that are wanted, of
// every report.
func (o *observation) readDays(ctx context.Context, s span, wanted func(rep *Report, d day.Day) bool) error {
	return o.readPartitions(ctx, Day, s.dayPrefixes(), func(rep *Report, d day.Day) bool { return s.holds(d) && wanted(rep, d) })
}

// readPartitions reads the manifests of those days or months whose names begin
// with one of prefixes, and that are wanted by the first day of them.
func (o *observation) readPartitions(ctx context.Context, kind Kind, prefixes []string, wanted func(rep *Report, first day.Day) bool) error {
	roots := make([]string, len(o.r.Reports))
	for i := range o.r.Reports {
		roots[i] = rootOf(o.r.Reports[i].Name, kind)
	}
	return o.readListed(ctx, roots, prefixes, func(ctx context.Context, report int, l listed) error {
		rep := &o.r.Reports[report]
		p, ok := parsePeriod(kind, l.name)
		if !ok || !wanted(rep, p.from) {
			return nil
		}
		id := partitionID{rep.Name, kind, p.from}
		if have := o.r.Known.report(l.object, rep); have != nil {
			o.remember(id, have)
			return o.lookAtFiles(ctx, id, l, have.etag, have.files)
		}
		base, err := o.readManifest(ctx, l.object)
		if errors.Is(err, publish.ErrNoManifest) {
			o.damaged(id, err.Error())
			return nil
		}
		if err != nil || base.Manifest == nil {
			return err
		}
		have := o.set(rep, kind, p, base)
		return o.lookAtFiles(ctx, id, l, have.etag, have.files)
	})
}

// readDigests reads the manifests of those digests of a span that are wanted.
func (o *observation) readDigests(ctx context.Context, s span, wanted func(day.Day) bool) error {
	roots := []string{digestRoot + "dt="}
	return o.readListed(ctx, roots, s.dayPrefixes(), func(ctx context.Context, _ int, l listed) error {
		d, err := day.Parse(l.name)
		if err != nil || !s.holds(d) || !wanted(d) {
			return nil
		}
		id := digestID(d)
		ref := o.r.Known.digest(l.object)
		if ref == nil {
			base, err := o.readManifest(ctx, l.object)
			if err == nil && base.Manifest == nil {
				return nil // it has just gone
			}
			if err == nil {
				if ref, err = newDigestRef(d, base); err != nil {
					err = fmt.Errorf("%s %w: %w", o.r.Sink.URL(l.object.Key), publish.ErrNoManifest, err)
				}
			}
			if errors.Is(err, publish.ErrNoManifest) {
				o.damaged(id, err.Error())
				return nil
			}
			if err != nil {
				return err
			}
			o.r.Known.keepDigest(l.object.Key, ref)
		}
		o.noteDigest(ref)
		return o.lookAtFiles(ctx, id, l, ref.etag, ref.files)
	})
}

// listed is a partition's manifest as it was listed, and the files beside it.
type listed struct {
	root, name string // of the partition
	object     store.Object
	files      []filePrint
}

// A filePrint stands for a file's key and size: there are tens of thousands.
type filePrint uint64

func printOf(key string, size int64) filePrint {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", size, key)
	return filePrint(h.Sum64())
}

// filesIn are the files that a manifest names and that lie beside it.
func filesIn(dir string, parts []publish.Part) []filePrint {
	var files []filePrint
	for _, part := range parts {
		if name, ok := strings.CutPrefix(part.Key, dir); ok && !strings.Contains(name, "/") {
			files = append(files, printOf(part.Key, part.Bytes))
		}
	}
	return files
}

// lookAtFiles notes if not all files lie beside a manifest that it names, as
// long as it says.
func (o *observation) lookAtFiles(ctx context.Context, id partitionID, l listed, etag string, files []filePrint) error {
	if missing(files, l.files) == 0 {
		return nil
	}
	// The manifest may have been replaced while it was listed, and its files with
	// it. If it is still the same after another listing, they were there for all of
	// it, or are lost.
	dir := l.root + l.name + "/"
	again, err := o.manifests(ctx, l.root, l.name+"/")
	if err != nil || len(again) == 0 {
		return err
	}
	lost := missing(files, again[0].files)
	if lost == 0 {
		return nil
	}
	base, err := publish.Read(ctx, o.r.Sink, dir)
	if err != nil || base.ETag != etag {
		return err
	}
	o.damaged(id, words.Count(lost, "file is", "files are")+" missing, or not as long as the manifest says")
	return nil
}

// missing is how many of files are not there.
func missing(files, there []filePrint) (n int) {
	for _, f := range files {
		if !slices.Contains(there, f) {
			n++
		}
	}
	return n
}

// damaged notes what is wrong with a partition's files; damage gives it, empty
// if nothing is.
func (o *observation) damaged(id partitionID, what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.damages[id] = what
}

func (o *observation) damage(id partitionID) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.damages[id]
}

// unreadable says whether there is a digest of which nobody can tell what it
// has.
func (o *observation) unreadable(d day.Day) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.digests[d] == nil && o.damages[digestID(d)] != ""
}

// readListed lists the manifests of the partitions whose names follow one of
// roots and begin with one of prefixes, and then reads each of them. What is
// read may be newer than what was listed, but never older.
func (o *observation) readListed(ctx context.Context, roots, prefixes []string, read func(ctx context.Context, root int, l listed) error) error {
	lists := make([][]listed, len(roots)*len(prefixes))
	err := each(ctx, len(lists), o.r.requests(), func(ctx context.Context, i int) (err error) {
		lists[i], err = o.manifests(ctx, roots[i/len(prefixes)], prefixes[i%len(prefixes)])
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
	return each(ctx, len(all), o.r.requests(), func(ctx context.Context, i int) error {
		return read(ctx, all[i].root, all[i].listed)
	})
}

// manifests lists the manifests of the partitions whose names follow root and
// begin with prefix.
func (o *observation) manifests(ctx context.Context, root, prefix string) ([]listed, error) {
	var all []listed
	for object, err := range o.r.Sink.List(ctx, root+prefix) {
		if errors.Is(err, store.ErrNoBucket) {
			return nil, nil // nothing was ever written to a directory
		}
		if err != nil {
			return nil, err
		}
		name, file, _ := strings.Cut(object.Key[len(root):], "/")
		if file == publish.ManifestName {
			all = append(all, listed{root: root, name: name, object: object})
		} else if last := len(all) - 1; last >= 0 && all[last].name == name && file != "" { // they follow it: see partKey
			all[last].files = append(all[last].files, printOf(object.Key, object.Size))
		}
	}
	return all, nil
}

// readManifest reads a manifest that was listed. If it has not been replaced
// meanwhile, the listing says more exactly when it was written.
func (o *observation) readManifest(ctx context.Context, object store.Object) (publish.Base, error) {
	base, err := publish.Read(ctx, o.r.Sink, strings.TrimSuffix(object.Key, publish.ManifestName))
	if err != nil || base.Manifest == nil {
		return base, err
	}
	if base.ETag == object.ETag {
		base.Modified = object.Modified
	}
	return base, nil
}

// shared keeps one of each of the things that what is remembered has in common:
// a digest is an input of dozens of days, and summaries have few names.
type shared struct {
	mu     sync.Mutex
	inputs map[publish.Input]*publish.Input
	texts  map[string]string
}

func newShared() *shared {
	return &shared{inputs: map[publish.Input]*publish.Input{}, texts: map[string]string{}}
}

// inputsOf gives the inputs as they are kept.
func (k *shared) inputsOf(m *publish.Manifest) []*publish.Input {
	k.mu.Lock()
	defer k.mu.Unlock()
	kept := make([]*publish.Input, len(m.Inputs))
	for i, in := range m.Inputs {
		one := k.inputs[in]
		if one == nil {
			one = &in
			k.inputs[in] = one
		}
		kept[i] = one
	}
	return kept
}

// text gives a text as it is kept.
func (k *shared) text(s string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if kept, ok := k.texts[s]; ok {
		return kept
	}
	s = strings.Clone(s) // it may be part of a longer one
	k.texts[s] = s
	return s
}

// summariesOf gives what a manifest says of its summaries.
func (k *shared) summariesOf(m *publish.Manifest) *publish.Summaries {
	if m.Summaries == nil {
		return nil
	}
	s := &publish.Summaries{Definition: k.text(m.Summaries.Definition), Files: slices.Clone(m.Summaries.Files)} // decoding leaves room for more
	for i := range s.Files {
		s.Files[i].Name = k.text(s.Files[i].Name)
	}
	return s
}
