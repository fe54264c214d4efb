package controller

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"daybook/pipeline/words"
	"daybook/sinks/mail"
	"daybook/sinks/webhook"
)

// Outbox are the messages that some hook has not accepted yet, by the event's id. Hooks
// are known by their names.
type Outbox map[string]*Message

// Message is an event with the hooks that have not accepted it yet.
type Message struct {
	Event webhook.Event        `json:"event"`
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
	deliveryAttempts = 10
	maxOutbox        = 1000 // messages; further ones are dropped
	maxEventText     = 2000 // bytes

	// The lists of changes in all messages, in bytes. Further messages count them.
	maxOutboxChanges = 1 << 20
)

var deliveryPause = pause{time.Minute, time.Hour}

// Refused reports whether an error of a hook is final.
func Refused(err error) bool {
	return errors.Is(err, webhook.ErrRefused) || errors.Is(err, mail.ErrRefused)
}

// shortError is an error as it is stored: one that a hook or a mail server may have
// written.
func shortError(err error) string { return words.Shortened(err.Error(), maxErrorText) }

// Full reports whether the outbox takes no further message.
func (o Outbox) Full() bool { return len(o) >= maxOutbox }

// Post adds an event for hooks. Without hooks, it does nothing.
func (o Outbox) Post(e webhook.Event, hooks []string) {
	e.Text = words.Shortened(e.Text, maxEventText)
	if len(hooks) == 0 || o[e.ID] != nil || o.Full() {
		return
	}
	if o.changesSize()+sizeOf(e.Changes) > maxOutboxChanges {
		e.More, e.Changes = e.More+len(e.Changes), nil
	}
	m := &Message{Event: e, Left: map[string]*attempts{}}
	for _, name := range hooks {
		m.Left[name] = &attempts{}
	}
	o[e.ID] = m
}

// changesSize is the size of the lists of changes in all messages, in bytes.
func (o Outbox) changesSize() (n int) {
	for _, m := range o {
		n += sizeOf(m.Event.Changes)
	}
	return n
}

func sizeOf(changes []json.RawMessage) (n int) {
	for _, c := range changes {
		n += len(c)
	}
	return n
}

// DropUnknown removes deliveries to hooks that are no longer configured.
func (o Outbox) DropUnknown(configured []string) {
	for id, m := range o {
		maps.DeleteFunc(m.Left, func(hook string, _ *attempts) bool { return !slices.Contains(configured, hook) })
		if len(m.Left) == 0 {
			delete(o, id)
		}
	}
}

// For is the messages that a hook may receive now, oldest first.
func (o Outbox) For(hook string, now time.Time) []*Message {
	var messages []*Message
	for _, m := range o {
		if left := m.Left[hook]; left != nil && !now.Before(left.Again) {
			messages = append(messages, m)
		}
	}
	slices.SortFunc(messages, func(a, b *Message) int {
		return cmp.Or(a.Event.Time.Compare(b.Event.Time), cmp.Compare(a.Event.ID, b.Event.ID))
	})
	return messages
}

// Record records the outcome of an attempt to deliver a message. It reports whether a
// failed message is given up.
func (o Outbox) Record(id, hook string, err error, now time.Time) (gaveUp bool) {
	m := o[id]
	if m == nil || m.Left[hook] == nil {
		return false
	}
	left := m.Left[hook]
	if err != nil {
		left.Failed++
		left.Again = now.Add(deliveryPause.after(left.Failed))
		gaveUp = left.Failed >= deliveryAttempts || Refused(err)
	}
	if err == nil || gaveUp {
		delete(m.Left, hook)
	}
	if len(m.Left) == 0 {
		delete(o, id)
	}
	return gaveUp
}
