package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"daybook/sources/dump"
	"daybook/transform/event"
	"daybook/transform/session"
	"daybook/transform/shuffle"
)

// Input is a dump to be read.
type Input struct {
	Name string // as messages, rejects and manifests name it
	Size int64  // bytes as stored; 0 where unknown
	Open func(context.Context) (*dump.Reader, error)
}

// Reject is a line that is no event. It is valid only during the call it is
// passed to.
type Reject struct {
	Line dump.Line
	event.Reject
}

// RejectSink keeps rejected lines: those of one input come in order, some at a
// time, in calls that do not overlap; those of different inputs come at the same
// time.
type RejectSink interface {
	Reject(input int, lines []Reject) error
}

// Extraction reads inputs and folds their sessions.
type Extraction struct {
	Inputs  []Input
	Workers int        // 0: GOMAXPROCS
	Rejects RejectSink // nil: rejected lines are only counted
	// MaxRejected is the share of lines that may be rejected. More, and no
	// session is folded: the error is a *TooManyRejects.
	MaxRejected float64
	// MemoryBudget is how many bytes of events are held in memory; what is more
	// goes to temporary files. Package shuffle has what comes to it. 0: no bound.
	MemoryBudget int64
	// Filter, if there is one, may reject events. All workers call it.
	Filter   func(*event.Event) event.Reject
	Progress *Progress // nil: nobody looks
}

// Outcome is what reading the inputs yielded beside the sessions.
type Outcome struct {
	Accounting event.Accounting
	Anomalies  session.Anomalies
	Sessions   int64
}

// TooManyRejects says that more lines were rejected than may be.
type TooManyRejects struct {
	Rejected, Lines int64
	Allowed         float64 // as a share of the lines
}

func (e *TooManyRejects) Error() string {
	enough := (1000*e.Rejected + e.Lines - 1) / e.Lines // in tenths of a per cent, rounded up
	return fmt.Sprintf("%d of %d lines (%.2f %%) were rejected, and source.max_rejected allows %.2f %% (%d.%d%% would take them); nothing was published",
		e.Rejected, e.Lines, 100*float64(e.Rejected)/float64(e.Lines), 100*e.Allowed, enough/10, enough%10)
}

// Sessions reads all inputs and calls each with every session in them. Calls
// for one worker (0 ≤ worker < x.NumWorkers()) do not overlap. The session and
// its texts are valid only during the call. If it fails, or a call does,
// sessions that were passed on mean nothing.
func (x *Extraction) Sessions(ctx context.Context, each func(worker int, s *session.Session) error) (outcome Outcome, err error) {
	events := x.newShuffle()
	defer func() { err = errors.Join(err, events.Close()) }()
	read, err := x.shuffle(ctx, events)
	if err != nil {
		return Outcome{Accounting: read.Accounting(0)}, err
	}
	outcome, duplicates, err := x.fold(ctx, events, each)
	if err != nil {
		return Outcome{}, err
	}
	outcome.Accounting = read.Accounting(duplicates)
	return outcome, outcome.Accounting.Check()
}

// Sorted reads all inputs, calls begin with the number of events that there
// are, repeated ones included, and then each with those of every session, in the
// contract's order and without repetitions. They come in parts. The sessions of
// one part go to one worker (0 ≤ worker < x.NumWorkers()), by ascending hash
// (shuffle.Hash), in calls that do not overlap; then it is done with the part.
// done is called for one part at a time, in the order of their hashes.
//
// The events are valid only during the call. What was passed on means nothing if
// it fails. moved says whether copies of one event are of different times: then
// what is told later can take an event from where it was.
func (x *Extraction) Sorted(ctx context.Context, begin func(events int64) error, each func(worker int, events []event.Event) error, done func(worker int) error) (accounting event.Accounting, moved bool, err error) {
	events := x.newShuffle()
	defer func() { err = errors.Join(err, events.Close()) }()
	read, err := x.shuffle(ctx, events)
	if err != nil {
		return read.Accounting(0), false, err
	}
	if err := begin(read.Events); err != nil {
		return event.Accounting{}, false, err
	}
	var reached [shuffle.Shards + 1]chan struct{} // closed when all parts before that one are done
	for i := range reached {
		reached[i] = make(chan struct{})
	}
	close(reached[0])
	var workers, duplicates atomic.Int64
	var anyMoved atomic.Bool
	err = share(ctx, x.readers(events), shuffle.Shards, func(ctx context.Context, next func() (int, bool)) error {
		worker := int(workers.Add(1) - 1)
		for shard, ok := next(); ok; shard, ok = next() {
			err := events.Sessions(shard, func(events []event.Event) error {
				together := adjacentCopies(events)
				unique, repeated, err := session.Order(ctx, events)
				if err != nil {
					return err
				}
				if repeated > together {
					anyMoved.Store(true)
				}
				duplicates.Add(int64(repeated))
				if err := ctx.Err(); err != nil {
					return err
				}
				return each(worker, unique)
			})
			if err != nil {
				return err
			}
			select {
			case <-reached[shard]:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := done(worker); err != nil {
				return err
			}
			close(reached[shard+1])
		}
		return nil
	})
	if err != nil {
		return event.Accounting{}, false, err
	}
	accounting = read.Accounting(duplicates.Load())
	return accounting, anyMoved.Load(), accounting.Check()
}

// adjacentCopies counts the events, which are sorted, that repeat the one before
// them, of the same time.
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
		Spill:  func() (shuffle.File, error) { return newScratchFile() },
	})
}

// shuffle reads all inputs into events. The tally is also that of inputs of
// which too many lines were rejected.
func (x *Extraction) shuffle(ctx context.Context, events *shuffle.Shuffle) (*event.Tally, error) {
	read, err := x.read(ctx, func() taker {
		w := events.Writer()
		return func(_ int, _ int64, e *event.Event) error { return w.Add(e) }
	})
	if err != nil {
		return new(event.Tally), err
	}
	rejected := read.Lines - read.Blank - read.Events
	if float64(rejected) > x.MaxRejected*float64(read.Lines) {
		return read, &TooManyRejects{Rejected: rejected, Lines: read.Lines, Allowed: x.MaxRejected}
	}
	return read, nil
}

// NumWorkers is how many workers there are.
func (x *Extraction) NumWorkers() int {
	if x.Workers > 0 {
		return x.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// fold folds the sessions of every shard.
func (x *Extraction) fold(ctx context.Context, events *shuffle.Shuffle, each func(int, *session.Session) error) (outcome Outcome, duplicates int64, err error) {
	var mu sync.Mutex
	var workers atomic.Int64
	err = share(ctx, x.readers(events), shuffle.Shards, func(ctx context.Context, next func() (int, bool)) error {
		worker := int(workers.Add(1) - 1)
		var engine session.Engine
		var mine Outcome
		repeated := int64(0)
		for shard, ok := next(); ok; shard, ok = next() {
			err := events.Sessions(shard, func(events []event.Event) error {
				unique, n, err := session.Order(ctx, events)
				if err != nil {
					return err
				}
				repeated += int64(n)
				s, err := engine.Fold(ctx, unique, nil)
				if err != nil {
					return err
				}
				mine.Sessions++
				mine.Anomalies.Add(&s.Anomalies)
				if err := each(worker, s); err != nil {
					return err
				}
				return ctx.Err()
			})
			if err != nil {
				return err
			}
		}
		mu.Lock()
		defer mu.Unlock()
		outcome.Sessions += mine.Sessions
		outcome.Anomalies.Add(&mine.Anomalies)
		duplicates += repeated
		return nil
	})
	return outcome, duplicates, err
}

// readers is how many workers read shards: each holds one, with what it makes of
// it some twice as large, and all of them not much more than half the budget.
func (x *Extraction) readers(events *shuffle.Shuffle) int {
	if x.MemoryBudget == 0 {
		return x.NumWorkers()
	}
	const least = 8 << 20 // that they hold, be the budget what it may
	fit := max(x.MemoryBudget/2, least) / max(1, 2*events.Largest())
	return int(max(1, min(fit, int64(x.NumWorkers()))))
}

// share runs work on so many workers; next hands out the numbers below n, each
// once, until they are spent, the context ends, or a worker fails.
func share(ctx context.Context, workers, n int, work func(ctx context.Context, next func() (int, bool)) error) error {
	var taken atomic.Int64
	return together(ctx, workers, func(ctx context.Context) error {
		return work(ctx, func() (int, bool) {
			i := int(taken.Add(1) - 1)
			return i, i < n && ctx.Err() == nil
		})
	})
}

// together runs work on so many workers. Its context ends once one of them fails,
// and a work that ended early for it has failed, too.
func together(ctx context.Context, workers int, work func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for range workers {
		group.Go(guarded(func() error {
			if err := work(ctx); err != nil {
				return err
			}
			return ctx.Err()
		}))
	}
	return group.Wait()
}
