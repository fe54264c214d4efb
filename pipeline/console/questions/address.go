// Package questions has the pages on which people ask about a report: Explore and the
// list of sessions. An [Address] is the state of such a page: all of it is in the
// parameters, so that a view can be sent to a colleague. [Explore] and [List] make what
// the pages show of the answers of the room explore.
//
// All texts of the two pages that are not in their templates are in words.go, in English:
// the printer of an address writes them in the language of the page.
package questions

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"daybook/pipeline/console/problem"
	"daybook/pipeline/explore"
	"daybook/pipeline/words"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/summary"
)

// Kind is one of the pages.
type Kind string

// The pages, by the last part of their address.
const (
	ExplorePage  Kind = "explore"
	SessionsPage Kind = "sessions"
)

// None is the value of a filter for what is unknown: no group, no technician, no channel,
// no type.
const None = "-"

// Address is a page with its parameters.
type Address struct {
	Kind    Kind
	printer words.Printer // of the page's texts
	report  string        // the path of the report's page
	values  map[string]string
	last    day.Day // that is published

	Unit    explore.Unit
	Whole   explore.Period  // as chosen
	Period  explore.Period  // without the days after the last published one
	Against *explore.Period // nil: it is compared with nothing
	Filter  explore.Filter

	By      explore.Grouping // of Explore, like the following
	Measure string
	Show    string
	Sort    string // of both
	Up      bool   // the smallest first

	Search string // of the sessions, like the following
	Page   int    // from 1
}

// parameters are those of each page.
var parameters = map[Kind][]string{
	ExplorePage:  {"period", "at", "from", "to", "compare", "group", "technician", "channel", "type", "status", "picked_up", "by", "measure", "show", "sort", "order"},
	SessionsPage: {"period", "at", "from", "to", "group", "technician", "channel", "type", "status", "picked_up", "q", "sort", "order", "page"},
}

// Limits of the parameters.
const (
	mostDays   = 3660 // of a period: ten years
	mostPages  = 1_000_000
	mostSearch = 200 // bytes
)

// Parse reads the address of a page whose texts p writes. last is the last published day: the default is the
// last whole week before it for Explore, and that day for the sessions. Errors are for
// readers.
func Parse(p words.Printer, k Kind, report string, query url.Values, last day.Day, target time.Duration) (*Address, error) {
	a := &Address{Kind: k, printer: p, report: report, values: map[string]string{}, last: last}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		all := query[name]
		switch {
		case name == "format" || name == "done":
		case !slices.Contains(parameters[k], name):
			return nil, a.wrong("This page knows no parameter %q. It knows %s.", name, strings.Join(parameters[k], ", "))
		case len(all) > 1:
			return nil, a.wrong("The parameter %s is given %d times.", name, len(all))
		case all[0] != "":
			a.values[name] = all[0]
		}
	}
	for _, step := range []func() error{
		func() error { return a.period(last) }, a.compare, a.filter, func() error { return a.table(target) }, a.list,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// wrong says what is wrong with the address, by a text of the catalogue.
func (a *Address) wrong(english string, args ...any) error {
	return problem.New(http.StatusBadRequest, a.printer.T(english, args...))
}

// oneOf is a parameter with few values.
func oneOf[T ~string](a *Address, name string, preset T, all ...T) (T, error) {
	text, ok := a.values[name]
	if !ok {
		return preset, nil
	}
	if !slices.Contains(all, T(text)) {
		values := make([]string, len(all))
		for i := range all {
			values[i] = string(all[i])
		}
		return "", a.wrong("The parameter %s is %q. It can be %s.", name, text, strings.Join(values, ", "))
	}
	return T(text), nil
}

func (a *Address) date(name string, preset day.Day) (day.Day, error) {
	text, ok := a.values[name]
	if !ok {
		return preset, nil
	}
	d, err := day.ParseEventDate(text)
	if err != nil {
		return 0, a.wrong("The parameter %s is %q. Give a date such as 2026-11-20.", name, text)
	}
	return d, nil
}

// period reads the period.
func (a *Address) period(last day.Day) (err error) {
	preset, at := explore.ADay, last
	if a.Kind == ExplorePage {
		preset, at = explore.AWeek, last-6 // the week that it is in is over
		if at < explore.Around(explore.AWeek, last).From && last.UTC().Weekday() != 0 {
			at = last - 7
		}
	}
	if a.values["from"] != "" || a.values["to"] != "" {
		preset = explore.Range
	}
	if a.Unit, err = oneOf(a, "period", preset, explore.ADay, explore.AWeek, explore.AMonth, explore.AQuarter, explore.AYear, explore.Range); err != nil {
		return err
	}
	if a.values["period"] != "" && a.Unit != explore.AWeek || a.Kind == SessionsPage {
		at = last
	}
	if a.Unit == explore.Range {
		delete(a.values, "at")
		if a.Whole.From, err = a.date("from", last); err != nil {
			return err
		}
		if a.Whole.To, err = a.date("to", max(last, a.Whole.From)); err != nil {
			return err
		}
		if a.Whole.To < a.Whole.From {
			return a.wrong("The period ends on %s, before it begins on %s.", a.Whole.To, a.Whole.From)
		}
	} else {
		delete(a.values, "from")
		delete(a.values, "to")
		if at, err = a.date("at", at); err != nil {
			return err
		}
		a.Whole = explore.Around(a.Unit, at)
	}
	if a.Whole.Len() > mostDays {
		return a.wrong("The period has %d days. It can have %d.", a.Whole.Len(), mostDays)
	}
	a.Period = a.Whole
	if last >= a.Whole.From {
		a.Period.To = min(last, a.Whole.To)
	}
	return nil
}

// The values of compare.
const (
	previous = "previous"
	weekday  = "weekday" // of a day: the same weekday of the week before
	whole    = "whole"   // of a period that is not over: all of the one before
	lastYear = "last_year"
	nothing  = "none"
)

// compared are the values of compare that the period has. The first one is the default.
func (a *Address) compared() []string {
	switch {
	case a.Unit == explore.ADay:
		return []string{weekday, previous, lastYear, nothing}
	case a.Period != a.Whole:
		return []string{previous, whole, lastYear, nothing}
	}
	return []string{previous, lastYear, nothing}
}

// compare finds the period to compare with. One that is not over is compared with as many
// days.
func (a *Address) compare() error {
	all := a.compared()
	if set := a.values["compare"]; (set == weekday || set == whole) && !slices.Contains(all, set) { // of the period that was shown before
		delete(a.values, "compare")
	}
	with, err := oneOf(a, "compare", all[0], all...)
	if err != nil || with == nothing || a.Kind != ExplorePage {
		return err
	}
	p := a.Whole.Shift(a.Unit, -1)
	switch with {
	case weekday:
		p = explore.Period{From: a.Whole.From - 7, To: a.Whole.To - 7}
	case lastYear:
		p = a.Whole.LastYear(a.Unit)
	}
	if a.Period != a.Whole && with != whole {
		p = p.Until(a.Period.Len())
	}
	a.Against = &p
	return nil
}

func (a *Address) filter() error {
	text := func(name string) *string {
		v, ok := a.values[name]
		if !ok {
			return nil
		}
		if v == None {
			v = ""
		}
		return &v
	}
	id := func(name string) (*int64, error) {
		v := text(name)
		if v == nil || *v == "" {
			return new(int64), nil
		}
		n, err := strconv.ParseInt(*v, 10, 64)
		if err != nil || n < 1 {
			return nil, a.wrong("The parameter %s is %q. Give an id, or %s for none.", name, *v, None)
		}
		return &n, nil
	}
	a.Filter.Group, a.Filter.Type, a.Filter.Status = text("group"), text("type"), text("status")
	var err error
	if a.values["technician"] != "" {
		if a.Filter.Technician, err = id("technician"); err != nil {
			return err
		}
	}
	if a.values["channel"] != "" {
		if a.Filter.Channel, err = id("channel"); err != nil {
			return err
		}
	}
	picked, err := oneOf(a, "picked_up", "", "yes", "no")
	if err == nil && picked != "" {
		yes := picked == "yes"
		a.Filter.PickedUp = &yes
	}
	return err
}

// table reads what Explore shows of the answer.
func (a *Address) table(target time.Duration) (err error) {
	if a.Kind != ExplorePage {
		return nil
	}
	if a.By, err = oneOf(a, "by", explore.ByGroup, explore.Groupings...); err != nil {
		return err
	}
	ids := idsOf(Measures(a.printer, target))
	if a.Measure, err = oneOf(a, "measure", "waiting_median", ids...); err != nil {
		return err
	}
	var tabs []string
	for _, t := range Tabs {
		tabs = append(tabs, t.ID)
	}
	if a.Show, err = oneOf(a, "show", Tabs[0].ID, tabs...); err != nil {
		return err
	}
	preset, order := "", "down"
	for _, t := range Tabs {
		if t.ID == a.Show {
			preset = t.Sort
		}
	}
	if a.By == explore.ByHour || a.By == explore.ByDate {
		preset, order = keyColumn, "up"
	}
	if a.Sort, err = oneOf(a, "sort", preset, append(ids, keyColumn)...); err != nil {
		return err
	}
	if a.Sort == keyColumn {
		order = "up"
	}
	order, err = oneOf(a, "order", order, "up", "down")
	a.Up = order == "up"
	return err
}

// keyColumn is the sort by the name of a line.
const keyColumn = "name"

// list reads what the list of sessions shows.
func (a *Address) list() error {
	if a.Kind != SessionsPage {
		return nil
	}
	sort, err := oneOf(a, "sort", explore.OrderWaiting, explore.Orders...)
	if err != nil {
		return err
	}
	a.Sort = string(sort)
	order, err := oneOf(a, "order", "down", "up", "down")
	if err != nil {
		return err
	}
	a.Up = order == "up"
	a.Search = strings.TrimSpace(a.values["q"])
	if len(a.Search) > mostSearch {
		return a.wrong("The search is longer than %d bytes.", mostSearch)
	}
	a.Page = 1
	if text := a.values["page"]; text != "" {
		a.Page, err = strconv.Atoi(text)
		if err != nil || a.Page < 1 || a.Page > mostPages {
			return a.wrong("The parameter page is %q. Give a number from 1.", text)
		}
	}
	return nil
}

// Link is the address with other parameters: names and values in turn. An empty value
// removes a parameter.
func (a *Address) Link(pairs ...string) string { return a.to(a.Kind, pairs...) }

// Pinned is the address of what is seen, with its period: it shows the same days at any
// later time.
func (a *Address) Pinned() string {
	var pairs []string
	a.setPeriod(func(name, value string) { pairs = append(pairs, name, value) })
	return a.to(a.Kind, pairs...)
}

// Sessions is the list of the sessions of the same period and filters.
func (a *Address) Sessions(pairs ...string) string { return a.to(SessionsPage, pairs...) }

// Explore is Explore with the same period and filters.
func (a *Address) Explore(pairs ...string) string { return a.to(ExplorePage, pairs...) }

// File is the address of what is seen as a file.
func (a *Address) File(ext string) string {
	path, query, _ := strings.Cut(a.Link("page", ""), "?")
	if query != "" {
		query = "?" + query
	}
	return path + "." + ext + query
}

// shared are the parameters that a link to the other page keeps.
var shared = func() (names []string) {
	for _, f := range filters {
		names = append(names, f.name)
	}
	return names
}()

func (a *Address) to(k Kind, pairs ...string) string {
	values := url.Values{}
	set := func(name, value string) {
		values.Del(name)
		if value != "" {
			values.Set(name, value)
		}
	}
	for name, value := range a.values {
		if k == a.Kind && name != "page" || slices.Contains(shared, name) {
			set(name, value)
		}
	}
	if k != a.Kind { // their defaults differ
		a.setPeriod(set)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		set(pairs[i], pairs[i+1])
	}
	if len(values) == 0 {
		return a.report + "/" + string(k)
	}
	return a.report + "/" + string(k) + "?" + values.Encode()
}

func (a *Address) setPeriod(set func(name, value string)) {
	set("period", string(a.Unit))
	if a.Unit == explore.Range {
		set("from", a.Whole.From.String())
		set("to", a.Whole.To.String())
		return
	}
	set("at", a.Whole.From.String())
}

// Shifted is the address of the period n periods later, or earlier.
func (a *Address) Shifted(n int) string {
	p := a.Whole.Shift(a.Unit, n)
	if a.Unit == explore.Range {
		return a.Link("period", string(a.Unit), "from", p.From.String(), "to", p.To.String())
	}
	return a.Link("period", string(a.Unit), "at", p.From.String())
}

// Latest is the address of the last published period; empty if it is this one.
func (a *Address) Latest() string {
	if a.Unit == explore.Range || a.Whole.To >= a.last {
		return ""
	}
	return a.Link("period", string(a.Unit), "at", a.last.String())
}

// Later is the address of the next period; empty if it has no published day.
func (a *Address) Later() string {
	if a.Whole.To >= a.last {
		return ""
	}
	return a.Shifted(1)
}

// OfUnit is the address of the last period of a unit that has the last day of this one.
func (a *Address) OfUnit(u string) string {
	if u == string(explore.Range) {
		return a.Link("period", u, "at", "", "from", a.Period.From.String(), "to", a.Period.To.String())
	}
	return a.Link("period", u, "at", a.Period.To.String(), "from", "", "to", "")
}

// About is a table that says what the page answers, for a file of it.
func (a *Address) About(name, zone string) summary.Table {
	p := a.printer
	t := summary.Table{Name: "about", Header: []string{p.T("About this file"), p.T("Value")}, Kinds: []report.Kind{report.String, report.String}}
	add := func(what, value string) {
		if value != "" {
			t.Rows = append(t.Rows, []string{what, value})
		}
	}
	add(p.T("Report"), name)
	add(p.T("From"), a.Period.From.String())
	add(p.T("To"), a.Period.To.String())
	add(p.T("Time zone"), zone)
	for _, f := range filters {
		add(p.T(f.label), a.values[f.name])
	}
	add(p.T("Search"), a.Search)
	return t
}

// Value is a parameter as it is in the address; empty if it is not there.
func (a *Address) Value(name string) string { return a.values[name] }

// Kept are the parameters that a form keeps: those that are not among its own.
func (a *Address) Kept(own ...string) []struct{ Name, Value string } {
	var kept []struct{ Name, Value string }
	for _, name := range slices.Sorted(maps.Keys(a.values)) {
		if !slices.Contains(own, name) && name != "page" {
			kept = append(kept, struct{ Name, Value string }{name, a.values[name]})
		}
	}
	return kept
}

// Filtered says whether a filter or a search is set.
func (a *Address) Filtered() bool {
	return a.Search != "" || slices.ContainsFunc(shared, func(name string) bool { return a.values[name] != "" })
}

// Unfiltered is the address without filters and without a search.
func (a *Address) Unfiltered() string {
	pairs := []string{"q", ""}
	for _, name := range shared {
		pairs = append(pairs, name, "")
	}
	return a.Link(pairs...)
}
