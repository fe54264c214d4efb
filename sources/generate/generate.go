// Package generate writes dumps that look like a support organisation's, of
// any size, for demonstrations, benchmarks and tests.
//
// They hold everything the contract (EVENTS.md) knows and every way to break
// it: all types, statuses and signals; sessions on hold for days, transferred,
// handed over, reopened; events that come late, twice, out of order; lines
// that are blank or no events. Days have a working day's shape in central
// Europe, with a peak in the morning, and quieter weekends.
//
// A session is a pure function of the seed, its day and its number on that
// day, so nothing has to be remembered: the dump of a day is made by telling
// the stories of the sessions that can have lines in it, which are the day's
// own and those few of the sixteen days before that say beforehand (plan) that
// they take long or arrive late. Memory holds one slice of a part at a time,
// however many days and sessions there are, but for a few bytes a session of
// the day. The dump of a day does not depend on how many days follow.
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

// Options say what to generate. Equal options give equal bytes, except that
// Workers changes nothing.
type Options struct {
	Seed           uint64
	From           day.Day       // the first dump day; no session is older
	Days           int           // dump days
	SessionsPerDay int           // on a working day; there are fewer at weekends
	Template       dump.Template // where a day's dumps lie
	Codec          dump.Codec
	Workers        int // days written at the same time; 0 is 1
}

// The limits of Options.
const (
	maxSessionsPerDay = sessionIDsPerDay - 1
	maxDays           = 200 * 366
)

// The first and last year that a session may have begun in: EVENTS.md allows
// 1990 to 2200, and sessions that begin at the end of a year go on in the next.
const (
	firstYear = 1990
	lastYear  = 2199
)

// Validate says what is wrong with the numbers in o.
func (o Options) Validate() error {
	if o.Days < 1 || o.Days > maxDays {
		return fmt.Errorf("%d days: expected 1 to %d", o.Days, maxDays)
	}
	if o.SessionsPerDay < 1 || o.SessionsPerDay > maxSessionsPerDay {
		return fmt.Errorf("%d sessions a day: expected 1 to %d", o.SessionsPerDay, maxSessionsPerDay)
	}
	if last := o.From + day.Day(o.Days-1); o.From.UTC().Year() < firstYear || last.UTC().Year() > lastYear {
		return fmt.Errorf("days from %s to %s: expected years from %d to %d", o.From, last, firstYear, lastYear)
	}
	return nil
}

// Stats counts what was written. Lines = Events + Duplicates + Rejected + Blank.
type Stats struct {
	Objects    int64 `json:"objects"`
	Bytes      int64 `json:"bytes"` // of text, before compression
	Lines      int64 `json:"lines"`
	Events     int64 `json:"events"` // that are not duplicates
	Duplicates int64 `json:"duplicates"`
	Rejected   int64 `json:"rejected"` // lines that are no events
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

// Put stores one object: it calls write once with where its bytes go. It must
// be safe for concurrent use if Options.Workers is more than one.
type Put func(ctx context.Context, key string, write func(io.Writer) error) error

// Write generates the dumps, several objects a day. It ends early, with an
// error, when ctx does.
func Write(ctx context.Context, o Options, put Put) (Stats, error) {
	if err := o.Validate(); err != nil {
		return Stats{}, fmt.Errorf("generate: %w", err)
	}
	w := newWorld(o.Seed, o.SessionsPerDay)
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

// hourMillis is the part of a day that one object holds: the lines of the
// sessions that began in the same hour, of this day or an earlier one.
const hourMillis = 60 * 60 * 1000

func writeDay(ctx context.Context, w *world, o Options, d day.Day, put Put) (Stats, error) {
	var stats Stats
	packer, err := newCompressor(o.Codec)
	if err != nil {
		return stats, fmt.Errorf("generate: %w", err)
	}
	plans := w.plansOn(d, o.From)
	t := newTeller(w)
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
		p := part{teller: t, day: d, plans: ofHour}
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

// One line over 1 MiB is enough for a set of dumps, and more than enough for
// a small one.
const (
	tooLongFrom = 1000 // sessions a day
	tooLongHour = 10
)

// compressor is what gzip.Writer and zstd.Encoder have in common. Making one
// costs megabytes, so it is used again for the next object.
type compressor interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// newCompressor makes none, nil, for plain text.
func newCompressor(codec dump.Codec) (compressor, error) {
	switch codec {
	case dump.Gzip:
		return gzip.NewWriter(nil), nil
	case dump.Zstd:
		// An object without a line is to be a frame, too, not nothing.
		return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))
	}
	return nil, nil
}

// compressed has write's text compressed on its way to w.
func compressed(w io.Writer, c compressor, write func(io.Writer) error) error {
	if c == nil {
		return write(w)
	}
	c.Reset(w)
	return errors.Join(write(c), c.Close())
}

// part is one object in the making.
type part struct {
	teller  *teller
	day     day.Day
	plans   []plan
	tooLong bool // has a line that is too long

	mark       bool   // begins with a byte order mark
	terminator string // of its lines
	cut        bool   // the last line has none
	stats      Stats
}

// style gives some parts the looks of other producers.
func (p *part) style(seed uint64, d day.Day, hour int64) {
	looks := mix(mix(seed^uint64(d)) ^ uint64(hour))
	p.mark = looks%16 == 0
	p.cut = looks>>8%8 == 0
	p.terminator = "\n"
	if looks>>16%8 == 0 {
		p.terminator = "\r\n"
	}
}

// sliceSize is how many sessions are in memory at once: about 8 MB of text.
// Lines are in order of time within a slice.
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
		t := p.teller
		t.reset()
		for _, plan := range plans {
			t.tell(plan)
		}
		if p.tooLong && first {
			t.tooLong()
		}
		lines := slices.DeleteFunc(t.lines, func(l line) bool { return l.day != p.day })
		slices.SortFunc(lines, func(a, b line) int {
			return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.start, b.start))
		})
		for _, l := range lines {
			// A terminator comes before a line, not after it, so that the last
			// one can go without.
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

// Kind is what a line is to a reader.
type Kind uint8

// The kinds of lines, as EVENTS.md accounts for them.
const (
	Event     Kind = iota + 1
	Duplicate      // an event that another line, in this or an earlier dump, holds, too
	Rejected
	Blank
)

// Line is one line of a session's.
type Line struct {
	Day  day.Day // the dump day that it is in
	Kind Kind
	Text string // without a terminator
}

// Sessions gives the lines of each session that begins on d, in the order in
// which things happened: what Write spreads over dumps. Of o, only Seed and
// SessionsPerDay matter.
func (o Options) Sessions(d day.Day) iter.Seq[[]Line] {
	return func(yield func([]Line) bool) {
		w := newWorld(o.Seed, o.SessionsPerDay)
		t := newTeller(w)
		for n := range w.count(d) {
			t.reset()
			t.tell(w.plan(d, n))
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
