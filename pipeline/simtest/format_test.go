package simtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"

	"daybook/pipeline/format"
	"daybook/sinks/digest"
	"daybook/sinks/parquet"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
)

// plainFormat implements [format.Format] with plain bytes: a hundredth of the work of
// Parquet. Each session of a digest is a row group of its own, so that a handful of
// sessions tries everything about row groups.
type plainFormat struct{}

var errPlain = errors.New("these are not the bytes that were written")

func (plainFormat) Digest(complete, open, sessions io.Writer, _ int64) (format.DigestWriter, error) {
	return &plainDigest{complete: plainTable{w: complete}, open: plainTable{w: open}, sessions: sessions}, nil
}

func (plainFormat) Index(r io.ReaderAt, size int64) (*digest.Index, error) {
	p, err := readPlain(r, size)
	if err != nil {
		return nil, err
	}
	var entries []digest.Entry
	for p.more() {
		entries = append(entries, digest.Entry{
			Session: p.number(), First: p.number(), Last: p.number(), Events: p.number(), Bytes: p.number(),
			Complete: p.number() == 1, Oversized: p.number() == 1, Group: int32(p.number()),
		})
	}
	if p.err != nil {
		return nil, p.err
	}
	return digest.NewIndex(entries)
}

func (plainFormat) Events(r io.ReaderAt, size, _ int64, _ bool) (format.EventsTable, error) {
	p, err := readPlain(r, size)
	if err != nil {
		return nil, err
	}
	var groups plainGroups
	for p.more() {
		events := make([]event.Event, p.number())
		for i := range events {
			events[i] = p.event()
		}
		groups = append(groups, events)
	}
	return groups, p.err
}

func (plainFormat) Part(w io.Writer, _ int64) (format.PartWriter, error) { return plainPart{w}, nil }

func (f plainFormat) Audit(r io.ReaderAt, size int64, e *parquet.Expectation) error {
	rows := int64(0)
	for batch, err := range f.Rows(r, size, nil) {
		if err != nil {
			return err
		}
		rows += int64(len(batch))
	}
	if rows != e.Rows {
		return fmt.Errorf("%d rows, and there should be %d", rows, e.Rows)
	}
	return nil
}

func (plainFormat) Rows(r io.ReaderAt, size int64, _ parquet.Columns) iter.Seq2[[]report.Row, error] {
	return func(yield func([]report.Row, error) bool) {
		rows, err := plainRows(r, size)
		if err != nil || len(rows) > 0 {
			yield(rows, err)
		}
	}
}

func plainRows(r io.ReaderAt, size int64) (rows []report.Row, err error) {
	p, err := readPlain(r, size)
	if err != nil {
		return nil, err
	}
	for p.more() {
		rows = append(rows, p.row())
	}
	return rows, p.err
}

// plainFile is a file of rows, which are one row group.
type plainFile []report.Row

func (plainFormat) Open(r io.ReaderAt, size int64) (format.File, error) {
	rows, err := plainRows(r, size)
	return plainFile(rows), err
}

// Copies: some days of the simulation are copied, and others joined.
func (plainFormat) Copies(rows int64) bool { return rows >= 3 }

func (f plainFile) Groups() []int64 {
	if len(f) == 0 {
		return nil
	}
	return []int64{int64(len(f))}
}

func (f plainFile) Batches(int) iter.Seq2[[]report.Row, error] {
	return func(yield func([]report.Row, error) bool) { yield(f, nil) }
}

func (plainFile) Metadata(string) string { return "" }

// plainSplicer writes a file of rows.
type plainSplicer struct {
	plainPart
	rows int64
}

func (plainFormat) Splice(w io.Writer) (format.Splicer, error) {
	return &plainSplicer{plainPart: plainPart{w}}, nil
}

func (s *plainSplicer) Write(rows []report.Row) error {
	s.rows += int64(len(rows))
	return s.plainPart.Write(rows)
}

func (s *plainSplicer) Copy(f format.File, _ int) error { return s.Write(f.(plainFile)) }

func (s *plainSplicer) Audit(r io.ReaderAt, size int64) error {
	return plainFormat{}.Audit(r, size, &parquet.Expectation{Rows: s.rows})
}

// plainDigest writes the three tables of a digest.
type plainDigest struct {
	complete, open plainTable
	sessions       io.Writer
	index          []byte
	summary        digest.Summary
}

type plainTable struct {
	w      io.Writer
	bytes  []byte
	groups int64
}

// plainBatch is some sessions, each in the form of its table.
type plainBatch struct{ sessions []batchedSession }

type batchedSession struct {
	event.Extent
	complete, oversized bool
	bytes               []byte
}

func (plainFormat) Batch() format.DigestBatch { return new(plainBatch) }

func (b *plainBatch) Add(_ context.Context, events []event.Event, complete bool) error {
	first, last := &events[0], &events[len(events)-1]
	x := event.Extent{Session: first.SessionID, First: first.TS, Last: last.TS, Events: int64(len(events))}
	s := batchedSession{complete: complete, bytes: appendNumbers(nil, x.Events)}
	for i := range events {
		s.bytes = appendEvent(s.bytes, &events[i])
		x.Bytes += events[i].Size()
	}
	s.Extent = x
	b.sessions = append(b.sessions, s)
	return nil
}

func (b *plainBatch) AddOversized(x event.Extent) {
	b.sessions = append(b.sessions, batchedSession{Extent: x, oversized: true})
}

func (w *plainDigest) Append(_ context.Context, b format.DigestBatch) error {
	for _, s := range b.(*plainBatch).sessions {
		if w.summary.Sessions() == 0 {
			w.summary.MinTS, w.summary.MaxTS = s.First, s.Last
		}
		w.summary.MinTS, w.summary.MaxTS = min(w.summary.MinTS, s.First), max(w.summary.MaxTS, s.Last)
		w.index = appendNumbers(w.index, s.Session, s.First/1000, s.Last/1000, s.Events, s.Bytes)
		if s.oversized {
			w.index = appendNumbers(w.index, 0, 1, 0)
			w.summary.Oversized.Add(s.Session)
			continue
		}
		table, count, flag := &w.open, &w.summary.Open, int64(0)
		if s.complete {
			table, count, flag = &w.complete, &w.summary.Complete, 1
		}
		w.index = appendNumbers(w.index, flag, 0, table.groups)
		table.bytes = append(table.bytes, s.bytes...)
		table.groups++
		count.Sessions++
		count.Events += s.Events
	}
	b.(*plainBatch).sessions = nil
	return nil
}

func (w *plainDigest) Close(context.Context) (digest.Summary, error) {
	_, err := w.complete.w.Write(w.complete.bytes)
	if err == nil {
		_, err = w.open.w.Write(w.open.bytes)
	}
	if err == nil {
		_, err = w.sessions.Write(w.index)
	}
	return w.summary, err
}

// plainGroups are the events of a table by row group.
type plainGroups [][]event.Event

func (g plainGroups) Open(_ io.ReaderAt, group int, _ bool) (format.Sessions, error) {
	if group >= len(g) {
		return nil, errPlain
	}
	return &plainSession{events: g[group]}, nil
}

func (g plainGroups) Memory(int) int64 { return 0 }

// plainSession is the one session of a row group.
type plainSession struct {
	events []event.Event
	read   bool
}

func (s *plainSession) Next() (session int64, ok bool) {
	ok = !s.read
	s.read = true
	return s.events[0].SessionID, ok
}

func (s *plainSession) Append(events []event.Event, _ bool) ([]event.Event, error) {
	return append(events, s.events...), nil
}

type plainPart struct{ w io.Writer }

func (p plainPart) Write(rows []report.Row) error {
	_, err := p.w.Write(encodeRows(rows))
	return err
}

func (plainPart) Close(map[string]string) error { return nil }

func encodeRows(rows []report.Row) []byte {
	var b []byte
	for i := range rows {
		for j := range report.Columns {
			switch c := &report.Columns[j]; c.Kind {
			case report.String:
				b = appendText(b, c.Text(&rows[i]))
			case report.Boolean:
				b = append(b, 0)
				if c.Flag(&rows[i]) {
					b[len(b)-1] = 1
				}
			case report.Date:
				b = appendNumbers(b, int64(c.Day(&rows[i])))
			default:
				b = appendNumbers(b, c.Number(&rows[i]))
			}
		}
	}
	return b
}

func appendEvent(b []byte, e *event.Event) []byte {
	b = appendNumbers(b, e.SessionID, e.TS, e.Seq, int64(e.Type), int64(e.Code()), e.Who())
	b = appendText(b, e.ID)
	return appendText(b, string(e.AppendBody(nil)))
}

func appendNumbers(b []byte, numbers ...int64) []byte {
	for _, n := range numbers {
		b = binary.AppendVarint(b, n)
	}
	return b
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// plainReader takes values off bytes. After an error all values are zero.
type plainReader struct {
	rest string
	err  error
}

func readPlain(r io.ReaderAt, size int64) (*plainReader, error) {
	b := make([]byte, size)
	if size == 0 {
		return &plainReader{}, nil
	}
	if n, err := r.ReadAt(b, 0); int64(n) < size {
		return nil, err
	}
	return &plainReader{rest: string(b)}, nil
}

func (p *plainReader) more() bool { return p.err == nil && p.rest != "" }

func (p *plainReader) number() int64 {
	u := p.unsigned()
	return int64(u>>1) ^ -int64(u&1) // as binary.AppendVarint writes it
}

func (p *plainReader) unsigned() (u uint64) {
	for i := range min(len(p.rest), binary.MaxVarintLen64) {
		u |= uint64(p.rest[i]&0x7f) << (7 * i)
		if p.rest[i] < 0x80 {
			p.rest = p.rest[i+1:]
			return u
		}
	}
	p.fail()
	return 0
}

func (p *plainReader) text() string {
	n := p.unsigned()
	if n > uint64(len(p.rest)) {
		p.fail()
		return ""
	}
	text := p.rest[:n]
	p.rest = p.rest[n:]
	return text
}

func (p *plainReader) flag() bool {
	if p.rest == "" {
		p.fail()
		return false
	}
	flag := p.rest[0] == 1
	p.rest = p.rest[1:]
	return flag
}

func (p *plainReader) fail() { p.rest, p.err = "", errPlain }

func (p *plainReader) event() event.Event {
	e := event.Event{SessionID: p.number(), TS: p.number(), Seq: p.number(), Type: event.Type(p.number())}
	e.SetCode(uint8(p.number()))
	e.SetWho(p.number())
	e.ID = p.text()
	if err := e.DecodeBody(p.text(), nil); err != nil {
		p.err = err
	}
	return e
}

func (p *plainReader) row() report.Row {
	row := report.Blank()
	for j := range report.Columns {
		switch c := &report.Columns[j]; c.Kind {
		case report.String:
			c.SetText(&row, p.text())
		case report.Boolean:
			c.SetFlag(&row, p.flag())
		case report.Date:
			c.SetDay(&row, day.Day(p.number()))
		default:
			c.SetNumber(&row, p.number())
		}
	}
	return row
}
