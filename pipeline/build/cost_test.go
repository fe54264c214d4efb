package build_test

import (
	"context"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/sources/generate"
	"daybook/sources/store"
	"daybook/transform/day"
)

// counting counts the bytes that are read from a store, by key.
type counting struct {
	*store.Memory
	read map[string]int64
}

func (c *counting) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	body, object, err := c.Memory.Open(ctx, key, offset, length, ifMatch)
	if err != nil {
		return nil, object, err
	}
	return &countingBody{body, c, key}, object, nil
}

type countingBody struct {
	io.ReadCloser
	c   *counting
	key string
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.c.read[b.key] += int64(n)
	return n, err
}

// total is the bytes that were read of all keys.
func (c *counting) total() (n int64) {
	for _, bytes := range c.read {
		n += bytes
	}
	return n
}

// The run of a day reads its dumps, and of all other objects at most 18 % as many
// bytes: mostly the manifests and indexes of the digests that its sessions may reach,
// twice the look-back on each side. A new report reads no dumps.
func TestCost(t *testing.T) {
	const days = 61
	from := day.Date(2026, time.September, 1) // to 31 October, a Saturday
	last := from + days - 2                   // a Friday
	dumps := pipelinetest.Dumps(t, generate.Options{Seed: 1, From: from, Days: days, SessionsPerDay: 400})
	source := &counting{store.NewMemory(nil), map[string]int64{}}
	sink := &counting{store.NewMemory(nil), map[string]int64{}}
	before := func(key string) bool { d, _ := pipelinetest.Template.Day(key); return d < last }
	ofLast := func(key string) bool { d, _ := pipelinetest.Template.Day(key); return d == last }
	pipelinetest.PutDumps(t, source, dumps, before)
	s := pipelinetest.Settings(t, source, sink)
	s.Reports, s.Budget = s.Reports[:1], parallel.NewBudget(1, 0) // counting is for one request at a time
	pipelinetest.Run(t, s, partition.Everything())

	pipelinetest.PutDumps(t, source, dumps, ofLast)
	bytes := int64(0)
	for key, b := range dumps {
		if ofLast(key) {
			bytes += int64(len(b))
		}
	}
	clear(source.read)
	clear(sink.read)
	pipelinetest.Run(t, s, partition.Days(last, last))
	for key := range source.read {
		if !ofLast(key) {
			t.Errorf("%s was read", key)
		}
	}
	share := 100 * float64(sink.total()) / float64(bytes)
	t.Logf("%s has %d bytes of dumps; its run read %d bytes beside them, %.1f %%", last, bytes, sink.total(), share)
	if source.total() != bytes || share > 18 {
		t.Errorf("read %d of %d bytes of dumps, and %.1f %% as much beside", source.total(), bytes, share)
		for _, key := range slices.SortedFunc(maps.Keys(sink.read), func(a, b string) int { return int(sink.read[b] - sink.read[a]) })[:20] {
			t.Logf("%8d %s", sink.read[key], key)
		}
	}

	clear(source.read)
	s.Reports = append(s.Reports, pipelinetest.Reports(t)[1])
	if result := pipelinetest.Run(t, s, partition.Everything()); len(result.Steps) < days-1 {
		t.Errorf("the new report got %d partitions", len(result.Steps))
	}
	if n := source.total(); n != 0 {
		t.Errorf("a new report read %d bytes of dumps", n)
	}
}
