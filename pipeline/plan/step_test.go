package plan_test

import (
	"maps"
	"slices"
	"testing"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/plan"
	"daybook/pipeline/settings"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
)

// inputsOf are the inputs of the due steps of the day's plan, by kind.
func inputsOf(t *testing.T, s *settings.Pipeline) map[partition.Kind]string {
	t.Helper()
	inputs := map[partition.Kind]string{}
	for _, step := range pipelinetest.Plan(t, s, pipelinetest.TheDay).Steps {
		if step.Due() {
			inputs[step.ID.Kind] += step.Inputs
		}
	}
	return inputs
}

// The hash of a step's inputs changes with everything that an attempt depends on, and
// with nothing else.
func TestInputs(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
	s := pipelinetest.OneReport(t, source, sink)
	first := inputsOf(t, s)
	if again := inputsOf(t, s); first[partition.Digest] == "" || first[partition.Day] == "" || !maps.Equal(first, again) {
		t.Fatalf("nothing has changed, but %v became %v", first, again)
	}
	changes := []struct {
		what   string
		change func()
		kinds  []partition.Kind
	}{
		{"another dump of the same name and size", func() { pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(2)) }, []partition.Kind{partition.Digest}},
		{"another limit", func() { s.MaxRejected /= 2 }, []partition.Kind{partition.Digest}},
		{"another definition", func() { s.Reports[0].Hash += "x" }, []partition.Kind{partition.Day}},
	}
	for _, c := range changes {
		before := inputsOf(t, s)
		c.change()
		after := inputsOf(t, s)
		for _, kind := range []partition.Kind{partition.Digest, partition.Day} {
			want := slices.Contains(c.kinds, kind)
			if changed := before[kind] != after[kind]; changed != want {
				t.Errorf("%s: the inputs of the %s changed: %v, want %v", c.what, kind, changed, want)
			}
		}
	}
}

// A step says what is published of its partition.
func TestStepsSayWhatIsPublished(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1, 2))
	s := pipelinetest.OneReport(t, source, sink)
	ids := []partition.ID{partition.DigestID(pipelinetest.Day), partition.DayID("sessions", pipelinetest.Day)}
	for _, id := range ids {
		if info := pipelinetest.Step(t, s, id).ManifestInfo; info != (catalog.ManifestInfo{}) {
			t.Errorf("%s, with nothing published: %+v", id, info)
		}
	}
	pipelinetest.Run(t, s, pipelinetest.TheDay)
	objects := map[string]store.Object{}
	for object, err := range sink.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		objects[object.Key] = object
	}
	for _, id := range ids {
		bytes := pipelinetest.Manifest(t, sink, id).PartsSize()
		step, object := pipelinetest.Step(t, s, id), objects[id.ManifestKey()]
		if step.Revision != 1 || step.Rows != 2 || step.Sessions != 2 || step.Bytes != bytes || bytes == 0 || !step.Modified.Equal(object.Modified) || step.ETag != object.ETag {
			t.Errorf("%s: %+v", id, step)
		}
	}
}

// A first revision says that it is the first one; every other says what has changed.
func TestCause(t *testing.T) {
	d := day.Date(2026, 11, 20)
	for _, c := range []struct {
		step plan.Step
		want string
	}{
		{plan.Step{ID: partition.DayID("sessions", d), Status: plan.Missing, Reasons: []string{"not published yet"}}, "first publication"},
		{plan.Step{ID: partition.MonthID("sessions", d.Month()), Status: plan.Missing, Reasons: []string{"not published yet"}}, "first publication"},
		{plan.Step{ID: partition.DigestID(d), Status: plan.Missing, Dumps: make([]dump.Dump, 2)}, "first digest of 2 dumps"},
		{plan.Step{ID: partition.DayID("sessions", d), Status: plan.Missing, Reasons: []string{"its manifest is damaged"}}, "its manifest is damaged"},
		{plan.Step{ID: partition.DayID("sessions", d), Status: plan.Stale, Reasons: []string{"engine 1 → 2", "unit changed"}}, "engine 1 → 2; unit changed"},
		{plan.Step{ID: partition.DayID("sessions", d), Status: plan.Fresh}, "built again on request"},
	} {
		if got := c.step.Cause(); got != c.want {
			t.Errorf("%s, %s: %q, want %q", c.step.ID, c.step.Status, got, c.want)
		}
	}
}
