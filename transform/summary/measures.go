package summary

import (
	"strconv"

	"daybook/transform/report"
	"daybook/transform/session"
)

var leadRole = session.Lead.String()

// tally holds the sums and counts of a group.
type tally struct {
	legs, pickedUp                                        int64
	closed, timedOut, transferred, open                   int64
	active, work, hold, transfer, rebooting, reconnecting int64
	all                                                   int64 // total time of all rows
	waiting, waitingRows                                  int64 // of lead rows with a start
	startedTotal, startedWork                             int64 // of rows with a start
	firstChat, firstChatRows                              int64 // where known
	wrapUp, wrapUpRows                                    int64 // where known
	customerMessages, technicianMessages, systemMessages  int64
}

func (t *tally) add(r *report.Row) {
	t.legs++
	if r.StartTime != report.Unknown {
		t.pickedUp++
		t.startedTotal += r.TotalTime
		t.startedWork += r.WorkTime
		if r.Role == leadRole {
			t.waitingRows++
			t.waiting += r.WaitingTime
		}
	}
	switch r.Status {
	case "Closed by customer", "Closed by technician", "Closed by waiting customer":
		t.closed++
	case "Timed out", "Timed out: closed by technician":
		t.timedOut++
	case "Transferred":
		t.transferred++
	}
	if !r.IsFinal {
		t.open++
	}
	t.all += r.TotalTime
	t.active += r.ActiveTime
	t.work += r.WorkTime
	t.hold += r.HoldTime
	t.transfer += r.TransferTime
	t.rebooting += r.RebootingTime
	t.reconnecting += r.ReconnectingTime
	if r.TimeToFirstChat != report.Unknown {
		t.firstChatRows++
		t.firstChat += r.TimeToFirstChat
	}
	if r.WrapUpTime != report.Unknown {
		t.wrapUpRows++
		t.wrapUp += r.WrapUpTime
	}
	t.customerMessages += r.CustomerMessages
	t.technicianMessages += r.TechnicianMessages
	t.systemMessages += r.SystemMessages
}

// stats holds the inputs of a group's measures.
type stats struct {
	tally
	sessions int64    // distinct
	waiting  []uint32 // seconds, sorted, of lead rows with a start
	total    []uint32 // seconds, sorted, of rows with a start
}

// measures are the measures of REPORT.md, "Measures", in order.
var measures = []struct {
	heading report.Text
	cell    func(*stats) string
}{
	{report.Text{"Sessions", "Sessies"}, func(s *stats) string { return count(s.sessions) }},
	{report.Text{"Legs", "Deelsessies"}, func(s *stats) string { return count(s.legs) }},
	{report.Text{"Picked Up", "Aangenomen"}, func(s *stats) string { return count(s.pickedUp) }},
	{report.Text{"Not Picked Up", "Niet aangenomen"}, func(s *stats) string { return count(s.legs - s.pickedUp) }},
	{report.Text{"Closed", "Afgesloten"}, func(s *stats) string { return count(s.closed) }},
	{report.Text{"Timed Out", "Time-out"}, func(s *stats) string { return count(s.timedOut) }},
	{report.Text{"Transferred", "Overgedragen"}, func(s *stats) string { return count(s.transferred) }},
	{report.Text{"Open", "Open"}, func(s *stats) string { return count(s.open) }},
	{report.Text{"Total Time", "Totale tijd"}, func(s *stats) string { return duration(s.all) }},
	{report.Text{"Active Time", "Actieve tijd"}, func(s *stats) string { return duration(s.active) }},
	{report.Text{"Work Time", "Werktijd"}, func(s *stats) string { return duration(s.work) }},
	{report.Text{"Hold Time", "Onderbrekingstijd"}, func(s *stats) string { return duration(s.hold) }},
	{report.Text{"Time in Transfer", "Overdrachtstijd"}, func(s *stats) string { return duration(s.transfer) }},
	{report.Text{"Rebooting Time", "Herstarttijd"}, func(s *stats) string { return duration(s.rebooting) }},
	{report.Text{"Reconnecting Time", "Herverbindingstijd"}, func(s *stats) string { return duration(s.reconnecting) }},
	{report.Text{"Average Waiting Time", "Gemiddelde wachttijd"}, func(s *stats) string { return average(s.tally.waiting, s.waitingRows) }},
	{report.Text{"Median Waiting Time", "Mediane wachttijd"}, func(s *stats) string { return percentile(s.waiting, 50) }},
	{report.Text{"90% Waiting Time", "90%-wachttijd"}, func(s *stats) string { return percentile(s.waiting, 90) }},
	{report.Text{"Average Total Time", "Gemiddelde totale tijd"}, func(s *stats) string { return average(s.startedTotal, s.pickedUp) }},
	{report.Text{"Median Total Time", "Mediane totale tijd"}, func(s *stats) string { return percentile(s.total, 50) }},
	{report.Text{"90% Total Time", "90%-totale tijd"}, func(s *stats) string { return percentile(s.total, 90) }},
	{report.Text{"Longest Total Time", "Langste totale tijd"}, func(s *stats) string { return percentile(s.total, 100) }},
	{report.Text{"Average Work Time", "Gemiddelde werktijd"}, func(s *stats) string { return average(s.startedWork, s.pickedUp) }},
	{report.Text{"Average Time to First Chat", "Gemiddelde tijd tot eerste chat"}, func(s *stats) string { return average(s.firstChat, s.firstChatRows) }},
	{report.Text{"Average Wrap-up Time", "Gemiddelde afrondingstijd"}, func(s *stats) string { return average(s.wrapUp, s.wrapUpRows) }},
	{report.Text{"Customer Messages", "Klantberichten"}, func(s *stats) string { return count(s.customerMessages) }},
	{report.Text{"Technician Messages", "Technicusberichten"}, func(s *stats) string { return count(s.technicianMessages) }},
	{report.Text{"System Messages", "Systeemberichten"}, func(s *stats) string { return count(s.systemMessages) }},
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

func duration(ms int64) string { return string(report.AppendDuration(nil, ms)) }

// average is empty without rows. The division rounds down to milliseconds, which
// does not change the whole seconds that are shown.
func average(sum, n int64) string {
	if n == 0 {
		return ""
	}
	return duration(sum / n)
}

// percentile is the value at the nearest rank, ceil(p/100 n); empty without
// values.
func percentile(sorted []uint32, p int) string {
	n := len(sorted)
	if n == 0 {
		return ""
	}
	return duration(int64(sorted[(n*p+99)/100-1]) * 1000)
}
