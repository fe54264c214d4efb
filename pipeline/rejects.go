package pipeline

import (
	"context"
	"fmt"
	"io"
	"sync"

	"daybook/sinks/publish"
	"daybook/sinks/quarantine"
	"daybook/sources/store"
	"daybook/transform/event"
)

// rejectSpool keeps the rejected lines of all inputs in one temporary file until
// all are read: however many lines are rejected, and of however many inputs, they
// take next to no memory, and one file.
type rejectSpool struct {
	names []string // of the inputs

	mu      sync.Mutex
	scratch *spool // nil: nothing was rejected
	writer  *quarantine.Writer
	pieces  [][]piece // of the scratch, by input

	all *spool // once the lines are in their order
}

// piece is some lines of one input that came together: at most one for each
// block of the dump that they are in, or for maxRejects lines.
type piece struct{ offset, size int64 }

func newRejectSpool(names []string) *rejectSpool {
	return &rejectSpool{names: names, pieces: make([][]piece, len(names))}
}

// Close removes the temporary files.
func (s *rejectSpool) Close() {
	for _, file := range []*spool{s.scratch, s.all} {
		if file != nil {
			file.Close()
		}
	}
}

// Reject implements [RejectSink].
func (s *rejectSpool) Reject(input int, lines []Reject) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.write(input, lines); err != nil {
		return fmt.Errorf("keep a rejected line: %w", err)
	}
	return nil
}

func (s *rejectSpool) write(input int, lines []Reject) (err error) {
	if s.scratch == nil {
		if s.scratch, err = newScratchFile(); err != nil {
			return err
		}
		s.writer = quarantine.NewWriter(s.scratch)
	}
	begin := s.scratch.size
	for _, r := range lines {
		err := s.writer.Write(&quarantine.Line{
			Object: s.names[input], Number: r.Line.Number, Offset: r.Line.Offset,
			Reason: r.Reason, Detail: r.Detail, Raw: r.Line.Bytes,
		})
		if err != nil {
			return err
		}
	}
	err = s.writer.Flush()
	s.pieces[input] = append(s.pieces[input], piece{begin, s.scratch.size - begin})
	return err
}

// file puts all rejected lines together, in the order of the inputs and of
// their lines, as a part of a digest that lies in dir. There are some.
func (s *rejectSpool) file(dir string) (file publish.File, err error) {
	if s.all, err = newSpool(); err != nil {
		return file, err
	}
	for _, pieces := range s.pieces {
		for _, p := range pieces {
			if _, err := io.Copy(s.all, io.NewSectionReader(s.scratch, p.offset, p.size)); err != nil {
				return file, fmt.Errorf("keep the rejected lines: %w", err)
			}
		}
	}
	lines := int64(0)
	for _, reason := range event.Reasons() {
		lines += s.writer.Count(reason)
	}
	file = s.all.asFile(rejectsFile, ".ndjson", lines)
	file.Dir = dir
	return file, nil
}

// putRejects stores rejected lines without a digest that they are a part of:
// there are too many of them for one.
func (r *Runner) putRejects(ctx context.Context, f publish.File) (url string, err error) {
	key := f.Dir + f.Name + "-refused-" + f.Part.SHA256[:16] + f.Ext
	_, err = r.Sink.Put(ctx, key, f.Body, f.Part.Bytes, store.Condition{})
	return r.Sink.URL(key), err
}
