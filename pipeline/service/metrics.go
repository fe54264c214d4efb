package service

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
)

// metrics are the counters and histograms. The gauges that follow from the state
// are in collector. No label is named job or instance, as Prometheus adds these
// itself.
type metrics struct {
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

func newMetrics(reg prometheus.Registerer) *metrics {
	m := new(metrics)
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
	m.jobs = counters("daybook_jobs_total", "Jobs that the scheduler ran, by task (look or work) and outcome: ok or failed.", "task", "outcome")
	m.jobSkipped = counters("daybook_jobs_skipped_total", "Jobs skipped at their tick because the previous one was still running, by task.", "task")
	m.jobDelay = histogram("daybook_job_delay_seconds", "Delay of the start of jobs against their schedule, by task.", delayBuckets, "task")
	m.runSeconds = histogram("daybook_run_duration_seconds", "How long runs took, by outcome: done, failed or interrupted.", runBuckets, "outcome")
	m.stepSeconds = histogram("daybook_step_duration_seconds", "How long the steps of runs took, by kind (digest, day or month) and outcome: done, failed, blocked or interrupted.", stepBuckets, "kind", "outcome")
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
	m.reloaded(nil)
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

func (m *metrics) stepEnded(done *build.Done, took time.Duration, interrupted bool) {
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
		m.divided.WithLabelValues(done.ID.Report).Add(float64(done.Apart.Sessions))
		m.oversized.WithLabelValues(done.ID.Report).Add(float64(done.Oversized))
	}
	m.stepSeconds.WithLabelValues(string(done.ID.Kind), result).Observe(took.Seconds())
}

func (m *metrics) runEnded(r *Run, result *build.Result) {
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

func (m *metrics) delivered(hook string, err error, gaveUp bool) {
	result := outcome(err)
	if gaveUp {
		result = "given_up"
	}
	m.deliveries.WithLabelValues(hook, result).Inc()
}

// The gauges of the collector.
var (
	lastSuccess = prometheus.NewDesc("daybook_last_success_timestamp_seconds", "Time of the last publication, by report (empty for digests) and kind.", []string{"report", "kind"}, nil)
	lagSeconds  = prometheus.NewDesc("daybook_lag_seconds", "Seconds since the drop of the oldest unpublished partition that should be published by now; 0 if there is none. By report and kind (day or month).", []string{"report", "kind"}, nil)
	partitions  = prometheus.NewDesc("daybook_partitions", "Partitions by report (empty for digests), kind and state: missing, waiting, queued, running, published, restated, stale, failed, set_aside or empty.", []string{"report", "kind", "state"}, nil)
	lateCount   = prometheus.NewDesc("daybook_late_partitions", "Unpublished partitions past their deadline, by report and kind (day or month).", []string{"report", "kind"}, nil)
	queueLength = prometheus.NewDesc("daybook_queue_length", "Number of steps that the next run does.", nil, nil)
	openAlerts  = prometheus.NewDesc("daybook_open_alerts", "Open alerts, by kind: late, failed or set_aside.", []string{"kind"}, nil)
	lastLook    = prometheus.NewDesc("daybook_last_look_timestamp_seconds", "When the last successful look began; 0 before the first.", nil, nil)
	lookOK      = prometheus.NewDesc("daybook_last_look_successful", "1 if the last look succeeded, 0 if it failed or none has finished.", nil, nil)
	leaseHeld   = prometheus.NewDesc("daybook_lease_held", "1 if this replica holds the lease, else 0.", nil, nil)
	leaseNumber = prometheus.NewDesc("daybook_lease_generation", "How often any replica has taken the lease.", nil, nil)
	aliveSince  = prometheus.NewDesc("daybook_alive_since_timestamp_seconds", "Since when some replica has been alive without a break; 0 if unknown.", nil, nil)
	stepsAtWork = prometheus.NewDesc("daybook_running_steps", "Steps under way on this replica.", nil, nil)
	verdicts    = prometheus.NewDesc("daybook_report_verdict", "1 for the verdict on a report, 0 for the others. The level is bad, busy or good.", []string{"report", "verdict", "level"}, nil)
	nextRuns    = prometheus.NewDesc("daybook_job_next_run_timestamp_seconds", "When the scheduler runs a job next, by task; 0 if it has lost the job.", []string{"task"}, nil)
)

// states are all states. Each has a value, also if it is 0.
var states = []PartitionState{Missing, Waiting, Queued, Building, Published, Restated, Stale, Failed, SetAside, Empty}

// collector computes gauges from the state when Prometheus asks for them.
type collector struct {
	tracker *tracker
	jobs    *jobs
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lastSuccess, lagSeconds, partitions, lateCount, queueLength, openAlerts, lastLook, lookOK, leaseHeld, leaseNumber, aliveSince, stepsAtWork, verdicts, nextRuns} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	state, ev, looked := c.tracker.snapshot(), c.tracker.lastEvaluation(), c.tracker.lastLook()
	send := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	queued, lag := 0, map[series]time.Time{}
	if ev != nil {
		queued, lag = ev.queued, ev.lag
	}
	sendPartitions(send, "", partition.Digest, state.Digests)
	for i := range state.Reports {
		rep := &state.Reports[i]
		for _, word := range Words {
			send(verdicts, boolean(rep.Verdict.Word == word), rep.Name, string(word), string(word.Level()))
		}
		for kind, all := range map[partition.Kind][]Partition{partition.Day: rep.Days, partition.Month: rep.Months} {
			sendPartitions(send, rep.Name, kind, all)
			sendDelays(send, rep.Name, kind, all, lag[series{rep.Name, kind}])
		}
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
	for _, name := range []string{lookName, workName} {
		send(nextRuns, seconds(c.jobs.nextRun(name)), name)
	}
}

type sendGauge func(d *prometheus.Desc, v float64, labels ...string)

// sendPartitions sends the number of partitions by state, and the last publication.
func sendPartitions(send sendGauge, report string, kind partition.Kind, all []Partition) {
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

// sendDelays sends the lag and the number of late partitions. oldest is the drop of
// the oldest partition that should be published by now, or the zero time.
func sendDelays(send sendGauge, report string, kind partition.Kind, all []Partition, oldest time.Time) {
	lag, late := 0.0, 0
	if !oldest.IsZero() {
		lag = time.Since(oldest).Seconds()
	}
	for i := range all {
		if all[i].Late {
			late++
		}
	}
	send(lagSeconds, lag, report, string(kind))
	send(lateCount, float64(late), report, string(kind))
}

// seconds is a time in seconds since 1970; 0 for the zero time.
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
