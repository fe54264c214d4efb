package session

import (
	"cmp"
	"slices"
	"strings"

	"daybook/transform/event"
)

// Order sorts the events of one session in the contract's order, in place,
// and drops all but the first of those that share an event_id (events.md,
// "Order"). It returns what is left, which shares events' memory, and how
// many were dropped.
func Order(events []event.Event) (unique []event.Event, duplicates int) {
	if !slices.IsSortedFunc(events, Compare) {
		slices.SortFunc(events, Compare)
	}
	seen := make(map[string]struct{}, len(events))
	unique = events[:0]
	for i := range events {
		id := events[i].ID
		if _, repeated := seen[id]; repeated {
			continue
		}
		seen[id] = struct{}{}
		unique = append(unique, events[i])
	}
	return unique, len(events) - len(unique)
}

// Compare orders two events of one session: by time in microseconds, seq and
// event_id; copies of one event that agree in these are ordered by their
// contents, so that which of them counts does not depend on the order of
// input.
func Compare(a, b event.Event) int { return compare(&a, &b) }

func compare(a, b *event.Event) int {
	if c := cmp.Or(cmp.Compare(a.TS, b.TS), cmp.Compare(a.Seq, b.Seq)); c != 0 {
		return c
	}
	if c := strings.Compare(a.ID, b.ID); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(a.Type, b.Type),
		cmp.Compare(a.Status, b.Status),
		cmp.Compare(a.SessionType, b.SessionType),
		cmp.Compare(a.Signal, b.Signal),
		cmp.Compare(a.Sender, b.Sender),
		cmp.Compare(a.Resolution, b.Resolution),
		cmp.Compare(a.By, b.By),
		strings.Compare(a.Tool, b.Tool),
		cmp.Compare(a.Technician.ID, b.Technician.ID),
		strings.Compare(a.Technician.Name, b.Technician.Name),
		strings.Compare(a.Technician.Email, b.Technician.Email),
		strings.Compare(a.Technician.Group, b.Technician.Group),
		cmp.Compare(a.TechnicianID, b.TechnicianID),
		cmp.Compare(a.Channel.ID, b.Channel.ID),
		strings.Compare(a.Channel.Name, b.Channel.Name),
		strings.Compare(a.CallingCard, b.CallingCard),
		strings.Compare(a.Transferred, b.Transferred),
		compareDetails(a.Details, b.Details),
	)
}

func compareDetails(a, b *event.Details) int {
	switch {
	case a == b:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Or(cmp.Compare(a.Given, b.Given), slices.Compare(a.Value[:], b.Value[:]))
}
