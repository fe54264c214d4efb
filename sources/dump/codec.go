package dump

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// DefaultWindow is the largest window, in bytes, that a zstd frame may require by
// default: the default limit of the zstd program.
const DefaultWindow = 128 << 20

// readSize is the size of a read from the store, in bytes. Plain text is read
// directly into a block.
const readSize = 64 << 10

// Decompressors for reuse: one for zstd takes 9 MiB, more than many a dump.
var (
	buffers   = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readSize) }}
	inflaters = sync.Pool{New: func() any { return new(gzip.Reader) }}
	zstds     = sync.Pool{New: func() any { return newZstd() }}
)

// newZstd decodes in the calling goroutine: other cores decode lines or read
// other dumps meanwhile.
func newZstd() *zstd.Decoder {
	// zstdFrames checks the windows: it names them.
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<40))
	if err != nil {
		panic(err) // only wrong options cause an error
	}
	return decoder
}

const unknownSize = -1

// source reads a dump's body as stored. It keeps errors of the body apart from
// errors of the compression, and detects a body that ends early without an
// error.
type source struct {
	body io.ReadCloser
	size int64 // from the listing, or unknownSize
	read int64 // bytes
	err  error // the first error of the body other than io.EOF
}

func (s *source) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.body.Read(p)
	s.read += int64(n)
	if err == io.EOF && s.size != unknownSize && s.read != s.size {
		err = fmt.Errorf("%w: received %d of %d bytes", io.ErrUnexpectedEOF, s.read, s.size)
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// decompressor yields the decompressed text of a dump. Its errors are those of
// the source, or wrap ErrCorrupt. Close returns its memory to the pool and
// keeps the source open; nothing may be called after it.
type decompressor interface {
	io.Reader
	Close()
}

const magicLen = 4

var (
	gzipMagic = []byte{0x1f, 0x8b, 0x08}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// isText reports whether the first bytes of a file can be those of a text: without
// control characters, and with no byte outside of UTF-8. The last rune may be cut.
func isText(start []byte) bool {
	for len(start) > 0 {
		r, n := utf8.DecodeRune(start)
		if r == utf8.RuneError && utf8.FullRune(start) || r < ' ' && !strings.ContainsRune("\t\r\n", r) {
			return false
		}
		start = start[n:]
	}
	return true
}

// codecByMagic derives the codec from the first bytes of a dump.
func codecByMagic(start []byte) Codec {
	switch {
	case bytes.HasPrefix(start, gzipMagic):
		return Gzip
	case bytes.HasPrefix(start, zstdMagic), isSkippableFrame(start):
		return Zstd
	}
	return Plain
}

// decompress opens the text of s. The first bytes decide the codec. A name with
// another one is no fault: stores and proxies pack and unpack on the way. But under
// the name of a codec, nothing, and bytes that are no text, are a damaged dump.
func decompress(s *source, named Codec, maxWindow int64) (text decompressor, err error) {
	buffered := buffers.Get().(*bufio.Reader)
	buffered.Reset(s)
	defer func() {
		if err != nil {
			giveBack(buffered)
		}
	}()
	start, err := buffered.Peek(magicLen)
	if err != nil && err != io.EOF {
		return nil, err
	}
	codec := codecByMagic(start)
	if codec == Plain && named != Plain {
		switch {
		case len(start) == 0:
			return nil, fmt.Errorf("%w: it is empty (0 bytes), and a valid %s is not; %s", ErrCorrupt, named, again)
		case named.begins(start):
			return nil, damaged(named, io.ErrUnexpectedEOF)
		case !isText(start):
			return nil, fmt.Errorf("%w: its name says %s, but its first bytes (% x) are neither that nor text; %s", ErrCorrupt, named, start, again)
		}
	}
	switch codec {
	case Gzip:
		return newGzipText(s, buffered)
	case Zstd:
		return newZstdText(s, buffered, maxWindow)
	}
	return plainText{buffered}, nil
}

// begins reports whether start is a part of the codec's magic number.
func (c Codec) begins(start []byte) bool {
	return bytes.HasPrefix([][]byte{Gzip: gzipMagic, Zstd: zstdMagic}[c], start)
}

// isSkippableFrame recognises a skippable frame, which may come before the
// first zstd frame with content (RFC 8878, 3.1.2).
func isSkippableFrame(start []byte) bool {
	return len(start) == magicLen && start[0]&0xf0 == 0x50 && bytes.Equal(start[1:], []byte{0x2a, 0x4d, 0x18})
}

// again is the hint for damaged dumps.
const again = "have the producer write it again"

func damaged(codec Codec, err error) error {
	what := "cannot be read"
	if errors.Is(err, io.ErrUnexpectedEOF) {
		what = "is cut off"
	}
	return fmt.Errorf("%w: its %s %s: %w; %s", ErrCorrupt, codec, what, err, again)
}

// giveBack returns a buffer to the pool without a reference to its dump.
func giveBack(buffered *bufio.Reader) {
	buffered.Reset(nil)
	buffers.Put(buffered)
}

type plainText struct{ *bufio.Reader }

func (p plainText) Close() { giveBack(p.Reader) }

// gzipText reads the members of a gzip file one by one, because the library
// accepts no data after the last member.
type gzipText struct {
	source *source
	buf    *bufio.Reader
	member *gzip.Reader
}

func newGzipText(s *source, buf *bufio.Reader) (*gzipText, error) {
	g := &gzipText{source: s, buf: buf, member: inflaters.Get().(*gzip.Reader)}
	if err := g.member.Reset(buf); err != nil {
		inflaters.Put(g.member)
		return nil, g.classify(err)
	}
	g.member.Multistream(false)
	return g, nil
}

func (g *gzipText) Read(p []byte) (int, error) {
	for {
		n, err := g.member.Read(p)
		if err == io.EOF {
			err = g.nextMember()
		} else if err != nil {
			err = g.classify(err)
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// nextMember starts the next member. It returns io.EOF after the last.
func (g *gzipText) nextMember() error {
	if err := toNext(g.buf, Gzip); err != nil {
		return err
	}
	if err := g.member.Reset(g.buf); err != nil {
		return g.classify(err)
	}
	g.member.Multistream(false)
	return nil
}

// toNext goes from the end of a compressed stream to the next one of a file. It
// accepts line ends between them, and after the last one line ends and zeros: some
// producers write them. Other bytes are an error, where gzip only warns: they mean
// that something is missing or was mixed up. The error is io.EOF at the end.
func toNext(buf *bufio.Reader, codec Codec) error {
	for {
		next, err := buf.Peek(1)
		if err != nil {
			return err // io.EOF or an error of the source
		}
		if next[0] == 0 {
			return padding(buf, codec)
		}
		if next[0] != '\n' && next[0] != '\r' {
			break
		}
		if _, err := buf.Discard(1); err != nil {
			return err
		}
	}
	start, err := buf.Peek(magicLen)
	if err != nil && err != io.EOF {
		return err
	}
	if codecByMagic(start) != codec && !codec.begins(start) {
		return fmt.Errorf("%w: other bytes (% x) follow its %s data; %s", ErrCorrupt, start, codec, again)
	}
	return nil
}

// padding reads zeros up to the end of the file.
func padding(buf *bufio.Reader, codec Codec) error {
	for {
		b, err := buf.ReadByte()
		if err != nil {
			return err // io.EOF or an error of the source
		}
		if b != 0 {
			return fmt.Errorf("%w: other bytes follow its %s data and zero padding; %s", ErrCorrupt, codec, again)
		}
	}
}

func (g *gzipText) classify(err error) error { return classify(g.source, Gzip, err) }

func (g *gzipText) Close() {
	inflaters.Put(g.member)
	giveBack(g.buf)
}

// zstdText classifies the errors of a zstd decoder.
type zstdText struct {
	source  *source
	frames  *zstdFrames
	decoder *zstd.Decoder
}

func newZstdText(s *source, buf *bufio.Reader, maxWindow int64) (*zstdText, error) {
	z := &zstdText{s, &zstdFrames{buf: buf, maxWindow: uint64(cmp.Or(maxWindow, DefaultWindow))}, zstds.Get().(*zstd.Decoder)}
	if err := z.decoder.Reset(z.frames); err != nil {
		zstds.Put(z.decoder)
		return nil, z.classify(err)
	}
	return z, nil
}

func (z *zstdText) Read(p []byte) (int, error) {
	n, err := z.decoder.Read(p)
	if err != nil && (err != io.EOF || z.frames.err != nil) {
		err = z.classify(err)
	}
	return n, err
}

func (z *zstdText) classify(err error) error {
	if z.frames.err != nil {
		return z.frames.err
	}
	return classify(z.source, Zstd, err)
}

func (z *zstdText) Close() {
	z.decoder.Reset(nil) // it cannot fail
	if z.frames.largest <= DefaultWindow {
		zstds.Put(z.decoder) // otherwise it holds more memory than others need
	} else {
		z.decoder.Close()
	}
	giveBack(z.frames.buf)
}

// classify returns the error of the source if it failed, and otherwise a
// corruption error.
func classify(s *source, codec Codec, err error) error {
	if s.err != nil {
		return s.err
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return damaged(codec, err)
}
