package dump

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"daybook/sources/store"
	"daybook/transform/export"
)

const (
	// blockSize is the size of a Block in bytes: much larger than a line, so
	// that little of it moves to the next block, and small enough to stay in
	// the processor's cache between reading and decoding.
	blockSize = 256 << 10

	// MaxLine is the longest line, in bytes, that a Reader delivers. It is 64
	// times the longest event, so that lines which are too long for an event
	// can still be quarantined. A dump with a longer line is refused.
	MaxLine = 64 << 20

	// maxBlock has room for the longest line, its terminator and a byte order
	// mark.
	maxBlock = MaxLine + len("\r\n") + len("\uFEFF")
)

var (
	byteOrderMark = []byte("\uFEFF")
	lineFeed      = []byte{'\n'}
)

// The kinds of an *Error about the content of a dump.
var (
	// ErrCorrupt: its compression, or its array, is damaged or cut off.
	ErrCorrupt = errors.New("corrupt dump")
	// ErrUnsupported: it is whole, and daybook does not read it as it is.
	ErrUnsupported = errors.New("unsupported dump")
	// ErrForeign: its content is not JSON, and its name alone does not make it a dump.
	ErrForeign = errors.New("no dump")
)

// Error says why and where reading a dump failed.
type Error struct {
	URL    string // of the object, or the path of a file
	Form   Form
	Line   int64 // number of lines or documents delivered before
	Offset int64 // of the next line in the decompressed text
	Err    error
}

func (e *Error) Error() string {
	if e.Offset == 0 { // nothing of it was read
		return fmt.Sprintf("read %s: %v", e.URL, e.Err)
	}
	return fmt.Sprintf("read %s: stopped after %s %d, at byte %d of the decompressed text: %v", e.URL, e.Form.Unit(), e.Line, e.Offset, e.Err)
}

// Cause is an error without the name and the position of its dump.
func Cause(err error) error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

func (e *Error) Unwrap() error { return e.Err }

// Line is one line of a dump, or one document.
type Line struct {
	Number int64  // from 1
	Offset int64  // of its first byte in the decompressed text, byte order mark included
	Bytes  []byte // without LF or CRLF; part of the memory of its block
}

// Block holds consecutive whole lines of a dump in its own memory. A block and
// its lines stay valid until the block is passed to NextBlock again, even after
// the Reader is closed. The zero Block is empty.
type Block struct {
	buf  []byte
	text []byte // the lines that Next has not returned yet; part of buf

	number int64 // of the line before text
	offset int64 // of text in the decompressed text

	documents []span // in text, which Next has not returned yet; nil for lines
	spans     []span // the memory of documents
}

// Next returns the next line of the block; ok is false at the end.
func (b *Block) Next() (line Line, ok bool) {
	if len(b.text) == 0 {
		return line, false
	}
	b.number++
	if b.documents != nil {
		at := b.documents[0]
		line.Number, line.Offset, line.Bytes = b.number, b.offset+int64(at.from), b.text[at.from:at.to:at.to]
		if b.documents = b.documents[1:]; len(b.documents) == 0 {
			b.text, b.documents = nil, nil
		}
		return line, true
	}
	// Set the fields one by one: copying a Line that was just built stalls
	// on the store buffer and would double the time of this function.
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

// reserve makes room for more than n bytes, and frees memory that grew for a
// long line.
func (b *Block) reserve(n int) {
	size := blockSize
	for size <= n {
		size *= 2
	}
	if size = min(size, maxBlock); len(b.buf) != size {
		b.buf = make([]byte, size)
	}
}

// grow doubles the memory up to maxBlock, and reports whether it could.
func (b *Block) grow() bool {
	if len(b.buf) == maxBlock {
		return false
	}
	grown := make([]byte, min(2*len(b.buf), maxBlock))
	copy(grown, b.buf)
	b.buf = grown
	return true
}

// Opener is the part of store.Store that Open needs.
type Opener interface {
	Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error)
	URL(key string) string
}

// Open opens the version of a dump that d names. If the object has changed
// since, the error wraps store.ErrChanged. Reading fails when ctx ends. The
// caller closes the Reader.
func Open(ctx context.Context, o Opener, d Dump) (*Reader, error) {
	body, object, err := o.Open(ctx, d.Key, 0, store.ToEnd, d.ETag)
	if err != nil {
		return nil, err // it names the operation and the object
	}
	// A store that unpacks an object on the way sends more than it has listed.
	size := int64(unknownSize)
	if object.Size != store.UnknownSize {
		size = max(d.Size, object.Size)
	}
	r := &Reader{url: o.URL(d.Key), source: &source{body: body, size: size}}
	if err := r.open(cmp.Or(d.Of, &Source{}), d.Key, d.Possible); err != nil {
		return nil, err
	}
	return r, nil
}

// Reader reads the lines or documents of one dump, block by block or one by one.
// Only one goroutine may use it at a time; its blocks may go to others.
type Reader struct {
	url    string
	form   Form // never Auto
	codec  Codec
	source *source
	text   decompressor // nil after Close
	err    error        // the error that ended the text; io.EOF at its end
	block  Block        // the block of Next

	// Position after the blocks so far.
	lines    int64
	offset   int64  // of the next block in the decompressed text
	rest     []byte // bytes already read of the next line
	splitter splitter

	layout *export.Layout // of an export; nil: the dump has events
}

// open decompresses the text and decides its form. On an error it closes the body.
// possible says that the content has to show that it is a dump.
func (r *Reader) open(how *Source, name string, possible bool) error {
	text, err := decompress(r.source, codecOf(name), how.MaxWindow)
	if err != nil {
		r.source.body.Close()
		return r.fail(err)
	}
	switch text.(type) {
	case *gzipText:
		r.codec = Gzip
	case *zstdText:
		r.codec = Zstd
	}
	begun := &begunText{decompressor: text}
	r.text = begun
	decide := func() error { return r.decide(begun, how.Form, possible) }
	if how.Export != nil {
		decide = func() error { return r.decideExport(begun, how.Export) }
	}
	if err := decide(); err != nil {
		r.Close()
		return r.fail(err)
	}
	r.splitter.arrays = r.form == Array
	return nil
}

// decide recognises the form of a text by its beginning.
func (r *Reader) decide(text *begunText, set Form, possible bool) error {
	found, decided := Lines, false
	for _, size := range []int{sample, mostSample} {
		text.peek(size)
		found, decided = recognise(text.start, text.err != nil)
		if decided || text.err != nil {
			break
		}
	}
	if err := checkText(text.start); err != nil {
		return err
	}
	if possible && !isJSON(text.start, found) {
		return fmt.Errorf("%w: it begins with %q, which is not JSON", ErrForeign, text.start[:min(len(text.start), 20)])
	}
	r.form = cmp.Or(set, found)
	return checkForm(set, found, text.start)
}

// decideExport reads the layout of an export from its beginning.
func (r *Reader) decideExport(text *begunText, format *export.Format) error {
	for _, size := range []int{sample, mostSample} {
		text.peek(size)
		if err := checkText(text.start); err != nil {
			return err
		}
		layout, more, err := format.Layout(bytes.TrimPrefix(text.start, byteOrderMark), text.err != nil)
		if err != nil {
			return fmt.Errorf("%w: it is no export of the report: %w", ErrUnsupported, err)
		}
		if !more {
			r.layout, r.form = layout, Lines
			if layout.IsQuoted() {
				r.form, r.splitter.delimiter = Records, layout.Delimiter()
			}
			return nil
		}
	}
	return fmt.Errorf("%w: it is no export of the report: its first %d KiB have no line of headings", ErrUnsupported, mostSample>>10)
}

// checkText refuses a text that is not plain UTF-8, by its beginning.
func checkText(start []byte) error {
	if codec := codecByMagic(start); codec != Plain {
		return fmt.Errorf("%w: it is %s within its compression; have the producer compress it once", ErrUnsupported, codec)
	}
	if encoding := otherEncoding(start); encoding != "" {
		return fmt.Errorf("%w: it is %s text; have the producer write UTF-8, or convert it with iconv", ErrUnsupported, encoding)
	}
	return nil
}

// begunText is a text of which the beginning was read before.
type begunText struct {
	decompressor
	start []byte // read before; Read has not returned it yet
	err   error  // after start
}

// peek reads until start has at least size bytes, or an error occurs.
func (t *begunText) peek(size int) {
	if t.err == nil && len(t.start) < size {
		have := len(t.start)
		t.start = append(t.start, make([]byte, size-have)...)
		var n int
		n, t.err = readFull(t.decompressor, t.start[have:])
		t.start = t.start[:have+n]
	}
}

func (t *begunText) Read(p []byte) (int, error) {
	if len(t.start) > 0 {
		n := copy(p, t.start)
		t.start = t.start[n:]
		return n, nil
	}
	if t.err != nil {
		return 0, t.err
	}
	return t.decompressor.Read(p)
}

// Codec is the compression of the dump, by its first bytes.
func (r *Reader) Codec() Codec { return r.codec }

// Layout is the layout of an export of the report; nil if the dump has events.
func (r *Reader) Layout() *export.Layout { return r.layout }

// Form is the form of the dump; never Auto.
func (r *Reader) Form() Form { return r.form }

// Close releases the dump. Unread lines are lost. Its error says nothing about
// the content of the dump.
func (r *Reader) Close() error {
	if r.text == nil {
		return nil
	}
	r.text.Close()
	r.text, r.err = nil, fs.ErrClosed
	return r.source.body.Close()
}

// Next returns the next line, and io.EOF after the last. Any other error is an
// *Error; all later calls return it, too. A final line terminator does not
// start another line, and an empty text has no lines. The line is valid until
// the next call.
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

// NextBlock replaces the lines of b by the next ones, at least one. The lines
// of all blocks, and the error after them, are those of Next. Use either Next
// or NextBlock.
func (r *Reader) NextBlock(b *Block) error {
	b.text, b.documents = nil, nil
	if r.form != Lines {
		return r.nextDocuments(b)
	}
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

// fill reads until b's memory is full and holds at least one whole line, and
// returns all whole lines. If it returns none, r.err says why.
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
	// Only the first line can be this long: the memory grew until it held
	// one.
	if first, _ := lines.Next(); len(first.Bytes) > MaxLine {
		r.err = errLongLine
		return nil
	}
	return b.buf[start:whole]
}

// nextDocuments replaces the lines of b by the next documents, at least one.
func (r *Reader) nextDocuments(b *Block) error {
	b.spans = b.spans[:0]
	for r.err == nil {
		b.reserve(len(r.rest))
		size := copy(b.buf, r.rest)
		if size == len(b.buf) { // the first document does not fit
			r.err = errLongDocument
			break
		}
		var n, rest int
		n, r.err = readFull(r.text, b.buf[size:])
		size += n
		start := 0
		if r.offset == 0 && bytes.HasPrefix(b.buf[:size], byteOrderMark) {
			start = len(byteOrderMark)
			r.offset = int64(start)
		}
		text := b.buf[start:size]
		b.spans, rest = r.splitter.split(text, r.err == io.EOF, b.spans)
		r.rest = append(r.rest[:0], text[rest:]...)
		if r.err == io.EOF && r.splitter.open {
			r.err = fmt.Errorf("%w: its JSON array is cut off; %s", ErrCorrupt, again)
		}
		b.text, b.number, b.offset = text[:rest], r.lines, r.offset
		r.offset += int64(rest)
		if len(b.spans) > 0 {
			b.documents = b.spans
			r.lines += int64(len(b.spans))
			return nil
		}
	}
	b.text = nil
	if r.err == io.EOF {
		return io.EOF
	}
	return r.fail(r.err)
}

var errLongDocument = fmt.Errorf("the next document is longer than %d MiB; check its quotes and brackets", MaxLine>>20)

var errLongLine = fmt.Errorf("the next line is longer than %d MiB; check that the dump has one JSON object per line", MaxLine>>20)

// readFull reads until p is full or an error occurs.
func readFull(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = r.Read(p[n:])
		n += more
	}
	return n, err
}

// fail adds the position to err.
func (r *Reader) fail(err error) error {
	return &Error{URL: r.url, Form: r.form, Line: r.lines, Offset: r.offset, Err: err}
}

// StoredBytes is the number of bytes read so far, as stored (compressed).
func (r *Reader) StoredBytes() int64 { return r.source.read }
