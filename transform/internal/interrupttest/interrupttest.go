// Package interrupttest cancels work at any of the points where it asks its context.
package interrupttest

import "context"

// Countdown is a context that is cancelled after its error was asked for Left times. It
// is for one goroutine.
type Countdown struct {
	context.Context
	Left int
}

func (c *Countdown) Err() error {
	if c.Left--; c.Left < 0 {
		return context.Canceled
	}
	return nil
}
