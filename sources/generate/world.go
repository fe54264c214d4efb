package generate

import (
	"fmt"
	"strings"

	"daybook/transform/day"
)

// world is who works in the organisation, and on what. It does not change.
type world struct {
	seed           uint64
	sessionsPerDay int
	working        shape
	weekend        shape
	technicians    []*technician
	channels       []string // JSON objects
}

// technician is one, with the JSON objects that events hold.
type technician struct {
	id     int64
	name   string
	before string // in the first group
	after  string // in another, where technicians move
	bare   string // the id alone
}

// object gives the technician as events show one on day d. Some change groups
// every other month or so.
func (t *technician) object(d day.Day) string {
	if d/30%2 == 0 {
		return t.before
	}
	return t.after
}

// What a technician does in a working day, and a channel gets.
const (
	sessionsPerTechnician = 25
	sessionsPerChannel    = 500

	firstChannel = 501 // its id
)

func newWorld(seed uint64, sessionsPerDay int) *world {
	w := &world{seed: seed, sessionsPerDay: sessionsPerDay, working: shapeOf(workingHours), weekend: shapeOf(weekendHours)}
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

// Some of the first technicians have what otherwise only few have, so that a
// small organisation has it, too.
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

// appendObject appends a JSON object with an id and other members, given as
// name after value.
func appendObject(b []byte, id int64, members ...string) []byte {
	b = fmt.Appendf(b, `{"id":%d`, id)
	for i := 0; i < len(members); i += 2 {
		b = fmt.Appendf(b, `,"%s":`, members[i])
		b = appendString(b, members[i+1], false)
	}
	return append(b, '}')
}
