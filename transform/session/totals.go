package session

import (
	"slices"

	"daybook/transform/event"
)

// The types of this file count once for the session what applies to all of its
// open legs.

// clock is the time that has passed in each bucket, in milliseconds.
type clock struct {
	active, hold, transfer, rebooting, reconnecting, other int64
}

// add counts time under a status.
func (c *clock) add(s event.Status, ms int64) {
	switch bucketOf(s) {
	case InActive:
		c.active += ms
	case InHold:
		c.hold += ms
	case InTransfer:
		c.transfer += ms
	case InRebooting:
		c.rebooting += ms
	case InReconnecting:
		c.reconnecting += ms
	case InOther:
		c.other += ms
	}
}

// subtractFrom and addTo bracket the counted time of a leg: subtracted at its
// start and added at its end, the clock leaves the difference in the leg.
func (c *clock) subtractFrom(l *Leg) {
	l.Active -= c.active
	l.Hold -= c.hold
	l.Transfer -= c.transfer
	l.Rebooting -= c.rebooting
	l.Reconnecting -= c.reconnecting
	l.Other -= c.other
}

func (c *clock) addTo(l *Leg) {
	l.Active += c.active
	l.Hold += c.hold
	l.Transfer += c.transfer
	l.Rebooting += c.rebooting
	l.Reconnecting += c.reconnecting
	l.Other += c.other
}

// bucketOf is the bucket of a status (REPORT.md, "Buckets").
func bucketOf(s event.Status) Measure {
	switch s {
	case event.Active:
		return InActive
	case event.OnHold:
		return InHold
	case event.Transferring:
		return InTransfer
	case event.Rebooting:
		return InRebooting
	case event.Reconnecting:
		return InReconnecting
	}
	return InOther
}

// ending is the session's last change from another status to an ending one. It
// is the end of the legs that were open then, until the session leaves the
// ending statuses.
type ending struct {
	at    int64
	legs  int   // legs with a lower number have the end; 0: there is no end
	clock clock // at that time
}

// action is when the session was active, by the state after the last event of
// each millisecond. A leg is in action while its presence is acting and the
// session is active (REPORT.md, "In action").
type action struct {
	active bool  // after the last settled millisecond
	ended  int64 // when active last ended; Unknown: never
}

// settle takes over whether the session is active at the end of a millisecond.
func (a *action) settle(active bool, now int64) {
	if a.active && !active {
		a.ended = now
	}
	a.active = active
}

// stop notes when being in action last ended for a leg that stops acting now.
func (a *action) stop(l *Leg, since, now int64) {
	if a.active {
		l.LastAction = now
		return
	}
	a.interrupt(l, since)
}

// interrupt notes when being in action last ended for a leg that has been acting
// since then.
func (a *action) interrupt(l *Leg, since int64) {
	if a.ended > since {
		l.LastAction = a.ended
	}
}

// channel is the channel of the legs that open. Legs that opened before the first
// transfer to a channel have the session's instead, which may be known only later.
type channel struct {
	event.Channel
	transferred bool // the session was transferred to a channel
	leg         int  // the leg that opened at the first such transfer
}

// transfer takes over the target of a transfer. The next leg opens there.
func (c *channel) transfer(to event.Target, next int) {
	if !to.Channel {
		return
	}
	c.Channel = event.Channel{ID: to.ID, Name: to.Name}
	if !c.transferred {
		c.transferred, c.leg = true, next
	}
}

// first is the number of legs that have the session's channel.
func (c *channel) first(legs int) int {
	if c.transferred {
		return c.leg
	}
	return legs
}

// chat counts the messages that belong to every open leg.
type chat struct {
	customer, system int64
	messages         int64 // by the customer or a technician
	last             int64 // the time of the last of these
}

func (c *chat) add(by event.Sender, now int64) {
	switch by {
	case event.System:
		c.system++
		return
	case event.Customer:
		c.customer++
	}
	c.messages++
	c.last = now
}

// removals are the technicians of removed legs. The index is made only when it
// is asked: nearly no session asks.
type removals struct {
	technicians []int64
	index       map[int64]bool // of the first technicians
	indexed     int
}

func (r *removals) reset() {
	r.technicians, r.indexed = r.technicians[:0], 0
	clear(r.index)
}

func (r *removals) add(technician int64) { r.technicians = append(r.technicians, technician) }

// has reports whether a leg of that technician (0: any leg) was removed.
func (r *removals) has(technician int64) bool {
	if technician == 0 {
		return len(r.technicians) > 0
	}
	if r.index == nil && len(r.technicians) > 0 {
		r.index = map[int64]bool{}
	}
	for _, t := range r.technicians[r.indexed:] {
		r.index[t] = true
	}
	r.indexed = len(r.technicians)
	return r.index[technician]
}

// fewTools is the number of tools up to which comparing them is fastest.
const fewTools = 16

// toolSet knows the tools of legs that have more than fewTools.
type toolSet map[legTool]struct{}

type legTool struct {
	leg  int
	tool string
}

// keptTools bounds the memory that an engine keeps after a large session.
const keptTools = 1024

func (t *toolSet) reset() {
	if len(*t) > keptTools {
		*t = nil
	}
	clear(*t)
}

// add adds a tool to a leg's tools, unless it is one of them.
func (t *toolSet) add(l *Leg, tool string) {
	if len(l.Tools) <= fewTools {
		if slices.Contains(l.Tools, tool) {
			return
		}
		if len(l.Tools) == fewTools {
			if *t == nil {
				*t = toolSet{}
			}
			for _, earlier := range l.Tools {
				(*t)[legTool{l.Number, earlier}] = struct{}{}
			}
		}
	}
	if len(l.Tools) >= fewTools {
		key := legTool{l.Number, tool}
		if _, known := (*t)[key]; known {
			return
		}
		(*t)[key] = struct{}{}
	}
	l.Tools = append(l.Tools, tool)
}
