package evaluation

import (
	"context"
	"fmt"

	"daybook/pipeline/plan"
	"daybook/pipeline/schedule"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/states"
	"daybook/sinks/lease"
)

// Assess is how the reports stand according to a plan of everything, as a replica
// that starts now would see it. It reads the controller state and the lease, and
// writes nothing.
func Assess(ctx context.Context, c *replica.Config, p *plan.Plan) (*states.Snapshot, error) {
	cs, _, err := controller.Read(ctx, c.Pipeline.Sink)
	if err != nil {
		return nil, fmt.Errorf("read the controller state: %w", err)
	}
	last, err := lease.Read(ctx, c.Pipeline.Sink)
	if err != nil {
		return nil, fmt.Errorf("read the lease: %w", err)
	}
	now := c.Pipeline.Now()
	return New(c, cs, p, schedule.Moment{
		Now: now, Since: c.UnbrokenSince(last.Since, last.Renewed, now),
		NeverServed: last.Holder == "" && last.Renewed.IsZero(),
	}).Snapshot, nil
}
