package digests

import (
	"context"

	"daybook/pipeline/format"
	"daybook/pipeline/spillfile"
	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/dump"
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
		if d.Codec == dump.Plain {
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

// rangeFiles are the files of one hash range of a digest.
type rangeFiles struct {
	shuffle.Range
	tables  [3]*spillfile.File // complete, open, sessions
	summary digest.Summary
}

func newRangeFiles(r shuffle.Range) (*rangeFiles, error) {
	f := &rangeFiles{Range: r}
	for i := range f.tables {
		file, err := spillfile.New()
		if err != nil {
			f.close()
			return nil, err
		}
		f.tables[i] = file
	}
	return f, nil
}

// close removes the files.
func (f *rangeFiles) close() {
	for _, file := range f.tables {
		if file != nil {
			file.Close()
		}
	}
}

// parts are the files as parts of the digest.
func (f *rangeFiles) parts() []publish.File {
	var parts []publish.File
	for i, table := range []struct {
		name string
		rows int64
	}{
		{format.CompleteTable, f.summary.Complete.Events},
		{format.OpenTable, f.summary.Open.Events},
		{format.SessionsTable, f.summary.Sessions()},
	} {
		parts = append(parts, f.tables[i].Part(format.TableName(table.name, f.Range), ".parquet", table.rows))
	}
	return parts
}

// rangesWriter writes the hash ranges of a digest, one after the other.
type rangesWriter struct {
	format format.Format
	events []int64 // of each hash range, repeated ones included
	bits   int

	ranges []*rangeFiles       // so far
	writer format.DigestWriter // of the last of them
}

// append moves a batch to a hash range. The numbers of the ranges ascend.
func (w *rangesWriter) append(ctx context.Context, number int, b format.DigestBatch) error {
	if err := w.goTo(ctx, number); err != nil {
		return err
	}
	return w.writer.Append(ctx, b)
}

// goTo ends the ranges before a number, and begins it.
func (w *rangesWriter) goTo(ctx context.Context, number int) error {
	for len(w.ranges) <= number {
		if err := w.end(ctx); err != nil {
			return err
		}
		n := len(w.ranges)
		f, err := newRangeFiles(shuffle.Range{Bits: w.bits, Number: n})
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
		w.ranges[n-1].summary, err = w.writer.Close(ctx)
	}
	return err
}

// finish completes all ranges. It returns the figures of the digest.
func (w *rangesWriter) finish(ctx context.Context) (summary digest.Summary, err error) {
	if err = w.goTo(ctx, 1<<w.bits-1); err == nil {
		err = w.end(ctx)
	}
	for _, r := range w.ranges {
		summary.Add(&r.summary)
	}
	return summary, err
}

// close removes the files.
func (w *rangesWriter) close() {
	for _, r := range w.ranges {
		r.close()
	}
}

// parts are all files of the digest, by hash range.
func (w *rangesWriter) parts() (parts []publish.File) {
	for _, r := range w.ranges {
		parts = append(parts, r.parts()...)
	}
	return parts
}
