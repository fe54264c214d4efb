package pipeline

import (
	"context"
	"fmt"
	"io"

	"daybook/sinks/publish"
	"daybook/sinks/quarantine"
	"daybook/sources/store"
	"daybook/transform/event"
)

// rejectSpool keeps the rejected lines of each input in a temporary file of
// its own until all are read: inputs are read side by side, and however many
// lines are rejected, they take no memory.
type rejectSpool struct {
	names []string   // of the inputs
	files []*spooled // nil: nothing of that input was rejected
	all   *spool     // once they are put together
	lines int64
}

type spooled struct {
	spool *spool
	*quarantine.Writer
}

func newRejectSpool(names []string) *rejectSpool {
	return &rejectSpool{names: names, files: make([]*spooled, len(names))}
}

// Close removes the temporary files.
func (s *rejectSpool) Close() {
	for _, f := range s.files {
		if f != nil {
			f.spool.Close()
		}
	}
	if s.all != nil {
		s.all.Close()
	}
}

// Reject implements [RejectSink].
func (s *rejectSpool) Reject(input int, r Reject) error {
	if s.files[input] == nil {
		spool, err := newScratchFile()
		if err != nil {
			return fmt.Errorf("keep a rejected line: %w", err)
		}
		s.files[input] = &spooled{spool, quarantine.NewWriter(spool)}
	}
	return s.files[input].Write(&quarantine.Line{
		Object: s.names[input], Number: r.Line.Number, Offset: r.Line.Offset,
		Reason: r.Reason, Detail: r.Detail, Raw: r.Line.Bytes,
	})
}

// file puts all rejected lines together, in the order of the inputs and of
// their lines, as a part of a digest that lies in dir.
func (s *rejectSpool) file(dir string) (file publish.File, err error) {
	if s.all, err = newSpool(); err != nil {
		return file, err
	}
	for _, f := range s.files {
		if f == nil {
			continue
		}
		if err := f.Flush(); err != nil {
			return file, fmt.Errorf("keep the rejected lines: %w", err)
		}
		if _, err := io.Copy(s.all, io.NewSectionReader(f.spool, 0, f.spool.size)); err != nil {
			return file, fmt.Errorf("keep the rejected lines: %w", err)
		}
		for _, reason := range event.Reasons() {
			s.lines += f.Count(reason)
		}
	}
	file = s.all.asFile(rejectsFile, ".ndjson", s.lines)
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
