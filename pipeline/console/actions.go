package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"daybook/pipeline/console/access"
	"daybook/pipeline/console/problem"
	"daybook/pipeline/partition"
	"daybook/pipeline/service/actions"
	"daybook/pipeline/service/states"
	"daybook/pipeline/words"
	"daybook/transform/day"
)

// notices confirm an action on the next page, by the code in its address.
var notices = map[string]string{
	"login":          "You are logged in. Pages now have actions.",
	"logout":         "You are logged out.",
	actions.Run:      "Requested. The next run builds it if it is missing or stale.",
	actions.Rebuild:  "Requested. The next run builds it again from the dumps.",
	actions.Backfill: "Requested. The days are built one after the other.",
	actions.Retry:    "Requested. The next run tries it again.",
}

// post makes a handler for a form. An error of h becomes an error page.
func (c *Console) post(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, cancel := withTimeout(r)
		defer cancel()
		err := r.ParseForm()
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the body is read; only the answer remains
		if err != nil {
			c.showError(w, r, &problem.Error{Status: http.StatusBadRequest, Text: "The form cannot be read, or is too large.", Err: err})
			return
		}
		if err := h(w, r); err != nil {
			c.showError(w, r, err)
		}
	})
}

// act starts the action of a form, and redirects to the form's page.
func (c *Console) act(w http.ResponseWriter, r *http.Request) error {
	if !c.actions.AllowN(c.Now(), 1) {
		return problem.New(http.StatusTooManyRequests, "Too many actions in a short time. Wait a moment, and try again.")
	}
	a, err := c.parseAction(r.PathValue("verb"), r.PostForm)
	if err != nil {
		return err
	}
	caller := access.Of(r)
	a.By = actions.User{User: cmp.Or(caller.User, actions.Token), Role: caller.Role.String(), Address: caller.Address.String()}
	// The action continues after the browser has gone.
	if err := c.Service.Act(context.WithoutCancel(r.Context()), a); err != nil {
		return notDone(err)
	}
	c.redirect(w, r, backTo(a)+"?done="+a.Verb)
	return nil
}

// notDone turns the service's refusal of an action into an error page.
func notDone(err error) error {
	switch {
	case errors.Is(err, actions.ErrInvalid):
		return &problem.Error{Status: http.StatusBadRequest, Text: words.Capital(err.Error()) + ".", Err: err}
	case errors.Is(err, actions.ErrBusy):
		return &problem.Error{Status: http.StatusTooManyRequests, Text: words.Capital(err.Error()) + ".", Err: err}
	}
	if errors.Is(err, actions.ErrUnrecorded) {
		return &problem.Error{Status: http.StatusServiceUnavailable, Text: words.Capital(actions.ErrUnrecorded.Error()) + ".", Err: err}
	}
	return &problem.Error{Status: http.StatusBadGateway, Text: "The action failed. The log has the reason.", Err: err}
}

// backTo is the page that has the action's form.
func backTo(a actions.Action) string {
	switch {
	case a.Report == "":
		return "/"
	case a.To != "":
		return reportPath(a.Report)
	}
	return partitionPath(a.Report, a.From)
}

// parseAction reads and checks an action.
func (c *Console) parseAction(verb string, form url.Values) (actions.Action, error) {
	a := actions.Action{Verb: verb, Kind: partition.Kind(form.Get("kind")), Report: form.Get("report"), From: form.Get("from"), To: form.Get("to")}
	bad := func(text string) (actions.Action, error) {
		return actions.Action{}, problem.BadRequest(text)
	}
	switch verb {
	case actions.Run, actions.Rebuild, actions.Backfill, actions.Retry:
	default:
		return bad("There is no such action.")
	}
	if a.Report != "" {
		if _, err := findReport(c.Service.Snapshot(), a.Report); err != nil {
			return actions.Action{}, err
		}
	}
	from, err := day.ParseEventDate(a.From)
	if err != nil {
		if _, merr := day.ParseEventMonth(a.From); merr != nil || a.To != "" {
			return bad("Write the first day as 2026-11-20, with a year from 1990 to 2200.")
		}
		return a, nil
	}
	if a.To == "" {
		if verb == actions.Backfill {
			return bad("A backfill needs the last day, too. Write it as 2026-11-20.")
		}
		return a, nil
	}
	to, err := day.ParseEventDate(a.To)
	if err != nil {
		return bad("Write the last day as 2026-11-20, with a year from 1990 to 2200.")
	}
	if to < from {
		return bad("The last day is before the first one.")
	}
	return a, nil
}

// Action is a form, and the equivalent command.
type Action struct {
	Verb    string         `json:"verb"`
	Kind    partition.Kind `json:"kind,omitempty"` // digest: of dump days, which belong to no report
	Label   string         `json:"label"`
	About   string         `json:"about"`
	Report  string         `json:"report,omitempty"`
	From    string         `json:"from"`
	To      string         `json:"to,omitempty"`
	Range   bool           `json:"range"` // the form asks for the days
	Command string         `json:"command"`
}

// partitionActions are the actions that a partition's state allows.
func partitionActions(report string, p *states.Partition) []Action {
	dates := "--from " + p.Name() + " --to " + p.Name()
	run := "daybook run --date " + p.Name()
	if m, err := day.ParseMonth(p.Name()); err == nil {
		dates = "--from " + m.First().String() + " --to " + m.Last().String()
		run = "daybook run --month " + p.Name()
	}
	var all []Action
	add := func(verb, label, about, command string) {
		all = append(all, Action{Verb: verb, Label: label, About: about, Report: report, From: p.Name(), Command: command + " --report " + report})
	}
	switch p.State {
	case states.Failed, states.SetAside:
		add(actions.Retry, "Try again", "Forgets the failed attempts. The next run tries again.", "daybook backfill "+dates+" --only failed")
	case states.Missing, states.Waiting, states.Queued, states.Stale:
		add(actions.Run, "Build now", "Builds it without waiting for its drop or its turn.", run)
	}
	add(actions.Rebuild, "Build again", "Builds it again from the dumps. The same result changes nothing.", "daybook backfill "+dates+" --only all")
	return all
}

// retryDumpDays tries the broken dump days from one to another again.
func retryDumpDays(from, to string) Action {
	return Action{Verb: actions.Retry, Kind: partition.Digest, Label: "Retry the dump days",
		About: "Forgets the failed attempts at the broken dump days. The next run reads them again.",
		From:  from, To: to, Command: "daybook backfill --from " + from + " --to " + to}
}

// reportActions are the actions on a whole report.
func reportActions(rep *states.Report) []Action {
	var all []Action
	if n := len(rep.Broken); n > 0 {
		all = append(all, retryDumpDays(rep.Broken[0].Day, rep.Broken[n-1].Day))
	}
	if len(rep.Days) == 0 {
		return all
	}
	first, last := rep.Days[0].Name(), rep.Days[len(rep.Days)-1].Name()
	command := func(from, to, only string) string {
		return "daybook backfill --from " + from + " --to " + to + only + " --report " + rep.Name
	}
	all = append(all, Action{Verb: actions.Backfill, Label: "Backfill", About: "Builds the missing and stale ones of these days, and the months that they complete.",
		Report: rep.Name, From: first, To: last, Range: true, Command: command(first, last, "")})
	failed := func(p states.Partition) bool { return p.State == states.Failed || p.State == states.SetAside }
	from, to := span(rep.Days, failed)
	if from != "" {
		all = append(all, Action{Verb: actions.Retry, Label: "Retry what failed", About: "Tries failed days and days that were set aside again.",
			Report: rep.Name, From: from, To: to, Range: true,
			Command: command(from, to, " --only failed")})
	}
	return all
}

// span is the first and the last partition that fulfils is.
func span(all []states.Partition, is func(states.Partition) bool) (first, last string) {
	for i := range all {
		if is(all[i]) {
			if first == "" {
				first = all[i].Name()
			}
			last = all[i].Name()
		}
	}
	return first, last
}

func reportPath(report string) string { return "/reports/" + url.PathEscape(report) }

func partitionPath(report, partition string) string {
	return reportPath(report) + "/" + url.PathEscape(partition)
}
