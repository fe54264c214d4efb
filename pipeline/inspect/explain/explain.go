// Package explain explains a single session: its events, the state after each of
// them, and how each number of its legs came to be. [FromDumps] reads the session
// from dumps, [FromDigests] from the digests of a report's day. A [Formatter] and
// the functions of words.go put an explanation into words, for the command line and
// the console alike; [JSON] writes it for programs.
package explain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"daybook/pipeline/catalog"
	"daybook/pipeline/digests"
	"daybook/pipeline/extract"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/stitch"
	"daybook/pipeline/words"
	"daybook/sources/dump"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/session"
	"daybook/transform/shuffle"
)

// Explanation is one session and how it came to be.
type Explanation struct {
	Session    *session.Session
	Trace      *session.Trace // one step for each delivery that is not repeated
	Deliveries []Delivery     // in the contract's order
}

// Delivery is an event of the session, and where it was read.
type Delivery struct {
	Event    event.Event
	Input    string // the dump, or the directory of the digest
	Line     int64  // of the dump, from 1; 0 for a digest
	Repeated bool   // an earlier delivery of the same event counts
}

// A Question asks for a session near a day.
type Question struct {
	Session int64
	Near    day.Day // of several stretches of the session, the nearest one is explained
}

// FromDumps explains a session from the configured dumps, with each delivery and the
// line that it was read from. It reads the dumps of the day's window, and then as far
// as the session's events lead.
func FromDumps(ctx context.Context, s *settings.Pipeline, progress *extract.Progress, q Question) (*Explanation, error) {
	var deliveries []Delivery
	all := event.Extent{Session: q.Session}
	dumps := 0
	read := func(days partition.Period) error {
		for _, d := range days.Days() {
			listing, err := dump.ListDay(ctx, s.Source, s.Dumps, d)
			if err != nil {
				return err
			}
			dumps += len(listing.Dumps)
			x := &extract.Extraction{
				Inputs: extract.Inputs(s.Source, listing.Dumps), Workers: s.Budget.Workers,
				Filter: extract.NewReach(d, s.Lookback).Filter, Progress: progress,
				Unread: func(int, error) {}, // it has no events
			}
			found, err := deliveriesOf(ctx, x, &all)
			if err != nil {
				return err
			}
			deliveries = append(deliveries, found...)
		}
		return nil
	}
	days := s.Window(partition.OfDay(q.Near))
	if err := read(days); err != nil {
		return nil, err
	}
	if len(deliveries) == 0 {
		return nil, fmt.Errorf("session %d has no events in the %d dumps that were read; look at other days, or check the id", q.Session, dumps)
	}
	for {
		near := nearest(deliveries, partition.Silence(s.Lookback), q.Near)
		reach := partition.Reach(s.Lookback, near[0].Event.Millis(), near[len(near)-1].Event.Millis())
		if days.Includes(reach) {
			return newExplanation(ctx, near)
		}
		whole := days.Union(reach)
		for _, further := range []partition.Period{{From: whole.From, To: days.From - 1}, {From: days.To + 1, To: whole.To}} {
			if further.From > further.To {
				continue
			}
			if err := read(further); err != nil {
				return nil, err
			}
		}
		days = whole
	}
}

// FromInputs explains a session from any dumps, all of its events together.
func FromInputs(ctx context.Context, x *extract.Extraction, id int64) (*Explanation, error) {
	deliveries, err := deliveriesOf(ctx, x, &event.Extent{Session: id})
	if err != nil {
		return nil, err
	}
	if len(deliveries) == 0 {
		return nil, fmt.Errorf("session %d has no events in the %d dumps that were read; look at other days, or check the id", id, len(x.Inputs))
	}
	slices.SortFunc(deliveries, compareDeliveries)
	return newExplanation(ctx, deliveries)
}

// deliveriesOf reads the deliveries of the session of all, and adds them to its size.
func deliveriesOf(ctx context.Context, x *extract.Extraction, all *event.Extent) ([]Delivery, error) {
	var mu sync.Mutex
	var deliveries []Delivery
	_, err := x.Events(ctx, func() extract.EventSink {
		return func(input int, line int64, e *event.Event) error {
			if e.SessionID != all.Session {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			all.Events++
			if all.Bytes += e.Size(); all.Bytes > mostExplained {
				deliveries = nil
				return nil
			}
			deliveries = append(deliveries, Delivery{Event: *e, Input: x.Inputs[input].Name, Line: line})
			return nil
		}
	})
	if err == nil && all.Bytes > mostExplained {
		err = &TooLarge{*all}
	}
	return deliveries, err
}

// compareDeliveries orders deliveries as their events. Workers have read them at the
// same time: equal ones are ordered by their place, so that always the same one counts.
func compareDeliveries(a, b Delivery) int {
	return cmp.Or(session.Compare(a.Event, b.Event), cmp.Compare(a.Input, b.Input), cmp.Compare(a.Line, b.Line))
}

// nearest sorts deliveries, and gives those of the stretch nearest to a day.
func nearest(deliveries []Delivery, silence int64, d day.Day) []Delivery {
	slices.SortFunc(deliveries, compareDeliveries)
	from := d.UTC().UnixMilli()
	to := (d + 1).UTC().UnixMilli()
	distance := func(stretch []Delivery) int64 {
		first, last := stretch[0].Event.Millis(), stretch[len(stretch)-1].Event.Millis()
		return max(0, from-last, first-to+1)
	}
	begin := 0
	var best []Delivery
	for i := 1; i <= len(deliveries); i++ {
		if i < len(deliveries) && deliveries[i].Event.TS-deliveries[i-1].Event.TS <= silence*1000 {
			continue
		}
		if stretch := deliveries[begin:i]; best == nil || distance(stretch) < distance(best) {
			best = stretch
		}
		begin = i
	}
	return best
}

// mostExplained is the size in bytes of the largest session that is explained, as
// event.Event.Size reckons it: some 50,000 events. What is shown of an event takes up
// to a hundred times as much.
const mostExplained = 4 << 20

// TooLarge says that a session is too large to be explained. Repeated deliveries
// count, because an explanation shows them.
type TooLarge struct{ event.Extent }

func (e *TooLarge) Error() string {
	return fmt.Sprintf("session %d is too large to be explained: it was delivered in at least %s of %s, and an explanation takes up to %s; its rows are in the reports, and daybook explain --session %d FILE explains its events in one of its dumps",
		e.Session, words.Count(e.Events, "event", "events"), words.Bytes(e.Bytes), words.Bytes(mostExplained), e.Session)
}

// TooLargeText is the text for people of an error about a session that is too large: to
// be explained, or for any rows.
func TooLargeText(err error) (text string, ok bool) {
	if large := (*TooLarge)(nil); errors.As(err, &large) {
		return large.Error(), true
	}
	if oversized := (*stitch.Oversized)(nil); errors.As(err, &oversized) {
		return oversized.Error(), true
	}
	return "", false
}

// ErrNoSession says that no digest of the window has events of the session.
var ErrNoSession = errors.New("no such session")

// indexShare is the part of the memory budget that indexes of digests may take.
const indexShare = 8

// FromDigests explains a session from the digests, as the reports have it. It reads the
// digests' indexes and the session's events, which is quick. Digests do not keep the
// numbers of lines, nor the repeated deliveries within a dump day. If there are no
// events, the error wraps [ErrNoSession].
func FromDigests(ctx context.Context, reader *catalog.Reader, q Question) (*Explanation, error) {
	s := reader.Settings
	days := s.Window(partition.OfDay(q.Near))
	c, err := reader.ReadWindow(ctx, days)
	if err != nil {
		return nil, err
	}
	for _, x := range days.Days() {
		if c.Unreadable(x) {
			return nil, fmt.Errorf("explain session %d: %s", q.Session, c.Damage(partition.DigestID(x)))
		}
	}
	indexes := digests.NewIndexes(s, s.Budget.Memory/indexShare)
	window, err := follow(ctx, reader, c, indexes, q)
	if err != nil {
		return nil, fmt.Errorf("explain session %d: %w", q.Session, err)
	}
	var mu sync.Mutex
	var deliveries []Delivery
	all := event.Extent{Session: q.Session}
	err = parallel.Each(ctx, len(window), s.Budget.Requests(), func(ctx context.Context, i int) error {
		events, err := stitch.SessionEvents(ctx, s, indexes, window[i], q.Session)
		mu.Lock()
		defer mu.Unlock()
		for _, e := range events {
			all.Events++
			all.Bytes += e.Size()
			deliveries = append(deliveries, Delivery{Event: e, Input: window[i].Dir()})
		}
		if err == nil && all.Bytes > mostExplained {
			return &TooLarge{all}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("explain session %d: %w", q.Session, err)
	}
	if len(deliveries) == 0 {
		return nil, fmt.Errorf("session %d: %w within %s of %s", q.Session, ErrNoSession, words.Count(2*s.Lookback, "day", "days"), q.Near)
	}
	return newExplanation(ctx, nearest(deliveries, partition.Silence(s.Lookback), q.Near))
}

// follow finds the digests that have events of a session.
func follow(ctx context.Context, reader *catalog.Reader, c *catalog.Catalog, x *digests.Indexes, q Question) (catalog.Window, error) {
	hash := shuffle.Hash(q.Session)
	f := digests.Follower{
		Settings: reader.Settings, Catalog: c, Indexes: x,
		Range:  shuffle.Range{Bits: shuffle.MaxRangeBits, Number: shuffle.RangeNumber(hash, shuffle.MaxRangeBits)},
		Extend: func(ctx context.Context, days partition.Period) error { return reader.Extend(ctx, c, days) },
	}
	all, err := f.SeedsIn(ctx, c.Digests(c.Scope), math.MinInt64, math.MaxInt64, q.Near)
	if err != nil {
		return nil, err
	}
	seeds := slices.DeleteFunc(all, func(s digests.Seed) bool { return s.Hash != hash })
	followed, err := f.Follow(ctx, seeds, q.Near)
	if err != nil {
		return nil, err
	}
	return followed.States(), nil
}

// newExplanation explains the session of the deliveries, which are in order. There is at
// least one.
func newExplanation(ctx context.Context, deliveries []Delivery) (*Explanation, error) {
	seen := map[string]bool{}
	events := make([]event.Event, len(deliveries))
	for i := range deliveries {
		d := &deliveries[i]
		events[i] = d.Event
		d.Repeated = seen[d.Event.ID]
		seen[d.Event.ID] = true
	}
	unique, _, err := session.Order(ctx, events)
	if err != nil {
		return nil, err
	}
	trace := new(session.Trace)
	folded, err := new(session.Engine).Fold(ctx, unique, trace)
	if err != nil {
		return nil, err
	}
	return &Explanation{Session: folded, Trace: trace, Deliveries: deliveries}, nil
}
