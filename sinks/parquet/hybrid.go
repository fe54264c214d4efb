package parquet

import (
	"encoding/binary"
	"errors"
)

var errHybrid = errors.New("the levels or indexes of a page are damaged")

// appendHybrid decodes n numbers of width bits each from b and appends them. b
// is in Parquet's hybrid of run lengths and bit packing, as used for definition
// levels and dictionary indexes: the bulk of a file. The library that audits
// allocates an object for each number, which takes ten times as long.
//
//	run     header, a uvarint, and
//	  even  the number, in whole bytes: header/2 times
//	  odd   header/2 times eight numbers, packed from the lowest bit on
//
// The last group of eight may be padded with zeros.
func appendHybrid(numbers []uint32, b []byte, width, n int) ([]uint32, error) {
	if width < 0 || width > 32 {
		return nil, errHybrid
	}
	for n > 0 {
		header, size := binary.Uvarint(b)
		if size <= 0 || header>>1 == 0 {
			return nil, errHybrid
		}
		b = b[size:]
		var run int
		if header&1 == 0 {
			bytes := (width + 7) / 8
			if header>>1 > uint64(n) || bytes > len(b) {
				return nil, errHybrid
			}
			run = int(header >> 1)
			var whole [4]byte
			copy(whole[:], b[:bytes])
			number := binary.LittleEndian.Uint32(whole[:])
			if uint64(number)>>width != 0 {
				return nil, errHybrid
			}
			numbers = appendRun(numbers, number, run)
			b = b[bytes:]
		} else {
			groups := header >> 1
			if groups > uint64(n+7)/8 || int(groups)*width > len(b) {
				return nil, errHybrid
			}
			run = min(int(groups)*8, n)
			numbers = appendPacked(numbers, b[:int(groups)*width], width, run)
			b = b[int(groups)*width:]
		}
		n -= run
	}
	if len(b) > 0 {
		return nil, errHybrid
	}
	return numbers, nil
}

func appendRun(numbers []uint32, number uint32, n int) []uint32 {
	for range n {
		numbers = append(numbers, number)
	}
	return numbers
}

// appendPacked decodes n numbers of width bits each from b, which has at least
// as many, and appends them.
func appendPacked(numbers []uint32, b []byte, width, n int) []uint32 {
	bits, have, mask := uint64(0), 0, uint64(1)<<width-1
	for range n {
		for have < width {
			bits |= uint64(b[0]) << have
			b = b[1:]
			have += 8
		}
		numbers = append(numbers, uint32(bits&mask))
		bits >>= width
		have -= width
	}
	return numbers
}
