package sessions

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"daybook/pipeline/inspect/explain"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/session"
)

const (
	// Sessions can be on hold for days. A longer time without events is drawn short,
	// as a fraction of the busy time.
	longQuiet  = 45 * time.Minute
	quietShare = 8
	axisTicks  = 5

	statusHeight = 26 // pixels
	legHeight    = 46
	chatHeight   = 34
	labelShare   = 9.0 // percent of the width that a label needs
	letterShare  = 3.2 // percent of a phone's width that a letter of it needs
)

// timeline is a picture of the session: lanes for its status, each leg and the
// chat, on one axis.
type timeline struct {
	Lanes  []lane
	Ticks  []axisTick
	Breaks int // long quiet times, drawn short
	Legend []legendItem
}

type lane struct {
	Name, About string
	Picture     template.HTML
}

type axisTick struct{ Text string }

type legendItem struct{ Class, Name string }

// axis maps moments to places in percent. It is linear except for long quiet
// times, which are drawn short.
type axis struct {
	moments []int64   // ascending; the first and last are the ends
	places  []float64 // of them
	breaks  []int     // the quiet times, by where they begin in moments
}

func newAxis(moments []int64) *axis {
	slices.Sort(moments)
	a := &axis{moments: slices.Compact(moments)}
	if len(a.moments) == 1 {
		a.moments = append(a.moments, a.moments[0]+1)
	}
	busy := int64(0)
	for i := 1; i < len(a.moments); i++ {
		if gap := a.moments[i] - a.moments[i-1]; gap <= longQuiet.Milliseconds() {
			busy += gap
		}
	}
	short := max(busy/quietShare, 1)
	a.places = make([]float64, len(a.moments))
	for i := 1; i < len(a.moments); i++ {
		gap := a.moments[i] - a.moments[i-1]
		if gap > longQuiet.Milliseconds() && short < gap {
			gap = short
			a.breaks = append(a.breaks, i-1)
		}
		a.places[i] = a.places[i-1] + float64(gap)
	}
	whole := a.places[len(a.places)-1]
	for i := range a.places {
		a.places[i] *= 100 / whole
	}
	return a
}

// at is the place of a moment.
func (a *axis) at(ms int64) float64 {
	i, _ := slices.BinarySearch(a.moments, ms)
	switch {
	case i == 0:
		return 0
	case i == len(a.moments):
		return 100
	}
	part := float64(ms-a.moments[i-1]) / float64(a.moments[i]-a.moments[i-1])
	return a.places[i-1] + part*(a.places[i]-a.places[i-1])
}

// moment is the moment at a place.
func (a *axis) moment(place float64) int64 {
	i, _ := slices.BinarySearch(a.places, place)
	switch {
	case i == 0:
		return a.moments[0]
	case i == len(a.places):
		return a.moments[i-1]
	}
	part := (place - a.places[i-1]) / (a.places[i] - a.places[i-1])
	return a.moments[i-1] + int64(part*float64(a.moments[i]-a.moments[i-1]))
}

// painter draws lanes.
type painter struct {
	*explain.Formatter
	*axis
	end int64 // time of the last event that is shown
	b   strings.Builder
}

func newTimeline(t *explain.Formatter) *timeline {
	var moments []int64
	for i := range t.Trace.Steps {
		moments = append(moments, t.Trace.Steps[i].Event.Millis())
	}
	p := &painter{Formatter: t, axis: newAxis(moments), end: slices.Max(moments)}
	line := &timeline{Breaks: len(p.breaks)}
	line.Lanes = append(line.Lanes, lane{p.T("Status"), p.T("of the session"), p.status()})
	for i := range t.Session.Legs {
		l := &t.Session.Legs[i]
		about := p.T(l.Role.String())
		if l.Technician.ID != 0 {
			about += ", " + explain.Technician(l, p.Printer)
		}
		line.Lanes = append(line.Lanes, lane{p.T("Leg %d", l.Number), about, p.leg(l)})
	}
	line.Lanes = append(line.Lanes, lane{p.T("Chat"), p.T("and tools"), p.chat()})
	for i := range axisTicks {
		line.Ticks = append(line.Ticks, axisTick{p.tick(100 * float64(i) / (axisTicks - 1))})
	}
	line.Legend = p.legend()
	return line
}

func (p *painter) tick(place float64) string {
	return strings.TrimSuffix(p.Moment(p.moment(place)), time.UnixMilli(p.moment(place)).UTC().Format(".000"))
}

// begin begins a lane's picture, with the quiet times across it.
func (p *painter) begin(height int, label string) {
	p.b.Reset()
	fmt.Fprintf(&p.b, `<svg class="lane" width="100%%" height="%d" role="img" aria-label="%s">`, height, template.HTMLEscapeString(label))
	for _, i := range p.breaks {
		fmt.Fprintf(&p.b, `<rect class="quiet" x="%.3f%%" y="0" width="%.3f%%" height="%d"><title>%s</title></rect>`,
			p.places[i], p.places[i+1]-p.places[i], height, p.T("%s without an event", p.Roughly(time.Duration(p.moments[i+1]-p.moments[i])*time.Millisecond)))
	}
}

func (p *painter) finish() template.HTML {
	p.b.WriteString(`</svg>`)
	return template.HTML(p.b.String())
}

// block draws a stretch of time, and its name if there is room.
func (p *painter) block(class, name string, from, to int64, y, height int) {
	x, width := p.at(from), p.at(to)-p.at(from)
	fmt.Fprintf(&p.b, `<rect class="%s" x="%.3f%%" y="%d" width="%.3f%%" height="%d"><title>%s: %s, %s</title></rect>`,
		class, x, y, max(width, 0.15), height, template.HTMLEscapeString(name), p.Between(p.Moment(from), p.Moment(to)), p.Duration(to-from))
	if width < labelShare || height <= 12 {
		return
	}
	if width < float64(utf8.RuneCountInString(name))*letterShare {
		class += " tight"
	}
	fmt.Fprintf(&p.b, `<text class="on-%s" x="%.3f%%" y="%d" dx="6">%s</text>`, class, x, y+height/2+4, template.HTMLEscapeString(name))
}

// status is the lane of the session's status, from event to event.
func (p *painter) status() template.HTML {
	p.begin(statusHeight, p.T("The session's status over time; the events below have the same data"))
	steps := p.Trace.Steps
	for i := 0; i < len(steps); {
		end := i + 1
		for end < len(steps) && steps[end].Status == steps[i].Status {
			end++
		}
		to := p.end
		if end < len(steps) {
			to = steps[end].Event.Millis()
		}
		p.block(statusClass(steps[i].Status), report.StatusIn(steps[i].Status, p.Language), steps[i].Event.Millis(), to, 2, statusHeight-4)
		i = end
	}
	return p.finish()
}

// statusClass is the colour of a status.
func statusClass(s event.Status) string {
	switch s {
	case event.Connecting:
		return "m-connecting"
	case event.Waiting:
		return "m-waiting"
	case event.Active:
		return "m-active"
	case event.OnHold:
		return "m-hold"
	case event.Transferring, event.Transferred:
		return "m-transfer"
	case event.Rebooting:
		return "m-rebooting"
	case event.Reconnecting:
		return "m-reconnecting"
	}
	return "m-other"
}

// buckets are the colours of the measures in a leg's bar.
var buckets = map[session.Measure]string{
	session.InConnecting: "m-connecting", session.InWaiting: "m-waiting", session.InActive: "m-active",
	session.InHold: "m-hold", session.InTransfer: "m-transfer", session.InRebooting: "m-rebooting",
	session.InReconnecting: "m-reconnecting", session.InOther: "m-other",
}

// leg is the lane of a leg: the measures of its time, and below them the work, the
// action and the presence signals of its technician.
func (p *painter) leg(l *session.Leg) template.HTML {
	p.begin(legHeight, p.T("Leg %d over time; its table below has the same data", l.Number))
	end := p.end
	if l.End != session.Unknown {
		end = l.End
	}
	fmt.Fprintf(&p.b, `<rect class="extent" x="%.3f%%" y="0" width="%.3f%%" height="%d" rx="3"/>`, p.at(l.Begin), max(0.15, p.at(end)-p.at(l.Begin)), legHeight)
	for m := range session.Measure(session.NumMeasures) {
		class, isBucket := buckets[m]
		for s := range p.Trace.Spans(l.Number, m) {
			switch {
			case isBucket:
				p.block(class, p.T(m.String()), s.From, s.To, 2, 20)
			case m == session.InWork:
				p.block("m-work", p.T("work"), s.From, s.To, 25, 6)
			case m == session.InAction:
				p.block("m-action", p.T("in action"), s.From, s.To, 34, 3)
			}
		}
	}
	for _, s := range p.signals(l.Number) {
		p.block("m-signal", s.text, s.from, s.to, 40, 3)
	}
	return p.finish()
}

// signalled is a stretch of time with the same presence signals that differ from
// the leg's start.
type signalled struct {
	text     string
	from, to int64
}

func (p *painter) signals(leg int) []signalled {
	var all []signalled
	for s := range p.Trace.Presences(leg) {
		if texts := explain.Signals(&session.LegState{Presence: s.Presence}, p.Printer); len(texts) > 0 {
			all = append(all, signalled{strings.Join(texts, ", "), s.From, s.To})
		}
	}
	return all
}

// chat is the lane of messages and tools: the customer's messages above the line,
// the technicians' below, the system's on it, and tools as ticks.
func (p *painter) chat() template.HTML {
	p.begin(chatHeight, p.T("Chat messages and tools over time; the events below list them"))
	fmt.Fprintf(&p.b, `<line class="base" x1="0" x2="100%%" y1="%d" y2="%d"/>`, chatHeight/2, chatHeight/2)
	for i := range p.Trace.Steps {
		e := &p.Trace.Steps[i].Event
		x, title := p.at(e.Millis()), p.Moment(e.Millis())+" "+explain.Event(e, p.Printer)
		switch e.Type {
		case event.ChatMessage:
			y, class := chatHeight/2, "by-system"
			switch e.Sender {
			case event.Customer:
				y, class = chatHeight/2-9, "by-customer"
			case event.Technician:
				y, class = chatHeight/2+9, "by-technician"
			}
			fmt.Fprintf(&p.b, `<circle class="%s" cx="%.3f%%" cy="%d" r="4"><title>%s</title></circle>`, class, x, y, template.HTMLEscapeString(title))
		case event.ToolUsed:
			fmt.Fprintf(&p.b, `<rect class="tool" x="%.3f%%" y="4" width="2" height="%d"><title>%s</title></rect>`, x, chatHeight-8, template.HTMLEscapeString(title))
		}
	}
	return p.finish()
}

// legend names the colours in the picture.
func (p *painter) legend() []legendItem {
	seen := map[session.Measure]bool{}
	for m := range session.Measure(session.NumMeasures) {
		for leg := range p.Session.Legs {
			for range p.Trace.Spans(leg, m) {
				seen[m] = true
				break
			}
		}
	}
	var items []legendItem
	for m := range session.Measure(session.NumMeasures) {
		class := buckets[m]
		switch m {
		case session.InWork:
			class = "m-work"
		case session.InAction:
			class = "m-action"
		}
		if class != "" && seen[m] {
			items = append(items, legendItem{class, p.T(m.String())})
		}
	}
	signals := func(l session.Leg) bool { return len(p.signals(l.Number)) > 0 }
	if slices.ContainsFunc(p.Session.Legs, signals) {
		items = append(items, legendItem{"m-signal", p.T("away, or busy elsewhere")})
	}
	return append(items, legendItem{"by-customer", p.T("customer’s message (above)")}, legendItem{"by-technician", p.T("technician’s message (below)")})
}
