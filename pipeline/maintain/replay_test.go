package maintain

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"daybook/pipeline/build"
	"daybook/pipeline/pipelinetest"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/event"
)

// Lines of a session of 2026-11-20: an event, a line that is no event, and an event
// that lies too far back.
const (
	goodLine = `{"event_id":"r1","ts":"2026-11-20T08:00:00Z","session_id":1,"type":"session_created","session_type":"applet"}`
	badLine  = `{"event_id":"r2","ts":"yesterday","session_id":1,"type":"session_created","session_type":"applet"}`
	oldLine  = `{"event_id":"r3","ts":"2026-11-03T23:59:59Z","session_id":1,"type":"session_created","session_type":"applet"}`
)

func linesOf(texts ...string) iter.Seq2[ReplayLine, error] {
	return func(yield func(ReplayLine, error) bool) {
		for i, text := range texts {
			if !yield(ReplayLine{Line: dump.Line{Number: int64(i) + 1, Bytes: []byte(text)}}, nil) {
				return
			}
		}
	}
}

func TestReplay(t *testing.T) {
	source := store.NewMemory(nil)
	s := pipelinetest.Settings(t, source, store.NewMemory(nil))

	// Nothing is written if there is a line that is no event.
	still := []StillRejected{
		{3, "bad_value", ""}, // the detail is the decoder's
		{4, "too_late", "it happened on 2026-11-03, 17 days before its dump's day, and source.lookback_days is 16"},
	}
	all := linesOf(goodLine, "", badLine, oldLine, goodLine)
	result, err := Replay(t.Context(), s, pipelinetest.Day, all, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Rejected) > 0 {
		result.Rejected[0].Detail = ""
	}
	if diff := cmp.Diff(&ReplayResult{Dumps: []ReplayedDump{}, Rejected: still}, result); diff != "" {
		t.Errorf("all of it (-want +got):\n%s", diff)
	}
	if view := pipelinetest.Contents(t, source, true); len(view) > 0 {
		t.Errorf("written: %v", view)
	}

	// The dump holds the lines as they came. A second replay finds it there.
	for _, existed := range []bool{false, true} {
		result, err := Replay(t.Context(), s, pipelinetest.Day, all, true)
		if err != nil {
			t.Fatal(err)
		}
		if result.Lines != 2 || len(result.Rejected) != 2 || len(result.Dumps) != 1 || result.Dumps[0].Existed != existed || !strings.HasPrefix(result.Dumps[0].URL, "mem://2026/11/20/replay-") {
			t.Errorf("a part of it: %+v", result)
		}
		view := pipelinetest.Contents(t, source, true)
		if got := view[strings.TrimPrefix(result.Dumps[0].URL, "mem://")]; len(view) != 1 || got != goodLine+"\n"+goodLine+"\n" {
			t.Errorf("written: %q", view)
		}
	}

	// Runs read it.
	if done := pipelinetest.Run(t, s, pipelinetest.TheDay); done.Accounting.Lines != 2 || done.Accounting.Accepted != 1 || done.Accounting.Duplicates != 1 {
		t.Errorf("a run reads %+v", done.Accounting)
	}

	// Blank lines make no dump.
	result, err = Replay(t.Context(), s, pipelinetest.Day, linesOf("", " "), false)
	if err != nil || len(result.Dumps) > 0 || result.Lines != 0 || len(pipelinetest.Contents(t, source, true)) != 1 {
		t.Errorf("blank lines: %+v, %v", result, err)
	}
}

// A replay that fails leaves no dump.
func TestReplayFails(t *testing.T) {
	source := store.NewMemory(nil)
	s := pipelinetest.Settings(t, source, store.NewMemory(nil))
	broken := func(yield func(ReplayLine, error) bool) {
		if yield(ReplayLine{Line: dump.Line{Number: 1, Bytes: []byte(goodLine)}}, nil) {
			yield(ReplayLine{}, io.ErrUnexpectedEOF)
		}
	}
	if _, err := Replay(t.Context(), s, pipelinetest.Day, broken, true); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a broken file: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Replay(ctx, s, pipelinetest.Day, linesOf(goodLine), true); !errors.Is(err, context.Canceled) {
		t.Errorf("an interruption: %v", err)
	}
	s.Source = readOnly{source}
	if _, err := Replay(t.Context(), s, pipelinetest.Day, linesOf(goodLine), true); !errors.Is(err, store.ErrDenied) {
		t.Errorf("a source that cannot be written: %v", err)
	}
	if view := pipelinetest.Contents(t, source, true); len(view) > 0 {
		t.Errorf("written: %v", view)
	}
}

type readOnly struct{ store.Store }

func (readOnly) Put(context.Context, string, io.ReaderAt, int64, store.Condition) (store.Object, error) {
	return store.Object{}, store.ErrDenied
}

// The rejected lines of a day, once the look-back reaches them, are events of a
// replay.
func TestReplayOfRejectedLines(t *testing.T) {
	source := store.NewMemory(nil)
	s := pipelinetest.Settings(t, source, store.NewMemory(nil))
	replay := func() *ReplayResult {
		t.Helper()
		result, err := Replay(t.Context(), s, pipelinetest.Day, RejectedDump(t.Context(), s, pipelinetest.Day), true)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	if result := replay(); result.Lines != 0 || len(result.Rejected) > 0 {
		t.Errorf("without rejected lines: %+v", result)
	}
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", goodLine+"\n"+badLine+"\n"+oldLine+"\n")
	if result := pipelinetest.RunOnly(t, s, pipelinetest.TheDay, build.OnlyDue); !result.Failed() {
		t.Fatal("the day is not refused")
	}
	if result := replay(); result.Lines != 0 || len(result.Rejected) != 2 || result.Rejected[1].Line != 2 {
		t.Errorf("with the same look-back: %+v", result)
	}
	s.Lookback = 17
	result := replay()
	if result.Lines != 1 || len(result.Rejected) != 1 || result.Rejected[0].Line != 1 {
		t.Errorf("with a longer look-back: %+v", result)
	}
	if got := pipelinetest.Contents(t, source, true)[strings.TrimPrefix(result.Dumps[0].URL, "mem://")]; got != oldLine+"\n" {
		t.Errorf("written: %q", got)
	}
}

// The rejected lines of each source are decoded with its own map, and written in its
// own form and place.
func TestReplayOfSeveralSources(t *testing.T) {
	source := store.NewMemory(nil)
	s := pipelinetest.Settings(t, source, store.NewMemory(nil))
	rules := []event.Rule{{To: "event_id", From: "id"}, {To: "ts", From: "at"}, {To: "session_id", From: "n"}, {To: "type", Value: "session_created"}, {To: "session_type", Value: "applet"}}
	mapped, err := event.NewMap(&event.Rules{Members: rules})
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []dump.Source{{Map: mapped}, {Map: mapped, Form: dump.Array}} {
		if other.Template, err = dump.ParseTemplate([]string{"lines/{yyyy}/{mm}/{dd}/", "array/{yyyy}/{mm}/{dd}/"}[len(s.Dumps)-len(pipelinetest.Sources)]); err != nil {
			t.Fatal(err)
		}
		s.Dumps = append(s.Dumps[:len(s.Dumps):len(s.Dumps)], &other)
	}
	const foreign = `{"id":"r4","at":"2026-11-03T23:59:59Z","n":1}`
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", oldLine+"\n")
	pipelinetest.Put(t, source, "lines/2026/11/20/a.ndjson", foreign+"\n")
	pipelinetest.Put(t, source, "array/2026/11/20/a.ndjson", "["+foreign+"]")
	if result := pipelinetest.RunOnly(t, s, pipelinetest.TheDay, build.OnlyDue); !result.Failed() {
		t.Fatal("the day is not refused")
	}
	s.Lookback = 17
	result, err := Replay(t.Context(), s, pipelinetest.Day, RejectedDump(t.Context(), s, pipelinetest.Day), true)
	if err != nil || result.Lines != 3 || len(result.Rejected) != 0 || len(result.Dumps) != 3 {
		t.Fatalf("%+v, %v", result, err)
	}
	view := pipelinetest.Contents(t, source, true)
	for i, want := range []struct{ prefix, text string }{
		{"2026/11/20/replay-", oldLine + "\n"}, {"lines/2026/11/20/replay-", foreign + "\n"}, {"array/2026/11/20/replay-", "[" + foreign + "\n]\n"},
	} {
		key := strings.TrimPrefix(result.Dumps[i].URL, "mem://")
		if !strings.HasPrefix(key, want.prefix) || view[key] != want.text {
			t.Errorf("%s holds %q, want %s… with %q", key, view[key], want.prefix, want.text)
		}
	}
}
