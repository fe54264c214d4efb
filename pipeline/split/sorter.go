package split

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"io"
	"slices"

	"daybook/pipeline/spillfile"
	"daybook/transform/day"
)

// sorter groups lines by day and keeps their order. Lines wait in a buffer; a full
// buffer becomes a run in a temporary file: for each day, one segment. A segment
// begins with a header that says where the segment before it of the same day is, so
// that memory holds one place for each day.
type sorter struct {
	limit  int64
	buffer []byte
	lines  []entry
	text   int64 // bytes of lines since the last drain
	file   *spillfile.File
	last   map[day.Day]segment
}

// entry is a line in the buffer.
type entry struct {
	day      day.Day
	from, to int64
}

// entrySize is the memory of an entry, in bytes.
const entrySize = 24

// segment is a place in the temporary file; size is without the header. The zero
// segment is none.
type segment struct{ at, size int64 }

// headerSize is the size of a segment's header: at and size of the one before.
const headerSize = 16

func newSorter(limit int64) (*sorter, error) {
	return &sorter{limit: limit, last: map[day.Day]segment{}}, nil
}

func (s *sorter) close() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}

// add keeps a copy of a line. Between the values of a document, a line end is white
// space like any other: it becomes a blank, so that each document is one line.
func (s *sorter) add(d day.Day, line []byte) error {
	if len(s.lines) > 0 && int64(len(s.buffer)+len(line))+entrySize*int64(len(s.lines)+1) > s.limit {
		if err := s.spill(); err != nil {
			return err
		}
	}
	from := int64(len(s.buffer))
	s.buffer = append(s.buffer, line...)
	for rest := s.buffer[from:]; ; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		rest[i] = ' '
		rest = rest[i+1:]
	}
	s.buffer = append(s.buffer, '\n')
	s.lines = append(s.lines, entry{d, from, int64(len(s.buffer))})
	s.text += int64(len(line)) + 1
	return nil
}

// spill writes the buffer as a run.
func (s *sorter) spill() (err error) {
	if s.file == nil {
		if s.file, err = spillfile.NewScratch(); err != nil {
			return err
		}
	}
	slices.SortFunc(s.lines, func(a, b entry) int { return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.from, b.from)) })
	at, w := s.file.Size(), bufio.NewWriterSize(s.file, 1<<20)
	for i := 0; i < len(s.lines); {
		d, size, end := s.lines[i].day, int64(0), i
		for ; end < len(s.lines) && s.lines[end].day == d; end++ {
			size += s.lines[end].to - s.lines[end].from
		}
		before := s.last[d]
		var header [headerSize]byte
		binary.LittleEndian.PutUint64(header[:], uint64(before.at))
		binary.LittleEndian.PutUint64(header[8:], uint64(before.size))
		w.Write(header[:]) // Flush returns its error
		for ; i < end; i++ {
			w.Write(s.buffer[s.lines[i].from:s.lines[i].to])
		}
		s.last[d] = segment{at, size}
		at += headerSize + size
	}
	s.buffer, s.lines = s.buffer[:0], s.lines[:0]
	return w.Flush()
}

// drain passes on the lines of each day, in the order of days, and then holds none.
func (s *sorter) drain(each func(day.Day, *dayLines) error) error {
	if s.text == 0 {
		return nil
	}
	if err := s.spill(); err != nil {
		return err
	}
	for _, d := range sortedDays(s.last) {
		lines, err := s.linesOf(d)
		if err == nil {
			err = each(d, lines)
		}
		if err != nil {
			return err
		}
	}
	s.close()
	s.text = 0
	clear(s.last)
	return nil
}

func sortedDays(m map[day.Day]segment) []day.Day {
	days := make([]day.Day, 0, len(m))
	for d := range m {
		days = append(days, d)
	}
	slices.Sort(days)
	return days
}

// linesOf follows the segments of a day back to the first.
func (s *sorter) linesOf(d day.Day) (*dayLines, error) {
	var segments []io.Reader
	for at := s.last[d]; at.size > 0; {
		segments = append(segments, io.NewSectionReader(s.file, at.at+headerSize, at.size))
		var header [headerSize]byte
		if _, err := s.file.ReadAt(header[:], at.at); err != nil {
			return nil, err
		}
		at = segment{int64(binary.LittleEndian.Uint64(header[:])), int64(binary.LittleEndian.Uint64(header[8:]))}
	}
	slices.Reverse(segments)
	return &dayLines{r: bufio.NewReaderSize(io.MultiReader(segments...), 64<<10)}, nil
}

// dayLines are the lines of a day.
type dayLines struct {
	r    *bufio.Reader
	long []byte // a line that is longer than the buffer
}

// next is the next line without its end, valid until the next call; io.EOF after the
// last.
func (l *dayLines) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		l.long = append(l.long[:0], line...)
		for err == bufio.ErrBufferFull {
			line, err = l.r.ReadSlice('\n')
			l.long = append(l.long, line...)
		}
		line = l.long
	}
	if err != nil {
		return nil, err
	}
	return line[:len(line)-1], nil
}
