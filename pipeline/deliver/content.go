package deliver

import (
	"math"
	"strconv"

	"daybook/transform/summary"
)

// maxGroups is how many groups a message lists: those with the most sessions.
const maxGroups = 8

// Content is what a message says, in the report's language. The formats show it.
type Content struct {
	Language   string // en or nl
	Report     string
	Period     string
	Title      string
	Subject    string
	Tiles      []Tile
	GroupTitle string
	GroupHead  []string
	Groups     [][]string
	Notes      []string
	Link       string // empty: the console's address is not configured
	LinkText   string
	Footer     string
}

// Tile is one measure with its change.
type Tile struct {
	Label  string
	Value  string
	Change string // +12%, or unchanged; empty: nothing to compare with
	Was    string // was 48
	Sense  Sense
}

// Sense says whether a change is good for the people who wait.
type Sense string

// The senses.
const (
	Neutral Sense = "neutral"
	Good    Sense = "good"
	Bad     Sense = "bad"
)

// measure is a tile in the making. Its value is -1 if it is unknown.
type measure struct {
	label  string
	value  func(*summary.Measures) int64
	text   func(int64) string
	moreIs Sense // what a rise is
	ofLegs bool  // the share of the legs is shown, too
}

func (w writer) measures() []measure {
	waiting := func(of func(*summary.Distribution) int64) func(*summary.Measures) int64 {
		return func(m *summary.Measures) int64 {
			if m.Waiting.Legs == 0 {
				return -1
			}
			return of(&m.Waiting)
		}
	}
	return []measure{
		{label: w.T("Sessions"), value: func(m *summary.Measures) int64 { return m.Sessions }, text: w.Thousands, moreIs: Neutral},
		{label: w.T("Legs picked up"), value: func(m *summary.Measures) int64 { return m.PickedUp }, text: w.Thousands, moreIs: Neutral, ofLegs: true},
		{label: w.T("Legs not picked up"), value: func(m *summary.Measures) int64 { return m.Legs - m.PickedUp }, text: w.Thousands, moreIs: Bad, ofLegs: true},
		{label: w.T("Median waiting time of a leg"), value: waiting(func(d *summary.Distribution) int64 { return d.Median }), text: w.duration, moreIs: Bad},
		{label: w.T("90% waiting time of a leg"), value: waiting(func(d *summary.Distribution) int64 { return d.P90 }), text: w.duration, moreIs: Bad},
		{label: w.T("Work time"), value: func(m *summary.Measures) int64 { return m.Work }, text: w.duration, moreIs: Neutral},
	}
}

// tiles compares the measures of a period with those of another; nil: with nothing.
func (w writer) tiles(now, before *summary.Measures) []Tile {
	var tiles []Tile
	for _, m := range w.measures() {
		value := m.value(now)
		t := Tile{Label: m.label, Value: m.text(value), Sense: Neutral}
		if m.ofLegs && now.Legs > 0 {
			t.Value += " (" + strconv.FormatInt(int64(math.Round(100*float64(value)/float64(now.Legs))), 10) + "%)"
		}
		if before != nil {
			was := m.value(before)
			t.Was, t.Change, t.Sense = w.T("was %s", m.text(was)), w.change(value, was), sense(m.moreIs, value, was)
		}
		tiles = append(tiles, t)
	}
	return tiles
}

// change writes how far a value is from what it was, in whole percent; empty if that
// cannot be said.
func (w writer) change(value, was int64) string {
	switch {
	case value < 0 || was < 0 || was == 0 && value > 0:
		return ""
	case value == was:
		return w.T("unchanged")
	}
	percent := math.Round(100 * float64(value-was) / float64(was))
	switch {
	case percent == 0:
		return "<1%"
	case percent > 0:
		return "+" + strconv.FormatFloat(percent, 'f', 0, 64) + "%"
	}
	return "−" + strconv.FormatFloat(-percent, 'f', 0, 64) + "%"
}

func sense(moreIs Sense, value, was int64) Sense {
	switch {
	case moreIs != Bad || value < 0 || was < 0 || value == was:
		return Neutral
	case value > was:
		return Bad
	}
	return Good
}
