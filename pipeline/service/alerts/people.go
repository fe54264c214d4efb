package alerts

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"daybook/pipeline/deliver"
	"daybook/pipeline/partition"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/states"
	"daybook/sinks/webhook"
	"daybook/transform/day"
)

// lookBack is for how many periods a delivery waits: a day that is published more than a
// week late is no news. It bounds the messages after a long pause, too.
var lookBack = map[deliver.Every]int{deliver.Day: 7, deliver.Week: 4, deliver.Month: 2}

// postDeliveries posts the messages about periods that have been published and not been
// delivered. It notes each in the ledger of its delivery, in the same write.
func postDeliveries(cs *controller.State, hooks []replica.Hook, s *states.Snapshot, now time.Time) {
	var names []string
	for i := range hooks {
		if d := hooks[i].Delivery; d != nil {
			names = append(names, d.Name)
			postDelivery(cs, d, s, now)
		}
	}
	cs.DropDeliveries(names)
}

func postDelivery(cs *controller.State, d *deliver.Delivery, s *states.Snapshot, now time.Time) {
	zone := zoneOf(s, d.Report)
	if zone == nil {
		return // a new report: the next look has it
	}
	recent := deliver.Recent(d.Every, now, zone, lookBack[d.Every])
	newest := recent[len(recent)-1]
	base := newest.From - 1
	if revisionOf(s, d.Report, newest) != "" {
		base = newest.To
	}
	ledger := cs.Ledger(d.Name, base)
	for _, p := range recent {
		revision := revisionOf(s, d.Report, p)
		if revision == "" || cs.Outbox.Full() {
			continue
		}
		wanted, restated := ledger.Wants(p.String(), day.Day(p.To), revision, d.Again)
		if !wanted {
			continue
		}
		e := webhook.Event{
			ID: hashOf(replica.EventDelivery, d.Name, p.String(), revision), Event: replica.EventDelivery,
			Report: d.Report, Kind: string(d.Every), Partition: p.String(), Text: fmt.Sprintf("%s %s is published", d.Report, p), Time: now.UTC(),
		}
		if restated {
			e.Event = replica.EventRedelivery
		}
		cs.Outbox.Post(e, []string{d.Name})
		ledger.Post(p.String(), revision, e.ID, now.UTC())
	}
}

// zoneOf is the time zone of a report; nil if the snapshot does not have it.
func zoneOf(s *states.Snapshot, report string) *time.Location {
	for i := range s.Reports {
		if s.Reports[i].Name == report {
			if zone, err := time.LoadLocation(s.Reports[i].Timezone); err == nil {
				return zone
			}
		}
	}
	return nil
}

// revisionOf is the revisions of a period's partitions, 1.1.2; empty while one of them is
// not published and up to date.
func revisionOf(s *states.Snapshot, report string, p deliver.Period) string {
	var revisions []string
	for _, id := range p.IDs(report) {
		part := s.Find(id)
		if part == nil || part.Revision == 0 || !part.State.Fresh() {
			return ""
		}
		revisions = append(revisions, strconv.Itoa(part.Revision))
	}
	return strings.Join(revisions, ".")
}

// givenUpEvent tells the hooks that a message to people was given up.
func givenUpEvent(d *deliver.Delivery, e *webhook.Event, err error, now time.Time) webhook.Event {
	failed := webhook.Event{
		ID: hashOf(eventFailed, replica.EventDelivery, e.ID), Event: eventFailed, Report: d.Report, Partition: e.Partition,
		Text: fmt.Sprintf("the message %s about %s %s was given up: %s; mend the cause, then send it with: daybook deliver --report %s --every %s --date %s --send",
			d.Name, d.Report, e.Partition, err, d.Report, d.Every, dateOf(d.Every, e.Partition)),
		Time: now.UTC(),
	}
	if d.Every != deliver.Week {
		failed.Kind = string(partition.Kind(d.Every))
	}
	return failed
}

// dateOf is the first date of a period.
func dateOf(e deliver.Every, period string) string {
	p, err := deliver.ParsePeriod(e, period)
	if err != nil {
		return period
	}
	return p.From.String()
}
