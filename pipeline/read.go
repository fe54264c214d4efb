package pipeline

import (
	"context"
	"io"
	"slices"
	"sync"

	"daybook/sources/dump"
	"daybook/transform/event"
)

// Inputs are read by blocks of lines. A worker reads a block, and decodes it
// while another reads the next: each of an input of its own as long as there
// are enough, and otherwise of one that others read, too. So a large dump is
// decoded on all cores, and decompressed beside it on one at a time, with no
// more in memory than a block for each worker.

// A taker takes the events of one worker, each valid only during the call; its
// strings stay. Those of one input come in no order.
type taker func(input int, line int64, e *event.Event) error

// read decodes the lines of all inputs; every worker has a taker of its own.
func (x *Extraction) read(ctx context.Context, newTaker func() taker) (*event.Tally, error) {
	inlets := newInlets(x)
	defer inlets.close()
	total := new(event.Tally)
	var mu sync.Mutex
	err := together(ctx, x.NumWorkers(), func(ctx context.Context) error {
		d := &decoding{Extraction: x, decoder: event.NewDecoder(), take: newTaker()}
		for in := inlets.join(); in != nil; in = inlets.join() {
			if err := d.readFrom(ctx, in); err != nil {
				return err
			}
			inlets.spent(in)
		}
		mu.Lock()
		defer mu.Unlock()
		total.Add(&d.read)
		return nil
	})
	return total, err
}

// inlets are the inputs, as workers come to read them.
type inlets struct {
	mu     sync.Mutex
	unread []*inlet // that no worker has joined yet, in order
	open   []*inlet // that workers have joined, and not read to the end
}

func newInlets(x *Extraction) *inlets {
	all := &inlets{unread: make([]*inlet, len(x.Inputs))}
	for i := range x.Inputs {
		input := &x.Inputs[i]
		all.unread[i] = &inlet{index: i, input: input, turns: newTurns(), meter: meter{progress: x.Progress, size: input.Size}}
	}
	return all
}

// join gives a worker an input to read blocks of: the next unread one, or if
// there are none that which the fewest have joined; nil when all are read.
func (s *inlets) join() *inlet {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unread) > 0 {
		s.open = append(s.open, s.unread[0])
		s.unread = s.unread[1:]
		s.open[len(s.open)-1].workers++
		return s.open[len(s.open)-1]
	}
	if len(s.open) == 0 {
		return nil
	}
	in := slices.MinFunc(s.open, func(a, b *inlet) int { return a.workers - b.workers })
	in.workers++
	return in
}

// spent tells that an input has been read to its end.
func (s *inlets) spent(in *inlet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(other *inlet) bool { return other == in })
}

// close closes what was not read to its end, once nobody reads any more.
func (s *inlets) close() {
	for _, in := range s.open {
		in.close()
	}
}

// inlet is an input of which any number of workers read blocks.
type inlet struct {
	index   int
	input   *Input
	workers int // that have joined; guarded by the inlets
	turns   *turns

	mu     sync.Mutex
	reader *dump.Reader // nil before the first block and after the last
	err    error        // why there are no more blocks; stays
	blocks int          // so far
	meter  meter
}

// next reads the next block, and gives its turn. The error is io.EOF after the
// last block.
func (in *inlet) next(ctx context.Context, b *dump.Block) (turn int, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err == nil {
		in.err = in.fill(ctx, b)
	}
	if in.err != nil {
		return 0, in.err
	}
	turn = in.blocks
	in.blocks++
	return turn, nil
}

func (in *inlet) fill(ctx context.Context, b *dump.Block) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if in.reader == nil {
		if in.reader, err = in.input.Open(ctx); err != nil {
			return err
		}
	}
	err = in.reader.NextBlock(b)
	switch err {
	case nil:
		in.meter.read(in.reader.StoredBytes())
		return nil
	case io.EOF:
		in.meter.done()
	}
	in.close()
	return err
}

func (in *inlet) close() {
	if in.reader != nil {
		in.reader.Close()
		in.reader = nil
	}
}

// decoding is the work of one worker.
type decoding struct {
	*Extraction
	decoder *event.Decoder
	take    taker
	read    event.Tally

	block   dump.Block
	event   event.Event
	rejects []Reject // of the block, not passed on yet
}

// readFrom decodes blocks of an input until there are no more.
func (d *decoding) readFrom(ctx context.Context, in *inlet) error {
	for {
		turn, err := in.next(ctx, &d.block)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		before := d.read.Lines
		if err := d.decode(in, turn); err != nil {
			return err
		}
		if d.Progress != nil {
			d.Progress.Lines.Add(d.read.Lines - before)
		}
	}
}

// decode decodes the block, and ends its turn: also by a panic, so that nobody
// waits for it.
func (d *decoding) decode(in *inlet, turn int) error {
	defer in.turns.end(turn)
	for line, ok := d.block.Next(); ok; line, ok = d.block.Next() {
		d.read.Lines++
		if event.Blank(line.Bytes) {
			d.read.Blank++
			continue
		}
		reject := d.decoder.Decode(line.Bytes, &d.event)
		if reject.Reason == 0 && d.Filter != nil {
			reject = d.Filter(&d.event)
		}
		if reject.Reason != 0 {
			if err := d.reject(in, turn, Reject{line, reject}); err != nil {
				return err
			}
			continue
		}
		d.read.Events++
		if err := d.take(in.index, line.Number, &d.event); err != nil {
			return err
		}
	}
	return d.passRejects(in, turn)
}

// maxRejects is how many rejected lines of a block are kept until it is its
// turn to pass them on: those of a block of events, were all of them rejected.
const maxRejects = 1 << 11

// reject counts a rejected line, and passes it on, now or later.
func (d *decoding) reject(in *inlet, turn int, r Reject) error {
	d.read.Rejected[r.Reason]++
	if d.Rejects == nil {
		return nil
	}
	d.rejects = append(d.rejects, r)
	if len(d.rejects) < maxRejects {
		return nil
	}
	return d.passRejects(in, turn)
}

// passRejects passes the rejected lines on, once those of all earlier blocks
// have been.
func (d *decoding) passRejects(in *inlet, turn int) error {
	if len(d.rejects) == 0 {
		return nil
	}
	in.turns.wait(turn)
	err := d.Rejects.Reject(in.index, d.rejects)
	d.rejects = d.rejects[:0]
	return err
}

// turns are numbered from 0, and held at the same time. Who holds one can wait
// until all earlier ones have ended; everyone ends theirs, whatever happens.
type turns struct {
	mu    sync.Mutex
	ended sync.Cond    // of mu
	now   int          // the first that has not ended
	later map[int]bool // those after it that have
}

func newTurns() *turns {
	t := &turns{later: map[int]bool{}}
	t.ended.L = &t.mu
	return t
}

func (t *turns) wait(turn int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.now < turn {
		t.ended.Wait()
	}
}

func (t *turns) end(turn int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.later[turn] = true
	for t.later[t.now] {
		delete(t.later, t.now)
		t.now++
	}
	t.ended.Broadcast()
}
