package format

import (
	"context"
	"fmt"
	"io"
	"iter"
	"sync"

	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/report"
)

// WholeSize is the size up to which an object is read in one request, whichever
// piece of it is asked for.
const WholeSize = 16 << 10

// wholeMost is the size up to which an object is read in one request if most of it
// is needed: dozens of objects may be open at a time.
const wholeMost = 1 << 20

// object is a stored part as an io.ReaderAt. Its name holds the hash of its
// content, so all pieces are of the same content.
type object struct {
	ctx  context.Context
	sink store.Store
	part publish.Part

	all   bool // it is read in one request, and kept
	once  sync.Once
	whole []byte
	err   error
}

// Object opens a stored part. all says that most of it will be read.
func Object(ctx context.Context, sink store.Store, part publish.Part, all bool) io.ReaderAt {
	all = part.Bytes <= WholeSize || all && part.Bytes <= wholeMost
	return &object{ctx: ctx, sink: sink, part: part, all: all}
}

// Kept is how many bytes of a part stay in memory, once some of it was read.
func Kept(opened io.ReaderAt) int64 {
	if o, ok := opened.(*object); ok && o.all {
		return o.part.Bytes
	}
	return 0
}

// ReadAt implements io.ReaderAt.
func (o *object) ReadAt(p []byte, offset int64) (int, error) {
	if !o.all {
		return o.read(p, offset)
	}
	o.once.Do(func() {
		o.whole = make([]byte, o.part.Bytes)
		if _, o.err = o.read(o.whole, 0); o.err != nil {
			o.whole = nil
		}
	})
	switch {
	case o.err != nil:
		return 0, o.err
	case offset >= int64(len(o.whole)):
		return 0, io.EOF
	}
	n := copy(p, o.whole[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (o *object) read(p []byte, offset int64) (int, error) {
	want := min(int64(len(p)), o.part.Bytes-offset)
	if want <= 0 {
		return 0, io.EOF
	}
	body, stored, err := o.sink.Open(o.ctx, o.part.Key, offset, want, "")
	if err != nil {
		return 0, err
	}
	defer body.Close()
	if stored.Size != o.part.Bytes {
		return 0, wrongSizeError{fmt.Errorf("%s has %d bytes, and its manifest says %d: it was not written by daybook; delete its manifest to have it made again", o.sink.URL(o.part.Key), stored.Size, o.part.Bytes)}
	}
	n, err := io.ReadFull(body, p[:want])
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// wrongSizeError is damage, like digest.ErrCorrupt, with a text of its own.
type wrongSizeError struct{ error }

func (wrongSizeError) Is(target error) bool { return target == digest.ErrCorrupt }

// BatchRows is how many rows are passed on at a time.
const BatchRows = 4096

// Rows reads the rows of a published partition, in order. A batch is valid until
// the next one is asked for.
func Rows(ctx context.Context, f Format, sink store.Store, m *publish.Manifest) iter.Seq2[[]report.Row, error] {
	return func(yield func([]report.Row, error) bool) {
		var batch []report.Row
		for _, part := range m.Parts {
			for row, err := range f.Rows(Object(ctx, sink, part, true), part.Bytes) {
				if err != nil {
					yield(nil, fmt.Errorf("read %s: %w", sink.URL(part.Key), err))
					return
				}
				if batch = append(batch, row); len(batch) == BatchRows {
					if !yield(batch, nil) {
						return
					}
					batch = batch[:0]
				}
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}
