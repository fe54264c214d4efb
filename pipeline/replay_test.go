package pipeline

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
)

// Lines for a session of the 20th: an event, one that is none, and one of a
// day that lies too far back.
const (
	goodLine = `{"event_id":"r1","ts":"2026-11-20T08:00:00Z","session_id":1,"type":"session_created","session_type":"applet"}`
	badLine  = `{"event_id":"r2","ts":"yesterday","session_id":1,"type":"session_created","session_type":"applet"}`
	oldLine  = `{"event_id":"r3","ts":"2026-11-03T23:59:59Z","session_id":1,"type":"session_created","session_type":"applet"}`
)

func linesOf(texts ...string) iter.Seq2[dump.Line, error] {
	return func(yield func(dump.Line, error) bool) {
		for i, text := range texts {
			if !yield(dump.Line{Number: int64(i) + 1, Bytes: []byte(text)}, nil) {
				return
			}
		}
	}
}

func TestReplay(t *testing.T) {
	source := store.NewMemory(nil)
	r := newRunner(t, source, store.NewMemory(nil))
	d := parseDay(t, day20)

	// Not one line is written while there is one that is no event.
	still := []StillReject{
		{3, "bad_value", ""}, // in the decoder's words
		{4, "too_late", "it happened on 2026-11-03, 17 days before its dump's day, and source.lookback_days is 16"},
	}
	all := linesOf(goodLine, "", badLine, oldLine, goodLine)
	result, err := r.Replay(t.Context(), d, all, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Rejected) > 0 {
		result.Rejected[0].Detail = ""
	}
	if diff := cmp.Diff(&Replay{Rejected: still}, result); diff != "" {
		t.Errorf("all of it (-want +got):\n%s", diff)
	}
	if view := contents(t, source, true); len(view) > 0 {
		t.Errorf("written: %v", view)
	}

	// What is written is the lines as they came, and one dump however often.
	for _, existed := range []bool{false, true} {
		result, err := r.Replay(t.Context(), d, all, true)
		if err != nil {
			t.Fatal(err)
		}
		if result.Lines != 2 || len(result.Rejected) != 2 || result.Existed != existed || !strings.HasPrefix(result.URL, "mem://2026/11/20/replay-") {
			t.Errorf("a part of it: %+v", result)
		}
		view := contents(t, source, true)
		if got := view[strings.TrimPrefix(result.URL, "mem://")]; len(view) != 1 || got != goodLine+"\n"+goodLine+"\n" {
			t.Errorf("written: %q", view)
		}
	}

	// It is a dump that runs read.
	if done := run(t, r, theDay(t)); done.Accounting.Lines != 2 || done.Accounting.Accepted != 1 || done.Accounting.Duplicates != 1 {
		t.Errorf("a run reads %+v", done.Accounting)
	}

	// Nothing but blank lines is nothing.
	result, err = r.Replay(t.Context(), d, linesOf("", " "), false)
	if err != nil || result.URL != "" || result.Lines != 0 || len(contents(t, source, true)) != 1 {
		t.Errorf("blank lines: %+v, %v", result, err)
	}
}

// What cannot be read or written is an error, and leaves no dump.
func TestReplayFails(t *testing.T) {
	source := store.NewMemory(nil)
	r := newRunner(t, source, store.NewMemory(nil))
	broken := func(yield func(dump.Line, error) bool) {
		if yield(dump.Line{Number: 1, Bytes: []byte(goodLine)}, nil) {
			yield(dump.Line{}, io.ErrUnexpectedEOF)
		}
	}
	if _, err := r.Replay(t.Context(), parseDay(t, day20), broken, true); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a broken file: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Replay(ctx, parseDay(t, day20), linesOf(goodLine), true); !errors.Is(err, context.Canceled) {
		t.Errorf("an interruption: %v", err)
	}
	r.Source = readOnly{source}
	if _, err := r.Replay(t.Context(), parseDay(t, day20), linesOf(goodLine), true); !errors.Is(err, store.ErrDenied) {
		t.Errorf("a source that cannot be written: %v", err)
	}
	if view := contents(t, source, true); len(view) > 0 {
		t.Errorf("written: %v", view)
	}
}

type readOnly struct{ store.Store }

func (readOnly) Put(context.Context, string, io.ReaderAt, int64, store.Condition) (store.Object, error) {
	return store.Object{}, store.ErrDenied
}

// rejectsOf lists what is kept of all days, without the places.
func rejectsOf(t *testing.T, r *Runner) []Rejects {
	t.Helper()
	all, err := r.Rejects(t.Context(), func(day.Day) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		lines := 0
		for _, err := range r.RejectedLines(t.Context(), &all[i]) {
			if err != nil {
				t.Fatal(err)
			}
			lines++
		}
		total := int64(0)
		for _, n := range all[i].Rejected {
			total += n
		}
		if int64(lines) != total {
			t.Errorf("%s: %d lines, and %d are counted", all[i].URL, lines, total)
		}
		all[i].URL, all[i].key = "", ""
	}
	return all
}

// Rejects are those that matter now: of the published digest, or of the last
// attempt, if that was refused.
func TestRejects(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	clock := func() time.Time { now = now.Add(time.Second); return now }
	source, sink := store.NewMemory(clock), store.NewMemory(clock)
	r := newRunner(t, source, sink)
	r.MaxRejected = 0.5
	d := parseDay(t, day20)
	want := func(what string, want ...Rejects) {
		t.Helper()
		if diff := cmp.Diff(want, rejectsOf(t, r), cmp.AllowUnexported(Rejects{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	attempt := func() {
		t.Helper()
		if _, err := r.Run(t.Context(), theDay(t), OnlyDue); err != nil {
			t.Fatal(err)
		}
	}
	want("before anything")

	put(t, source, "2026/11/20/a.ndjson", goodLine+"\n"+badLine+"\n")
	attempt()
	digested := Rejects{Day: d, Name: day20, Rejected: map[string]int64{"bad_value": 1}}
	want("one of two", digested)

	put(t, source, "2026/11/20/b.ndjson", badLine+"\nnonsense\n")
	attempt()
	want("three of four", Rejects{Day: d, Name: day20, Refused: true, Rejected: map[string]int64{"bad_value": 2, "bad_json": 1}})

	put(t, source, "2026/11/20/b.ndjson", badLine+"\n"+badLine+"\n")
	attempt()
	want("others of four", Rejects{Day: d, Name: day20, Refused: true, Rejected: map[string]int64{"bad_value": 3}})

	put(t, source, "2026/11/20/b.ndjson", goodLine+"\n")
	attempt()
	want("one of three", digested)

	put(t, source, "2026/11/20/a.ndjson", goodLine+"\n")
	attempt()
	want("none of two")
	if all, err := r.Rejects(t.Context(), func(x day.Day) bool { return x != d }); err != nil || len(all) > 0 {
		t.Errorf("other days: %v, %v", all, err)
	}
}
