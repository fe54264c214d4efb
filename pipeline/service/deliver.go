package service

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"daybook/sinks/webhook"
)

// The events that people are told of.
const (
	eventLate      = "late"
	eventFailed    = "failed"
	eventRestated  = "restated"
	eventRecovered = "recovered"
)

// Hook is somebody who is told of events.
type Hook struct {
	Name    string   // unique and lasting, and no secret: logs and metrics show it
	Events  []string // those that it is told of; none: all
	Deliver func(ctx context.Context, e *Event) error
}

// Event is what a hook is told.
type Event = webhook.Event

// message is an event that some hooks have not taken yet.
type message struct {
	Event Event                `json:"event"`
	Left  map[string]*attempts `json:"left"` // by the hook's name
}

// attempts are how often a hook has refused a message.
type attempts struct {
	Failed int       `json:"failed"`
	Again  time.Time `json:"again,omitzero"` // it is not tried before
}

const (
	// A hook that does not answer is tried again for about four hours, and then
	// not any more: people look at the console by then. What it refuses for good
	// is not tried again at all.
	deliveryAttempts  = 10
	deliveryPause     = time.Minute
	deliveryPauseMost = time.Hour
	deliveryTimeout   = 2 * time.Minute // of one attempt, which is several requests
	maxOutbox         = 1000            // messages: more of them nobody reads
	maxEventText      = 2000            // bytes
)

// post puts an event into the outbox, unless nobody wants it.
func (b *controllerState) post(e Event, hooks []Hook) {
	e.Text = shortened(e.Text, maxEventText)
	m := &message{Event: e, Left: map[string]*attempts{}}
	for i := range hooks {
		if h := &hooks[i]; len(h.Events) == 0 || slices.Contains(h.Events, e.Event) {
			m.Left[h.Name] = &attempts{}
		}
	}
	if len(m.Left) > 0 && b.Outbox[e.ID] == nil && len(b.Outbox) < maxOutbox {
		b.Outbox[e.ID] = m
	}
}

// dropUnknown forgets what is left for hooks that are not configured any more.
func (b *controllerState) dropUnknown(hooks []Hook) {
	known := map[string]bool{}
	for i := range hooks {
		known[hooks[i].Name] = true
	}
	for id, m := range b.Outbox {
		maps.DeleteFunc(m.Left, func(hook string, _ *attempts) bool { return !known[hook] })
		if len(m.Left) == 0 {
			delete(b.Outbox, id)
		}
	}
}

// triggerDelivery has the outbox looked at.
func (s *Service) triggerDelivery() {
	select {
	case s.delivered <- struct{}{}:
	default: // it will be
	}
}

// deliver empties the outbox, whenever there is something in it and this
// replica holds the lease. Each hook has its turns by itself: one that hangs
// holds up nobody else.
func (s *Service) deliver(ctx context.Context) {
	turns := map[string]chan struct{}{}
	var deliveries sync.WaitGroup
	defer deliveries.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.delivered:
		}
		for _, h := range s.current().Hooks {
			turn := turns[h.Name]
			if turn == nil {
				turn = make(chan struct{}, 1)
				turns[h.Name] = turn
			}
			select {
			case turn <- struct{}{}:
				deliveries.Go(func() {
					defer func() { <-turn }()
					if err := s.deliverTo(ctx, &h); err != nil {
						s.log.Warn("the outbox could not be looked at", "hook", h.Name, "error", err)
					}
				})
			default: // the last one is not over yet
			}
		}
	}
}

// deliverTo delivers what a hook is to be told, in order, until it does not answer.
func (s *Service) deliverTo(ctx context.Context, h *Hook) error {
	ctx, done, err := s.lease.Work(ctx)
	if err != nil {
		return nil // another replica does it
	}
	defer done()
	b, _, err := readControllerState(ctx, s.current().Pipeline.Sink)
	if err != nil {
		return err
	}
	for _, m := range b.messagesFor(h.Name, time.Now()) {
		err := deliverOne(ctx, h, &m.Event)
		if ctx.Err() != nil {
			return nil
		}
		gaveUp := false
		if _, err := s.edit(ctx, func(b *controllerState) { gaveUp = b.delivered(m.Event.ID, h.Name, err, time.Now().UTC()) }); err != nil {
			return err
		}
		s.metrics.delivery(h.Name, err, gaveUp)
		if err != nil {
			s.log.Warn("a webhook was not delivered", "hook", h.Name, "event", m.Event.Event, "id", m.Event.ID, "given_up", gaveUp, "error", err)
			if errors.Is(err, webhook.ErrRefused) {
				continue // it may take another one
			}
			return nil
		}
		s.log.Info("a webhook was delivered", "hook", h.Name, "event", m.Event.Event, "id", m.Event.ID)
	}
	return nil
}

func deliverOne(ctx context.Context, h *Hook, e *Event) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	return h.Deliver(ctx, e)
}

// messagesFor are those that a hook may be told of now, the oldest first.
func (b *controllerState) messagesFor(hook string, now time.Time) []*message {
	var messages []*message
	for _, m := range b.Outbox {
		if left := m.Left[hook]; left != nil && !now.Before(left.Again) {
			messages = append(messages, m)
		}
	}
	slices.SortFunc(messages, func(a, b *message) int {
		return cmp.Or(a.Event.Time.Compare(b.Event.Time), cmp.Compare(a.Event.ID, b.Event.ID))
	})
	return messages
}

// delivered notes what came of an attempt, and says whether it was the last
// one although it failed.
func (b *controllerState) delivered(id, hook string, err error, now time.Time) (gaveUp bool) {
	m := b.Outbox[id]
	if m == nil || m.Left[hook] == nil {
		return false
	}
	left := m.Left[hook]
	if err != nil {
		left.Failed++
		left.Again = now.Add((&policy{pause1: deliveryPause, pauseAtMost: deliveryPauseMost}).pause(left.Failed))
		gaveUp = left.Failed >= deliveryAttempts || errors.Is(err, webhook.ErrRefused)
	}
	if err == nil || gaveUp {
		delete(m.Left, hook)
	}
	if len(m.Left) == 0 {
		delete(b.Outbox, id)
	}
	return gaveUp
}
