package alerts

import (
	"cmp"
	"fmt"
	"slices"

	"daybook/pipeline/partition"
	"daybook/pipeline/service/states"
	"daybook/pipeline/words"
	"daybook/sinks/webhook"
)

// maxSingleAlerts is how many alerts a series may have before they are combined
// into one.
const maxSingleAlerts = 20

// combineNew combines the alerts of a series into one if there are too many. An
// alert that was open before stays single.
func combineNew(before, open map[string]*states.Alert) {
	sent, unsent := map[string]int{}, map[string][]*states.Alert{} // by the id of the combined alert
	for id, a := range open {
		if combined := combinedID(a); before[id] != nil {
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
func combinedID(a *states.Alert) string {
	group := states.AlertFailed
	if a.Kind == states.AlertLate {
		group = states.AlertLate
	}
	return group + ":" + string(a.What) + "/" + a.Report + "/*"
}

// combineAlerts makes one alert of the alerts of a series. It is set aside if all
// of them are.
func combineAlerts(id string, alerts []*states.Alert) *states.Alert {
	slices.SortFunc(alerts, func(a, b *states.Alert) int { return cmp.Compare(a.Partition, b.Partition) })
	first, last := alerts[0], alerts[len(alerts)-1]
	example := first
	if i := slices.IndexFunc(alerts, func(a *states.Alert) bool { return a.Kind != states.AlertSetAside }); i >= 0 {
		example = alerts[i]
	}
	a := *example
	a.ID, a.Told = id, len(alerts)
	if len(alerts) > 1 {
		a.Partition = first.Partition + " to " + last.Partition
	}
	a.Text = fmt.Sprintf("%s %s, %s; for example, %s", words.Count(len(alerts), string(a.What), seriesName(&a)), combinedWords[a.Kind], a.Partition, example.Text)
	for _, other := range alerts {
		if other.Since.Before(a.Since) {
			a.Since = other.Since
		}
	}
	return &a
}

// combinedWords are the predicates of combined alerts, by kind.
var combinedWords = map[string]string{states.AlertLate: "are late", states.AlertFailed: "failed", states.AlertSetAside: "failed and are set aside"}

// combinedRecoveryText says that a combined alert has ended, and how many alerts
// of the series are open.
func combinedRecoveryText(a *states.Alert, open map[string]*states.Alert) string {
	left := 0
	for _, other := range open {
		if combinedID(other) == a.ID {
			left++
		}
	}
	if a.Kind == states.AlertLate {
		return fmt.Sprintf("many %s were late, %s; %d still are", seriesName(a), a.Partition, left)
	}
	return fmt.Sprintf("many %s failed, %s; %d still do", seriesName(a), a.Partition, left)
}

// seriesName names the series of an alert: days of sessions.
func seriesName(a *states.Alert) string {
	name := string(a.What) + "s"
	if a.Report != "" {
		name += " of " + a.Report
	}
	return name
}

// maxSingleRestatements is how many restatements of a series are sent one by one.
// A backfill may restate thousands.
const maxSingleRestatements = 20

// combineRestatements combines the restatements of a series into one if there are too
// many. Other events stay as they are.
func combineRestatements(all []webhook.Event) (events []webhook.Event) {
	bySeries := map[states.Series][]webhook.Event{}
	for _, e := range all {
		if e.Event != eventRestated {
			events = append(events, e)
			continue
		}
		k := states.Series{Report: e.Report, Kind: partition.Kind(e.Kind)}
		bySeries[k] = append(bySeries[k], e)
	}
	for _, of := range bySeries {
		if len(of) > maxSingleRestatements {
			of = []webhook.Event{combineEvents(of)}
		}
		events = append(events, of...)
	}
	return events
}

// combineEvents makes one event of the restatements of a series.
func combineEvents(events []webhook.Event) webhook.Event {
	slices.SortFunc(events, func(a, b webhook.Event) int { return cmp.Compare(a.Partition, b.Partition) })
	first, last := events[0], events[len(events)-1]
	e := last
	e.ID, e.Revision = hashOf(first.ID, last.ID, fmt.Sprint(len(events))), 0
	e.Partition = first.Partition + " to " + last.Partition
	e.Text = fmt.Sprintf("%s: %d %ss from %s are restated", e.Report, len(events), e.Kind, e.Partition)
	return e
}
