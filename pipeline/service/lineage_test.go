package service_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"daybook/pipeline/lineage"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/service/courier"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/servicetest"
	"daybook/sinks/webhook"
	"daybook/sources/store"
)

// catalog takes batches of events as the receiver of a service does.
type catalogOfData struct {
	sink   store.Store
	down   bool
	events []string // the event, the job and the run of each
}

func (c *catalogOfData) hook() replica.Hook {
	return replica.Hook{Name: courier.Hook, Events: []string{courier.Hook}, Deliver: func(ctx context.Context, e *webhook.Event) error {
		if c.down {
			return errors.New("no answer")
		}
		text, err := pipelinetest.ReadObject(ctx, c.sink, partition.LineageRoot+e.ID+".ndjson")
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			c.events = append(c.events, member(line, "eventType")+" "+member(line[strings.LastIndex(line, `"job":{`):], "name")+" "+member(line, "runId"))
		}
		return c.sink.Delete(ctx, partition.LineageRoot+e.ID+".ndjson")
	}}
}

// member is the first text that a line of JSON has under a name.
func member(line, name string) string {
	_, rest, _ := strings.Cut(line, `"`+name+`":"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// counts are the events by kind and job.
func (c *catalogOfData) counts() map[string]int {
	n := map[string]int{}
	for _, e := range c.events {
		n[e[:strings.LastIndexByte(e, ' ')]]++
	}
	return n
}

// The events of each run of a service are delivered. While the receiver is down, they wait
// in the sink, beyond the end of the process; alerts are delivered meanwhile.
func TestLineageIsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Days(t, 2)
		servicetest.At(t, "03 06:00:00")
		catalog := &catalogOfData{sink: w.Sink, down: true}
		c := w.Settings(t, w.Sink)
		c.Hooks = append(c.Hooks, catalog.hook())
		c.Lineage = &lineage.Producer{Namespace: "daybook", Version: "1", Source: w.Source.URL, Sink: w.Sink.URL}
		r := w.StartWith(t, "a", c)
		servicetest.At(t, "03 06:12:00")
		if m := w.Manifest(t, "sessions", "2000-01-02"); m == nil {
			t.Fatal("a receiver that is down keeps days from being published")
		}
		if len(catalog.events) > 0 {
			t.Fatalf("delivered %q", catalog.events)
		}
		w.SameNews(t, "late 2000-01-01", "late 2000-01-02", "recovered 2000-01-01", "recovered 2000-01-02")
		if err := r.Stop(); err != nil {
			t.Fatal(err)
		}
		servicetest.At(t, "03 06:30:00")
		catalog.down = false
		w.StartWith(t, "b", c)
		servicetest.At(t, "03 08:00:00")
		want := map[string]int{
			"START run": 1, "COMPLETE run": 1, "START digest": 2, "COMPLETE digest": 2, "START sessions.day": 2, "COMPLETE sessions.day": 2,
		}
		if got := catalog.counts(); !maps.Equal(got, want) {
			t.Errorf("delivered %v, want %v", got, want)
		}
		if sorted := slices.Sorted(slices.Values(catalog.events)); len(slices.Compact(sorted)) != len(catalog.events) {
			t.Errorf("delivered twice: %q", sorted)
		}
		w.Put(t, "2000/01/03/a.ndjson.gz", servicetest.Broken)
		servicetest.At(t, "04 06:30:00")
		if got := catalog.counts(); got["FAIL digest"] == 0 || got["FAIL digest"] != got["START digest"]-2 {
			t.Errorf("of a dump that cannot be read, delivered %v", got)
		}
	})
}
