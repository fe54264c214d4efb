package pipeline

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"daybook/sinks/quarantine"
	"daybook/sources/store"
)

// rejectSpool keeps the rejected lines of each input in a temporary file of
// its own until all are read: inputs are read side by side, and however many
// lines are rejected, they take no memory.
type rejectSpool struct {
	names []string // of the inputs
	dir   string
	files []*spooled // nil: nothing of that input was rejected
}

type spooled struct {
	file *os.File
	*quarantine.Writer
}

func newRejectSpool(names []string) (*rejectSpool, error) {
	dir, err := os.MkdirTemp("", "daybook-rejects-")
	if err != nil {
		return nil, fmt.Errorf("make room for rejected lines: %w", err)
	}
	return &rejectSpool{names: names, dir: dir, files: make([]*spooled, len(names))}, nil
}

// Close removes the temporary files.
func (s *rejectSpool) Close() {
	for _, f := range s.files {
		if f != nil {
			f.file.Close()
		}
	}
	os.RemoveAll(s.dir)
}

// Reject implements [RejectSink].
func (s *rejectSpool) Reject(input int, r Reject) error {
	if s.files[input] == nil {
		file, err := os.Create(filepath.Join(s.dir, strconv.Itoa(input)))
		if err != nil {
			return fmt.Errorf("keep a rejected line: %w", err)
		}
		s.files[input] = &spooled{file, quarantine.NewWriter(file)}
	}
	return s.files[input].Write(&quarantine.Line{
		Object: s.names[input], Number: r.Line.Number, Offset: r.Line.Offset,
		Reason: r.Reason, Detail: r.Detail, Raw: r.Line.Bytes,
	})
}

// put stores all rejected lines as one object, in the order of the inputs and
// of their lines.
func (s *rejectSpool) put(ctx context.Context, st store.Store, key string) error {
	all, err := os.Create(filepath.Join(s.dir, "all"))
	if err != nil {
		return fmt.Errorf("keep the rejected lines: %w", err)
	}
	defer all.Close()
	size := int64(0)
	for _, f := range s.files {
		if f == nil {
			continue
		}
		if err := f.Flush(); err != nil {
			return fmt.Errorf("keep the rejected lines: %w", err)
		}
		if _, err := f.file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("keep the rejected lines: %w", err)
		}
		n, err := io.Copy(all, f.file)
		if err != nil {
			return fmt.Errorf("keep the rejected lines: %w", err)
		}
		size += n
	}
	_, err = st.Put(ctx, key, all, size, store.Condition{})
	return err
}
