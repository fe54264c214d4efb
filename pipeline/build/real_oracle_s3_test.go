//go:build s3

package build_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/sinks/publish"
	"daybook/sources/store"
)

// publishedSet reads everything that is published. It remembers what it has read, and
// checks that what it reads next follows from that, as publishing promises.
type publishedSet struct {
	st        store.Store
	manifests map[string]publish.Base    // by directory
	whole     map[string]string          // the ETags of parts that were read and right, by key
	dumps     map[string]map[string]bool // the dumps behind a digest, by its fingerprint

	commits int // manifests that it has read
}

func newPublishedSet(st store.Store) *publishedSet {
	return &publishedSet{st: st, manifests: map[string]publish.Base{}, whole: map[string]string{}, dumps: map[string]map[string]bool{}}
}

// check reads what has changed since the last check. Writers may be running.
func (s *publishedSet) check(t *testing.T) {
	listed := map[string]store.Object{}
	for object, err := range s.st.List(t.Context(), "") {
		if err != nil {
			t.Errorf("list: %v", err)
			return
		}
		listed[object.Key] = object
	}
	// A partition that had a manifest must still have one, listed or not.
	dirs := map[string]bool{}
	for dir := range s.manifests {
		dirs[dir] = true
	}
	for key := range listed {
		if dir, ok := publish.ManifestDir(key); ok {
			dirs[dir] = true
		}
	}
	for dir := range dirs {
		known, ok := s.manifests[dir]
		if ok && known.ETag == listed[publish.ManifestKey(dir)].ETag && s.present(listed, known.Manifest) {
			continue
		}
		s.checkPartition(t, dir)
	}
}

// present reports whether all parts are listed with the content that was read before.
func (s *publishedSet) present(listed map[string]store.Object, m *publish.Manifest) bool {
	return !slices.ContainsFunc(m.Parts, func(p publish.Part) bool {
		object, ok := listed[p.Key]
		return !ok || object.ETag != s.whole[p.Key]
	})
}

// checkPartition reads a partition. If a part is missing, there has to be another
// manifest by now.
func (s *publishedSet) checkPartition(t *testing.T, dir string) {
	missing := ""
	for attempt := ""; ; {
		base, err := publish.Read(t.Context(), s.st, dir)
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			return
		}
		if base.Manifest == nil {
			t.Errorf("%s has no manifest any more", dir)
			return
		}
		if base.Manifest.Attempt == attempt {
			t.Errorf("%s, revision %d: %s is not there", dir, base.Manifest.Revision, missing)
			return
		}
		attempt = base.Manifest.Attempt
		s.follows(t, dir, base)
		if missing = s.missingPart(t, base.Manifest); missing == "" {
			return
		}
	}
}

// missingPart is the key of a part that is missing, or the empty text. The others
// must have the content that the manifest says.
func (s *publishedSet) missingPart(t *testing.T, m *publish.Manifest) string {
	for _, part := range m.Parts {
		b, etag, err := s.read(t, part.Key)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return part.Key
		case err != nil:
			t.Errorf("%s: %v", part.Key, err)
		case int64(len(b)) != part.Bytes || pipelinetest.SHA256(b) != part.SHA256:
			t.Errorf("%s, of revision %d, has %d bytes, and they are not the %d that its manifest says", part.Key, m.Revision, len(b), part.Bytes)
		}
		s.whole[part.Key] = etag
	}
	return ""
}

func (s *publishedSet) read(t *testing.T, key string) (b []byte, etag string, err error) {
	body, object, err := s.st.Open(t.Context(), key, 0, store.ToEnd, "")
	if err != nil {
		return nil, "", err
	}
	defer body.Close()
	b, err = io.ReadAll(body)
	return b, object.ETag, err
}

// follows compares a manifest with the one before it: nothing ever goes back.
func (s *publishedSet) follows(t *testing.T, dir string, base publish.Base) {
	s.commits++
	m, before := base.Manifest, s.manifests[dir].Manifest
	s.manifests[dir] = base
	if strings.HasPrefix(dir, partition.DigestRoot) {
		s.noteDigest(m)
	}
	if before == nil {
		return
	}
	switch {
	case m.Revision < before.Revision:
		t.Errorf("%s went from revision %d to %d", dir, before.Revision, m.Revision)
	case m.Revision == before.Revision && !slices.Equal(m.Parts, before.Parts):
		t.Errorf("%s: revision %d has had other parts", dir, m.Revision)
	}
	if m.Accounting.Lines < before.Accounting.Lines {
		t.Errorf("%s was made of %d lines, and is now of %d", dir, before.Accounting.Lines, m.Accounting.Lines)
	}
	s.inputsGrow(t, dir, before.Inputs, m.Inputs)
}

// noteDigest remembers which dumps a digest was made from. If a dump adds nothing,
// several sets of dumps have the same digest: the first one counts.
func (s *publishedSet) noteDigest(m *publish.Manifest) {
	if s.dumps[m.Fingerprint()] != nil {
		return
	}
	dumps := map[string]bool{}
	for _, in := range m.Inputs {
		dumps[in.Key] = true
	}
	s.dumps[m.Fingerprint()] = dumps
}

// inputsGrow fails if a partition has lost an input, or if a digest among its inputs is
// made from fewer dumps than before. Dumps are only added here.
func (s *publishedSet) inputsGrow(t *testing.T, dir string, before, now []publish.Input) {
	etags := map[string]string{}
	for _, in := range now {
		etags[in.Key] = in.ETag
	}
	for _, in := range before {
		etag, ok := etags[in.Key]
		if !ok {
			t.Errorf("%s is not made of %s any more", dir, in.Key)
			continue
		}
		had, have := s.dumps[in.ETag], s.dumps[etag]
		if had == nil || have == nil {
			continue // no digest, or one that was replaced before it was read
		}
		for key := range had {
			if !have[key] {
				t.Errorf("%s was made of %s, and is no more", dir, key)
			}
		}
	}
}
