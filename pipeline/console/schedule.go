package console

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"daybook/pipeline/service"
	"daybook/transform/day"
)

// mostOpen limits the stretches that the schedule lists of one state. The
// calendar has all partitions.
const mostOpen = 12

type scheduleBody struct {
	Reports []reportSchedule `json:"reports"`
	Digests digestSchedule   `json:"digests"`
}

// reportSchedule lists what is due of a report and what is not, with reasons.
type reportSchedule struct {
	Name      string            `json:"name"`
	Timezone  string            `json:"timezone"`
	Settings  map[string]string `json:"settings"`
	NextDay   service.Drop      `json:"next_day"`
	NextMonth service.Drop      `json:"next_month"`
	Groups    []stateGroup      `json:"open"`
	Zone      *time.Location    `json:"-"`
}

type digestSchedule struct {
	Groups []stateGroup `json:"open"`
}

// stateGroup is the partitions in one unfinished state, the newest first.
type stateGroup struct {
	style     `json:"-"`
	State     service.PartitionState `json:"state"`
	Stretches []stretch              `json:"stretches"`
	More      int                    `json:"more"` // partitions
}

// stretch is consecutive partitions that are in a state for the same reasons.
type stretch struct {
	service.Partition        // the newest one
	First             string // the oldest one's name
	N                 int
	Differ            bool // the reasons name different days or times
}

// MarshalJSON writes the members of the newest partition, and then those of the
// stretch.
func (s stretch) MarshalJSON() ([]byte, error) {
	newest, err := json.Marshal(s.Partition)
	if err != nil {
		return nil, err
	}
	own, err := json.Marshal(struct {
		First string `json:"first"`
		N     int    `json:"partitions"`
	}{s.First, s.N})
	if err != nil {
		return nil, err
	}
	newest[len(newest)-1] = ','
	return append(newest, own[1:]...), nil
}

// takes adds the partition before the stretch if its reasons are the same.
func (s *stretch) takes(p *service.Partition) bool {
	if p.Failure != s.Failure || p.Late != s.Late || !slices.EqualFunc(p.Reasons, s.Reasons, alike) || !before(p.Name(), s.First) {
		return false
	}
	s.Differ = s.Differ || !slices.Equal(p.Reasons, s.Reasons)
	s.First = p.Name()
	s.N++
	return true
}

// alike says whether two reasons differ at most in their numbers, which are dates
// and times.
func alike(a, b string) bool {
	withoutDigits := func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}
	return strings.Map(withoutDigits, a) == strings.Map(withoutDigits, b)
}

// before says whether day a is the day before b.
func before(a, b string) bool {
	x, errA := day.Parse(a)
	y, errB := day.Parse(b)
	return errA == nil && errB == nil && x+1 == y
}

func (c *Console) schedule(*http.Request) (*page, error) {
	s := c.Service.State()
	body := scheduleBody{Reports: []reportSchedule{}, Digests: digestSchedule{openGroups(s.Digests)}}
	for i := range s.Reports {
		rep := &s.Reports[i]
		body.Reports = append(body.Reports, reportSchedule{
			Name: rep.Name, Timezone: rep.Timezone, Settings: rep.Settings, NextDay: rep.NextDay, NextMonth: rep.NextMonth,
			Groups: openGroups(rep.Days, rep.Months), Zone: zone(rep),
		})
	}
	return &page{Template: "schedule", Title: "Schedule", Section: "schedule", Body: body, Live: true}, nil
}

// urgency is the order of the groups: states that need people come first.
var urgency = []service.PartitionState{
	service.SetAside, service.Failed, service.Building, service.Queued, service.Stale, service.Waiting, service.Missing,
}

func openGroups(lists ...[]service.Partition) []stateGroup {
	groups := []stateGroup{}
	for _, state := range urgency {
		g := stateGroup{style: styleOf(state), State: state}
		for _, all := range lists {
			for i := len(all) - 1; i >= 0; i-- {
				n := len(g.Stretches)
				switch p := &all[i]; {
				case p.State != state:
				case n > 0 && g.More == 0 && g.Stretches[n-1].takes(p):
				case n < mostOpen:
					g.Stretches = append(g.Stretches, stretch{Partition: *p, First: p.Name(), N: 1})
				default:
					g.More++
				}
			}
		}
		if len(g.Stretches) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
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
