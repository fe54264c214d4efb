package pipeline

import (
	"context"
	"io"
	"strings"
	"testing"

	"daybook/sources/store"
)

// ahead is a store on which somebody else always has written the same summary
// just before, and never comes to say so in the manifest.
type ahead struct{ *store.Memory }

func (a ahead) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	if strings.HasPrefix(key, summaryRoot) && cond.IfAbsent {
		if _, err := a.Memory.Put(ctx, key, body, size, store.Condition{}); err != nil {
			return store.Object{}, err
		}
	}
	return a.Memory.Put(ctx, key, body, size, cond)
}

// Those who write the summaries of one manifest at the same time do not stop
// each other: what they write is the same.
func TestSameSummariesAtOnce(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1))
	run(t, newRunner(t, source, ahead{sink}), theDay(t))
	if again := run(t, newRunner(t, source, sink), theDay(t)); len(again.Steps) > 0 {
		t.Errorf("run again, there still was something to do: %+v", again.Steps)
	}
}
