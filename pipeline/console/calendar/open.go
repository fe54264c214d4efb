package calendar

import (
	"encoding/json"
	"slices"
	"strings"

	"daybook/pipeline/service/states"
	"daybook/transform/day"
)

// mostOpen limits the stretches that the schedule lists of one state. The
// calendar has all partitions.
const mostOpen = 12

// Group is the partitions in one unfinished state, the newest first.
type Group struct {
	Style     `json:"-"`
	State     states.State `json:"state"`
	Stretches []Stretch    `json:"stretches"`
	More      int          `json:"more"` // partitions
}

// Stretch is consecutive partitions that are in a state for the same reasons.
type Stretch struct {
	states.Partition        // the newest one
	First            string // the oldest one's name
	N                int
	Differ           bool // the reasons name different days or times
}

// MarshalJSON writes the members of the newest partition, and then those of the
// stretch.
func (s Stretch) MarshalJSON() ([]byte, error) {
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
func (s *Stretch) takes(p *states.Partition) bool {
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

// urgency is the order of the groups: states that need people come first.
var urgency = []states.State{
	states.SetAside, states.Failed, states.Building, states.Queued, states.Stale, states.Waiting, states.Missing,
}

// Open groups the unfinished partitions of some lists, which are in order of time.
func Open(lists ...[]states.Partition) []Group {
	groups := []Group{}
	for _, state := range urgency {
		g := Group{Style: StyleOf(state), State: state}
		for _, all := range lists {
			for i := len(all) - 1; i >= 0; i-- {
				n := len(g.Stretches)
				switch p := &all[i]; {
				case p.State != state:
				case n > 0 && g.More == 0 && g.Stretches[n-1].takes(p):
				case n < mostOpen:
					g.Stretches = append(g.Stretches, Stretch{Partition: *p, First: p.Name(), N: 1})
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
