// Package courier brings events of lineage from a run to the outbox, by which they are
// delivered like all messages of the service. A run never waits for it.
//
// Events are kept in memory for a few seconds, and then stored in the sink as a batch, to
// which one message of the outbox refers. The outbox has room for a number of batches;
// further events stay in memory, up to a limit, beyond which the oldest are dropped.
package courier

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"daybook/pipeline/lineage"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/words"
	"daybook/sinks/webhook"
	"daybook/sources/store"
)

// Hook is the name of the hook that delivers batches, and the kind of their messages in the
// outbox.
const Hook = "lineage"

const (
	postPause = 5 * time.Second // in which events gather for one batch

	// The limits of a batch. Its delivery is one attempt, so it is short.
	batchEvents = 100
	batchBytes  = 512 << 10

	maxBatches = 200      // in the outbox, which alerts share
	maxWaiting = 16 << 20 // bytes of the events in memory
)

// Courier brings the events of this process to the outbox. It is safe for concurrent use.
type Courier struct {
	controller *controller.Store
	sink       func() store.Store
	added      chan struct{} // holds one element while events wait

	mu      sync.Mutex
	waiting [][]byte // each an event as JSON
	size    int      // their bytes
	dropped int64

	posting sync.Mutex
}

// New makes a courier. sink is that of the controller state.
func New(c *controller.Store, sink func() store.Store) *Courier {
	return &Courier{controller: c, sink: sink, added: make(chan struct{}, 1)}
}

// Add takes an event. It does not wait.
func (c *Courier) Add(e *lineage.Event) {
	text := e.JSON()
	c.mu.Lock()
	c.waiting = append(c.waiting, text)
	c.size += len(text)
	for c.size > maxWaiting {
		c.size -= len(c.waiting[0])
		c.waiting = c.waiting[1:]
		c.dropped++
	}
	c.mu.Unlock()
	select {
	case c.added <- struct{}{}:
	default: // Keep knows
	}
}

// Dropped is how many events have been dropped since the last call.
func (c *Courier) Dropped() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.dropped
	c.dropped = 0
	return n
}

// Waiting is how many events are in memory.
func (c *Courier) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting)
}

// Keep posts the events that are added, until ctx is done. It calls posted after each
// attempt, with its error.
func (c *Courier) Keep(ctx context.Context, posted func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.added:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(postPause):
		}
		err := c.Post(ctx)
		if ctx.Err() != nil {
			return
		}
		posted(err)
		if c.Waiting() > 0 {
			select {
			case c.added <- struct{}{}:
			default:
			}
		}
	}
}

// ErrFull says that the outbox takes no further batch now.
var ErrFull = errors.New("too many events of lineage wait for their delivery")

// Post stores the events that wait as batches, and puts messages about them into the
// outbox. After an error they wait on.
func (c *Courier) Post(ctx context.Context) error {
	c.posting.Lock()
	defer c.posting.Unlock()
	for {
		batch := c.next()
		if len(batch) == 0 {
			return nil
		}
		if err := c.post(ctx, batch); err != nil {
			return err
		}
		c.remove(batch)
	}
}

// next is the next batch. Its events stay in memory.
func (c *Courier) next() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, size := 0, 0
	for n < min(len(c.waiting), batchEvents) && (n == 0 || size+len(c.waiting[n]) <= batchBytes) {
		size += len(c.waiting[n])
		n++
	}
	return c.waiting[:n:n]
}

// remove removes a batch from the front, as far as it has not been dropped meanwhile.
func (c *Courier) remove(batch [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(batch) > 0 && len(c.waiting) > 0 {
		if &batch[0][0] == &c.waiting[0][0] {
			c.size -= len(c.waiting[0])
			c.waiting = c.waiting[1:]
		}
		batch = batch[1:]
	}
}

// post stores a batch and puts a message about it into the outbox.
func (c *Courier) post(ctx context.Context, batch [][]byte) error {
	sink := c.sink()
	cs, _, err := controller.Read(ctx, sink)
	if err != nil {
		return err
	}
	if full(cs.Outbox) {
		return ErrFull
	}
	id, err := lineage.StoreBatch(ctx, sink, batch)
	if err != nil {
		return err
	}
	e := webhook.Event{ID: id, Event: Hook, Text: words.Count(len(batch), "event", "events") + " of lineage", Time: time.Now().UTC()}
	_, err = c.controller.Edit(ctx, func(cs *controller.State) { cs.Outbox.Post(e, []string{Hook}) })
	return err
}

// full reports whether the outbox has as many batches as it takes.
func full(o controller.Outbox) bool {
	batches := 0
	for _, m := range o {
		if m.Event.Event == Hook {
			batches++
		}
	}
	return batches >= maxBatches || o.Full()
}

// Deliver delivers the batches that may be delivered now, oldest first, as the command line
// does it: without a service. It stops at the first one without an answer.
func (c *Courier) Deliver(ctx context.Context, hook *webhook.Hook) error {
	sink := c.sink()
	cs, _, err := controller.Read(ctx, sink)
	if err != nil {
		return err
	}
	for _, m := range cs.Outbox.For(Hook, time.Now()) {
		err := lineage.Deliver(ctx, sink, hook, m.Event.ID)
		if ctx.Err() != nil {
			return cmp.Or(err, ctx.Err()) // no failed attempt: the time was short
		}
		if _, edit := c.controller.Edit(ctx, func(cs *controller.State) { cs.Outbox.Record(m.Event.ID, Hook, err, time.Now().UTC()) }); edit != nil {
			return edit
		}
		if err != nil {
			return err
		}
	}
	return nil
}
