package format

import (
	"context"
	"fmt"
	"io"
	"iter"
	"sync"

	"daybook/sinks/digest"
	"daybook/sinks/parquet"
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

	kept  *KeptParts // of the run; may be nil
	all   bool       // it is read in one request, and kept
	once  sync.Once
	whole []byte
	err   error
}

// Object opens a stored part. all says that most of it will be read.
func Object(ctx context.Context, sink store.Store, part publish.Part, all bool) io.ReaderAt {
	return newObject(ctx, sink, part, all)
}

// Shared is like Object, for a part that other days of a run may read, too: if sink is
// that of KeepParts, it keeps the part.
func Shared(ctx context.Context, sink store.Store, part publish.Part, all bool) io.ReaderAt {
	o := newObject(ctx, sink, part, all)
	o.kept, _ = sink.(*KeptParts)
	return o
}

func newObject(ctx context.Context, sink store.Store, part publish.Part, all bool) *object {
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
	if kept := o.kept.part(o); kept != nil {
		return readAt(kept, p, offset)
	}
	if !o.all {
		return o.read(p, offset)
	}
	o.once.Do(func() {
		o.whole = make([]byte, o.part.Bytes)
		if _, o.err = o.read(o.whole, 0); o.err != nil {
			o.whole = nil
		}
	})
	if o.err != nil {
		return 0, o.err
	}
	return readAt(o.whole, p, offset)
}

func readAt(whole, p []byte, offset int64) (int, error) {
	if offset >= int64(len(whole)) {
		return 0, io.EOF
	}
	n := copy(p, whole[offset:])
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
		return 0, WrongSize(o.sink, o.part, stored.Size)
	}
	n, err := io.ReadFull(body, p[:want])
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// WrongSize is the error of a stored part of another size than its manifest says.
func WrongSize(sink store.Store, part publish.Part, size int64) error {
	return wrongSizeError{fmt.Errorf("%s has %d bytes, and its manifest says %d: it was not written by daybook; delete its manifest to have it made again", sink.URL(part.Key), size, part.Bytes)}
}

// wrongSizeError is damage, like digest.ErrCorrupt, with a text of its own.
type wrongSizeError struct{ error }

func (wrongSizeError) Is(target error) bool { return target == digest.ErrCorrupt }

// Rows reads the selected columns of a published partition's rows, in order. A batch
// is valid until the next one is asked for.
func Rows(ctx context.Context, f Format, sink store.Store, m *publish.Manifest, columns parquet.Columns) iter.Seq2[[]report.Row, error] {
	return func(yield func([]report.Row, error) bool) {
		for _, part := range m.Parts {
			for batch, err := range f.Rows(Object(ctx, sink, part, true), part.Bytes, columns) {
				if err != nil {
					err = fmt.Errorf("read %s: %w", sink.URL(part.Key), err)
				}
				if !yield(batch, err) || err != nil {
					return
				}
			}
		}
	}
}
