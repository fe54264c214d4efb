// Package zstdcodec replaces Arrow's zstd codec, for whoever imports it.
//
// Arrow's own builds an encoder for every page, which costs a third of the
// time of writing a file and most of its garbage. A codec can only be replaced
// for the whole program, and only before the first file: hence at the start.
package zstdcodec

import (
	"io"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

func init() { compress.RegisterCodec(compress.Codecs.Zstd, newCodec()) }

// Decompress gives what is in a page, in memory of its own. More than size bytes
// are an error.
func Decompress(page []byte, size int) ([]byte, error) {
	return sized.DecodeAll(page, make([]byte, 0, size))
}

var sized = newDecoder(zstd.WithDecodeAllCapLimit(true))

// codec is a compress.Codec that keeps its encoders: EncodeAll has a pool
// of them, one for each processor, and compresses a page in the goroutine that
// writes it. It knows one level, the fastest: Parquet's own encodings come first,
// and leave so little that files are but 3 % larger than at the library's default,
// and a report is written in 7 % less time.
type codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

func newCodec() codec {
	encoder, err := zstd.NewWriter(nil, encoderOptions()...)
	must(err)
	return codec{encoder, newDecoder()}
}

func newDecoder(options ...zstd.DOption) *zstd.Decoder {
	decoder, err := zstd.NewReader(nil, options...)
	must(err)
	return decoder
}

// window is more than a page has; with the library's own an encoder takes 16 MB.
const window = 2 << 20

// encoderOptions: a frame tells its size, however small, and carries a
// checksum of what is in it. The audit of Parquet files relies on both.
func encoderOptions() []zstd.EOption {
	return []zstd.EOption{zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(true), zstd.WithSingleSegment(true), zstd.WithZeroFrames(true), zstd.WithWindowSize(window)}
}

// must stands for errors that only wrong options can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (c codec) Encode(dst, src []byte) []byte { return c.encoder.EncodeAll(src, dst[:0]) }

func (c codec) EncodeLevel(dst, src []byte, _ int) []byte { return c.Encode(dst, src) }

// Decode panics on corrupt input, for a Codec has no other way to report it.
func (c codec) Decode(dst, src []byte) []byte {
	b, err := c.decoder.DecodeAll(src, dst[:0])
	must(err)
	return b
}

// CompressBound is zstd's own bound (ZSTD_COMPRESSBOUND): a page below 128 KiB
// may grow by up to 64 bytes, a larger one by one in 256.
func (codec) CompressBound(n int64) int64 {
	const block = 128 << 10
	bound := n + n>>8
	if n < block {
		bound += (block - n) >> 11
	}
	return bound
}

func (codec) NewReader(r io.Reader) io.ReadCloser {
	d, err := zstd.NewReader(r)
	must(err)
	return d.IOReadCloser()
}

func (c codec) NewWriter(w io.Writer) io.WriteCloser {
	e, err := zstd.NewWriter(w, encoderOptions()...)
	must(err)
	return e
}

func (c codec) NewWriterLevel(w io.Writer, _ int) (io.WriteCloser, error) {
	return c.NewWriter(w), nil
}
