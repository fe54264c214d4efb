package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/event"
)

// spot is where a line is.
type spot struct {
	input        int
	line, offset int64
}

// script is a dump with known lines.
type script struct {
	text             bytes.Buffer
	lines            int64
	events, rejected []spot
	blank            int64
}

// newScript writes many blocks of lines of all kinds. Most rejected lines are far
// apart; one stretch of them is longer than a worker keeps.
func newScript(input, lines int) *script {
	s := new(script)
	for i := range lines {
		at := spot{input, int64(i) + 1, int64(s.text.Len())}
		s.lines++
		switch {
		case i%100 == 7 || i > lines/2 && i < lines/2+2*maxRejects:
			s.rejected = append(s.rejected, at)
			fmt.Fprintf(&s.text, "nonsense %d\n", i)
		case i%1000 == 8:
			s.blank++
			s.text.WriteString(" \r\n")
		default:
			s.events = append(s.events, at)
			fmt.Fprintf(&s.text, `{"event_id":"%d","ts":"2026-11-20T08:00:00Z","session_id":%d,"type":"presence","state":"away","technician_id":7,"padding":"%s"}`+"\n",
				at.offset, input+1, strings.Repeat("x", i%300))
		}
	}
	return s
}

func (s *script) input(end io.Reader) Input {
	return Input{Name: "script", Open: func(context.Context) (*dump.Reader, error) {
		return dump.OpenFile(context.Background(), dump.Stdin, io.MultiReader(bytes.NewReader(s.text.Bytes()), end))
	}}
}

// ordered is a RejectSink that checks the contract of its callers.
type ordered []orderedInput

type orderedInput struct {
	called sync.Mutex
	got    []spot
}

func (o ordered) Reject(input int, lines []Reject) error {
	in := &o[input]
	if !in.called.TryLock() {
		return fmt.Errorf("two calls at once for input %d", input)
	}
	defer in.called.Unlock()
	for _, r := range lines {
		if r.Reason != event.BadJSON || !strings.HasPrefix(string(r.Line.Bytes), "nonsense") {
			return fmt.Errorf("line %d of input %d: %q is rejected for %s", r.Line.Number, input, r.Line.Bytes, r.Reason)
		}
		in.got = append(in.got, spot{input, r.Line.Number, r.Line.Offset})
	}
	return nil
}

// With any number of workers and inputs, each line is read once, and the rejected
// lines are passed on in order.
func TestReadSideBySide(t *testing.T) {
	for _, inputs := range []int{1, 3, 8} {
		for _, workers := range []int{1, 2, 5} {
			x := &Extraction{Workers: workers, Progress: new(Progress)}
			sink := make(ordered, inputs)
			x.Rejects = sink
			var want event.Tally
			var wantEvents []spot
			scripts := make([]*script, inputs)
			for i := range scripts {
				s := newScript(i, 20_000/inputs)
				scripts[i] = s
				x.Inputs = append(x.Inputs, s.input(strings.NewReader("")))
				want.Lines += s.lines
				want.Blank += s.blank
				want.Events += int64(len(s.events))
				want.Rejected[event.BadJSON] += int64(len(s.rejected))
				wantEvents = append(wantEvents, s.events...)
			}
			what := fmt.Sprintf("%d inputs, %d workers", inputs, workers)
			var mu sync.Mutex
			var events []spot
			got, err := x.Events(t.Context(), func() EventSink {
				return func(input int, line int64, e *event.Event) error {
					mu.Lock()
					defer mu.Unlock()
					var offset int64
					_, err := fmt.Sscan(e.ID, &offset)
					events = append(events, spot{input, line, offset})
					return err
				}
			})
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if *got != want {
				t.Errorf("%s: read %+v, want %+v", what, *got, want)
			}
			slices.SortFunc(events, func(a, b spot) int {
				if a.input != b.input {
					return a.input - b.input
				}
				return int(a.line - b.line)
			})
			if !slices.Equal(events, wantEvents) {
				t.Errorf("%s: other events, or of other places", what)
			}
			for i, s := range scripts {
				if !slices.Equal(sink[i].got, s.rejected) {
					t.Errorf("%s: other lines of input %d were rejected, or in another order", what, i)
				}
			}
			p := x.Progress
			if p.Lines.Load() != want.Lines || p.InputsDone.Load() != int64(inputs) {
				t.Errorf("%s: the progress says %d lines of %d inputs", what, p.Lines.Load(), p.InputsDone.Load())
			}
		}
	}
}

// A line may have 1 MiB without its line ending. A line of white space is blank at any
// length.
func TestReadLongLines(t *testing.T) {
	const open = `{"event_id":"1","ts":"2026-11-20T08:00:00Z","session_id":1,"type":"presence","state":"away","padding":"`
	long := func(size int) string { return open + strings.Repeat("x", size-len(open)-len(`"}`)) + `"}` }
	blank := strings.Repeat(" ", event.MaxLine+5)
	for name, c := range map[string]struct {
		text string
		want event.Tally
	}{
		"1 MiB, LF":              {long(event.MaxLine) + "\n", event.Tally{Lines: 1, Events: 1}},
		"1 MiB, CRLF":            {long(event.MaxLine) + "\r\n", event.Tally{Lines: 1, Events: 1}},
		"1 MiB, the end":         {long(event.MaxLine), event.Tally{Lines: 1, Events: 1}},
		"a byte more, CRLF":      {long(event.MaxLine+1) + "\r\n", event.Tally{Lines: 1, Rejected: [event.NumReasons]int64{event.TooLong: 1}}},
		"1 MiB + 5 spaces":       {blank + "\n", event.Tally{Lines: 1, Blank: 1}},
		"1 MiB + 5 spaces, CRLF": {blank + "\r\n", event.Tally{Lines: 1, Blank: 1}},
		"one after the other":    {blank + "\r\n" + long(event.MaxLine) + "\r\n", event.Tally{Lines: 2, Blank: 1, Events: 1}},
	} {
		s := new(script)
		s.text.WriteString(c.text)
		x := &Extraction{Workers: 1, Inputs: []Input{s.input(strings.NewReader(""))}}
		got, err := x.Events(t.Context(), func() EventSink { return func(int, int64, *event.Event) error { return nil } })
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if *got != c.want {
			t.Errorf("%s: read %+v, want %+v", name, *got, c.want)
		}
	}
}

// With any number of workers, reading fails in the same way: when an input breaks off,
// a sink fails, a worker panics or the context ends.
func TestReadFails(t *testing.T) {
	for _, workers := range []int{1, 2, 5} {
		s := newScript(0, 20_000)
		broken := s.input(iotest.ErrReader(store.ErrStalled))
		drop := func() EventSink { return func(int, int64, *event.Event) error { return nil } }

		x := &Extraction{Workers: workers, Inputs: []Input{broken}}
		_, err := x.Events(t.Context(), drop)
		want := fmt.Sprintf("read -: stopped after line %d, at byte %d of the decompressed text: no progress", s.lines, s.text.Len())
		if err == nil || err.Error() != want || !errors.Is(err, store.ErrStalled) {
			t.Errorf("%d workers: %v, want %s", workers, err, want)
		}

		full := errors.New("the sink is full")
		x = &Extraction{Workers: workers, Inputs: []Input{s.input(strings.NewReader(""))}, Rejects: rejectFunc(func() error { return full })}
		if _, err := x.Events(t.Context(), drop); !errors.Is(err, full) {
			t.Errorf("%d workers: %v, want %v", workers, err, full)
		}

		// A worker that panics ends its block: others wait for it to pass on their
		// rejected lines.
		x.Rejects = rejectFunc(func() error { return nil })
		others := make(chan struct{})
		other := sync.OnceFunc(func() { close(others) })
		_, err = x.Events(t.Context(), func() EventSink {
			return func(_ int, line int64, _ *event.Event) error {
				if line > 1 {
					other()
					return nil
				}
				if workers > 1 {
					<-others
				}
				panic("the sink takes no more")
			}
		})
		if err == nil || !strings.HasPrefix(err.Error(), "the sink takes no more; this is a bug") {
			t.Errorf("%d workers: %v after a panic", workers, err)
		}

		ctx, cancel := context.WithCancel(t.Context())
		x.Rejects = rejectFunc(func() error { cancel(); return nil })
		if _, err := x.Events(ctx, drop); !errors.Is(err, context.Canceled) {
			t.Errorf("%d workers: %v after the context ended", workers, err)
		}
	}
}

type rejectFunc func() error

func (f rejectFunc) Reject(int, []Reject) error { return f() }
