// Package reference is a second, slow and independent implementation of
// REPORT.md. Tests compare the engine with it.
//
// The engine counts while it applies events; this package does not. [Build]
// sorts the events of a session and records its history (replay.go): when each
// leg opened and was removed, every status, message, signal, tool and verdict,
// each with its [moment]. Each column is then computed from that history alone
// (row.go). Durations are sizes of sets of milliseconds (spans.go), built with
// unions and intersections as REPORT.md, "Times of a leg", words them.
package reference

import (
	"cmp"
	"slices"
	"time"

	"daybook/transform/event"
)

// Row is the row of one leg, keyed by the Parquet names of REPORT.md, "Columns".
// Timestamps are int64 milliseconds since the Unix epoch, durations, counts
// and ids int64, report_date a string like "2006-01-02", unknown values nil.
type Row = map[string]any

// Result is the result for a set of events.
type Result struct {
	Rows       []Row          // sorted by session_id, then leg
	Duplicates int            // events that repeat another's session and event_id
	Truncated  int            // texts cut to their column's length
	IPDropped  int            // values of customer_ip that became null
	Anomalies  map[string]int // occurrences by code
}

// Build computes the rows of all sessions in events. The events may be in any
// order, with duplicates; Build does not change them. Dates are local to loc. Of
// two copies of an event with equal ts and seq, the one that prefer puts first
// counts. prefer must be a strict weak order on whole events, so that the choice
// does not depend on the order of input.
func Build(events []event.Event, loc *time.Location, prefer func(a, b *event.Event) bool) Result {
	unique := deduplicate(events, prefer)
	result := Result{Duplicates: len(events) - len(unique), Anomalies: map[string]int{}}
	bySession := map[int64][]event.Event{}
	for _, e := range unique {
		bySession[e.SessionID] = append(bySession[e.SessionID], e)
	}
	ids := make([]int64, 0, len(bySession))
	for id := range bySession {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		h := replay(bySession[id])
		for _, code := range h.anomalies {
			result.Anomalies[code]++
		}
		for _, l := range h.legs {
			row := h.row(l, loc)
			row["session_id"] = id
			result.Truncated += cutTexts(row)
			result.IPDropped += dropLongIP(row)
			result.Rows = append(result.Rows, row)
		}
	}
	return result
}

// deduplicate sorts the events of all sessions in the order of EVENTS.md,
// "Lines", and keeps the first copy of each.
func deduplicate(events []event.Event, prefer func(a, b *event.Event) bool) []event.Event {
	sorted := slices.Clone(events)
	slices.SortFunc(sorted, func(a, b event.Event) int {
		switch order := cmp.Or(cmp.Compare(a.TS, b.TS), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.ID, b.ID)); {
		case order != 0:
			return order
		case prefer(&a, &b):
			return -1
		case prefer(&b, &a):
			return 1
		}
		return 0
	})
	type identity struct {
		session int64
		id      string
	}
	seen := map[identity]bool{}
	return slices.DeleteFunc(sorted, func(e event.Event) bool {
		id := identity{e.SessionID, e.ID}
		again := seen[id]
		seen[id] = true
		return again
	})
}
