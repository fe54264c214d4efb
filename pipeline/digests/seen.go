package digests

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/transform/day"
)

// DumpsSeen notes what the dumps of a day turned out to be. Any number of goroutines
// may note.
type DumpsSeen struct {
	dumps []dump.Dump

	mu    sync.Mutex
	forms map[string]int // without lines
	why   map[int]error  // by index: why an object is no dump
}

// NewDumpsSeen begins the notes of a day.
func NewDumpsSeen(dumps []dump.Dump) *DumpsSeen {
	return &DumpsSeen{dumps: dumps, why: map[int]error{}}
}

// Opened notes the form of a dump.
func (s *DumpsSeen) Opened(_ int, form dump.Form) {
	if form == dump.Lines {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forms == nil {
		s.forms = map[string]int{}
	}
	s.forms[form.String()]++
}

// Unread notes why an object, by its index, is no dump.
func (s *DumpsSeen) Unread(input int, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.why[input] = why
}

// Check refuses a day of which no object is a dump: its reports would be empty.
func (s *DumpsSeen) Check(d day.Day) error {
	if len(s.why) < len(s.dumps) {
		return nil
	}
	return fmt.Errorf("no object of %s is a dump, such as %s; remove them, or leave them out by source.names", d, s.examples()[0])
}

// examples name the first objects that are no dumps.
func (s *DumpsSeen) examples() (texts []string) {
	for i, d := range s.dumps {
		if s.why[i] != nil && len(texts) < dump.MaxExamples {
			texts = append(texts, d.Key+": "+dump.Cause(s.why[i]).Error())
		}
	}
	return texts
}

// describe writes it into a manifest.
func (s *DumpsSeen) describe(info *publish.DigestInfo) {
	info.Reading, info.Forms = ReadingOf(s.dumps), s.forms
	if len(s.why) > 0 {
		info.Unread = &publish.Unread{Objects: int64(len(s.why)), Examples: s.examples()}
	}
}

// ReadingOf identifies how dumps are read; empty: all by default.
func ReadingOf(dumps []dump.Dump) string {
	var readings []string
	for _, d := range dumps {
		if d.Of != nil && d.Of.Reading != "" && !slices.Contains(readings, d.Of.Reading) {
			readings = append(readings, d.Of.Reading)
		}
	}
	slices.Sort(readings)
	return strings.Join(readings, ",")
}
