package extract

import (
	"fmt"
	"io"
	"sync"

	"daybook/pipeline/format"
	"daybook/pipeline/spillfile"
	"daybook/sinks/publish"
	"daybook/sinks/quarantine"
	"daybook/transform/event"
)

// inputRejects counts the rejected lines of an input.
type inputRejects struct {
	lines int64
	by    [event.NumReasons]reasonRejects
}

// reasonRejects are the lines of an input that were rejected for one reason.
type reasonRejects struct {
	lines  int64
	first  int64  // number of the first of them
	offset int64  // of the first of them
	detail string // of the first of them
}

func (r *inputRejects) note(line *Reject) {
	r.lines++
	r.by[line.Reason].add(&reasonRejects{1, line.Line.Number, line.Line.Offset, line.Detail})
}

func (r *inputRejects) add(o *inputRejects) {
	r.lines += o.lines
	for reason := range o.by {
		r.by[reason].add(&o.by[reason])
	}
}

func (r *reasonRejects) add(o *reasonRejects) {
	if o.lines > 0 && (r.lines == 0 || o.first < r.first) {
		r.first, r.offset, r.detail = o.first, o.offset, o.detail
	}
	r.lines += o.lines
}

// RejectFile is a [RejectSink] that keeps the rejected lines of all inputs in one
// temporary file until everything is read. The memory that it takes does not depend
// on the number of lines.
type RejectFile struct {
	names []string // of the inputs

	mu      sync.Mutex
	scratch *spillfile.File // in the order of arrival; nil: no lines yet
	writer  *quarantine.Writer
	pieces  [][]piece // of scratch, by input
	lines   int64

	sorted *spillfile.File // the lines in order; made by File
}

// piece is the place of the lines of one call: there is at most one for each block
// of a dump, or for each maxRejects lines.
type piece struct{ offset, size int64 }

// NewRejectFile makes an empty file. The quarantined lines name their input by these
// names: the keys of the dumps.
func NewRejectFile(names []string) *RejectFile {
	return &RejectFile{names: names, pieces: make([][]piece, len(names))}
}

// Close removes the temporary files.
func (f *RejectFile) Close() {
	for _, file := range []*spillfile.File{f.scratch, f.sorted} {
		if file != nil {
			file.Close()
		}
	}
}

// Reject implements [RejectSink].
func (f *RejectFile) Reject(input int, lines []Reject) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.write(input, lines); err != nil {
		return fmt.Errorf("keep a rejected line: %w", err)
	}
	return nil
}

func (f *RejectFile) write(input int, lines []Reject) (err error) {
	if f.scratch == nil {
		if f.scratch, err = spillfile.NewScratch(); err != nil {
			return err
		}
		f.writer = quarantine.NewWriter(f.scratch)
	}
	begin := f.scratch.Size()
	for _, r := range lines {
		err := f.writer.Write(&quarantine.Line{
			Object: f.names[input], Number: r.Line.Number, Offset: r.Line.Offset,
			Reason: r.Reason, Detail: r.Detail, Raw: r.Line.Bytes,
		})
		if err != nil {
			return err
		}
	}
	if err := f.writer.Flush(); err != nil {
		return err
	}
	f.pieces[input] = append(f.pieces[input], piece{begin, f.scratch.Size() - begin})
	f.lines += int64(len(lines))
	return nil
}

// File puts all rejected lines in the order of the inputs and of their lines, as a
// part of a digest whose key begins with dir. It is called once, after all inputs
// are read. The content is valid until Close.
func (f *RejectFile) File(dir string) (file publish.File, err error) {
	if f.sorted, err = spillfile.New(); err != nil {
		return file, err
	}
	for _, pieces := range f.pieces {
		for _, p := range pieces {
			if _, err := io.Copy(f.sorted, io.NewSectionReader(f.scratch, p.offset, p.size)); err != nil {
				return file, fmt.Errorf("keep the rejected lines: %w", err)
			}
		}
	}
	file = f.sorted.Part(format.RejectsFile, ".ndjson", f.lines)
	file.Dir = dir
	return file, nil
}
