package calendar

import (
	"fmt"
	"html/template"
	"strings"

	"daybook/pipeline/service/states"
	"daybook/pipeline/words"
)

// DayChart is the bar chart of a card. A bar is a day's sessions, a mark its
// rows. The sign of the day's state stands below, unless it is published.
type DayChart struct {
	Days  []RecentDay
	Words words.Printer // of its texts
}

// RecentDay is one bar of a card's chart.
type RecentDay struct {
	Day      string       `json:"day"`
	State    states.State `json:"state"`
	Rows     int64        `json:"rows"`
	Sessions int64        `json:"sessions"`
}

const (
	dayChartHeight = 64
	dayChartSigns  = 16
	dayChartMark   = 2
)

// SVG is the picture.
func (c DayChart) SVG() template.HTML {
	most := int64(1)
	for _, d := range c.Days {
		most = max(most, d.Sessions, d.Rows)
	}
	share := func(n int64) float64 { return max(dayChartMark, float64(n)/float64(most)*dayChartHeight) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="days" width="100%%" height="%d" role="img" aria-label="%s">`, dayChartHeight+dayChartSigns, template.HTMLEscapeString(c.describe()))
	slot := 100 / float64(max(1, len(c.Days)))
	for i, d := range c.Days {
		l := StyleOf(d.State)
		fmt.Fprintf(&b, `<g class="%s"><rect class="hit" x="%.2f%%" y="0" width="%.2f%%" height="%d"><title>%s: %s, %s, %s</title></rect>`,
			d.State, slot*float64(i), slot, dayChartHeight+dayChartSigns, d.Day, c.Words.T(l.Word), c.Words.Count(d.Sessions, "session", "sessions"), c.Words.Count(d.Rows, "row", "rows"))
		x, width, height := slot*(float64(i)+0.14), slot*0.72, share(d.Sessions)
		fmt.Fprintf(&b, `<rect class="bar" x="%.2f%%" y="%.1f" width="%.2f%%" height="%.1f" rx="1"/>`, x, dayChartHeight-height, width, height)
		if d.Rows > 0 {
			fmt.Fprintf(&b, `<rect class="rows" x="%.2f%%" y="%.1f" width="%.2f%%" height="%d"/>`, x, dayChartHeight-share(d.Rows), width, dayChartMark)
		}
		if d.State != states.Published {
			fmt.Fprintf(&b, `<text x="%.2f%%" y="%d">%s</text>`, slot*(float64(i)+0.5), dayChartHeight+12, l.Sign)
		}
		b.WriteString(`</g>`)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// describe is the chart in words.
func (c DayChart) describe() string {
	if len(c.Days) == 0 {
		return c.Words.T("no days yet")
	}
	first, last := c.Days[0], c.Days[len(c.Days)-1]
	least, most := first, first
	for _, d := range c.Days {
		least.Sessions, most.Sessions = min(least.Sessions, d.Sessions), max(most.Sessions, d.Sessions)
		least.Rows, most.Rows = min(least.Rows, d.Rows), max(most.Rows, d.Rows)
	}
	text := c.Words.T("Sessions and rows a day, %s to %s: %s to %s sessions, %s to %s rows", first.Day, last.Day,
		c.Words.Thousands(least.Sessions), c.Words.Thousands(most.Sessions), c.Words.Thousands(least.Rows), c.Words.Thousands(most.Rows))
	for _, d := range c.Days {
		if !d.State.Fresh() {
			text += c.Words.T("; %s is %s", d.Day, c.Words.T(StyleOf(d.State).Word))
		}
	}
	return text
}
