package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"daybook/pipeline/console/problem"
	"daybook/pipeline/console/sessions"
	"daybook/pipeline/inspect/explain"
	"daybook/pipeline/settings"
	"daybook/pipeline/words"
	"daybook/transform/day"
	"daybook/transform/report"
)

// sessionBody is the page of a session, with the legend of its tools.
type sessionBody struct {
	*sessions.Page
	Tools []tool
}

func (c *Console) session(r *http.Request) (*page, error) {
	rep, err := findReport(c.Service.Snapshot(), r.PathValue("report"))
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return nil, problem.NotFound("A session's id is a whole number.")
	}
	text := r.URL.Query().Get("date")
	if last := lastPublished(rep.Days); text == "" && last != nil {
		text = last.Name()
	}
	d, err := day.ParseEventDate(text)
	if err != nil {
		return nil, problem.BadRequest("Give a date near the session, such as 2026-11-20.")
	}
	p := c.Service.Settings()
	explained, err := explain.FromDigests(r.Context(), c.Service.Reader(), explain.Question{Session: id, Near: d})
	if errors.Is(err, explain.ErrNoSession) {
		return nil, problem.NotFound("There is no session %d within %d days of %s. Look at another date, or check the id.", id, 2*p.Lookback, d)
	}
	if text, ok := explain.TooLargeText(err); ok {
		return nil, problem.New(http.StatusUnprocessableEntity, words.Capital(text)+".")
	}
	if err != nil {
		return nil, err
	}
	def := definition(p, rep.Name, zone(rep))
	body := &sessionBody{sessions.New(explained, def, d), toolsOf(p, rep.Name)}
	return &page{Template: "session", Title: "Session " + strconv.FormatInt(id, 10), Section: "reports", Body: body, Twin: body.Twin()}, nil
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

// findSession redirects from the search box to a session's page.
func (c *Console) findSession(w http.ResponseWriter, r *http.Request) {
	rep, err := findReport(c.Service.Snapshot(), r.PathValue("report"))
	if err != nil {
		c.showError(w, r, err)
		return
	}
	id, err := strconv.ParseInt(r.URL.Query().Get("id"), 10, 64)
	if err != nil || id < 1 {
		c.showError(w, r, problem.BadRequest("A session's id is a whole number."))
		return
	}
	query := url.Values{}
	if d, err := day.ParseEventDate(r.URL.Query().Get("date")); err == nil {
		query.Set("date", d.String())
	}
	c.redirect(w, r, reportPath(rep.Name)+"/sessions/"+strconv.FormatInt(id, 10)+"?"+query.Encode())
}
