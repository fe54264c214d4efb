package catalog_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"testing"

	"daybook/pipeline/build"
	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/plan"
	"daybook/sources/store"
)

// requests notes what a store is asked for.
type requests struct {
	store.Store
	mu           sync.Mutex
	lists, opens []string
}

func (r *requests) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lists = append(r.lists, prefix)
	return r.Store.List(ctx, prefix)
}

func (r *requests) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	r.mu.Lock()
	r.opens = append(r.opens, key)
	r.mu.Unlock()
	return r.Store.Open(ctx, key, offset, length, ifMatch)
}

// With a cache, a manifest or a note of a failure is read once, and again when it has
// changed. The plan is the same as without a cache.
// It has more than 60 lines because it follows one cache through all changes.
func TestCache(t *testing.T) {
	source, sink := store.NewMemory(nil), &requests{Store: store.NewMemory(nil)}
	for d := 20; d <= 30; d++ {
		pipelinetest.Put(t, source, fmt.Sprintf("2026/11/%d/a.ndjson", d), pipelinetest.SessionLines(d))
	}
	s := pipelinetest.Settings(t, source, sink)
	b := &build.Builder{Settings: s, Cache: catalog.NewCache()}
	cached := func(target partition.Target) *plan.Plan {
		t.Helper()
		p, err := plan.Make(t.Context(), &catalog.Reader{Settings: s, Cache: b.Cache}, target)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	look := func(what string, target partition.Target, opened ...string) {
		t.Helper()
		sink.opens = nil
		got := cached(target)
		opens := slices.Sorted(slices.Values(sink.opens))
		want := pipelinetest.Plan(t, s, target)
		if got, want := pipelinetest.PlanText(got), pipelinetest.PlanText(want); got != want {
			t.Errorf("%s:\n%s\nwithout a cache:\n%s", what, got, want)
		}
		if len(got.Steps) == 0 || len(got.Steps) != len(want.Steps) {
			t.Fatalf("%s: %d steps, and %d without a cache", what, len(got.Steps), len(want.Steps))
		}
		for i := range got.Steps {
			got, want := got.Steps[i], want.Steps[i]
			modified := got.Modified.Equal(want.Modified)
			got.Modified = want.Modified
			if got.ManifestInfo != want.ManifestInfo || !modified {
				t.Errorf("%s, %s:\n%+v\n%+v", what, got.ID, got, want)
			}
		}
		if !slices.Equal(opens, opened) {
			t.Errorf("%s: it opened %q, want %q", what, opens, opened)
		}
	}
	look("nothing published", partition.Everything())
	pipelinetest.RunBuilder(t, b, partition.Everything())
	cached(partition.Everything())
	look("everything known", partition.Everything())
	look("a day known", pipelinetest.TheDay)

	notes := []string{"state/failed/day/sessions/2026-11-20.json", "state/failed/digest/-/2026-11-20.json"}
	for _, key := range notes {
		pipelinetest.Put(t, sink, key, `{"error":"the disk is full"}`)
	}
	look("failures", partition.Everything(), notes...)
	look("failures known", partition.Everything())
	pipelinetest.Put(t, sink, notes[0], `{"error":"the disk is gone"}`)
	look("another failure", partition.Everything(), notes[0])
	for _, key := range notes {
		if err := sink.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	look("no failure any more", partition.Everything())

	pipelinetest.Put(t, source, "2026/11/21/b.ndjson", pipelinetest.SessionLines(121))
	other := pipelinetest.Settings(t, source, sink) // another process
	pipelinetest.Run(t, other, partition.Everything())
	restated := []string{"_manifests/state/digests/dt=2026-11-21.json"}
	for _, name := range []string{"emea", "sessions"} { // every day has this one in its window
		for d := 20; d <= 30; d++ {
			restated = append(restated, fmt.Sprintf("_manifests/reports/%s/dt=2026-11-%d.json", name, d))
		}
	}
	slices.Sort(restated)
	look("restated by another", partition.Everything(), restated...)
	look("and known again", partition.Everything())

	// The text of an earlier definition is not kept while that is the report's.
	s.Reports[0].Hash, s.Reports[0].Text = "another", map[string]string{"timezone": "UTC"}
	sink.opens = nil
	steps := cached(pipelinetest.TheDay).Steps
	stale := slices.IndexFunc(steps, func(s plan.Step) bool { return s.ID == partition.DayID("sessions", pipelinetest.Day) })
	if s := steps[stale]; len(sink.opens) != 11 || s.Status != plan.Stale {
		t.Errorf("%+v; it opened %q", s, sink.opens)
	}
	look("a new definition", pipelinetest.TheDay)
}

// A catalog takes few listings, and reads only manifests that were listed.
func TestRequests(t *testing.T) {
	source, sink := &requests{Store: store.NewMemory(nil)}, &requests{Store: store.NewMemory(nil)}
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
	pipelinetest.Plan(t, pipelinetest.OneReport(t, source, sink), pipelinetest.TheDay)
	slices.Sort(sink.lists)
	if want := []string{
		"_manifests/reports/sessions/dt=2026-11-20", "_manifests/reports_monthly/sessions/month=2026-11",
		"_manifests/state/digests/dt=2026-10-", "_manifests/state/digests/dt=2026-11-", "_manifests/state/digests/dt=2026-12-",
		"reports/sessions/dt=2026-11-20/",
		"reports/sessions_monthly/month=2026-11/", // where version 0.1.0 had months
		"reports_monthly/sessions/month=2026-11/",
		"state/digests/dt=2026-10-", "state/digests/dt=2026-11-", "state/digests/dt=2026-12-", "state/failed/",
		"summaries/sessions/day/2026-11-20/", "summaries/sessions/month/2026-11/",
	}; !slices.Equal(sink.lists, want) || len(sink.opens) > 0 {
		t.Errorf("lists %q, opens %q", sink.lists, sink.opens)
	}
}
