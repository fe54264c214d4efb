package spill

import (
	"encoding/binary"
	"errors"
	"testing"

	"daybook/transform/spill/spilltest"
)

// The records of a log come back in order, wherever they are, again and again;
// a file is made for those that do not fit, and closed in the end.
func TestLog(t *testing.T) {
	const size = 12
	for _, records := range []int{0, 1, 5460, 5461, 5462, 100_000} {
		for _, keep := range []int{0, 3 * logBlock, 1 << 30} {
			var spilled spilltest.Files
			s := NewScratch(func() (File, error) { return spilled.Make(), nil })
			l := NewLog(s, size, keep)
			record := make([]byte, size)
			for i := range records {
				binary.LittleEndian.PutUint32(record, uint32(i))
				if err := l.Append(record); err != nil {
					t.Fatal(err)
				}
			}
			if l.Len() != records {
				t.Errorf("%d records are %d", records, l.Len())
			}
			for range 2 {
				n := 0
				err := l.Each(func(record []byte) {
					if got := binary.LittleEndian.Uint32(record); int(got) != n || len(record) != size {
						t.Fatalf("record %d is %d, of %d bytes", n, got, len(record))
					}
					n++
				})
				if err != nil || n != records {
					t.Errorf("%d of %d records: %v", n, records, err)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			fits := records*size <= keep+logBlock
			if fits != (len(spilled.Made) == 0) || !fits && !spilled.Made[0].Closed {
				t.Errorf("%d records, of which %d bytes stay: there are %d files, or one is open", records, keep, len(spilled.Made))
			}
		}
	}
}

// A file that cannot be made, and one that was changed, are errors.
func TestLogFails(t *testing.T) {
	broken := errors.New("broken")
	record := make([]byte, logBlock)
	l := NewLog(NewScratch(func() (File, error) { return (*spilltest.File)(nil), broken }), logBlock, 0)
	if err := errors.Join(l.Append(record), l.Append(record)); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
	if err := l.scratch.Close(); err != nil {
		t.Error(err)
	}

	file := new(spilltest.File)
	l = NewLog(NewScratch(func() (File, error) { return file, nil }), logBlock, 0)
	for range 3 {
		if err := l.Append(record); err != nil {
			t.Fatal(err)
		}
	}
	for at := range file.Bytes {
		file.Bytes[at] ^= 4
		if err := l.Each(func([]byte) {}); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d was changed: %v", at, err)
		}
		file.Bytes[at] ^= 4
	}
}
