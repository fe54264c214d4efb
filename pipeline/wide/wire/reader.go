package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Reader reads a stream. It holds one batch at a time. It reads the messages of Arrow
// itself ("Encapsulated message format"), within limits: the library allocates what a
// length says.
type Reader struct {
	in    io.Reader
	begun bool     // the schema was read
	batch *columns // nil before the first
	next  int      // row of the batch
	count int64    // rows read so far
	err   error    // stays; io.EOF: the end was read
}

// NewReader reads the stream of r.
func NewReader(r io.Reader) *Reader { return &Reader{in: r} }

// Next reads the next row. Its payload is valid until the next call. The error is
// io.EOF at the end of a whole stream; otherwise it wraps [ErrStream], and that of the
// underlying reader, and stays.
func (r *Reader) Next() (row Row, err error) {
	if r.err == nil {
		row, r.err = r.read()
	}
	return row, r.err
}

func (r *Reader) read() (Row, error) {
	for r.batch == nil || r.next == r.batch.rows {
		if err := r.readBatch(); errors.Is(err, errNoMore) {
			return Row{}, damaged("it stops after %d rows, without its end", r.count)
		} else if err != nil {
			return Row{}, damaged("after %d rows: %w", r.count, err)
		}
	}
	row, err := r.batch.row(r.next)
	if err != nil {
		return Row{}, damaged("row %d: %w", r.count, err)
	}
	r.next++
	if row.Kind != End {
		r.count++
		return row, nil
	}
	if row.N != r.count {
		return Row{}, damaged("it has %d rows, and its end counts %d", r.count, row.N)
	}
	return Row{}, r.end()
}

// end reads what follows the last row: nothing but the end of the Arrow stream.
func (r *Reader) end() error {
	var err error
	for err == nil {
		if r.next < r.batch.rows {
			return damaged("rows follow its end")
		}
		err = r.readBatch()
	}
	if !errors.Is(err, errNoMore) {
		return damaged("after its end: %w", err)
	}
	switch n, err := io.ReadFull(r.in, make([]byte, 1)); {
	case n > 0:
		return damaged("bytes follow its end")
	case err != io.EOF:
		return damaged("after its end: %w", err)
	}
	return io.EOF
}

// errNoMore: the Arrow stream has ended.
var errNoMore = errors.New("there are no more batches")

// readBatch reads the next batch, and the schema before the first.
func (r *Reader) readBatch() error {
	m, err := r.message()
	if err == nil && !r.begun {
		if err := m.checkSchema(); err != nil {
			return err
		}
		r.begun = true
		m, err = r.message()
	}
	if err != nil {
		return err
	}
	r.next = 0
	r.batch, err = m.columns()
	return err
}

// continuation is the mark at the begin of a message.
const continuation = 0xFFFFFFFF

// message reads the next message.
func (r *Reader) message() (*message, error) {
	prefix, err := r.bytes(8)
	if err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(prefix[4:])
	switch {
	case binary.LittleEndian.Uint32(prefix) != continuation:
		return nil, errors.New("a message does not begin with its mark")
	case length == 0:
		return nil, errNoMore
	case length > maxMetadata:
		return nil, fmt.Errorf("the description of a message has %d bytes, and the most is %d", length, maxMetadata)
	}
	description, err := r.bytes(int64(length))
	if err != nil {
		return nil, err
	}
	m := &message{flat: newFlat(description)}
	root := m.root()
	m.kind, m.header = uint8(m.number(root, messageHeaderType, 1)), m.table(root, messageHeader)
	size := m.number(root, messageBodyLength, 8)
	switch {
	case *m.bad || m.header == 0:
		return nil, errors.New("the description of a message is damaged")
	case size < 0 || size > maxBody:
		return nil, fmt.Errorf("a message has %d bytes, and the most is %d", size, maxBody)
	}
	m.body, err = r.bytes(size)
	return m, err
}

// firstPiece is how many bytes are allocated for a message before any of it is there.
const firstPiece = 1 << 20

// bytes reads so many bytes. Memory grows with the bytes that are really there.
func (r *Reader) bytes(n int64) ([]byte, error) {
	b := make([]byte, 0, min(n, firstPiece))
	for int64(len(b)) < n {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		end := min(int64(cap(b)), n)
		read, err := io.ReadFull(r.in, b[len(b):end])
		b = b[:len(b)+read]
		if err == io.EOF { // which means a whole stream
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, fmt.Errorf("it is cut off: %w", err)
		}
	}
	return b, nil
}
