package digests

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"testing"

	"daybook/pipeline/catalog"
	"daybook/pipeline/settings"
	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
)

// newSink is a store that holds an index.
func newSink(t *testing.T, index []byte) store.Store {
	t.Helper()
	sink := store.NewMemory(nil)
	if _, err := sink.Put(t.Context(), "sessions", bytes.NewReader(index), int64(len(index)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
	return sink
}

// Indexes keep those nearest to the day at hand, up to their limit.
func TestEvict(t *testing.T) {
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
		x := NewIndexes(nil, c.fit*one.Size())
		for d := day.Day(11); d <= 17; d++ {
			x.kept[d.String()] = &keptIndex{day: d, index: one}
			x.size += one.Size()
		}
		x.kept["being read"] = &keptIndex{day: 1}
		x.evict(c.of)
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

// A wrong size in a damaged manifest is reported as damage, without taking memory for
// it.
func TestSizeOfAManifest(t *testing.T) {
	sink := newSink(t, []byte("of some size"))
	x := NewIndexes(&settings.Pipeline{Sink: sink}, 1)
	for _, size := range []int64{1, 1 << 20, 1 << 40, math.MaxInt64} {
		s := &catalog.Tables{Of: new(catalog.DigestState), Index: publish.Part{Key: "sessions", Bytes: size}}
		if _, err := x.Get(t.Context(), s, 0); !errors.Is(err, digest.ErrCorrupt) {
			t.Errorf("%d bytes: error %v, want %v", size, err, digest.ErrCorrupt)
		}
	}
}

// reads counts the reads of a part.
type reads struct {
	io.ReaderAt
	n int
}

func (r *reads) ReadAt(b []byte, offset int64) (int, error) {
	r.n++
	return r.ReaderAt.ReadAt(b, offset)
}

// The footer of a table is read once, as long as its index is kept.
func TestTables(t *testing.T) {
	var complete, open, sessions bytes.Buffer
	w, err := digest.NewWriter(&complete, &open, &sessions, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	pipeline := &settings.Pipeline{Sink: newSink(t, sessions.Bytes())}
	s := &catalog.Tables{Of: new(catalog.DigestState), Index: publish.Part{Key: "sessions", Bytes: int64(sessions.Len())}}
	part := publish.Part{Key: "open", Bytes: int64(open.Len())}
	for _, c := range []struct {
		limit int64
		want  int
	}{{1, 1}, {-1, 3}} {
		x, table := NewIndexes(pipeline, c.limit), &reads{ReaderAt: bytes.NewReader(open.Bytes())}
		for range 3 {
			if _, err := x.Get(t.Context(), s, 0); err != nil {
				t.Fatal(err)
			}
			if _, err := x.Table(s, part, part.Bytes, false, table); err != nil {
				t.Fatal(err)
			}
		}
		if table.n != c.want {
			t.Errorf("with %d bytes for indexes: read %d times, want %d", c.limit, table.n, c.want)
		}
	}
	// A table that could not be read is read again.
	x, broken := NewIndexes(pipeline, 1), &reads{ReaderAt: bytes.NewReader(nil)}
	if _, err := x.Get(t.Context(), s, 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := x.Table(s, part, part.Bytes, false, broken); !errors.Is(err, digest.ErrCorrupt) {
			t.Errorf("error %v, want %v", err, digest.ErrCorrupt)
		}
	}
	if broken.n != 2 {
		t.Errorf("a table that cannot be read was read %d times, want 2", broken.n)
	}
}
