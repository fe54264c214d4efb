package dump

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"daybook/sources/store"
	"daybook/transform/day"

	"github.com/google/go-cmp/cmp"
)

func TestTemplate(t *testing.T) {
	for template, want := range map[string]string{
		"{yyyy}/{mm}/{dd}/":        "2026/01/05/",
		"raw/v1/{yyyy}/{mm}/{dd}/": "raw/v1/2026/01/05/",
		"dt={yyyy}-{mm}-{dd}/":     "dt=2026-01-05/",
	} {
		parsed, err := ParseTemplate(template)
		if err != nil {
			t.Errorf("ParseTemplate(%q): %v", template, err)
			continue
		}
		if got := parsed.Prefix(day.Date(2026, time.January, 5)); got != want {
			t.Errorf("prefix of %q: %q, want %q", template, got, want)
		}
	}
	for template, want := range map[string]string{
		"":                         `key template "" has {yyyy} 0 times; it needs each of {yyyy}, {mm} and {dd} once, as in {yyyy}/{mm}/{dd}/`,
		"{yyyy}/{mm}/":             `key template "{yyyy}/{mm}/" has {dd} or {d} 0 times; it needs each of {yyyy}, {mm} and {dd} once, as in {yyyy}/{mm}/{dd}/`,
		"{yyyy}/{mm}/{dd}/{dd}-":   `key template "{yyyy}/{mm}/{dd}/{dd}-" has {dd} or {d} 2 times; it needs each of {yyyy}, {mm} and {dd} once, as in {yyyy}/{mm}/{dd}/`,
		"{yyyy}/{mm}/{dd}/{min}/":  `key template "{yyyy}/{mm}/{dd}/{min}/" has the unknown placeholder {min}; use {yyyy}, {mm} and {dd}, {m} and {d} for numbers that are not padded, {hh} for an hour, and * for any text without a slash`,
		"{yyyy}/{m}{d}/":           `key template "{yyyy}/{m}{d}/" needs a sign that is no digit after {m}: its number has one digit or two`,
		"{hh}/{yyyy}{mm}{dd}/{hh}": `key template "{hh}/{yyyy}{mm}{dd}/{hh}" has {hh} twice; remove one`,
		"*-*/{yyyy}/{mm}/{dd}/":    `key template "*-*/{yyyy}/{mm}/{dd}/" has more than one * between two slashes; write one, for all of the text`,
		"/{yyyy}/{mm}/{dd}/":       `key template "/{yyyy}/{mm}/{dd}/" has an empty segment; a key has no slash at its start and no two in a row`,
	} {
		if _, err := ParseTemplate(template); err == nil || err.Error() != want {
			t.Errorf("ParseTemplate(%q):\n got %v\nwant %s", template, err, want)
		}
	}
}

// listed is a store that has these objects, and then perhaps fails.
type listed struct {
	objects []store.Object
	err     error
}

func (l listed) List(_ context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for _, o := range l.objects {
			if strings.HasPrefix(o.Key, prefix) && !yield(o, nil) {
				return
			}
		}
		if l.err != nil {
			yield(store.Object{}, l.err)
		}
	}
}

// sources is the default of the configuration.
var sources = Sources{{Template: "{yyyy}/{mm}/{dd}/"}}

var testDay = day.Date(2026, time.November, 20)

func TestListDay(t *testing.T) {
	object := func(key string, size int64) store.Object {
		return store.Object{Key: key, Size: size, ETag: "etag of " + key}
	}
	dump := func(key string, size int64, possible bool) Dump {
		return Dump{Key: key, ETag: "etag of " + key, Size: size, Of: sources[0], Possible: possible}
	}
	l := listed{objects: []store.Object{
		object("2026/11/19/a.ndjson", 1), // another day
		object("2026/11/20/", 0),         // a directory marker
		object("2026/11/20/.hidden.ndjson", 2),
		object("2026/11/20/EVENTS.NDJSON", 3),
		object("2026/11/20/_SUCCESS", 4),
		object("2026/11/20/_manifest.json", 5),
		object("2026/11/20/_tmp/a.ndjson", 6), // only the last segment makes a control file
		object("2026/11/20/a.json", 7),
		object("2026/11/20/a.jsonl.gz", 8),
		object("2026/11/20/a.ndjson", 0),
		object("2026/11/20/a.ndjson.bz2", 9),
		object("2026/11/20/a.ndjson.gz.zst", 10),
		object("2026/11/20/deep/er/a.json.zst", 11),
		object("2026/11/20/deep/er/", 0),
		object("2026/11/20/full/", 12), // not empty, so more than a marker
		object("2026/11/20/ndjson", 13),
		object("2026/11/20/x.gz", 14),
	}}
	got, err := ListDay(t.Context(), l, sources, testDay)
	if err != nil {
		t.Fatal(err)
	}
	want := Listing{
		Dumps: []Dump{
			dump("2026/11/20/EVENTS.NDJSON", 3, false),
			dump("2026/11/20/_tmp/a.ndjson", 6, false),
			dump("2026/11/20/a.json", 7, false),
			dump("2026/11/20/a.jsonl.gz", 8, false),
			dump("2026/11/20/a.ndjson", 0, false),
			dump("2026/11/20/deep/er/a.json.zst", 11, false),
			dump("2026/11/20/ndjson", 13, true),
			dump("2026/11/20/x.gz", 14, true),
		},
		Unknown: []string{"2026/11/20/a.ndjson.bz2", "2026/11/20/a.ndjson.gz.zst", "2026/11/20/full/"},
	}
	same := cmp.Comparer(func(a, b *Source) bool { return a == b })
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Errorf("listing (-want +got):\n%s", diff)
	}
}

func TestListDayBeyondAPage(t *testing.T) {
	var l listed
	for i := range 2500 {
		l.objects = append(l.objects, store.Object{Key: fmt.Sprintf("2026/11/20/part-%04d.ndjson.gz", i), Size: int64(i)})
	}
	got, err := ListDay(t.Context(), l, sources, testDay)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Dumps) != 2500 || got.Dumps[2499].Size != 2499 || len(got.Unknown) != 0 {
		t.Errorf("%d dumps, %d unknown; want 2500 and none", len(got.Dumps), len(got.Unknown))
	}
}

// A listing that breaks off is not a shorter listing.
func TestListDayFails(t *testing.T) {
	l := listed{objects: []store.Object{{Key: "2026/11/20/a.ndjson"}}, err: store.ErrDenied}
	got, err := ListDay(t.Context(), l, sources, testDay)
	if !errors.Is(err, store.ErrDenied) || !strings.Contains(err.Error(), "2026-11-20") {
		t.Errorf("error %v; want one that wraps ErrDenied and names the day", err)
	}
	if len(got.Dumps) != 0 {
		t.Errorf("half a listing: %v", got)
	}
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"b.ndjson.gz", "a.jsonl", "_control.json", ".hidden.ndjson", "notes.txt", "2026/11/c.ndjson", "given.txt", "README"} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("text"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{root, link} {
		in := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
		files, unknown, err := Find([]string{in("_control.json"), Stdin, dir, in("given.txt")})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{in("_control.json"), Stdin, in("2026/11/c.ndjson"), in("a.jsonl"), in("b.ndjson.gz"), in("given.txt")}
		if diff := cmp.Diff(want, files); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{in("README"), in("given.txt"), in("notes.txt")}, unknown); diff != "" {
			t.Errorf("unknown (-want +got):\n%s", diff)
		}
	}
	if _, _, err := Find([]string{filepath.Join(root, "absent")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a path that does not exist: %v", err)
	}
}

// closedDir is a file system with a directory that may not be read.
type closedDir struct {
	fstest.MapFS
	name string
}

func (c closedDir) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == c.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return c.MapFS.ReadDir(name)
}

// A directory that cannot be read is named as people name it.
func TestFindNamesWhatItCannotRead(t *testing.T) {
	root := filepath.Join("given", "dumps")
	files := fstest.MapFS{"2026/11/a.ndjson": {}}
	for name, where := range map[string]string{".": root, "2026/11": filepath.Join(root, "2026", "11")} {
		_, _, err := findIn(closedDir{files, name}, root)
		if want := "open " + where + ": permission denied"; err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// A template tells the day of the keys that begin like that day's, and of no
// other.
func TestTemplateDay(t *testing.T) {
	d := day.Date(2026, 11, 5)
	for _, text := range []string{"{yyyy}/{mm}/{dd}/", "raw/dt={yyyy}-{mm}-{dd}/", "{dd}.{mm}.{yyyy}.", "x{yyyy}{mm}{dd}", "a/{mm}/b{dd}c/{yyyy}"} {
		template, err := ParseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		prefix := template.Prefix(d)
		if got, ok := template.Day(prefix + "/part.ndjson"); !ok || got != d {
			t.Errorf("%s: the day of %s is %s, %t", text, prefix, got, ok)
		}
		if !strings.HasPrefix(prefix, template.Root()) {
			t.Errorf("%s: %s does not begin with the root %q", text, prefix, template.Root())
		}
		for i := range prefix {
			if got, ok := template.Day(prefix[:i]); ok {
				t.Errorf("%s: %q is of %s", text, prefix[:i], got)
			}
			if wrong := prefix[:i] + "?" + prefix[i+1:]; wrong != prefix {
				if got, ok := template.Day(wrong); ok {
					t.Errorf("%s: %q is of %s", text, wrong, got)
				}
			}
		}
	}
	if d, ok := Template("{yyyy}/{mm}/{dd}/").Day("2026/02/30/a.ndjson"); ok {
		t.Errorf("the 30th of February is %s", d)
	}
}

func TestListAll(t *testing.T) {
	m := store.NewMemory(nil)
	for _, key := range []string{"raw/2026/11/05/a.ndjson", "raw/2026/11/05/_SUCCESS", "raw/2026/11/06/deep/b.jsonl.gz", "raw/2026/11/06/readme.txt", "raw/other/c.ndjson", "elsewhere/2026/11/05/d.ndjson"} {
		if _, err := m.Put(t.Context(), key, strings.NewReader("x"), 1, store.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	template := Template("raw/{yyyy}/{mm}/{dd}/")
	of := Sources{{Template: template}}
	all, err := ListAll(t.Context(), m, of, false, nil)
	if err != nil || len(all.Days) != 2 {
		t.Fatalf("%v, %v", all, err)
	}
	for d, listing := range all.Days {
		one, err := ListDay(t.Context(), m, of, d)
		if err != nil || !reflect.DeepEqual(one, listing) || len(one.Dumps) != 1 {
			t.Errorf("%s: all at once %+v, alone %+v, %v", d, listing, one, err)
		}
	}
}

// A name that is not UTF-8 cannot be named in a manifest, so it would be a new
// input in every plan. It is reported instead, as are files that are not dumps.
func TestListUnreadable(t *testing.T) {
	root := t.TempDir()
	day20 := filepath.Join(root, "2026/11/20")
	if err := os.MkdirAll(filepath.Join(day20, "b\xfe"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.ndjson", "a\xff.ndjson", "b\xfe/c.ndjson", "c.txt"} {
		if err := os.WriteFile(filepath.Join(day20, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"fifo.ndjson", "_fifo", ".fifo"} {
		if err := syscall.Mkfifo(filepath.Join(day20, name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	st, err := store.NewDir(root)
	if err != nil {
		t.Fatal(err)
	}
	listing, err := ListDay(t.Context(), st, sources, day.Date(2026, time.November, 20))
	if err != nil {
		t.Fatal(err)
	}
	if len(listing.Dumps) != 1 || listing.Dumps[0].Key != "2026/11/20/a.ndjson" {
		t.Errorf("the dumps are %+v", listing.Dumps)
	}
	want := []string{
		`2026/11/20/a\xff.ndjson (the name is not UTF-8)`, `2026/11/20/b\xfe/c.ndjson (the name is not UTF-8)`,
		"2026/11/20/c.txt", "2026/11/20/fifo.ndjson (a FIFO, not a regular file)",
	}
	if !slices.Equal(listing.Unknown, want) {
		t.Errorf("unknown are\n%q; want\n%q", listing.Unknown, want)
	}

	files, unknown, err := Find([]string{day20})
	if err != nil {
		t.Fatal(err)
	}
	want = []string{
		filepath.Join(day20, `a\xff.ndjson (the name is not UTF-8)`), filepath.Join(day20, `b\xfe (the name is not UTF-8)`),
		filepath.Join(day20, "c.txt"), filepath.Join(day20, "fifo.ndjson (not a regular file)"),
	}
	if !slices.Equal(unknown, want) {
		t.Errorf("Find: unknown are\n%q; want\n%q", unknown, want)
	}
	if want := []string{filepath.Join(day20, "a.ndjson")}; !slices.Equal(files, want) {
		t.Errorf("Find: the dumps are %q; want %q", files, want)
	}
}
