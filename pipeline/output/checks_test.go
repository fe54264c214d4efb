package output

import (
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
)

var theDay = day.Date(2026, time.November, 20)

// newRow is a row of that day that passes all checks. It begins so many seconds after
// midnight.
func newRow(session, leg, second int64) report.Row {
	begin := theDay.UTC().UnixMilli() + 1000*second
	return report.Row{
		SessionID: session, Leg: leg, Role: "lead", Status: "Closed by technician", IsFinal: true, ReportDate: theDay,
		BeginTime: begin, StartTime: begin, EndTime: begin + 9000, LastActionTime: begin + 8000,
		TotalTime: 9000, ActiveTime: 8000, WorkTime: 7000,
		TimeToFirstChat: report.Unknown, WrapUpTime: report.Unknown, FirstChatMessageSent: report.Unknown,
	}
}

// newPartition is that day, or its month, of a report.
func newPartition(kind partition.Kind) *Partition {
	rep := &settings.Report{Definition: report.Definition{Name: "sessions", Zone: time.UTC}, Hash: "hash", SessionsCSV: true}
	p := &Partition{ID: partition.DayID("sessions", theDay), Report: rep, Reason: "new"}
	if kind == partition.Month {
		p.ID = partition.MonthID("sessions", theDay.Month())
	}
	return p
}

// Each violation is noticed by the check that is named after it, also between batches.
// All but the unusual number of rows block the partition; a repeated row does not
// block a month.
// It has more than 60 lines because it lists a violation of each check.
func TestChecks(t *testing.T) {
	change := func(f func(r *report.Row)) report.Row {
		r := newRow(2, 0, 20)
		f(&r)
		return r
	}
	const unique = "unique session and leg"
	for _, c := range []struct {
		name    string
		kind    partition.Kind
		second  report.Row
		change  func(p *Partition)
		failing string // the check; empty: none
		detail  string
		warns   bool
	}{
		{name: "nothing", second: newRow(2, 0, 20)},
		{name: "nothing in a month", kind: partition.Month, second: newRow(2, 0, 20)},
		{name: "lines", second: newRow(2, 0, 20), change: func(p *Partition) { p.About.Accounting = event.Accounting{Lines: 1} },
			failing: "lines = accepted + duplicates + rejected + blank", detail: "1 lines were read and 0 are counted"},
		{name: "repeated", second: newRow(1, 0, 20), failing: unique, detail: "session 1 leg 0 occurs twice"},
		{name: "repeated in a month", kind: partition.Month, second: newRow(1, 0, 20), failing: unique, detail: "session 1 leg 0 occurs twice", warns: true},
		{name: "null", second: change(func(r *report.Row) { r.Role = "" }),
			failing: "no null in a required column", detail: "session 2 leg 0 has no role"},
		{name: "work", second: change(func(r *report.Row) { r.WorkTime = 8001 }),
			failing: "work <= active <= total", detail: "session 2 leg 0: work 8001, active 8000, total 9000 ms"},
		{name: "active", second: change(func(r *report.Row) { r.ActiveTime = 9001 }),
			failing: "work <= active <= total", detail: "session 2 leg 0: work 7000, active 9001, total 9000 ms"},
		{name: "negative", second: change(func(r *report.Row) { r.WorkTime = -1 }),
			failing: "work <= active <= total", detail: "session 2 leg 0: work -1, active 8000, total 9000 ms"},
		{name: "date before", second: change(func(r *report.Row) { r.ReportDate-- }),
			failing: "report date in the partition", detail: "session 2 leg 0 is of 2026-11-19"},
		{name: "date after", second: change(func(r *report.Row) { r.ReportDate++ }),
			failing: "report date in the partition", detail: "session 2 leg 0 is of 2026-11-21"},
		{name: "date after the month", kind: partition.Month, second: change(func(r *report.Row) { r.ReportDate += 11 }),
			failing: "report date in the partition", detail: "session 2 leg 0 is of 2026-12-01"},
		{name: "order", second: newRow(2, 0, 5),
			failing: "sorted by start or begin, session and leg", detail: "session 2 leg 0 comes after session 1 leg 0"},
		{name: "volume", second: newRow(2, 0, 20), change: func(p *Partition) { p.Volume = []int64{5, 900, 4} },
			failing: "rows compared with the trailing median", detail: "2 rows, and the median of the 3 before is 5", warns: true},
	} {
		for _, batches := range [][][]report.Row{
			{{newRow(1, 0, 10), c.second}},
			{{newRow(1, 0, 10)}, {c.second}},
		} {
			p := newPartition(c.kind)
			if c.change != nil {
				c.change(p)
			}
			checks := newChecks(p)
			for _, rows := range batches {
				if err := checks.add(rows); err != nil {
					t.Fatal(err)
				}
			}
			results, err := checks.finish()
			checks.Close()
			if c.failing != "" && !c.warns {
				if err == nil || !strings.Contains(err.Error(), `check "`+c.failing+`" failed: `) || !strings.Contains(err.Error(), c.detail) {
					t.Errorf("%s: %v, want a failure of %q: %s", c.name, err, c.failing, c.detail)
				}
				continue
			}
			if err != nil || checks.rows != 2 {
				t.Errorf("%s: %d rows, error %v", c.name, checks.rows, err)
			}
			for _, r := range results {
				want := publish.Check{Name: r.Name, Severity: r.Severity, Passed: true}
				if r.Name == c.failing {
					want = publish.Check{Name: r.Name, Severity: publish.Warn, Detail: c.detail}
				}
				if r != want {
					t.Errorf("%s: %+v, want %+v", c.name, r, want)
				}
			}
		}
	}
}

func TestUnusual(t *testing.T) {
	for _, c := range []struct {
		rows    int64
		earlier []int64
		unusual bool
	}{
		{100, nil, false},
		{100, []int64{1, 1}, false}, // too few
		{10, []int64{5, 5, 5}, false},
		{11, []int64{5, 5, 5}, true},
		{3, []int64{5, 5, 5}, false},
		{2, []int64{5, 5, 5}, true},
		{0, []int64{0, 0, 9}, false},
		{9, []int64{1, 8, 20, 30}, false}, // the lower one of the two in the middle is 8
		{3, []int64{1, 8, 20, 30}, true},
	} {
		if got := unusual(c.rows, c.earlier); (got != "") != c.unusual {
			t.Errorf("%d rows after %v: %q", c.rows, c.earlier, got)
		}
	}
}

func TestComparedDays(t *testing.T) {
	var got []string
	for _, d := range ComparedDays(theDay) {
		got = append(got, d.String())
	}
	want := []string{"2026-11-13", "2026-11-06", "2026-10-30", "2026-10-23", "2026-10-16", "2026-10-09", "2026-10-02", "2026-09-25"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
