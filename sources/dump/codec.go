package dump

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is the most memory that a zstd frame may ask its reader to keep:
// what the zstd program itself accepts without being told to.
const maxWindow = 128 << 20

// readSize is how much of a dump, as stored, is asked for at a time, except
// where plain text goes straight into a block.
const readSize = 64 << 10

// The memory of decompressors that are done, for the next dump's: that of zstd
// takes 9 MiB, more than many a dump.
var (
	buffers   = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readSize) }}
	inflaters = sync.Pool{New: func() any { return new(gzip.Reader) }}
	zstds     = sync.Pool{New: func() any { return newZstd() }}
)

// newZstd decodes in the goroutine that reads: others decode the lines
// meanwhile, or read other dumps.
func newZstd() *zstd.Decoder {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		panic(err) // only wrong options can cause it
	}
	return decoder
}

const unknownSize = -1

// source is a dump's body as stored. It tells what is wrong with the body from
// what is wrong with the compression in it, and notices a body that ends early
// without saying so.
type source struct {
	body io.ReadCloser
	size int64 // unknownSize, or what the listing says
	read int64
	err  error // the body's, other than io.EOF; stays
}

func (s *source) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.body.Read(p)
	s.read += int64(n)
	if err == io.EOF && s.size != unknownSize && s.read != s.size {
		err = fmt.Errorf("%w: it has %d bytes, of which %d came", io.ErrUnexpectedEOF, s.size, s.read)
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// decompressor yields a dump's text. Its errors are the source's own, or wrap
// ErrCorrupt. Close gives its memory to others, and leaves the source open; call
// it once, and nothing after it.
type decompressor interface {
	io.Reader
	Close()
}

const magicLen = 4

var (
	gzipMagic = []byte{0x1f, 0x8b, 0x08}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// codecByMagic tells a codec by a dump's first bytes.
func codecByMagic(start []byte) Codec {
	switch {
	case bytes.HasPrefix(start, gzipMagic):
		return Gzip
	case bytes.HasPrefix(start, zstdMagic):
		return Zstd
	}
	return Plain
}

// decompress opens the text of s. A source that is compressed in another way
// than codec says is refused: reading it as it is would turn every line of it
// into a reject.
func decompress(s *source, codec Codec) (text decompressor, err error) {
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
	actual := codecByMagic(start)
	if codec == Zstd && isSkippableFrame(start) {
		actual = Zstd
	}
	if actual != codec {
		if codec != Plain && len(start) < magicLen {
			if len(start) == 0 {
				return nil, fmt.Errorf("%w: it is empty (0 bytes), which no %s is; %s", ErrCorrupt, codec, again)
			}
			return nil, damaged(codec, io.ErrUnexpectedEOF)
		}
		return nil, fmt.Errorf("%w: its name says %s, its first bytes (% x) say %s; rename it, or write it again", ErrCorrupt, codec, start, actual)
	}
	switch codec {
	case Gzip:
		return newGzipText(s, buffered)
	case Zstd:
		return newZstdText(s, buffered)
	}
	return plainText{buffered}, nil
}

// isSkippableFrame recognises what may come before the first zstd frame with
// text in it (RFC 8878, 3.1.2).
func isSkippableFrame(start []byte) bool {
	return len(start) == magicLen && start[0]&0xf0 == 0x50 && bytes.Equal(start[1:], []byte{0x2a, 0x4d, 0x18})
}

// again is what to do about a dump that is damaged.
const again = "have the producer write it again"

func damaged(codec Codec, err error) error {
	what := "cannot be read"
	if errors.Is(err, io.ErrUnexpectedEOF) {
		what = "is cut off"
	}
	return fmt.Errorf("%w: its %s %s: %w; %s", ErrCorrupt, codec, what, err, again)
}

// giveBack keeps a buffer for another dump, without holding on to this one.
func giveBack(buffered *bufio.Reader) {
	buffered.Reset(nil)
	buffers.Put(buffered)
}

type plainText struct{ *bufio.Reader }

func (p plainText) Close() { giveBack(p.Reader) }

// gzipText reads the members of a gzip file one by one, because the library
// takes neither of the two things that follow the last one in practice: zeros,
// with which tapes and some tools pad (accepted, as by gzip itself), and
// anything else (refused, where gzip only warns: something is missing or was
// mixed up).
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

// nextMember returns io.EOF if there is none.
func (g *gzipText) nextMember() error {
	next, err := g.buf.Peek(1)
	if err != nil {
		return err // io.EOF, or the source's
	}
	if next[0] == 0 {
		return g.padding()
	}
	if start, _ := g.buf.Peek(len(gzipMagic)); len(start) == len(gzipMagic) && !bytes.Equal(start, gzipMagic) {
		return fmt.Errorf("%w: other bytes (% x) follow its gzip; %s", ErrCorrupt, start, again)
	}
	if err := g.member.Reset(g.buf); err != nil {
		return g.classify(err)
	}
	g.member.Multistream(false)
	return nil
}

// padding reads zeros to the end.
func (g *gzipText) padding() error {
	for {
		b, err := g.buf.ReadByte()
		if err != nil {
			return err // io.EOF, or the source's
		}
		if b != 0 {
			return fmt.Errorf("%w: other bytes follow its gzip and the zeros after it; %s", ErrCorrupt, again)
		}
	}
}

func (g *gzipText) classify(err error) error { return classify(g.source, Gzip, err) }

func (g *gzipText) Close() {
	inflaters.Put(g.member)
	giveBack(g.buf)
}

// zstdText gives a zstd decoder's errors a name.
type zstdText struct {
	source  *source
	buf     *bufio.Reader
	decoder *zstd.Decoder
}

func newZstdText(s *source, buf *bufio.Reader) (*zstdText, error) {
	z := &zstdText{s, buf, zstds.Get().(*zstd.Decoder)}
	if err := z.decoder.Reset(buf); err != nil {
		zstds.Put(z.decoder)
		return nil, classify(s, Zstd, err)
	}
	return z, nil
}

func (z *zstdText) Read(p []byte) (int, error) {
	n, err := z.decoder.Read(p)
	if err != nil && err != io.EOF {
		err = classify(z.source, Zstd, err)
	}
	return n, err
}

func (z *zstdText) Close() {
	z.decoder.Reset(nil) // which cannot fail
	zstds.Put(z.decoder)
	giveBack(z.buf)
}

// classify blames the source if it failed, and otherwise the compression.
func classify(s *source, codec Codec, err error) error {
	if s.err != nil {
		return s.err
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return damaged(codec, err)
}
