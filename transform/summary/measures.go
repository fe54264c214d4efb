package summary

import (
	"strconv"

	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/session"
)

// Measures sum up some rows (REPORT.md, "Measures"). Counts are of rows, which
// are legs of sessions, unless they say otherwise. Durations are milliseconds.
type Measures struct {
	Sessions    int64 `json:"sessions"` // distinct ones
	Legs        int64 `json:"legs"`
	PickedUp    int64 `json:"picked_up"` // with a start
	Closed      int64 `json:"closed"`
	TimedOut    int64 `json:"timed_out"`
	Transferred int64 `json:"transferred"`
	Open        int64 `json:"open"`

	Total        int64 `json:"total_ms"`
	Active       int64 `json:"active_ms"`
	Work         int64 `json:"work_ms"`
	Hold         int64 `json:"hold_ms"`
	Transfer     int64 `json:"transfer_ms"`
	Rebooting    int64 `json:"rebooting_ms"`
	Reconnecting int64 `json:"reconnecting_ms"`

	Waiting       Distribution `json:"waiting"`         // of lead legs that were picked up
	PickedUpTotal Distribution `json:"picked_up_total"` // total time
	PickedUpWork  Sum          `json:"picked_up_work"`  // work time
	FirstChat     Sum          `json:"first_chat"`      // of legs where it is known
	WrapUp        Sum          `json:"wrap_up"`         // of legs where it is known

	CustomerMessages   int64 `json:"customer_messages"`
	TechnicianMessages int64 `json:"technician_messages"`
	SystemMessages     int64 `json:"system_messages"`
}

// Sum is the sum of one duration of some legs.
type Sum struct {
	Legs int64 `json:"legs"`
	Sum  int64 `json:"sum_ms"`
}

func (s *Sum) add(ms int64) {
	s.Legs++
	s.Sum += ms
}

// Distribution is how one duration of some legs is distributed. Percentiles are
// values at the nearest rank, in whole seconds, rounded down. Those of no legs
// are 0.
type Distribution struct {
	Sum
	Median  int64 `json:"median_ms"`
	P90     int64 `json:"p90_ms"`
	Longest int64 `json:"longest_ms"`
}

var leadRole = session.Lead.String()

// add adds what can be summed up row by row: all but distinct sessions and
// percentiles.
func (m *Measures) add(r *report.Row, status event.Status) {
	m.Legs++
	if r.StartTime != report.Unknown {
		m.PickedUp++
		m.PickedUpTotal.add(r.TotalTime)
		m.PickedUpWork.add(r.WorkTime)
		if r.Role == leadRole {
			m.Waiting.add(r.WaitingTime)
		}
	}
	switch status {
	case event.ClosedByCustomer, event.ClosedByTechnician, event.ClosedByWaitingCustomer:
		m.Closed++
	case event.TimedOut, event.TimedOutClosedByTechnician:
		m.TimedOut++
	case event.Transferred:
		m.Transferred++
	}
	if !r.IsFinal {
		m.Open++
	}
	m.Total += r.TotalTime
	m.Active += r.ActiveTime
	m.Work += r.WorkTime
	m.Hold += r.HoldTime
	m.Transfer += r.TransferTime
	m.Rebooting += r.RebootingTime
	m.Reconnecting += r.ReconnectingTime
	if r.TimeToFirstChat != report.Unknown {
		m.FirstChat.add(r.TimeToFirstChat)
	}
	if r.WrapUpTime != report.Unknown {
		m.WrapUp.add(r.WrapUpTime)
	}
	m.CustomerMessages += r.CustomerMessages
	m.TechnicianMessages += r.TechnicianMessages
	m.SystemMessages += r.SystemMessages
}

// percentiles fills in those of the durations, which are sorted whole seconds.
func (d *Distribution) percentiles(sorted []uint32) {
	d.Median, d.P90, d.Longest = percentile(sorted, 50), percentile(sorted, 90), percentile(sorted, 100)
}

// percentile is the value at the nearest rank, ceil(p/100 n), in milliseconds;
// 0 of nothing.
func percentile(sorted []uint32, p int) int64 {
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return int64(sorted[(n*p+99)/100-1]) * 1000
}

// measureColumns are the columns of a table: the measures of REPORT.md,
// "Measures", in order.
var measureColumns = []struct {
	heading report.Text
	kind    report.Kind
	cell    func(*Measures) string
}{
	{report.Text{"Sessions", "Sessies"}, report.Integer, func(m *Measures) string { return count(m.Sessions) }},
	{report.Text{"Legs", "Deelsessies"}, report.Integer, func(m *Measures) string { return count(m.Legs) }},
	{report.Text{"Picked Up", "Aangenomen"}, report.Integer, func(m *Measures) string { return count(m.PickedUp) }},
	{report.Text{"Not Picked Up", "Niet aangenomen"}, report.Integer, func(m *Measures) string { return count(m.Legs - m.PickedUp) }},
	{report.Text{"Closed", "Afgesloten"}, report.Integer, func(m *Measures) string { return count(m.Closed) }},
	{report.Text{"Timed Out", "Time-out"}, report.Integer, func(m *Measures) string { return count(m.TimedOut) }},
	{report.Text{"Transferred", "Overgedragen"}, report.Integer, func(m *Measures) string { return count(m.Transferred) }},
	{report.Text{"Open", "Open"}, report.Integer, func(m *Measures) string { return count(m.Open) }},
	{report.Text{"Total Time", "Totale tijd"}, report.Duration, func(m *Measures) string { return duration(m.Total) }},
	{report.Text{"Active Time", "Actieve tijd"}, report.Duration, func(m *Measures) string { return duration(m.Active) }},
	{report.Text{"Work Time", "Werktijd"}, report.Duration, func(m *Measures) string { return duration(m.Work) }},
	{report.Text{"Hold Time", "Onderbrekingstijd"}, report.Duration, func(m *Measures) string { return duration(m.Hold) }},
	{report.Text{"Time in Transfer", "Overdrachtstijd"}, report.Duration, func(m *Measures) string { return duration(m.Transfer) }},
	{report.Text{"Rebooting Time", "Herstarttijd"}, report.Duration, func(m *Measures) string { return duration(m.Rebooting) }},
	{report.Text{"Reconnecting Time", "Herverbindingstijd"}, report.Duration, func(m *Measures) string { return duration(m.Reconnecting) }},
	{report.Text{"Average Waiting Time", "Gemiddelde wachttijd"}, report.Duration, func(m *Measures) string { return m.Waiting.average() }},
	{report.Text{"Median Waiting Time", "Mediane wachttijd"}, report.Duration, func(m *Measures) string { return m.Waiting.rank(m.Waiting.Median) }},
	{report.Text{"90% Waiting Time", "90%-wachttijd"}, report.Duration, func(m *Measures) string { return m.Waiting.rank(m.Waiting.P90) }},
	{report.Text{"Average Total Time", "Gemiddelde totale tijd"}, report.Duration, func(m *Measures) string { return m.PickedUpTotal.average() }},
	{report.Text{"Median Total Time", "Mediane totale tijd"}, report.Duration, func(m *Measures) string { return m.PickedUpTotal.rank(m.PickedUpTotal.Median) }},
	{report.Text{"90% Total Time", "90%-totale tijd"}, report.Duration, func(m *Measures) string { return m.PickedUpTotal.rank(m.PickedUpTotal.P90) }},
	{report.Text{"Longest Total Time", "Langste totale tijd"}, report.Duration, func(m *Measures) string { return m.PickedUpTotal.rank(m.PickedUpTotal.Longest) }},
	{report.Text{"Average Work Time", "Gemiddelde werktijd"}, report.Duration, func(m *Measures) string { return m.PickedUpWork.average() }},
	{report.Text{"Average Time to First Chat", "Gemiddelde tijd tot eerste chat"}, report.Duration, func(m *Measures) string { return m.FirstChat.average() }},
	{report.Text{"Average Wrap-up Time", "Gemiddelde afrondingstijd"}, report.Duration, func(m *Measures) string { return m.WrapUp.average() }},
	{report.Text{"Customer Messages", "Klantberichten"}, report.Integer, func(m *Measures) string { return count(m.CustomerMessages) }},
	{report.Text{"Technician Messages", "Technicusberichten"}, report.Integer, func(m *Measures) string { return count(m.TechnicianMessages) }},
	{report.Text{"System Messages", "Systeemberichten"}, report.Integer, func(m *Measures) string { return count(m.SystemMessages) }},
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

func duration(ms int64) string { return string(report.AppendDuration(nil, ms)) }

// average is a cell; over no legs it is empty. Rounding down to milliseconds
// first changes nothing: durations are written in whole seconds, rounded down.
func (s *Sum) average() string {
	if s.Legs == 0 {
		return ""
	}
	return duration(s.Sum / s.Legs)
}

// rank is the cell of a percentile; of no legs it is empty.
func (d *Distribution) rank(ms int64) string {
	if d.Legs == 0 {
		return ""
	}
	return duration(ms)
}
