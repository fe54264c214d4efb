package wide

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"daybook/pipeline/digests"
	"daybook/pipeline/extract"
	"daybook/pipeline/format"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/spillfile"
	"daybook/pipeline/wide/wire"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/shuffle"
)

// Digest reads the task in a stream, and after it the rows of one hash range in any
// order. It stores the tables of the range and writes one row, a [RangeResult]. The
// error is one that another attempt may mend.
func Digest(ctx context.Context, s *settings.Pipeline, in io.Reader, out io.Writer) (err error) {
	rows := wire.NewReader(in)
	task := new(DigestTask)
	if err := readTask(rows, task); err != nil {
		return err
	}
	x := &extract.Extraction{Workers: s.Budget.Workers, MemoryBudget: s.Budget.Memory / 2, MaxSession: s.MaxSessionSize}
	events := x.NewShuffle(task.Range)
	defer func() { err = errors.Join(err, events.Close()) }()
	r := &rangeReader{task: task, to: events.Writer(), rejects: new(rejectPieces)}
	defer r.rejects.close()
	if err := r.read(ctx, rows); err != nil {
		return err
	}
	result := &RangeResult{Day: task.Day, Range: task.Range, Events: r.events, Tallies: r.tallies}
	if err := result.store(ctx, s, x, events, r); err != nil && !told(ctx, err, &result.Error) {
		return err
	}
	w := wire.NewWriter(out)
	if err := writeJSON(w, wire.Row{PID: task.PID, Kind: wire.Result, Day: int32(task.Day)}, result); err != nil {
		return err
	}
	return w.Close()
}

// rangeReader reads the rows of a hash range.
type rangeReader struct {
	task *DigestTask
	to   *shuffle.Writer

	unpacked []byte
	events   int64
	tallies  []Tally // by dump
	rejects  *rejectPieces
}

func (r *rangeReader) read(ctx context.Context, rows *wire.Reader) error {
	for {
		row, err := rows.Next()
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = r.add(&row)
		}
		if errors.Is(err, io.EOF) {
			return r.finish()
		}
		if err != nil {
			return err
		}
	}
}

func (r *rangeReader) add(row *wire.Row) (err error) {
	if err := row.CheckKind(wire.Events, wire.Rejects, wire.Tally); err != nil {
		return err
	}
	if row.PID != r.task.PID || row.Day != int32(r.task.Day) {
		return fmt.Errorf("%w: a row of pid %d came to pid %d", wire.ErrStream, row.PID, r.task.PID)
	}
	if row.Kind == wire.Tally {
		var t Tally
		if err := json.Unmarshal(row.Payload, &t); err != nil {
			return fmt.Errorf("%w: a tally: %w", wire.ErrStream, err)
		}
		r.tallies = append(r.tallies, t)
		return nil
	}
	if r.unpacked, err = wire.Unpack(r.unpacked[:0], row.Payload); err != nil {
		return err
	}
	if row.Kind == wire.Rejects {
		return r.rejects.add(row.Seq, row.N, r.unpacked)
	}
	n, err := r.to.AddRecords(r.unpacked)
	if err == nil && n != row.N {
		err = fmt.Errorf("%w: a row has %d events, and counts %d", wire.ErrStream, n, row.N)
	}
	r.events += n
	return err
}

// finish checks that the tally of each dump came once.
func (r *rangeReader) finish() error {
	slices.SortFunc(r.tallies, func(a, b Tally) int { return cmp.Compare(a.Number, b.Number) })
	for i := range r.tallies {
		if r.tallies[i].Number != i {
			return fmt.Errorf("%w: the tallies of the dumps are not whole", wire.ErrStream)
		}
	}
	if len(r.tallies) != r.task.Dumps {
		return fmt.Errorf("%w: the tallies of %d dumps came, of %d", wire.ErrStream, len(r.tallies), r.task.Dumps)
	}
	return nil
}

// store makes the tables, and stores them and the rejected lines.
func (r *RangeResult) store(ctx context.Context, s *settings.Pipeline, x *extract.Extraction, events *shuffle.Shuffle, from *rangeReader) error {
	rejected := int64(0)
	for i := range r.Tallies {
		t := &r.Tallies[i]
		if t.Error != "" {
			return nil // the digest is not made
		}
		rejected += t.Lines.Lines - t.Lines.Blank - t.Lines.Events
	}
	maker := &digests.Maker{Settings: s, Budget: s.Budget}
	files, duplicates, moved, err := maker.MakeRange(ctx, x, events, r.Range, r.Events)
	if err != nil {
		return err
	}
	defer files.Close()
	r.Summary, r.Duplicates, r.Moved = files.Summary, duplicates, moved
	put := func(f *publish.File) (publish.Part, error) {
		part := f.Part
		if part.Key, err = publish.PartKey(partition.DigestID(r.Day).Dir(), f, from.task.Revision); err != nil {
			return part, err
		}
		_, err = s.Sink.Put(ctx, part.Key, f.Body, part.Bytes, store.Condition{})
		return part, err
	}
	for _, f := range files.Files() {
		part, err := put(&f)
		if err != nil {
			return err
		}
		r.Parts = append(r.Parts, part)
	}
	if rejected == 0 {
		return nil
	}
	sorted, err := from.rejects.sorted()
	if err != nil {
		return err
	}
	defer sorted.Close()
	f := sorted.Part(format.RejectsFile, ".ndjson", rejected)
	f.Dir = partition.QuarantineDir(r.Day)
	part, err := put(&f)
	r.Rejects = &part
	return err
}

// rejectPieces are the pieces of the rejected lines of all dumps, in a temporary file.
type rejectPieces struct {
	scratch *spillfile.File // in the order of arrival; nil: none yet
	pieces  []rejectPiece
}

type rejectPiece struct{ dump, number, offset, size int64 }

func (p *rejectPieces) add(dump, number int64, text []byte) (err error) {
	if p.scratch == nil {
		if p.scratch, err = spillfile.NewScratch(); err != nil {
			return err
		}
	}
	p.pieces = append(p.pieces, rejectPiece{dump, number, p.scratch.Size(), int64(len(text))})
	_, err = p.scratch.Write(text)
	return err
}

// sorted is a file of the pieces in order. The caller closes it.
func (p *rejectPieces) sorted() (f *spillfile.File, err error) {
	slices.SortFunc(p.pieces, func(a, b rejectPiece) int {
		return cmp.Or(cmp.Compare(a.dump, b.dump), cmp.Compare(a.number, b.number))
	})
	if f, err = spillfile.New(); err != nil {
		return nil, err
	}
	next := rejectPiece{dump: -1}
	for _, piece := range p.pieces {
		if piece.dump != next.dump {
			next = rejectPiece{dump: piece.dump}
		}
		if piece.number != next.number {
			f.Close()
			return nil, fmt.Errorf("%w: the rejected lines of dump %d are not whole", wire.ErrStream, piece.dump)
		}
		next.number++
		if _, err := io.Copy(f, io.NewSectionReader(p.scratch, piece.offset, piece.size)); err != nil {
			f.Close()
			return nil, fmt.Errorf("keep the rejected lines: %w", err)
		}
	}
	return f, nil
}

func (p *rejectPieces) close() {
	if p.scratch != nil {
		p.scratch.Close()
	}
}
