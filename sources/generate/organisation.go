package generate

import (
	"fmt"
	"strings"

	"daybook/transform/day"
)

// organisation holds the load, technicians and channels of a support
// organisation. It is immutable.
type organisation struct {
	seed           uint64
	sessionsPerDay int
	working        shape
	weekend        shape
	technicians    []*technician
	channels       []string // JSON objects
}

// technician is a technician with the JSON objects for events.
type technician struct {
	id     int64
	name   string
	before string // object with the first group
	after  string // object with the group after a move
	bare   string // object with the id alone
}

// object returns the technician's JSON object for events of day d. Some
// technicians change groups about every month.
func (t *technician) object(d day.Day) string {
	if d/30%2 == 0 {
		return t.before
	}
	return t.after
}

// The average load of a technician and a channel on a working day.
const (
	sessionsPerTechnician = 25
	sessionsPerChannel    = 500

	firstChannel = 501 // id of the first channel
)

func newOrganisation(seed uint64, sessionsPerDay int) *organisation {
	w := &organisation{seed: seed, sessionsPerDay: sessionsPerDay, working: shapeOf(workingHours), weekend: shapeOf(weekendHours)}
	for i := range min(max(sessionsPerDay/sessionsPerTechnician, 6), 4000) {
		w.technicians = append(w.technicians, newTechnician(i, mix(seed^uint64(i))))
	}
	for i := range min(max(sessionsPerDay/sessionsPerChannel, len(channelNames)), 300) {
		name := channelNames[i%len(channelNames)]
		if i >= len(channelNames) {
			name = fmt.Sprintf("%s %d", name, i/len(channelNames)+1)
		}
		w.channels = append(w.channels, string(appendObject(nil, int64(firstChannel+i), "name", name)))
	}
	return w
}

// Rare traits are given to some of the first technicians, so that a small
// organisation has them, too.
const (
	longNamed = 3
	groupless = 5
)

func newTechnician(i int, luck uint64) *technician {
	t := &technician{id: int64(1001 + i)}
	given, family := given[luck%uint64(len(given))], family[luck>>16%uint64(len(family))]
	t.name = given + " " + family
	if i%200 == longNamed {
		t.name = given + strings.Repeat(" de la "+family, 16) // more than a report's 128 characters
	}
	email := fmt.Sprintf("agent.%d@support.example", t.id)
	group := groups[luck>>32%uint64(len(groups))]
	other := group
	if luck>>48%8 == 0 {
		other = groups[luck>>52%uint64(len(groups))]
	}
	t.bare = string(appendObject(nil, t.id))
	t.before = string(appendObject(nil, t.id, "name", t.name, "email", email, "group", group))
	t.after = string(appendObject(nil, t.id, "name", t.name, "email", email, "group", other))
	if i%50 == groupless {
		t.before = string(appendObject(nil, t.id, "name", t.name))
		t.after = t.before
	}
	return t
}

// appendObject appends a JSON object with an id and other members, given as pairs
// of name and value.
func appendObject(b []byte, id int64, members ...string) []byte {
	b = fmt.Appendf(b, `{"id":%d`, id)
	for i := 0; i < len(members); i += 2 {
		b = fmt.Appendf(b, `,"%s":`, members[i])
		b = appendString(b, members[i+1], false)
	}
	return append(b, '}')
}
