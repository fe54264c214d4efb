// Package reference computes the rows of REPORT.md a second time, slowly, so
// that the engine has something independent to agree with. Only tests use it.
//
// Nothing here is counted while events go by. [Build] puts the events of a
// session in order and writes down what happened (replay.go): when each leg
// opened and was removed, every status the session entered, every message,
// signal, tool and verdict, each with its [moment]. Every column is then
// looked up in those lists on its own (row.go), and durations are sizes of
// sets of milliseconds (spans.go), made with unions and intersections in the
// words of REPORT.md, "Times of a leg".
package reference

import (
	"cmp"
	"slices"
	"time"

	"daybook/transform/event"
)

// Row is one leg, keyed by the Parquet column names of REPORT.md, "Columns".
// Timestamps are int64 milliseconds since the Unix epoch, durations, counts
// and ids int64, report_date a string like "2006-01-02", unknown values nil.
type Row = map[string]any

// Result is what a set of events comes to.
type Result struct {
	Rows       []Row          // sorted by session_id, then leg
	Duplicates int            // events that repeat another's session and event_id
	Truncated  int            // cells whose text was cut to its column's length
	IPDropped  int            // customer_ip cells that became null
	Anomalies  map[string]int // occurrences by code
}

// Build computes the rows of all sessions in events, which may come in any
// order and hold duplicates; it leaves them as they are. Dates are those of
// loc. Of two copies of an event with equal ts and seq the one that prefer
// puts first counts: prefer must be a strict weak order on whole events, so
// that the choice does not depend on the order of events.
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

// deduplicate keeps one copy of each event, in the order of EVENTS.md,
// "Lines", without regard to sessions.
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
