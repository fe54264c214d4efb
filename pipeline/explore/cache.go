package explore

import (
	"container/list"
	"context"
	"fmt"
	"hash/fnv"
	"strconv"
	"sync"
	"time"

	"daybook/pipeline/format"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/sinks/publish"
	"daybook/sources/store"
)

// DefaultMemory is the memory of a [Cache] where none is configured: two years of a
// million sessions each.
const DefaultMemory = 512 << 20

// Day is a published day, as the caller knows it.
type Day struct {
	ID        partition.ID
	Revision  int
	Published time.Time // tells apart revisions of the same number
	Rows      int64
}

// Cache keeps in memory the columns of published days, and the sessions of periods,
// that were used last. Its methods are safe for concurrent use.
type Cache struct {
	most int64 // bytes

	mu      sync.Mutex
	entries map[key]*list.Element // of *entry
	recent  list.List             // the last used one first
	bytes   int64
}

// NewCache makes a cache that holds so many bytes; 0 is [DefaultMemory].
func NewCache(bytes int64) *Cache {
	if bytes <= 0 {
		bytes = DefaultMemory
	}
	return &Cache{most: bytes, entries: map[key]*list.Element{}}
}

// key is a revision of a day, or the days of a period. The zone decides the hours of
// rows.
type key struct {
	report, name, zone string
	revision           int // 0: a period
	published          int64
}

type entry struct {
	key   key
	value any // *columns of a day, *joined of a period
	bytes int64
}

// source is where published days are read from.
type source struct {
	sink    store.Store
	format  format.Format
	workers int
}

// TooLargeError says that the memory does not hold the days of a question: their rows,
// or the texts to search in.
type TooLargeError struct {
	Rows, Most int64 // 0: of texts
}

func (e *TooLargeError) Error() string {
	if e.Rows == 0 {
		return "the memory does not hold the texts of the days"
	}
	return fmt.Sprintf("the days have %d rows, and the memory holds %d", e.Rows, e.Most)
}

// Most is how many rows of a question the memory holds: half of it is for the question
// about the period before.
func (c *Cache) Most() int64 { return c.most / 2 / rowSize }

// read returns the columns of days, in their order. It reads those that the cache
// does not have. A day that is no longer published is left out.
func (c *Cache) read(ctx context.Context, from source, days []Day, zone *time.Location) ([]*columns, error) {
	rows := int64(0)
	for i := range days {
		rows += days[i].Rows
	}
	if rows > c.Most() {
		return nil, &TooLargeError{rows, c.Most()}
	}
	all := make([]*columns, len(days))
	var missing []int
	for i := range days {
		if all[i], _ = c.take(keyOf(&days[i], zone)).(*columns); all[i] == nil {
			missing = append(missing, i)
		}
	}
	err := parallel.Each(ctx, len(missing), max(from.workers, requests), func(ctx context.Context, i int) error {
		d := &days[missing[i]]
		read, err := from.day(ctx, d, zone)
		if err != nil || read == nil {
			return err
		}
		all[missing[i]] = read
		c.put(keyOf(d, zone), read, read.size())
		return nil
	})
	if err != nil {
		return nil, err
	}
	some := all[:0]
	for _, read := range all {
		if read != nil {
			some = append(some, read)
		}
	}
	return some, nil
}

// requests is how many days are read at the same time: a store far away takes more
// time to answer than a day takes to decode.
const requests = 8

// day reads a day; nil if it is not published.
func (s *source) day(ctx context.Context, d *Day, zone *time.Location) (*columns, error) {
	base, err := publish.Read(ctx, s.sink, d.ID.Dir())
	if err != nil || base.Manifest == nil {
		return nil, err
	}
	read, err := readColumns(ctx, s.format, s.sink, base.Manifest, d.ID.Day(), zone)
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", d.ID.Name(), d.ID.Report, err)
	}
	return read, nil
}

func keyOf(d *Day, zone *time.Location) key {
	return key{d.ID.Report, d.ID.Name(), zone.String(), d.Revision, d.Published.UnixNano()}
}

// view joins the sessions of days, unless it has done so before. It keeps no columns:
// they come and go by themselves.
func (c *Cache) view(read []*columns, days []Day, zone *time.Location) *view {
	hash := fnv.New64a()
	for i := range days {
		fmt.Fprintln(hash, keyOf(&days[i], zone))
	}
	k := key{name: strconv.FormatUint(hash.Sum64(), 16) + "/" + strconv.Itoa(len(read))}
	if len(days) > 0 {
		k.report, k.zone = days[0].ID.Report, zone.String()
	}
	if j, ok := c.take(k).(*joined); ok {
		return &view{days: read, joined: j}
	}
	j := join(read)
	c.put(k, j, j.size())
	return &view{days: read, joined: j}
}

// take is a value of the cache; nil if it has none.
func (c *Cache) take(k key) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[k]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*entry).value
}

// put adds a value, in place of the one with its key, and forgets those that were used
// longest ago beyond the bound.
func (c *Cache) put(k key, value any, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[k]; e != nil {
		c.remove(e)
	}
	c.entries[k] = c.recent.PushFront(&entry{k, value, bytes})
	c.bytes += bytes
	for c.bytes > c.most && c.recent.Len() > 1 {
		c.remove(c.recent.Back())
	}
}

func (c *Cache) remove(e *list.Element) {
	gone := c.recent.Remove(e).(*entry)
	delete(c.entries, gone.key)
	c.bytes -= gone.bytes
}

// Bytes is about how many bytes the cache holds.
func (c *Cache) Bytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}
