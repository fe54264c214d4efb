package metrics_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/pipeline/service/metrics"
	"daybook/sources/store"
	"daybook/transform/day"
)

// The sessions that published days leave out or divide are counted by report; failed
// steps and digests add nothing.
func TestSessionsLeftOutAreCounted(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := metrics.New(reg)
	d := day.Date(2026, time.November, 20)
	for _, done := range []build.Done{
		{ID: partition.DayID("sessions", d), Apart: build.Apart{Sessions: 2, Lookback: 20}, Oversized: 1},
		{ID: partition.DayID("sessions", d+1), Apart: build.Apart{Sessions: 3, Lookback: 18}},
		{ID: partition.DayID("emea", d), Oversized: 4},
		{ID: partition.DayID("emea", d+1), Oversized: 8, Err: errors.New("disk full")},
		{ID: partition.DigestID(d), Oversized: 16},
	} {
		m.StepEnded(&done, time.Second, false)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if name := f.GetName(); name == "daybook_divided_sessions_total" || name == "daybook_oversized_sessions_total" {
			for _, metric := range f.GetMetric() {
				got[name+" "+metric.GetLabel()[0].GetValue()] = metric.GetCounter().GetValue()
			}
		}
	}
	want := map[string]float64{
		"daybook_divided_sessions_total emea": 0, "daybook_divided_sessions_total sessions": 5,
		"daybook_oversized_sessions_total emea": 4, "daybook_oversized_sessions_total sessions": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Requests are counted by store and kind. The kinds of a store stand in the order of
// store.RequestKinds.
func TestRequests(t *testing.T) {
	reg := prometheus.NewRegistry()
	var source, sink store.Requests
	reg.MustRegister(metrics.Requests{Source: &source, Sink: &sink})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer server.Close()
	s, err := store.NewS3(store.S3Options{Bucket: "bucket", Endpoint: server.URL, Region: "us-east-1", AccessKey: "a", SecretKey: "b", Requests: &sink})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := s.Delete(t.Context(), "key"); err != nil {
			t.Fatal(err)
		}
	}
	families, err := reg.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != "daybook_requests_total" {
		t.Fatal(families, err)
	}
	got := map[string]float64{}
	for _, metric := range families[0].GetMetric() {
		labels := map[string]string{}
		for _, l := range metric.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		got[labels["store"]+" "+labels["kind"]] = metric.GetCounter().GetValue()
	}
	want := map[string]float64{"sink delete": 3}
	for _, kind := range []string{"get", "head", "list", "put", "put_if", "other"} {
		want["sink "+kind] = 0
	}
	for _, kind := range store.RequestKinds() {
		want["source "+kind] = 0
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
