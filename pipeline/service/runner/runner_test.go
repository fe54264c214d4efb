package runner_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/runs"
	"daybook/pipeline/service/alerts"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/runner"
	"daybook/pipeline/service/servicetest"
	"daybook/pipeline/service/tracker"
)

// A run that panics is recorded as failed, and has ended.
func TestPanicOfARun(t *testing.T) {
	w := servicetest.New()
	w.Days(t, 2)
	c := w.Settings(t, w.Sink)
	r := replica.New("a", slog.New(slog.DiscardHandler), prometheus.NewRegistry(), &c)
	known := tracker.New(r)
	looks := 0
	run := runner.New(r, known, alerts.New(r, known), func() error { looks++; return nil })
	err := run.Run(t.Context(), &runner.Order{
		Trigger: "test", Pipeline: c.Pipeline, Target: partition.Everything(),
		Allow: func(*plan.Step) bool { panic("no such thing") },
	})
	if err != nil || looks != 1 {
		t.Fatalf("%v, and %d looks", err, looks)
	}
	if p := known.Snapshot().Progress; p.Run != "" {
		t.Errorf("it is still under way: %+v", p)
	}
	records, err := runs.List(t.Context(), w.Sink, 1)
	if err != nil || len(records) != 1 || records[0].Outcome != runs.Failed || !strings.Contains(records[0].Error, "no such thing; this is a bug of daybook") {
		t.Errorf("it is recorded as %+v (%v)", records, err)
	}
}
