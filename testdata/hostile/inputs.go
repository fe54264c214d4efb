// Package hostile makes inputs that cost a program more than they should: small
// dumps with sessions of many legs, tools, events or long texts, on one day or on many,
// session ids that hash alike, and a configuration of brackets. Its tests run daybook on them and
// measure its processes.
package hostile

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Day is the dump day of all dumps, or the last of them.
const Day = "2026-11-20"

// DaysBefore is the dump day so many days before Day.
func DaysBefore(days int) string { return firstEvent.AddDate(0, 0, -days).Format(time.DateOnly) }

// firstEvent is the time of a session's first event on the last day.
var firstEvent = time.Date(2026, 11, 20, 0, 0, 1, 0, time.UTC)

// Lines writes the lines of a dump.
type Lines struct {
	w      *bufio.Writer
	N      int   // lines
	Bytes  int64 // of them
	Size   int64 // of their events, as max_session_size reckons it, without their texts
	events int   // of the session at hand
	before int   // the days from the dump day to Day
}

// Session begins a session: its first event, with a name and a technician.
func (l *Lines) Session(id int64, name string) {
	l.events = 0
	l.Event(id, `"type":"session_created","session_type":"applet","name":"%s","technician":{"id":1,"name":"Ada"}`, name)
}

// Event writes an event of a session, 10 ms after the one before.
func (l *Lines) Event(session int64, format string, args ...any) {
	ts := firstEvent.AddDate(0, 0, -l.before).Add(time.Duration(l.events) * 10 * time.Millisecond)
	const aDay = 1_000_000_000 // more than the events of one
	n, _ := fmt.Fprintf(l.w, `{"event_id":"%d","ts":"%s","session_id":%d,%s}`+"\n",
		l.before*aDay+l.events, ts.Format("2006-01-02T15:04:05.000Z"), session, fmt.Sprintf(format, args...))
	l.events++
	l.N++
	l.Bytes += int64(n)
	l.Size += int64(64 + len(strconv.Itoa(l.events)))
}

// WriteDump writes a dump that is compressed as its name says, of a day so many days
// before Day.
func WriteDump(name string, before int, write func(*Lines)) (lines *Lines, err error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	compressor := io.WriteCloser(gzip.NewWriter(f))
	if strings.HasSuffix(name, ".zst") {
		if compressor, err = zstd.NewWriter(f, zstd.WithWindowSize(8<<20), zstd.WithEncoderConcurrency(1)); err != nil {
			return nil, err
		}
	}
	lines = &Lines{w: bufio.NewWriterSize(compressor, 1<<16), before: before}
	write(lines)
	for _, end := range []func() error{lines.w.Flush, compressor.Close, f.Close} {
		if err := end(); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// TheSession is the id of the one session that most inputs have.
const TheSession = 4711

// Collaborators: n technicians join a session, and then n messages belong to all
// of them.
func Collaborators(n int) func(*Lines) {
	return func(l *Lines) {
		l.Session(TheSession, "collaborators")
		for i := range n {
			l.Event(TheSession, `"type":"collaboration_started","technician":{"id":%d}`, 2+i)
		}
		for range n {
			l.Event(TheSession, `"type":"chat_message","sender":"customer"`)
		}
	}
}

// Tools: n different tools are used in a session.
func Tools(n int) func(*Lines) {
	return func(l *Lines) {
		l.Session(TheSession, "tools")
		for i := range n {
			l.Event(TheSession, `"type":"tool_used","tool":"%x"`, i)
		}
	}
}

// Legs: a session is transferred n times.
func Legs(n int) func(*Lines) {
	return func(l *Lines) {
		l.Session(TheSession, "legs")
		for range n {
			l.Event(TheSession, `"type":"status_changed","status":"transferred"`)
		}
	}
}

// Events: a session has n events of a few kinds.
func Events(n int) func(*Lines) {
	return func(l *Lines) {
		l.Session(TheSession, "events")
		for i := range n {
			switch i % 3 {
			case 0:
				l.Event(TheSession, `"type":"status_changed","status":"active","technician":{"id":1}`)
			case 1:
				l.Event(TheSession, `"type":"presence","state":"away","technician_id":1`)
			case 2:
				l.Event(TheSession, `"type":"chat_message","sender":"customer"`)
			}
		}
	}
}

// Names: n sessions have names of 0.9 MB, nearly as long as a line may be.
func Names(n int) func(*Lines) {
	return func(l *Lines) {
		name := strings.Repeat("n", 900_000)
		for i := range n {
			l.Session(TheSession+int64(i), name)
		}
	}
}

// TextDays is how many days DailyTexts has, which one date needs.
const TextDays = 32

// DailyTexts: n sessions have a long text on each of many days.
func DailyTexts(n int) func(*Lines) {
	return func(l *Lines) {
		text := strings.Repeat("n", 2_500)
		for i := range n {
			id := TheSession + int64(i)
			if l.events = 0; l.before == TextDays-1 {
				l.Session(id, text)
			}
			l.Event(id, `"type":"details_changed","name":"%s"`, text)
		}
	}
}

// DailyLarge: each day has a large session of its own, and all of them go on to the
// last day, without a silence of more than half a look-back.
func DailyLarge(int) func(*Lines) {
	return func(l *Lines) {
		text := strings.Repeat("n", 900_000)
		l.Session(TheSession+int64(l.before), text)
		for range 28 {
			l.Event(TheSession+int64(l.before), `"type":"details_changed","name":"%s"`, text)
		}
		if l.before%8 > 0 {
			return
		}
		for before := l.before + 1; before < TextDays; before++ {
			l.events = 0
			l.Event(TheSession+int64(before), `"type":"chat_message","sender":"customer"`)
		}
	}
}

// SameHash: n sessions have ids whose hashes begin with the same bits, and six
// events each.
func SameHash(n int) func(*Lines) {
	return func(l *Lines) {
		for hash := uint64(SamePrefix) << (64 - SameBits); n > 0; hash++ {
			id := int64(hash * unhash)
			if id < 1 {
				continue
			}
			l.Session(id, "same hash")
			for range 5 {
				l.Event(id, `"type":"chat_message","sender":"customer"`)
			}
			n--
		}
	}
}

// The hashes of SameHash, and what undoes the hash: the inverse of its factor
// 0x9E3779B97F4A7C15, modulo 2^64.
const (
	SameBits   = 24
	SamePrefix = 0xABCDEF
	unhash     = 0xF1DE83E19937733D
)

// Brackets is a configuration of n opening brackets.
func Brackets(n int) string { return "reports: " + strings.Repeat("[", n) + "\n" }
