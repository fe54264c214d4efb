package console

import (
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"daybook/pipeline/inspect/explain"
	"daybook/pipeline/settings"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/session"
)

// sessionBody is the explanation of one session.
type sessionBody struct {
	Report    string
	ID        int64
	Date      string
	Zone      *time.Location
	Type      string
	Channel   string
	First     string
	Last      string
	Lasted    string
	Legs      []legLine
	Events    []eventLine
	Anomalies []anomalyLine
	Timeline  *timeline
	Command   string
}

// legLine is a leg and the derivation of its numbers.
type legLine struct {
	Number     int
	Role       string
	Technician string
	Group      string
	Status     string
	Final      bool
	Date       string
	Link       string // to its partition; empty if the report has no row of it
	Total      string
	Work       string
	Waiting    string
	Numbers    []explain.Number
}

type eventLine struct {
	Time     string
	Text     string
	State    string
	Notes    []string
	Repeated bool
}

type anomalyLine struct{ Time, Name, Why string }

func (c *Console) session(r *http.Request) (*page, error) {
	rep, err := findReport(c.Service.State(), r.PathValue("report"))
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return nil, notFound("A session's id is a whole number.")
	}
	text := r.URL.Query().Get("date")
	if last := lastPublished(rep.Days); text == "" && last != nil {
		text = last.Name()
	}
	d, err := day.Parse(text)
	if err != nil {
		return nil, &pageError{http.StatusBadRequest, "Give a date near the session, such as 2026-11-20.", nil}
	}
	p := c.Service.Settings()
	explained, err := explain.FromDigests(r.Context(), c.Service.Reader(), explain.Question{Session: id, Near: d})
	if errors.Is(err, explain.ErrNoSession) {
		return nil, notFound("There is no session %d within %d days of %s. Look at another date, or check the id.", id, 2*p.Lookback, d)
	}
	if err != nil {
		return nil, err
	}
	def := definition(p, rep.Name, zone(rep))
	body := newSessionBody(explained, def, d)
	return &page{Template: "session", Title: "Session " + strconv.FormatInt(id, 10), Section: "reports", Body: body, Twin: explain.JSON(explained, def)}, nil
}

// definition finds the definition of a report. A report that was just removed from
// the configuration gets a minimal one.
func definition(r *settings.Pipeline, name string, zone *time.Location) *report.Definition {
	i := slices.IndexFunc(r.Reports, func(rep settings.Report) bool { return rep.Name == name })
	if i < 0 {
		return &report.Definition{Name: name, Zone: zone}
	}
	return &r.Reports[i].Definition
}

func newSessionBody(explained *explain.Explanation, def *report.Definition, d day.Day) *sessionBody {
	t, s := explain.NewFormatter(explained, def.Zone), explained.Session
	b := &sessionBody{
		Report: def.Name, ID: s.ID, Date: d.String(), Zone: def.Zone, Type: plainWords(s.Type.String()),
		First: t.Date(t.First()), Last: t.Date(s.LastEvent), Lasted: clock((s.LastEvent - t.First()) / 1000),
		Timeline: newTimeline(t),
		Command:  "daybook explain --session " + strconv.FormatInt(s.ID, 10) + " --date " + d.String() + " --timezone " + def.Zone.String(),
	}
	if s.Channel.ID != 0 {
		b.Channel = explain.Named(s.Channel.Name, s.Channel.ID)
	}
	for i := range s.Legs {
		b.Legs = append(b.Legs, newLegLine(t, def, s, &s.Legs[i]))
	}
	steps := explained.Trace.Steps
	for i := range explained.Deliveries {
		delivery := &explained.Deliveries[i]
		e := eventLine{Time: t.Moment(delivery.Event.Millis()), Text: explain.Event(&delivery.Event), Repeated: delivery.Repeated}
		if !e.Repeated {
			step := &steps[0]
			steps = steps[1:]
			e.State, e.Notes = explain.State(step), explain.Notes(step)
			for _, f := range step.Anomalies {
				b.Anomalies = append(b.Anomalies, anomalyLine{e.Time, f.Anomaly.String(), f.Why})
			}
		}
		b.Events = append(b.Events, e)
	}
	return b
}

func newLegLine(t *explain.Formatter, def *report.Definition, s *session.Session, l *session.Leg) legLine {
	line := legLine{
		Number: l.Number, Role: l.Role.String(), Technician: "no technician", Group: l.Technician.Group, Status: plainWords(l.Status.String()), Final: l.Final,
		Date: def.Date(l).String(), Numbers: t.Numbers(l),
		Total: explain.Duration(l.Total()), Work: explain.Duration(l.Work), Waiting: explain.Duration(l.Waiting),
	}
	if l.Technician.ID != 0 {
		line.Technician = explain.Named(l.Technician.Name, l.Technician.ID)
	}
	if def.Includes(s, l) {
		line.Link = partitionPath(def.Name, line.Date)
	}
	return line
}

// plainWords writes a code as words.
func plainWords(code string) string { return strings.ReplaceAll(code, "_", " ") }

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
