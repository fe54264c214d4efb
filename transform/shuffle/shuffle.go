// Package shuffle brings the events of each session together. Workers that
// decode dumps each write to a [Writer] of their own; afterwards the sessions
// are read back shard by shard, a session whole in one shard.
package shuffle

import (
	"cmp"
	"slices"
	"sync"

	"daybook/transform/event"
)

// Shards is how many parts the sessions are divided into: enough to keep
// every worker busy, and to hold but a small part of the sessions twice.
const Shards = 64

// A Shuffle holds events by shard. Its zero value is ready to use.
type Shuffle struct {
	mu      sync.Mutex
	writers []*Writer
}

// A Writer takes events; it is not safe for concurrent use.
type Writer struct {
	shards [Shards][][]event.Event // in chunks, so that none is ever moved
}

// chunk is how many events a shard has room for at a time: small beside a
// shard, large beside a slice's header.
const chunk = 256

// Writer returns a new writer to the shuffle.
func (s *Shuffle) Writer() *Writer {
	w := new(Writer)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writers = append(s.writers, w)
	return w
}

// Add keeps a copy of e, and its strings.
func (w *Writer) Add(e *event.Event) {
	shard := &w.shards[shardOf(e.SessionID)]
	last := len(*shard) - 1
	if last < 0 || len((*shard)[last]) == chunk {
		*shard = append(*shard, make([]event.Event, 0, chunk))
		last++
	}
	(*shard)[last] = append((*shard)[last], *e)
}

// shardOf spreads consecutive ids evenly: Fibonacci hashing, whose high bits
// are the well-mixed ones.
func shardOf(session int64) int {
	const golden = 0x9E3779B97F4A7C15 // 2^64 over the golden ratio
	return int(uint64(session) * golden >> 58)
}

// Sessions calls fold with the events of each session of a shard, by
// ascending session id; a session's events come in no particular order. The
// events are fold's until it returns. All writers must be done. A shard can be
// read once: its memory is let go. Different shards may be read at the same
// time.
func (s *Shuffle) Sessions(shard int, fold func(events []event.Event) error) error {
	var events []*event.Event
	for _, w := range s.writers {
		events = slices.Grow(events, len(w.shards[shard])*chunk)
		for _, c := range w.shards[shard] {
			for i := range c {
				events = append(events, &c[i])
			}
		}
		w.shards[shard] = nil
	}
	// A session's events mostly come in their order already; to keep it saves
	// sorting them later.
	slices.SortStableFunc(events, func(a, b *event.Event) int { return cmp.Compare(a.SessionID, b.SessionID) })

	var session []event.Event
	for len(events) > 0 {
		session = session[:0]
		id := events[0].SessionID
		for len(events) > 0 && events[0].SessionID == id {
			session = append(session, *events[0])
			events = events[1:]
		}
		if err := fold(session); err != nil {
			return err
		}
	}
	return nil
}
