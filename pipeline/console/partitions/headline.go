package partitions

import (
	"daybook/pipeline/explore"
	"daybook/pipeline/words"
)

// Tile is a measure of a day or month, and its change since an earlier one.
type Tile struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Note   string `json:"note,omitempty"`
	Change string `json:"change,omitempty"` // empty: there is nothing to compare it with
	Trend  string `json:"trend,omitempty"`  // better or worse; empty: neither
}

// Trends of a tile.
const (
	better = "better"
	worse  = "worse"
)

// Headline are the measures that a manager asks for first, as Explore counts them: a
// session counts once, however often it was handed over. before are the measures that
// they are compared with; nil if there are none.
func Headline(now, before *explore.Stats, p words.Printer) []Tile {
	sessions := Tile{Name: p.T("Sessions"), Value: p.Thousands(now.Sessions), Note: p.Count(now.Legs, "leg", "legs")}
	waiting := Tile{Name: p.T("Waiting"), Value: "–", Note: p.T("of no session")}
	if now.Waiting.N > 0 {
		waiting.Value, waiting.Note = p.Lasting(now.Waiting.Median), p.T("the median; 90 %% waited %s at most", p.Lasting(now.Waiting.P90))
	}
	picked := Tile{Name: p.T("Picked up"), Value: p.Percent(now.PickedUp, now.Heads()), Note: p.T("%s of %s", p.Thousands(now.PickedUp), p.Count(now.Heads(), "session", "sessions"))}
	work := Tile{Name: p.T("Work"), Value: p.Lasting(now.Work.Sum), Note: p.T("of %s total time", p.Lasting(now.Total.Sum))}
	if before != nil {
		sessions.Change = change(now.Sessions, before.Sessions, p)
		work.Change = change(now.Work.Sum, before.Work.Sum, p)
		if now.Waiting.N > 0 && before.Waiting.N > 0 {
			longer := now.Waiting.Median - before.Waiting.Median
			waiting.Change, waiting.Trend = signed(longer, p.Lasting), trend(-longer)
		}
		if now.Heads() > 0 && before.Heads() > 0 {
			// In tenths of a percentage point.
			points := perMille(now.PickedUp, now.Heads()) - perMille(before.PickedUp, before.Heads())
			picked.Change = signed(points, func(n int64) string {
				return p.T("%s points", p.Number(decimal(n)))
			})
			picked.Trend = trend(points)
		}
	}
	return []Tile{sessions, waiting, picked, work}
}

// change is the change of a count or sum in percent.
func change(now, before int64, p words.Printer) string {
	if before == 0 {
		return ""
	}
	return signed(perMille(now-before, before), func(n int64) string { return p.Number(decimal(n)) + " %" })
}

// perMille is a share in thousandths, rounded to the nearest one.
func perMille(part, whole int64) int64 {
	scaled := 2000*float64(part)/float64(whole) + 1
	if part < 0 {
		scaled -= 2
	}
	return int64(scaled / 2)
}

// decimal writes tenths with their decimal point.
func decimal(tenths int64) string {
	digits := words.Thousands(tenths / 10)
	return digits + "." + string(rune('0'+tenths%10))
}

// signed writes a change with its sign.
func signed(n int64, format func(int64) string) string {
	switch {
	case n < 0:
		return "−" + format(-n)
	case n > 0:
		return "+" + format(n)
	}
	return "±" + format(0)
}

// trend says what a gain is.
func trend(gain int64) string {
	switch {
	case gain > 0:
		return better
	case gain < 0:
		return worse
	}
	return ""
}
