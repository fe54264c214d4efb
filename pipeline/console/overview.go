package console

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"daybook/pipeline/console/calendar"
	"daybook/pipeline/service/states"
	"daybook/pipeline/words"
	"daybook/sources/dump"
	"daybook/transform/day"
)

// overviewDays is the number of latest days that a card shows.
const overviewDays = 42

// overviewBody is the overview of all reports.
type overviewBody struct {
	Summary  string           `json:"summary"`
	Looked   time.Time        `json:"looked"` // when source and sink were last listed
	Problem  string           `json:"problem,omitempty"`
	Lease    states.Lease     `json:"lease"`
	Reports  []reportCard     `json:"reports"`
	Running  []states.Running `json:"running"`
	Progress states.Progress  `json:"progress"`
	Alerts   []alertLine      `json:"alerts"`
	TooLate  int64            `json:"too_late_lines"`
	Unknown  []string         `json:"unknown"`
	Unread   dump.Unread      `json:"unread,omitzero"`
}

// reportCard is one report in an overview.
type reportCard struct {
	Name      string               `json:"name"`
	Timezone  string               `json:"timezone"`
	Verdict   states.Verdict       `json:"verdict"`
	Last      *states.Partition    `json:"last_published_day,omitempty"`
	LastMonth *states.Partition    `json:"last_published_month,omitempty"`
	NextDay   states.Drop          `json:"next_day"`
	NextMonth states.Drop          `json:"next_month"`
	Days      []calendar.RecentDay `json:"days"`
	Chart     calendar.DayChart    `json:"-"`
	Zone      *time.Location       `json:"-"`
}

func (c *Console) overview(r *http.Request) (*page, error) {
	s := c.Service.Snapshot()
	body := overviewBody{
		Looked: s.Time, Problem: s.Problem, Lease: s.Lease, Running: orEmpty(s.Running), Progress: s.Progress,
		Alerts: alertLines(s), Unknown: orEmpty(s.Unknown), Unread: s.Unread, Reports: []reportCard{},
	}
	for _, late := range s.TooLate {
		body.TooLate += late.Lines
	}
	for i := range s.Reports {
		body.Reports = append(body.Reports, c.card(&s.Reports[i], c.printer(r)))
	}
	body.Summary = summarize(body.Reports, c.printer(r))
	return &page{Template: "overview", Title: "Overview", Section: "overview", Body: body, Live: true}, nil
}

func (c *Console) card(rep *states.Report, w words.Printer) reportCard {
	card := reportCard{
		Name: rep.Name, Timezone: rep.Timezone, Zone: zone(rep), Verdict: states.VerdictOf(rep),
		Last: lastPublished(rep.Days), LastMonth: lastPublished(rep.Months), NextDay: rep.NextDay, NextMonth: rep.NextMonth,
		Days: []calendar.RecentDay{},
	}
	h := c.index.History(rep.Name)
	for _, p := range rep.Days[max(0, len(rep.Days)-overviewDays):] {
		d := calendar.RecentDay{Day: p.Name(), State: p.State, Rows: p.Rows, Sessions: p.Sessions}
		if parsed, err := day.Parse(p.Name()); err == nil && d.Sessions == 0 {
			d.Sessions = h.Day(parsed).Sessions
		}
		card.Days = append(card.Days, d)
	}
	card.Chart = calendar.DayChart{Days: card.Days, Words: w}
	return card
}

func lastPublished(all []states.Partition) *states.Partition {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Revision > 0 {
			return &all[i]
		}
	}
	return nil
}

// summarize sums up all reports in a sentence, the worst first.
func summarize(cards []reportCard, p words.Printer) string {
	if len(cards) == 0 {
		return p.T("No reports are configured.")
	}
	byWord := map[states.Word]int{}
	for i := range cards {
		byWord[cards[i].Verdict.Word]++
	}
	if byWord[states.VerdictFresh] == len(cards) {
		return p.T("Every report is fresh.")
	}
	var texts []string
	for _, word := range states.Words {
		if n := byWord[word]; n > 0 {
			texts = append(texts, fmt.Sprintf("%d %s", n, p.T(fmt.Sprint(word))))
		}
	}
	return p.T("Of %s, %s.", p.Count(int64(len(cards)), "report", "reports"), strings.Join(texts, ", "))
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
