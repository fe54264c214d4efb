package replica

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"daybook/config"
	"daybook/pipeline/deliver"
	"daybook/pipeline/lineage"
	"daybook/pipeline/schedule"
	"daybook/pipeline/service/courier"
	"daybook/pipeline/settings"
	"daybook/sinks/webhook"
	"daybook/sources/store"
)

// Config is the configuration of a service. A reload replaces it as a whole.
type Config struct {
	Pipeline  *settings.Pipeline
	Schedules map[string]*schedule.Schedule // by report
	Serve     config.Serve
	Hooks     []Hook
	Lineage   *lineage.Producer // makes the events of lineage; nil: none are sent
}

// Hook receives events.
type Hook struct {
	Name    string   // unique, the same after a restart, and not secret: logs and metrics show it
	Events  []string // the kinds to deliver; empty: all but published
	Deliver func(ctx context.Context, e *webhook.Event) error

	// Delivery is what the hook sends to people; nil: it receives events.
	Delivery *deliver.Delivery
}

// NewHook makes a hook of a delivery to people. Its events say which period a message is
// about.
func NewHook(d *deliver.Delivery, s *settings.Pipeline) Hook {
	return Hook{Name: d.Name, Delivery: d, Deliver: func(ctx context.Context, e *webhook.Event) error {
		p, err := deliver.ParsePeriod(d.Every, e.Partition)
		if err != nil {
			return fmt.Errorf("%w: %w", webhook.ErrRefused, err)
		}
		m, err := d.Compose(ctx, s, p, e.ID, e.Event == EventRedelivery)
		if err != nil {
			return err
		}
		return m.Send(ctx, e.Time)
	}}
}

// NewLineageHook makes the hook that delivers batches of events of lineage from a sink.
func NewLineageHook(h *webhook.Hook, sink store.Store) Hook {
	return Hook{Name: courier.Hook, Events: []string{courier.Hook}, Deliver: func(ctx context.Context, e *webhook.Event) error {
		return lineage.Deliver(ctx, sink, h, e.ID)
	}}
}

// The kinds of the events of deliveries to people. The second one is about a restated
// period.
const (
	EventDelivery   = "delivery"
	EventRedelivery = "redelivery"
)

// UnbrokenSince is the start of the time in which some replica was alive without a
// break. A gap of up to two lease times or two intervals is not a break: a takeover or a
// restart takes that long.
func (c *Config) UnbrokenSince(since, last, now time.Time) time.Time {
	return schedule.Since(since, last, now, 2*time.Duration(max(c.Serve.Lease, c.Serve.Interval)))
}

// ActiveConfig is the configuration in force. A run keeps the one that it started with.
type ActiveConfig struct{ atomic.Pointer[Config] }

// Sink is the sink of the configuration in force.
func (a *ActiveConfig) Sink() store.Store { return a.Load().Pipeline.Sink }
