package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"daybook/pipeline/service"
	"daybook/transform/day"
)

// notices are what a page says after something was done, by the code that the
// address has.
var notices = map[string]string{
	"login":              "You are logged in. Pages now have actions.",
	"logout":             "You are logged out.",
	service.VerbRun:      "Asked for: what is missing or stale of it is built with the next look.",
	service.VerbRebuild:  "Asked for: it is built again, from the dumps on.",
	service.VerbBackfill: "Asked for: the days are built one after the other.",
	service.VerbRetry:    "Asked for: it is tried again with the next look.",
}

// post makes a handler of something that is done. Its error is a page.
func (c *Console) post(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, cancel := limited(r)
		defer cancel()
		err := r.ParseForm()
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // it is read: the answer may take its time
		if err != nil {
			c.fail(w, r, &failure{http.StatusBadRequest, "The form cannot be read, or is too large.", err})
			return
		}
		if err := h(w, r); err != nil {
			c.fail(w, r, err)
		}
	})
}

// act does what a form asks for, and goes back to the form's page.
func (c *Console) act(w http.ResponseWriter, r *http.Request) error {
	if !c.mayAct() {
		return forbidden("Actions are not allowed on this console. The command line can do the same.")
	}
	if !c.loggedIn(r) {
		return forbidden("Log in first: the session is over, or never was.")
	}
	if !c.actions.AllowN(c.Now(), 1) {
		return &failure{http.StatusTooManyRequests, "That were many actions in a short time. Wait a moment, and try again.", nil}
	}
	a, err := c.parseAction(r.PathValue("verb"), r.PostForm)
	if err != nil {
		return err
	}
	// It goes on, whether or not the browser waits for the answer.
	if err := c.Service.Act(context.WithoutCancel(r.Context()), a); err != nil {
		return notDone(err)
	}
	http.Redirect(w, r, backTo(a)+"?done="+a.Verb, http.StatusSeeOther)
	return nil
}

// notDone says why the service did not take an action, as far as it is the
// action's fault.
func notDone(err error) error {
	switch {
	case errors.Is(err, service.ErrBadAction):
		return &failure{http.StatusBadRequest, capital(err.Error()) + ".", err}
	case errors.Is(err, service.ErrBusy):
		return &failure{http.StatusTooManyRequests, capital(err.Error()) + ".", err}
	}
	return &failure{http.StatusBadGateway, "It was not done. The log has the reason.", err}
}

// backTo is the page that an action was asked for on.
func backTo(a service.Action) string {
	switch {
	case a.Report == "":
		return "/"
	case a.To != "":
		return reportPath(a.Report)
	}
	return partitionPath(a.Report, a.From)
}

// parseAction reads an action; everything in it is checked.
func (c *Console) parseAction(verb string, form url.Values) (service.Action, error) {
	a := service.Action{Verb: verb, Report: form.Get("report"), From: form.Get("from"), To: form.Get("to")}
	bad := func(text string) (service.Action, error) {
		return service.Action{}, &failure{http.StatusBadRequest, text, nil}
	}
	switch verb {
	case service.VerbRun, service.VerbRebuild, service.VerbBackfill, service.VerbRetry:
	default:
		return bad("There is no such action.")
	}
	if a.Report != "" {
		if _, err := findReport(c.Service.State(), a.Report); err != nil {
			return service.Action{}, err
		}
	}
	from, err := day.Parse(a.From)
	if err != nil {
		if _, merr := day.ParseMonth(a.From); merr != nil || a.To != "" {
			return bad("Write the first day as 2026-11-20.")
		}
		return a, nil
	}
	if a.To == "" {
		if verb == service.VerbBackfill {
			return bad("A backfill needs the last day, too. Write it as 2026-11-20.")
		}
		return a, nil
	}
	to, err := day.Parse(a.To)
	if err != nil {
		return bad("Write the last day as 2026-11-20.")
	}
	if to < from {
		return bad("The last day is before the first one.")
	}
	return a, nil
}

// Action is a form, and the command that does the same.
type Action struct {
	Verb    string `json:"verb"`
	Label   string `json:"label"`
	About   string `json:"about"`
	Report  string `json:"report"`
	From    string `json:"from"`
	To      string `json:"to,omitempty"`
	Range   bool   `json:"range"` // the days can be chosen
	Command string `json:"command"`
}

// partitionActions are those that make sense for a partition as it is.
func partitionActions(report string, p *service.Partition) []Action {
	dates := "--from " + p.Name + " --to " + p.Name
	run := "daybook run --date " + p.Name
	if m, err := day.ParseMonth(p.Name); err == nil {
		dates = "--from " + m.First().String() + " --to " + m.Last().String()
		run = "daybook run --month " + p.Name
	}
	var all []Action
	add := func(verb, label, about, command string) {
		all = append(all, Action{Verb: verb, Label: label, About: about, Report: report, From: p.Name, Command: command + " --report " + report})
	}
	switch p.State {
	case service.Failed, service.SetAside:
		add(service.VerbRetry, "Try again", "Forgets the failed attempts, and tries with the next look.", "daybook backfill "+dates+" --only failed")
	case service.Missing, service.Waiting, service.Queued, service.Stale:
		add(service.VerbRun, "Build now", "Builds it without waiting for its drop or its turn.", run)
	}
	add(service.VerbRebuild, "Build again", "Makes it again from the dumps on. Where the result is the same, nothing changes.", "daybook backfill "+dates+" --only all")
	return all
}

// reportActions are those of a report as a whole.
func reportActions(rep *service.Report) []Action {
	if len(rep.Days) == 0 {
		return nil
	}
	first, last := rep.Days[0].Name, rep.Days[len(rep.Days)-1].Name
	command := func(from, to, only string) string {
		return "daybook backfill --from " + from + " --to " + to + only + " --report " + rep.Name
	}
	all := []Action{{Verb: service.VerbBackfill, Label: "Backfill", About: "Builds what is missing or stale of these days, and the months that they complete.",
		Report: rep.Name, From: first, To: last, Range: true, Command: command(first, last, "")}}
	failed := func(p service.Partition) bool { return p.State == service.Failed || p.State == service.SetAside }
	from, to := span(rep.Days, failed)
	if from != "" {
		all = append(all, Action{Verb: service.VerbRetry, Label: "Retry what failed", About: "Tries the days again that failed or were set aside.",
			Report: rep.Name, From: from, To: to, Range: true,
			Command: command(from, to, " --only failed")})
	}
	return all
}

// span is the first and the last partition that is so.
func span(all []service.Partition, is func(service.Partition) bool) (first, last string) {
	for i := range all {
		if is(all[i]) {
			if first == "" {
				first = all[i].Name
			}
			last = all[i].Name
		}
	}
	return first, last
}

func reportPath(report string) string { return "/reports/" + url.PathEscape(report) }

func partitionPath(report, partition string) string {
	return reportPath(report) + "/" + url.PathEscape(partition)
}
