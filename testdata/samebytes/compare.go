package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
)

const (
	manifestRoot = "_manifests/"
	figuresName  = "_figures.json" // in summaries/, of newer programs only
)

// published are the directories of a sink that readers see, and the manifests of
// days and months.
var published = []string{"reports/", "reports_monthly/", "_manifests/reports/", "_manifests/reports_monthly/", "summaries/"}

// moved is where newer programs have a file: version 0.1.0 had manifests beside
// their parts, and months among the reports.
func moved(key string) string {
	if elements := strings.Split(key, "/"); elements[0] == "reports" && strings.HasSuffix(elements[1], "_monthly") {
		elements[0], elements[1] = "reports_monthly", strings.TrimSuffix(elements[1], "_monthly")
		key = strings.Join(elements, "/")
	}
	if dir, ok := strings.CutSuffix(key, "/_manifest.json"); ok {
		return manifestRoot + dir + ".json"
	}
	return key
}

// file is one file of a sink.
type file struct {
	content  []byte
	modified time.Time
}

// tree holds the files of a sink by key.
type tree map[string]file

// readTree reads the files below the directories of a sink.
func readTree(sink string, below ...string) (tree, error) {
	t := tree{}
	for _, dir := range below {
		err := filepath.WalkDir(filepath.Join(sink, dir), func(name string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) { // older programs do not have all of them
				return nil
			}
			if err != nil || entry.IsDir() {
				return err
			}
			key, err := filepath.Rel(sink, name)
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			content, err := os.ReadFile(name)
			t[moved(filepath.ToSlash(key))] = file{content, info.ModTime()}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

// result says how two trees compare.
type result struct {
	scenario, compared string

	files       int
	bytes       int64
	manifests   int
	restated    int // partitions of a second revision or a later one
	figures     int // files of figures that only the new tree has
	reworded    []string
	differences []string
}

func (r *result) differ(format string, args ...any) {
	r.differences = append(r.differences, fmt.Sprintf(format, args...))
}

// compare compares every file of two trees. A file of figures may be in the new
// one alone.
func (r *result) compare(older, newer tree) {
	keys := maps.Clone(older)
	maps.Copy(keys, newer)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		a, inOlder := older[key]
		b, inNewer := newer[key]
		switch {
		case !inOlder && strings.HasPrefix(key, "summaries/") && path.Base(key) == figuresName:
			r.figures++
		case !inOlder:
			r.differ("%s: only the new one has it", key)
		case !inNewer:
			r.differ("%s: only the old one has it", key)
		case strings.HasPrefix(key, manifestRoot):
			r.compareManifests(key, a.content, b.content)
		case !bytes.Equal(a.content, b.content):
			r.differ("%s: %d bytes and %d bytes, from byte %d on", key, len(a.content), len(b.content), firstDifference(a.content, b.content))
		}
		r.files++
		r.bytes += int64(len(b.content))
	}
	if r.files == 0 {
		r.differ("there are no files")
	}
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// compareManifests compares two manifests member by member.
func (r *result) compareManifests(key string, older, newer []byte) {
	r.manifests++
	var a, b map[string]any
	for _, m := range []struct {
		content []byte
		members *map[string]any
	}{{older, &a}, {newer, &b}} {
		if err := json.Unmarshal(m.content, m.members); err != nil {
			r.differ("%s: %s", key, err)
			return
		}
	}
	if revision, ok := b["revision"].(float64); ok && revision > 1 {
		r.restated++
	}
	wordsA, wordsB := withoutAttempt(a), withoutAttempt(b)
	if !reflect.DeepEqual(wordsA, wordsB) {
		r.reworded = append(r.reworded, fmt.Sprintf("%s: %q, now %q", key, wordsA, wordsB))
	}
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !reflect.DeepEqual(a[name], b[name]) {
			r.differ("%s: %s: %s, now %s", key, name, short(a[name]), short(b[name]))
		}
	}
}

// withoutAttempt removes from a manifest what tells one attempt from another:
// its id and time, and the ETags of the summaries, which hold times; and the files of
// figures. It also removes the wording, and returns it: the reason and the
// details of checks.
func withoutAttempt(manifest map[string]any) (wording []string) {
	delete(manifest, "attempt")
	delete(manifest, "published_at")
	delete(manifest, "checksum") // it covers these
	if reason, ok := manifest["reason"].(string); ok {
		wording = append(wording, reason)
		delete(manifest, "reason")
	}
	for check := range objects(manifest["checks"]) {
		if detail, ok := check["detail"].(string); ok {
			wording = append(wording, detail)
			delete(check, "detail")
		}
	}
	if summaries, ok := manifest["summaries"].(map[string]any); ok {
		var files []any
		for file := range objects(summaries["files"]) {
			delete(file, "etag")
			if file["name"] != figuresName {
				files = append(files, file)
			}
		}
		summaries["files"] = files
	}
	return wording
}

// objects are the objects of a list.
func objects(list any) func(yield func(map[string]any) bool) {
	return func(yield func(map[string]any) bool) {
		elements, _ := list.([]any)
		for _, e := range elements {
			if object, ok := e.(map[string]any); ok && !yield(object) {
				return
			}
		}
	}
}

func short(v any) string {
	const most = 200
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	if len(b) > most {
		return string(b[:most]) + "…"
	}
	return string(b)
}

// compareUntouched compares a sink before and after a run that had nothing to
// do. Parts and digests must not even be written again.
func (r *result) compareUntouched(before, after tree) {
	r.compare(before, after)
	for key, a := range before {
		b, ok := after[key]
		part := strings.HasPrefix(key, "reports/") || strings.HasPrefix(key, "reports_monthly/")
		if ok && (part || strings.HasPrefix(key, "state/")) && !a.modified.Equal(b.modified) {
			r.differ("%s: it was written again", key)
		}
	}
}
