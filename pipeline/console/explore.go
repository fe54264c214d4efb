package console

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"daybook/pipeline/console/problem"
	"daybook/pipeline/console/questions"
	"daybook/pipeline/explore"
	"daybook/pipeline/service/states"
	"daybook/pipeline/spillfile"
	"daybook/pipeline/words"
	"daybook/sinks/csv"
	"daybook/sinks/xlsx"
	"daybook/transform/day"
	"daybook/transform/summary"
)

// maxQuestions is how many questions are answered at the same time: each takes all
// processors, and some 60 bytes for each row of its period.
const maxQuestions = 4

// mostListed is how many sessions a file of the list has.
const mostListed = 10_000

// explorer answers questions, by the current configuration.
func (c *Console) explorer() *explore.Explorer {
	p := c.Service.Settings()
	return &explore.Explorer{Cache: c.columns, Sink: p.Sink, Format: p.Format, Workers: p.Budget.Workers}
}

// asked is a question about a report.
type asked struct {
	report  *states.Report
	address *questions.Address
	zone    *time.Location
	target  time.Duration
}

// ask reads a question about a report.
func (c *Console) ask(r *http.Request, k questions.Kind) (*asked, error) {
	rep, err := findReport(c.Service.Snapshot(), r.PathValue("report"))
	if err != nil {
		return nil, err
	}
	p := c.printer(r)
	last := lastPublished(rep.Days)
	if last == nil {
		return nil, problem.New(http.StatusNotFound, p.T("No day of %v is published yet, so there is nothing to ask about.", rep.Name))
	}
	q := &asked{report: rep, zone: zone(rep)}
	if s := c.Service.Settings().Report(rep.Name); s != nil {
		q.target = s.PickUp
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem.New(http.StatusBadRequest, p.T("The parameters of the address cannot be read."))
	}
	q.address, err = questions.Parse(p, k, reportPath(rep.Name), query, last.ID.Day(), q.target)
	return q, err
}

// days are the published days of a period.
func (q *asked) days(p explore.Period) []explore.Day {
	var days []explore.Day
	for i := range q.report.Days {
		d := &q.report.Days[i]
		if date := d.ID.Day(); d.Revision > 0 && date >= p.From && date <= p.To {
			days = append(days, explore.Day{ID: d.ID, Revision: d.Revision, Published: d.Published, Rows: d.Rows})
		}
	}
	return days
}

// lately says what the last days of a period lack: that yesterday is not published yet, where
// the address leaves the day to the page, and which published days have changed inputs.
func (c *Console) lately(q *asked, p words.Printer) string {
	var texts []string
	last, yesterday := lastPublished(q.report.Days).ID.Day(), day.Of(c.Now().UnixMilli(), q.zone)-1
	if a := q.address; a.Unit == explore.ADay && a.Value("at") == "" && last < yesterday {
		text := p.T("%s, yesterday, is not published yet", p.Date(yesterday.UTC(), "Mon 2 Jan 2006"))
		for i := range q.report.Days {
			if d := &q.report.Days[i]; d.ID.Day() == yesterday {
				text += " (" + p.Say(cmp.Or(strings.Join(d.Reasons, "; "), string(d.State))) + ")"
			}
		}
		texts = append(texts, p.T("%s. This is the last published day.", text))
	}
	stale := 0
	for i := range q.report.Days {
		d := &q.report.Days[i]
		if date := d.ID.Day(); d.Revision > 0 && d.State == states.Stale && date >= q.address.Period.From && date <= q.address.Period.To {
			stale++
		}
	}
	if stale > 0 {
		texts = append(texts, p.T("The dumps of %s have changed since: their numbers can change.", p.Count(int64(stale), "published day", "published days")))
	}
	return strings.Join(texts, " ")
}

// explore is the page Explore.
func (c *Console) explore(r *http.Request) (*page, error) {
	e, err := c.explored(r)
	if err != nil {
		return nil, err
	}
	return &page{Template: "explore", Title: c.printer(r).T("Explore %v", e.Report), Section: "reports", Body: e}, nil
}

func (c *Console) explored(r *http.Request) (*questions.Explore, error) {
	q, err := c.ask(r, questions.ExplorePage)
	if err != nil {
		return nil, err
	}
	answer := func(p explore.Period) (*explore.Answer, error) {
		a, err := c.explorer().Ask(r.Context(), &explore.Question{
			Zone: q.zone, Days: q.days(p), Period: p, Filter: q.address.Filter, By: q.address.By, Target: q.target,
		})
		return a, asProblem(c.printer(r), err)
	}
	now, err := answer(q.address.Period)
	if err != nil {
		return nil, err
	}
	var before *explore.Answer
	if q.address.Against != nil {
		if before, err = answer(*q.address.Against); err != nil {
			return nil, err
		}
	}
	e := questions.NewExplore(q.address, q.report.Name, q.zone, q.target, now, before)
	e.Missing = strings.TrimSpace(c.lately(q, c.printer(r)) + " " + e.Missing)
	return e, nil
}

// asProblem says to readers that a period is too long.
func asProblem(p words.Printer, err error) error {
	var large *explore.TooLargeError
	switch {
	case errors.As(err, &large) && large.Rows > 0:
		return problem.New(http.StatusUnprocessableEntity, p.T(
			"The period has %s rows, and the console keeps %s. Choose a shorter period, or raise serve.explore_memory.", p.Thousands(large.Rows), p.Thousands(large.Most)))
	case errors.As(err, &large):
		return problem.New(http.StatusUnprocessableEntity, p.T("The period has more texts than the console keeps. Choose a shorter period for the search, or raise serve.explore_memory."))
	}
	return err
}

// sessions is the list of sessions.
func (c *Console) sessions(r *http.Request) (*page, error) {
	l, err := c.listed(r, questions.PageSize)
	if err != nil {
		return nil, err
	}
	return &page{Template: "sessions", Title: c.printer(r).T("Sessions of %v", l.Report), Section: "reports", Body: l}, nil
}

// listed is the page of the list that the address names; with most other than the size
// of a page, the list from its beginning.
func (c *Console) listed(r *http.Request, most int) (*questions.List, error) {
	q, err := c.ask(r, questions.SessionsPage)
	if err != nil {
		return nil, err
	}
	a := q.address
	if most != questions.PageSize {
		a.Page = 1
	}
	list, err := c.explorer().List(r.Context(), &explore.ListQuestion{
		Zone: q.zone, Days: q.days(a.Period), Filter: a.Filter, Search: a.Search, Sort: explore.Order(a.Sort), Up: a.Up,
		From: (a.Page - 1) * most, Most: most,
	})
	if err != nil {
		return nil, asProblem(c.printer(r), err)
	}
	l := questions.NewList(a, q.report.Name, q.zone, list)
	l.Missing = strings.TrimSpace(c.lately(q, c.printer(r)) + " " + l.Missing)
	return l, nil
}

// find redirects from a session id to the session's page: it looks for the last
// published day with the session. Other texts are searched for in the last year.
func (c *Console) find(w http.ResponseWriter, r *http.Request) {
	r, cancel := withTimeout(r)
	defer cancel()
	rep, err := findReport(c.Service.Snapshot(), r.PathValue("report"))
	if err != nil {
		c.showError(w, r, err)
		return
	}
	p := c.printer(r)
	text := strings.TrimSpace(r.URL.Query().Get("id"))
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		c.redirect(w, r, reportPath(rep.Name)+"/sessions?"+url.Values{"period": {"year"}, "q": {text}}.Encode())
		return
	}
	q := &asked{report: rep}
	all := rep.Days
	if len(all) == 0 {
		c.showError(w, r, problem.New(http.StatusNotFound, p.T("No day of %v is published yet.", rep.Name)))
		return
	}
	date, err := c.explorer().Find(r.Context(), zone(rep), q.days(explore.Period{From: all[0].ID.Day(), To: all[len(all)-1].ID.Day()}), id)
	if errors.Is(err, explore.ErrNoSession) {
		err = problem.New(http.StatusNotFound, p.T("No published day of %v has a session %v. Check the id, or look at another report.", rep.Name, id))
	}
	if err != nil {
		c.showError(w, r, err)
		return
	}
	http.Redirect(w, r, reportPath(rep.Name)+"/sessions/"+strconv.FormatInt(id, 10)+"?"+url.Values{"date": {date.String()}}.Encode(), http.StatusSeeOther)
}

// tableOf makes the table of a file.
type tableOf func(*http.Request) (*summary.Table, string, error)

func (c *Console) exploreTable(r *http.Request) (*summary.Table, string, error) {
	e, err := c.explored(r)
	if err != nil {
		return nil, "", err
	}
	t := e.Table()
	return &t, downloadName(e.Report, e.From+"-to-"+e.To, t.Name), nil
}

func (c *Console) sessionsTable(r *http.Request) (*summary.Table, string, error) {
	l, err := c.listed(r, mostListed)
	if err != nil {
		return nil, "", err
	}
	t := l.Table()
	return &t, downloadName(l.Report, l.From+"-to-"+l.To, t.Name), nil
}

// asCSV answers with a table in the report's form of CSV.
func (c *Console) asCSV(table tableOf) http.Handler {
	return c.file(table, "csv", "text/csv; charset=utf-8", func(_ context.Context, w io.Writer, report string, t *summary.Table) error {
		var f csv.Format
		if s := c.Service.Settings().Report(report); s != nil {
			f = s.CSV
		}
		return csv.WriteTable(w, f, t)
	})
}

// asXLSX answers with a table as a workbook.
func (c *Console) asXLSX(table tableOf) http.Handler {
	return c.file(table, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", func(_ context.Context, w io.Writer, _ string, t *summary.Table) error {
		scratch, err := spillfile.New()
		if err != nil {
			return err
		}
		defer scratch.Close()
		return xlsx.WriteTables(w, scratch, []summary.Table{*t})
	})
}

// file answers with a table as a file. All of it is made before the first byte is sent.
func (c *Console) file(table tableOf, ext, kind string, write func(ctx context.Context, w io.Writer, report string, t *summary.Table) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, cancel := withTimeout(r)
		defer cancel()
		t, name, err := table(r)
		var body bytes.Buffer
		if err == nil {
			err = write(r.Context(), &body, r.PathValue("report"), t)
		}
		if err != nil {
			c.showError(w, r, err)
			return
		}
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("Content-Length", strconv.Itoa(body.Len()))
		h.Set("Content-Disposition", `attachment; filename="`+name+"."+ext+`"`)
		if r.Method == http.MethodHead {
			return
		}
		if _, err := w.Write(body.Bytes()); err != nil {
			c.Log.Debug("a file could not be sent", "path", r.URL.Path, "error", err)
		}
	})
}
