package extract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"daybook/pipeline/parallel"
	"daybook/pipeline/spillfile"
	"daybook/transform/event"
	"daybook/transform/session"
	"daybook/transform/shuffle"
)

// Sessions reads all inputs and calls each with every session in them. Calls for one
// worker (0 ≤ worker < x.NumWorkers()) do not overlap. The session and its texts are
// valid only during the call. After an error the sessions that were passed on are
// worthless.
func (x *Extraction) Sessions(ctx context.Context, each func(worker int, s *session.Session) error) (outcome Outcome, err error) {
	events := x.newShuffle()
	defer func() { err = errors.Join(err, events.Close()) }()
	tally, err := x.shuffle(ctx, events)
	if err != nil {
		return Outcome{Accounting: tally.Accounting(0)}, err
	}
	outcome, duplicates, err := x.fold(ctx, events, each)
	if err != nil {
		return Outcome{}, err
	}
	outcome.Accounting = tally.Accounting(duplicates)
	return outcome, outcome.Accounting.Check()
}

// Sorted reads all inputs and passes the events on by session, in a reproducible
// order:
//
//   - begin is called first, with the number of events, repeated ones included.
//   - each is called with the events of every session: in the contract's order,
//     without repeated ones, valid only during the call. The sessions come in parts.
//     A part goes to one worker (0 ≤ worker < x.NumWorkers()), by ascending hash
//     (shuffle.Hash), in calls that do not overlap.
//   - done is called after each part, for one part at a time, in the order of their
//     hashes.
//
// moved says that copies of an event have different times: a copy that comes later
// could then move the event. After an error, what was passed on is worthless.
func (x *Extraction) Sorted(ctx context.Context, begin func(events int64) error, each func(worker int, events []event.Event) error, done func(worker int) error) (accounting event.Accounting, moved bool, err error) {
	events := x.newShuffle()
	defer func() { err = errors.Join(err, events.Close()) }()
	tally, err := x.shuffle(ctx, events)
	if err != nil {
		return tally.Accounting(0), false, err
	}
	if err := begin(tally.Events); err != nil {
		return event.Accounting{}, false, err
	}
	ready := newGates(shuffle.Shards)
	var workers, duplicates atomic.Int64
	var anyMoved atomic.Bool
	err = parallel.Share(ctx, x.shardWorkers(events), shuffle.Shards, func(ctx context.Context, next func() (int, bool)) error {
		worker := int(workers.Add(1) - 1)
		for shard, ok := next(); ok; shard, ok = next() {
			err := events.Sessions(shard, func(events []event.Event) error {
				sameTime := adjacentCopies(events)
				unique, repeated, err := session.Order(ctx, events)
				if err != nil {
					return err
				}
				if repeated > sameTime {
					anyMoved.Store(true)
				}
				duplicates.Add(int64(repeated))
				if err := ctx.Err(); err != nil {
					return err
				}
				return each(worker, unique)
			})
			if err == nil {
				err = ready.pass(ctx, shard, func() error { return done(worker) })
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return event.Accounting{}, false, err
	}
	accounting = tally.Accounting(duplicates.Load())
	return accounting, anyMoved.Load(), accounting.Check()
}

// gates let the parts of a sorted extraction pass in order: gates[i] is closed when
// all parts before i have passed.
type gates []chan struct{}

func newGates(parts int) gates {
	g := make(gates, parts+1)
	for i := range g {
		g[i] = make(chan struct{})
	}
	close(g[0])
	return g
}

// pass waits for the parts before this one, and then lets it pass. If it fails, the
// parts after it wait until their context ends.
func (g gates) pass(ctx context.Context, part int, f func() error) error {
	select {
	case <-g[part]:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := f(); err != nil {
		return err
	}
	close(g[part+1])
	return nil
}

// adjacentCopies counts the events that repeat the one before them at the same time.
// The events are sorted.
func adjacentCopies(events []event.Event) (n int) {
	for i := 1; i < len(events); i++ {
		if a, b := &events[i-1], &events[i]; a.TS == b.TS && a.Seq == b.Seq && a.ID == b.ID {
			n++
		}
	}
	return n
}

func (x *Extraction) newShuffle() *shuffle.Shuffle {
	return shuffle.New(shuffle.Options{
		Budget: x.MemoryBudget,
		Spill:  func() (shuffle.File, error) { return spillfile.NewScratch() },
	})
}

// shuffle reads all inputs into events. If it fails with *TooManyRejects, the tally is
// that of all inputs.
func (x *Extraction) shuffle(ctx context.Context, events *shuffle.Shuffle) (*event.Tally, error) {
	tally, first, err := x.read(ctx, func() EventSink {
		w := events.Writer()
		return func(_ int, _ int64, e *event.Event) error { return w.Add(e) }
	})
	if err != nil {
		return new(event.Tally), err
	}
	rejected := tally.Lines - tally.Blank - tally.Events
	if float64(rejected) > x.MaxRejected*float64(tally.Lines) {
		return tally, x.tooMany(tally, rejected, first)
	}
	return tally, nil
}

// tooMany names the most frequent reason and its first line.
func (x *Extraction) tooMany(tally *event.Tally, rejected int64, first *firstRejects) *TooManyRejects {
	e := &TooManyRejects{Rejected: rejected, Lines: tally.Lines, Allowed: x.MaxRejected}
	for _, reason := range event.Reasons() {
		if n := tally.Rejected[reason]; n > e.Cause.Lines {
			at := &first[reason]
			e.Cause = RejectCause{reason, n, at.detail, fmt.Sprintf("%s:%d", x.Inputs[at.input].Name, at.line)}
		}
	}
	return e
}

// fold folds the sessions of every shard.
func (x *Extraction) fold(ctx context.Context, events *shuffle.Shuffle, each func(int, *session.Session) error) (outcome Outcome, duplicates int64, err error) {
	var mu sync.Mutex
	var workers atomic.Int64
	err = parallel.Share(ctx, x.shardWorkers(events), shuffle.Shards, func(ctx context.Context, next func() (int, bool)) error {
		worker := int(workers.Add(1) - 1)
		var engine session.Engine
		var own Outcome
		repeated := int64(0)
		for shard, ok := next(); ok; shard, ok = next() {
			err := events.Sessions(shard, func(events []event.Event) error {
				unique, n, err := session.Order(ctx, events)
				if err != nil {
					return err
				}
				repeated += int64(n)
				for stretch := range session.Stretches(unique, cmp.Or(x.Silence, math.MaxInt64/1000)) {
					s, err := engine.Fold(ctx, stretch, nil)
					if err != nil {
						return err
					}
					own.Sessions++
					own.Anomalies.Add(&s.Anomalies)
					if err := each(worker, s); err != nil {
						return err
					}
				}
				return ctx.Err()
			})
			if err != nil {
				return err
			}
		}
		mu.Lock()
		defer mu.Unlock()
		outcome.Sessions += own.Sessions
		outcome.Anomalies.Add(&own.Anomalies)
		duplicates += repeated
		return nil
	})
	return outcome, duplicates, err
}

// shardWorkers is how many workers read shards. A worker holds one shard, and about as
// much again for what it makes of it. All workers together hold about half the budget
// at most.
func (x *Extraction) shardWorkers(events *shuffle.Shuffle) int {
	if x.MemoryBudget == 0 {
		return x.NumWorkers()
	}
	const least = 8 << 20 // bytes that they may hold with any budget
	fit := max(x.MemoryBudget/2, least) / max(1, 2*events.Largest())
	return int(max(1, min(fit, int64(x.NumWorkers()))))
}
