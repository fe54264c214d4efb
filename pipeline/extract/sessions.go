package extract

import (
	"cmp"
	"context"
	"errors"
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
	tally, worst, err := x.shuffle(ctx, events, nil)
	if err != nil {
		return Outcome{Accounting: tally.Accounting(0)}, err
	}
	outcome, duplicates, err := x.fold(ctx, events, each)
	if err != nil {
		return Outcome{}, err
	}
	outcome.Accounting, outcome.Worst = tally.Accounting(duplicates), worst
	return outcome, outcome.Accounting.Check()
}

// Parts receives the sessions of a sorted extraction.
type Parts struct {
	// Begin is called first, with the number of events of each hash range, repeated
	// ones included.
	Begin func(events []int64) error
	// Each is called with the events of every session: in the contract's order,
	// without repeated ones, valid only during the call. The sessions come in parts.
	// A part goes to one worker (0 ≤ worker < x.NumWorkers()), by ascending hash
	// (shuffle.Hash), in calls that do not overlap. A part lies in one hash range.
	Each func(ctx context.Context, worker int, events []event.Event) error
	// Oversized is called instead of Each for a session that is too large.
	Oversized func(worker int, x event.Extent)
	// Done is called after each part, for one part at a time, in the order of their
	// hashes. A part takes at most the memory of a shard.
	Done func(ctx context.Context, worker int) error
}

// Sorted reads all inputs and passes the events on by session, in a reproducible
// order. moved says that copies of an event have different times: a copy that comes
// later could then move the event. After an error, what was passed on is worthless.
func (x *Extraction) Sorted(ctx context.Context, parts *Parts) (accounting event.Accounting, moved bool, err error) {
	events := x.newShuffle()
	defer func() { err = errors.Join(err, events.Close()) }()
	counts := &rangeCounts{bits: x.RangeBits}
	tally, _, err := x.shuffle(ctx, events, counts)
	if err != nil {
		return tally.Accounting(0), false, err
	}
	if err := parts.Begin(counts.sum()); err != nil {
		return event.Accounting{}, false, err
	}
	duplicates, moved, err := x.SortShuffled(ctx, events, parts)
	if err != nil {
		return event.Accounting{}, false, err
	}
	accounting = tally.Accounting(duplicates)
	return accounting, moved, accounting.Check()
}

// SortShuffled passes the events of a shuffle on by session, like Sorted; it does not
// call parts.Begin. duplicates is how many repeated events were left out.
func (x *Extraction) SortShuffled(ctx context.Context, events *shuffle.Shuffle, parts *Parts) (duplicates int64, moved bool, err error) {
	s := &sorting{Parts: parts, events: events, rangeBits: x.RangeBits, ready: newGates(shuffle.Shards)}
	var readers int
	readers, s.memory = x.shardReaders(events)
	var workers atomic.Int64
	err = parallel.Share(ctx, readers, shuffle.Shards, func(ctx context.Context, next func() (int, bool)) error {
		worker := int(workers.Add(1) - 1)
		for shard, ok := next(); ok; shard, ok = next() {
			if err := s.pass(ctx, worker, shard); err != nil {
				return err
			}
		}
		return nil
	})
	return s.duplicates.Load(), s.moved.Load(), err
}

// sorting passes shards on in order.
type sorting struct {
	*Parts
	events     *shuffle.Shuffle
	rangeBits  int
	memory     int64 // of a shard
	ready      gates
	duplicates atomic.Int64
	moved      atomic.Bool
}

// pass passes the sessions of a shard on, in one part if they lie in one hash range and
// are not more than the memory of a shard.
func (s *sorting) pass(ctx context.Context, worker, shard int) error {
	size := int64(0) // of the part, as it is encoded
	end := func() error {
		size = 0
		if err := s.ready.wait(ctx, shard); err != nil {
			return err
		}
		return s.Done(ctx, worker)
	}
	within := -1 // the hash range of the part
	err := s.events.Sessions(ctx, shard, s.memory, func(one *shuffle.Session) error {
		s.duplicates.Add(one.Copies)
		if number := shuffle.RangeNumber(one.Hash(), s.rangeBits); number != within {
			if within >= 0 {
				if err := end(); err != nil {
					return err
				}
			}
			within = number
		}
		if one.Oversized != nil {
			s.Oversized(worker, *one.Oversized)
			return ctx.Err()
		}
		unique, repeated, err := session.Order(ctx, one.Events)
		if err != nil {
			return err
		}
		if repeated > 0 { // at another time: the shuffle has left out those of the same time
			s.moved.Store(true)
			s.duplicates.Add(int64(repeated))
		}
		if size += one.Bytes; s.memory > 0 && size > s.memory {
			if err := end(); err != nil {
				return err
			}
			size = one.Bytes
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return s.Each(ctx, worker, unique)
	})
	if err != nil {
		return err
	}
	return s.ready.pass(ctx, shard, func() error { return s.Done(ctx, worker) })
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
	if err := g.wait(ctx, part); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	close(g[part+1])
	return nil
}

// wait waits for the parts before this one.
func (g gates) wait(ctx context.Context, part int) error {
	select {
	case <-g[part]:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (x *Extraction) newShuffle() *shuffle.Shuffle { return x.NewShuffle(shuffle.Range{}) }

// NewShuffle makes a shuffle within the memory budget, for sessions of a hash range.
func (x *Extraction) NewShuffle(r shuffle.Range) *shuffle.Shuffle {
	return shuffle.New(shuffle.Options{
		Budget: x.MemoryBudget, MaxSession: x.MaxSession, Range: r,
		Spill: func() (shuffle.File, error) { return spillfile.NewScratch() },
	})
}

// rangeCounts count the events of hash ranges.
type rangeCounts struct {
	bits int

	mu      sync.Mutex
	workers [][]int64 // by hash range
}

// worker is the counts of another worker.
func (c *rangeCounts) worker() []int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.workers = append(c.workers, make([]int64, 1<<c.bits))
	return c.workers[len(c.workers)-1]
}

// sum is the counts of all workers.
func (c *rangeCounts) sum() []int64 {
	total := make([]int64, 1<<c.bits)
	for _, counts := range c.workers {
		for i, n := range counts {
			total[i] += n
		}
	}
	return total
}

// shuffle reads all inputs into events, and counts them if counts is set. If it fails with *TooManyRejects, the tally is
// that of all inputs. worst is the input with the most rejected lines; nil if there are
// none.
func (x *Extraction) shuffle(ctx context.Context, events *shuffle.Shuffle, counts *rangeCounts) (_ *event.Tally, worst *RejectCause, err error) {
	tally, worst, err := x.read(ctx, true, func() EventSink {
		w := events.Writer()
		if counts == nil {
			return func(_ int, _ int64, e *event.Event) error { return w.Add(e) }
		}
		n := counts.worker()
		return func(_ int, _ int64, e *event.Event) error {
			n[shuffle.RangeNumber(shuffle.Hash(e.SessionID), counts.bits)]++
			return w.Add(e)
		}
	})
	if err != nil {
		return new(event.Tally), nil, err
	}
	rejected := tally.Lines - tally.Blank - tally.Events
	if float64(rejected) > x.MaxRejected*float64(tally.Lines) {
		return tally, worst, &TooManyRejects{Rejected: rejected, Lines: tally.Lines, Events: tally.Events, Allowed: x.MaxRejected, Cause: *worst}
	}
	return tally, worst, nil
}

// fold folds the sessions of every shard.
func (x *Extraction) fold(ctx context.Context, events *shuffle.Shuffle, each func(int, *session.Session) error) (outcome Outcome, duplicates int64, err error) {
	var mu sync.Mutex
	var workers atomic.Int64
	readers, memory := x.shardReaders(events)
	err = parallel.Share(ctx, readers, shuffle.Shards, func(ctx context.Context, next func() (int, bool)) error {
		f := &folder{each: each, worker: int(workers.Add(1) - 1), silence: cmp.Or(x.Silence, math.MaxInt64/1000)}
		for shard, ok := next(); ok; shard, ok = next() {
			err := events.Sessions(ctx, shard, memory, func(s *shuffle.Session) error { return f.fold(ctx, s) })
			if err != nil {
				return err
			}
		}
		mu.Lock()
		defer mu.Unlock()
		outcome.Sessions += f.outcome.Sessions
		outcome.Anomalies.Add(&f.outcome.Anomalies)
		outcome.Oversized.Merge(&f.outcome.Oversized)
		duplicates += f.duplicates
		return nil
	})
	return outcome, duplicates, err
}

// folder folds the sessions of one worker.
type folder struct {
	each       func(int, *session.Session) error
	worker     int
	engine     session.Engine
	outcome    Outcome
	duplicates int64
	silence    int64 // the longest within a session, in milliseconds
}

func (f *folder) fold(ctx context.Context, one *shuffle.Session) error {
	f.duplicates += one.Copies
	if one.Oversized != nil {
		f.outcome.Oversized.Add(one.Oversized.Session)
		return ctx.Err()
	}
	unique, n, err := session.Order(ctx, one.Events)
	if err != nil {
		return err
	}
	f.duplicates += int64(n)
	for stretch := range session.Stretches(unique, f.silence) {
		s, err := f.engine.Fold(ctx, stretch, nil)
		if err != nil {
			return err
		}
		f.outcome.Sessions++
		f.outcome.Anomalies.Add(&s.Anomalies)
		if err := f.each(f.worker, s); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// leastShards is how many bytes of shards may be held with any budget.
const leastShards = 8 << 20

// shardReaders is how many workers read shards at the same time, and the memory of
// each for a shard; it takes about half as much again for what it makes of it. All of
// them hold about half the budget at most. Shards that are larger are sorted in
// temporary files. 0 bytes: no bound.
func (x *Extraction) shardReaders(events *shuffle.Shuffle) (workers int, memory int64) {
	if x.MemoryBudget == 0 {
		return x.NumWorkers(), 0
	}
	all := max(x.MemoryBudget/2, leastShards)
	fit := all / max(1, events.Largest()*3/2)
	workers = int(max(1, min(fit, int64(x.NumWorkers()))))
	return workers, all * 2 / 3 / int64(workers)
}
