package console

import (
	"fmt"
	"html/template"
	"strings"
)

// dayChart is a card's bars: a day each, as high as it has sessions, with the
// sign of its state below where that is not simply published.
type dayChart []recentDay

const (
	dayChartHeight = 64
	dayChartSigns  = 16
)

// SVG is the picture.
func (c dayChart) SVG() template.HTML {
	most := int64(1)
	for _, d := range c {
		most = max(most, d.Sessions)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="days" width="100%%" height="%d" role="img" aria-label="%s">`, dayChartHeight+dayChartSigns, template.HTMLEscapeString(c.describe()))
	slot := 100 / float64(max(1, len(c)))
	for i, d := range c {
		l := lookOf(d.State)
		height := max(2, float64(d.Sessions)/float64(most)*dayChartHeight)
		fmt.Fprintf(&b, `<g class="%s"><rect class="hit" x="%.2f%%" y="0" width="%.2f%%" height="%d"><title>%s: %s, %s, %s</title></rect>`,
			d.State, slot*float64(i), slot, dayChartHeight+dayChartSigns, d.Day, l.Word, plural(d.Sessions, "session", "sessions"), plural(d.Rows, "row", "rows"))
		fmt.Fprintf(&b, `<rect class="bar" x="%.2f%%" y="%.1f" width="%.2f%%" height="%.1f" rx="1"/>`,
			slot*(float64(i)+0.14), dayChartHeight-height, slot*0.72, height)
		if !(d.State == looks[0].State) {
			fmt.Fprintf(&b, `<text x="%.2f%%" y="%d">%s</text>`, slot*(float64(i)+0.5), dayChartHeight+12, l.Sign)
		}
		b.WriteString(`</g>`)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// describe is the chart in words.
func (c dayChart) describe() string {
	if len(c) == 0 {
		return "no days yet"
	}
	text := fmt.Sprintf("Sessions from %s to %s", c[0].Day, c[len(c)-1].Day)
	for _, d := range c {
		if !fresh(d.State) {
			text += fmt.Sprintf("; %s is %s", d.Day, lookOf(d.State).Word)
		}
	}
	return text
}
