package questions

import (
	"fmt"
	"math"
	"time"

	"daybook/pipeline/explore"
	"daybook/pipeline/words"
	"daybook/transform/day"
	"daybook/transform/report"
)

// groupings are the names of the groupings.
var groupings = map[explore.Grouping]string{
	explore.ByTechnician: "Technician", explore.ByGroup: "Group", explore.ByChannel: "Channel", explore.ByHour: "Hour",
	explore.ByStatus: "Status", explore.ByType: "Session type", explore.ByDate: "Date",
}

// byTexts are the headings of the table.
var byTexts = map[explore.Grouping]string{
	explore.ByTechnician: "By technician", explore.ByGroup: "By group", explore.ByChannel: "By channel", explore.ByHour: "By hour",
	explore.ByStatus: "By status", explore.ByType: "By type", explore.ByDate: "By date",
}

// unknowns are the names of what is unknown.
var unknowns = map[explore.Grouping]string{
	explore.ByTechnician: "no technician", explore.ByGroup: "no group", explore.ByChannel: "no channel", explore.ByStatus: "no status", explore.ByType: "no type",
}

// filters are the parameters that select legs, and their names, in the order of the form.
var filters = []struct{ name, label string }{
	{"group", "Group"}, {"technician", "Technician"}, {"channel", "Channel"}, {"type", "Session type"}, {"status", "Status"}, {"picked_up", "Pick-up"},
}

// units are the names of the periods.
var units = []Choice{
	{Value: "day", Text: "Day"}, {Value: "week", Text: "Week"}, {Value: "month", Text: "Month"},
	{Value: "quarter", Text: "Quarter"}, {Value: "year", Text: "Year"}, {Value: "range", Text: "From–to"},
}

// comparisons are the names of what a period is compared with.
var comparisons = map[string]string{previous: "the one before", weekday: "the same weekday before", whole: "the whole one before", lastYear: "the same of last year", nothing: "nothing"}

// orders are the names of the orders of sessions.
var orders = map[explore.Order]string{
	explore.OrderStart: "Start", explore.OrderWaiting: "Waiting", explore.OrderWork: "Work", explore.OrderWrapUp: "Wrap-up", explore.OrderDuration: "Duration",
}

// family is what a group of measures is of.
type family struct {
	id, name, help string
	of             func(*explore.Stats) *explore.Distribution
}

var families = []family{
	{"waiting", "Waiting", "From a session’s first waiting to its first pick-up, without the time in which it was closed; of the sessions that were picked up.", func(s *explore.Stats) *explore.Distribution { return &s.Waiting }},
	{"abandoned", "Waiting, not picked up", "The waiting of the sessions that were not picked up: from their first waiting to their end, without the time in which they were closed.", func(s *explore.Stats) *explore.Distribution { return &s.Abandoned }},
	{"leg_waiting", "Waiting of a leg", "From a lead leg’s first waiting to its start; of the lead legs that started. After a hand-over, the next technician’s leg counts again.", func(s *explore.Stats) *explore.Distribution { return &s.LegWaiting }},
	{"work", "Work", "The work time of the legs that started: active, in the foreground and with the link up.", func(s *explore.Stats) *explore.Distribution { return &s.Work }},
	{"total", "Total time", "Active, hold, transfer, rebooting and reconnecting time of the legs that started.", func(s *explore.Stats) *explore.Distribution { return &s.Total }},
	{"wrap_up", "Wrap-up", "From the last message to the end of a leg, of the legs where it is known.", func(s *explore.Stats) *explore.Distribution { return &s.WrapUp }},
	{"first_chat", "First chat", "The time to the technician’s first message, of the legs where it is known.", func(s *explore.Stats) *explore.Distribution { return &s.FirstChat }},
}

// statistics are the numbers of a family.
var statistics = []struct {
	id, name string
	about    string // what it is; empty where the name says it
	of       func(*explore.Distribution) int64
}{
	{"mean", "mean", "", func(d *explore.Distribution) int64 { return d.Mean() }},
	{"median", "median", "Half of the values are at most this.", func(d *explore.Distribution) int64 { return d.Median }},
	{"p90", "90 %", "Nine of ten values are at most this.", func(d *explore.Distribution) int64 { return d.P90 }},
	{"p95", "95 %", "Nineteen of twenty values are at most this.", func(d *explore.Distribution) int64 { return d.P95 }},
	{"longest", "longest", "", func(d *explore.Distribution) int64 { return d.Longest }},
	{"sum", "sum", "", func(d *explore.Distribution) int64 { return d.Sum }},
}

// Texts of measures that are not of a family.
const (
	sessionsHelp    = "Distinct sessions with a leg that the filters select. A session with legs in several lines counts in each of them."
	legsHelp        = "Legs: one for each technician’s part in a session."
	pickedUpHelp    = "Sessions that a technician picked up. A session counts where its first pick-up was."
	onceHelp        = "Sessions, each in one line only: where its first pick-up was, or where it waited. These add up to the total."
	notPickedUpHelp = "The share of these sessions (counted once) that no technician picked up."
	abandonedHelp   = "Sessions that no technician picked up."
	withinHelp      = "The share of sessions that were picked up within the target; those that were not picked up count as missed."
	transfersHelp   = "Legs that ended by a transfer or a hand-over, for each session."
	activeHelp      = "The sum of active time."
	holdHelp        = "The sum of hold time."
	transferHelp    = "The sum of time in transfer."
)

// Tab is a choice of columns of the table.
type Tab struct {
	ID, Name string
	Sort     string   // the column that the lines are sorted by, the largest first
	Columns  []string // ids of measures
}

// Tabs are all choices of columns.
var Tabs = []Tab{
	{"overview", "Overview", "sessions", []string{"sessions", "waiting_median", "waiting_p90", "within", "not_picked_up", "work_mean", "wrap_up_mean", "wrap_up_longest", "transfers"}},
	{"waiting", "Waiting", "waiting_median", []string{"once", "picked_up", "waiting_mean", "waiting_median", "waiting_p90", "waiting_p95", "waiting_longest", "within"}},
	{abandonedTab, "Not picked up", "abandoned", []string{"once", "abandoned", "not_picked_up", "abandoned_mean", "abandoned_median", "abandoned_p90", "abandoned_longest"}},
	{"work", "Work", "work_sum", []string{"legs", "work_sum", "work_mean", "work_median", "work_p90", "work_longest", "total_mean", "total_median"}},
	{"wrap_up", "Wrap-up", "wrap_up_mean", []string{"legs", "wrap_up_sum", "wrap_up_mean", "wrap_up_median", "wrap_up_p90", "wrap_up_p95", "wrap_up_longest"}},
	{"chat", "First chat", "first_chat_median", []string{"legs", "first_chat_mean", "first_chat_median", "first_chat_p90", "first_chat_longest"}},
}

// abandonedTab is the choice of columns about sessions that were not picked up.
const abandonedTab = "abandoned"

// tiles are the measures of the tiles.
var tiles = []string{"sessions", "waiting_median", "waiting_p90", "within", "not_picked_up", "work_mean", "wrap_up_mean", "transfers"}

// duration writes milliseconds as people say them.
func duration(p words.Printer, ms float64) string {
	s := int64(ms / 1000)
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d:%02d min", s/60, s%60)
	}
	return fmt.Sprintf("%s:%02d %s", p.Thousands(s/3600), s/60%60, p.T("h"))
}

func clock(ms float64) string { return string(report.AppendDuration(nil, int64(ms))) }

func share(p words.Printer, v float64) string { return p.Number(fmt.Sprintf("%.1f %%", 100*v)) }

// periodText writes a period.
func periodText(w words.Printer, p explore.Period) string {
	from, to := p.From.UTC(), p.To.UTC()
	switch {
	case p.From == p.To:
		return w.Date(from, "Mon 2 Jan 2006")
	case p.From == p.From.Month().First() && p.To == p.From.Month().Last():
		return w.Date(from, "January 2006")
	case p == explore.Around(explore.AQuarter, p.From):
		return w.T("quarter %d of %d", (int(from.Month())+2)/3, from.Year())
	case p == explore.Around(explore.AYear, p.From):
		return from.Format("2006")
	case from.Year() != to.Year():
		return w.T("%s to %s", w.Date(from, "2 Jan 2006"), w.Date(to, "2 Jan 2006"))
	}
	return w.T("%s to %s", w.Date(from, "2 Jan"), w.Date(to, "2 Jan 2006"))
}

// keyText names a line.
func keyText(p words.Printer, by explore.Grouping, k explore.Key) string {
	switch by {
	case explore.ByHour:
		return fmt.Sprintf("%d:00", k.ID)
	case explore.ByDate:
		return p.Date(k.Date().UTC(), "Mon 2 Jan 2006")
	}
	switch {
	case by == explore.ByStatus && k.Text != "", by == explore.ByType && k.Text != "":
		return report.ValueIn(k.Text, p.Language)
	case k.Text != "":
		return k.Text
	case k.ID != 0:
		return fmt.Sprint(k.ID)
	}
	return p.T(unknowns[by])
}

// Change is how a value differs from the one that it is compared with.
type Change struct {
	Arrow string // ▲, ▼ or =
	Text  string // such as 12 % longer
	Short string // such as 12 %
	Was   string // the value before
	Good  bool   // the change is for the better
	Bad   bool
}

// manyTimes is from when on a change is told as a multiple, not in percent.
const manyTimes = 10

// change compares two values of a measure, as they are shown: readers check it.
func change(m *Measure, now, before float64) *Change {
	p := m.printer
	now, before = m.shown(now), m.shown(before)
	c := &Change{Arrow: "=", Text: p.T("no change"), Short: "0 %", Was: m.Format(before)}
	if m.kind == ofShare {
		c.Short = p.T("%s points", p.Number("0.0"))
	}
	d := now - before
	if d == 0 {
		return c
	}
	up, down := p.T("more"), p.T("less")
	if m.kind == ofDuration {
		up, down = p.T("longer"), p.T("shorter")
	}
	direction := up
	c.Arrow = "▲"
	if d < 0 {
		c.Arrow, direction = "▼", down
	}
	c.Good, c.Bad = d*m.better > 0, d*m.better < 0
	switch {
	case m.kind == ofShare:
		c.Short = p.T("%s points", p.Number(fmt.Sprintf("%.1f", math.Abs(100*d))))
	case before == 0:
		c.Short = p.T("from %s", c.Was)
		c.Text = p.T("up from %s", c.Was)
		return c
	case now/before >= manyTimes:
		times := p.Thousands(int64(now / before))
		c.Short, c.Text = "×"+times, p.T("%s times as much", times)
		return c
	default:
		c.Short = fmt.Sprintf("%.0f %%", math.Abs(100*d/before))
		if c.Short == "0 %" {
			return &Change{Arrow: "=", Text: p.T("no change"), Short: "0 %", Was: c.Was}
		}
	}
	c.Text = c.Short + " " + direction
	return c
}

// moment writes a time on the clock of its zone.
func moment(p words.Printer, t time.Time) string { return p.Date(t, "Mon 2 Jan 15:04") }

// dateText is the parameter of a date.
func dateText(d day.Day) string { return d.String() }
