package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"daybook/pipeline/words"
	"daybook/sinks/digest"
	"daybook/transform/day"
	"daybook/transform/shuffle"
)

// ErrNoSession: no digest within the look-back has events of the session.
var ErrNoSession = errors.New("no such session")

// Tell tells one session from the digests that day d of a report is made from,
// as the report has it. It reads the digests' indexes and what they have of the
// session, no dump: that makes it quick, and leaves it without what digests do
// not keep, which are repeated deliveries within a day and the events' lines. A
// delivery's input is the digest's directory. If there are no events, the error
// wraps [ErrNoSession].
func (r *Runner) Tell(ctx context.Context, d day.Day, id int64) (*Explanation, error) {
	o := &observation{r: r, digests: map[day.Day]*digestRef{}, damages: map[partitionID]string{}}
	if err := o.readDigests(ctx, spanOf(r.Window(d, d)), everyDay); err != nil {
		return nil, err
	}
	for _, y := range daysOf(r.Window(d, d)) {
		if o.unreadable(y) {
			return nil, fmt.Errorf("tell session %d: %s", id, o.damage(digestID(y)))
		}
	}
	window, indexes := o.window(d), newIndexes(r, r.memory()/8)
	var mu sync.Mutex
	var deliveries []Delivery
	err := each(ctx, len(window), r.requests(), func(ctx context.Context, i int) error {
		found, err := r.eventsOf(ctx, window[i], indexes, id)
		mu.Lock()
		defer mu.Unlock()
		deliveries = append(deliveries, found...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tell session %d: %w", id, err)
	}
	if len(deliveries) == 0 {
		return nil, fmt.Errorf("session %d: %w within %s of %s", id, ErrNoSession, words.Count(r.Lookback, "day", "days"), d)
	}
	return told(ctx, deliveries)
}

// eventsOf reads what a digest has of a session.
func (r *Runner) eventsOf(ctx context.Context, d *digestRef, indexes *indexes, id int64) ([]Delivery, error) {
	index, err := indexes.get(ctx, d, d.day)
	if err != nil {
		return nil, err
	}
	e, found := entryOf(index, id)
	if !found {
		return nil, nil
	}
	p := &place{digest: d, part: d.open, tail: index.TailSize(false)}
	if e.Complete {
		p = &place{digest: d, part: d.complete, complete: true, tail: index.TailSize(true)}
	}
	p.add(shuffle.Hash(id), int(e.Group), e.Events, true)
	object := p.object(ctx, r)
	table, err := indexes.table(p, object)
	if err != nil {
		return nil, err
	}
	sessions, err := table.Open(object, int(e.Group), true)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", r.Sink.URL(p.part.Key), err)
	}
	var deliveries []Delivery
	for session, ok := sessions.Next(); ok; session, ok = sessions.Next() {
		if session != id {
			continue
		}
		events, err := sessions.Append(nil, true)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", r.Sink.URL(p.part.Key), err)
		}
		for i := range events {
			deliveries = append(deliveries, Delivery{Event: events[i], Input: digestDir(d.day)})
		}
	}
	return deliveries, nil
}

// entryOf finds the entry of a session.
func entryOf(index *digest.Index, id int64) (e digest.Entry, found bool) {
	for i := range index.Len() {
		if e = index.At(i); e.Session == id {
			return e, true
		}
	}
	return digest.Entry{}, false
}
