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

// Dumps are the dumps that the report days of a period are made from: those of its
// window. Rejected lines do not stop the extraction.
func Dumps(ctx context.Context, s *settings.Pipeline, of partition.Period) (*extract.Extraction, error) {
	x := &extract.Extraction{Workers: s.Budget.Workers, MaxRejected: 1}
	for _, d := range s.Window(of).Days() {
		listing, err := dump.ListDay(ctx, s.Source, s.Template, d)
		if err != nil {
			return nil, err
		}
		x.Inputs = append(x.Inputs, extract.Inputs(s.Source, listing.Dumps)...)
	}
	return x, nil
}

// FromDumps reads the inputs of x and explains the session with that id.
func FromDumps(ctx context.Context, x *extract.Extraction, id int64) (*Explanation, error) {
	var mu sync.Mutex
	var deliveries []Delivery
	all := event.Extent{Session: id}
	_, err := x.Events(ctx, func() extract.EventSink {
		return func(input int, line int64, e *event.Event) error {
			if e.SessionID != id {
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
	if err != nil {
		return nil, err
	}
	if all.Bytes > mostExplained {
		return nil, &TooLarge{all}
	}
	if len(deliveries) == 0 {
		return nil, fmt.Errorf("session %d has no events in the %d dumps that were read; look at other days, or check the id", id, len(x.Inputs))
	}
	return newExplanation(ctx, deliveries)
}

// mostExplained is the size in bytes of the largest session that is explained, as
// event.Event.Size reckons it: some 50,000 events. What is shown of an event takes up
// to a hundred times as much.
const mostExplained = 4 << 20

// TooLarge says that a session is too large to be explained. Repeated deliveries
// count, because an explanation shows them.
type TooLarge struct{ event.Extent }

func (e *TooLarge) Error() string {
	return fmt.Sprintf("session %d is too large to be explained: it was delivered in %s of %s, and an explanation takes up to %s",
		e.Session, words.Count(e.Events, "event", "events"), words.Bytes(e.Bytes), words.Bytes(mostExplained))
}

// ErrNoSession says that no digest of the window has events of the session.
var ErrNoSession = errors.New("no such session")

// indexShare is the part of the memory budget that indexes of digests may take.
const indexShare = 8

// FromDigests explains a session from the digests that day d of a report is made
// from, as the report has it. It reads the digests' indexes and the session's events,
// which is quick. Digests do not keep the numbers of lines, nor the repeated
// deliveries within a dump day. If there are no events, the error wraps
// [ErrNoSession].
func FromDigests(ctx context.Context, reader *catalog.Reader, d day.Day, id int64) (*Explanation, error) {
	s := reader.Settings
	days := s.Window(partition.OfDay(d))
	c, err := reader.ReadWindow(ctx, days)
	if err != nil {
		return nil, err
	}
	for _, x := range days.Days() {
		if c.Unreadable(x) {
			return nil, fmt.Errorf("explain session %d: %s", id, c.Damage(partition.DigestID(x)))
		}
	}
	all := event.Extent{Session: id}
	window, indexes := c.Digests(days), digests.NewIndexes(s, s.Budget.Memory/indexShare)
	var mu sync.Mutex
	var deliveries []Delivery
	err = parallel.Each(ctx, len(window), s.Budget.Requests(), func(ctx context.Context, i int) error {
		events, err := stitch.SessionEvents(ctx, s, indexes, window[i], id)
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
		return nil, fmt.Errorf("explain session %d: %w", id, err)
	}
	if len(deliveries) == 0 {
		return nil, fmt.Errorf("session %d: %w within %s of %s", id, ErrNoSession, words.Count(s.Lookback, "day", "days"), d)
	}
	return newExplanation(ctx, deliveries)
}

// newExplanation explains the session of the deliveries, of which there is at least
// one.
func newExplanation(ctx context.Context, deliveries []Delivery) (*Explanation, error) {
	// Workers have read them at the same time. Equal deliveries are sorted by their
	// place, so that always the same one counts.
	slices.SortFunc(deliveries, func(a, b Delivery) int {
		return cmp.Or(session.Compare(a.Event, b.Event), cmp.Compare(a.Input, b.Input), cmp.Compare(a.Line, b.Line))
	})
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
