package questions

import (
	"fmt"
	"strconv"
	"time"

	"daybook/pipeline/explore"
	"daybook/transform/report"
	"daybook/transform/summary"
)

// PageSize is how many sessions a page of the list has.
const PageSize = 50

// List is what the list of sessions shows.
type List struct {
	Report   string            `json:"report"`
	Timezone string            `json:"timezone"`
	From     string            `json:"from"`
	To       string            `json:"to"`
	Count    int               `json:"count"`
	Sessions []explore.Session `json:"sessions"`

	*Address `json:"-"`
	Form     Form      `json:"-"`
	Title    string    `json:"-"`
	Missing  string    `json:"-"`
	Lines    []Session `json:"-"`
	Before   string    `json:"-"` // the address of the page before; empty: none
	After    string    `json:"-"`
}

// Session is a line of the list.
type Session struct {
	ID, Link, Start, Customer, Tracking, Technician, Group, Status, Waiting, Work, WrapUp, Duration string

	PickedUp bool
	Legs     int
	More     int // further technicians
}

// NewList makes the page of a list.
func NewList(a *Address, name string, zone *time.Location, list *explore.List) *List {
	l := &List{
		Report: name, Timezone: zone.String(), From: a.Period.From.String(), To: a.Period.To.String(), Count: list.Count, Sessions: list.Sessions,
		Address: a, Form: newForm(a, &list.Facets), Title: periodText(a.printer, a.Period),
	}
	if list.Days < a.Period.Len() {
		l.Missing = a.printer.T("%d of %d days are published.", list.Days, a.Period.Len())
	}
	for i := range list.Sessions {
		l.Lines = append(l.Lines, newSession(a, &list.Sessions[i]))
	}
	if a.Page > 1 {
		l.Before = a.Link("page", strconv.Itoa(a.Page-1))
	}
	if a.Page*PageSize < list.Count {
		l.After = a.Link("page", strconv.Itoa(a.Page+1))
	}
	return l
}

func newSession(a *Address, s *explore.Session) Session {
	line := Session{
		ID: strconv.FormatInt(s.ID, 10), Link: fmt.Sprintf("%s/sessions/%d?date=%s", a.report, s.ID, s.Date), Start: a.printer.Date(s.Start, "2 Jan 15:04:05"),
		Customer: s.Customer, Tracking: s.Tracking, Group: s.Group, Status: keyText(a.printer, explore.ByStatus, explore.Key{Text: s.Status}), PickedUp: s.PickedUp, Legs: s.Legs,
		Waiting: clock(float64(s.Waiting)), Work: clock(float64(s.Work)), Duration: clock(float64(s.Duration)), WrapUp: "–",
	}
	if s.WrapUp >= 0 {
		line.WrapUp = clock(float64(s.WrapUp))
	}
	if len(s.Technicians) > 0 {
		line.Technician, line.More = keyText(a.printer, explore.ByTechnician, s.Technicians[0]), len(s.Technicians)-1
	}
	return line
}

// Wider is the address of the same search over a year; empty without a search.
func (l *List) Wider() string {
	if l.Search == "" || l.Unit == explore.AYear {
		return ""
	}
	return l.OfUnit(string(explore.AYear))
}

// Range says which sessions the page has.
func (l *List) Range() string {
	p := l.printer
	if l.Count == 0 {
		return p.T("No session matches.")
	}
	all := p.Count(int64(l.Count), "session", "sessions")
	from := (l.Page-1)*PageSize + 1
	if len(l.Lines) == 0 {
		return p.T("The list ends before this page: it has %s.", all)
	}
	if l.Count <= PageSize {
		return all
	}
	return p.T("%s to %s of %s", p.Thousands(int64(from)), p.Thousands(int64(from+len(l.Lines)-1)), all)
}

// Heading is the link of a heading, which sorts by it.
func (l *List) Heading(order string) string {
	up := ""
	if l.Sort == order && !l.Up {
		up = "up"
	}
	return l.Link("sort", order, "order", up)
}

// SortOf is how the list is sorted by a column, for its heading.
func (l *List) SortOf(order string) string {
	switch {
	case l.Sort != order:
		return "none"
	case l.Up:
		return "ascending"
	}
	return "descending"
}

// Orders are the orders, as links.
func (l *List) Orders() []Choice {
	all := make([]Choice, len(explore.Orders))
	for i, o := range explore.Orders {
		all[i] = Choice{string(o), l.OrderName(string(o)), string(o) == l.Sort, l.Heading(string(o))}
	}
	return all
}

// OrderName is the name of an order.
func (l *List) OrderName(order string) string { return l.printer.T(orders[explore.Order(order)]) }

// listHeadings are the headings of the list in a file.
var listHeadings = []string{"Session ID", "Date", "Customer", "Tracking ID", "Technician", "Group", "Channel", "Status", "Legs", "Picked up", "Waiting", "Work", "Wrap-up", "Duration"}

// Table is the list for a file.
func (l *List) Table() summary.Table {
	t := summary.Table{
		Name: "sessions",
		Kinds: []report.Kind{
			report.Integer, report.Date, report.String, report.String, report.String, report.String, report.String, report.String,
			report.Integer, report.String, report.Duration, report.Duration, report.Duration, report.Duration,
		},
	}
	for _, heading := range listHeadings {
		t.Header = append(t.Header, l.printer.T(heading))
	}
	for i := range l.Sessions {
		s, line := &l.Sessions[i], &l.Lines[i]
		picked, wrapUp := l.printer.T("no"), ""
		if s.PickedUp {
			picked = l.printer.T("yes")
		}
		if s.WrapUp >= 0 {
			wrapUp = line.WrapUp
		}
		t.Rows = append(t.Rows, []string{
			line.ID, s.Date.String(), s.Customer, s.Tracking, line.Technician, s.Group, s.Channel.Name, line.Status, strconv.Itoa(s.Legs), picked, line.Waiting, line.Work, wrapUp, line.Duration,
		})
	}
	return t
}

// Sortable are the orders of the columns of durations.
func (l *List) Sortable() []string {
	return []string{string(explore.OrderWaiting), string(explore.OrderWork), string(explore.OrderWrapUp), string(explore.OrderDuration)}
}
