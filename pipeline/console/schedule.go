package console

import (
	"net/http"
	"time"

	"daybook/pipeline/console/calendar"
	"daybook/pipeline/service/states"
)

type scheduleBody struct {
	Reports []reportSchedule `json:"reports"`
	Digests digestSchedule   `json:"digests"`
}

// reportSchedule lists what is due of a report and what is not, with reasons.
type reportSchedule struct {
	Name      string            `json:"name"`
	Timezone  string            `json:"timezone"`
	Settings  map[string]string `json:"settings"`
	NextDay   states.Drop       `json:"next_day"`
	NextMonth states.Drop       `json:"next_month"`
	Groups    []calendar.Group  `json:"open"`
	Zone      *time.Location    `json:"-"`
}

type digestSchedule struct {
	Groups []calendar.Group `json:"open"`
}

func (c *Console) schedule(*http.Request) (*page, error) {
	s := c.Service.Snapshot()
	body := scheduleBody{Reports: []reportSchedule{}, Digests: digestSchedule{calendar.Open(s.Digests)}}
	for i := range s.Reports {
		rep := &s.Reports[i]
		body.Reports = append(body.Reports, reportSchedule{
			Name: rep.Name, Timezone: rep.Timezone, Settings: rep.Settings, NextDay: rep.NextDay, NextMonth: rep.NextMonth,
			Groups: calendar.Open(rep.Days, rep.Months), Zone: zone(rep),
		})
	}
	return &page{Template: "schedule", Title: "Schedule", Section: "schedule", Body: body, Live: true}, nil
}

type configurationBody struct {
	Text string `json:"text"` // YAML
	Hash string `json:"hash"`
}

func (c *Console) configuration(*http.Request) (*page, error) {
	var body configurationBody
	if c.Configuration != nil {
		body.Text, body.Hash = c.Configuration()
	}
	return &page{Template: "configuration", Title: "Configuration", Section: "configuration", Body: body}, nil
}
