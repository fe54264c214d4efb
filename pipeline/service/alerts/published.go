package alerts

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"daybook/pipeline/inspect"
	"daybook/pipeline/words"
	"daybook/sinks/webhook"
)

// maxListed limits the changes that an event lists, in bytes: some forty days. A
// backfill may publish thousands.
const maxListed = 16 << 10

// Published keeps the event of what a run published and restated until Post.
func (a *Alerter) Published(run string, changes []inspect.Change) {
	a.pending.Add(publishedEvent(run, changes, time.Now()))
}

// publishedEvent is the event of the changes by a run. It lists as many as the limit
// admits, in order of kind, report and period, and counts the others.
func publishedEvent(run string, changes []inspect.Change, now time.Time) webhook.Event {
	changes = slices.SortedFunc(slices.Values(changes), func(a, b inspect.Change) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Report, b.Report), cmp.Compare(a.Partition, b.Partition))
	})
	e := webhook.Event{ID: hashOf(eventPublished, run), Event: eventPublished, Text: publishedText(changes), Time: now.UTC()}
	size := 0
	for i := range changes {
		line, err := json.Marshal(&changes[i])
		if err != nil {
			panic(err) // every field can be encoded
		}
		if size += len(line); size > maxListed {
			e.More = len(changes) - i
			break
		}
		e.Changes = append(e.Changes, line)
	}
	return e
}

// publishedText says what a run published, by series: 3 new days of sessions,
// 2026-11-18 to 2026-11-20; 1 restated month of sessions, 2026-11.
func publishedText(sorted []inspect.Change) string {
	type group struct {
		change       inspect.ChangeKind
		report, kind string
		first, last  string
		partitions   int
	}
	var groups []*group
	for i := range sorted {
		c := &sorted[i]
		same := func(g *group) bool { return g.change == c.Change && g.report == c.Report && g.kind == c.Kind }
		j := slices.IndexFunc(groups, same)
		if j < 0 {
			j = len(groups)
			groups = append(groups, &group{change: c.Change, report: c.Report, kind: c.Kind, first: c.Partition})
		}
		groups[j].last = c.Partition
		groups[j].partitions++
	}
	var texts []string
	for _, g := range groups {
		adjective := "new"
		if g.change == inspect.Restated {
			adjective = "restated"
		}
		span := g.first
		if g.partitions > 1 {
			span += " to " + g.last
		}
		series := adjective + " " + g.kind
		texts = append(texts, fmt.Sprintf("%s of %s, %s", words.Count(g.partitions, series, series+"s"), g.report, span))
	}
	return strings.Join(texts, "; ")
}
