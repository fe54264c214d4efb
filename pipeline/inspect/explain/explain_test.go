package explain

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/settings"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/session"
)

// published publishes the generated days.
func published(t *testing.T) *settings.Pipeline {
	t.Helper()
	s := pipelinetest.Settings(t, store.NewMemory(nil), store.NewMemory(nil))
	pipelinetest.Generate(t, s.Source, dump.Plain)
	pipelinetest.Run(t, s, partition.Days(day.Date(2026, time.November, 16), day.Date(2026, time.November, 21)))
	return s
}

// A session is explained from digests as it is from dumps.
func TestDigestsAgreeWithDumps(t *testing.T) {
	s := published(t)
	var ids []int64
	m := pipelinetest.Manifest(t, s.Sink, partition.DayID("sessions", pipelinetest.Day))
	for _, row := range pipelinetest.Rows(t, s.Sink, m) {
		ids = append(ids, row.SessionID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) < 100 {
		t.Fatalf("the day has only %d sessions", len(ids))
	}
	reader := &catalog.Reader{Settings: s}
	several := 0 // sessions with events in more than one digest
	for i := 0; i < len(ids); i += 5 {
		got, err := FromDigests(t.Context(), reader, Question{ids[i], pipelinetest.Day})
		if err != nil {
			t.Fatal(err)
		}
		want, err := FromDumps(t.Context(), s, nil, Question{ids[i], pipelinetest.Day})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Session, got.Session); diff != "" {
			t.Errorf("session %d (-dumps +digests):\n%s", ids[i], diff)
		}
		if diff := cmp.Diff(spansOf(want), spansOf(got)); diff != "" {
			t.Errorf("session %d (-dumps +digests):\n%s", ids[i], diff)
		}
		inputs := map[string]bool{}
		for _, delivery := range got.Deliveries {
			if !strings.HasPrefix(delivery.Input, partition.DigestRoot) {
				t.Fatalf("session %d was read in %s", ids[i], delivery.Input)
			}
			inputs[delivery.Input] = true
		}
		if len(inputs) > 1 {
			several++
		}
	}
	if several == 0 {
		t.Error("no session lies in several digests")
	}
}

// A session that lives for longer than the look-back reaches is explained alike near
// each of its days: from its first event to its last.
func TestOneExplanationNearEachDay(t *testing.T) {
	s := pipelinetest.OneReport(t, store.NewMemory(nil), store.NewMemory(nil))
	s.Lookback = 2
	const events = 12
	first := pipelinetest.Day
	for i := range day.Day(events) {
		d := first + 2*i // a silence as long as the look-back
		pipelinetest.Put(t, s.Source, pipelinetest.Template.Prefix(d)+"a.ndjson", fmt.Sprintf(
			`{"event_id":"%d","ts":"%sT12:00:00Z","session_id":1,"type":"chat_message","sender":"customer"}`+"\n", i, d))
	}
	pipelinetest.Run(t, s, partition.Everything())
	for i := range day.Day(events) {
		question := Question{Session: 1, Near: first + 2*i}
		dumps, err := FromDumps(t.Context(), s, nil, question)
		if err != nil {
			t.Fatal(err)
		}
		digests, err := FromDigests(t.Context(), &catalog.Reader{Settings: s}, question)
		if err != nil {
			t.Fatal(err)
		}
		if len(dumps.Deliveries) != events || len(digests.Deliveries) != events {
			t.Errorf("near %s it has %d events in dumps and %d in digests, want %d", question.Near, len(dumps.Deliveries), len(digests.Deliveries), events)
		}
	}
}

// spansOf lists all spans of an explanation.
func spansOf(x *Explanation) (spans []session.Span) {
	for leg := range x.Session.Legs {
		for m := range session.Measure(session.NumMeasures) {
			spans = slices.AppendSeq(spans, x.Trace.Spans(leg, m))
		}
	}
	return spans
}

func TestNoSession(t *testing.T) {
	s := pipelinetest.Settings(t, store.NewMemory(nil), store.NewMemory(nil))
	pipelinetest.Put(t, s.Source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
	pipelinetest.Run(t, s, pipelinetest.TheDay)
	_, err := FromDigests(t.Context(), &catalog.Reader{Settings: s}, Question{2, pipelinetest.Day})
	if !errors.Is(err, ErrNoSession) || err.Error() != "session 2: no such session within 32 days of 2026-11-20" {
		t.Errorf("from digests: %v", err)
	}
	if _, err := FromDumps(t.Context(), s, nil, Question{2, pipelinetest.Day}); err == nil || !strings.HasPrefix(err.Error(), "session 2 has no events in the 1 dumps that were read") {
		t.Errorf("from dumps: %v", err)
	}
}

// Without one of its digests a session could be explained wrongly: the error names
// the digest that cannot be read.
func TestUnreadableDigest(t *testing.T) {
	s := pipelinetest.Settings(t, store.NewMemory(nil), store.NewMemory(nil))
	pipelinetest.Put(t, s.Source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
	pipelinetest.Run(t, s, pipelinetest.TheDay)
	pipelinetest.Put(t, s.Sink, "_manifests/state/digests/dt=2026-11-21.json", "{")
	_, err := FromDigests(t.Context(), &catalog.Reader{Settings: s}, Question{1, pipelinetest.Day})
	if err == nil || !strings.HasPrefix(err.Error(), "explain session 1: ") || !strings.Contains(err.Error(), "dt=2026-11-21") {
		t.Errorf("it fails with %v", err)
	}
}
