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
	shards [Shards][]event.Event
}

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
	i := shardOf(e.SessionID)
	w.shards[i] = append(w.shards[i], *e)
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
	total := 0
	for _, w := range s.writers {
		total += len(w.shards[shard])
	}
	events := make([]*event.Event, 0, total)
	for _, w := range s.writers {
		for i := range w.shards[shard] {
			events = append(events, &w.shards[shard][i])
		}
		w.shards[shard] = nil
	}
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
