package digest

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/parquet"

	"daybook/transform/event"
)

// Batch collects sessions in the columns of a digest, for [Writer.Append].
// Batches are independent and can be filled in parallel. The zero Batch is
// empty.
type Batch struct {
	sessions       []batched
	complete, open eventValues
}

// batched is a session of a batch.
type batched struct {
	event.Extent
	complete  bool
	oversized bool // it is in the index only
}

// Add adds a session with all its events of the day, in the contract's order
// and without duplicates. complete: the session is complete within this day.
// Add keeps no reference to events. After an error the batch is invalid. The error
// may be that of ctx.
func (b *Batch) Add(ctx context.Context, events []event.Event, complete bool) error {
	if err := check(ctx, events); err != nil {
		return err
	}
	to := &b.open
	if complete {
		to = &b.complete
	}
	bytes, err := to.add(ctx, events)
	if err != nil {
		return err
	}
	first, last := &events[0], &events[len(events)-1]
	x := event.Extent{Session: first.SessionID, First: first.TS, Last: last.TS, Events: int64(len(events)), Bytes: bytes}
	b.sessions = append(b.sessions, batched{Extent: x, complete: complete})
	return nil
}

// AddOversized adds a session without its events: it is only in the index.
func (b *Batch) AddOversized(x event.Extent) {
	b.sessions = append(b.sessions, batched{Extent: x, oversized: true})
}

// interruptEvery is the number of events after which the context is asked: a few
// milliseconds of work.
const interruptEvery = 1 << 14

// interrupted is the error of ctx, which it asks for some i only.
func interrupted(ctx context.Context, i int) error {
	if i%interruptEvery != interruptEvery-1 {
		return nil
	}
	return ctx.Err()
}

// check validates what readers rely on.
func check(ctx context.Context, events []event.Event) error {
	if len(events) == 0 {
		return errors.New("the session has no events")
	}
	id := events[0].SessionID
	for i := range events {
		if err := interrupted(ctx, i); err != nil {
			return err
		}
		e := &events[i]
		switch {
		case e.SessionID != id:
			return fmt.Errorf("event %q belongs to session %d, not to session %d", e.ID, e.SessionID, id)
		case i > 0 && !before(&events[i-1], e):
			return fmt.Errorf("session %d: event %q is out of order or a duplicate", id, e.ID)
		case !utf8.ValidString(e.ID):
			return fmt.Errorf("session %d: event %q: the id is not valid UTF-8", id, e.ID)
		}
	}
	return nil
}

// before is the contract's order (EVENTS.md, "Lines").
func before(a, b *event.Event) bool {
	return cmp.Or(cmp.Compare(a.TS, b.TS), cmp.Compare(a.Seq, b.Seq), strings.Compare(a.ID, b.ID)) < 0
}

// reset empties the batch.
func (b *Batch) reset() {
	b.sessions = b.sessions[:0]
	b.complete.reset()
	b.open.reset()
}

// eventValues are the columns of a table of events, with a value per session.
type eventValues struct {
	sessions, starts                              []int64
	steps, micros, seqs, kinds, whos, bodies, ids texts
	body                                          []byte // scratch memory for one event
}

// append appends row i of o.
func (v *eventValues) append(o *eventValues, i int) {
	v.sessions = append(v.sessions, o.sessions[i])
	v.starts = append(v.starts, o.starts[i])
	from := o.texts()
	for c, t := range v.texts() {
		t.data = append(t.data, from[c].at(i)...)
		t.end()
	}
}

// add adds a session. It returns the size of its events (event.Event.Size).
func (v *eventValues) add(ctx context.Context, events []event.Event) (size int64, err error) {
	start := events[0].Millis()
	v.sessions = append(v.sessions, events[0].SessionID)
	v.starts = append(v.starts, start)
	ms, seq, exact := start, int64(0), true
	for i := range events {
		if err := interrupted(ctx, i); err != nil {
			return 0, err
		}
		e := &events[i]
		exact = exact && micros(e) == 0
		v.steps.data = binary.AppendUvarint(v.steps.data, uint64(e.Millis()-ms))
		v.seqs.data = binary.AppendVarint(v.seqs.data, e.Seq-seq)
		v.whos.data = binary.AppendUvarint(v.whos.data, uint64(e.Who()))
		v.body = e.AppendBody(v.body[:0])
		if len(v.body) == 0 {
			size += event.MostSize(1, len(e.ID)) // it has no other texts
		} else {
			size += e.Size()
		}
		v.bodies.data = append(binary.AppendUvarint(v.bodies.data, uint64(len(v.body))), v.body...)
		var form uint8
		v.ids.data, form = appendID(v.ids.data, e.ID)
		v.kinds.data = append(v.kinds.data, form, byte(e.Type), e.Code())
		ms, seq = e.Millis(), e.Seq
	}
	if !exact {
		for i := range events {
			v.micros.data = binary.AppendVarint(v.micros.data, micros(&events[i]))
		}
	}
	for _, t := range v.texts() {
		t.end()
	}
	return size, nil
}

// size is the number of bytes of row i.
func (v *eventValues) size(i int) (n int) {
	for _, t := range v.texts() {
		n += len(t.at(i))
	}
	return n
}

// micros is the part of an event's time below a millisecond, in µs.
func micros(e *event.Event) int64 { return e.TS - e.Millis()*1000 }

// texts lists the columns of byte strings in their order.
func (v *eventValues) texts() [7]*texts {
	return [...]*texts{&v.steps, &v.micros, &v.seqs, &v.kinds, &v.whos, &v.bodies, &v.ids}
}

func (v *eventValues) reset() {
	v.sessions, v.starts = v.sessions[:0], v.starts[:0]
	for _, t := range v.texts() {
		t.reset()
	}
}

// texts are byte strings, joined in data.
type texts struct {
	data []byte
	ends []int
	list []parquet.ByteArray
}

// end completes a text: the bytes of data since the previous end.
func (t *texts) end() { t.ends = append(t.ends, len(t.data)) }

// at returns text i, which is a part of data.
func (t *texts) at(i int) []byte {
	if i == 0 {
		return t.data[:t.ends[0]]
	}
	return t.data[t.ends[i-1]:t.ends[i]]
}

// views returns the texts, which are parts of data.
func (t *texts) views() []parquet.ByteArray {
	for i := range t.ends {
		t.list = append(t.list, t.at(i))
	}
	return t.list
}

// reset empties the texts. It keeps the memory that most of them need.
func (t *texts) reset() {
	if cap(t.data) > 2*groupBytes {
		t.data = nil
	}
	t.data, t.ends, t.list = t.data[:0], t.ends[:0], t.list[:0]
}
