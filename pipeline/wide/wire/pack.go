package wire

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// MaxPacked is the most bytes that a packed payload has before it is packed: a buffer,
// and the longest record after it.
const MaxPacked = 8 << 20

var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		panic(err) // the options are valid
	}
	return e
})

var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(MaxPacked))
	if err != nil {
		panic(err) // the options are valid
	}
	return d
})

// Pack appends the packed form of b, with a checksum, to dst.
func Pack(dst, b []byte) []byte { return encoder().EncodeAll(b, dst) }

// Unpack appends the bytes of a packed payload to dst. They are at most MaxPacked.
func Unpack(dst, packed []byte) ([]byte, error) {
	b, err := decoder().DecodeAll(packed, dst)
	if err != nil {
		return nil, damaged("unpack a payload: %w", err)
	}
	return b, nil
}

// CheckKind is an error about a row of an unexpected kind.
func (r *Row) CheckKind(expected ...Kind) error {
	for _, k := range expected {
		if r.Kind == k {
			return nil
		}
	}
	return fmt.Errorf("%w: a row of kind %d is not expected here", ErrStream, r.Kind)
}
