// Package generate writes realistic dumps of a support organisation, of any
// size, for demonstrations, benchmarks and tests.
//
// The dumps contain every feature of EVENTS.md and every kind of violation: all
// types, statuses and signals; sessions that are on hold for days, transferred,
// handed over or reopened; events that are late, duplicated or out of order;
// blank and rejected lines. The load follows a working day in central Europe,
// with a peak in the morning and quieter weekends.
//
// A session is a pure function of the seed, its day and its number on that day,
// so days need no shared state. The dump of a day contains lines of the day's
// own sessions and of a few sessions of the sixteen days before: those whose plan
// says that they are long or late. Memory holds one slice of a part at a time and
// a few bytes for each session of the day. The dump of a day does not depend on
// the number of days after it.
package generate

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"daybook/sources/dump"
	"daybook/transform/day"
)

// Options configure the generator. Equal options give equal bytes. Workers does
// not affect the bytes.
type Options struct {
	Seed           uint64
	From           day.Day       // the first dump day, and of the first sessions
	Days           int           // number of dump days
	SessionsPerDay int           // on a working day; weekends have fewer
	Template       dump.Template // of the dumps' keys
	Codec          dump.Codec
	Workers        int // days to write in parallel; 0 means 1
}

// The limits of Options.
const (
	maxSessionsPerDay = sessionIDsPerDay - 1
	maxDays           = 200 * 366
)

// The first and last year of a session's begin. EVENTS.md allows 1990 to 2200,
// and a session may continue in the next year.
const (
	firstYear = 1990
	lastYear  = 2199
)

// Validate returns an error for a number out of range.
func (o Options) Validate() error {
	if o.Days < 1 || o.Days > maxDays {
		return fmt.Errorf("generate %d days: give 1 to %d", o.Days, maxDays)
	}
	if o.SessionsPerDay < 1 || o.SessionsPerDay > maxSessionsPerDay {
		return fmt.Errorf("generate %d sessions a day: give 1 to %d", o.SessionsPerDay, maxSessionsPerDay)
	}
	if last := o.From + day.Day(o.Days-1); o.From.UTC().Year() < firstYear || last.UTC().Year() > lastYear {
		return fmt.Errorf("generate days from %s to %s: give days of the years %d to %d", o.From, last, firstYear, lastYear)
	}
	return nil
}

// Stats counts what was written. Lines = Events + Duplicates + Rejected + Blank.
type Stats struct {
	Objects    int64 `json:"objects"`
	Bytes      int64 `json:"bytes"` // before compression
	Lines      int64 `json:"lines"`
	Events     int64 `json:"events"` // without duplicates
	Duplicates int64 `json:"duplicates"`
	Rejected   int64 `json:"rejected"` // lines that are not events
	Blank      int64 `json:"blank"`
}

func (s *Stats) add(t Stats) {
	s.Objects += t.Objects
	s.Bytes += t.Bytes
	s.Lines += t.Lines
	s.Events += t.Events
	s.Duplicates += t.Duplicates
	s.Rejected += t.Rejected
	s.Blank += t.Blank
}

// Put stores one object. It calls write once with the destination of the bytes.
// It must be safe for concurrent use if Options.Workers is more than 1.
type Put func(ctx context.Context, key string, write func(io.Writer) error) error

// Write generates the dumps, several objects a day. It returns an error when ctx
// is cancelled.
func Write(ctx context.Context, o Options, put Put) (Stats, error) {
	return write(ctx, o, put, writeDay)
}

// write writes each day by a function.
func write(ctx context.Context, o Options, put Put, writeDay func(context.Context, *organisation, Options, day.Day, Put) (Stats, error)) (Stats, error) {
	if err := o.Validate(); err != nil {
		return Stats{}, err
	}
	w := newOrganisation(o.Seed, o.SessionsPerDay)
	var mu sync.Mutex
	var total Stats
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, o.Workers))
	for d := o.From; d < o.From+day.Day(o.Days) && groupCtx.Err() == nil; d++ {
		group.Go(func() error {
			stats, err := writeDay(groupCtx, w, o, d, put)
			mu.Lock()
			defer mu.Unlock()
			total.add(stats)
			return err
		})
	}
	err := group.Wait()
	return total, cmp.Or(err, ctx.Err())
}

// hourMillis is the part of a day in one object: the lines of the sessions that
// began in the same hour of this or an earlier day.
const hourMillis = 60 * 60 * 1000

func writeDay(ctx context.Context, w *organisation, o Options, d day.Day, put Put) (Stats, error) {
	var stats Stats
	packer, err := newCompressor(o.Codec)
	if err != nil {
		return stats, fmt.Errorf("generate: %w", err)
	}
	plans := w.plansOn(d, o.From)
	t := newLineWriter(w)
	for hour := range int64(24) {
		n, _ := slices.BinarySearchFunc(plans, (hour+1)*hourMillis, func(p plan, ms int64) int {
			return cmp.Compare(p.timeOfDay(), ms)
		})
		ofHour := plans[:n]
		plans = plans[n:]
		if len(ofHour) == 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return stats, err
		}
		p := part{lines: t, day: d, plans: ofHour}
		p.style(w.seed, d, hour)
		p.tooLong = d == o.From && hour == tooLongHour && o.SessionsPerDay >= tooLongFrom
		key := fmt.Sprintf("%spart-%02d.ndjson%s", o.Template.Prefix(d), hour, o.Codec.Extension())
		err := put(ctx, key, func(to io.Writer) error {
			return compressed(to, packer, p.write)
		})
		if err != nil {
			return stats, fmt.Errorf("generate %s: %w", key, err)
		}
		stats.add(p.stats)
	}
	return stats, nil
}

// A set of dumps gets one line over 1 MiB, in this hour of the first day, if it
// has at least this many sessions.
const (
	tooLongFrom = 1000 // sessions a day
	tooLongHour = 10
)

// compressor is the common interface of gzip.Writer and zstd.Encoder. A new one
// allocates megabytes, so it is reused for the next object.
type compressor interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// newCompressor returns nil for plain text.
func newCompressor(codec dump.Codec) (compressor, error) {
	switch codec {
	case dump.Gzip:
		return gzip.NewWriter(nil), nil
	case dump.Zstd:
		// An object without lines is a frame, too: zero bytes are not valid zstd.
		return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))
	}
	return nil, nil
}

// compressed calls write with a writer that compresses into w.
func compressed(w io.Writer, c compressor, write func(io.Writer) error) error {
	if c == nil {
		return write(w)
	}
	c.Reset(w)
	return errors.Join(write(c), c.Close())
}

// part writes one object.
type part struct {
	lines   *lineWriter
	day     day.Day
	plans   []plan
	tooLong bool // it has a line that is too long

	mark       bool   // it begins with a byte order mark
	terminator string // line ending
	cut        bool   // the last line has no line ending
	stats      Stats
}

// style varies the format of some parts, like that of different producers.
func (p *part) style(seed uint64, d day.Day, hour int64) {
	looks := mix(mix(seed^uint64(d)) ^ uint64(hour))
	p.mark = looks%16 == 0
	p.cut = looks>>8%8 == 0
	p.terminator = "\n"
	if looks>>16%8 == 0 {
		p.terminator = "\r\n"
	}
}

// sliceSize is the number of sessions in memory at a time: about 8 MB of text.
// Lines are sorted by time within a slice.
const sliceSize = 1000

func (p *part) write(to io.Writer) error {
	p.stats = Stats{Objects: 1}
	w := bufio.NewWriterSize(to, 64<<10)
	if p.mark {
		w.WriteString("\ufeff")
		p.stats.Bytes += int64(len("\ufeff"))
	}
	first := true
	for plans := range slices.Chunk(p.plans, sliceSize) {
		t := p.lines
		t.reset()
		for _, plan := range plans {
			t.writeSession(plan)
		}
		if p.tooLong && first {
			t.tooLong()
		}
		lines := slices.DeleteFunc(t.lines, func(l line) bool { return l.day != p.day })
		slices.SortFunc(lines, func(a, b line) int {
			return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.start, b.start))
		})
		for _, l := range lines {
			// The line ending is written before the next line, so that the last
			// line can be without it.
			if !first {
				w.WriteString(p.terminator)
				p.stats.Bytes += int64(len(p.terminator))
			}
			first = false
			w.Write(t.text[l.start:l.end])
			p.count(l)
		}
	}
	if !first && !p.cut {
		w.WriteString(p.terminator)
		p.stats.Bytes += int64(len(p.terminator))
	}
	return w.Flush()
}

func (p *part) count(l line) {
	p.stats.Lines++
	p.stats.Bytes += int64(l.end - l.start)
	switch l.kind {
	case Event:
		p.stats.Events++
	case Duplicate:
		p.stats.Duplicates++
	case Rejected:
		p.stats.Rejected++
	case Blank:
		p.stats.Blank++
	}
}

// Kind is the outcome of a line in the accounting.
type Kind uint8

// The kinds of lines, as EVENTS.md accounts for them.
const (
	Event     Kind = iota + 1
	Duplicate      // a further copy of an event in this or an earlier dump
	Rejected
	Blank
)

// Line is one line of a session.
type Line struct {
	Day  day.Day // dump day
	Kind Kind
	Text string // without a line ending
}

// Sessions yields the lines of each session that begins on d, in order of time.
// Write distributes the same lines over dumps. Only Seed and SessionsPerDay of o
// are used.
func (o Options) Sessions(d day.Day) iter.Seq[[]Line] {
	return func(yield func([]Line) bool) {
		w := newOrganisation(o.Seed, o.SessionsPerDay)
		t := newLineWriter(w)
		for n := range w.count(d) {
			t.reset()
			t.writeSession(w.plan(d, n))
			lines := make([]Line, len(t.lines))
			for i, l := range t.lines {
				lines[i] = Line{Day: l.day, Kind: l.kind, Text: string(t.text[l.start:l.end])}
			}
			if !yield(lines) {
				return
			}
		}
	}
}
