package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"daybook/pipeline/partition"
	"daybook/pipeline/service/states"
)

// The gauges of the collector.
var (
	lastSuccess = prometheus.NewDesc("daybook_last_success_timestamp_seconds", "Time of the last publication, by report (empty for digests) and kind.", []string{"report", "kind"}, nil)
	lagSeconds  = prometheus.NewDesc("daybook_lag_seconds", "Seconds since the drop of the oldest unpublished partition that should be published by now; 0 if no partition is late. By report and kind (day or month).", []string{"report", "kind"}, nil)
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
	unread      = prometheus.NewDesc("daybook_unread_objects", "Objects of the source that look like dumps and are read for no day, as of the last listing of the whole source.", nil, nil)
	nextRuns    = prometheus.NewDesc("daybook_job_next_run_timestamp_seconds", "When the scheduler runs a job next, by task; 0 if it has lost the job.", []string{"task"}, nil)
)

// Reading is what the gauges show.
type Reading struct {
	Snapshot *states.Snapshot
	Looked   time.Time                   // when the last successful look began; zero before the first
	Queued   int                         // steps that the next run does
	Lag      map[states.Series]time.Time // the drop of the oldest partition that should be published by now
	NextRuns map[string]time.Time        // of the jobs; zero: the scheduler has lost it
}

// Collector computes gauges when Prometheus asks for them. The function reads what they
// show.
type Collector func() Reading

// Describe implements prometheus.Collector.
func (c Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lastSuccess, lagSeconds, partitions, lateCount, queueLength, openAlerts, lastLook, lookOK, leaseHeld, leaseNumber, aliveSince, stepsAtWork, verdicts, unread, nextRuns} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c Collector) Collect(ch chan<- prometheus.Metric) {
	now := c()
	state := now.Snapshot
	send := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	sendPartitions(send, "", partition.Digest, state.Digests)
	for i := range state.Reports {
		rep := &state.Reports[i]
		for _, word := range states.Words {
			send(verdicts, boolean(rep.Verdict.Word == word), rep.Name, string(word), string(word.Level()))
		}
		for kind, all := range map[partition.Kind][]states.Partition{partition.Day: rep.Days, partition.Month: rep.Months} {
			sendPartitions(send, rep.Name, kind, all)
			sendDelays(send, rep.Name, kind, all, now.Lag[states.Series{Report: rep.Name, Kind: kind}])
		}
	}
	send(queueLength, float64(now.Queued))
	open := map[string]int{states.AlertLate: 0, states.AlertFailed: 0, states.AlertSetAside: 0}
	for i := range state.Alerts {
		open[state.Alerts[i].Kind]++
	}
	for kind, n := range open {
		send(openAlerts, float64(n), kind)
	}
	send(lastLook, seconds(now.Looked))
	send(lookOK, boolean(state.Problem == "" && !now.Looked.IsZero()))
	send(leaseHeld, boolean(state.Lease.Mine))
	send(leaseNumber, float64(state.Lease.Generation))
	send(aliveSince, seconds(state.Lease.Since))
	send(unread, float64(state.Unread.Objects))
	send(stepsAtWork, float64(len(state.Running)))
	for name, next := range now.NextRuns {
		send(nextRuns, seconds(next), name)
	}
}

type sendGauge func(d *prometheus.Desc, v float64, labels ...string)

// sendPartitions sends the number of partitions by state, and the last publication.
func sendPartitions(send sendGauge, report string, kind partition.Kind, all []states.Partition) {
	var last time.Time
	counts := map[states.State]int{}
	for i := range all {
		counts[all[i].State]++
		if all[i].Published.After(last) {
			last = all[i].Published
		}
	}
	for _, state := range states.All { // each has a value, also if it is 0
		send(partitions, float64(counts[state]), report, string(kind), string(state))
	}
	send(lastSuccess, seconds(last), report, string(kind))
}

// sendDelays sends the lag and the number of late partitions. oldest is the drop of
// the oldest partition that should be published by now, or the zero time.
func sendDelays(send sendGauge, report string, kind partition.Kind, all []states.Partition, oldest time.Time) {
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
