package explore

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"daybook/transform/day"
)

// ListQuestion asks for sessions: those with a selected leg that match a search.
type ListQuestion struct {
	Zone   *time.Location
	Days   []Day // that are published, in order; also those outside of the period
	Period Period
	Filter Filter
	Search string // a session id; or part of a customer's name, a tracking id, or a technician's name or id
	Sort   Order
	Up     bool // the smallest first
	From   int  // the sessions to leave out first
	Most   int  // of the sessions to return
}

// Order is what sessions are sorted by.
type Order string

// The orders of sessions.
const (
	OrderStart    Order = "start"
	OrderWaiting  Order = "waiting"
	OrderWork     Order = "work"
	OrderWrapUp   Order = "wrap_up"
	OrderDuration Order = "duration"
)

// Orders are all of them.
var Orders = []Order{OrderStart, OrderWaiting, OrderWork, OrderWrapUp, OrderDuration}

// List is some sessions, and how many there are.
type List struct {
	Sessions []Session
	Count    int
	Facets   Facets
	Days     int // that are published
}

// Session is a session in a list. Work, wrap-up and duration are of its selected legs.
// Durations are milliseconds.
type Session struct {
	ID          int64     `json:"session_id"`
	Date        day.Day   `json:"date"` // of its first selected leg
	Start       time.Time `json:"start"`
	Waiting     int64     `json:"waiting_ms"`
	PickedUp    bool      `json:"picked_up"`
	Work        int64     `json:"work_ms"`
	WrapUp      int64     `json:"wrap_up_ms"` // the longest; -1: unknown
	Duration    int64     `json:"duration_ms"`
	Legs        int       `json:"legs"`
	Technicians []Key     `json:"technicians"`
	Group       string    `json:"group"`
	Channel     Channel   `json:"channel"`
	Status      string    `json:"status"` // of its last selected leg
	Customer    string    `json:"customer"`
	Tracking    string    `json:"tracking_id"`
}

// sums is what a list sorts a session by.
type sums struct {
	start, end   int64
	work, wrapUp int64
	matches      bool
	legs         int32
}

// List lists sessions.
func (x *Explorer) List(ctx context.Context, q *ListQuestion) (*List, error) {
	v, err := x.view(ctx, q.Zone, q.Days, q.Period)
	if err != nil {
		return nil, err
	}
	all := make([]sums, len(v.facts))
	matches, err := x.matcher(ctx, v, q)
	if err != nil {
		return nil, err
	}
	for i := range v.inside() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v.sum(i, q, all, matches(i))
	}
	var found []int32
	for i := range all {
		if all[i].matches {
			found = append(found, int32(i))
		}
	}
	v.sort(found, all, q)
	page := found[min(q.From, len(found)):min(q.From+q.Most, len(found))]
	list := &List{Count: len(found), Sessions: v.describe(page, all, q), Facets: v.facets(), Days: v.to - v.from}
	return list, x.name(ctx, q, list.Sessions)
}

// matcher says which rows of a day match the search.
func (x *Explorer) matcher(ctx context.Context, v *view, q *ListQuestion) (func(i int) func(row int) bool, error) {
	if q.Search == "" {
		return func(int) func(int) bool { return func(int) bool { return true } }, nil
	}
	days := slices.DeleteFunc(slices.Clone(q.Days), func(d Day) bool { return d.ID.Day() < q.Period.From || d.ID.Day() > q.Period.To })
	read, err := x.details(ctx, q.Zone, days)
	if err != nil {
		return nil, err
	}
	byDate := map[day.Day]*details{}
	for _, d := range read {
		byDate[d.date] = d
	}
	needle := strings.ToLower(q.Search)
	id, err := strconv.ParseInt(q.Search, 10, 64)
	isID := err == nil
	return func(i int) func(int) bool {
		c := v.days[i]
		technicians := make([]bool, len(c.names))
		for code, name := range c.names {
			technicians[code] = strings.Contains(strings.ToLower(name), needle) || isID && c.technician.values[code] == id
		}
		texts := byDate[c.date]
		return func(row int) bool {
			return isID && c.ids[c.sessions[row]] == id || technicians[c.technician.codes[row]] || texts != nil && texts.contains(row, needle)
		}
	}, nil
}

// sum adds the selected rows of a day to their sessions.
func (v *view) sum(i int, q *ListQuestion, all []sums, matches func(row int) bool) {
	c, sessions := v.days[i], v.sessions[i]
	s := newSelector(&q.Filter, c)
	for row := range c.rows {
		number := sessions[c.sessions[row]]
		if !s.selects(row, &v.facts[number]) {
			continue
		}
		a := &all[number]
		from := c.at(begin, row)
		if a.legs == 0 {
			*a = sums{start: from, end: from, wrapUp: -1, matches: a.matches}
		}
		a.legs++
		a.start, a.end = min(a.start, from), max(a.end, c.last(row))
		a.work += c.at(work, row)
		if w := c.at(wrapUp, row); w != absent {
			a.wrapUp = max(a.wrapUp, w)
		}
		a.matches = a.matches || matches(row)
	}
}

// sort sorts sessions; those that are equal by their number, which is stable. An unknown
// wrap-up is last in both orders.
func (v *view) sort(found []int32, all []sums, q *ListQuestion) {
	keys, least, most := make([]sample, len(found)), int64(math.MaxInt64), int64(math.MinInt64)
	for i, number := range found {
		keys[i] = sample{v.order(number, all, q.Sort), number, 0}
		least, most = min(least, keys[i].value), max(most, keys[i].value)
	}
	for i := range keys {
		k := &keys[i]
		switch {
		case !q.Up:
			k.value = most - k.value
		case q.Sort == OrderWrapUp && k.value < 0:
			k.value = most - least + 1
		default:
			k.value -= least
		}
	}
	for i, k := range sortSamples(keys, make([]sample, len(keys))) {
		found[i] = k.bin
	}
}

// order is what a session is sorted by.
func (v *view) order(number int32, all []sums, by Order) int64 {
	a := &all[number]
	switch by {
	case OrderWaiting:
		return v.facts[number].waiting
	case OrderWork:
		return a.work
	case OrderWrapUp:
		return a.wrapUp
	case OrderDuration:
		return a.end - a.start
	}
	return a.start
}

// describe describes the sessions of a page.
func (v *view) describe(page []int32, all []sums, q *ListQuestion) []Session {
	at := make(map[int32]int, len(page))
	sessions := make([]Session, len(page))
	for i, number := range page {
		at[number] = i
		a, f := &all[number], &v.facts[number]
		sessions[i] = Session{
			Start: time.UnixMilli(a.start).In(q.Zone), Waiting: f.waiting, PickedUp: f.started, Work: a.work, WrapUp: a.wrapUp, Duration: a.end - a.start,
		}
	}
	if len(page) == 0 {
		return sessions
	}
	for i, c := range v.inside() {
		selects := newSelector(&q.Filter, c)
		for row := range c.rows {
			number := v.sessions[i][c.sessions[row]]
			j, ok := at[number]
			if !ok || !selects.selects(row, &v.facts[number]) {
				continue
			}
			sessions[j].add(c, row)
		}
	}
	return sessions
}

// add adds a selected leg.
func (s *Session) add(c *columns, row int) {
	if s.Legs == 0 {
		s.ID, s.Date = c.ids[c.sessions[row]], c.date
	}
	s.Legs++
	s.Status = c.status.values[c.status.codes[row]]
	code := c.technician.codes[row]
	if id := c.technician.values[code]; id != 0 && !slices.ContainsFunc(s.Technicians, func(k Key) bool { return k.ID == id }) {
		s.Technicians = append(s.Technicians, Key{id, c.names[code]})
	}
	if group := c.group.values[c.group.codes[row]]; s.Group == "" {
		s.Group = group
	}
	if ch := c.channel.values[c.channel.codes[row]]; s.Channel == (Channel{}) {
		s.Channel = ch
	}
}

// name adds the customers' names and tracking ids.
func (x *Explorer) name(ctx context.Context, q *ListQuestion, sessions []Session) error {
	wanted := map[day.Day]bool{}
	for i := range sessions {
		wanted[sessions[i].Date] = true
	}
	var days []Day
	for _, d := range q.Days {
		if wanted[d.ID.Day()] {
			days = append(days, d)
		}
	}
	read, err := x.details(ctx, q.Zone, days)
	if err != nil {
		return err
	}
	for _, d := range read {
		for i := range sessions {
			if s := &sessions[i]; s.Date == d.date {
				s.Customer, s.Tracking = d.of(s.ID)
			}
		}
	}
	return nil
}
