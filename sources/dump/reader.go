package dump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"daybook/sources/store"
)

const (
	// readSize is how much a Reader asks for at a time: far more than a line,
	// and little enough to stay in the processor's cache.
	readSize = 256 << 10

	// MaxLine is the longest line, in bytes, that a Reader delivers. It is 64
	// times what can be an event, so that lines which are too long can still
	// be kept as they are; beyond it, the dump is not one of lines.
	MaxLine = 64 << 20
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
	return fmt.Sprintf("read %s: stopped after line %d, at byte %d of its text: %v", e.URL, e.Line, e.Offset, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Line is one line of a dump.
type Line struct {
	Number int64  // counted from 1
	Offset int64  // of its first byte in the decompressed text; a byte order mark counts
	Bytes  []byte // without its LF or CRLF; valid until the next call of Next
}

// Opener is the part of a store that Open needs.
type Opener interface {
	Open(ctx context.Context, key string, offset int64, ifMatch string) (io.ReadCloser, store.Object, error)
	URL(key string) string
}

// Open opens a dump for reading, in the version that d names: if there is
// another by now, the error wraps store.ErrChanged. The caller closes the
// Reader. Reading ends with an error when ctx does.
func Open(ctx context.Context, o Opener, d Dump) (*Reader, error) {
	body, _, err := o.Open(ctx, d.Key, 0, d.ETag)
	if err != nil {
		return nil, err // names the operation and the object
	}
	return newReader(o.URL(d.Key), body, d.Codec, d.Size)
}

// Reader reads the lines of one dump. It is for one goroutine.
type Reader struct {
	url    string
	source *source
	text   decompressor
	err    error // from text; io.EOF at the end

	buf     []byte
	start   int   // of the next line in buf
	scanned int   // buf[start:scanned] holds no LF
	end     int   // of the text in buf
	line    int64 // lines delivered
	offset  int64 // of buf[start] in the text
}

// newReader takes over body, of size bytes, or unknownSize.
func newReader(url string, body io.ReadCloser, codec Codec, size int64) (*Reader, error) {
	r := &Reader{url: url, source: &source{body: body, size: size}, buf: make([]byte, readSize)}
	text, err := decompress(r.source, codec)
	if err != nil {
		body.Close()
		return nil, r.fail(err)
	}
	r.text = text
	return r, nil
}

// Close releases the dump. It reports nothing about the dump's content.
func (r *Reader) Close() error {
	r.text.Close()
	return r.source.body.Close()
}

// Next gives the next line, and io.EOF after the last. Any other error is an
// *Error, and stays. A text that ends in a line terminator has no empty line
// after it; an empty text has no lines.
func (r *Reader) Next() (line Line, err error) {
	text, next, err := r.find()
	if err != nil {
		return line, err
	}
	if len(text) > MaxLine {
		r.err = errLongLine
		r.end, r.scanned = r.start, r.start
		return line, r.fail(r.err)
	}
	r.line++
	// Member by member: to make a Line and then copy it takes as long as all the
	// rest, because a copy of what was written a moment ago has to wait for it.
	line.Number, line.Offset, line.Bytes = r.line, r.offset, text
	r.offset += int64(next - r.start)
	r.start, r.scanned = next, next
	return line, nil
}

// find returns the text of the next line, and where the one after it starts in
// buf.
func (r *Reader) find() (text []byte, next int, err error) {
	for {
		if i := bytes.IndexByte(r.buf[r.scanned:r.end], '\n'); i >= 0 {
			lf := r.scanned + i
			text = r.buf[r.start:lf]
			if n := len(text); n > 0 && text[n-1] == '\r' {
				text = text[:n-1]
			}
			return text, lf + 1, nil
		}
		r.scanned = r.end
		if r.err != nil {
			break
		}
		r.err = r.fill()
	}
	if r.err != io.EOF {
		return nil, 0, r.fail(r.err)
	}
	if r.start == r.end {
		return nil, 0, io.EOF
	}
	return r.buf[r.start:r.end], r.end, nil
}

var errLongLine = fmt.Errorf("the next line is longer than %d MiB; is this a dump of one JSON object a line?", MaxLine>>20)

// fill reads more text behind what is in the buffer, after making room.
func (r *Reader) fill() error {
	if r.start > 0 {
		copy(r.buf, r.buf[r.start:r.end])
		r.end -= r.start
		r.start, r.scanned = 0, r.end
	}
	if r.end == len(r.buf) {
		// The two more are for a terminator.
		if r.end >= MaxLine+2 {
			return errLongLine
		}
		grown := make([]byte, min(2*len(r.buf), MaxLine+2))
		copy(grown, r.buf[:r.end])
		r.buf = grown
	}
	first := r.offset == 0 && r.end == 0
	n, err := r.text.Read(r.buf[r.end:])
	if first {
		// A mark may come in pieces, and no text worth reading is shorter.
		for n < len(byteOrderMark) && err == nil {
			var more int
			more, err = r.text.Read(r.buf[n:])
			n += more
		}
		if bytes.HasPrefix(r.buf[:n], byteOrderMark) {
			r.start = len(byteOrderMark)
			r.scanned = r.start
			r.offset = int64(r.start)
		}
	}
	r.end += n
	return err
}

var byteOrderMark = []byte("\uFEFF")

// fail says where reading err stopped.
func (r *Reader) fail(err error) error {
	return &Error{URL: r.url, Line: r.line, Offset: r.offset, Err: err}
}

// StoredBytes is how much of the dump, as stored, has been read so far.
func (r *Reader) StoredBytes() int64 { return r.source.read }
