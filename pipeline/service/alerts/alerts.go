// Package alerts opens and closes alerts, and sends events to the hooks: late, failed,
// restated, recovered and published.
//
// The open alerts and the outbox are part of the controller state, so that another
// replica can continue with them. Only the holder of the lease updates alerts and
// delivers. An event has the same id on every replica.
package alerts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/evaluation"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/states"
	"daybook/pipeline/service/tracker"
	"daybook/sinks/webhook"
)

// The kinds of events.
const (
	eventLate      = "late"
	eventFailed    = "failed"
	eventRestated  = "restated"
	eventRecovered = "recovered"
	eventPublished = "published"
)

// Alerter opens and closes alerts, and reports what runs publish and restate. It puts the events into the
// outbox, from which Deliver delivers them.
type Alerter struct {
	replica *replica.Replica
	tracker *tracker.Tracker
	posted  replica.Signal // the outbox may have messages

	pending controller.Pending[webhook.Event] // not in the outbox yet: restatements, and what runs published
}

// New makes the alerter of a replica.
func New(r *replica.Replica, t *tracker.Tracker) *Alerter {
	return &Alerter{replica: r, tracker: t, posted: replica.NewSignal()}
}

// Update opens and closes alerts according to a look. Only the holder of the
// lease calls it.
func (a *Alerter) Update(ctx context.Context, ev *evaluation.Evaluation) error {
	if err := a.Post(ctx); err != nil {
		return err
	}
	snapshot, hooks := a.tracker.Snapshot(), a.replica.Config.Load().Hooks
	cs, err := a.replica.Controller.Edit(ctx, func(cs *controller.State) {
		dropRetries(cs, ev.Steps)
		cs.Outbox.DropUnknown(namesOf(hooks))
		for _, e := range change(cs, look{ev.Now, ev.Steps, snapshot}) {
			cs.Outbox.Post(e, wanting(e.Event, hooks))
		}
		postDeliveries(cs, hooks, snapshot, ev.Now)
	})
	if err != nil {
		return err
	}
	a.tracker.SetAlerts(ev, cs.OpenAlerts())
	if len(cs.Outbox) > 0 {
		a.posted.Send()
	}
	return nil
}

// Restated keeps the event of a restatement until Post.
func (a *Alerter) Restated(done *build.Done) {
	e := webhook.Event{
		Event: eventRestated, Report: done.ID.Report, Kind: string(done.ID.Kind), Partition: done.ID.Name(), Revision: done.Revision,
		Text: fmt.Sprintf("%s is restated, revision %d: %s", nameOf(done.ID), done.Revision, done.Reason),
		Time: time.Now().UTC(),
	}
	e.ID = hashOf(e.Event, keyText(done.ID), fmt.Sprint(done.Revision))
	a.pending.Add(e)
}

// Post puts the events of Restated and Published into the outbox. If the write fails,
// they are kept for the next call.
func (a *Alerter) Post(ctx context.Context) error {
	done, err := a.pending.Flush(func(events []webhook.Event) error {
		hooks := a.replica.Config.Load().Hooks
		_, err := a.replica.Controller.Edit(ctx, func(cs *controller.State) {
			for _, e := range combineRestatements(events) {
				cs.Outbox.Post(e, wanting(e.Event, hooks))
			}
		})
		return err
	})
	if done {
		a.posted.Send()
	}
	return err
}

// Posted has Deliver look at the outbox.
func (a *Alerter) Posted() { a.posted.Send() }

// dropRetries removes the retry states of steps that have succeeded, or that the
// plan no longer has.
func dropRetries(cs *controller.State, steps map[partition.ID]*plan.Step) {
	for id := range cs.Retries {
		if step := steps[id]; step == nil || step.Status == plan.Fresh || step.Status == plan.Newer {
			delete(cs.Retries, id)
		}
	}
}

// look is what the alerts follow from, beside the retry states.
type look struct {
	began    time.Time
	steps    map[partition.ID]*plan.Step
	snapshot *states.Snapshot
}

// change opens and closes the alerts of the controller state, and returns the events
// about it.
func change(cs *controller.State, l look) []webhook.Event {
	open := l.alerts(cs.Retries)
	combineNew(cs.Alerts, open)
	return l.replace(cs.Alerts, open)
}

// alerts are the alerts that should be open, by id.
func (l look) alerts(retries map[partition.ID]*controller.Retry) map[string]*states.Alert {
	open := map[string]*states.Alert{}
	add := func(group, kind string, of partition.ID, text string, since time.Time) {
		id := group + ":" + keyText(of)
		open[id] = &states.Alert{ID: id, Kind: kind, Report: of.Report, Partition: of.Name(), What: of.Kind, Text: text, Since: since.UTC()}
	}
	for i := range l.snapshot.Reports {
		for _, partitions := range [][]states.Partition{l.snapshot.Reports[i].Days, l.snapshot.Reports[i].Months} {
			for i := range partitions {
				if p := &partitions[i]; p.Late {
					add(states.AlertLate, states.AlertLate, p.ID, lateText(p), p.Deadline)
				}
			}
		}
	}
	for id, retry := range retries {
		step := l.steps[id]
		if step == nil {
			continue
		}
		if retry.SetAside {
			add(states.AlertFailed, states.AlertSetAside, id,
				fmt.Sprintf("%s failed %d times and is set aside until its inputs change or it is retried: %s", nameOf(id), retry.Failures, controller.FailureText(step)), retry.Since)
		} else {
			add(states.AlertFailed, states.AlertFailed, id, fmt.Sprintf("%s failed and will be retried: %s", nameOf(id), controller.FailureText(step)), retry.Since)
		}
	}
	return open
}

const momentLayout = "2006-01-02 15:04 MST"

func lateText(p *states.Partition) string {
	text := fmt.Sprintf("%s is late: its deadline was %s", nameOf(p.ID), p.Deadline.Format(momentLayout))
	if len(p.Reasons) > 0 {
		text += "; " + p.Reasons[0]
	}
	return text
}

// nameOf names a partition or digest in a sentence.
func nameOf(id partition.ID) string {
	if id.Kind == partition.Digest {
		return "the digest of " + id.Name()
	}
	return id.Report + " " + id.Name()
}

// keyText is a partition in the ids of alerts and events.
func keyText(id partition.ID) string {
	text, _ := id.MarshalText() // it never fails
	return string(text)
}

// replace replaces the alerts by those that should be open, and returns the events about
// the change.
func (l look) replace(alerts, open map[string]*states.Alert) []webhook.Event {
	var events []webhook.Event
	for id, next := range open {
		last := alerts[id]
		if last != nil {
			next.Since = last.Since
		}
		// A combined alert is sent again when its number has doubled.
		if last != nil && last.Kind == next.Kind && (next.Told == 0 || next.Told < 2*last.Told) {
			next.Told = min(next.Told, last.Told)
		} else {
			kind := eventFailed
			if next.Kind == states.AlertLate {
				kind = eventLate
			}
			events = append(events, eventOf(next, kind, next.Text+verdictText(l.snapshot, next.Report), l.began))
		}
		alerts[id] = next
	}
	for id, last := range alerts {
		if open[id] != nil {
			continue
		}
		delete(alerts, id)
		text := recoveryText(last, l.snapshot)
		if last.Told > 0 {
			text = combinedRecoveryText(last, open)
		}
		if text != "" {
			events = append(events, eventOf(last, eventRecovered, text+verdictText(l.snapshot, last.Report), l.began))
		}
	}
	return events
}

// verdictText is the verdict on a report at the end of an event's text. It is empty
// for a digest, which belongs to no report.
func verdictText(s *states.Snapshot, report string) string {
	for i := range s.Reports {
		if v := &s.Reports[i].Verdict; s.Reports[i].Name == report {
			text := fmt.Sprintf("; %s is %s", report, v.Word)
			if v.Do != "" {
				text += "; to do: " + v.Do
			}
			return text
		}
	}
	return ""
}

// recoveryText says how an alert has ended; empty if its partition no longer
// exists.
func recoveryText(a *states.Alert, s *states.Snapshot) string {
	period, err := partition.ParsePeriod(a.What, a.Partition)
	if err != nil { // stored by an older version, about something else
		return ""
	}
	id := partition.ID{Report: a.Report, Kind: a.What, Period: period}
	name, p := nameOf(id), s.Find(id)
	switch {
	case p == nil:
		return ""
	case a.Kind != states.AlertLate:
		return name + " failed before and has now succeeded"
	case p.Revision > 0:
		return name + " was late and is now published"
	}
	return name + " is no longer late"
}

func eventOf(a *states.Alert, kind, text string, now time.Time) webhook.Event {
	return webhook.Event{
		ID: hashOf(kind, a.Kind, a.ID, a.Since.Format(time.RFC3339Nano), fmt.Sprint(a.Told)), Event: kind,
		Report: a.Report, Kind: string(a.What), Partition: a.Partition, Text: text, Time: now.UTC(),
	}
}

// hashOf makes the id of an event. Every replica makes the same id for the same
// event.
func hashOf(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%q ", p)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
