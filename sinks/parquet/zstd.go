package parquet

import (
	"io"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

// Arrow's own zstd codec builds an encoder for every page, which costs a third
// of the time of writing a file and most of its garbage. A codec can only be
// replaced for the whole program, and only before the first file: hence here.
func init() { compress.RegisterCodec(compress.Codecs.Zstd, newZstdCodec()) }

// zstdCodec is a compress.Codec that keeps its encoders: EncodeAll has a pool
// of them, one for each processor, and compresses a page in the goroutine that
// writes it. It knows one level, the library's default.
type zstdCodec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

func newZstdCodec() zstdCodec {
	encoder, err := zstd.NewWriter(nil, encoderOptions()...)
	must(err)
	decoder, err := zstd.NewReader(nil)
	must(err)
	return zstdCodec{encoder, decoder}
}

// encoderOptions: a frame tells its size, however small, and carries a
// checksum of what is in it. Audit relies on both.
func encoderOptions() []zstd.EOption {
	return []zstd.EOption{zstd.WithEncoderCRC(true), zstd.WithSingleSegment(true), zstd.WithZeroFrames(true)}
}

// must stands for errors that only wrong options can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (c zstdCodec) Encode(dst, src []byte) []byte { return c.encoder.EncodeAll(src, dst[:0]) }

func (c zstdCodec) EncodeLevel(dst, src []byte, _ int) []byte { return c.Encode(dst, src) }

// Decode panics on corrupt input, for a Codec has no other way to report it.
func (c zstdCodec) Decode(dst, src []byte) []byte {
	b, err := c.decoder.DecodeAll(src, dst[:0])
	must(err)
	return b
}

// CompressBound is zstd's own bound (ZSTD_COMPRESSBOUND): a page below 128 KiB
// may grow by up to 64 bytes, a larger one by one in 256.
func (zstdCodec) CompressBound(n int64) int64 {
	const block = 128 << 10
	bound := n + n>>8
	if n < block {
		bound += (block - n) >> 11
	}
	return bound
}

func (zstdCodec) NewReader(r io.Reader) io.ReadCloser {
	d, err := zstd.NewReader(r)
	must(err)
	return d.IOReadCloser()
}

func (c zstdCodec) NewWriter(w io.Writer) io.WriteCloser {
	e, err := zstd.NewWriter(w, encoderOptions()...)
	must(err)
	return e
}

func (c zstdCodec) NewWriterLevel(w io.Writer, _ int) (io.WriteCloser, error) {
	return c.NewWriter(w), nil
}
