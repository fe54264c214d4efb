package reference

import (
	"math"
	"slices"
)

// forever is the end of a span that has not ended.
const forever = math.MaxInt64

// span is the milliseconds from, from+1, …, to-1.
type span struct{ from, to int64 }

// spans is a set of milliseconds: ascending spans that are not empty and do not
// touch. A condition that changes and changes back within one millisecond
// therefore has no effect (REPORT.md, "Last action time").
type spans []span

// turn is the time at which a condition becomes true or false.
type turn struct {
	ms int64
	on bool
}

// whileOn is the time in which a condition is true, given its turns in order.
// Before the first turn it is false.
func whileOn(turns []turn) spans {
	var set spans
	for i, t := range turns {
		if !t.on {
			continue
		}
		to := int64(forever)
		if i+1 < len(turns) {
			to = turns[i+1].ms
		}
		set = union(set, spans{{t.ms, to}})
	}
	return set
}

func union(a, b spans) spans {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y span) int { return int(min(max(x.from-y.from, -1), 1)) })
	var set spans
	for _, s := range all {
		switch last := len(set) - 1; {
		case s.from >= s.to:
		case last >= 0 && s.from <= set[last].to:
			set[last].to = max(set[last].to, s.to)
		default:
			set = append(set, s)
		}
	}
	return set
}

// all is the intersection of sets.
func all(sets ...spans) spans {
	common := spans{{math.MinInt64, forever}}
	for _, set := range sets {
		var both spans
		for _, x := range common {
			for _, y := range set {
				both = union(both, spans{{max(x.from, y.from), min(x.to, y.to)}})
			}
		}
		common = both
	}
	return common
}

// size is the number of milliseconds in a bounded set.
func (set spans) size() int64 {
	var n int64
	for _, s := range set {
		n += s.to - s.from
	}
	return n
}
