package inspect

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/settings"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
)

// theDay is the partition that most tests look at.
var theDay = partition.DayID("sessions", pipelinetest.Day)

// restated publishes the day three times: with session 1, with 2 sessions, and with 3.
func restated(t *testing.T, source, sink store.Store) *settings.Pipeline {
	t.Helper()
	s := pipelinetest.Settings(t, source, sink)
	for i := range 3 {
		pipelinetest.Put(t, source, "2026/11/20/"+string(rune('a'+i))+".ndjson", pipelinetest.SessionLines(i+1))
		pipelinetest.Run(t, s, pipelinetest.TheDay)
	}
	return s
}

// published publishes the generated days.
func published(t *testing.T) *settings.Pipeline {
	t.Helper()
	s := pipelinetest.Settings(t, store.NewMemory(nil), store.NewMemory(nil))
	pipelinetest.Generate(t, s.Source, dump.Plain)
	pipelinetest.Run(t, s, partition.Days(day.Date(2026, time.November, 16), day.Date(2026, time.November, 21)))
	return s
}

// show shows a partition that is published.
func show(t *testing.T, in *Inspector, id partition.ID) *Shown {
	t.Helper()
	shown, err := in.Show(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

func TestShow(t *testing.T) {
	in := &Inspector{restated(t, store.NewMemory(nil), store.NewMemory(nil))}
	shown := show(t, in, theDay)
	if m := shown.Manifest; shown.ID != theDay || m.Report != "sessions" || m.Partition != pipelinetest.DayName || m.Revision != 3 ||
		shown.URL != "mem://reports/sessions/dt=2026-11-20/" || !slices.Equal(shown.Revisions, []int{1, 2, 3}) {
		t.Errorf("a day: %+v", shown)
	}
	digest := show(t, in, partition.DigestID(pipelinetest.Day))
	if m := digest.Manifest; m.Digest == nil || len(m.Inputs) != 3 || digest.URL != "mem://state/digests/dt=2026-11-20/" {
		t.Errorf("a digest: %+v", digest)
	}
	for _, c := range []struct {
		id  partition.ID
		dir string
	}{
		{partition.MonthID("sessions", pipelinetest.Day.Month()), "mem://reports_monthly/sessions/month=2026-11/"},
		{partition.DigestID(pipelinetest.Day + 1), "mem://state/digests/dt=2026-11-21/"},
	} {
		want := "there is nothing published in " + c.dir
		if _, err := in.Show(t.Context(), c.id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", c.id, err, want)
		}
	}
}

func TestDigested(t *testing.T) {
	in := &Inspector{restated(t, store.NewMemory(nil), store.NewMemory(nil))}
	for d, want := range map[day.Day]bool{pipelinetest.Day: true, pipelinetest.Day + 1: false} {
		if got, err := in.Digested(t.Context(), d); got != want || err != nil {
			t.Errorf("%s: %v, %v", d, got, err)
		}
	}
}

// The inputs of a day lead to the dumps. A digest that has changed since is marked.
func TestOrigins(t *testing.T) {
	source := store.NewMemory(nil)
	s := restated(t, source, store.NewMemory(nil))
	in := &Inspector{s}
	shown := show(t, in, theDay)
	origins, err := in.Origins(t.Context(), shown.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	if len(origins) != 1 || origins[0].Day != pipelinetest.DayName || origins[0].Changed || len(origins[0].Dumps) != 3 || origins[0].Dumps[2].Key != "2026/11/20/c.ndjson" {
		t.Errorf("%+v", origins)
	}
	pipelinetest.Put(t, source, "2026/11/20/d.ndjson", pipelinetest.SessionLines(4))
	pipelinetest.Run(t, s, pipelinetest.TheDay)
	origins, err = in.Origins(t.Context(), shown.Manifest)
	if err != nil || !origins[0].Changed || len(origins[0].Dumps) != 4 {
		t.Errorf("after another dump: %+v, %v", origins, err)
	}
	month := *shown.Manifest
	month.Inputs = slices.Clone(month.Inputs)
	month.Inputs[0].Key = "reports/sessions/dt=2026-11-20/"
	if _, err := in.Origins(t.Context(), &month); err == nil {
		t.Error("a month's inputs are taken for digests")
	}
}

func TestHistory(t *testing.T) {
	in := &Inspector{restated(t, store.NewMemory(nil), store.NewMemory(nil))}
	shown := show(t, in, theDay)
	for most, want := range map[int][]int{1: {3}, 2: {3, 2}, 9: {3, 2, 1}} {
		history, err := in.History(t.Context(), shown, most)
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
	// A revision that has been removed since is left out.
	shown.Revisions = []int{1, 2, 3}
	for key := range pipelinetest.Contents(t, in.Settings.Sink, true) {
		if strings.HasPrefix(key, "_history/reports/sessions/dt=2026-11-20/r2/") {
			pipelinetest.Delete(t, in.Settings.Sink, key)
		}
	}
	history, err := in.History(t.Context(), shown, 9)
	if err != nil || len(history) != 2 || history[1].Revision != 1 {
		t.Errorf("without revision 2: %d revisions, %v", len(history), err)
	}
}

// The summaries that a manifest names are the objects in the partition's directory
// of summaries.
func TestSummariesOfAManifest(t *testing.T) {
	in := &Inspector{published(t)}
	id := partition.DayID("emea", pipelinetest.Day)
	want := map[string]bool{}
	for key := range pipelinetest.Contents(t, in.Settings.Sink, false) {
		if path.Dir(key) == "summaries/emea/day/"+pipelinetest.DayName {
			want[key] = true
		}
	}
	got := map[string]bool{}
	for _, f := range show(t, in, id).Manifest.Summaries.Files {
		got[id.SummaryDir()+f.Name] = true
	}
	if len(want) == 0 || !maps.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
}

// A month counts while it is made of its days as they are: not after one of them was
// restated, nor after one is gone.
func TestMonths(t *testing.T) {
	sink := store.NewMemory(nil)
	s := restated(t, store.NewMemory(nil), sink)
	in := &Inspector{s}
	month := partition.MonthID("sessions", pipelinetest.Day.Month())
	current := func(what string, want ...day.Month) {
		t.Helper()
		listing, err := in.List(t.Context(), "sessions")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := in.CurrentMonths(t.Context(), listing.Months); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", what, got, err, want)
		}
	}
	current("before it is published")
	pipelinetest.Run(t, s, partition.WholeMonth(month.Month()))
	current("published", month.Month())
	old := pipelinetest.Contents(t, sink, true)[month.ManifestKey()]
	pipelinetest.Put(t, s.Source, "2026/11/20/late.ndjson", pipelinetest.SessionLines(7))
	pipelinetest.Run(t, s, pipelinetest.TheDay) // its month, too
	current("made again", month.Month())
	again := pipelinetest.Contents(t, sink, true)[month.ManifestKey()]
	pipelinetest.Put(t, sink, month.ManifestKey(), old)
	current("between its day and itself")
	pipelinetest.Put(t, sink, month.ManifestKey(), again)
	if err := sink.Delete(t.Context(), partition.DayID("sessions", pipelinetest.Day+1).ManifestKey()); err != nil {
		t.Fatal(err)
	}
	current("without a day")
}
