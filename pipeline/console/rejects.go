package console

import (
	"net/http"
	"slices"
	"strings"

	"daybook/pipeline/console/partitions"
	"daybook/pipeline/console/problem"
	"daybook/pipeline/partition"
	"daybook/pipeline/service/actions"
	"daybook/pipeline/service/states"
	"daybook/pipeline/words"
	"daybook/transform/day"
)

// rejectsBody is the rejected lines of a dump day, and why the day failed.
type rejectsBody struct {
	Report string           `json:"report"`
	Digest states.Partition `json:"digest,omitzero"` // of the dump day, if the state lists it
	*partitions.Rejects
	Actions []Action `json:"actions"`
}

func (c *Console) rejects(r *http.Request) (*page, error) {
	s := c.Service.Snapshot()
	rep, err := findReport(s, r.PathValue("report"))
	if err != nil {
		return nil, err
	}
	d, err := day.ParseEventDate(r.PathValue("day"))
	if err != nil {
		return nil, problem.NotFound("Write the dump day as 2026-11-20.")
	}
	reason := r.URL.Query().Get("reason")
	if reason != "" && !partitions.KnownReason(reason) {
		return nil, problem.BadRequest("There is no such reason for rejecting a line.")
	}
	language := definition(c.Service.Settings(), rep.Name, zone(rep)).Language
	rejects, err := partitions.ReadRejects(r.Context(), c.inspector(), d, reason, words.In(language))
	if err != nil {
		return nil, err
	}
	body := &rejectsBody{Report: rep.Name, Rejects: rejects, Actions: []Action{}}
	if p := s.Find(partition.DigestID(d)); p != nil {
		body.Digest = *p
		if p.State == states.Failed || p.State == states.SetAside {
			body.Actions = append(body.Actions, retryDumpDays(d.String(), d.String()))
		}
	}
	return &page{Template: "rejects", Title: "Dump day " + d.String(), Section: "reports", Body: body}, nil
}

// alertLine is an alert, the page of its cause, and the retry that may end it.
type alertLine struct {
	states.Alert
	Cause     string  `json:"cause,omitempty"`      // address of the page
	CauseText string  `json:"cause_text,omitempty"` // what the page is about
	Retry     *Action `json:"retry,omitempty"`
}

// alertLines add to each alert where its cause is shown.
func alertLines(s *states.Snapshot) []alertLine {
	all := []alertLine{}
	for _, a := range s.Alerts {
		line := alertLine{Alert: a}
		rep, err := findReport(s, a.Report)
		switch {
		case a.What == partition.Digest:
			line.ofDumpDay(s, a.Partition)
		case err == nil:
			line.ofPartition(rep)
		}
		all = append(all, line)
	}
	return all
}

// ofDumpDay leads to the dump day, under a report that it blocks.
func (l *alertLine) ofDumpDay(s *states.Snapshot, d string) {
	if _, err := day.Parse(d); err != nil || len(s.Reports) == 0 { // a combined alert
		l.Cause, l.CauseText = "/schedule", "the schedule"
		return
	}
	name := s.Reports[0].Name
	for i := range s.Reports {
		if broken(&s.Reports[i], d) {
			name = s.Reports[i].Name
			break
		}
	}
	l.Cause, l.CauseText = rejectsPath(name, d), "dump day "+d
	retry := retryDumpDays(d, d)
	l.Retry = &retry
}

// ofPartition leads to the broken dump day that the partition waits for, or else to the
// partition itself. A combined alert leads to the causes of the report's verdict.
func (l *alertLine) ofPartition(rep *states.Report) {
	if l.Told > 0 {
		l.Cause, l.CauseText = reportPath(rep.Name)+"#h-causes", "the causes"
		for _, a := range reportActions(rep) {
			if a.Verb == actions.Retry {
				l.Retry = &a
				return
			}
		}
		return
	}
	for _, b := range rep.Broken {
		if b.Day == l.Partition || strings.Contains(l.Text, "digest of "+b.Day) {
			l.Cause, l.CauseText = rejectsPath(rep.Name, b.Day), "dump day "+b.Day
			retry := retryDumpDays(b.Day, b.Day)
			l.Retry = &retry
			return
		}
	}
	l.Cause, l.CauseText = partitionPath(rep.Name, l.Partition)+"#cause", "its page"
	for _, all := range [][]states.Partition{rep.Days, rep.Months} {
		for i := range all {
			if all[i].Name() == l.Partition && (all[i].State == states.Failed || all[i].State == states.SetAside) {
				l.Retry = &partitionActions(rep.Name, &all[i])[0]
			}
		}
	}
}

// broken says whether a report lacks the digest of a dump day.
func broken(rep *states.Report, d string) bool {
	return slices.ContainsFunc(rep.Broken, func(b states.BrokenDay) bool { return b.Day == d })
}

func rejectsPath(report, d string) string { return reportPath(report) + "/rejects/" + d }
