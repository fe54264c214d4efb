package inspect

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/pipeline/build"
	"daybook/pipeline/pipelinetest"
	"daybook/sources/store"
	"daybook/transform/day"
)

func everyDay(day.Day) bool { return true }

// keptRejects lists the rejected lines of all days, without their places.
func keptRejects(t *testing.T, in *Inspector) []Rejects {
	t.Helper()
	all, err := in.Rejects(t.Context(), everyDay)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		lines := int64(0)
		for _, err := range in.RejectedLines(t.Context(), &all[i]) {
			if err != nil {
				t.Fatal(err)
			}
			lines++
		}
		total := int64(0)
		for _, n := range all[i].Rejected {
			total += n
		}
		if lines != total {
			t.Errorf("%s: %d lines, and %d are counted", all[i].URL, lines, total)
		}
		all[i].URL, all[i].key = "", ""
	}
	return all
}

// The rejects of a day are those of its digest, or of the last attempt if that was
// refused.
func TestRejects(t *testing.T) {
	const (
		good = `{"event_id":"r1","ts":"2026-11-20T08:00:00Z","session_id":1,"type":"session_created","session_type":"applet"}` + "\n"
		bad  = `{"event_id":"r2","ts":"yesterday","session_id":1,"type":"session_created","session_type":"applet"}` + "\n"
	)
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	clock := func() time.Time { now = now.Add(time.Second); return now }
	source, sink := store.NewMemory(clock), store.NewMemory(clock)
	s := pipelinetest.Settings(t, source, sink)
	s.MaxRejected = 0.5
	in := &Inspector{s}
	want := func(what string, want ...Rejects) {
		t.Helper()
		if diff := cmp.Diff(want, keptRejects(t, in), cmp.AllowUnexported(Rejects{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	attempt := func() {
		t.Helper()
		pipelinetest.RunOnly(t, s, pipelinetest.TheDay, build.OnlyDue)
	}
	want("before anything")

	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", good+bad)
	attempt()
	digested := Rejects{Day: pipelinetest.Day, Name: pipelinetest.DayName, Rejected: map[string]int64{"bad_value": 1}}
	want("one of two", digested)

	refused := Rejects{Day: pipelinetest.Day, Name: pipelinetest.DayName, Refused: true, Rejected: map[string]int64{"bad_value": 2, "bad_json": 1}}
	pipelinetest.Put(t, source, "2026/11/20/b.ndjson", bad+"nonsense\n")
	attempt()
	want("three of four", refused)

	refused.Rejected = map[string]int64{"bad_value": 3}
	pipelinetest.Put(t, source, "2026/11/20/b.ndjson", bad+bad)
	attempt()
	want("others of four", refused)

	pipelinetest.Put(t, source, "2026/11/20/b.ndjson", good)
	attempt()
	want("one of three", digested)

	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", good)
	attempt()
	want("none of two")
	if all, err := in.Rejects(t.Context(), func(d day.Day) bool { return d != pipelinetest.Day }); err != nil || len(all) > 0 {
		t.Errorf("other days: %v, %v", all, err)
	}
}

func TestRejectsOf(t *testing.T) {
	in := &Inspector{published(t)}
	all, err := in.Rejects(t.Context(), everyDay)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d days with rejected lines, %v", len(all), err)
	}
	for i := range all {
		one, err := in.RejectsOf(t.Context(), all[i].Day)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&all[i], one, cmp.AllowUnexported(Rejects{})); diff != "" {
			t.Errorf("(-all +one):\n%s", diff)
		}
	}
	if none, err := in.RejectsOf(t.Context(), all[0].Day+1000); none != nil || err != nil {
		t.Errorf("a day without any: %+v, %v", none, err)
	}
}

// A sink whose directory does not exist yet has no rejects.
func TestRejectsOfANewDirectory(t *testing.T) {
	sink, err := store.NewDir(t.TempDir() + "/new")
	if err != nil {
		t.Fatal(err)
	}
	in := &Inspector{pipelinetest.Settings(t, store.NewMemory(nil), sink)}
	if all, err := in.Rejects(t.Context(), everyDay); err != nil || all != nil {
		t.Errorf("%v, %v", all, err)
	}
}
