package shuffle

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"daybook/transform/event"
)

// The ranges of each number of bits share all hashes out, and ranges nest.
func TestRanges(t *testing.T) {
	for bits := range MaxRangeBits + 1 {
		next := uint64(0)
		for i, r := range Ranges(bits) {
			if r.First() != next || r.Last() < r.First() {
				t.Fatalf("range %d of %d bits is from %x to %x, want from %x", i, bits, r.First(), r.Last(), next)
			}
			for _, hash := range []uint64{r.First(), r.First() + (r.Last()-r.First())/2, r.Last()} {
				if !r.Contains(hash) || RangeNumber(hash, bits) != i {
					t.Errorf("range %d of %d bits lacks %x", i, bits, hash)
				}
			}
			if outside := r.Last() + 1; bits > 0 && r.Contains(outside) {
				t.Errorf("range %d of %d bits has %x", i, bits, outside)
			}
			next = r.Last() + 1
		}
		if next != 0 {
			t.Errorf("the last range of %d bits ends at %x", bits, next-1)
		}
	}
	for _, c := range []struct {
		a, b Range
		want bool
	}{
		{Range{}, Range{}, true},
		{Range{}, Range{5, 31}, true},
		{Range{1, 1}, Range{3, 4}, true},
		{Range{1, 1}, Range{3, 7}, true},
		{Range{1, 1}, Range{3, 3}, false},
		{Range{2, 0}, Range{2, 1}, false},
	} {
		if c.a.Overlaps(c.b) != c.want || c.b.Overlaps(c.a) != c.want {
			t.Errorf("%v overlaps %v: want %v", c.a, c.b, c.want)
		}
	}
	if whole := (Range{}); whole.First() != 0 || whole.Last() != math.MaxUint64 {
		t.Errorf("the zero range is from %x to %x", whole.First(), whole.Last())
	}
}

// Records that are dealt out by hash range, and sorted range by range, are the sessions
// of a whole shuffle in the same order.
func TestAddRecords(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	events := randomEvents(rng, 3000)
	whole := New(Options{})
	defer whole.Close()
	fill(t, whole, rng, 2, events)
	want := drain(t, whole)
	for _, bits := range []int{0, 2, 8} {
		records := make([][]byte, 1<<bits)
		for i := range events {
			n := RangeNumber(Hash(events[i].SessionID), bits)
			records[n] = AppendRecord(records[n], &events[i])
		}
		var got [][]event.Event
		added := int64(0)
		for i, r := range Ranges(bits) {
			s := New(Options{Range: r})
			defer s.Close()
			n, err := s.Writer().AddRecords(records[i])
			if err != nil {
				t.Fatal(err)
			}
			added += n
			got = append(got, drain(t, s)...)
		}
		if added != int64(len(events)) {
			t.Errorf("%d bits: %d events were added, want %d", bits, added, len(events))
		}
		compare(t, got, want)
	}
}

// Damaged records, and those of another range, are refused.
func TestAddRecordsFails(t *testing.T) {
	e := event.Event{ID: strings.Repeat("long", 50), TS: 1, SessionID: 1}
	record := AppendRecord(nil, &e)
	other := Range{1, 1 - RangeNumber(Hash(1), 1)}
	for n := 1; n < len(record); n++ {
		if _, err := New(Options{}).Writer().AddRecords(record[:n]); !errors.Is(err, errDamaged) {
			t.Errorf("%d of %d bytes: error %v, want %v", n, len(record), err, errDamaged)
		}
	}
	if _, err := New(Options{Range: other}).Writer().AddRecords(record); !errors.Is(err, errDamaged) {
		t.Errorf("another range: error %v, want %v", err, errDamaged)
	}
}
