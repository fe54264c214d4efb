package console

import (
	"html/template"
	"net/http"
	"strconv"
	"time"

	"daybook/pipeline/console/calendar"
	"daybook/pipeline/console/charts"
	"daybook/pipeline/service/states"
)

// reportBody is one report over time.
type reportBody struct {
	Name      string            `json:"name"`
	Timezone  string            `json:"timezone"`
	Settings  map[string]string `json:"settings"`
	Verdict   states.Verdict    `json:"verdict"`
	NextDay   states.Drop       `json:"next_day"`
	NextMonth states.Drop       `json:"next_month"`

	Range string          `json:"range"` // a year, all, or recent
	From  string          `json:"from"`
	To    string          `json:"to"`
	Years []calendar.Year `json:"years"`
	charts.Set
	Known   int      `json:"known_partitions"` // to the charts, of all reports
	Wanted  int      `json:"wanted_partitions"`
	Unread  []string `json:"unread_figures,omitempty"` // partitions that the charts leave out, with reasons
	More    int      `json:"more_unread_figures,omitempty"`
	LastDay string   `json:"last_published_day"`

	Deliveries []states.Delivery `json:"deliveries"` // to people

	Days   []states.Partition `json:"days"` // of the range
	Months []states.Partition `json:"months"`

	Calendar template.HTML  `json:"-"`
	Actions  []Action       `json:"actions"`
	Zone     *time.Location `json:"-"`
}

// openCauses is how many causes of a verdict stand above the calendar. The others are
// folded, so that the calendar stays in sight on a phone.
const openCauses = 3

// causes are causes of a verdict, with the report that their links lead to.
type causes struct {
	Report string
	List   []states.Cause
	More   int // further ones that the verdict counts and does not list
}

// FirstCauses are the causes that are always shown.
func (b *reportBody) FirstCauses() causes {
	all := b.Verdict.Causes
	return causes{Report: b.Name, List: all[:min(len(all), openCauses)]}
}

// FoldedCauses are the causes that a click shows; nil if there are none.
func (b *reportBody) FoldedCauses() *causes {
	all := b.Verdict.Causes
	if len(all) <= openCauses {
		return nil
	}
	return &causes{Report: b.Name, List: all[openCauses:], More: b.Verdict.Count - len(all)}
}

// Count is the number of causes, listed or not.
func (c *causes) Count() int { return len(c.List) + c.More }

// mostUnread limits the partitions that are named as left out.
const mostUnread = 5

func (c *Console) report(r *http.Request) (*page, error) {
	s := c.Service.Snapshot()
	rep, err := findReport(s, r.PathValue("report"))
	if err != nil {
		return nil, err
	}
	body := &reportBody{
		Name: rep.Name, Timezone: rep.Timezone, Settings: rep.Settings, Verdict: states.VerdictOf(rep), Zone: zone(rep),
		NextDay: rep.NextDay, NextMonth: rep.NextMonth, Range: calendar.Recent, Actions: reportActions(rep), Deliveries: []states.Delivery{},
	}
	for i := range s.Deliveries {
		if s.Deliveries[i].Of(rep.Name) {
			body.Deliveries = append(body.Deliveries, s.Deliveries[i])
		}
	}
	if year := r.URL.Query().Get("year"); year != "" {
		body.Range = year
	}
	p := &page{Template: "report", Title: rep.Name, Section: "reports", Body: body, Live: len(s.Running) > 0}
	if len(rep.Days) == 0 {
		return p, nil
	}
	w := c.printer(r)
	cal := calendar.New(rep, w)
	from, to, err := cal.Range(body.Range)
	if err != nil {
		return nil, err
	}
	body.From, body.To = from.String(), to.String()
	body.Years, body.Calendar, body.Set = cal.Years(), cal.Table(from, to), charts.New(c.index.History(rep.Name), from, to, w)
	body.Days, body.Months = between(rep.Days, body.From, body.To), between(rep.Months, body.From[:len("2006-01")], body.To)
	body.Known, body.Wanted = c.index.Filling()
	unread := c.index.Unread(rep.Name, from, to)
	body.Unread = unread[:min(len(unread), mostUnread)]
	body.More = len(unread) - len(body.Unread)
	if last := lastPublished(rep.Days); last != nil {
		body.LastDay = last.Name()
	}
	for i := range body.Years {
		body.Years[i].Selected = body.Range == strconv.Itoa(body.Years[i].Year)
	}
	return p, nil
}

// between returns the partitions from one name to another.
func between(all []states.Partition, from, to string) []states.Partition {
	some := []states.Partition{}
	for i := range all {
		if all[i].Name() >= from && all[i].Name() <= to {
			some = append(some, all[i])
		}
	}
	return some
}
