package charts

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"strings"

	"daybook/pipeline/words"
)

// shape is how a series is drawn.
type shape int

const (
	bars shape = iota
	line
)

// The shapes for charts of other rooms.
const (
	Bars = bars
	Line = line
)

// Target is a value that a chart is held against: a line across it.
type Target struct {
	Name  string
	Value float64
}

// Series is one measure of a chart.
type Series struct {
	Name  string `json:"name"`
	Shape shape  `json:"-"`
	Class string `json:"-"` // its colour
}

// Tick names a point along the axis.
type Tick struct {
	At   int
	Text string
}

// Point is one place along a chart's axis: a value of each series.
type Point struct {
	Label  string    `json:"label"`
	Values []float64 `json:"values"` // NaN: this series has none here
	Known  bool      `json:"known"`
	Note   string    `json:"note,omitempty"` // why it is not known
}

// Chart shows series along one axis. Horizontal positions in its SVG are
// percentages: it fits any width, and texts keep their size.
type Chart struct {
	ID      string               `json:"id"`
	Title   string               `json:"title"`
	Note    string               `json:"note"`
	Measure string               `json:"unit"` // of the values: sessions, or ms
	Series  []Series             `json:"series"`
	Points  []Point              `json:"points"`
	Ticks   []Tick               `json:"-"`
	Format  func(float64) string `json:"-"`
	Unit    float64              `json:"-"` // the scale ends at a round number of units; 0 means 1
	Target  *Target              `json:"-"` // nil: none
	Printer words.Printer        `json:"-"` // of the language of its texts
}

// add adds a point. The values of an unknown point are 0.
func (c *Chart) add(at *place, w words.Printer, known bool, values ...float64) {
	p := Point{Label: at.name, Values: values, Known: known}
	if !known {
		clear(values)
		p.Note = cmp.Or(at.hidden, w.T("no figures"))
	}
	c.Points = append(c.Points, p)
}

// Empty says whether no point is known.
func (c Chart) Empty() bool {
	for i := range c.Points {
		if c.Points[i].Known {
			return false
		}
	}
	return true
}

// Cell writes a value for the chart's table.
func (c Chart) Cell(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return c.Format(v)
}

// The measures of a chart, in pixels.
const (
	plotTop    = 18 // room for the label of the topmost line
	plotHeight = 132
	axisHeight = 22
	chartWidth = 1000 // of the view box of lines, which is stretched
)

// SVG is the picture.
func (c Chart) SVG() template.HTML {
	unit := max(c.Unit, 1)
	top := niceMost(c.most()/unit) * unit
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" width="100%%" height="%d" role="img" aria-label="%s">`, plotTop+plotHeight+axisHeight, template.HTMLEscapeString(c.describe()))
	for _, part := range []float64{0, 0.5, 1} {
		y := plotTop + plotHeight*(1-part)
		class := "grid"
		if part == 0 {
			class = "base"
		}
		fmt.Fprintf(&b, `<line class="%s" x1="0" x2="100%%" y1="%.1f" y2="%.1f"/>`, class, y, y)
	}
	slot := 100 / float64(len(c.Points))
	for i := range c.Series {
		if c.Series[i].Shape == bars {
			c.bars(&b, i, slot, top)
		}
	}
	c.lines(&b, top)
	if c.Target != nil {
		y := plotTop + plotHeight*(1-c.Target.Value/top)
		fmt.Fprintf(&b, `<line class="target" x1="0" x2="100%%" y1="%.1f" y2="%.1f"/><text class="target" x="100%%" y="%.1f">%s</text>`, y, y, y-4, template.HTMLEscapeString(c.Target.Name))
	}
	fmt.Fprintf(&b, `<text class="scale" x="0" y="%d">%s</text>`, plotTop-5, c.Format(top))
	for _, t := range c.Ticks {
		fmt.Fprintf(&b, `<text class="tick" x="%.2f%%" y="%d">%s</text>`, slot*float64(t.At), plotTop+plotHeight+16, t.Text)
	}
	for i := range c.Points {
		fmt.Fprintf(&b, `<rect class="hit" x="%.2f%%" y="0" width="%.2f%%" height="%d"><title>%s</title></rect>`, slot*float64(i), slot, plotTop+plotHeight, template.HTMLEscapeString(c.pointText(i)))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

func (c *Chart) bars(b *strings.Builder, s int, slot, top float64) {
	for i := range c.Points {
		p := &c.Points[i]
		if !p.Known || !(p.Values[s] > 0) {
			continue
		}
		height := p.Values[s] / top * plotHeight
		fmt.Fprintf(b, `<rect class="%s" x="%.2f%%" y="%.1f" width="%.2f%%" height="%.1f"/>`,
			c.Series[s].Class, slot*(float64(i)+0.12), plotTop+plotHeight-height, slot*0.76, height)
	}
}

// lines draws the series that are lines, with gaps at unknown points.
func (c *Chart) lines(b *strings.Builder, top float64) {
	fmt.Fprintf(b, `<svg x="0" y="%d" width="100%%" height="%d" viewBox="0 0 %d %d" preserveAspectRatio="none">`, plotTop, plotHeight, chartWidth, plotHeight)
	slot := chartWidth / float64(len(c.Points))
	for s := range c.Series {
		if c.Series[s].Shape != line {
			continue
		}
		var d strings.Builder
		pen := "M"
		for i := range c.Points {
			if !c.Points[i].Known || math.IsNaN(c.Points[i].Values[s]) {
				pen = "M"
				continue
			}
			fmt.Fprintf(&d, "%s%.1f %.1f", pen, slot*(float64(i)+0.5), plotHeight*(1-c.Points[i].Values[s]/top))
			pen = "L"
		}
		fmt.Fprintf(b, `<path class="line %s" d="%s"/>`, c.Series[s].Class, d.String())
	}
	b.WriteString(`</svg>`)
}

func (c *Chart) most() (most float64) {
	if c.Target != nil {
		most = c.Target.Value
	}
	for i := range c.Points {
		for _, v := range c.Points[i].Values {
			if c.Points[i].Known && !math.IsNaN(v) {
				most = max(most, v)
			}
		}
	}
	return most
}

// niceMost is the smallest round number of at least v.
func niceMost(v float64) float64 {
	if v <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10} {
		if n*unit >= v {
			return n * unit
		}
	}
	return 10 * unit
}

// pointText describes a point in words.
func (c *Chart) pointText(i int) string {
	p := &c.Points[i]
	if !p.Known {
		return p.Label + ": " + p.Note
	}
	texts := make([]string, len(c.Series))
	for s := range c.Series {
		texts[s] = c.Series[s].Name + " " + c.Cell(p.Values[s])
	}
	return p.Label + ": " + strings.Join(texts, ", ")
}

// describe is the chart in words, for screen readers.
func (c *Chart) describe() string {
	if len(c.Points) == 0 {
		return c.Title
	}
	text := c.Printer.T("%s, %s to %s", c.Title, c.Points[0].Label, c.Points[len(c.Points)-1].Label)
	for s := range c.Series {
		least, most := math.Inf(1), math.Inf(-1)
		for i := range c.Points {
			if c.Points[i].Known && !math.IsNaN(c.Points[i].Values[s]) {
				least, most = min(least, c.Points[i].Values[s]), max(most, c.Points[i].Values[s])
			}
		}
		if most >= least {
			text += c.Printer.T("; %s from %s to %s", c.Series[s].Name, c.Format(least), c.Format(most))
		}
	}
	return text
}

// Spark is a small line without axes, for a row of a table.
func Spark(values []float64) template.HTML {
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	if most == 0 || len(values) < 2 {
		return ""
	}
	var d strings.Builder
	pen := "M"
	for i, v := range values {
		fmt.Fprintf(&d, "%s%.1f %.1f", pen, 100*float64(i)/float64(len(values)-1), 22-20*v/most)
		pen = "L"
	}
	return template.HTML(`<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true"><path class="fill" d="` +
		d.String() + `L100 24L0 24Z"/><path class="line c1" d="` + d.String() + `"/></svg>`)
}
