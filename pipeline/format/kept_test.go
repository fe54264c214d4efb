package format_test

import (
	"bytes"
	"testing"

	"daybook/pipeline/format"
	"daybook/sources/store"
)

// Two days read three pieces of a part each. The part is read whole by the first day if
// most of it is needed or several days are made, and otherwise by the second. Without
// room for it, each piece is a request.
func TestSharedParts(t *testing.T) {
	const size = 100_000
	for _, c := range []struct {
		name  string
		all   bool
		days  int
		room  int64
		opens int
	}{
		{"pieces, then the whole part", false, 1, size, 3 + 1},
		{"most of it is needed", true, 1, size, 1},
		{"several days", false, 10, size, 1},
		{"no room", false, 10, size - 1, 3 + 3},
	} {
		memory := &counting{Memory: store.NewMemory(nil)}
		text := bytes.Repeat([]byte("0123456789"), size/10)
		part := put(t, memory, "k", text)
		sink := format.KeepParts(memory, c.room)
		sink.ExpectDays(c.days)
		for range 2 {
			object := format.Shared(t.Context(), sink, part, c.all)
			for _, at := range []int{0, 17, size - 30} {
				got := make([]byte, 30)
				if n, err := object.ReadAt(got, int64(at)); err != nil || !bytes.Equal(got, text[at:at+30]) {
					t.Errorf("%s: at %d: %q, %v", c.name, at, got[:n], err)
				}
			}
		}
		if memory.opens != c.opens {
			t.Errorf("%s: %d requests, want %d", c.name, memory.opens, c.opens)
		}
	}
}
