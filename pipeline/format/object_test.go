package format_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"daybook/pipeline/format"
	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/report"
)

// counting counts the requests for objects.
type counting struct {
	*store.Memory
	opens int
}

func (c *counting) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	c.opens++
	return c.Memory.Open(ctx, key, offset, length, ifMatch)
}

func put(t *testing.T, st store.Store, key string, text []byte) publish.Part {
	t.Helper()
	if _, err := st.Put(t.Context(), key, bytes.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
	return publish.Part{Key: key, Bytes: int64(len(text))}
}

// An object reads like its content. A small one, or one of which most is needed, takes
// one request; others take one for each piece.
func TestObject(t *testing.T) {
	for _, c := range []struct {
		size  int
		all   bool
		opens int
	}{
		{100, false, 1},
		{format.WholeSize, false, 1},
		{format.WholeSize + 1, false, 4},
		{format.WholeSize + 1, true, 1},
		{1<<20 + 1, true, 4},
	} {
		sink := &counting{Memory: store.NewMemory(nil)}
		text := bytes.Repeat([]byte("0123456789"), c.size/10+1)[:c.size]
		object := format.Object(t.Context(), sink, put(t, sink, "k", text), c.all)
		for _, at := range [][2]int{{0, 10}, {17, 30}, {c.size - 5, c.size}} {
			got := make([]byte, at[1]-at[0])
			if n, err := object.ReadAt(got, int64(at[0])); err != nil || n != len(got) || !bytes.Equal(got, text[at[0]:at[1]]) {
				t.Errorf("%d bytes, %v: %q, %v", c.size, at, got[:n], err)
			}
		}
		got := make([]byte, 10)
		if n, err := object.ReadAt(got, int64(c.size-3)); err != io.EOF || !bytes.Equal(got[:n], text[c.size-3:]) {
			t.Errorf("%d bytes, over the end: %q, %v", c.size, got[:n], err)
		}
		if n, err := object.ReadAt(got, int64(c.size)); err != io.EOF || n != 0 {
			t.Errorf("%d bytes, at the end: %d, %v", c.size, n, err)
		}
		if sink.opens != c.opens {
			t.Errorf("%d bytes, all %t: %d requests, want %d", c.size, c.all, sink.opens, c.opens)
		}
	}
}

// An object of another size than its manifest says is damage.
func TestObjectOfWrongSize(t *testing.T) {
	sink := store.NewMemory(nil)
	part := put(t, sink, "k", []byte("content"))
	for _, size := range []int64{6, 8, 1 << 40} {
		part.Bytes = size
		_, err := format.Object(t.Context(), sink, part, false).ReadAt(make([]byte, 3), 0)
		if !errors.Is(err, digest.ErrCorrupt) || !strings.Contains(err.Error(), "has 7 bytes, and its manifest says") {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// Rows reads all parts in order, in batches, and stops when its caller does.
func TestRows(t *testing.T) {
	sink := store.NewMemory(nil)
	m := &publish.Manifest{}
	var want []int64
	for _, rows := range []int{0, 3, 5000} {
		var b bytes.Buffer
		w, err := format.Parquet{}.Part(&b, 0)
		if err != nil {
			t.Fatal(err)
		}
		var batch []report.Row
		for range rows {
			want = append(want, int64(len(want)))
			batch = append(batch, report.Row{SessionID: int64(len(want)) - 1, Role: "lead", Status: "Active"})
		}
		if err := w.Write(batch); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(nil); err != nil {
			t.Fatal(err)
		}
		m.Parts = append(m.Parts, put(t, sink, string(rune('a'+len(m.Parts))), b.Bytes()))
	}
	var got []int64
	for batch, err := range format.Rows(t.Context(), format.Parquet{}, sink, m, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if len(batch) == 0 || len(batch) > 4096 {
			t.Errorf("a batch of %d rows", len(batch))
		}
		for _, r := range batch {
			got = append(got, r.SessionID)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d rows, want %d, or others", len(got), len(want))
	}
	batches := 0
	for range format.Rows(t.Context(), format.Parquet{}, sink, m, nil) {
		batches++
		break
	}
	if batches != 1 {
		t.Errorf("%d batches after a stop", batches)
	}
	m.Parts[1].Key = "gone"
	failed := false
	for _, err := range format.Rows(t.Context(), format.Parquet{}, sink, m, nil) {
		failed = failed || errors.Is(err, store.ErrNotFound) && strings.Contains(err.Error(), "gone")
	}
	if !failed {
		t.Error("no error for a part that is gone")
	}
}
