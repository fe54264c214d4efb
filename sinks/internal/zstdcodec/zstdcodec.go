// Package zstdcodec replaces Arrow's zstd codec in every program that imports
// it.
//
// Arrow's own codec creates an encoder for every page, which takes a third of
// the time of writing a file and causes most of its garbage. Arrow allows a
// codec to be replaced only for the whole program and before the first file:
// hence in init.
package zstdcodec

import (
	"io"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

func init() { compress.RegisterCodec(compress.Codecs.Zstd, newCodec()) }

// Decompress returns the content of a page in new memory. It fails if the
// content has more than size bytes.
func Decompress(page []byte, size int) ([]byte, error) {
	return sized.DecodeAll(page, make([]byte, 0, size))
}

var sized = newDecoder(zstd.WithDecodeAllCapLimit(true))

// codec is a compress.Codec that reuses its encoders. EncodeAll has a pool with
// one for each processor, and compresses a page in the calling goroutine. The
// level is always the fastest: Parquet's own encodings come first, so files are
// only 3 % larger than at the default level, and a report is written in 7 %
// less time.
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

// window is larger than any page, in bytes. With the default of the library an
// encoder takes 16 MB.
const window = 2 << 20

// encoderOptions makes every frame record its size, however small, and a
// checksum of its content: the audit of Parquet files needs both.
func encoderOptions() []zstd.EOption {
	return []zstd.EOption{zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(true), zstd.WithSingleSegment(true), zstd.WithZeroFrames(true), zstd.WithWindowSize(window)}
}

// must handles errors that only wrong options can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (c codec) Encode(dst, src []byte) []byte { return c.encoder.EncodeAll(src, dst[:0]) }

func (c codec) EncodeLevel(dst, src []byte, _ int) []byte { return c.Encode(dst, src) }

// Decode panics on corrupt input, because a Codec cannot return an error.
func (c codec) Decode(dst, src []byte) []byte {
	b, err := c.decoder.DecodeAll(src, dst[:0])
	must(err)
	return b
}

// CompressBound is zstd's own bound (ZSTD_COMPRESSBOUND): a page grows by at
// most 1/256, and below 128 KiB by up to 64 bytes more.
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
