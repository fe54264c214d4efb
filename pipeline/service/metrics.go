package service

import (
	"errors"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/prometheus/client_golang/prometheus"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
)

// metrics are what Prometheus is told. What can be read off the state is, when
// it is asked for; the rest is counted here. Prometheus itself names the labels
// job and instance, so none of these is named so.
type metrics struct {
	service *Service

	looks         *prometheus.CounterVec
	lookSeconds   *prometheus.HistogramVec
	jobs          *prometheus.CounterVec
	jobSkipped    *prometheus.CounterVec
	jobDelay      *prometheus.HistogramVec
	runSeconds    *prometheus.HistogramVec
	stepSeconds   *prometheus.HistogramVec
	rows, bytes   *prometheus.CounterVec
	lines         prometheus.Counter
	events        prometheus.Counter
	duplicates    prometheus.Counter
	rejected      *prometheus.CounterVec
	dumpBytes     prometheus.Counter
	eventsASecond prometheus.Gauge
	reloads       *prometheus.CounterVec
	reloadedWell  prometheus.Gauge
	reloadedAt    prometheus.Gauge
	deliveries    *prometheus.CounterVec
}

// Buckets of durations, in seconds. A look takes from milliseconds to a
// minute, a step to half an hour, a run to half a day, a delay to an interval.
var (
	lookBuckets  = []float64{0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100}
	stepBuckets  = []float64{0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000}
	runBuckets   = []float64{1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000}
	delayBuckets = []float64{0.001, 0.01, 0.1, 1, 10, 60, 300}
)

func newMetrics(s *Service, reg prometheus.Registerer) *metrics {
	m := &metrics{service: s}
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
	m.looks = counters("daybook_looks_total", "Looks at the dumps and at what is published, by outcome: ok or failed.", "outcome")
	m.lookSeconds = histogram("daybook_look_duration_seconds", "How long looks took.", lookBuckets)
	m.jobs = counters("daybook_jobs_total", "Jobs that the scheduler ran, by task (look or work) and outcome: ok or failed.", "task", "outcome")
	m.jobSkipped = counters("daybook_jobs_skipped_total", "Jobs that were not run at their tick, as the last one was still running, by task.", "task")
	m.jobDelay = histogram("daybook_job_delay_seconds", "How much later than planned the scheduler began its jobs, by task.", delayBuckets, "task")
	m.runSeconds = histogram("daybook_run_duration_seconds", "How long runs took, by outcome: done, failed or interrupted.", runBuckets, "outcome")
	m.stepSeconds = histogram("daybook_step_duration_seconds", "How long the steps of runs took, by kind (digest, day or month) and outcome: done, failed, blocked or interrupted.", stepBuckets, "kind", "outcome")
	m.rows = counters("daybook_rows_total", "Rows of the partitions that were published here, by report and kind (day or month).", "report", "kind")
	m.bytes = counters("daybook_bytes_total", "Bytes of the Parquet files that were published here, by report and kind (day or month).", "report", "kind")
	m.lines = counter("daybook_lines_total", "Lines of dumps that were read: events, duplicates, rejected and blank ones.")
	m.events = counter("daybook_events_total", "Events that were read, each counted once.")
	m.duplicates = counter("daybook_duplicates_total", "Lines that held an event that was read before.")
	m.rejected = counters("daybook_rejected_lines_total", "Lines that are no events, by reason.", "reason")
	m.dumpBytes = counter("daybook_dump_bytes_total", "Bytes of dumps that were read, as stored.")
	m.eventsASecond = gauge("daybook_events_per_second", "Events read per second in the last run that read dumps, over all of the run.")
	m.reloads = counters("daybook_config_reloads_total", "Times that the configuration was read again, by outcome: ok or refused.", "outcome")
	m.reloadedWell = gauge("daybook_config_last_reload_successful", "1 if the configuration in force is the one that was read last, 0 if that was refused.")
	m.reloadedAt = gauge("daybook_config_last_reload_success_timestamp_seconds", "When the configuration in force was read.")
	m.deliveries = counters("daybook_webhook_deliveries_total", "Attempts to deliver a webhook, by hook and outcome: ok, failed, or given_up for the last of a message that failed.", "hook", "outcome")
	m.reloaded(nil)
	reg.MustRegister(m)
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

func (m *metrics) looked(took time.Duration, err error) {
	m.looks.WithLabelValues(outcome(err)).Inc()
	m.lookSeconds.WithLabelValues().Observe(took.Seconds())
}

func (m *metrics) stepOver(done *build.Done, took time.Duration, interrupted bool) {
	result := "done"
	switch {
	case interrupted:
		result = "interrupted"
	case errors.As(done.Err, new(*build.Blocked)):
		result = "blocked"
	case done.Err != nil:
		result = outcomeFailed
	case done.ID.Kind != partition.Digest:
		m.rows.WithLabelValues(done.ID.Report, string(done.ID.Kind)).Add(float64(done.Rows))
		m.bytes.WithLabelValues(done.ID.Report, string(done.ID.Kind)).Add(float64(done.Bytes))
	}
	m.stepSeconds.WithLabelValues(string(done.ID.Kind), result).Observe(took.Seconds())
}

func (m *metrics) runOver(r *Run, result *build.Result) {
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

func (m *metrics) reloaded(err error) {
	if err != nil {
		m.reloads.WithLabelValues("refused").Inc()
		m.reloadedWell.Set(0)
		return
	}
	m.reloads.WithLabelValues(outcomeOK).Inc()
	m.reloadedWell.Set(1)
	m.reloadedAt.SetToCurrentTime()
}

func (m *metrics) delivery(hook string, err error, gaveUp bool) {
	result := outcome(err)
	if gaveUp {
		result = "given_up"
	}
	m.deliveries.WithLabelValues(hook, result).Inc()
}

// What is read off the state when it is asked for.
var (
	lastSuccess = prometheus.NewDesc("daybook_last_success_timestamp_seconds", "When a partition was published last, by report (empty for digests) and kind.", []string{"report", "kind"}, nil)
	lagSeconds  = prometheus.NewDesc("daybook_lag_seconds", "Seconds since the drop of the oldest partition that is due and not published; 0 if there is none. By report and kind (day or month).", []string{"report", "kind"}, nil)
	partitions  = prometheus.NewDesc("daybook_partitions", "Partitions by report (empty for digests), kind and state: missing, waiting, queued, running, published, restated, stale, failed, set_aside or empty.", []string{"report", "kind", "state"}, nil)
	latest      = prometheus.NewDesc("daybook_late_partitions", "Partitions whose deadline has passed, and that are not published, by report and kind (day or month).", []string{"report", "kind"}, nil)
	queueLength = prometheus.NewDesc("daybook_queue_length", "Steps that the next run does.", nil, nil)
	openAlerts  = prometheus.NewDesc("daybook_open_alerts", "Alerts that are open, by kind: late, failed or set_aside.", []string{"kind"}, nil)
	lastLook    = prometheus.NewDesc("daybook_last_look_timestamp_seconds", "When the last look that succeeded began; 0 before the first.", nil, nil)
	lookOK      = prometheus.NewDesc("daybook_last_look_successful", "1 if the last look succeeded, 0 if it failed or there was none.", nil, nil)
	leaseHeld   = prometheus.NewDesc("daybook_lease_held", "1 if this replica holds the lease and works, 0 if another one does.", nil, nil)
	leaseNumber = prometheus.NewDesc("daybook_lease_generation", "How often the lease was taken, by any replica.", nil, nil)
	aliveSince  = prometheus.NewDesc("daybook_alive_since_timestamp_seconds", "Since when there was a replica that works, without a break; 0 if that is not known.", nil, nil)
	stepsAtWork = prometheus.NewDesc("daybook_running_steps", "Steps under way here.", nil, nil)
	nextRuns    = prometheus.NewDesc("daybook_job_next_run_timestamp_seconds", "When the scheduler runs a job next, by task; 0 if it has forgotten it.", []string{"task"}, nil)
)

// states are all there are, so that each has a number, be it 0.
var states = []PartitionState{Missing, Waiting, Queued, Building, Published, Restated, Stale, Failed, SetAside, Empty}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lastSuccess, lagSeconds, partitions, latest, queueLength, openAlerts, lastLook, lookOK, leaseHeld, leaseNumber, aliveSince, stepsAtWork, nextRuns} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	s := m.service
	state, j, looked := s.State(), s.lastEvaluation(), s.lastLook()
	send := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	m.collectSeries(send, "", partition.Digest, state.Digests)
	for i := range state.Reports {
		rep := &state.Reports[i]
		for kind, all := range map[partition.Kind][]Partition{partition.Day: rep.Days, partition.Month: rep.Months} {
			m.collectSeries(send, rep.Name, kind, all)
			lag, late := 0.0, 0
			if j != nil {
				if drop, owed := j.lag[series{rep.Name, kind}]; owed {
					lag = time.Since(drop).Seconds()
				}
			}
			for i := range all {
				if all[i].Late {
					late++
				}
			}
			send(lagSeconds, lag, rep.Name, string(kind))
			send(latest, float64(late), rep.Name, string(kind))
		}
	}
	queued := 0
	if j != nil {
		queued = j.queued
	}
	send(queueLength, float64(queued))
	open := map[string]int{alertLate: 0, alertFailed: 0, alertSetAside: 0}
	for i := range state.Alerts {
		open[state.Alerts[i].Kind]++
	}
	for kind, n := range open {
		send(openAlerts, float64(n), kind)
	}
	send(lastLook, seconds(looked))
	send(lookOK, boolean(state.Problem == "" && !looked.IsZero()))
	send(leaseHeld, boolean(state.Lease.Mine))
	send(leaseNumber, float64(state.Lease.Generation))
	send(aliveSince, seconds(state.Lease.Since))
	send(stepsAtWork, float64(len(state.Running)))
	for name, job := range map[string]gocron.Job{lookName: s.lookJob(), workName: s.workJob()} {
		next, err := job.NextRun()
		if err != nil {
			next = time.Time{}
		}
		send(nextRuns, seconds(next), name)
	}
}

// collectSeries sends what there is to say of the partitions of one kind.
func (m *metrics) collectSeries(send func(*prometheus.Desc, float64, ...string), report string, kind partition.Kind, all []Partition) {
	var last time.Time
	counts := map[PartitionState]int{}
	for i := range all {
		counts[all[i].State]++
		if all[i].Published.After(last) {
			last = all[i].Published
		}
	}
	for _, state := range states {
		send(partitions, float64(counts[state]), report, string(kind), string(state))
	}
	send(lastSuccess, seconds(last), report, string(kind))
}

// seconds is a time as Prometheus has them; 0 is none.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
