package session

import (
	"cmp"
	"context"
	"hash/maphash"
	"math/bits"
	"slices"
	"sort"
	"strings"

	"daybook/transform/event"
)

// Order sorts the events of one session in place, in the order of EVENTS.md,
// "Lines". Of events with the same event_id it keeps the first. It returns the
// remaining events, which share the memory of events, and the number of duplicates
// that it dropped.
//
// Most sessions arrive sorted and without duplicates. Their events are compared
// but not moved, and up to smallSession events need no allocation.
//
// The error is that of ctx.
func Order(ctx context.Context, events []event.Event) (unique []event.Event, duplicates int, err error) {
	if err := order(ctx, events); err != nil {
		return nil, 0, err
	}
	var small [2 * smallSession]slot
	seen := idSet{events: events, slots: small[:]}
	if len(events) > smallSession {
		seen.slots = make([]slot, 2<<bits.Len(uint(len(events))))
	}
	n := 0 // events[:n] are unique
	for i := range events {
		if seen.has(events[i].ID, n) {
			continue
		}
		if n < i {
			events[n] = events[i]
		}
		n++
	}
	return events[:n], len(events) - n, nil
}

// order sorts events. Many events are sorted by their indexes, which takes 8 bytes
// each: in pieces, so that ctx can interrupt it, and with one move for each event.
func order(ctx context.Context, events []event.Event) error {
	if isSorted(events) {
		return nil
	}
	if len(events) <= interruptEvery {
		sort.Sort(inOrder(events))
		return nil
	}
	indexes, merged := make([]int32, len(events)), make([]int32, 0, len(events))
	for i := range indexes {
		indexes[i] = int32(i)
	}
	compareAt := func(a, b int32) int { return compare(&events[a], &events[b]) }
	for piece := range slices.Chunk(indexes, interruptEvery) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		slices.SortFunc(piece, compareAt)
	}
	for size := interruptEvery; size < len(indexes); size *= 2 {
		merged = merged[:0]
		for pair := range slices.Chunk(indexes, 2*size) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			a, b := pair[:min(size, len(pair))], pair[min(size, len(pair)):]
			for len(a) > 0 && len(b) > 0 {
				if compareAt(a[0], b[0]) <= 0 {
					merged, a = append(merged, a[0]), a[1:]
				} else {
					merged, b = append(merged, b[0]), b[1:]
				}
			}
			merged = append(append(merged, a...), b...)
		}
		indexes, merged = merged, indexes
	}
	permute(events, indexes)
	return nil
}

// permute moves events[indexes[i]] to events[i], and destroys indexes.
func permute(events []event.Event, indexes []int32) {
	for i := range indexes {
		first, to := events[i], i
		for from := int(indexes[to]); from != i; from = int(indexes[to]) {
			events[to] = events[from]
			indexes[to] = int32(to)
			to = from
		}
		events[to] = first
		indexes[to] = int32(to)
	}
}

func isSorted(events []event.Event) bool {
	for i := 1; i < len(events); i++ {
		if compare(&events[i-1], &events[i]) > 0 {
			return false
		}
	}
	return true
}

// inOrder sorts by index: slices.SortFunc would copy two events, 400 bytes,
// for each comparison.
type inOrder []event.Event

func (o inOrder) Len() int           { return len(o) }
func (o inOrder) Less(i, j int) bool { return compare(&o[i], &o[j]) < 0 }
func (o inOrder) Swap(i, j int)      { o[i], o[j] = o[j], o[i] }

// smallSession is the largest number of events whose table fits on the stack.
// Nearly every session has fewer.
const smallSession = 64

// idSet is a hash table of event ids with open addressing, at most half full.
// It takes a third of the time of a map.
type idSet struct {
	events []event.Event
	slots  []slot // their number is a power of two
}

// slot is an entry of an idSet.
type slot struct {
	hash  uint32 // of the id
	event uint32 // the index of its event plus one; 0: the slot is free
}

// seed is random, so that no input can contain ids chosen to collide. It
// affects only the time that Order takes.
var seed = maphash.MakeSeed()

// has reports whether the set contains the id. If not, it adds the id as that
// of events[i].
func (s *idSet) has(id string, i int) bool {
	hash := maphash.String(seed, id)
	new := slot{uint32(hash >> 32), uint32(i + 1)}
	for at := int(hash); ; at++ {
		place := &s.slots[at&(len(s.slots)-1)]
		if place.event == 0 {
			*place = new
			return false
		}
		if place.hash == new.hash && s.events[place.event-1].ID == id {
			return true
		}
	}
}

// Compare orders two events of one session by time in microseconds, seq and
// event_id. Copies of one event that agree in these are ordered by their
// contents, so that the copy that counts does not depend on the order of input.
func Compare(a, b event.Event) int { return compare(&a, &b) }

func compare(a, b *event.Event) int {
	switch {
	case a.TS != b.TS:
		return cmp.Compare(a.TS, b.TS)
	case a.Seq != b.Seq:
		return cmp.Compare(a.Seq, b.Seq)
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
		strings.Compare(a.TransferredTo.Name, b.TransferredTo.Name),
		compareBools(a.TransferredTo.Channel, b.TransferredTo.Channel),
		cmp.Compare(a.TransferredTo.ID, b.TransferredTo.ID),
		compareDetails(a.Details, b.Details),
		strings.Compare(a.ExportedText(), b.ExportedText()),
	)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
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
