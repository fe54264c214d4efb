package digests

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"daybook/pipeline/catalog"
	"daybook/pipeline/format"
	"daybook/pipeline/settings"
	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/transform/day"
)

// Indexes reads the indexes of digests, and the footers of their tables, and keeps
// them within a limit: neighbouring days need the same ones. Any number of
// goroutines may use it.
type Indexes struct {
	settings *settings.Pipeline
	limit    int64 // bytes

	mu   sync.Mutex
	kept map[string]*keptIndex // by the key of the index
	size int64
}

type keptIndex struct {
	day   day.Day // of the digest
	read  func() (*digest.Index, error)
	index *digest.Index // once it is read

	tables map[string]func() (format.EventsTable, error) // by key
}

// NewIndexes keeps indexes of up to limit bytes.
func NewIndexes(s *settings.Pipeline, limit int64) *Indexes {
	return &Indexes{settings: s, limit: limit, kept: map[string]*keptIndex{}}
}

// Get gives the index among the tables of a digest. of is the day that it is read for:
// indexes far from it are dropped first.
func (x *Indexes) Get(ctx context.Context, t *catalog.Tables, of day.Day) (*digest.Index, error) {
	key := t.Index.Key
	x.mu.Lock()
	k := x.kept[key]
	reader := k == nil
	if reader {
		k = &keptIndex{day: t.Of.Day, tables: map[string]func() (format.EventsTable, error){}, read: sync.OnceValues(func() (*digest.Index, error) {
			return x.settings.Files().Index(format.Object(ctx, x.settings.Sink, t.Index, true), t.Index.Bytes)
		})}
		x.kept[key] = k
	}
	x.mu.Unlock()

	index, err := k.read()
	x.mu.Lock()
	if err != nil {
		if x.kept[key] == k {
			delete(x.kept, key) // the next attempt may succeed
		}
		x.mu.Unlock()
		if !reader && isCancelled(err) && ctx.Err() == nil {
			return x.Get(ctx, t, of) // the reader was cancelled, this caller was not
		}
		return nil, ReadError(x.settings, t.Of, t.Index.Key, err)
	}
	defer x.mu.Unlock()
	if k.index == nil {
		k.index = index
		x.size += index.Size()
		x.evict(of)
	}
	return index, nil
}

// ReadError says which file of a digest could not be read, and if it is damaged, how it
// is made again.
func ReadError(p *settings.Pipeline, s *catalog.DigestState, key string, err error) error {
	err = fmt.Errorf("read %s: %w", p.Sink.URL(key), err)
	if errors.Is(err, digest.ErrCorrupt) {
		return fmt.Errorf("%w; daybook backfill --from %s --to %s --only all makes it again from its dumps", err, s.Day, s.Day)
	}
	return err
}

func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// Table opens a table of a digest whose index has been read. r holds the table's
// part; its footer is tail bytes long.
func (x *Indexes) Table(t *catalog.Tables, part publish.Part, tail int64, complete bool, r io.ReaderAt) (format.EventsTable, error) {
	key := part.Key
	open := func() (format.EventsTable, error) { return x.settings.Files().Events(r, part.Bytes, tail, complete) }
	x.mu.Lock()
	k := x.kept[t.Index.Key]
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
			delete(k.tables, key) // the next attempt may succeed
			x.mu.Unlock()
		}
		return nil, ReadError(x.settings, t.Of, key, err)
	}
	return table, nil
}

// evict drops the indexes farthest from a day until the rest fits. The nearest
// ones are needed by most of the days that follow; the least recently used ones
// would be needed next, where a window is larger than the limit.
func (x *Indexes) evict(of day.Day) {
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
