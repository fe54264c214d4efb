package parquet

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	decoder "github.com/xitongsys/parquet-go/encoding"
	"pgregory.net/rapid"
)

// The first packed one is the example of Parquet's own description.
func TestHybrid(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes []byte
		width int
		want  []uint32
	}{
		{"nothing", nil, 1, nil},
		{"packed", []byte{3, 0b10001000, 0b11000110, 0b11111010}, 3, []uint32{0, 1, 2, 3, 4, 5, 6, 7}},
		{"packed, three of eight", []byte{3, 0b10001000, 0, 0}, 3, []uint32{0, 1, 2}},
		{"a run", []byte{5 << 1, 1}, 1, []uint32{1, 1, 1, 1, 1}},
		{"a run of two bytes", []byte{2 << 1, 0x01, 0x02}, 10, []uint32{513, 513}},
		{"a run of no bytes", []byte{3 << 1}, 0, []uint32{0, 0, 0}},
		{"packed in no bytes", []byte{3}, 0, []uint32{0, 0, 0, 0, 0, 0, 0, 0}},
		{"a run of four bytes", []byte{1 << 1, 0xff, 0xff, 0xff, 0xff}, 32, []uint32{1<<32 - 1}},
		{"a run after packed ones", []byte{3, 0b01010101, 2 << 1, 0}, 1, []uint32{1, 0, 1, 0, 1, 0, 1, 0, 0, 0}},
	} {
		got, err := appendHybrid([]uint32{42}, c.bytes, c.width, len(c.want))
		if err != nil || got[0] != 42 || !slices.Equal(got[1:], c.want) {
			t.Errorf("%s: %v, want 42 and %v (error: %v)", c.name, got, c.want, err)
		}
	}
}

func TestDamagedHybrid(t *testing.T) {
	for _, c := range []struct {
		name     string
		bytes    []byte
		width, n int
	}{
		{"too short", nil, 1, 1},
		{"no end of the header", []byte{0x80}, 1, 1},
		{"a run of nothing", []byte{0, 1}, 1, 1},
		{"packed, but nothing", []byte{1}, 1, 1},
		{"a run that is too long", []byte{3 << 1, 1}, 1, 2},
		{"a run without its number", []byte{2 << 1}, 1, 2},
		{"a number that is too large", []byte{2 << 1, 2}, 1, 2},
		{"too many packed", []byte{5, 1, 1}, 1, 8},
		{"too few packed", []byte{3, 1}, 2, 8},
		{"more than wanted", []byte{1 << 1, 1, 1 << 1, 1}, 1, 1},
		{"no such width", []byte{1 << 1}, -1, 1},
		{"no width of indexes", []byte{1 << 1, 0, 0, 0, 0, 0}, 33, 1},
		{"more packed than there are numbers", binary.AppendUvarint(nil, 1<<63|1), 8, 8},
	} {
		if got, err := appendHybrid(nil, c.bytes, c.width, c.n); err != errHybrid {
			t.Errorf("%s: %v, error %v", c.name, got, err)
		}
	}
}

// hybrid encodes numbers in runs and packed groups, as drawn.
func hybrid(t *rapid.T, width int) (numbers []uint32, b []byte) {
	number := rapid.Uint32Range(0, uint32(uint64(1)<<width-1))
	for range rapid.IntRange(0, 6).Draw(t, "runs") {
		if rapid.Bool().Draw(t, "packed") {
			groups := rapid.IntRange(1, 4).Draw(t, "groups")
			b = binary.AppendUvarint(b, uint64(groups)<<1|1)
			bits := make([]byte, groups*width)
			for i := range groups * 8 {
				n := number.Draw(t, "number")
				numbers = append(numbers, n)
				for bit := range width {
					at := i*width + bit
					bits[at/8] |= byte(n>>bit&1) << (at % 8)
				}
			}
			b = append(b, bits...)
			continue
		}
		n, times := number.Draw(t, "number"), rapid.IntRange(1, 300).Draw(t, "times")
		numbers = append(numbers, slices.Repeat([]uint32{n}, times)...)
		b = binary.AppendUvarint(b, uint64(times)<<1)
		b = append(b, binary.LittleEndian.AppendUint32(nil, n)[:(width+7)/8]...)
	}
	return numbers, b
}

// What comes back is what was written, and what the library makes of it.
func TestHybridComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(0, 32).Draw(t, "width")
		numbers, b := hybrid(t, width)
		got, err := appendHybrid(nil, b, width, len(numbers))
		if err != nil || !slices.Equal(got, numbers) {
			t.Fatalf("%v, want %v (error: %v)", got, numbers, err)
		}
		if width == 0 || len(b) == 0 {
			return // the library reads a byte of each, and one of nothing
		}
		values, err := decoder.ReadRLEBitPackedHybrid(bytes.NewReader(b), uint64(width), uint64(len(b)))
		if err != nil || len(values) != len(numbers) {
			t.Fatalf("the library reads %d numbers, not %d (error: %v)", len(values), len(numbers), err)
		}
		for i, v := range values {
			if v.(int64) != int64(numbers[i]) {
				t.Fatalf("number %d is %v to the library, and was %d", i, v, numbers[i])
			}
		}
	})
}

// FuzzHybrid reads arbitrary bytes. The result is as many numbers as asked for, none
// too large, or an error.
func FuzzHybrid(f *testing.F) {
	f.Add([]byte{3, 0b10001000, 0b11000110, 0b11111010}, 3, 8)
	f.Add([]byte{5 << 1, 1}, 1, 5)
	f.Fuzz(func(t *testing.T, b []byte, width, n int) {
		if n > 1<<16 {
			return
		}
		got, err := appendHybrid(nil, b, width, n)
		if err != nil {
			return
		}
		if len(got) != max(n, 0) {
			t.Errorf("%d numbers, want %d", len(got), n)
		}
		for _, number := range got {
			if uint64(number)>>width != 0 {
				t.Errorf("%d has more than %d bits", number, width)
			}
		}
	})
}
