package digests

import (
	"context"

	"daybook/pipeline/extract"
	"daybook/pipeline/format"
	"daybook/pipeline/spillfile"
	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/transform/event"
	"daybook/transform/session"
	"daybook/transform/shuffle"
)

// DefaultRangeEvents is about how many events a hash range of a wide digest has: a
// worker sorts them in some GB.
const DefaultRangeEvents = 16 << 20

// The stored bytes of an event in a dump. They are a rule, not a measurement: the hash
// ranges of a digest follow from the listing of its dumps alone.
const (
	plainEventBytes      = 224
	compressedEventBytes = 32
)

// RangeBits is the number of bits of the hash ranges of the digest of these dumps, with
// about so many events in each (0: DefaultRangeEvents). It is 0 for a digest that is not
// wide: nearly all.
func RangeBits(dumps []dump.Dump, rangeEvents int64) int {
	if rangeEvents <= 0 {
		rangeEvents = DefaultRangeEvents
	}
	events := int64(0)
	for _, d := range dumps {
		bytes := int64(compressedEventBytes)
		if d.Named() == dump.Plain {
			bytes = plainEventBytes
		}
		events += d.Size / bytes
	}
	bits := 0
	for bits < shuffle.MaxRangeBits && (events-1)>>bits >= rangeEvents {
		bits++
	}
	return bits
}

// RangeFiles are the files of one hash range of a digest. The caller closes them.
type RangeFiles struct {
	shuffle.Range
	Summary digest.Summary
	tables  [3]*spillfile.File // complete, open, sessions
}

func newRangeFiles(r shuffle.Range) (*RangeFiles, error) {
	f := &RangeFiles{Range: r}
	for i := range f.tables {
		file, err := spillfile.New()
		if err != nil {
			f.Close()
			return nil, err
		}
		f.tables[i] = file
	}
	return f, nil
}

// Close removes the files.
func (f *RangeFiles) Close() {
	for _, file := range f.tables {
		if file != nil {
			file.Close()
		}
	}
}

// Files are the files as parts of the digest.
func (f *RangeFiles) Files() []publish.File {
	var files []publish.File
	for i, table := range []struct {
		name string
		rows int64
	}{
		{format.CompleteTable, f.Summary.Complete.Events},
		{format.OpenTable, f.Summary.Open.Events},
		{format.SessionsTable, f.Summary.Sessions()},
	} {
		files = append(files, f.tables[i].Part(format.TableName(table.name, f.Range), ".parquet", table.rows))
	}
	return files
}

// MakeRange makes the files of one hash range from its events, of which there are so
// many, repeated ones included. moved says whether copies of one event have different
// times. The caller closes the files.
func (m *Maker) MakeRange(ctx context.Context, x *extract.Extraction, events *shuffle.Shuffle, r shuffle.Range, n int64) (files *RangeFiles, duplicates int64, moved bool, err error) {
	w := &rangesWriter{format: m.Settings.Files(), of: []shuffle.Range{r}, events: []int64{n}}
	duplicates, moved, err = x.SortShuffled(ctx, events, w.receive(x.NumWorkers()))
	if err == nil {
		_, err = w.finish(ctx)
	}
	if err != nil {
		w.close()
		return nil, 0, false, err
	}
	return w.ranges[0], duplicates, moved, nil
}

// rangesWriter writes hash ranges of a digest, one after the other.
type rangesWriter struct {
	format format.Format
	of     []shuffle.Range // consecutive ones
	events []int64         // of each, repeated ones included
	keep   Keeper          // may be nil

	ranges []*RangeFiles       // so far
	writer format.DigestWriter // of the last of them
}

// rangeWorker is what a worker of an extraction writes with.
type rangeWorker struct {
	engine session.Engine
	batch  format.DigestBatch
	number int // the hash range of the batch
}

// receive is the receiver of an extraction with so many workers.
func (w *rangesWriter) receive(workers int) *extract.Parts {
	all := make([]rangeWorker, workers)
	for i := range all {
		all[i].batch = w.format.Batch()
	}
	numberOf := func(session int64) int { return shuffle.RangeNumber(shuffle.Hash(session), w.of[0].Bits) }
	return &extract.Parts{
		Begin: func(events []int64) error { w.events = events; return nil },
		Each: func(ctx context.Context, worker int, events []event.Event) error {
			one := &all[worker]
			one.number = numberOf(events[0].SessionID)
			s, err := one.engine.Fold(ctx, events, nil)
			if err != nil {
				return err
			}
			complete := looksComplete(s)
			if complete && w.keep != nil {
				if err := w.keep.Keep(worker, events, s); err != nil {
					return err
				}
			}
			return one.batch.Add(ctx, events, complete)
		},
		Oversized: func(worker int, x event.Extent) {
			one := &all[worker]
			one.number = numberOf(x.Session)
			one.batch.AddOversized(x)
		},
		Done: func(ctx context.Context, worker int) error {
			if w.keep != nil {
				if err := w.keep.Done(worker); err != nil {
					return err
				}
			}
			return w.append(ctx, all[worker].number, all[worker].batch)
		},
	}
}

// append moves a batch to the hash range of a number. The numbers ascend.
func (w *rangesWriter) append(ctx context.Context, number int, b format.DigestBatch) error {
	if err := w.goTo(ctx, max(0, number-w.of[0].Number)); err != nil { // an empty batch has no number
		return err
	}
	return w.writer.Append(ctx, b)
}

// goTo ends the ranges before range i, and begins it.
func (w *rangesWriter) goTo(ctx context.Context, i int) error {
	for len(w.ranges) <= i {
		if err := w.end(ctx); err != nil {
			return err
		}
		n := len(w.ranges)
		f, err := newRangeFiles(w.of[n])
		if err != nil {
			return err
		}
		w.ranges = append(w.ranges, f)
		if w.writer, err = w.format.Digest(f.tables[0], f.tables[1], f.tables[2], w.events[n]); err != nil {
			return err
		}
	}
	return nil
}

// end ends the last range, if there is one.
func (w *rangesWriter) end(ctx context.Context) (err error) {
	if n := len(w.ranges); n > 0 {
		w.ranges[n-1].Summary, err = w.writer.Close(ctx)
	}
	return err
}

// finish completes all ranges. It returns the figures of all.
func (w *rangesWriter) finish(ctx context.Context) (summary digest.Summary, err error) {
	if err = w.goTo(ctx, len(w.of)-1); err == nil {
		err = w.end(ctx)
	}
	for _, r := range w.ranges {
		summary.Add(&r.Summary)
	}
	return summary, err
}

// close removes the files.
func (w *rangesWriter) close() {
	for _, r := range w.ranges {
		r.Close()
	}
}

// files are all files, by hash range.
func (w *rangesWriter) files() (files []publish.File) {
	for _, r := range w.ranges {
		files = append(files, r.Files()...)
	}
	return files
}
