package console

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"daybook/pipeline/console/calendar"
	"daybook/pipeline/service"
	"daybook/pipeline/words"
	"daybook/transform/day"
)

// overviewDays is the number of latest days that a card shows.
const overviewDays = 42

// overviewBody is the overview of all reports.
type overviewBody struct {
	Summary  string            `json:"summary"`
	Looked   time.Time         `json:"looked"` // when source and sink were last listed
	Problem  string            `json:"problem,omitempty"`
	Lease    service.Lease     `json:"lease"`
	Reports  []reportCard      `json:"reports"`
	Running  []service.Running `json:"running"`
	Progress service.Progress  `json:"progress"`
	Alerts   []service.Alert   `json:"alerts"`
	TooLate  int64             `json:"too_late_lines"`
	Unknown  []string          `json:"unknown"`
}

// reportCard is one report in an overview.
type reportCard struct {
	Name      string               `json:"name"`
	Timezone  string               `json:"timezone"`
	Verdict   verdict              `json:"verdict"`
	Last      *service.Partition   `json:"last_published_day,omitempty"`
	LastMonth *service.Partition   `json:"last_published_month,omitempty"`
	NextDay   service.Drop         `json:"next_day"`
	NextMonth service.Drop         `json:"next_month"`
	Days      []calendar.RecentDay `json:"days"`
	Chart     calendar.DayChart    `json:"-"`
	Zone      *time.Location       `json:"-"`
}

// verdict sums up the state of a report.
type verdict struct {
	Level string `json:"level"` // good, busy or bad
	Word  string `json:"word"`
	Text  string `json:"text"`
}

func (c *Console) overview(*http.Request) (*page, error) {
	s := c.Service.State()
	body := overviewBody{
		Looked: s.Time, Problem: s.Problem, Lease: s.Lease, Running: orEmpty(s.Running), Progress: s.Progress,
		Alerts: orEmpty(s.Alerts), Unknown: orEmpty(s.Unknown), Reports: []reportCard{},
	}
	for _, late := range s.TooLate {
		body.TooLate += late.Lines
	}
	for i := range s.Reports {
		body.Reports = append(body.Reports, c.card(&s.Reports[i]))
	}
	body.Summary = summarize(body.Reports)
	return &page{Template: "overview", Title: "Overview", Section: "overview", Body: body, Live: true}, nil
}

func (c *Console) card(rep *service.Report) reportCard {
	card := reportCard{
		Name: rep.Name, Timezone: rep.Timezone, Zone: zone(rep), Verdict: verdictOf(rep, c.Now()),
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
	card.Chart = calendar.DayChart(card.Days)
	return card
}

func lastPublished(all []service.Partition) *service.Partition {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Revision > 0 {
			return &all[i]
		}
	}
	return nil
}

// verdictOf is the worst state of a report's partitions, in words.
func verdictOf(rep *service.Report, now time.Time) verdict {
	counts := map[service.PartitionState]int{}
	var late *service.Partition
	for _, all := range [][]service.Partition{rep.Days, rep.Months} {
		for i := range all {
			p := &all[i]
			counts[p.State]++
			if p.Late && late == nil {
				late = p
			}
		}
	}
	var also []string
	for _, s := range []service.PartitionState{service.SetAside, service.Failed} {
		if n := counts[s]; n > 0 {
			also = append(also, fmt.Sprintf("%d %s", n, calendar.StyleOf(s).Word))
		}
	}
	busy := counts[service.Building] + counts[service.Queued] + counts[service.Stale]
	switch {
	case late != nil:
		text := fmt.Sprintf("%s was due by %s, %s.", late.Name(), late.Deadline.In(zone(rep)).Format("Mon 15:04"), ago(late.Deadline, now))
		if len(also) > 0 {
			text += " " + words.Capital(strings.Join(also, ", ")) + "."
		}
		return verdict{"bad", "Late", text}
	case counts[service.SetAside]+counts[service.Failed] > 0:
		return verdict{"bad", "Failing", words.Capital(strings.Join(also, ", ")) + ". All else that is due is published."}
	case busy > 0:
		return verdict{"busy", "Catching up", words.Count(busy, "partition is", "partitions are") + " about to be built."}
	case counts[service.Missing] > 0:
		return verdict{"good", "Fresh", "All that is due is published; " + words.Count(counts[service.Missing], "partition of the past was", "partitions of the past were") + " missed."}
	case len(rep.Days) == 0:
		return verdict{"busy", "Empty", "There are no dumps yet that it could be made of."}
	}
	return verdict{"good", "Fresh", "All that is due is published."}
}

// summarize sums up all reports in a sentence.
func summarize(cards []reportCard) string {
	byWord := map[string]int{}
	for i := range cards {
		byWord[cards[i].Verdict.Word]++
	}
	fresh := byWord["Fresh"]
	switch {
	case len(cards) == 0:
		return "No reports are configured."
	case fresh == len(cards):
		return "Every report is fresh."
	}
	texts := []string{fmt.Sprintf("%d of %d reports fresh", fresh, len(cards))}
	for _, word := range []string{"Late", "Failing", "Catching up", "Empty"} {
		if n := byWord[word]; n > 0 {
			texts = append(texts, fmt.Sprintf("%d %s", n, strings.ToLower(word)))
		}
	}
	return strings.Join(texts, ", ") + "."
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
