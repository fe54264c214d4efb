package console

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"daybook/pipeline/service"
	"daybook/transform/day"
)

// reportBody is one report over time.
type reportBody struct {
	Name      string            `json:"name"`
	Timezone  string            `json:"timezone"`
	Settings  map[string]string `json:"settings"`
	Verdict   verdict           `json:"verdict"`
	NextDay   service.Drop      `json:"next_day"`
	NextMonth service.Drop      `json:"next_month"`

	Range   string     `json:"range"` // a year, all, or recent
	From    string     `json:"from"`
	To      string     `json:"to"`
	Years   []year     `json:"years"`
	Charts  []chart    `json:"charts"`
	Groups  []groupRow `json:"groups"`
	Hours   []hourRow  `json:"hours"`
	ByHour  []chart    `json:"charts_by_hour"`
	Step    string     `json:"step"`
	Known   int        `json:"known_partitions"` // to the charts, of all reports
	Wanted  int        `json:"wanted_partitions"`
	Unread  []string   `json:"unread_figures,omitempty"` // partitions that the charts leave out, with reasons
	More    int        `json:"more_unread_figures,omitempty"`
	LastDay string     `json:"last_published_day"`

	Days   []service.Partition `json:"days"` // of the range
	Months []service.Partition `json:"months"`

	Calendar template.HTML  `json:"-"`
	Actions  []Action       `json:"actions"`
	Zone     *time.Location `json:"-"`
}

// Ranges beside the years.
const (
	rangeRecent = "recent" // the last twelve months
	rangeAll    = "all"
)

const recentMonths = 12

// mostUnread limits the partitions that are named as left out.
const mostUnread = 5

func (c *Console) report(r *http.Request) (*page, error) {
	s := c.Service.State()
	rep, err := findReport(s, r.PathValue("report"))
	if err != nil {
		return nil, err
	}
	body := &reportBody{
		Name: rep.Name, Timezone: rep.Timezone, Settings: rep.Settings, Verdict: verdictOf(rep, c.Now()), Zone: zone(rep),
		NextDay: rep.NextDay, NextMonth: rep.NextMonth, Range: rangeRecent, Actions: reportActions(rep),
	}
	if year := r.URL.Query().Get("year"); year != "" {
		body.Range = year
	}
	p := &page{Template: "report", Title: rep.Name, Section: "reports", Body: body, Live: len(s.Running) > 0}
	if len(rep.Days) == 0 {
		return p, nil
	}
	cal := newCalendar(rep)
	from, to, err := cal.rangeOf(body.Range)
	if err != nil {
		return nil, err
	}
	h := c.index.history(rep.Name)
	rows := h.rows(from, to)
	body.From, body.To, body.Step = from.String(), to.String(), stepFor(from, to).String()
	body.Years, body.Calendar = cal.years(), cal.table(from, to)
	body.Charts, body.ByHour, body.Groups, body.Hours = chartsOver(h, from, to), chartsByHour(rows), groupsOf(rows), hoursOf(rows)
	body.Days, body.Months = between(rep.Days, body.From, body.To), between(rep.Months, body.From[:len("2006-01")], body.To)
	body.Known, body.Wanted = c.index.filling()
	unread := c.index.unread(rep.Name, from, to)
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

// rangeOf returns the days of a named range.
func (c *calendar) rangeOf(name string) (from, to day.Day, err error) {
	switch name {
	case rangeAll:
		return c.first, c.last(), nil
	case rangeRecent:
		return max(c.first, (c.last().Month() - recentMonths + 1).First()), c.last(), nil
	}
	y, err := strconv.ParseUint(name, 10, 16)
	if err != nil {
		return 0, 0, &pageError{http.StatusBadRequest, "Write the year as 2026, or all.", nil}
	}
	from, to = max(c.first, day.Date(int(y), 1, 1)), min(c.last(), day.Date(int(y), 12, 31))
	if from > to {
		return 0, 0, notFound("The report has no days in %d.", y)
	}
	return from, to, nil
}

// between returns the partitions from one name to another.
func between(all []service.Partition, from, to string) []service.Partition {
	some := []service.Partition{}
	for i := range all {
		if all[i].Name() >= from && all[i].Name() <= to {
			some = append(some, all[i])
		}
	}
	return some
}

// findSession redirects from the search box to a session's page.
func (c *Console) findSession(w http.ResponseWriter, r *http.Request) {
	rep, err := findReport(c.Service.State(), r.PathValue("report"))
	if err != nil {
		c.showError(w, r, err)
		return
	}
	id, err := strconv.ParseInt(r.URL.Query().Get("id"), 10, 64)
	if err != nil || id < 1 {
		c.showError(w, r, &pageError{http.StatusBadRequest, "A session's id is a whole number.", nil})
		return
	}
	query := url.Values{}
	if d, err := day.Parse(r.URL.Query().Get("date")); err == nil {
		query.Set("date", d.String())
	}
	http.Redirect(w, r, reportPath(rep.Name)+"/sessions/"+strconv.FormatInt(id, 10)+"?"+query.Encode(), http.StatusSeeOther)
}
