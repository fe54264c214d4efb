package service

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"daybook/sinks/lease"
	"daybook/sinks/webhook"
)

// The kinds of events.
const (
	eventLate      = "late"
	eventFailed    = "failed"
	eventRestated  = "restated"
	eventRecovered = "recovered"
)

// Hook receives events.
type Hook struct {
	Name    string   // unique, the same after a restart, and not secret: logs and metrics show it
	Events  []string // the kinds to deliver; empty: all
	Deliver func(ctx context.Context, e *Event) error
}

// Event is the content of a message to a hook.
type Event = webhook.Event

// message is an event with the hooks that have not accepted it yet.
type message struct {
	Event Event                `json:"event"`
	Left  map[string]*attempts `json:"left"` // by the hook's name
}

// attempts counts the failed deliveries of a message to a hook.
type attempts struct {
	Failed int       `json:"failed"`
	Again  time.Time `json:"again,omitzero"` // of the next attempt
}

const (
	// A hook that does not answer is retried for about four hours; the console
	// shows the alert anyway. A message that the hook rejects is not retried.
	deliveryAttempts   = 10
	firstDeliveryPause = time.Minute
	maxDeliveryPause   = time.Hour
	deliveryTimeout    = 2 * time.Minute // of one attempt, which may make several requests
	maxOutbox          = 1000            // messages; further ones are dropped
	maxEventText       = 2000            // bytes
)

// post adds an event to the outbox, if a hook wants it.
func (cs *controllerState) post(e Event, hooks []Hook) {
	e.Text = shortened(e.Text, maxEventText)
	m := &message{Event: e, Left: map[string]*attempts{}}
	for i := range hooks {
		if h := &hooks[i]; len(h.Events) == 0 || slices.Contains(h.Events, e.Event) {
			m.Left[h.Name] = &attempts{}
		}
	}
	if len(m.Left) > 0 && cs.Outbox[e.ID] == nil && len(cs.Outbox) < maxOutbox {
		cs.Outbox[e.ID] = m
	}
}

// dropUnknownHooks removes deliveries to hooks that are no longer configured.
func (cs *controllerState) dropUnknownHooks(hooks []Hook) {
	known := map[string]bool{}
	for i := range hooks {
		known[hooks[i].Name] = true
	}
	for id, m := range cs.Outbox {
		maps.DeleteFunc(m.Left, func(hook string, _ *attempts) bool { return !known[hook] })
		if len(m.Left) == 0 {
			delete(cs.Outbox, id)
		}
	}
}

// messagesFor are the messages that a hook may receive now, oldest first.
func (cs *controllerState) messagesFor(hook string, now time.Time) []*message {
	var messages []*message
	for _, m := range cs.Outbox {
		if left := m.Left[hook]; left != nil && !now.Before(left.Again) {
			messages = append(messages, m)
		}
	}
	slices.SortFunc(messages, func(a, b *message) int {
		return cmp.Or(a.Event.Time.Compare(b.Event.Time), cmp.Compare(a.Event.ID, b.Event.ID))
	})
	return messages
}

// recordDelivery records the outcome of an attempt. It reports whether a failed
// message is given up.
func (cs *controllerState) recordDelivery(id, hook string, err error, now time.Time) (gaveUp bool) {
	m := cs.Outbox[id]
	if m == nil || m.Left[hook] == nil {
		return false
	}
	left := m.Left[hook]
	if err != nil {
		left.Failed++
		left.Again = now.Add((&retryPolicy{firstPause: firstDeliveryPause, maxPause: maxDeliveryPause}).pause(left.Failed))
		gaveUp = left.Failed >= deliveryAttempts || errors.Is(err, webhook.ErrRefused)
	}
	if err == nil || gaveUp {
		delete(m.Left, hook)
	}
	if len(m.Left) == 0 {
		delete(cs.Outbox, id)
	}
	return gaveUp
}

// notifier delivers the messages of the outbox to the hooks, on the replica that
// holds the lease.
type notifier struct {
	log        *slog.Logger
	config     *activeConfig
	metrics    *metrics
	lease      *lease.Lease
	controller *controllerStore
	pending    signal // the outbox may have messages
}

// run delivers until ctx is done. The hooks are independent: a hook that hangs
// does not delay the others.
func (n *notifier) run(ctx context.Context) {
	busy := map[string]chan struct{}{} // by hook; holds one element during its delivery
	var deliveries sync.WaitGroup
	defer deliveries.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.pending:
		}
		for _, h := range n.config.Load().Hooks {
			slot := busy[h.Name]
			if slot == nil {
				slot = make(chan struct{}, 1)
				busy[h.Name] = slot
			}
			select {
			case slot <- struct{}{}:
				deliveries.Go(func() {
					defer func() { <-slot }()
					if err := n.deliver(ctx, &h); err != nil {
						n.log.Warn("the outbox could not be read or written", "hook", h.Name, "error", err)
					}
				})
			default: // the last delivery is still running
			}
		}
	}
}

// deliver sends the messages of a hook in order. It stops at the first one
// without an answer.
func (n *notifier) deliver(ctx context.Context, h *Hook) error {
	ctx, done, err := n.lease.Work(ctx)
	if err != nil {
		return nil // another replica delivers
	}
	defer done()
	cs, _, err := readControllerState(ctx, n.config.sink())
	if err != nil {
		return err
	}
	for _, m := range cs.messagesFor(h.Name, time.Now()) {
		err := deliverOne(ctx, h, &m.Event)
		if ctx.Err() != nil {
			return nil
		}
		gaveUp := false
		if _, err := n.controller.edit(ctx, func(cs *controllerState) {
			gaveUp = cs.recordDelivery(m.Event.ID, h.Name, err, time.Now().UTC())
		}); err != nil {
			return err
		}
		n.metrics.delivered(h.Name, err, gaveUp)
		if err != nil {
			n.log.Warn("a webhook was not delivered", "hook", h.Name, "event", m.Event.Event, "id", m.Event.ID, "given_up", gaveUp, "error", err)
			if errors.Is(err, webhook.ErrRefused) {
				continue // it may accept the next message
			}
			return nil
		}
		n.log.Info("a webhook was delivered", "hook", h.Name, "event", m.Event.Event, "id", m.Event.ID)
	}
	return nil
}

func deliverOne(ctx context.Context, h *Hook, e *Event) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	return h.Deliver(ctx, e)
}
