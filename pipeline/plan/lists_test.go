package plan_test

import (
	"context"
	"iter"
	"slices"
	"sync"
	"testing"

	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/sources/store"
)

// listed notes the prefixes that are listed.
type listed struct {
	store.Store
	mu       sync.Mutex
	prefixes []string
}

func (l *listed) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.prefixes = append(l.prefixes, prefix)
	return l.Store.List(ctx, prefix)
}

// The plan of a day lists each prefix once. Partitions have two: a partition exists by
// its manifest, and the listing of its files shows that one is lost. Months have a third
// one, where version 0.1.0 had them.
func TestListingsOfADay(t *testing.T) {
	source, sink := &listed{Store: store.NewMemory(nil)}, &listed{Store: store.NewMemory(nil)}
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1, 2))
	s := pipelinetest.OneReport(t, source, sink)
	s.Lookback = 6 // the window is 8 November to 2 December
	pipelinetest.Run(t, s, pipelinetest.TheDay)
	source.prefixes, sink.prefixes = nil, nil
	pipelinetest.Plan(t, s, partition.Days(pipelinetest.Day, pipelinetest.Day))
	slices.Sort(source.prefixes)
	slices.Sort(sink.prefixes)
	if want := []string{"2026/11/", "2026/12/"}; !slices.Equal(source.prefixes, want) {
		t.Errorf("the plan lists %q of the source, want %q", source.prefixes, want)
	}
	want := []string{
		"_manifests/reports/sessions/dt=2026-11-20", "_manifests/reports_monthly/sessions/month=2026-11",
		"_manifests/state/digests/dt=2026-11-", "_manifests/state/digests/dt=2026-12-",
		"reports/sessions/dt=2026-11-20/", "reports/sessions_monthly/month=2026-11/", "reports_monthly/sessions/month=2026-11/",
		"state/digests/dt=2026-11-", "state/digests/dt=2026-12-", "state/failed/",
		"summaries/sessions/day/2026-11-20/", "summaries/sessions/month/2026-11/",
	}
	if !slices.Equal(sink.prefixes, want) {
		t.Errorf("the plan lists %q of the sink, want %q", sink.prefixes, want)
	}
}
