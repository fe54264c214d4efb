package console

import (
	"bytes"
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
	"daybook/pipeline/inspect/explain"
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
	return &explore.Explorer{Cache: c.columns, Sink: p.Sink, Format: p.Format, Workers: p.Budget.Workers, Reach: p.Lookback}
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

// days are the published days.
func (q *asked) days() []explore.Day {
	var days []explore.Day
	for i := range q.report.Days {
		if d := &q.report.Days[i]; d.Revision > 0 {
			days = append(days, explore.Day{ID: d.ID, Revision: d.Revision, Published: d.Published, Rows: d.Rows})
		}
	}
	return days
}

// outdated says which published days of a period are not up to date; empty if all are.
func (q *asked) outdated(p words.Printer, of explore.Period) string {
	const most = 3
	var some []string
	n := 0
	for i := range q.report.Days {
		d := &q.report.Days[i]
		if date := d.ID.Day(); d.Revision == 0 || d.State.Fresh() || date < of.From || date > of.To {
			continue
		}
		if n++; n <= most {
			some = append(some, p.Date(d.ID.Day().UTC(), "2 Jan"))
		}
	}
	if n == 0 {
		return ""
	}
	if n > most {
		some = append(some, "+"+p.Thousands(int64(n-most)))
	}
	return p.T("Not up to date: %s. The dumps of these days have changed since they were published.", strings.Join(some, ", "))
}

// last says that yesterday is not published where the address leaves the day to the page;
// empty if it is.
func (c *Console) last(q *asked, p words.Printer) string {
	yesterday, last := day.Of(c.Now().UnixMilli(), q.zone)-1, lastPublished(q.report.Days).ID.Day()
	if a := q.address; a.Unit != explore.ADay || a.Value("at") != "" || last >= yesterday {
		return ""
	}
	return p.T("%s, yesterday, is not published yet. This is the last published day.", p.Date(yesterday.UTC(), "Mon 2 Jan 2006"))
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
			Zone: q.zone, Days: q.days(), Period: p, Filter: q.address.Filter, By: q.address.By, Target: q.target,
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
	e.Note(c.last(q, c.printer(r)))
	e.Note(q.outdated(c.printer(r), q.address.Period))
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
		Zone: q.zone, Days: q.days(), Period: a.Period, Filter: a.Filter, Search: a.Search, Sort: explore.Order(a.Sort), Up: a.Up,
		From: (a.Page - 1) * most, Most: most,
	})
	if err != nil {
		return nil, asProblem(c.printer(r), err)
	}
	l := questions.NewList(a, q.report.Name, q.zone, list)
	l.Note(c.last(q, c.printer(r)))
	l.Note(q.outdated(c.printer(r), a.Period))
	return l, nil
}

// find redirects from a session's id to its page, and from any other text to the list of
// the sessions of the last month that match it.
func (c *Console) find(w http.ResponseWriter, r *http.Request) {
	r, cancel := withTimeout(r)
	defer cancel()
	to, err := c.found(r)
	if err != nil {
		c.showError(w, r, err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (c *Console) found(r *http.Request) (address string, err error) {
	rep, err := findReport(c.Service.Snapshot(), r.PathValue("report"))
	if err != nil {
		return "", err
	}
	p, text := c.printer(r), strings.TrimSpace(r.URL.Query().Get("q"))
	if text == "" {
		return "", problem.New(http.StatusBadRequest, p.T("Give a session's id, or a part of a customer's name."))
	}
	last := lastPublished(rep.Days)
	if last == nil {
		return "", problem.New(http.StatusNotFound, p.T("No day of %v is published yet.", rep.Name))
	}
	list := reportPath(rep.Name) + "/sessions"
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return list + "?" + url.Values{"q": {text}, "period": {string(explore.AMonth)}, "at": {last.Name()}}.Encode(), nil
	}
	q := &asked{report: rep}
	date, err := c.explorer().Find(r.Context(), zone(rep), q.days(), id)
	if errors.Is(err, explore.ErrNoSession) { // a session of the last days is in the digests before it is published
		date = last.ID.Day()
		_, err = explain.FromDigests(r.Context(), c.Service.Reader(), explain.Question{Session: id, Near: date})
	}
	if errors.Is(err, explain.ErrNoSession) {
		return "", problem.New(http.StatusNotFound, p.T("No published day of %v has a session %v. Check the id, or look at another report.", rep.Name, id))
	}
	if err != nil {
		return "", err
	}
	return list + "/" + strconv.FormatInt(id, 10) + "?" + url.Values{"date": {date.String()}}.Encode(), nil
}

// tablesOf makes the table of a file, and one that says what it answers. The name is that
// of the file.
type tablesOf func(*http.Request) (answer, about summary.Table, name string, err error)

func (c *Console) exploreTables(r *http.Request) (answer, about summary.Table, name string, err error) {
	e, err := c.explored(r)
	if err != nil {
		return answer, about, "", err
	}
	answer = e.Table()
	return answer, e.About(e.Report, e.Timezone), downloadName(e.Report, e.From+"-to-"+e.To, answer.Name), nil
}

func (c *Console) sessionsTables(r *http.Request) (answer, about summary.Table, name string, err error) {
	l, err := c.listed(r, mostListed)
	if err != nil {
		return answer, about, "", err
	}
	answer = l.Table()
	return answer, l.About(l.Report, l.Timezone), downloadName(l.Report, l.From+"-to-"+l.To, answer.Name), nil
}

// asCSV answers with a table in the report's form of CSV.
func (c *Console) asCSV(tables tablesOf) http.Handler {
	return c.file(tables, "csv", "text/csv; charset=utf-8", func(w io.Writer, report string, answer, _ *summary.Table) error {
		var f csv.Format
		if s := c.Service.Settings().Report(report); s != nil {
			f = s.CSV
		}
		return csv.WriteTable(w, f, answer)
	})
}

// asXLSX answers with a table as a workbook, whose second sheet says what it answers.
func (c *Console) asXLSX(tables tablesOf) http.Handler {
	return c.file(tables, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", func(w io.Writer, _ string, answer, about *summary.Table) error {
		scratch, err := spillfile.New()
		if err != nil {
			return err
		}
		defer scratch.Close()
		return xlsx.WriteTables(w, scratch, []summary.Table{*answer, *about})
	})
}

// file answers with a table as a file. All of it is made before the first byte is sent.
func (c *Console) file(tables tablesOf, ext, kind string, write func(w io.Writer, report string, answer, about *summary.Table) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, cancel := withTimeout(r)
		defer cancel()
		answer, about, name, err := tables(r)
		var body bytes.Buffer
		if err == nil {
			err = write(&body, r.PathValue("report"), &answer, &about)
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
