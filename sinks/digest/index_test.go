package digest

import (
	"errors"
	"slices"
	"testing"

	"daybook/transform/shuffle"
)

// An index of entries gives them back, and takes none that a digest cannot
// have.
func TestNewIndex(t *testing.T) {
	entries := []Entry{
		{Session: 7, First: 1_795_000_000_000, Last: 1_795_000_000_000, Events: 1, Complete: true},
		{Session: 8, First: 1_794_900_000_000, Last: 1_795_000_000_001, Events: 3, Group: 2},
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		if shuffle.Hash(a.Session) < shuffle.Hash(b.Session) {
			return -1
		}
		return 1
	})
	x, err := NewIndex(entries)
	if err != nil || x.Len() != len(entries) {
		t.Fatalf("%v, %v", x, err)
	}
	for i, want := range entries {
		if got := x.At(i); got != want {
			t.Errorf("entry %d is %+v, want %+v", i, got, want)
		}
	}

	reversed := []Entry{entries[1], entries[0]}
	empty := []Entry{{Session: 7, First: 1, Last: 1}}
	backwards := []Entry{{Session: 7, First: 2, Last: 1, Events: 2}}
	for name, wrong := range map[string][]Entry{"another order": reversed, "no events": empty, "last before first": backwards} {
		if _, err := NewIndex(wrong); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
