package service

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/words"
)

// The kinds of alerts.
const (
	alertLate     = "late"
	alertFailed   = "failed"
	alertSetAside = "set_aside"
)

// alerter opens and closes alerts, and reports restatements. It puts the events
// into the outbox, from which the notifier delivers them.
type alerter struct {
	config     *activeConfig
	controller *controllerStore
	tracker    *tracker
	posted     signal // there may be new messages in the outbox

	restatements pending[Event] // not in the outbox yet
}

// update opens and closes alerts according to a look. Only the holder of the
// lease calls it.
func (a *alerter) update(ctx context.Context, ev *evaluation) error {
	if err := a.postRestatements(ctx); err != nil {
		return err
	}
	state, hooks := a.tracker.snapshot(), a.config.Load().Hooks
	cs, err := a.controller.edit(ctx, func(cs *controllerState) {
		ev.dropRetries(cs)
		cs.dropUnknownHooks(hooks)
		open := ev.alerts(cs, state)
		cs.combineNew(open)
		for _, e := range cs.updateAlerts(open, ev, state) {
			cs.post(e, hooks)
		}
	})
	if err != nil {
		return err
	}
	a.tracker.setAlerts(ev, cs.alerts())
	if len(cs.Outbox) > 0 {
		a.posted.send()
	}
	return nil
}

// restated keeps the event of a restatement until postRestatements.
func (a *alerter) restated(done *build.Done) {
	e := Event{
		Event: eventRestated, Report: done.ID.Report, Kind: string(done.ID.Kind), Partition: done.ID.Name(), Revision: done.Revision,
		Text: fmt.Sprintf("%s is restated, revision %d: %s", nameOf(done.ID), done.Revision, done.Reason),
		Time: time.Now().UTC(),
	}
	e.ID = hashOf(e.Event, keyText(done.ID), fmt.Sprint(done.Revision))
	a.restatements.add(e)
}

// postRestatements puts the restatements into the outbox. If the write fails,
// they are kept for the next call.
func (a *alerter) postRestatements(ctx context.Context) error {
	done, err := a.restatements.flush(func(restatements []Event) error {
		hooks := a.config.Load().Hooks
		_, err := a.controller.edit(ctx, func(cs *controllerState) {
			for _, e := range combineRestatements(restatements) {
				cs.post(e, hooks)
			}
		})
		return err
	})
	if done {
		a.posted.send()
	}
	return err
}

// dropRetries removes the retry states of steps that have succeeded, or that the
// plan no longer has.
func (ev *evaluation) dropRetries(cs *controllerState) {
	for id := range cs.Retries {
		if step := ev.steps[id]; step == nil || step.Status == plan.Fresh || step.Status == plan.Newer {
			delete(cs.Retries, id)
		}
	}
}

// alerts are the alerts that should be open, by id.
func (ev *evaluation) alerts(cs *controllerState, state *State) map[string]*Alert {
	open := map[string]*Alert{}
	add := func(group, kind string, of partition.ID, text string, since time.Time) {
		id := group + ":" + keyText(of)
		open[id] = &Alert{ID: id, Kind: kind, Report: of.Report, Partition: of.Name(), What: of.Kind, Text: text, Since: since.UTC()}
	}
	for i := range state.Reports {
		for _, partitions := range [][]Partition{state.Reports[i].Days, state.Reports[i].Months} {
			for i := range partitions {
				if p := &partitions[i]; p.Late {
					add(alertLate, alertLate, p.ID, lateText(p), p.Deadline)
				}
			}
		}
	}
	for id, retry := range cs.Retries {
		step := ev.steps[id]
		if step == nil {
			continue
		}
		if retry.SetAside {
			add(alertFailed, alertSetAside, id,
				fmt.Sprintf("%s failed %d times and is set aside until its inputs change or it is retried: %s", nameOf(id), retry.Failures, failureText(step)), retry.Since)
		} else {
			add(alertFailed, alertFailed, id, fmt.Sprintf("%s failed and will be retried: %s", nameOf(id), failureText(step)), retry.Since)
		}
	}
	return open
}

const momentLayout = "2006-01-02 15:04 MST"

func lateText(p *Partition) string {
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

// updateAlerts replaces the open alerts and returns the events about the change.
func (cs *controllerState) updateAlerts(open map[string]*Alert, ev *evaluation, state *State) []Event {
	var events []Event
	for id, next := range open {
		last := cs.Alerts[id]
		if last != nil {
			next.Since = last.Since
		}
		// A combined alert is sent again when its number has doubled.
		if last != nil && last.Kind == next.Kind && (next.Told == 0 || next.Told < 2*last.Told) {
			next.Told = min(next.Told, last.Told)
		} else {
			kind := eventFailed
			if next.Kind == alertLate {
				kind = eventLate
			}
			events = append(events, eventOf(next, kind, next.Text+state.verdictText(next.Report), ev.now))
		}
		cs.Alerts[id] = next
	}
	for id, last := range cs.Alerts {
		if open[id] != nil {
			continue
		}
		delete(cs.Alerts, id)
		text := recoveryText(last, state)
		if last.Told > 0 {
			text = combinedRecoveryText(last, open)
		}
		if text != "" {
			events = append(events, eventOf(last, eventRecovered, text+state.verdictText(last.Report), ev.now))
		}
	}
	return events
}

// verdictText is the verdict on a report at the end of an event's text. It is empty
// for a digest, which belongs to no report.
func (s *State) verdictText(report string) string {
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

// maxSingleAlerts is how many alerts a series may have before they are combined
// into one.
const maxSingleAlerts = 20

// combineNew combines the alerts of a series into one if there are too many. An
// alert that was sent before stays single.
func (cs *controllerState) combineNew(open map[string]*Alert) {
	sent, unsent := map[string]int{}, map[string][]*Alert{} // by the id of the combined alert
	for id, a := range open {
		if combined := a.combinedID(); cs.Alerts[id] != nil {
			sent[combined]++
		} else {
			unsent[combined] = append(unsent[combined], a)
		}
	}
	for id, alerts := range unsent {
		if sent[id]+len(alerts) <= maxSingleAlerts {
			continue
		}
		for _, a := range alerts {
			delete(open, a.ID)
		}
		open[id] = combineAlerts(id, alerts)
	}
}

// combinedID is the id of the combined alert of the series.
func (a *Alert) combinedID() string {
	group := alertFailed
	if a.Kind == alertLate {
		group = alertLate
	}
	return group + ":" + string(a.What) + "/" + a.Report + "/*"
}

// combineAlerts makes one alert of the alerts of a series. It is set aside if all
// of them are.
func combineAlerts(id string, alerts []*Alert) *Alert {
	slices.SortFunc(alerts, func(a, b *Alert) int { return cmp.Compare(a.Partition, b.Partition) })
	first, last := alerts[0], alerts[len(alerts)-1]
	example := first
	if i := slices.IndexFunc(alerts, func(a *Alert) bool { return a.Kind != alertSetAside }); i >= 0 {
		example = alerts[i]
	}
	a := *example
	a.ID, a.Told = id, len(alerts)
	if len(alerts) > 1 {
		a.Partition = first.Partition + " to " + last.Partition
	}
	a.Text = fmt.Sprintf("%s %s, %s; for example, %s", words.Count(len(alerts), string(a.What), a.seriesName()), combinedWords[a.Kind], a.Partition, example.Text)
	for _, other := range alerts {
		if other.Since.Before(a.Since) {
			a.Since = other.Since
		}
	}
	return &a
}

// combinedWords are the predicates of combined alerts, by kind.
var combinedWords = map[string]string{alertLate: "are late", alertFailed: "failed", alertSetAside: "failed and are set aside"}

// combinedRecoveryText says that a combined alert has ended, and how many alerts
// of the series are open.
func combinedRecoveryText(a *Alert, open map[string]*Alert) string {
	left := 0
	for _, other := range open {
		if other.combinedID() == a.ID {
			left++
		}
	}
	if a.Kind == alertLate {
		return fmt.Sprintf("many %s were late, %s; %d still are", a.seriesName(), a.Partition, left)
	}
	return fmt.Sprintf("many %s failed, %s; %d still do", a.seriesName(), a.Partition, left)
}

// seriesName names the series of an alert: days of sessions.
func (a *Alert) seriesName() string {
	name := string(a.What) + "s"
	if a.Report != "" {
		name += " of " + a.Report
	}
	return name
}

// recoveryText says how an alert has ended; empty if its partition no longer
// exists.
func recoveryText(a *Alert, state *State) string {
	period, err := partition.ParsePeriod(a.What, a.Partition)
	if err != nil { // stored by an older version, about something else
		return ""
	}
	id := partition.ID{Report: a.Report, Kind: a.What, Period: period}
	name, p := nameOf(id), state.find(id)
	switch {
	case p == nil:
		return ""
	case a.Kind != alertLate:
		return name + " failed before and has now succeeded"
	case p.Revision > 0:
		return name + " was late and is now published"
	}
	return name + " is no longer late"
}

// maxSingleRestatements is how many restatements of a series are sent one by one.
// A backfill may restate thousands.
const maxSingleRestatements = 20

// combineRestatements combines the events of a series into one if there are too
// many.
func combineRestatements(restatements []Event) []Event {
	bySeries := map[series][]Event{}
	for _, e := range restatements {
		k := series{e.Report, partition.Kind(e.Kind)}
		bySeries[k] = append(bySeries[k], e)
	}
	var events []Event
	for _, of := range bySeries {
		if len(of) > maxSingleRestatements {
			of = []Event{combineEvents(of)}
		}
		events = append(events, of...)
	}
	return events
}

// combineEvents makes one event of the restatements of a series.
func combineEvents(events []Event) Event {
	slices.SortFunc(events, func(a, b Event) int { return cmp.Compare(a.Partition, b.Partition) })
	first, last := events[0], events[len(events)-1]
	e := last
	e.ID, e.Revision = hashOf(first.ID, last.ID, fmt.Sprint(len(events))), 0
	e.Partition = first.Partition + " to " + last.Partition
	e.Text = fmt.Sprintf("%s: %d %ss from %s are restated", e.Report, len(events), e.Kind, e.Partition)
	return e
}

func eventOf(a *Alert, kind, text string, now time.Time) Event {
	return Event{
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
