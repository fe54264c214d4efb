package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"daybook/sources/store"
)

// Requests collects the numbers of requests to the stores.
type Requests struct{ Source, Sink *store.Requests }

var requestsDesc = prometheus.NewDesc("daybook_requests_total",
	"Requests to S3, by store (source or sink) and kind: get, head, list, put, put_if (with a condition), delete or other. Repeated ones count each time.",
	[]string{"store", "kind"}, nil)

// Describe implements prometheus.Collector.
func (r Requests) Describe(descs chan<- *prometheus.Desc) { descs <- requestsDesc }

// Collect implements prometheus.Collector.
func (r Requests) Collect(all chan<- prometheus.Metric) {
	for i, kind := range store.RequestKinds() {
		all <- prometheus.MustNewConstMetric(requestsDesc, prometheus.CounterValue, float64(r.Source.Sent(i)), "source", kind)
		all <- prometheus.MustNewConstMetric(requestsDesc, prometheus.CounterValue, float64(r.Sink.Sent(i)), "sink", kind)
	}
}
