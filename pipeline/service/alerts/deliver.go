package alerts

import (
	"context"
	"slices"
	"sync"
	"time"

	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/replica"
	"daybook/sinks/webhook"
)

// deliveryTimeout is the time of one attempt, which may make several requests.
const deliveryTimeout = 2 * time.Minute

// namesOf are the names of hooks.
func namesOf(hooks []replica.Hook) []string {
	var names []string
	for i := range hooks {
		names = append(names, hooks[i].Name)
	}
	return names
}

// wanting are the names of the hooks that want events of a kind. Published is only for
// those that name it: it comes after each run that published something.
func wanting(kind string, hooks []replica.Hook) []string {
	var names []string
	for i := range hooks {
		if h := &hooks[i]; h.Delivery == nil && (len(h.Events) == 0 && kind != eventPublished || slices.Contains(h.Events, kind)) {
			names = append(names, h.Name)
		}
	}
	return names
}

// Deliver delivers the messages of the outbox until ctx is done. It delivers on the
// replica that holds the lease. The hooks are independent: a hook that hangs does not
// delay the others.
func (a *Alerter) Deliver(ctx context.Context) {
	busy := map[string]chan struct{}{} // by hook; holds one element during its delivery
	var deliveries sync.WaitGroup
	defer deliveries.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.posted:
		}
		for _, h := range a.replica.Config.Load().Hooks {
			slot := busy[h.Name]
			if slot == nil {
				slot = make(chan struct{}, 1)
				busy[h.Name] = slot
			}
			select {
			case slot <- struct{}{}:
				deliveries.Go(func() {
					defer func() { <-slot }()
					if err := a.deliverTo(ctx, &h); err != nil {
						a.replica.Log.Warn("the outbox could not be read or written", "hook", h.Name, "error", err)
					}
				})
			default: // the last delivery is still running
			}
		}
	}
}

// deliverTo sends the messages of a hook in order. It stops at the first one
// without an answer.
func (a *Alerter) deliverTo(ctx context.Context, h *replica.Hook) error {
	ctx, done, err := a.replica.Lease.Work(ctx)
	if err != nil {
		return nil // another replica delivers
	}
	defer done()
	cs, _, err := controller.Read(ctx, a.replica.Config.Sink())
	if err != nil {
		return err
	}
	for _, m := range cs.Outbox.For(h.Name, time.Now()) {
		err := deliverOne(ctx, h, &m.Event)
		if ctx.Err() != nil {
			return nil
		}
		gaveUp := false
		if _, err := a.replica.Controller.Edit(ctx, func(cs *controller.State) {
			gaveUp = recordDelivery(cs, h, &m.Event, err, a.replica.Config.Load().Hooks)
		}); err != nil {
			return err
		}
		a.replica.Metrics.Delivered(h.Name, err, gaveUp)
		if err != nil {
			a.replica.Log.Warn("a message was not delivered", "hook", h.Name, "event", m.Event.Event, "id", m.Event.ID, "given_up", gaveUp, "error", err)
			if controller.Refused(err) {
				continue // it may accept the next message
			}
			return nil
		}
		a.replica.Log.Info("a message was delivered", "hook", h.Name, "event", m.Event.Event, "id", m.Event.ID)
	}
	return nil
}

// recordDelivery records the outcome of an attempt. If a message to people is given up, it
// tells the hooks. It reports whether the message is given up.
func recordDelivery(cs *controller.State, h *replica.Hook, e *webhook.Event, err error, hooks []replica.Hook) (gaveUp bool) {
	now := time.Now().UTC()
	gaveUp = cs.Outbox.Record(e.ID, h.Name, err, now)
	if h.Delivery == nil {
		return gaveUp
	}
	cs.EndDelivery(h.Name, e.ID, err, gaveUp, now)
	if gaveUp {
		cs.Outbox.Post(givenUpEvent(h.Delivery, e, err, now), wanting(eventFailed, hooks))
	}
	return gaveUp
}

func deliverOne(ctx context.Context, h *replica.Hook, e *webhook.Event) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	return h.Deliver(ctx, e)
}
