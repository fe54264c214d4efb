package wide

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"daybook/pipeline/extract"
	"daybook/pipeline/settings"
	"daybook/pipeline/wide/wire"
	"daybook/sinks/quarantine"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/event"
	"daybook/transform/shuffle"
)

const (
	// bufferBytes is about how many bytes of records are packed together, and
	// buffersBytes what the buffers of all hash ranges have at most.
	bufferBytes  = 1 << 20
	buffersBytes = 64 << 20
)

// Decode reads the task in a stream and decodes its dump: events to their hash ranges,
// rejected lines and the tally to the first one. A dump that cannot be read has a tally
// that says why. The error is one that another attempt may mend.
func Decode(ctx context.Context, s *settings.Pipeline, in io.Reader, out io.Writer) error {
	rows := wire.NewReader(in)
	task := new(DecodeTask)
	if err := readTask(rows, task); err != nil {
		return err
	}
	if err := readEnd(rows); err != nil {
		return err
	}
	d := &decoder{task: task, workers: s.Budget.Workers, out: wire.NewWriter(out)}
	tally, err := d.run(ctx, s)
	if err != nil {
		return err
	}
	if err := writeJSON(d.out, wire.Row{PID: task.PID, Kind: wire.Tally, Day: int32(task.Day), Seq: int64(task.Number)}, tally); err != nil {
		return err
	}
	return d.out.Close()
}

// decoder decodes one dump.
type decoder struct {
	task    *DecodeTask
	workers int

	mu  sync.Mutex
	out *wire.Writer
}

func (d *decoder) run(ctx context.Context, s *settings.Pipeline) (*Tally, error) {
	reach := extract.NewReach(d.task.Day, s.Lookback)
	rejects := newRejectSender(d)
	tally := &Tally{Number: d.task.Number, Key: d.task.Dump.Key, ETag: d.task.Dump.ETag}
	if d.task.Dump.Of = s.Dumps.Of(d.task.Dump.Key); d.task.Dump.Of == nil {
		return nil, fmt.Errorf("%s is a dump of no source; this worker has another configuration than the driver", s.Source.URL(d.task.Dump.Key))
	}
	x := &extract.Extraction{
		Inputs: extract.Inputs(s.Source, []dump.Dump{d.task.Dump}), Workers: d.workers, Rejects: rejects, Filter: reach.Filter,
		Opened: func(_ int, form dump.Form) { tally.Form = form },
		Unread: func(_ int, why error) { tally.Foreign = dump.Cause(why).Error() },
	}
	var mu sync.Mutex
	var senders []*sender
	lines, worst, err := x.Views(ctx, func() extract.EventSink {
		to := newSender(d)
		mu.Lock()
		defer mu.Unlock()
		senders = append(senders, to)
		return func(_ int, _ int64, e *event.Event) error { return to.add(e) }
	})
	if err != nil {
		return tally, tally.explain(ctx, err)
	}
	for _, to := range senders {
		if err := to.flush(); err != nil {
			return nil, err
		}
	}
	tally.Lines, tally.Worst, tally.Reached = *lines, worst, reach.Reached()
	return tally, rejects.flush()
}

// explain notes an error that every attempt would have, and returns any other.
func (t *Tally) explain(ctx context.Context, err error) error {
	if t.Changed = errors.Is(err, store.ErrChanged) || errors.Is(err, store.ErrNotFound); t.Changed && ctx.Err() == nil {
		t.Error = err.Error()
		return nil
	}
	if told(ctx, err, &t.Error) {
		return nil
	}
	return err
}

// send packs a buffer and sends it in a row.
func (d *decoder) send(row wire.Row, buffer []byte) error {
	row.Day, row.Seq = int32(d.task.Day), int64(d.task.Number)
	row.Payload = wire.Pack(nil, buffer)
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.out.Write(row)
}

// sender sends the events of one worker.
type sender struct {
	*decoder
	size    int      // of a buffer
	buffers [][]byte // by hash range
	records []int64
}

func newSender(d *decoder) *sender {
	ranges := 1 << d.task.Bits
	return &sender{
		decoder: d, size: min(bufferBytes, buffersBytes/ranges/max(1, d.workers)),
		buffers: make([][]byte, ranges), records: make([]int64, ranges),
	}
}

func (s *sender) add(e *event.Event) error {
	n := shuffle.RangeNumber(shuffle.Hash(e.SessionID), s.task.Bits)
	s.buffers[n] = shuffle.AppendRecord(s.buffers[n], e)
	s.records[n]++
	if len(s.buffers[n]) < s.size {
		return nil
	}
	return s.sendRange(n)
}

func (s *sender) sendRange(n int) error {
	err := s.send(wire.Row{PID: s.task.PID + int32(n), Kind: wire.Events, N: s.records[n]}, s.buffers[n])
	s.buffers[n], s.records[n] = s.buffers[n][:0], 0
	return err
}

// flush sends what is left.
func (s *sender) flush() error {
	for n := range s.buffers {
		if s.records[n] > 0 {
			if err := s.sendRange(n); err != nil {
				return err
			}
		}
	}
	return nil
}

// rejectSender sends the rejected lines, as they are quarantined, in numbered pieces.
type rejectSender struct {
	*decoder
	text   bytes.Buffer
	writer *quarantine.Writer
	pieces int64
}

func newRejectSender(d *decoder) *rejectSender {
	s := &rejectSender{decoder: d}
	s.writer = quarantine.NewWriter(&s.text)
	return s
}

// Reject implements extract.RejectSink: there is one input, so the calls do not overlap.
func (s *rejectSender) Reject(_ int, lines []extract.Reject) error {
	for i := range lines {
		r := &lines[i]
		err := s.writer.Write(&quarantine.Line{
			Object: s.task.Dump.Key, Number: r.Line.Number, Offset: r.Line.Offset, Reason: r.Reason, Detail: r.Detail, Raw: r.Line.Bytes,
		})
		if err != nil {
			return err
		}
		if err := s.sendPieces(bufferBytes); err != nil {
			return err
		}
	}
	return s.writer.Flush()
}

// sendPieces sends pieces while there are so many bytes.
func (s *rejectSender) sendPieces(least int) error {
	for s.text.Len() >= least {
		if err := s.send(wire.Row{PID: s.task.PID, Kind: wire.Rejects, N: s.pieces}, s.text.Next(bufferBytes)); err != nil {
			return err
		}
		s.pieces++
	}
	return nil
}

func (s *rejectSender) flush() error {
	if err := s.writer.Flush(); err != nil {
		return err
	}
	return s.sendPieces(1)
}
