package pipeline

import (
	"errors"
	"maps"
	"path"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/session"
)

// publishedDays is generated days that are published.
func publishedDays(t *testing.T) *Runner {
	t.Helper()
	r := newRunner(t, store.NewMemory(nil), store.NewMemory(nil))
	generated(t, r.Source, dump.Plain)
	run(t, r, Days(parseDay(t, "2026-11-16"), parseDay(t, "2026-11-21")))
	return r
}

// Digests tell of a session what its dumps tell.
func TestTellAgreesWithExplain(t *testing.T) {
	r := publishedDays(t)
	d := parseDay(t, day20)
	shown, err := r.Show(t.Context(), "sessions", day20)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for rows, err := range r.Rows(t.Context(), shown.Manifest) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			ids = append(ids, rows[i].SessionID)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) < 100 {
		t.Fatalf("the day has only %d sessions", len(ids))
	}
	x, err := r.Inputs(t.Context(), d, d)
	if err != nil {
		t.Fatal(err)
	}
	several := 0 // sessions that more than one digest has events of
	for i := 0; i < len(ids); i += 5 {
		told, err := r.Tell(t.Context(), d, ids[i])
		if err != nil {
			t.Fatal(err)
		}
		want, err := Explain(t.Context(), x, ids[i])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Session, told.Session); diff != "" {
			t.Errorf("session %d (-dumps +digests):\n%s", ids[i], diff)
		}
		if diff := cmp.Diff(spansOf(want), spansOf(told)); diff != "" {
			t.Errorf("session %d (-dumps +digests):\n%s", ids[i], diff)
		}
		digests := map[string]bool{}
		for _, delivery := range told.Deliveries {
			digests[delivery.Input] = true
		}
		if len(digests) > 1 {
			several++
		}
	}
	if several == 0 {
		t.Error("no session lies in several digests")
	}
}

func TestTellNoSession(t *testing.T) {
	r := publishedDays(t)
	if _, err := r.Tell(t.Context(), parseDay(t, day20), 1); !errors.Is(err, ErrNoSession) || err.Error() != "session 1: no such session within 16 days of 2026-11-20" {
		t.Errorf("it is told that %v", err)
	}
}

func TestRevisionsOfAPartition(t *testing.T) {
	r := restated(t, store.NewMemory(nil), store.NewMemory(nil))
	shown, err := r.Show(t.Context(), "sessions", day20)
	if err != nil {
		t.Fatal(err)
	}
	for most, want := range map[int][]int{1: {3}, 2: {3, 2}, 9: {3, 2, 1}} {
		history, err := r.History(t.Context(), shown, most)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for i := range history {
			got = append(got, history[i].Revision)
		}
		if !slices.Equal(got, want) {
			t.Errorf("at most %d: revisions %v, want %v", most, got, want)
		}
	}
}

// What manifests name of summaries lies where SummaryKey says.
func TestSummaryKey(t *testing.T) {
	r := publishedDays(t)
	shown, err := r.Show(t.Context(), "emea", day20)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for key := range contents(t, r.Sink, false) {
		if path.Dir(key) == "summaries/emea/day/"+day20 {
			want[key] = true
		}
	}
	got := map[string]bool{}
	for _, f := range shown.Manifest.Summaries.Files {
		got[SummaryKey("emea", shown.Kind, day20, f.Name)] = true
	}
	if len(want) == 0 || !maps.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
}

func TestRejectsOf(t *testing.T) {
	r := publishedDays(t)
	all, err := r.Rejects(t.Context(), func(day.Day) bool { return true })
	if err != nil || len(all) == 0 {
		t.Fatalf("%d days with rejected lines, %v", len(all), err)
	}
	for i := range all {
		one, err := r.RejectsOf(t.Context(), all[i].Day)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&all[i], one, cmp.AllowUnexported(Rejects{})); diff != "" {
			t.Errorf("(-all +one):\n%s", diff)
		}
	}
	if none, err := r.RejectsOf(t.Context(), all[0].Day+1000); none != nil || err != nil {
		t.Errorf("a day without any: %+v, %v", none, err)
	}
}

// spansOf lists all spans of an explanation.
func spansOf(told *Explanation) (all []session.Span) {
	for leg := range told.Session.Legs {
		for m := range session.Measure(session.NumMeasures) {
			all = slices.AppendSeq(all, told.Trace.Spans(leg, m))
		}
	}
	return all
}
