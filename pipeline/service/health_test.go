package service_test

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"daybook/pipeline/service"
	"daybook/pipeline/service/servicetest"
	"daybook/sources/store/faultstest"
)

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Days(t, 2)
		bad := make(chan struct{})
		w.Source = faultstest.New(w.Source, func(faultstest.Call) faultstest.Outcome {
			select {
			case <-bad:
				return faultstest.Outcome{Fault: faultstest.Drop}
			default:
				return faultstest.Outcome{}
			}
		})
		c := w.Settings(t, w.Sink)
		idle, err := service.New(service.Options{Config: c, Replica: "idle", Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		if h := idle.Health(); h.Ready || !says(h, "no look has finished yet") {
			t.Errorf("before the first look: %+v", h)
		}
		if err := idle.ShutdownScheduler(); err != nil {
			t.Fatal(err)
		}
		r := w.Start(t, "a", w.Sink)
		servicetest.At(t, "01 00:10:00")
		if h := r.Health(); !h.Ready {
			t.Errorf("after a look: %+v", h)
		}
		close(bad)
		servicetest.At(t, "01 00:16:00")
		if h := r.Health(); h.Ready || !says(h, "the last look failed") {
			t.Errorf("after a look that failed: %+v", h)
		}
		if state := r.Snapshot(); state.Problem == "" || len(state.Digests) == 0 {
			t.Errorf("the result of the earlier look is gone: %+v", state)
		}
		servicetest.At(t, "01 00:40:00")
		if h := r.Health(); !says(h, "the last successful look was") {
			t.Errorf("after no look for long: %+v", h)
		}
		if err := r.RemoveJob("work"); err != nil {
			t.Fatal(err)
		}
		if h := r.Health(); !says(h, "the scheduler has lost the job work") {
			t.Errorf("after a job was lost: %+v", h)
		}
	})
}

func says(h service.Health, reason string) bool {
	return strings.Contains(strings.Join(h.Reasons, "\n"), reason)
}
