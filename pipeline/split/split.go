// Package split re-files an archive of events as dumps by the UTC day of each event.
//
// The result is a pure function of each object of the archive: the lines of a day keep
// their order, are cut into parts of a fixed size, and each part is named by the hash of
// its text. So a split may be interrupted, repeated, and shared by machines: it
// writes the same objects under the same names.
//
// Memory is bounded by the budget: lines wait in a buffer and then in a temporary file
// ([sorter]). Lines without a readable time go to one object for each object of the
// archive; its name begins with an underscore, so that it is no dump.
package split

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"daybook/pipeline/parallel"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/event"
)

const (
	// stretchBytes is how much text of an object is sorted at a time. It bounds the
	// temporary file, and it must not depend on the budget: parts would differ.
	stretchBytes = 8 << 30
	// partBytes is the text of a part after which another one begins.
	partBytes = 128 << 20
	// leastBuffer and mostBuffer are the memory of the lines of one object.
	leastBuffer, mostBuffer = 4 << 20, 128 << 20
)

// Options say where the dumps go and how events are read.
type Options struct {
	To     store.Store
	Source *dump.Source // its template and names make the keys; its form and map read events
	Budget parallel.Budget

	stretch, part int64 // bytes; 0: the constants. Tests set them.
}

// madeHere recognises the names of the objects that a split writes.
var madeHere = regexp.MustCompile(`split-[0-9a-f]{32}[^/]*$`)

// Made reports whether a split wrote the object of a key.
func Made(key string) bool { return madeHere.MatchString(key) }

// Input is one object of an archive.
type Input struct {
	Store store.Store
	Dump  dump.Dump
}

// Result counts what became of the lines: Lines = Filed + Undated + Blank.
type Result struct {
	Inputs   int      `json:"inputs"`
	Lines    int64    `json:"lines"`
	Filed    int64    `json:"filed"`
	Undated  int64    `json:"undated"`
	Blank    int64    `json:"blank"`
	Days     int      `json:"days"`
	From     string   `json:"from,omitempty"` // the first day
	Until    string   `json:"to,omitempty"`   // the last day
	Written  int      `json:"written"`        // objects
	Existed  int      `json:"existed"`        // objects that were there
	Aside    []string `json:"undated_objects"`
	Foreign  []string `json:"not_json"`
	Failures []string `json:"failures"` // of objects that cannot be read to their end

	days map[day.Day]bool
}

// Run splits the inputs. An input that cannot be read is a failure in the result, and the
// others are split. The error is one of the target or of temporary files.
func Run(ctx context.Context, inputs []Input, o *Options) (*Result, error) {
	total := &Result{Inputs: len(inputs), Aside: []string{}, Foreign: []string{}, Failures: []string{}, days: map[day.Day]bool{}}
	tasks, share := o.Budget.Split(len(inputs))
	var mu sync.Mutex
	err := parallel.Share(ctx, tasks, len(inputs), func(ctx context.Context, next func() (int, bool)) error {
		for i, ok := next(); ok; i, ok = next() {
			s, err := newSplitter(o, share.Memory)
			if err != nil {
				return err
			}
			err = s.split(ctx, &inputs[i])
			s.close()
			if err != nil { // its lines are not all written
				s.result = &Result{Written: s.result.Written, Existed: s.result.Existed}
			}
			mu.Lock()
			total.add(s.result)
			if failed := (*dump.Error)(nil); errors.Is(err, dump.ErrForeign) {
				total.Foreign = append(total.Foreign, inputs[i].Store.URL(inputs[i].Dump.Key))
				err = nil
			} else if errors.As(err, &failed) && ctx.Err() == nil {
				total.Failures = append(total.Failures, err.Error())
				err = nil
			}
			mu.Unlock()
			if err != nil {
				return err
			}
		}
		return nil
	})
	total.finish()
	return total, err
}

func (r *Result) add(o *Result) {
	r.Lines, r.Filed, r.Undated, r.Blank = r.Lines+o.Lines, r.Filed+o.Filed, r.Undated+o.Undated, r.Blank+o.Blank
	r.Written, r.Existed = r.Written+o.Written, r.Existed+o.Existed
	r.Aside = append(r.Aside, o.Aside...)
	for d := range o.days {
		r.days[d] = true
	}
}

func (r *Result) finish() {
	for _, list := range []*[]string{&r.Aside, &r.Foreign, &r.Failures} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	r.Days = len(r.days)
	first := true
	var from, until day.Day
	for d := range r.days {
		if first || d < from {
			from = d
		}
		if first || d > until {
			until = d
		}
		first = false
	}
	if !first {
		r.From, r.Until = from.String(), until.String()
	}
}

// splitter splits one input.
type splitter struct {
	o       *Options
	decoder *event.Decoder
	mapper  *event.Mapper // nil: without a map
	lines   *sorter
	undated *object // nil: none so far
	result  *Result
}

func newSplitter(o *Options, memory int64) (*splitter, error) {
	s := &splitter{o: o, decoder: event.NewViewDecoder(), result: &Result{days: map[day.Day]bool{}}}
	if o.Source.Map != nil {
		s.mapper = o.Source.Map.NewMapper()
	}
	var err error
	s.lines, err = newSorter(min(max(memory/4, leastBuffer), mostBuffer))
	return s, err
}

func (s *splitter) close() {
	s.lines.close()
	if s.undated != nil {
		s.undated.close()
	}
}

// split reads an input to its end, and then writes what it held.
func (s *splitter) split(ctx context.Context, in *Input) error {
	in.Dump.Of = s.o.Source
	r, err := dump.Open(ctx, in.Store, in.Dump)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		line, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := s.take(ctx, line.Bytes); err != nil {
			return err
		}
	}
	if err := s.write(ctx); err != nil {
		return err
	}
	if s.undated == nil {
		return nil
	}
	key, err := s.put(ctx, s.undated, "_undated-")
	if err == nil {
		s.result.Aside = append(s.result.Aside, s.o.To.URL(key))
	}
	return err
}

// take files one line.
func (s *splitter) take(ctx context.Context, line []byte) error {
	s.result.Lines++
	if event.Blank(line) {
		s.result.Blank++
		return nil
	}
	var micros int64
	var ok bool
	if s.mapper != nil {
		micros, ok = s.decoder.TimeMapped(s.mapper, line)
	} else {
		micros, ok = s.decoder.Time(line)
	}
	if !ok {
		return s.setAside(line)
	}
	s.result.Filed++
	d := dateOf(micros)
	s.result.days[d] = true
	if err := s.lines.add(d, line); err != nil {
		return err
	}
	if s.lines.text >= cmp.Or(s.o.stretch, stretchBytes) {
		return s.write(ctx)
	}
	return nil
}

func (s *splitter) setAside(line []byte) (err error) {
	s.result.Undated++
	if s.undated == nil {
		if s.undated, err = newObject(dump.Lines); err != nil {
			return err
		}
	}
	return s.undated.add(line)
}

// write writes what the sorter holds, day by day.
func (s *splitter) write(ctx context.Context) error {
	return s.lines.drain(func(d day.Day, lines *dayLines) error {
		for {
			part, err := s.fill(ctx, lines)
			if err != nil || part == nil {
				return err
			}
			_, err = s.put(ctx, part, s.o.Source.Template.Prefix(d)+"split-")
			if closed := part.close(); err == nil {
				err = closed
			}
			if err != nil {
				return err
			}
		}
	})
}

// fill makes the next part of the lines of a day; nil after the last.
func (s *splitter) fill(ctx context.Context, lines *dayLines) (part *object, err error) {
	for part == nil || part.text < cmp.Or(s.o.part, partBytes) {
		line, err := lines.next()
		if err == io.EOF {
			return part, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && part == nil {
			part, err = newObject(s.o.Source.Form)
		}
		if err == nil {
			err = part.add(line)
		}
		if err != nil {
			if part != nil {
				part.close()
			}
			return nil, err
		}
	}
	return part, nil
}

// put writes an object under a name of its text, if it is not there: written again, it
// could count as a changed dump.
func (s *splitter) put(ctx context.Context, o *object, prefix string) (key string, err error) {
	if err := o.finish(); err != nil {
		return "", err
	}
	stem := prefix[strings.LastIndexByte(prefix, '/')+1:] + o.hash()
	name, err := s.o.Source.Names.Compressed(stem)
	if strings.HasPrefix(stem, "_") {
		name, err = stem+".ndjson.zst", nil
	}
	if err != nil {
		return "", err
	}
	key = prefix[:strings.LastIndexByte(prefix, '/')+1] + name
	body, _, err := s.o.To.Open(ctx, key, 0, 1, "")
	if err == nil {
		s.result.Existed++
		return key, body.Close()
	}
	if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrNoBucket) {
		return key, fmt.Errorf("look for an earlier copy: %w", err)
	}
	if _, err = s.o.To.Put(ctx, key, o.file, o.file.Size(), store.Condition{}); err == nil {
		s.result.Written++
	}
	return key, err
}

// dateOf is the UTC date of a time in microseconds since 1970.
func dateOf(micros int64) day.Day {
	const length = 24 * 60 * 60 * 1e6
	d := micros / length
	if micros%length < 0 {
		d--
	}
	return day.Day(d)
}
