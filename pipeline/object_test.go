package pipeline

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
)

// What is kept of indexes is nearest to the day at hand, and no more than fits.
func TestIndexesForget(t *testing.T) {
	one, err := digest.NewIndex([]digest.Entry{{Session: 1, Events: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fit  int64
		of   day.Day
		want []day.Day
	}{
		{9, 14, []day.Day{11, 12, 13, 14, 15, 16, 17}},
		{3, 14, []day.Day{13, 14, 15}},
		{3, 11, []day.Day{11, 12, 13}},
		{3, 17, []day.Day{15, 16, 17}},
		{1, 20, []day.Day{17}},
		{0, 14, nil},
	} {
		x := newIndexes(nil, c.fit*one.Size())
		for d := day.Day(11); d <= 17; d++ {
			x.kept[d.String()] = &keptIndex{day: d, index: one}
			x.size += one.Size()
		}
		x.kept["being read"] = &keptIndex{day: 1}
		x.forget(c.of)
		var kept []day.Day
		for _, k := range x.kept {
			if k.index != nil {
				kept = append(kept, k.day)
			}
		}
		slices.Sort(kept)
		if !slices.Equal(kept, c.want) || x.size != int64(len(kept))*one.Size() || x.kept["being read"] == nil {
			t.Errorf("%d fit, and the day is %d: %d bytes of %v, want %v", c.fit, c.of, x.size, kept, c.want)
		}
	}
}

// A size that a damaged manifest makes up is damage, and nothing to take memory
// for.
func TestSizeOfAManifest(t *testing.T) {
	sink := store.NewMemory(nil)
	put(t, sink, "sessions", "of some size")
	x := newIndexes(newRunner(t, nil, sink), 1)
	for _, size := range []int64{1, wholeMost, 1 << 40, math.MaxInt64} {
		d := &digestRef{sessions: publish.Part{Key: "sessions", Bytes: size}}
		if _, err := x.get(t.Context(), d, 0); !errors.Is(err, digest.ErrCorrupt) {
			t.Errorf("%d bytes: error %v, want %v", size, err, digest.ErrCorrupt)
		}
	}
}

// reads counts what is read of a part.
type reads struct {
	io.ReaderAt
	n int
}

func (r *reads) ReadAt(b []byte, offset int64) (int, error) {
	r.n++
	return r.ReaderAt.ReadAt(b, offset)
}

// Where a table's row groups are is read once, as long as its index is kept.
func TestTablesAreKept(t *testing.T) {
	var complete, open, sessions bytes.Buffer
	w, err := digest.NewWriter(&complete, &open, &sessions, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	sink := store.NewMemory(nil)
	put(t, sink, "sessions", sessions.String())
	r := &Runner{Sink: sink}
	d := &digestRef{sessions: publish.Part{Key: "sessions", Bytes: int64(sessions.Len())}}
	p := &place{digest: d, part: publish.Part{Key: "open", Bytes: int64(open.Len())}, tail: int64(open.Len())}
	for _, c := range []struct {
		limit int64
		want  int
	}{{1, 1}, {-1, 3}} {
		x, table := newIndexes(r, c.limit), &reads{ReaderAt: bytes.NewReader(open.Bytes())}
		for range 3 {
			if _, err := x.get(t.Context(), d, 0); err != nil {
				t.Fatal(err)
			}
			if _, err := x.table(p, table); err != nil {
				t.Fatal(err)
			}
		}
		if table.n != c.want {
			t.Errorf("with %d bytes for indexes: read %d times, want %d", c.limit, table.n, c.want)
		}
	}
	// One that could not be read is read again.
	x, broken := newIndexes(r, 1), &reads{ReaderAt: bytes.NewReader(nil)}
	if _, err := x.get(t.Context(), d, 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := x.table(p, broken); !errors.Is(err, digest.ErrCorrupt) {
			t.Errorf("error %v, want %v", err, digest.ErrCorrupt)
		}
	}
	if broken.n != 2 {
		t.Errorf("a table that cannot be read was read %d times, want 2", broken.n)
	}
}

// stuck is a store in which the first reading of an object does not end before
// its context does.
type stuck struct {
	store.Store
	key     string
	reading chan struct{} // closed when it has begun
	begun   bool
}

func (s *stuck) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	if key == s.key && !s.begun {
		s.begun = true
		close(s.reading)
		<-ctx.Done()
		return nil, store.Object{}, ctx.Err()
	}
	return s.Store.Open(ctx, key, offset, length, ifMatch)
}

// Who waits for an index that another reads goes on by himself if that one is
// told to stop.
func TestIndexThatAnotherWasReading(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1, 2))
	r := newRunner(t, source, sink)
	run(t, r, theDay(t))
	o, err := r.observe(t.Context(), theDay(t))
	if err != nil {
		t.Fatal(err)
	}
	ref := o.digests[parseDay(t, day20)]
	slow := &stuck{Store: sink, key: ref.sessions.Key, reading: make(chan struct{})}
	r.Sink = slow
	x := newIndexes(r, 1<<20)
	ctx, cancel := context.WithCancel(t.Context())
	get := func(ctx context.Context) chan error {
		ended := make(chan error, 1)
		go func() { _, err := x.get(ctx, ref, ref.day); ended <- err }()
		return ended
	}
	first := get(ctx)
	<-slow.reading
	second := get(t.Context())
	time.Sleep(20 * time.Millisecond) // until it waits for the first; if it does not yet, there is nothing to see
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("who was told to stop: %v", err)
	}
	if err := <-second; err != nil {
		t.Errorf("who was not: %v", err)
	}
}
