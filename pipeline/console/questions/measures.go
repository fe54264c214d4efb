package questions

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"daybook/pipeline/explore"
	"daybook/pipeline/words"
	"daybook/transform/report"
)

// kind is what a measure's values are.
type kind int

const (
	ofCount    kind = iota
	ofDuration      // milliseconds
	ofShare         // of 1
	ofRatio
)

// Measure is a column of the table, with the line that explains it.
type Measure struct {
	ID, Name, Help string

	family  string // its name; empty: it is not of a family
	sum     bool   // of durations
	printer words.Printer
	kind    kind
	better  float64                      // 1: more is better, -1: less is better, 0: neither
	value   func(*explore.Stats) float64 // NaN: of nothing
}

// Format writes a value for people.
func (m *Measure) Format(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	switch m.kind {
	case ofDuration:
		return duration(m.printer, v)
	case ofShare:
		return share(m.printer, v)
	case ofRatio:
		return m.printer.Number(fmt.Sprintf("%.2f", v))
	}
	return m.printer.Thousands(int64(v))
}

// shown is a value as Format shows it: whole seconds, tenths of a percent.
func (m *Measure) shown(v float64) float64 {
	switch m.kind {
	case ofDuration:
		return math.Trunc(v/1000) * 1000
	case ofShare:
		return math.Round(v*1000) / 1000
	case ofRatio:
		return math.Round(v*100) / 100
	}
	return v
}

// additive says whether values of a period grow with its days: counts and sums.
func (m *Measure) additive() bool { return m.kind == ofCount || m.sum }

// cell writes a value for a file: numbers, and durations as H:MM:SS.
func (m *Measure) cell(v float64) string {
	switch {
	case math.IsNaN(v):
		return ""
	case m.kind == ofDuration:
		return clock(v)
	case m.kind == ofCount:
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'f', 4, 64)
}

// column is the kind of the measure's cells in a file.
func (m *Measure) column() report.Kind {
	return map[kind]report.Kind{ofCount: report.Integer, ofDuration: report.Duration, ofShare: report.Share, ofRatio: report.Decimal}[m.kind]
}

// Measures are all measures, in the order of a file, with the names that p writes. Those
// of a target are there if the report has one.
func Measures(p words.Printer, target time.Duration) []Measure {
	part := func(a, b int64) float64 {
		if b == 0 {
			return math.NaN()
		}
		return float64(a) / float64(b)
	}
	var all []Measure
	add := func(id, name, help string, k kind, better float64, value func(*explore.Stats) float64) {
		all = append(all, Measure{ID: id, Name: p.T(name), Help: p.T(help), printer: p, kind: k, better: better, value: value})
	}
	add("sessions", "Sessions", sessionsHelp, ofCount, 0, func(s *explore.Stats) float64 { return float64(s.Sessions) })
	add("legs", "Legs", legsHelp, ofCount, 0, func(s *explore.Stats) float64 { return float64(s.Legs) })
	add("once", "Sessions, counted once", onceHelp, ofCount, 0, func(s *explore.Stats) float64 { return float64(s.Heads()) })
	add("picked_up", "Picked up", pickedUpHelp, ofCount, 0, func(s *explore.Stats) float64 { return float64(s.PickedUp) })
	add("abandoned", "Not picked up", abandonedHelp, ofCount, -1, func(s *explore.Stats) float64 { return float64(s.NotPickedUp) })
	add("not_picked_up", "Not picked up, share", notPickedUpHelp, ofShare, -1, func(s *explore.Stats) float64 { return part(s.NotPickedUp, s.Heads()) })
	if target > 0 {
		add("within", "", withinHelp, ofShare, 1, func(s *explore.Stats) float64 { return part(s.Within, s.Heads()) })
		all[len(all)-1].Name = p.T("Picked up within %s", p.Lasting(target.Milliseconds()))
	}
	add("transfers", "Transfers a session", transfersHelp, ofRatio, -1, func(s *explore.Stats) float64 { return part(s.Transferred, s.Sessions) })
	for _, f := range families {
		for _, st := range statistics {
			better := -1.0
			if f.id == "work" || f.id == "total" || st.id == "sum" {
				better = 0
			}
			all = append(all, Measure{
				ID: f.id + "_" + st.id, Name: p.T(f.name) + ", " + p.T(st.name), Help: helpOf(p, f.help, st.about),
				family: f.id, sum: st.id == "sum", printer: p, kind: ofDuration, better: better, value: func(s *explore.Stats) float64 {
					d := f.of(s)
					if d.N == 0 {
						return math.NaN()
					}
					return float64(st.of(d))
				}})
		}
	}
	sum := func(id, name, help string, of func(*explore.Stats) int64) {
		add(id, name, help, ofDuration, 0, func(s *explore.Stats) float64 { return float64(of(s)) })
		all[len(all)-1].sum = true
	}
	sum("active", "Active time, sum", activeHelp, func(s *explore.Stats) int64 { return s.Active })
	sum("hold", "Hold time, sum", holdHelp, func(s *explore.Stats) int64 { return s.Hold })
	sum("transfer", "Time in transfer, sum", transferHelp, func(s *explore.Stats) int64 { return s.Transfer })
	return all
}

// helpOf explains a statistic of a family.
func helpOf(p words.Printer, family, statistic string) string {
	if statistic == "" {
		return p.T(family)
	}
	return p.T(family) + " " + p.T(statistic)
}

func idsOf(all []Measure) []string {
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	return ids
}

// find finds measures by their ids, those that there are.
func find(all []Measure, ids ...string) []*Measure {
	var some []*Measure
	for _, id := range ids {
		if i := slices.IndexFunc(all, func(m Measure) bool { return m.ID == id }); i >= 0 {
			some = append(some, &all[i])
		}
	}
	return some
}
