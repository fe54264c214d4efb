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
type DayChart []RecentDay

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
	for _, d := range c {
		most = max(most, d.Sessions, d.Rows)
	}
	share := func(n int64) float64 { return max(dayChartMark, float64(n)/float64(most)*dayChartHeight) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="days" width="100%%" height="%d" role="img" aria-label="%s">`, dayChartHeight+dayChartSigns, template.HTMLEscapeString(c.describe()))
	slot := 100 / float64(max(1, len(c)))
	for i, d := range c {
		l := StyleOf(d.State)
		fmt.Fprintf(&b, `<g class="%s"><rect class="hit" x="%.2f%%" y="0" width="%.2f%%" height="%d"><title>%s: %s, %s, %s</title></rect>`,
			d.State, slot*float64(i), slot, dayChartHeight+dayChartSigns, d.Day, l.Word, words.Count(d.Sessions, "session", "sessions"), words.Count(d.Rows, "row", "rows"))
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
	if len(c) == 0 {
		return "no days yet"
	}
	least, most := c[0], c[0]
	for _, d := range c {
		least.Sessions, most.Sessions = min(least.Sessions, d.Sessions), max(most.Sessions, d.Sessions)
		least.Rows, most.Rows = min(least.Rows, d.Rows), max(most.Rows, d.Rows)
	}
	text := fmt.Sprintf("Sessions and rows a day, %s to %s: %s to %s sessions, %s to %s rows", c[0].Day, c[len(c)-1].Day,
		words.Thousands(least.Sessions), words.Thousands(most.Sessions), words.Thousands(least.Rows), words.Thousands(most.Rows))
	for _, d := range c {
		if !d.State.Fresh() {
			text += fmt.Sprintf("; %s is %s", d.Day, StyleOf(d.State).Word)
		}
	}
	return text
}
