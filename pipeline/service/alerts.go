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

// tell opens and closes alerts by what a look has found, and puts what people
// are to be told of into the outbox. Only the holder of the lease does that.
func (s *Service) updateAlerts(ctx context.Context, j *evaluation) error {
	if err := s.postNews(ctx); err != nil {
		return err
	}
	state, c := s.State(), s.current()
	b, err := s.edit(ctx, func(b *controllerState) {
		j.forget(b)
		b.dropUnknown(c.Hooks)
		open := j.alerts(b, state)
		b.combine(open)
		for _, e := range b.update(open, j, state) {
			b.post(e, c.Hooks)
		}
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.evaluation == j {
		shown := *s.state
		shown.Alerts = b.alerts()
		s.keep(&shown)
	}
	s.mu.Unlock()
	if len(b.Outbox) > 0 {
		s.triggerDelivery()
	}
	return nil
}

// forget drops the troubles that are over: what is due no more has succeeded,
// by whatever means, or nobody wants it.
func (j *evaluation) forget(b *controllerState) {
	for k := range b.Retries {
		if step := j.steps[k]; step == nil || step.Status == plan.Fresh || step.Status == plan.Newer {
			delete(b.Retries, k)
		}
	}
}

// alerts are those that should be open, by id.
func (j *evaluation) alerts(b *controllerState, state *State) map[string]*Alert {
	open := map[string]*Alert{}
	add := func(group, kind string, of partition.ID, text string, since time.Time) {
		id := group + ":" + keyText(of)
		open[id] = &Alert{ID: id, Kind: kind, Report: of.Report, Partition: of.Name(), What: of.Kind, Text: text, Since: since.UTC()}
	}
	for i := range state.Reports {
		rep := &state.Reports[i]
		for _, partitions := range [][]Partition{rep.Days, rep.Months} {
			for i := range partitions {
				if p := &partitions[i]; p.Late && !j.catchesUp(p) {
					text := fmt.Sprintf("%s %s is late: it was to be published by %s", rep.Name, p.ID.Name(), p.Deadline.Format(momentLayout))
					if len(p.Reasons) > 0 {
						text += "; " + p.Reasons[0]
					}
					add(alertLate, alertLate, p.ID, text, p.Deadline)
				}
			}
		}
	}
	for k, t := range b.Retries {
		step := j.steps[k]
		if step == nil {
			continue
		}
		what := nameOf(step.ID)
		if t.SetAside {
			add(alertFailed, alertSetAside, step.ID,
				fmt.Sprintf("%s failed %d times and is set aside until its inputs change or it is retried: %s", what, t.Failures, failureText(step)), t.Since)
		} else {
			add(alertFailed, alertFailed, step.ID, fmt.Sprintf("%s failed, and is tried again: %s", what, failureText(step)), t.Since)
		}
	}
	return open
}

// catchesUp says whether a late partition fell due while nobody was running, and
// is about to be made: people need not hear of each of these.
func (j *evaluation) catchesUp(p *Partition) bool {
	step := j.steps[p.ID]
	return (p.State == Queued || p.State == Building) && step != nil && j.decide(step).Missed
}

const momentLayout = "2006-01-02 15:04 MST"

// nameOf names a partition or digest in a sentence.
func nameOf(id partition.ID) string {
	if id.Kind == partition.Digest {
		return "the digest of " + id.Name()
	}
	return id.Report + " " + id.Name()
}

// keyText is an identity as a part of the ids of alerts and events.
func keyText(id partition.ID) string {
	text, _ := id.MarshalText() // it never fails
	return string(text)
}

// update makes those alerts the open ones, and returns the events that this
// comes to.
func (b *controllerState) update(open map[string]*Alert, j *evaluation, state *State) []Event {
	var events []Event
	for id, next := range open {
		had := b.Alerts[id]
		if had != nil {
			next.Since = had.Since
		}
		// Of many, people are told again when they have become twice as many.
		if had != nil && had.Kind == next.Kind && (next.Told == 0 || next.Told < 2*had.Told) {
			next.Told = min(next.Told, had.Told)
		} else {
			kind := eventFailed
			if next.Kind == alertLate {
				kind = eventLate
			}
			events = append(events, eventOf(next, kind, next.Text, j.now))
		}
		b.Alerts[id] = next
	}
	for id, had := range b.Alerts {
		if open[id] != nil {
			continue
		}
		delete(b.Alerts, id)
		text := recovery(had, j, state)
		if had.Told > 0 {
			text = combinedRecovery(had, open)
		}
		if text != "" {
			events = append(events, eventOf(had, eventRecovered, text, j.now))
		}
	}
	return events
}

// manyAlerts is how many partitions of a kind are told of one by one when they
// are late, or fail.
const manyAlerts = 20

// combine puts one alert in the place of those of a kind, if there are many of
// them. Those that people have been told of by themselves already stay.
func (b *controllerState) combine(open map[string]*Alert) {
	told, untold := map[string]int{}, map[string][]*Alert{}
	for id, a := range open {
		if many := a.many(); b.Alerts[id] != nil {
			told[many]++
		} else {
			untold[many] = append(untold[many], a)
		}
	}
	for many, alerts := range untold {
		if told[many]+len(alerts) <= manyAlerts {
			continue
		}
		for _, a := range alerts {
			delete(open, a.ID)
		}
		open[many] = combineAlerts(many, alerts)
	}
}

// many is the id of the alert that an alert is part of, if there are many.
func (a *Alert) many() string {
	group := alertFailed
	if a.Kind == alertLate {
		group = alertLate
	}
	return group + ":" + string(a.What) + "/" + a.Report + "/*"
}

// combineAlerts is one alert for many of one kind. They count as set aside when all of
// them are.
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
	a.Text = fmt.Sprintf("%s %s, %s; for instance, %s", words.Count(len(alerts), string(a.What), a.series()), combinedWords[a.Kind], a.Partition, example.Text)
	for _, other := range alerts {
		if other.Since.Before(a.Since) {
			a.Since = other.Since
		}
	}
	return &a
}

// combinedRecovery says in words that what many alerts were about is over, or nearly.
func combinedRecovery(a *Alert, open map[string]*Alert) string {
	left := 0
	for _, other := range open {
		if other.many() == a.ID {
			left++
		}
	}
	if a.Kind == alertLate {
		return fmt.Sprintf("many %s were late, %s; %d still are", a.series(), a.Partition, left)
	}
	return fmt.Sprintf("many %s failed, %s; %d still do", a.series(), a.Partition, left)
}

// combinedWords says of many what an alert of the kind says of one.
var combinedWords = map[string]string{alertLate: "are late", alertFailed: "failed", alertSetAside: "failed and are set aside"}

// series names what an alert may be one of many of: days of sessions.
func (a *Alert) series() string {
	name := string(a.What) + "s"
	if a.Report != "" {
		name += " of " + a.Report
	}
	return name
}

// recovery says in words how an alert has ended; empty if nobody wants what it
// was about any more.
func recovery(a *Alert, j *evaluation, state *State) string {
	period, err := partition.ParsePeriod(a.What, a.Partition)
	if err != nil { // an alert of an older daybook, about something else
		return ""
	}
	id := partition.ID{Report: a.Report, Kind: a.What, Period: period}
	name, p := nameOf(id), state.find(id)
	switch {
	case p == nil:
		return ""
	case a.Kind != alertLate:
		return name + " failed before, and has succeeded"
	case p.Revision > 0:
		return name + " was late, and is published"
	}
	return name + " is not late any more"
}

// restated notes that people are to be told of a restatement.
func (s *Service) restated(u *underWay, done *build.Done) {
	e := Event{
		Event: eventRestated, Report: done.ID.Report, Kind: string(done.ID.Kind), Partition: done.ID.Name(), Revision: done.Revision,
		Text: fmt.Sprintf("%s is restated, revision %d: %s", nameOf(done.ID), done.Revision, done.Reason),
		Time: time.Now().UTC(),
	}
	e.ID = identity(e.Event, keyText(done.ID), fmt.Sprint(done.Revision))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.news = append(s.news, e)
}

// manyRestated is how many restated partitions of a kind are told of one by
// one. A backfill may restate thousands.
const manyRestated = 20

// postNews puts the restatements that nobody has been told of into the outbox.
func (s *Service) postNews(ctx context.Context) error {
	s.mu.Lock()
	news := s.news
	s.news = nil
	s.mu.Unlock()
	if len(news) == 0 {
		return nil
	}
	hooks := s.current().Hooks
	_, err := s.edit(ctx, func(b *controllerState) {
		for _, e := range combineRestatements(news) {
			b.post(e, hooks)
		}
	})
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.news = append(news, s.news...)
		return err
	}
	s.triggerDelivery()
	return nil
}

// combineRestatements are the events, with one for all of those of a kind that are many.
func combineRestatements(news []Event) []Event {
	bySeries := map[series][]Event{}
	for _, e := range news {
		k := series{e.Report, partition.Kind(e.Kind)}
		bySeries[k] = append(bySeries[k], e)
	}
	var events []Event
	for _, of := range bySeries {
		if len(of) > manyRestated {
			of = []Event{combineEvents(of)}
		}
		events = append(events, of...)
	}
	return events
}

// combineEvents is one event for many restatements of one kind.
func combineEvents(events []Event) Event {
	slices.SortFunc(events, func(a, b Event) int { return cmp.Compare(a.Partition, b.Partition) })
	first, last := events[0], events[len(events)-1]
	e := last
	e.ID, e.Revision = identity(first.ID, last.ID, fmt.Sprint(len(events))), 0
	e.Partition = first.Partition + " to " + last.Partition
	e.Text = fmt.Sprintf("%s: %d %ss from %s are restated", e.Report, len(events), e.Kind, e.Partition)
	return e
}

func eventOf(a *Alert, kind, text string, now time.Time) Event {
	return Event{
		ID: identity(kind, a.Kind, a.ID, a.Since.Format(time.RFC3339Nano), fmt.Sprint(a.Told)), Event: kind,
		Report: a.Report, Kind: string(a.What), Partition: a.Partition, Text: text, Time: now.UTC(),
	}
}

// identity is the same for the same event, whoever tells of it.
func identity(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%q ", p)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
