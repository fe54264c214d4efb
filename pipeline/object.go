package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/transform/day"
)

// wholeSize is up to which size an object is read as a whole, in one request,
// whichever part of it is asked for; so is one whose pieces would be as small.
const wholeSize = 16 << 10

// wholeMost is up to which size it is, if most of it will be read: dozens may be
// open at a time.
const wholeMost = 1 << 20

// object is a stored part, as something to read pieces of. Its name holds the
// hash of its content, so whatever piece is read is of the same content.
type object struct {
	ctx  context.Context
	r    *Runner
	part publish.Part

	once  sync.Once
	whole []byte // nil: it is read piece by piece
	err   error
}

// object opens a part. all says that most of it will be read.
func (r *Runner) object(ctx context.Context, part publish.Part, all bool) io.ReaderAt {
	o := &object{ctx: ctx, r: r, part: part}
	if !all && part.Bytes > wholeSize || part.Bytes > wholeMost {
		o.once.Do(func() {}) // never as a whole
	}
	return o
}

// ReadAt implements io.ReaderAt.
func (o *object) ReadAt(p []byte, offset int64) (int, error) {
	o.once.Do(func() {
		o.whole = make([]byte, o.part.Bytes)
		if _, o.err = o.read(o.whole, 0); o.err != nil {
			o.whole = nil
		}
	})
	switch {
	case o.err != nil:
		return 0, o.err
	case o.whole == nil:
		return o.read(p, offset)
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
	body, stored, err := o.r.Sink.Open(o.ctx, o.part.Key, offset, want, "")
	if err != nil {
		return 0, err
	}
	defer body.Close()
	if stored.Size != o.part.Bytes {
		return 0, wrongSize{fmt.Errorf("%s has %d bytes, and its manifest says %d: it was not written by daybook; delete its manifest to have it made again", o.r.Sink.URL(o.part.Key), stored.Size, o.part.Bytes)}
	}
	n, err := io.ReadFull(body, p[:want])
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// wrongSize is damage, and says so in words of its own.
type wrongSize struct{ error }

func (wrongSize) Is(target error) bool { return target == digest.ErrCorrupt }

// object is the place's part, to read its row groups of.
func (p *place) object(ctx context.Context, r *Runner) io.ReaderAt {
	// Without their ids the events are half as large: then pieces are less than
	// the whole, even if there are many, unless they are small.
	all := len(p.groups) > 2 && !slices.ContainsFunc(p.groups, func(g groupRange) bool { return !g.ids }) ||
		p.part.Bytes <= int64(len(p.groups))*wholeSize
	return r.object(ctx, p.part, all)
}

// indexes keeps the indexes of digests that were read, as neighbouring days
// need the same ones, and where the row groups of their tables are. What it
// keeps is bounded.
type indexes struct {
	r     *Runner
	limit int64 // bytes

	mu   sync.Mutex
	kept map[string]*keptIndex // by the key of the sessions table
	size int64
}

type keptIndex struct {
	day   day.Day // of the digest
	read  func() (*digest.Index, error)
	index *digest.Index // once it is read

	tables map[string]func() (eventsTable, error) // by key
}

func newIndexes(r *Runner, limit int64) *indexes {
	return &indexes{r: r, limit: limit, kept: map[string]*keptIndex{}}
}

// get gives the index of a digest, for what is made of a day.
func (x *indexes) get(ctx context.Context, d *digestRef, of day.Day) (*digest.Index, error) {
	key := d.sessions.Key
	x.mu.Lock()
	k := x.kept[key]
	mine := k == nil
	if mine {
		k = &keptIndex{day: d.day, tables: map[string]func() (eventsTable, error){}, read: sync.OnceValues(func() (*digest.Index, error) {
			return x.r.files().index(x.r.object(ctx, d.sessions, true), d.sessions.Bytes)
		})}
		x.kept[key] = k
	}
	x.mu.Unlock()

	index, err := k.read()
	x.mu.Lock()
	if err != nil {
		if x.kept[key] == k {
			delete(x.kept, key) // it may work next time
		}
		x.mu.Unlock()
		if !mine && stopped(err) && ctx.Err() == nil {
			return x.get(ctx, d, of)
		}
		return nil, fmt.Errorf("read %s: %w", x.r.Sink.URL(key), err)
	}
	defer x.mu.Unlock()
	if k.index == nil {
		k.index = index
		x.size += index.Size()
		x.forget(of)
	}
	return index, nil
}

// stopped says that who was reading for all was told to stop: whoever was not
// can go on by himself.
func stopped(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// table opens the table of a place, whose index has been asked for, and which is
// in r.
func (x *indexes) table(p *place, r io.ReaderAt) (eventsTable, error) {
	key := p.part.Key
	open := func() (eventsTable, error) { return x.r.files().events(r, p.part.Bytes, p.tail, p.complete) }
	x.mu.Lock()
	k := x.kept[p.digest.sessions.Key]
	if k != nil {
		if k.tables[key] == nil {
			k.tables[key] = sync.OnceValues(open)
		}
		open = k.tables[key]
	}
	x.mu.Unlock()

	table, err := open()
	if err != nil {
		if k != nil {
			x.mu.Lock()
			delete(k.tables, key) // it may work next time
			x.mu.Unlock()
		}
		return nil, fmt.Errorf("read %s: %w", x.r.Sink.URL(key), err)
	}
	return table, nil
}

// forget lets go of what is farthest from a day, until the rest fits: what is
// nearest is needed by most of the days that follow. Those used longest ago
// would be the next ones to be needed, where a window is more than fits.
func (x *indexes) forget(of day.Day) {
	for x.size > x.limit {
		farthest, most := "", day.Day(-1)
		for _, key := range slices.Sorted(maps.Keys(x.kept)) {
			k := x.kept[key]
			if away := max(k.day-of, of-k.day); k.index != nil && away > most {
				farthest, most = key, away
			}
		}
		if farthest == "" {
			return
		}
		x.size -= x.kept[farthest].index.Size()
		delete(x.kept, farthest)
	}
}
