package dump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"daybook/sources/store"
)

const (
	// blockSize is the memory of a Block: far more than a line, so that little
	// of it is moved to the next, and little enough to stay in a processor's
	// cache between being read and being decoded.
	blockSize = 256 << 10

	// MaxLine is the longest line, in bytes, that a Reader delivers. It is 64
	// times what can be an event, so that lines which are too long can still
	// be kept as they are; beyond it, the dump is not one of lines.
	MaxLine = 64 << 20

	// maxBlock has room for the longest line, its terminator, and a mark before
	// it.
	maxBlock = MaxLine + len("\r\n") + len("\uFEFF")
)

var (
	byteOrderMark = []byte("\uFEFF")
	lineFeed      = []byte{'\n'}
)

// ErrCorrupt is what an *Error wraps if the dump's compression is damaged, cut
// off, or not what the dump's name says.
var ErrCorrupt = errors.New("corrupt dump")

// Error is why a dump could not be read to its end.
type Error struct {
	URL    string // the object, or the path of a file
	Line   int64  // the lines delivered before it failed
	Offset int64  // where the next line would have started, in the decompressed text
	Err    error
}

func (e *Error) Error() string {
	if e.Offset == 0 { // nothing of it was read
		return fmt.Sprintf("read %s: %v", e.URL, e.Err)
	}
	return fmt.Sprintf("read %s: stopped after line %d, at byte %d of its text: %v", e.URL, e.Line, e.Offset, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Line is one line of a dump.
type Line struct {
	Number int64  // counted from 1
	Offset int64  // of its first byte in the decompressed text; a byte order mark counts
	Bytes  []byte // without its LF or CRLF; part of the block that it is in
}

// Block is whole lines of a dump that follow each other. Its memory is its
// own: a block and its lines are valid until the block is passed to NextBlock
// again, whatever becomes of the Reader. The zero Block is empty.
type Block struct {
	buf  []byte
	text []byte // what Next has not given yet, a part of buf

	number int64 // of the line before text
	offset int64 // of text in the dump's text
}

// Next gives the block's next line, until there are no more.
func (b *Block) Next() (line Line, ok bool) {
	if len(b.text) == 0 {
		return line, false
	}
	b.number++
	// Member by member: to make a Line and then copy it takes as long as all the
	// rest, because a copy of what was written a moment ago has to wait for it.
	line.Number, line.Offset = b.number, b.offset
	lf := bytes.IndexByte(b.text, '\n')
	if lf < 0 { // the dump's last line
		line.Bytes = b.text
		b.text = nil
		return line, true
	}
	line.Bytes = withoutCR(b.text[:lf])
	b.offset += int64(lf) + 1
	b.text = b.text[lf+1:]
	return line, true
}

func withoutCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

// reserve makes room for more than n bytes. Memory that grew for a long line is
// let go once there is none.
func (b *Block) reserve(n int) {
	size := blockSize
	for size <= n {
		size *= 2
	}
	if size = min(size, maxBlock); len(b.buf) != size {
		b.buf = make([]byte, size)
	}
}

// grow makes room for more, if there may be.
func (b *Block) grow() bool {
	if len(b.buf) == maxBlock {
		return false
	}
	grown := make([]byte, min(2*len(b.buf), maxBlock))
	copy(grown, b.buf)
	b.buf = grown
	return true
}

// Opener is the part of a store that Open needs.
type Opener interface {
	Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error)
	URL(key string) string
}

// Open opens a dump for reading, in the version that d names: if there is
// another by now, the error wraps store.ErrChanged. The caller closes the
// Reader. Reading ends with an error when ctx does.
func Open(ctx context.Context, o Opener, d Dump) (*Reader, error) {
	body, _, err := o.Open(ctx, d.Key, 0, store.ToEnd, d.ETag)
	if err != nil {
		return nil, err // names the operation and the object
	}
	return newReader(o.URL(d.Key), body, d.Codec, d.Size)
}

// Reader reads the lines of one dump, by blocks or one by one. It is for one
// goroutine at a time; the blocks it gives may go to others.
type Reader struct {
	url    string
	source *source
	text   decompressor // nil: closed
	err    error        // why no more text comes; io.EOF at the end
	block  Block        // Next's

	// Of the blocks so far.
	lines  int64
	offset int64  // of what comes after them in the text
	rest   []byte // of that, what was read: a part of a line, without an LF
}

// newReader takes over body, of size bytes, or unknownSize.
func newReader(url string, body io.ReadCloser, codec Codec, size int64) (*Reader, error) {
	r := &Reader{url: url, source: &source{body: body, size: size}}
	text, err := decompress(r.source, codec)
	if err != nil {
		body.Close()
		return nil, r.fail(err)
	}
	r.text = text
	return r, nil
}

// Close releases the dump. It reports nothing about the dump's content. What
// was not read before cannot be read any more.
func (r *Reader) Close() error {
	if r.text == nil {
		return nil
	}
	r.text.Close()
	r.text, r.err = nil, fs.ErrClosed
	return r.source.body.Close()
}

// Next gives the next line, and io.EOF after the last. Any other error is an
// *Error, and stays. A text that ends in a line terminator has no empty line
// after it; an empty text has no lines. The line is valid until the next call.
func (r *Reader) Next() (line Line, err error) {
	for {
		line, ok := r.block.Next()
		if ok {
			return line, nil
		}
		if err := r.NextBlock(&r.block); err != nil {
			return line, err
		}
	}
}

// NextBlock puts the next lines into b, one at least, in place of those that
// are in it: with Next, all blocks together give what the Reader's Next would,
// and the same error after the same line. Use one or the other.
func (r *Reader) NextBlock(b *Block) error {
	b.text = nil
	if r.err == nil {
		b.text = r.fill(b)
	}
	if len(b.text) == 0 {
		if r.err == io.EOF {
			return io.EOF
		}
		return r.fail(r.err)
	}
	b.number, b.offset = r.lines, r.offset
	r.lines += int64(bytes.Count(b.text, lineFeed))
	if b.text[len(b.text)-1] != '\n' {
		r.lines++
	}
	r.offset += int64(len(b.text))
	return nil
}

// fill reads into b's memory until it is full, or, if it then holds no whole
// line, until there is one, and returns all whole lines. There are none only
// if r.err says why.
func (r *Reader) fill(b *Block) []byte {
	b.reserve(len(r.rest))
	size := copy(b.buf, r.rest)
	whole := 0 // where the last whole line ends
	for whole == 0 && r.err == nil {
		if size == len(b.buf) && !b.grow() {
			r.err = errLongLine
			break
		}
		var n int
		n, r.err = readFull(r.text, b.buf[size:])
		if lf := bytes.LastIndexByte(b.buf[size:size+n], '\n'); lf >= 0 {
			whole = size + lf + 1
		}
		size += n
	}
	start := 0
	if r.offset == 0 && bytes.HasPrefix(b.buf[:size], byteOrderMark) {
		start = len(byteOrderMark)
		r.offset = int64(start)
	}
	if r.err == io.EOF {
		whole = size // with or without a terminator
	}
	whole = max(whole, start)
	r.rest = append(r.rest[:0], b.buf[whole:size]...)
	lines := Block{text: b.buf[start:whole]}
	// Only the first line can be that long: the memory grew until it held one.
	if first, _ := lines.Next(); len(first.Bytes) > MaxLine {
		r.err = errLongLine
		return nil
	}
	return b.buf[start:whole]
}

var errLongLine = fmt.Errorf("the next line is longer than %d MiB; is this a dump of one JSON object a line?", MaxLine>>20)

// readFull reads until p is full or there is an error.
func readFull(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = r.Read(p[n:])
		n += more
	}
	return n, err
}

// fail says where reading err stopped.
func (r *Reader) fail(err error) error {
	return &Error{URL: r.url, Line: r.lines, Offset: r.offset, Err: err}
}

// StoredBytes is how much of the dump, as stored, has been read so far.
func (r *Reader) StoredBytes() int64 { return r.source.read }
