// Package storetest has the conformance tests for implementations of
// store.Store, and starts real S3 servers for them.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

// Backend creates the stores to test.
type Backend struct {
	New     func(t *testing.T) store.Store // an empty store
	Missing func(t *testing.T) store.Store // a store whose bucket or root does not exist; nil if that cannot be
}

// Run tests b against the contract of store.Store.
func Run(t *testing.T, b Backend) {
	for name, check := range map[string]func(*testing.T, store.Store){
		"round trip":      roundTrip,
		"overwrite":       overwrite,
		"large object":    large,
		"offsets":         offsets,
		"ranges":          ranges,
		"if match":        ifMatch,
		"ignored match":   ignoredMatch,
		"conditional put": conditional,
		"one winner":      oneWinner,
		"list order":      listOrder,
		"list pages":      listPages,
		"odd keys":        oddKeys,
		"delete":          deleting,
		"not found":       notFound,
		"bad puts":        badPuts,
		"cancelled":       cancelled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time is spent waiting for disks and servers
			check(t, b.New(t))
		})
	}
	if b.Missing != nil {
		t.Run("missing bucket", func(t *testing.T) { missing(t, b.Missing(t)) })
	}
}

func put(t *testing.T, s store.Store, key, text string) store.Object {
	t.Helper()
	o, err := s.Put(t.Context(), key, strings.NewReader(text), int64(len(text)), store.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func read(t *testing.T, s store.Store, key string, offset int64, etag string) ([]byte, store.Object) {
	t.Helper()
	return readRange(t, s, key, offset, store.ToEnd, etag)
}

func readRange(t *testing.T, s store.Store, key string, offset, length int64, etag string) ([]byte, store.Object) {
	t.Helper()
	rc, o, err := s.Open(t.Context(), key, offset, length, etag)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	data, err := io.ReadAll(rc)
	if err != nil {
		t.Fatal(err)
	}
	return data, o
}

func list(t *testing.T, s store.Store, prefix string) []string {
	t.Helper()
	keys := []string{}
	for o, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

func want(t *testing.T, what string, err, sentinel error) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Errorf("%s: error %v; want %q", what, err, sentinel)
	}
}

func roundTrip(t *testing.T, s store.Store) {
	if got := list(t, s, ""); len(got) != 0 {
		t.Errorf("an empty store lists %q", got)
	}
	for _, text := range []string{"", "x", "some\x00bytes\r\n"} {
		stored := put(t, s, "a/b/c", text)
		data, opened := read(t, s, "a/b/c", 0, stored.ETag)
		if string(data) != text {
			t.Errorf("read %q; want %q", data, text)
		}
		var listed store.Object
		for o, err := range s.List(t.Context(), "a/") {
			if err != nil {
				t.Fatal(err)
			}
			listed = o
		}
		for how, o := range map[string]store.Object{"Put": stored, "Open": opened, "List": listed} {
			if o.Key != "a/b/c" || o.Size != int64(len(text)) || o.ETag == "" || o.ETag != stored.ETag {
				t.Errorf("%s describes it as %+v; want size %d, ETag %s", how, o, len(text), stored.ETag)
			}
		}
	}
}

func overwrite(t *testing.T, s store.Store) {
	etags := map[string]bool{}
	for _, text := range []string{"one", "two", "three"} { // two of the same size
		etags[put(t, s, "k", text).ETag] = true
		if data, _ := read(t, s, "k", 0, ""); string(data) != text {
			t.Errorf("read %q; want %q", data, text)
		}
	}
	if len(etags) != 3 {
		t.Errorf("three contents have %d ETags", len(etags))
	}
}

// large is of a size that S3 takes in several parts.
func large(t *testing.T, s store.Store) {
	data := make([]byte, 20<<20+7)
	rand.NewChaCha8([32]byte{1}).Read(data)
	stored, err := s.Put(t.Context(), "large", bytes.NewReader(data), int64(len(data)), store.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	got, o := read(t, s, "large", 0, stored.ETag)
	if !bytes.Equal(got, data) || o.Size != int64(len(data)) {
		t.Errorf("read %d bytes, size %d; want the %d put", len(got), o.Size, len(data))
	}
	const offset = 16<<20 + 1
	if got, _ := read(t, s, "large", offset, stored.ETag); !bytes.Equal(got, data[offset:]) {
		t.Errorf("read %d bytes from %d; want the last %d", len(got), offset, len(data)-offset)
	}
}

func offsets(t *testing.T, s store.Store) {
	o := put(t, s, "k", "0123456789")
	for _, etag := range []string{"", o.ETag} {
		for _, offset := range []int64{0, 1, 9, 10} {
			data, got := read(t, s, "k", offset, etag)
			if string(data) != "0123456789"[offset:] || got.Size != 10 {
				t.Errorf("from %d: read %q of %d bytes", offset, data, got.Size)
			}
		}
	}
	for _, offset := range []int64{-1, 11} {
		for _, length := range []int64{store.ToEnd, 0, 1} {
			if rc, _, err := s.Open(t.Context(), "k", offset, length, ""); err == nil {
				rc.Close()
				t.Errorf("Open of %d bytes at %d of 10 succeeds", length, offset)
			}
		}
	}
}

// ranges end where they are to end, or where the object does.
func ranges(t *testing.T, s store.Store) {
	o := put(t, s, "k", "0123456789")
	for _, c := range []struct {
		offset, length int64
		want           string
	}{
		{0, 1, "0"}, {0, 10, "0123456789"}, {0, 11, "0123456789"}, {3, 4, "3456"},
		{9, 1, "9"}, {8, 2, "89"}, {8, 3, "89"}, {5, math.MaxInt64, "56789"}, {0, math.MaxInt64, "0123456789"},
		{0, 0, ""}, {4, 0, ""}, {10, 0, ""}, {10, 1, ""},
	} {
		for _, etag := range []string{"", o.ETag} {
			data, got := readRange(t, s, "k", c.offset, c.length, etag)
			if string(data) != c.want || got.Size != 10 || got.ETag != o.ETag || got.Key != "k" {
				t.Errorf("%d bytes from %d: read %q of %+v; want %q", c.length, c.offset, data, got, c.want)
			}
		}
	}
	empty := put(t, s, "empty", "")
	for _, length := range []int64{0, 1, store.ToEnd} {
		if data, got := readRange(t, s, "empty", 0, length, empty.ETag); len(data) > 0 || got.Size != 0 || got.ETag != empty.ETag {
			t.Errorf("%d bytes of none: read %q of %+v", length, data, got)
		}
		_, _, err := s.Open(t.Context(), "none", 0, length, "")
		want(t, fmt.Sprintf("Open of %d bytes of no object", length), err, store.ErrNotFound)
	}
}

func ifMatch(t *testing.T, s store.Store) {
	old := put(t, s, "k", "old")
	now := put(t, s, "k", "new")
	for _, offset := range []int64{0, 1, 3} {
		for _, length := range []int64{store.ToEnd, 0, 2} {
			_, _, err := s.Open(t.Context(), "k", offset, length, old.ETag)
			want(t, fmt.Sprintf("Open of %d bytes at %d with a stale ETag", length, offset), err, store.ErrChanged)
		}
	}
	if data, _ := read(t, s, "k", 0, now.ETag); string(data) != "new" {
		t.Errorf("read %q; want the new content", data)
	}
	_, _, err := s.Open(t.Context(), "other", 0, store.ToEnd, now.ETag)
	want(t, "Open of no object with an ETag", err, store.ErrNotFound)
}

// ignoredMatch reads from a server that ignores the condition of a request: the
// ETag of each answer decides, also where a body broke off and continues.
func ignoredMatch(t *testing.T, s store.Store) {
	first := put(t, s, "k", "first version")
	var call func(faultstest.Call) faultstest.Outcome
	lax := store.WithRetry(faultstest.New(s, func(c faultstest.Call) faultstest.Outcome { return call(c) }), store.RetryPolicy{Base: 1})
	call = func(faultstest.Call) faultstest.Outcome { return faultstest.Outcome{Fault: faultstest.Unconditional} }
	if data, _ := read(t, lax, "k", 0, first.ETag); string(data) != "first version" {
		t.Errorf("read %q; want the first version", data)
	}

	opens := 0
	call = func(faultstest.Call) faultstest.Outcome {
		if opens++; opens == 1 {
			return faultstest.Outcome{Fault: faultstest.Cut, At: 5}
		}
		return faultstest.Outcome{Fault: faultstest.Unconditional}
	}
	rc, _, err := lax.Open(t.Context(), "k", 0, store.ToEnd, first.ETag)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	put(t, s, "k", "other version") // of the same size
	data, err := io.ReadAll(rc)
	want(t, "reading on in another version", err, store.ErrChanged)
	if !strings.HasPrefix("first version", string(data)) {
		t.Errorf("read %q; want only bytes of the first version", data)
	}

	call = func(faultstest.Call) faultstest.Outcome { return faultstest.Outcome{Fault: faultstest.Unconditional} }
	for _, offset := range []int64{0, 1, 13} {
		for _, length := range []int64{store.ToEnd, 0, 2} {
			_, _, err := lax.Open(t.Context(), "k", offset, length, first.ETag)
			want(t, fmt.Sprintf("Open of %d bytes at %d with a stale ETag", length, offset), err, store.ErrChanged)
		}
	}
}

func conditional(t *testing.T, s store.Store) {
	try := func(key, text string, cond store.Condition) (store.Object, error) {
		return s.Put(t.Context(), key, strings.NewReader(text), int64(len(text)), cond)
	}
	first, err := try("dir/k", "1", store.Condition{IfAbsent: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = try("dir/k", "2", store.Condition{IfAbsent: true})
	want(t, "IfAbsent of an object that exists", err, store.ErrPrecondition)
	_, err = try("dir/none", "2", store.Condition{IfMatch: first.ETag})
	want(t, "IfMatch of no object", err, store.ErrPrecondition)
	second, err := try("dir/k", "2", store.Condition{IfMatch: first.ETag})
	if err != nil {
		t.Fatal(err)
	}
	_, err = try("dir/k", "3", store.Condition{IfMatch: first.ETag})
	want(t, "IfMatch of a stale ETag", err, store.ErrPrecondition)
	if data, _ := read(t, s, "dir/k", 0, second.ETag); string(data) != "2" {
		t.Errorf("read %q; want what the last successful put wrote", data)
	}
	if got := list(t, s, ""); !slices.Equal(got, []string{"dir/k"}) {
		t.Errorf("the failed puts left %q", got)
	}
	if err := s.Delete(t.Context(), "dir/k"); err != nil {
		t.Fatal(err)
	}
	if _, err := try("dir/k", "4", store.Condition{IfAbsent: true}); err != nil {
		t.Errorf("IfAbsent after Delete: %v", err)
	}
}

// oneWinner lets 16 writers race, first to create an object and then to
// replace it. A 409 is an answer to a race, too, and repeated as WithRetry does.
func oneWinner(t *testing.T, s store.Store) {
	s = store.WithRetry(s, store.RetryPolicy{})
	race := func(cond store.Condition) (winner string) {
		var (
			wg   sync.WaitGroup
			mu   sync.Mutex
			wins []string
		)
		for i := range 16 {
			wg.Go(func() {
				text := fmt.Sprintf("writer %d of %v", i, cond)
				_, err := s.Put(t.Context(), "race", strings.NewReader(text), int64(len(text)), cond)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					wins = append(wins, text)
				} else if !errors.Is(err, store.ErrPrecondition) {
					t.Errorf("a writer that lost: %v; want %v", err, store.ErrPrecondition)
				}
			})
		}
		wg.Wait()
		if len(wins) != 1 {
			t.Fatalf("%d of 16 writers won with %+v: %q", len(wins), cond, wins)
		}
		return wins[0]
	}
	created := race(store.Condition{IfAbsent: true})
	data, o := read(t, s, "race", 0, "")
	if string(data) != created {
		t.Errorf("read %q; want the winner's %q", data, created)
	}
	replaced := race(store.Condition{IfMatch: o.ETag})
	if data, _ := read(t, s, "race", 0, ""); string(data) != replaced {
		t.Errorf("read %q; want the winner's %q", data, replaced)
	}
}

// listOrder has names whose order as keys is not that of a walk through
// directories: "a-b" < "a/b" < "a0", but the directory a < the file a-b.
func listOrder(t *testing.T, s store.Store) {
	keys := []string{"A", "a!/z", "a-", "a-b/c", "a.", "a/-", "a/b", "a/b-c/d", "a/b.c", "a0", "a0b", "aa/b/c/d", "b", "é"}
	shuffled := slices.Clone(keys)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	// "a/b" and "a/b/…" cannot both be keys of a directory.
	for _, key := range shuffled {
		put(t, s, key, "x")
	}
	for _, prefix := range []string{"", "a", "a-", "a/", "a/b", "a/b-", "a/b-c/", "a0", "aa/b/c/", "b", "z", "z/", "a/b/c"} {
		expected := []string{}
		for _, key := range keys {
			if strings.HasPrefix(key, prefix) {
				expected = append(expected, key)
			}
		}
		if got := list(t, s, prefix); !slices.Equal(got, expected) {
			t.Errorf("prefix %q lists\n%q; want\n%q", prefix, got, expected)
		}
	}
	for o, err := range s.List(t.Context(), "a") { // stopping early must do no harm
		if err != nil || o.Key != keys[1] {
			t.Errorf("first: %q, %v", o.Key, err)
		}
		break
	}
}

// listPages has more keys than S3 lists in one answer.
func listPages(t *testing.T, s store.Store) {
	const n = 1003
	var expected []string
	for i := range n {
		expected = append(expected, fmt.Sprintf("day/%02d/%04d", i/200, i))
	}
	var wg sync.WaitGroup
	limit := make(chan struct{}, 16)
	for _, key := range expected {
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			if _, err := s.Put(t.Context(), key, strings.NewReader("x"), 1, store.Condition{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := list(t, s, "day/"); !slices.Equal(got, expected) {
		t.Errorf("listed %d keys; want %d, in order", len(got), n)
	}
}

func oddKeys(t *testing.T, s store.Store) {
	keys := []string{"with space", "a+b", "100%", "100%25", "é/ü.日本", "q?x=1&y", "hash#1", "quote'\"", "dt=2026-11-20/part-0-abc.parquet", "_manifest.json", ".hidden", "tilde~", "a:b;c,d@e", "(x)[y]{z}", "back`tick", "<&>"}
	for _, key := range keys {
		put(t, s, key, key)
	}
	slices.Sort(keys)
	if got := list(t, s, ""); !slices.Equal(got, keys) {
		t.Errorf("listed\n%q; want\n%q", got, keys)
	}
	for _, key := range keys {
		if data, o := read(t, s, key, 0, ""); string(data) != key || o.Key != key {
			t.Errorf("%q holds %q under the name %q", key, data, o.Key)
		}
		if got := list(t, s, key); len(got) == 0 || got[0] != key {
			t.Errorf("the prefix %q lists %q", key, got)
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	if got := list(t, s, ""); len(got) != 0 {
		t.Errorf("not deleted: %q", got)
	}
}

func deleting(t *testing.T, s store.Store) {
	put(t, s, "d/k", "x")
	put(t, s, "d/l", "x")
	for range 2 { // idempotent
		if err := s.Delete(t.Context(), "d/k"); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"none", "no/such/path", "d", "d/l/below"} {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete of no object: %v", err)
		}
	}
	if got := list(t, s, ""); !slices.Equal(got, []string{"d/l"}) {
		t.Errorf("left %q; want d/l alone", got)
	}
}

func notFound(t *testing.T, s store.Store) {
	put(t, s, "d/k", "x")
	for _, key := range []string{"none", "no/such/path", "d", "d/k2", "d/k/below"} {
		_, _, err := s.Open(t.Context(), key, 0, store.ToEnd, "")
		want(t, fmt.Sprintf("Open of %q", key), err, store.ErrNotFound)
		if err != nil && !strings.Contains(err.Error(), s.URL(key)) {
			t.Errorf("the error does not name %s: %v", s.URL(key), err)
		}
	}
}

func badPuts(t *testing.T, s store.Store) {
	big := store.MaxConditionalSize + 1
	for name, call := range map[string]func() (store.Object, error){
		"an empty key": func() (store.Object, error) {
			return s.Put(t.Context(), "", strings.NewReader("x"), 1, store.Condition{})
		},
		"a negative size": func() (store.Object, error) {
			return s.Put(t.Context(), "k", strings.NewReader("x"), -1, store.Condition{})
		},
		"a large conditional put": func() (store.Object, error) {
			return s.Put(t.Context(), "k", bytes.NewReader(make([]byte, big)), int64(big), store.Condition{IfAbsent: true})
		},
		"both conditions": func() (store.Object, error) {
			return s.Put(t.Context(), "k", strings.NewReader("x"), 1, store.Condition{IfAbsent: true, IfMatch: "e"})
		},
		"a short body": func() (store.Object, error) {
			return s.Put(t.Context(), "k", strings.NewReader("short"), 100, store.Condition{})
		},
	} {
		if o, err := call(); err == nil {
			t.Errorf("%s is stored as %+v", name, o)
		}
	}
	if got := list(t, s, ""); len(got) != 0 {
		t.Errorf("puts that failed left %q", got)
	}
}

func cancelled(t *testing.T, s store.Store) {
	put(t, s, "k", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := s.Open(ctx, "k", 0, store.ToEnd, "")
	want(t, "Open", err, context.Canceled)
	_, err = s.Put(ctx, "l", strings.NewReader("x"), 1, store.Condition{})
	want(t, "Put", err, context.Canceled)
	want(t, "Delete", s.Delete(ctx, "k"), context.Canceled)
	err = nil
	for _, e := range s.List(ctx, "") {
		err = e
	}
	want(t, "List", err, context.Canceled)
	if got := list(t, s, ""); !slices.Equal(got, []string{"k"}) {
		t.Errorf("cancelled calls left %q", got)
	}
}

func missing(t *testing.T, s store.Store) {
	_, _, err := s.Open(t.Context(), "k", 0, store.ToEnd, "")
	want(t, "Open", err, store.ErrNoBucket)
	for _, cond := range []store.Condition{{}, {IfAbsent: true}} {
		_, err = s.Put(t.Context(), "d/k", strings.NewReader("x"), 1, cond)
		want(t, "Put", err, store.ErrNoBucket)
	}
	want(t, "Delete", s.Delete(t.Context(), "k"), store.ErrNoBucket)
	err = nil
	for _, e := range s.List(t.Context(), "d/") {
		err = e
	}
	want(t, "List", err, store.ErrNoBucket)
}
