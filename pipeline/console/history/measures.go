package history

import (
	"slices"

	"daybook/transform/summary"
)

// Measures are what charts show of some rows. Durations are milliseconds.
type Measures struct {
	Days      int64 // that they are of; 0: nothing is known
	Sessions  int64
	Total     int64
	Work      int64
	Waiting   int64 // the median; -1: of nothing
	Waiting90 int64 // the 90th percentile; -1: of nothing
}

// Nothing is the measures of no day.
var Nothing = Measures{Waiting: -1, Waiting90: -1}

// newMeasures takes from a file of figures what charts show.
func newMeasures(m *summary.Measures) Measures {
	v := Measures{Days: 1, Sessions: m.Sessions, Total: m.Total, Work: m.Work, Waiting: -1, Waiting90: -1}
	if m.Waiting.Legs > 0 {
		v.Waiting, v.Waiting90 = m.Waiting.Median, m.Waiting.P90
	}
	return v
}

// Aggregate combines measures: it adds counts and sums, and takes the median of
// percentiles.
type Aggregate struct {
	Sum                Measures // without percentiles
	waiting, waiting90 []int64
}

// Add adds measures.
func (p *Aggregate) Add(f Measures) {
	p.Sum.Days += f.Days
	p.Sum.Sessions += f.Sessions
	p.Sum.Total += f.Total
	p.Sum.Work += f.Work
	if f.Waiting >= 0 {
		p.waiting, p.waiting90 = append(p.waiting, f.Waiting), append(p.waiting90, f.Waiting90)
	}
}

// Merge adds another aggregate.
func (p *Aggregate) Merge(o *Aggregate) {
	p.waiting, p.waiting90 = append(p.waiting, o.waiting...), append(p.waiting90, o.waiting90...)
	p.Add(Measures{Days: o.Sum.Days, Sessions: o.Sum.Sessions, Total: o.Sum.Total, Work: o.Sum.Work, Waiting: -1})
}

// Measures returns the combined measures.
func (p *Aggregate) Measures() Measures {
	f := p.Sum
	f.Waiting, f.Waiting90 = median(p.waiting), median(p.waiting90)
	return f
}

// median sorts values, and returns the lower median; -1 of none.
func median(values []int64) int64 {
	if len(values) == 0 {
		return -1
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

// Aggregates combine measures by name.
type Aggregates map[string]*Aggregate

// Of is the aggregate of a name.
func (s Aggregates) Of(name string) *Aggregate {
	if s[name] == nil {
		s[name] = new(Aggregate)
	}
	return s[name]
}

// Add adds measures by name.
func (s Aggregates) Add(all map[string]Measures) {
	for name, f := range all {
		s.Of(name).Add(f)
	}
}
