// Package metrics counts and measures what a replica does, for Prometheus. The names and
// labels are listed in the README of package service. Durations are in seconds, times in
// seconds since 1970, sizes in bytes. Nothing here returns an error.
package metrics

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/pipeline/runs"
	"daybook/sinks/publish"
)

// Metrics are the counters and histograms. The gauges that follow from the state are in
// [Collector]. No label is named job or instance, as Prometheus adds these
// itself.
type Metrics struct {
	looks         *prometheus.CounterVec
	lookSeconds   *prometheus.HistogramVec
	jobs          *prometheus.CounterVec
	jobSkipped    *prometheus.CounterVec
	jobDelay      *prometheus.HistogramVec
	runSeconds    *prometheus.HistogramVec
	stepSeconds   *prometheus.HistogramVec
	published     *prometheus.CounterVec
	rows, bytes   *prometheus.CounterVec
	lines         prometheus.Counter
	events        prometheus.Counter
	duplicates    prometheus.Counter
	rejected      *prometheus.CounterVec
	divided       *prometheus.CounterVec
	oversized     *prometheus.CounterVec
	dumpBytes     prometheus.Counter
	eventsASecond prometheus.Gauge
	reloads       *prometheus.CounterVec
	reloadedWell  prometheus.Gauge
	reloadedAt    prometheus.Gauge
	deliveries    *prometheus.CounterVec
}

// Buckets in seconds. A look takes up to a minute, a step half an hour, a run half a
// day, a delay one interval.
var (
	lookBuckets  = []float64{0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100}
	stepBuckets  = []float64{0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000}
	runBuckets   = []float64{1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000}
	delayBuckets = []float64{0.001, 0.01, 0.1, 1, 10, 60, 300}
)

// New registers the counters and histograms.
func New(reg prometheus.Registerer) *Metrics {
	m := new(Metrics)
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		reg.MustRegister(g)
		return g
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
		reg.MustRegister(h)
		return h
	}
	m.looks = counters("daybook_looks_total", "Looks (comparisons of the dumps with the published partitions), by outcome: ok or failed.", "outcome")
	m.lookSeconds = histogram("daybook_look_duration_seconds", "How long looks took.", lookBuckets)
	m.jobs = counters("daybook_jobs_total", "Jobs that the scheduler ran, by task (look, work or remove) and outcome: ok or failed.", "task", "outcome")
	m.jobSkipped = counters("daybook_jobs_skipped_total", "Jobs skipped at their tick because the previous one was still running, by task.", "task")
	m.jobDelay = histogram("daybook_job_delay_seconds", "Delay of the start of jobs against their schedule, by task.", delayBuckets, "task")
	m.runSeconds = histogram("daybook_run_duration_seconds", "How long runs took, by outcome: done, failed or interrupted.", runBuckets, "outcome")
	m.stepSeconds = histogram("daybook_step_duration_seconds", "How long the steps of runs took, by kind (digest, day or month) and outcome: done, failed, blocked or interrupted.", stepBuckets, "kind", "outcome")
	m.published = counters("daybook_published_partitions_total", "Days and months that got a new revision from this replica, by report, kind (day or month) and state: published for the first revision, restated for a later one.", "report", "kind", "state")
	m.rows = counters("daybook_rows_total", "Rows published by this replica, by report and kind (day or month).", "report", "kind")
	m.bytes = counters("daybook_bytes_total", "Bytes of Parquet files published by this replica, by report and kind (day or month).", "report", "kind")
	m.lines = counter("daybook_lines_total", "Lines read from dumps: events, duplicates, rejected and blank lines.")
	m.events = counter("daybook_events_total", "Events read, without duplicates.")
	m.duplicates = counter("daybook_duplicates_total", "Lines with an event that was read before.")
	m.rejected = counters("daybook_rejected_lines_total", "Lines rejected because they are not valid events, by reason.", "reason")
	m.divided = counters("daybook_divided_sessions_total", "Sessions in published days that are told as several, because they are silent for longer than the look-back, by report.", "report")
	m.oversized = counters("daybook_oversized_sessions_total", "Sessions without rows in published days, because they are larger than source.max_session_size, by report.", "report")
	m.dumpBytes = counter("daybook_dump_bytes_total", "Bytes read from dumps, as stored.")
	m.eventsASecond = gauge("daybook_events_per_second", "Events per second of the last run that read dumps, over the whole run.")
	m.reloads = counters("daybook_config_reloads_total", "Reloads of the configuration, by outcome: ok or refused.", "outcome")
	m.reloadedWell = gauge("daybook_config_last_reload_successful", "1 if the last reload of the configuration succeeded, 0 if it was refused.")
	m.reloadedAt = gauge("daybook_config_last_reload_success_timestamp_seconds", "When the configuration in force was loaded.")
	m.deliveries = counters("daybook_webhook_deliveries_total", "Attempts to deliver a message, by hook and outcome: ok, failed, or given_up for the last failed attempt.", "hook", "outcome")
	m.Reloaded(nil)
	return m
}

const (
	outcomeOK     = "ok"
	outcomeFailed = "failed"
)

func outcome(err error) string {
	if err != nil {
		return outcomeFailed
	}
	return outcomeOK
}

// Looked counts a look.
func (m *Metrics) Looked(took time.Duration, err error) {
	m.looks.WithLabelValues(outcome(err)).Inc()
	m.lookSeconds.WithLabelValues().Observe(took.Seconds())
}

// StepEnded counts a step, and what it published.
func (m *Metrics) StepEnded(done *build.Done, took time.Duration, interrupted bool) {
	result := "done"
	switch {
	case interrupted:
		result = "interrupted"
	case errors.As(done.Err, new(*build.Blocked)):
		result = "blocked"
	case done.Err != nil:
		result = outcomeFailed
	case done.ID.Kind != partition.Digest:
		if done.State == publish.Published || done.State == publish.Restated {
			m.published.WithLabelValues(done.ID.Report, string(done.ID.Kind), string(done.State)).Inc()
		}
		m.rows.WithLabelValues(done.ID.Report, string(done.ID.Kind)).Add(float64(done.Rows))
		m.bytes.WithLabelValues(done.ID.Report, string(done.ID.Kind)).Add(float64(done.Bytes))
		m.divided.WithLabelValues(done.ID.Report).Add(float64(done.Apart.Sessions))
		m.oversized.WithLabelValues(done.ID.Report).Add(float64(done.Oversized))
	}
	m.stepSeconds.WithLabelValues(string(done.ID.Kind), result).Observe(took.Seconds())
}

// RunEnded counts a run, and what it read. result is nil if the run could not begin.
func (m *Metrics) RunEnded(r *runs.Record, result *build.Result) {
	took := r.Ended.Sub(r.Begun).Seconds()
	if len(r.Steps) > 0 || r.Error != "" {
		m.runSeconds.WithLabelValues(r.Outcome).Observe(took)
	}
	if result == nil {
		return
	}
	a := &r.Accounting
	m.lines.Add(float64(a.Lines))
	m.events.Add(float64(a.Accepted))
	m.duplicates.Add(float64(a.Duplicates))
	for reason, n := range a.Rejected {
		m.rejected.WithLabelValues(reason).Add(float64(n))
	}
	m.dumpBytes.Add(float64(result.DumpBytes))
	if a.Lines > 0 && took > 0 {
		m.eventsASecond.Set(float64(a.Accepted) / took)
	}
}

// Reloaded counts a reload of the configuration. err is why it was refused; nil if it
// was not.
func (m *Metrics) Reloaded(err error) {
	if err != nil {
		m.reloads.WithLabelValues("refused").Inc()
		m.reloadedWell.Set(0)
		return
	}
	m.reloads.WithLabelValues(outcomeOK).Inc()
	m.reloadedWell.Set(1)
	m.reloadedAt.SetToCurrentTime()
}

// Delivered counts an attempt to deliver a message to a hook.
func (m *Metrics) Delivered(hook string, err error, gaveUp bool) {
	result := outcome(err)
	if gaveUp {
		result = "given_up"
	}
	m.deliveries.WithLabelValues(hook, result).Inc()
}
