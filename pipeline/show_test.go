package pipeline

import (
	"slices"
	"strings"
	"testing"

	"daybook/sources/store"
)

func TestShow(t *testing.T) {
	source := store.NewMemory(nil)
	r := restated(t, source, store.NewMemory(nil))
	shown, err := r.Show(t.Context(), "sessions", day20)
	if err != nil {
		t.Fatal(err)
	}
	if m := shown.Manifest; shown.Kind != Day || m.Report != "sessions" || m.Partition != day20 || m.Revision != 3 ||
		shown.URL != "mem://reports/sessions/dt=2026-11-20/" || !slices.Equal(shown.Revisions, []int{1, 2, 3}) {
		t.Errorf("a day: %+v", shown)
	}
	digest, err := r.Show(t.Context(), "", day20)
	if err != nil {
		t.Fatal(err)
	}
	if m := digest.Manifest; digest.Kind != Digest || m.Digest == nil || len(m.Inputs) != 3 || digest.URL != "mem://state/digests/dt=2026-11-20/" {
		t.Errorf("a digest: %+v", digest)
	}
	for _, c := range []struct{ report, partition, want string }{
		{"sessions", "2026-11", "there is nothing published in mem://reports/sessions_monthly/month=2026-11/"},
		{"", "2026-11-21", "there is nothing published in mem://state/digests/dt=2026-11-21/"},
		{"", "2026-11", `"2026-11" is no partition`},
		{"sessions", "", `"" is no partition`},
	} {
		if _, err := r.Show(t.Context(), c.report, c.partition); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %q: %v, want %s", c.report, c.partition, err, c.want)
		}
	}
}

// The inputs of a day lead to the dumps: as they were, or with a word of warning.
func TestOrigins(t *testing.T) {
	source := store.NewMemory(nil)
	r := restated(t, source, store.NewMemory(nil))
	shown, err := r.Show(t.Context(), "sessions", day20)
	if err != nil {
		t.Fatal(err)
	}
	origins, err := r.Origins(t.Context(), shown.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	if len(origins) != 1 || origins[0].Day != day20 || origins[0].Changed || len(origins[0].Dumps) != 3 || origins[0].Dumps[2].Key != "2026/11/20/c.ndjson" {
		t.Errorf("%+v", origins)
	}
	put(t, source, "2026/11/20/d.ndjson", sessionLines(4))
	run(t, r, theDay(t))
	origins, err = r.Origins(t.Context(), shown.Manifest)
	if err != nil || !origins[0].Changed || len(origins[0].Dumps) != 4 {
		t.Errorf("after another dump: %+v, %v", origins, err)
	}
	month := *shown.Manifest
	month.Inputs = slices.Clone(month.Inputs)
	month.Inputs[0].Key = "reports/sessions/dt=2026-11-20/"
	if _, err := r.Origins(t.Context(), &month); err == nil {
		t.Error("a month's inputs are taken for digests")
	}
}
