package digest

import (
	"errors"
	"math"
	"slices"
	"testing"

	"daybook/transform/shuffle"
)

// An index of entries gives them back, their times to the minute, and takes
// none that a digest cannot have.
func TestNewIndex(t *testing.T) {
	entries := []Entry{
		{Session: 7, First: 1_000_000 * minute, Last: 1_000_000 * minute, Events: 1, Complete: true, Bytes: math.MaxInt64},
		{Session: 8, First: 1_000_001*minute - 1, Last: 1_000_001 * minute, Events: 3, Group: 2, Bytes: SmallSession},
		{Session: 9, First: -1, Last: -1, Events: math.MaxUint32, Group: maxGroups - 1},
		{Session: 10, First: 0, Last: 0, Events: 1, Bytes: SmallSession + 1, Oversized: true},
	}
	times := map[int64][2]int64{
		7: {1_000_000 * minute, 1_000_001*minute - 1},
		8: {1_000_000 * minute, 1_000_002*minute - 1},
		9: {-minute, -1}, 10: {0, minute - 1},
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
		if want.Session == 8 {
			want.Bytes = 0 // it is small
		}
		want.First, want.Last = times[want.Session][0], times[want.Session][1]
		if got := x.At(i); got != want {
			t.Errorf("entry %d is %+v, want %+v", i, got, want)
		}
	}

	if complete, open := x.TailSize(true), x.TailSize(false); complete != 0 || open != 0 {
		t.Errorf("footers of %d and %d bytes, which no index names", complete, open)
	}

	reversed := []Entry{entries[1], entries[0], entries[2]}
	empty := []Entry{{Session: 7, First: 1, Last: 1}}
	backwards := []Entry{{Session: 7, First: 2, Last: 1, Events: 2}}
	tooMany := []Entry{{Session: 7, Events: math.MaxUint32 + 1}}
	tooLate := []Entry{{Session: 7, Last: math.MaxInt64, Events: 1}}
	tooEarly := []Entry{{Session: 7, First: math.MinInt64, Events: 1}}
	noGroup := []Entry{{Session: 7, Events: 1, Group: -1}}
	otherGroup := []Entry{{Session: 7, Events: 1, Group: maxGroups}}
	for name, wrong := range map[string][]Entry{
		"another order": reversed, "no events": empty, "last before first": backwards, "too many events": tooMany,
		"too late": tooLate, "too early": tooEarly, "no row group": noGroup, "a row group too many": otherGroup,
	} {
		if _, err := NewIndex(wrong); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
