package catalog_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/sources/dump"
	"daybook/sources/store"
)

// wholeLists counts the listings of everything.
type wholeLists struct {
	*store.Memory
	n int
}

func (w *wholeLists) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	if prefix == "" {
		w.n++
	}
	return w.Memory.List(ctx, prefix)
}

// With a cache, as in daybook serve, the whole source is listed once an hour; what it
// found is told in between. Without one it is listed each time.
func TestWholeListings(t *testing.T) {
	source := &wholeLists{Memory: store.NewMemory(nil)}
	pipelinetest.Put(t, source, "raw/2026/11/20/a.ndjson", "{}\n")
	pipelinetest.Put(t, source, "eu/2026/11/20/a.ndjson", "{}\n")
	now := time.Date(2026, time.November, 21, 8, 0, 0, 0, time.UTC)
	s := pipelinetest.Settings(t, source, store.NewMemory(nil))
	s.Dumps, s.Clock = dump.Sources{{Template: "raw/{yyyy}/{mm}/{dd}/"}}, func() time.Time { return now }
	cache := catalog.NewCache()
	for i, c := range []struct {
		pause  time.Duration
		cache  *catalog.Cache
		lists  int
		unread int64
	}{
		{0, cache, 1, 1}, {59 * time.Minute, cache, 1, 1}, {time.Minute, cache, 2, 2}, {time.Minute, cache, 2, 2}, {0, nil, 3, 2},
	} {
		now = now.Add(c.pause)
		read, err := (&catalog.Reader{Settings: s, Cache: c.cache}).Read(t.Context(), partition.Everything())
		if err != nil {
			t.Fatal(err)
		}
		if got := read.Unread().Objects; got != c.unread || source.n != c.lists {
			t.Errorf("read %d: %d objects and %d listings; want %d and %d", i, got, source.n, c.unread, c.lists)
		}
		pipelinetest.Put(t, source, "us/2026/11/20/a.ndjson", "{}\n")
	}
}

// The reason for which a key is not read is that of the key as it was listed.
func TestWhyUnread(t *testing.T) {
	for listed, want := range map[string]string{
		"2026/11/14/p.ndjson (a FIFO, not a regular file)": "a dump is a regular file",
		"2026/11/14/p.ndjson (source.names leaves it out)": "change source.names to take it",
		`2026/11/14/\xff.ndjson (the name is not UTF-8)`:   "rename it",
		"2126/11/14/p.ndjson":                              "its day is more than a year ahead",
		"2026/11/14/notes.txt":                             dump.TakenNames,
		"2026/11/14/notes (a copy).txt":                    dump.TakenNames,
	} {
		if got := catalog.WhyUnread(listed); got != want {
			t.Errorf("%s: %s, want %s", listed, got, want)
		}
	}
}
