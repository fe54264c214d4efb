package extract

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"daybook/pipeline/parallel"
	"daybook/sources/dump"
	"daybook/transform/event"
	"daybook/transform/export"
)

// EventSink receives the events of one worker: the index of the input, the number
// of the line (from 1), and the event. The event is valid only during the call; its
// strings stay valid. The events of an input come in no particular order.
type EventSink func(input int, line int64, e *event.Event) error

// Events reads all inputs and passes every event to the sink of the worker that
// decoded it. newSink makes the sinks, one for each worker, from several goroutines.
// The rejected lines go to x.Rejects, however many there are.
func (x *Extraction) Events(ctx context.Context, newSink func() EventSink) (*event.Tally, error) {
	tally, _, err := x.read(ctx, false, newSink)
	return tally, err
}

// Views is like Events, but the strings of an event are valid only during the call, too.
// It also returns the input with the most rejected lines; nil if there are none.
func (x *Extraction) Views(ctx context.Context, newSink func() EventSink) (*event.Tally, *RejectCause, error) {
	return x.read(ctx, true, newSink)
}

// read is Events, or Views. It also returns the input with the most rejected lines; nil
// if there are none.
func (x *Extraction) read(ctx context.Context, views bool, newSink func() EventSink) (*event.Tally, *RejectCause, error) {
	progress := cmp.Or(x.Progress, new(Progress))
	readers := newReaders(x, progress)
	defer readers.close()
	total := new(event.Tally)
	var mu sync.Mutex
	err := parallel.Workers(ctx, x.NumWorkers(), func(ctx context.Context) error {
		w := &worker{x: x, progress: progress, views: views, decoder: event.NewDecoder(), sink: newSink()}
		if views {
			w.decoder = event.NewViewDecoder()
		}
		for r := readers.join(); r != nil; r = readers.join() {
			if err := w.readFrom(ctx, r); err != nil {
				return err
			}
			readers.finished(r)
		}
		mu.Lock()
		defer mu.Unlock()
		total.Add(&w.tally)
		return nil
	})
	return total, readers.worst(), err
}

// readers deals the inputs out to the workers.
type readers struct {
	all    []*reader
	mu     sync.Mutex
	unread []*reader // without a worker so far, in order
	open   []*reader // with workers, and not read to the end
}

func newReaders(x *Extraction, progress *Progress) *readers {
	inputs := x.Inputs
	s := &readers{all: make([]*reader, len(inputs))}
	for i := range inputs {
		s.all[i] = &reader{
			index: i, input: &inputs[i], of: x, order: newSequencer(),
			meter: meter{progress: progress, size: inputs[i].Size},
		}
	}
	s.unread = s.all
	return s
}

// worst is the input with the most rejected lines, the first one of equal ones. All
// inputs have been read.
func (s *readers) worst() *RejectCause {
	var worst *reader
	for _, r := range s.all {
		if r.rejects != nil && (worst == nil || r.rejects.lines > worst.rejects.lines) {
			worst = r
		}
	}
	if worst == nil {
		return nil
	}
	c := &RejectCause{Input: worst.input.Name, Lines: worst.lines, Rejected: worst.rejects.lines, Unit: worst.unit, Store: worst.input.Store}
	for _, reason := range event.Reasons() {
		if of := &worst.rejects.by[reason]; of.lines > c.Count {
			c.Reason, c.Count, c.Line, c.Offset, c.Detail = reason, of.lines, of.first, of.offset, of.detail
		}
	}
	return c
}

// join gives a worker an input to read blocks of: the next unread one, or else the
// one with the fewest workers. It is nil when all are read.
func (s *readers) join() *reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	var r *reader
	switch {
	case len(s.unread) > 0:
		r, s.unread = s.unread[0], s.unread[1:]
		s.open = append(s.open, r)
	case len(s.open) > 0:
		r = slices.MinFunc(s.open, func(a, b *reader) int { return a.workers - b.workers })
	default:
		return nil
	}
	r.workers++
	return r
}

// finished says that an input has been read to its end.
func (s *readers) finished(r *reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(other *reader) bool { return other == r })
}

// close closes the inputs that were not read to their end. The workers have ended.
func (s *readers) close() {
	for _, r := range s.open {
		r.close()
	}
}

// reader reads the blocks of one input for any number of workers.
type reader struct {
	index   int
	input   *Input
	of      *Extraction
	workers int        // that have joined; guarded by readers.mu
	order   *sequencer // of the blocks

	mu     sync.Mutex
	dump   *dump.Reader   // nil before the first block and after the last
	err    error          // why there are no more blocks; stays
	blocks int            // so far
	unit   string         // line or document, for messages
	layout *export.Layout // of an export of the report; nil: the input has events
	meter  meter

	counting sync.Mutex
	lines    int64         // that were decoded
	rejects  *inputRejects // nil: none
}

// count counts the lines of a block, and those of them that were rejected.
func (r *reader) count(lines int64, rejects *inputRejects) {
	r.counting.Lock()
	defer r.counting.Unlock()
	r.lines += lines
	if rejects.lines == 0 {
		return
	}
	if r.rejects == nil {
		r.rejects = new(inputRejects)
	}
	r.rejects.add(rejects)
}

// next reads the next block and returns its number. The error is io.EOF after the
// last block.
func (r *reader) next(ctx context.Context, b *dump.Block) (block int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = r.fill(ctx, b)
	}
	if r.err != nil {
		return 0, r.err
	}
	block = r.blocks
	r.blocks++
	return block, nil
}

func (r *reader) fill(ctx context.Context, b *dump.Block) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.dump == nil {
		if err = r.open(ctx); err != nil {
			return err
		}
	}
	err = r.dump.NextBlock(b)
	switch err {
	case nil:
		r.meter.read(r.dump.StoredBytes())
		return nil
	case io.EOF:
		r.meter.done()
	}
	r.close()
	return err
}

// open opens the input. An input that is no dump has no blocks.
func (r *reader) open(ctx context.Context) (err error) {
	r.dump, err = r.input.Open(ctx)
	switch {
	case err == nil:
		r.unit, r.layout = r.dump.Form().Unit(), r.dump.Layout()
		if r.of.Opened != nil {
			r.of.Opened(r.index, r.dump.Form())
		}
	case errors.Is(err, dump.ErrForeign) && r.of.Unread != nil:
		r.of.Unread(r.index, err)
		r.meter.done()
		return io.EOF
	}
	return err
}

func (r *reader) close() {
	if r.dump != nil {
		r.dump.Close()
		r.dump = nil
	}
}

// worker decodes blocks.
type worker struct {
	x        *Extraction
	progress *Progress
	decoder  *event.Decoder
	sink     EventSink
	tally    event.Tally
	counted  inputRejects // of the block

	block   dump.Block
	views   bool // events are valid during the call of the sink only
	mappers map[*event.Map]*event.Mapper
	rows    *export.Decoder // of the layout in rowsOf
	rowsOf  *reader
	event   event.Event
	rejects []Reject // of the block, before they are passed on
}

// readFrom decodes blocks of an input until there are no more.
func (w *worker) readFrom(ctx context.Context, r *reader) error {
	for {
		block, err := r.next(ctx, &w.block)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		before := w.tally.Lines
		if err := w.decode(r, block); err != nil {
			return err
		}
		lines := w.tally.Lines - before
		w.progress.Lines.Add(lines)
		r.count(lines, &w.counted)
		w.counted = inputRejects{}
	}
}

// decode decodes the block, and then ends it, after a panic, too: other workers may
// wait for it.
func (w *worker) decode(r *reader, block int) error {
	defer r.order.end(block)
	mapper, rows := w.mapper(r.input.Map), w.rowsOfExport(r)
	for line, ok := w.block.Next(); ok; line, ok = w.block.Next() {
		w.tally.Lines++
		if event.Blank(line.Bytes) {
			w.tally.Blank++
			continue
		}
		var reject event.Reject
		if rows != nil {
			var ok bool
			if ok, reject = rows.Decode(line.Bytes, &w.event); !ok && reject.Reason == 0 {
				w.tally.Blank++ // a line of headings
				continue
			}
		} else if mapper == nil {
			reject = w.decoder.Decode(line.Bytes, &w.event)
		} else {
			var ok bool
			if ok, reject = w.decoder.DecodeMapped(mapper, line.Bytes, &w.event); !ok && reject.Reason == 0 {
				w.tally.Blank++ // the map leaves it out
				continue
			}
		}
		if reject.Reason == 0 && w.x.Filter != nil {
			reject = w.x.Filter(&w.event)
		}
		if reject.Reason != 0 {
			if err := w.reject(r, block, Reject{line, reject}); err != nil {
				return err
			}
			continue
		}
		w.tally.Events++
		if err := w.sink(r.index, line.Number, &w.event); err != nil {
			return err
		}
	}
	return w.passRejects(r, block)
}

// mapper is the worker's mapper of a map; nil without one.
func (w *worker) mapper(of *event.Map) *event.Mapper {
	if of == nil {
		return nil
	}
	p := w.mappers[of]
	if p == nil {
		if w.mappers == nil {
			w.mappers = map[*event.Map]*event.Mapper{}
		}
		p = of.NewMapper()
		w.mappers[of] = p
	}
	return p
}

// rowsOfExport is the worker's decoder of an input that is an export; nil for any other.
// The worker has read a block of the input.
func (w *worker) rowsOfExport(r *reader) *export.Decoder {
	if w.rowsOf != r {
		w.rowsOf, w.rows = r, nil
		if r.layout != nil {
			w.rows = r.layout.NewDecoder(r.input.Day, w.views)
		}
	}
	return w.rows
}

// maxRejects is how many rejected lines of a block are kept before they are passed
// on: about as many as a block has events.
const maxRejects = 1 << 11

// reject counts a rejected line, and keeps it or passes it on.
func (w *worker) reject(r *reader, block int, line Reject) error {
	w.tally.Rejected[line.Reason]++
	w.counted.note(&line)
	if w.x.Rejects == nil {
		return nil
	}
	w.rejects = append(w.rejects, line)
	if len(w.rejects) < maxRejects {
		return nil
	}
	return w.passRejects(r, block)
}

// passRejects passes the rejected lines on, after those of all earlier blocks.
func (w *worker) passRejects(r *reader, block int) error {
	if len(w.rejects) == 0 {
		return nil
	}
	r.order.wait(block)
	err := w.x.Rejects.Reject(r.index, w.rejects)
	w.rejects = w.rejects[:0]
	return err
}
